"""Which rows each sampling draws, on the engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.files.sampling import sample_select

MANIFEST = Manifest("@MEDIA.PUBLIC.SAMPLING/m/", {"FILE_PATH": "VARCHAR"}, ("FILE_PATH",), 10, 10, 1, "d")


@pytest.fixture(scope="module")
def connection(engine: Any) -> Iterator[Any]:
    with engine.connect() as opened:
        opened.cursor().execute("CREATE STAGE IF NOT EXISTS SAMPLING ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
        opened.cursor().execute(
            "COPY INTO @SAMPLING/m/ FROM (SELECT 'f' || SEQ4() AS FILE_PATH FROM TABLE(GENERATOR(ROWCOUNT => 10))) "
            "FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE"
        )
        yield opened


@pytest.mark.parametrize(
    ("sampling", "size", "drawn"),
    [
        ("first", 3, "012"),
        ("spread", 1, "0"),
        ("spread", 3, "047"),
        ("spread", 5, "02468"),
        ("spread", 20, "0123456789"),
    ],
)
def test_the_rows_of_a_sample(connection: Any, sampling: str, size: int, drawn: str) -> None:
    source = StagedParquet(connection, "MEDIA.PUBLIC").source(MANIFEST.location)
    found = rows(connection, sample_select([MANIFEST], [source], sampling, size))
    assert sorted(row["FILE_PATH"][1:] for row in found) == list(drawn)
