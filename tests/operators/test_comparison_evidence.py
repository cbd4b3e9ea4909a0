"""What a comparison with another version rests on: no agreement is found where nothing was compared."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from operators.outputs import STAGE
from operators.test_comparison import CREATED

from airflow_provider_mediabatch.batch.comparison import VersionComparison, comparison_check
from airflow_provider_mediabatch.batch.result_columns import BOOKKEEPING_COLUMNS
from airflow_provider_mediabatch.batch.submission import JobRequest
from airflow_provider_mediabatch.client.connection import execute
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.comparison import Comparison
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.ledger.tables import COLUMNS


class Earlier:
    """A sample of version V3, and results of V1."""

    def __init__(self, connection: Any, written: Any, table: Any) -> None:
        self.connection, self._written, self._table = connection, written, table

    def sample(self, *predicted: tuple[Any, ...], **changes: Any) -> tuple[JobRequest, str]:
        request, location = self._written(list(predicted))
        return replace(request, plan=replace(request.plan, model_version="V3", **changes)), location

    def table(self, request: JobRequest, columns: str, rows: Sequence[tuple[str, ...]], job: str = "J") -> str:
        """A results table.

        :param columns: beside the bookkeeping ones.
        :param rows: the path on the stage, and values of these columns as SQL.
        """
        every = ", ".join(f"{name} {kind}" for name, kind in BOOKKEEPING_COLUMNS.items())
        name: str = self._table(f"{every}, {columns}")
        names = "MB_PATH, MB_CONTENT_ID, MB_MODEL, MB_MODEL_VERSION, MB_FUNCTION, MB_JOB, MB_LOADED_AT"
        extra = ", ".join(part.split()[0] for part in columns.split(", "))
        for path, *values in rows:
            facts = [STAGE + path, "c", request.plan.model, "V1", "predict", job, "2026-01-01"]
            listed = ", ".join([*map(sql.literal, facts), *values])
            execute(self.connection, f"INSERT INTO {name} ({names}, {extra}) SELECT {listed}")
        return name

    def in_ledger(self, request: JobRequest, select: str, *paths: str) -> JobRequest:
        """The sample's request, with a ledger that has the files as done by V1 in an output of this SELECT."""
        ledger = self._table(", ".join(f"{name} {kind}" for name, kind in COLUMNS.items()))
        output = f"@MEDIA.PUBLIC.OP_WORK/outputs/{uuid.uuid4().hex}/"
        execute(self.connection, f"COPY INTO {output} FROM ({select}) FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE")
        row = {
            "CONTENT_ID": "c", "MODEL_NAME": "M", "MODEL_VERSION": "V1", "MODEL_VERSION_CREATED_ON": CREATED,
            "FUNCTION_NAME": "predict", "STATE": "done", "OUTPUT_LOCATION": output, "DONE_AT": "2026-01-01",
        }  # fmt: skip
        for path in paths:
            listed = {**row, "FILE_PATH": STAGE + path}
            execute(
                self.connection,
                f"INSERT INTO {ledger} ({', '.join(listed)}) SELECT {', '.join(map(sql.literal, listed.values()))}",
            )
        subject = {"model": "M", "model_version": "V3", "function": "predict"}
        manifest = replace(request.manifest, ledger=ledger, model_version_created_on=CREATED, **subject)
        return replace(request, manifest=manifest)

    def compare(self, job: tuple[JobRequest, str], table: str | None = None, limit: float = 0.9) -> Comparison:
        """What is found, which must fit into an XCom."""
        found = VersionComparison("previous", table, limit).measure(self.connection, *job)
        report = SampleReport(True, "J", "L", "M", "p", "m", (), (), 5, comparison=found)
        json.dumps(report.to_xcom(), allow_nan=False)
        return found


@pytest.fixture
def earlier(connection: Any, written: Any, table: Any) -> Earlier:
    return Earlier(connection, written, table)


def test_objects_without_a_label_are_compared_whole(earlier: Earlier) -> None:
    """Of neither a label is known, which is no agreement. The order of keys and blanks mean nothing."""
    job = earlier.sample(
        ("1.jpg", '{"class": "cat", "box": [1, 2]}'), ("2.jpg", '{"class": "cat"}'), ("3.jpg", '{"class": "ox"}'),
        outputs={"LABEL": "OBJECT"},
    )  # fmt: skip
    rows = [
        ("1.jpg", """PARSE_JSON('{"box":[1,2],"class":"cat"}')"""),
        ("2.jpg", """PARSE_JSON('{"class":"dog"}')"""),
        ("3.jpg", """PARSE_JSON('{"label":"ox"}')"""),
    ]
    found = earlier.compare(job, earlier.table(job[0], "LABEL VARIANT", rows))
    assert (found.compared, found.same) == (3, 1)
    assert not comparison_check(found).passed


def test_rows_that_failed_have_no_result(earlier: Earlier) -> None:
    """As in the ledger, which has their files as quarantined."""
    job = earlier.sample(("1.jpg", "cat"), ("2.jpg", "cat"))
    rows = [("1.jpg", "NULL", "'broken'"), ("2.jpg", "'cat'", "''")]
    found = earlier.compare(job, earlier.table(job[0], "LABEL VARCHAR, MB_ERROR VARCHAR", rows))
    assert (found.files, found.compared, found.same) == (2, 1, 1)
    found = earlier.compare(job, earlier.table(job[0], "LABEL VARCHAR, MB_ERROR VARCHAR", rows[:1]))
    assert (found.version, found.compared) == ("", 0)


