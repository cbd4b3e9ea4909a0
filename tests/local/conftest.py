"""What tests of the local engine share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from job_media import Media


@pytest.fixture(scope="session")
def media(engine: Any) -> Iterator[Media]:
    """Files, a manifest and models on the shared engine; no job of theirs is left at the end."""
    media = Media(engine)
    yield media
    for row in media.sql("SHOW JOB SERVICES IN SCHEMA MEDIA.PUBLIC"):
        if row["STATUS"] in ("PENDING", "RUNNING"):
            media.sql(f"DROP SERVICE {row['NAME']}")
    media.session.close()
