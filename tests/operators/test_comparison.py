"""A sample beside what another version made of its files: from the results table, and from the ledger's outputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from operators.outputs import STAGE
from sklearn import metrics

from airflow_provider_mediabatch.batch.comparison import VersionComparison, comparison_check
from airflow_provider_mediabatch.batch.result_columns import BOOKKEEPING_COLUMNS
from airflow_provider_mediabatch.batch.submission import JobRequest
from airflow_provider_mediabatch.client.connection import execute
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.comparison import Comparison
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.ledger.tables import COLUMNS

Results = list[tuple[str, str | None, float]]

NEW: Results = [
    ("a.jpg", "cat", 0.9),
    ("b.jpg", "dog", 0.8),
    ("c.jpg", "dog", 0.5),
    ("d.jpg", None, 0.1),
    ("e.jpg", "ox", 1.0),
]
OLD: Results = [("a.jpg", "cat", 0.7), ("b.jpg", "cat", 0.9), ("c.jpg", "dog", 0.5), ("d.jpg", None, 0.2)]
OLDER: Results = [("e.jpg", "cow", 0.4), ("a.jpg", "mouse", 0.4)]
CREATED = "2026-01-02 03:04:05.678901"


def insert(connection: Any, table: str, rows: list[dict[str, Any]]) -> None:
    columns = list(rows[0])
    values = ", ".join(f"({', '.join(sql.literal(row[name]) for name in columns)})" for row in rows)
    execute(connection, f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM VALUES {values}")


@pytest.fixture
def in_table(connection: Any, written: Any, table: Any) -> tuple[JobRequest, str, str | None]:
    """The sample runs V3. The table has V2 (the latest), V1, and rows of other content and of another model."""
    request, location = written(NEW)
    name = table(", ".join(f"{name} {kind}" for name, kind in {**BOOKKEEPING_COLUMNS, "label": "VARCHAR"}.items()))
    execute(connection, f"ALTER TABLE {name} ADD COLUMN SCORE FLOAT")
    done = [("V2", 3, "c", OLD), ("V1", 2, "c", OLDER), ("V4", 9, "changed since", OLDER), ("V2", 1, "c", OLDER[1:])]
    rows = [
        {
            "MB_PATH": STAGE + path,
            "MB_CONTENT_ID": content,
            "MB_MODEL": request.plan.model,
            "MB_MODEL_VERSION": version,
            "MB_FUNCTION": "predict",
            "MB_JOB": f"J{day}",
            "MB_LOADED_AT": f"2026-01-0{day} 00:00:00",
            "LABEL": label,
            "SCORE": score,
        }
        for version, day, content, found in done
        for path, label, score in found
    ]
    insert(connection, name, [*rows, {**rows[0], "MB_MODEL": "OTHER", "MB_MODEL_VERSION": "V9"}])
    return replace(request, plan=replace(request.plan, model_version="V3")), location, name


@pytest.fixture
def in_ledger(connection: Any, written: Any, table: Any) -> tuple[JobRequest, str, str | None]:
    """As above: each version's files are in an output of its own, V2's in two."""
    ledger = table(", ".join(f"{name} {kind}" for name, kind in COLUMNS.items()))
    request, location = written(NEW)
    subject = {"model": "MEDIA.PUBLIC.M", "model_version": "V3", "function": "predict"}
    manifest = replace(request.manifest, ledger=ledger, model_version_created_on=CREATED, **subject)
    done = [
        ("V2", CREATED, 3, "c", OLD[:2]),
        ("V2", CREATED, 2, "c", OLD[2:]),
        ("V1", CREATED, 2, "c", OLDER),
        ("V4", CREATED, 9, "changed since", OLDER),
        ("V3", CREATED, 9, "c", OLDER),
    ]
    for version, created, day, content, found in done:
        # The output also holds a file that another run has done since.
        _, output = written([*found, ("b.jpg", "stale", 0.0)] if found is not OLD[:2] and version == "V1" else found)
        insert(
            connection,
            ledger,
            [
                {
                    "FILE_PATH": STAGE + path,
                    "CONTENT_ID": content,
                    "MODEL_NAME": "MEDIA.PUBLIC.M",
                    "MODEL_VERSION": version,
                    "MODEL_VERSION_CREATED_ON": created,
                    "FUNCTION_NAME": "predict",
                    "STATE": "done",
                    "OUTPUT_LOCATION": output,
                    "DONE_AT": f"2026-01-0{day} 00:00:00",
                }
                for path, _, _ in found
            ],
        )
    return replace(request, plan=replace(request.plan, model_version="V3"), manifest=manifest), location, None


@pytest.mark.parametrize("earlier", ["in_table", "in_ledger"])
def test_what_changed_since_another_version(connection: Any, request: pytest.FixtureRequest, earlier: str) -> None:
    job, location, table = request.getfixturevalue(earlier)

    def compare(version: str, limit: float | None = None) -> Comparison:
        return VersionComparison(version, table, limit).measure(connection, job, location)

    found = compare("previous", 0.75)
    assert (found.version, found.files, found.compared, found.same, found.pairs) == ("V2", 5, 4, 3, 4)
    before, after = ([str(label) for _, label, _ in labels] for labels in (OLD, NEW[:4]))
    assert found.agreement == metrics.accuracy_score(before, after) == 0.75
    classes = sorted({*before, *after})
    matrix = metrics.confusion_matrix(before, after, labels=classes)
    for cell in found.confusion:
        assert cell["files"] == matrix[classes.index(str(cell["before"]))][classes.index(str(cell["after"]))]
    assert found.confusion[0] == {"before": "cat", "after": "dog", "files": 1}
    assert (found.score, found.score_before, found.score_after, found.score_shift) == ("SCORE", 0.575, 0.575, 0.1)
    changed = {"before": "cat", "after": "dog", "score_before": 0.9, "score_after": 0.8}
    assert found.changed == ({"path": f"{STAGE}b.jpg", **changed},)
    check = comparison_check(found)
    assert (check.name, check.passed) == ("agreement with version V2", True)
    assert check.detail == "75.0%: 3 of 4 files have the same LABEL (min_agreement=0.75)"
    assert not comparison_check(replace(found, min_agreement=0.76)).passed
    report = SampleReport(True, "J", "L", "M", "p", "m", (), (), 5, comparison=found)
    assert SampleReport.from_xcom(report.to_xcom()) == report
    named = compare("v1")
    assert (named.version, named.compared, named.same) == ("V1", 2, 0)
    nothing = compare("V7", 0.5)
    assert (nothing.version, nothing.compared, nothing.files) == ("V7", 0, 5)
    assert not comparison_check(nothing).passed
    with pytest.raises(InvalidInputError, match="compare_with='V3' is the version that this sample runs"):
        compare("V3")


def test_files_that_no_other_version_had_agree_with_nothing(connection: Any, written: Any, table: Any) -> None:
    job, location = written(NEW)
    with pytest.raises(InvalidInputError, match="compare_with='previous' finds earlier results through the ledger"):
        VersionComparison("previous").measure(connection, job, location)
    with pytest.raises(InvalidInputError, match="results_table='NOT_THERE' does not exist"):
        VersionComparison("V0", "NOT_THERE").measure(connection, job, location)
    not_yet = VersionComparison("previous", "NOT_THERE").measure(connection, job, location)
    assert (not_yet.version, not_yet.files, not_yet.source) == ("", 5, "MEDIA.PUBLIC.NOT_THERE")
    columns = ", ".join(f"{name} {kind}" for name, kind in BOOKKEEPING_COLUMNS.items())
    with pytest.raises(InvalidInputError, match="has no column LABEL, which compare_with= compares"):
        VersionComparison("previous", table(columns)).measure(connection, job, location)
    found = VersionComparison("previous", table(f"{columns}, LABEL VARCHAR"), 0.9).measure(connection, job, location)
    assert (found.version, found.files, found.agreement) == ("", 5, None)
    check = comparison_check(found)
    assert check.passed
    assert check.detail.startswith("none of the 5 files has a result of another version in MEDIA.PUBLIC.T_")
