"""What becomes of media of many kinds is as the document says."""

from __future__ import annotations

import media_kinds
import pytest


@pytest.mark.slow
def test_the_document_says_what_becomes_of_each_kind() -> None:
    rows = media_kinds.outcomes()
    assert len(rows) >= 60
    assert media_kinds.document(rows) == media_kinds.DOCUMENT.read_text()