def test_scores_that_are_no_numbers_are_left_out(earlier: Earlier) -> None:
    nan, infinity = float("nan"), float("inf")
    job = earlier.sample(("1.jpg", "cat", nan), ("2.jpg", "cat", 0.5), ("3.jpg", "cat", 0.25))
    numbers = [("1.jpg", "'cat'", "0.5"), ("2.jpg", "'cat'", "'NaN'::FLOAT"), ("3.jpg", "'cat'", "0.75")]
    found = earlier.compare(job, earlier.table(job[0], "LABEL VARCHAR, SCORE FLOAT", numbers))
    assert (found.same, found.score_before, found.score_after, found.score_shift) == (3, 0.625, 0.375, 0.5)
    infinite = [("3.jpg", "'cat'", sql.literal(infinity))]
    found = earlier.compare(job, earlier.table(job[0], "LABEL VARCHAR, SCORE FLOAT", infinite))
    assert (found.same, found.score_before, found.score_after, found.score_shift) == (1, None, 0.25, None)
    texts = [("1.jpg", "'cat'", "'high'")]
    found = earlier.compare(job, earlier.table(job[0], "LABEL VARCHAR, SCORE VARCHAR", texts))
    assert (found.same, found.score) == (1, "")


def test_a_file_of_several_rows_is_not_compared(earlier: Earlier) -> None:
    """Which result is which is not known."""
    job = earlier.sample(("1.jpg", "cat"), ("2.jpg", "cat"), ("3.jpg", "cat"), ("3.jpg", "dog"))
    rows = [("1.jpg", "'cat'"), ("1.jpg", "'dog'"), ("2.jpg", "'cat'"), ("3.jpg", "'cat'")]
    found = earlier.compare(job, earlier.table(job[0], "LABEL VARCHAR", rows))
    assert (found.files, found.compared, found.same) == (4, 1, 1)


def test_an_earlier_version_may_write_its_names_in_another_case(earlier: Earlier) -> None:
    request, location = earlier.sample(("1.jpg", "cat", 0.5), ("2.jpg", "dog", 0.5))
    select = (
        f'SELECT \'{STAGE}\' || COLUMN1 AS "img", COLUMN2 AS "label", COLUMN3 AS "score" '
        "FROM VALUES ('1.jpg', 'cat', 'high'), ('2.jpg', 'cat', '0.25')"
    )
    found = earlier.compare((earlier.in_ledger(request, select, "1.jpg", "2.jpg"), location))
    assert (found.compared, found.same) == (2, 1)
    assert (found.score_before, found.score_shift) == (0.25, 0.25)


def test_results_that_are_being_computed_again_are_compared(earlier: Earlier) -> None:
    """A reprocessing of the earlier version has claimed the files. Its limit holds meanwhile."""
    request, location = earlier.sample(("1.jpg", "cat"), ("2.jpg", "dog"))
    select = f"SELECT '{STAGE}' || COLUMN1 AS IMG, COLUMN2 AS LABEL FROM VALUES ('1.jpg', 'cat'), ('2.jpg', 'cat')"
    request = earlier.in_ledger(request, select, "1.jpg", "2.jpg")
    execute(
        earlier.connection,
        f"UPDATE {request.manifest.ledger} SET STATE = 'claimed', OUTPUT_LOCATION = NULL, "
        "EARLIER_JOB = OBJECT_CONSTRUCT('OUTPUT_LOCATION', OUTPUT_LOCATION)",
    )
    found = earlier.compare((request, location))
    assert (found.version, found.compared, found.same) == ("V1", 2, 1)
    assert not comparison_check(found).passed


@pytest.mark.parametrize("has_output", [True, False])
def test_results_that_are_known_of_and_cannot_be_read_keep_no_limit(earlier: Earlier, has_output: bool) -> None:
    """Their output was removed, or names the files in a column that this version does not have."""
    request, location = earlier.sample(("1.jpg", "cat"))
    select = f"SELECT '{STAGE}1.jpg' AS PICTURE, 'cat' AS LABEL" + ("" if has_output else " WHERE FALSE")
    found = earlier.compare((earlier.in_ledger(request, select, "1.jpg"), location))
    assert (found.version, found.files, found.compared) == ("V1", 1, 0)
    check = comparison_check(found)
    assert not check.passed
    assert "says that version V1 has results of the 1 files, and none of them could be read" in check.detail
    assert comparison_check(replace(found, min_agreement=None)).passed


def test_a_table_that_changes_while_the_job_runs(earlier: Earlier) -> None:
    job = earlier.sample(("1.jpg", "cat"))
    name = earlier.table(job[0], "LABEL VARCHAR", [("1.jpg", "'cat'")])
    execute(earlier.connection, f"ALTER TABLE {name} RENAME COLUMN LABEL TO SPECIES")
    with pytest.raises(InvalidInputError, match="has no column LABEL") as caught:
        earlier.compare(job, name)
    assert (
        "The job has ended and incurs no more cost. The task is not retried. A cleared task finds the same job"
        in str(caught.value)
    )
