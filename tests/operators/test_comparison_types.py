"""Results of other types than text, beside those of a version that wrote them as another type."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from operators.outputs import STAGE
from operators.test_comparison_evidence import Earlier, earlier  # noqa: F401

from airflow_provider_mediabatch.client.connection import execute

SAME = {
    "whole numbers": ("1::NUMBER(38, 0)", "1::NUMBER(38, 0)"),
    "large numbers": ("9007199254740993::NUMBER(38, 0)", "9007199254740993::NUMBER(38, 0)"),
    "floats": ("0.1::FLOAT", "0.1::FLOAT"),
    "one and 1.0": ("1::NUMBER(38, 0)", "1.0::FLOAT"),
    "1.0 and one": ("1.0::FLOAT", "1::NUMBER(38, 0)"),
    "1.50 and 1.5": ("1.5::NUMBER(10, 2)", "1.5::FLOAT"),
    "a text of a number": ("'1'::VARCHAR", "1::NUMBER(38, 0)"),
    "booleans": ("TRUE", "TRUE"),
    "bytes": ("TO_BINARY('00FF', 'HEX')", "TO_BINARY('00FF', 'HEX')"),
    "moments": ("'2026-01-02 03:04:05.678901'::TIMESTAMP_NTZ(6)", "'2026-01-02 03:04:05.678901'::TIMESTAMP_NTZ(6)"),
    "days": ("'2026-01-02'::DATE", "'2026-01-02'::DATE"),
    "NULL": ("NULL::FLOAT", "NULL::FLOAT"),
}
OTHER = {
    "numbers": ("1::NUMBER(38, 0)", "1.5::FLOAT"),
    "large numbers": ("9007199254740993::NUMBER(38, 0)", "9007199254740992::NUMBER(38, 0)"),
    "a text": ("'cat'::VARCHAR", "1::NUMBER(38, 0)"),
    "booleans": ("TRUE", "FALSE"),
    "bytes": ("TO_BINARY('00FF', 'HEX')", "TO_BINARY('00FE', 'HEX')"),
    "moments": ("'2026-01-02 03:04:05.678901'::TIMESTAMP_NTZ(6)", "'2026-01-02 03:04:05.678902'::TIMESTAMP_NTZ(6)"),
}


@pytest.mark.parametrize("where", ["ledger", "table"])
@pytest.mark.parametrize(
    ("before", "after", "same"),
    [*((*pair, True) for pair in SAME.values()), *((*pair, False) for pair in OTHER.values())],
    ids=[*(f"same {name}" for name in SAME), *(f"other {name}" for name in OTHER)],
)
def test_values_are_compared_by_what_they_are(
    earlier: Earlier,  # noqa: F811
    before: str,
    after: str,
    same: bool,
    where: str,
) -> None:
    request, _ = earlier.sample(("1.jpg", "cat"))
    request = replace(request, plan=replace(request.plan, outputs={"LABEL": "DOUBLE"}))
    location = f"@MEDIA.PUBLIC.OP_WORK/outputs/{uuid.uuid4().hex}/"
    row = f"SELECT '{STAGE}1.jpg' AS IMG, 'c' AS MB_CONTENT_ID"
    execute(
        earlier.connection,
        f"COPY INTO {location} FROM ({row}, {after} AS LABEL) FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE",
    )
    if where == "ledger":
        found = earlier.compare((earlier.in_ledger(request, f"{row}, {before} AS LABEL", "1.jpg"), location))
    else:
        kind = before.rpartition("::")[2] if "::" in before else "BINARY" if "BINARY" in before else "BOOLEAN"
        found = earlier.compare(
            (request, location), earlier.table(request, f"LABEL {kind.replace(', ', ',')}", [("1.jpg", before)])
        )
    assert (found.compared, found.same) == (1, int(same)), found.changes
