"""A run beside the runs before it, through the operator on the engine: real digits, and what numpy makes of them."""

from __future__ import annotations

import itertools
import json
import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from airflow.sdk import Asset
from operators.job_requests import make_role, statements
from operators.loading import Output
from scipy import stats
from sklearn import datasets

from airflow_provider_mediabatch.batch import drift_sql
from airflow_provider_mediabatch.client.connection import execute, rows
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.drift_report import DriftReport
from airflow_provider_mediabatch.exceptions import InvalidInputError, NotAuthorizedError, OutputDriftError
from airflow_provider_mediabatch.local import faults

DIGITS = datasets.load_digits()
NAMES = np.array([f"a {name}" for name in DIGITS.target])
BRIGHTNESS = DIGITS.data.mean(axis=1)
OUTPUTS = {"LABEL": "STRING", "SCORE": "DOUBLE", "MB_ERROR": "STRING"}


class Runs:
    """Runs that load outputs of digits into one table.

    :ivar output: writes folders, and loads them.
    """

    def __init__(self, engine: Any, connection: Any, folder: Path) -> None:
        self.output = Output(engine, connection, folder)
        self.connection, self._folder, self._jobs = connection, folder, itertools.count()

    @property
    def profiles(self) -> str:
        return f"{self.output.table}_DRIFT"

    def write(
        self,
        labels: Sequence[str | None],
        scores: Sequence[float | None],
        errors: Sequence[str | None] = (),
        **more: Any,
    ) -> BatchResult:
        """The output of a job, of one row for each label."""
        number = next(self._jobs)
        columns = {
            "IMG": pa.array([f"@D.S.P/{number}/{n}.png" for n in range(len(labels))]),
            "LABEL": pa.array(labels, pa.string()),
            "SCORE": pa.array(scores, pa.float64()),
        }
        if errors:
            columns["MB_ERROR"] = pa.array(errors, pa.string())
        file = self._folder / f"part_{number}.parquet"
        pq.write_table(pa.table(columns | more), file)
        result = self.output.write("SELECT 1 AS N WHERE FALSE", job=f"MB_J{number}")
        rows(self.connection, f"PUT 'file://{file}' {result.location} AUTO_COMPRESS = FALSE")
        return replace(result, rows=len(labels), files=len(labels), outputs=OUTPUTS)

    def draw(self, size: int, seed: int, only: Sequence[int] = range(10)) -> BatchResult:
        """The output of a job over digits that are drawn."""
        places = np.flatnonzero(np.isin(DIGITS.target, only))
        drawn = np.random.default_rng(seed).choice(places, size)
        return self.write(list(NAMES[drawn]), list(BRIGHTNESS[drawn]))

    def load(self, run_id: str, *results: BatchResult, **arguments: Any) -> DriftReport:
        """What the task reports; the limit is 0.2 unless another one is given."""
        self.output.run_id = run_id
        summary = json.loads(json.dumps(self.output.load(*results, **{"max_drift": 0.2, **arguments})))
        return DriftReport.from_xcom(summary["drift"])

    def loaded(self, column: str, where: str) -> list[Any]:
        """The values of a column of the table."""
        return [
            row["V"] for row in rows(self.connection, f"SELECT {column} AS V FROM {self.output.table} WHERE {where}")
        ]

    def count(self, table: str) -> int:
        return int(rows(self.connection, f"SELECT COUNT(*) AS N FROM {table}")[0]["N"])

    def stored(self) -> dict[str, int]:
        """Run id to the number of rows of its profile."""
        found = rows(self.connection, f"SELECT RUN_ID, COUNT(*) AS N FROM {self.profiles} GROUP BY RUN_ID")
        return {row["RUN_ID"]: int(row["N"]) for row in found}


@pytest.fixture
def runs(engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    monkeypatch.setenv("AIRFLOW_CONN_LOAD_TEST", engine.airflow_connection)
    with engine.connect() as connection:
        yield Runs(engine, connection, tmp_path)


def index_of(now: Sequence[int], before: Sequence[int]) -> float:
    """The index by scipy, with half a row more in each bin."""
    p, q = (np.array(counts) + 0.5 for counts in (now, before))
    return float(stats.entropy(p, q) + stats.entropy(q, p))


def test_a_run_is_compared_with_all_runs_before_it(runs: Runs) -> None:
    """Labels as scipy counts them, numbers as precisely as their buckets allow."""
    first, second, third = runs.draw(900, 1), runs.draw(700, 2), runs.draw(600, 3, only=[4])
    report = runs.load("one", first)
    assert [(item.column, item.rows, item.rows_before, item.index) for item in report.columns] == [
        ("LABEL", 900, 0, None),
        ("SCORE", 900, 0, None),
    ]
    runs.load("two", second)
    report = runs.load("three", third, max_drift=9)
    label, score = report.columns
    assert (label.runs_before, label.rows_before, score.rows_before, report.drifted) == (2, 1600, 1600, ())
    counts = [Counter(runs.loaded("LABEL", where)) for where in ("MB_RUN_ID = 'three'", "MB_RUN_ID <> 'three'")]
    bins = sorted(counts[1])
    assert label.index == pytest.approx(index_of(*([count[name] for name in bins] for count in counts)), abs=1e-6)
    now, before = (runs.loaded("SCORE", where) for where in ("MB_RUN_ID = 'three'", "MB_RUN_ID <> 'three'"))
    edges = np.quantile(before, np.arange(1, 10) / 10, method="inverted_cdf")
    expected = index_of(*(np.bincount(np.searchsorted(edges, values), minlength=10) for values in (now, before)))
    assert expected > 0.1
    assert score.index == pytest.approx(expected, rel=0.1)
    for share, value, earlier in score.quantiles:
        assert value == pytest.approx(np.quantile(now, share), abs=0.05)
        assert earlier == pytest.approx(np.quantile(before, share), abs=0.05)


def test_a_run_of_other_files_is_not_loaded_and_says_what_moved(runs: Runs, caplog: pytest.LogCaptureFixture) -> None:
    runs.load("one", runs.draw(300, 1))
    ones = runs.draw(60, 2, only=[1])
    loaded, stored = runs.count(runs.output.table), runs.stored()
    for _ in range(2):  # a retry does the same
        with pytest.raises(OutputDriftError) as caught:
            runs.load("two", ones)
        text = str(caught.value)
        assert "differs from that of the last run. Nothing was loaded:\n- LABEL: index " in text
        assert "above max_drift=0.2; 'a 1' 100.0%, before " in text
        assert "incur no more cost. The task is not retried. A cleared task compares the same output again." in text
        assert (runs.count(runs.output.table), runs.stored()) == (loaded, stored)
    with caplog.at_level(logging.WARNING):
        report = runs.load("two", ones, on_drift="warn")
    assert "LABEL" in [column.column for column in report.drifted]
    assert "It is loaded, because on_drift='warn'" in caplog.text
    assert runs.count(runs.output.table) == loaded + 60
    assert set(runs.stored()) == {"one", "two"}


def test_a_run_that_is_loaded_again_is_not_in_its_own_baseline(runs: Runs) -> None:
    asset = Asset("digits")
    runs.load("one", runs.draw(300, 1))
    result = runs.draw(120, 2)
    report = runs.load("two", result, outlets=[asset])
    stored = runs.stored()
    assert runs.load("two", result, outlets=[asset]) == report
    assert runs.stored() == stored
    assert runs.output.events[asset].extra["drift"] == report.headline()
    assert report.headline()["runs_before"] == 1


def test_a_late_file_of_a_cleared_run_does_not_take_the_place_of_its_profile(runs: Runs) -> None:
    """Or the baseline would be that file."""
    first = runs.draw(300, 1)
    runs.load("one", first)
    late = runs.write(["a 1"], [1.0])
    for results in ((late,), (late,), (first,)):
        runs.load("one", *results)
    assert runs.load("two", runs.draw(60, 2)).columns[0].rows_before == 300
    runs.load("one", first, late)
    assert runs.load("two", runs.draw(60, 2)).columns[0].rows_before == 301


def test_what_failed_is_a_rate_of_its_own_and_null_counts(runs: Runs) -> None:
    good = ["cat", "dog"] * 100
    runs.load("one", runs.write(good, [0.5] * 200, [None] * 198 + ["", "broken"]))
    bad = runs.write(["cat", "dog"] * 30 + [None] * 40, [0.5] * 60 + [None] * 40, [None] * 70 + ["broken"] * 30)
    with pytest.raises(OutputDriftError) as caught:
        runs.load("two", bad)
    text = str(caught.value)
    assert "- MB_ERROR: index " in text
    assert "'failed' 30.0%, before 0.5%" in text
    report = runs.load("two", bad, on_drift="warn")
    label, score, error = report.columns
    assert (error.column, error.kind, error.rows, error.rows_before) == ("MB_ERROR", "error", 100, 200)
    assert (label.rows, label.rows_before, label.nulls) == (70, 199, pytest.approx(10 / 70, abs=1e-6))
    assert (score.nulls, score.nulls_before, score.has_drifted(0.2)) == (label.nulls, 0, True)


def test_all_jobs_of_a_run_are_one_profile(runs: Runs) -> None:
    """Columns that only one of the jobs has, too."""
    extra = pa.array(["x"] * 40)
    parts = [runs.write(["cat"] * 60, [0.25] * 60), runs.write(["dog"] * 40, [0.75] * 40, MORE=extra)]
    shards = [
        replace(part, manifest=part.manifest | {"shard": number, "shards": 2}) for number, part in enumerate(parts)
    ]
    label, score, more = runs.load("one", *shards).columns
    assert {item.text: item.share for item in label.labels} == {"cat": 0.6, "dog": 0.4}
    assert score.quantiles == ((0.1, 0.25, None), (0.5, 0.25, None), (0.9, 0.75, None))
    assert (more.rows, more.nulls) == (100, 0.6)


NESTED = """
    SELECT '@' || SEQ4() AS IMG, '{"text": "hello", "score": 0.5, "words": ["a"]}' AS "outputs", TRUE AS SAFE,
    '2026-01-01'::DATE AS DAY FROM TABLE(GENERATOR(ROWCOUNT => 60))"""


def test_columns_are_chosen_by_what_they_are(runs: Runs) -> None:
    result = replace(runs.output.write(NESTED), outputs={"outputs": "OBJECT", "SAFE": "BOOL", "DAY": "DATETIME"})
    columns = runs.load("one", result).columns
    assert [(item.column, item.kind, item.labels[0].text) for item in columns] == [
        ("outputs", "label", "hello"),
        ("SAFE", "label", "true"),
    ]
    flat = runs.load("one", result, nested={"outputs": "flatten"}).columns
    assert {(item.column, item.kind) for item in flat} == {
        ("OUTPUTS_TEXT", "label"),
        ("OUTPUTS_SCORE", "number"),
        ("SAFE", "label"),
    }
    named = runs.load("two", result, nested={"outputs": "flatten"}, drift_columns=["outputs_score", "IMG"]).columns
    assert [item.column for item in named] == ["OUTPUTS_SCORE", "IMG"]
    assert named[0].index == 0
    with pytest.raises(InvalidInputError, match="names 'NOPE', which is not among the columns to load: IMG, outputs"):
        runs.load("two", result, drift_columns=["NOPE"])
    with pytest.raises(InvalidInputError, match="names 'DAY', which is DATE: text, numbers and booleans"):
        runs.load("two", result, drift_columns=["DAY"])


CHAT = {name: "STRING" for name in ("id", "object", "model")} | {
    "created": "FLOAT",
    "choices": "OBJECT",
    "usage": "OBJECT",
}


def test_the_protocol_of_a_chat_model_does_not_drift(runs: Runs) -> None:
    """The time of an answer is another one in each run."""

    def answers(created: int) -> BatchResult:
        query = (
            f"SELECT '@' || SEQ4() AS IMG, 'r' || SEQ4() AS \"id\", {created}::FLOAT AS \"created\", "
            f'\'m{created}\' AS "model", \'{{"total_tokens": 3}}\' AS "usage", '
            '\'[{"message":{"content":"cat"},"finish_reason":"stop"}]\' AS "choices" '
            "FROM TABLE(GENERATOR(ROWCOUNT => 60))"
        )
        return replace(runs.output.write(query, job=f"MB_J{created}"), outputs=CHAT)

    for run_id, created, nested in (("one", 1, "chat"), ("two", 2, "chat_json")):
        report = runs.load(run_id, answers(created), nested={"choices": nested})
        assert [item.column for item in report.columns] == ["CHOICES_CONTENT", "CHOICES_FINISH_REASON"]
    assert [item.index for item in report.columns] == [0, 0]
    named = runs.load("three", answers(3), nested={"choices": "chat"}, drift_columns=["created"], max_drift=9)
    assert [item.column for item in named.columns] == ["created"], "who names it has it compared"


def test_an_object_without_a_label_is_compared_whole(runs: Runs) -> None:
    def objects(kind: str) -> BatchResult:
        query = f"SELECT '@' || SEQ4() AS IMG, '{{\"class\": \"{kind}\"}}' AS OUT FROM TABLE(GENERATOR(ROWCOUNT => 60))"
        return replace(runs.output.write(query, job=f"MB_{kind}"), outputs={"OUT": "OBJECT"})

    runs.load("one", objects("CAT"))
    with pytest.raises(OutputDriftError, match=r"OUT: index .*DOG"):
        runs.load("two", objects("DOG"))


def test_a_run_without_rows_has_a_report_too(runs: Runs) -> None:
    runs.load("one", runs.draw(60, 1))
    stored = runs.stored()
    asset = Asset("nothing")
    empty = replace(runs.write([], []), job="", location="", rows=0, files=0)
    report = runs.load("two", empty, outlets=[asset])
    assert (report.table, report.columns, report.drifted) == (runs.profiles, (), ())
    assert runs.output.events[asset].extra["drift"] == report.headline()
    assert runs.stored() == stored


def test_results_of_two_models_are_not_compared_as_one(runs: Runs) -> None:
    other = replace(runs.draw(60, 1), model="DB.SC.OTHER")
    with pytest.raises(InvalidInputError, match=r"these results are of DB\.SC\.M and DB\.SC\.OTHER: load each"):
        runs.load("one", runs.draw(60, 1), other)


def test_odd_numbers_are_counted_as_numpy_counts_them(runs: Runs) -> None:
    """Spikes, infinity, one row, a wide tail: what the server makes of several runs beside numpy's count of all."""
    draw = np.random.default_rng(5)
    spike = np.where(draw.random(400) < 0.6, 0.0, draw.random(400))
    tail = np.concatenate([draw.lognormal(0, 3, 299), [np.inf]])
    for number, values in enumerate((spike, tail, [0.5])):
        runs.load(f"run {number}", runs.write(["cat"] * len(values), list(values)), on_drift="warn")
    now = draw.choice(spike, 120)
    _, score = runs.load("last", runs.write(["cat"] * 120, list(now)), on_drift="warn").columns
    before = np.concatenate([spike, tail, [0.5]])
    assert (score.rows_before, score.runs_before) == (701, 3)
    edges = np.unique(np.quantile(before, np.arange(1, 11) / 10, method="inverted_cdf"))
    counts = [np.bincount(np.searchsorted(edges, values), minlength=len(edges)) for values in (now, before)]
    expected = index_of(*counts)
    assert expected > 0.05
    assert score.index == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"max_drift": "much"}, "max_drift='much': use a number from 0"),
        ({"on_drift": "stop"}, "on_drift='stop' is not one of fail, warn"),
        ({"max_drift": None, "drift_columns": ["LABEL"]}, "cannot be compared without max_drift="),
        ({"drift_columns": []}, "drift_columns= is empty"),
    ],
)
def test_arguments_that_cannot_work(runs: Runs, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        runs.load("one", runs.write(["cat"], [1.0]), **arguments)


def test_the_last_thirty_runs_of_the_same_model_are_the_baseline(runs: Runs) -> None:
    runs.load("one", runs.write(["cat"] * 60, [0.5] * 60), max_drift="0.2")
    execute(
        runs.connection,
        f"INSERT INTO {runs.profiles} SELECT MODEL_NAME, MODEL_VERSION, FUNCTION_NAME, DAG_ID, TASK_ID, 'early ' || N, "
        "COLUMN_NAME, MEASURE, LABEL, LOW, HIGH, ROW_COUNT, DATEADD(DAY, -N, LOADED_AT) "
        f"FROM {runs.profiles}, (SELECT SEQ4() + 1 AS N FROM TABLE(GENERATOR(ROWCOUNT => 40)))",
    )
    execute(
        runs.connection,
        f"UPDATE {runs.profiles} SET LABEL = 'fox' WHERE MEASURE = 'label' AND (RUN_ID = 'early 30' OR RUN_ID = 'x')",
    )
    execute(
        runs.connection,
        f"INSERT INTO {runs.profiles} SELECT 'OTHER', MODEL_VERSION, FUNCTION_NAME, DAG_ID, TASK_ID, 'other', "
        f"COLUMN_NAME, MEASURE, 'fox', LOW, HIGH, ROW_COUNT, LOADED_AT FROM {runs.profiles} WHERE RUN_ID = 'one'",
    )
    label, score = runs.load("two", runs.write(["cat"] * 60, [0.5] * 60)).columns
    assert (label.runs_before, label.rows_before, label.index) == (30, 1800, 0)
    assert [(item.text, item.before) for item in label.labels] == [("cat", 1.0)]
    assert (score.rows_before, score.index) == (1800, 0)


def test_rows_and_profile_are_kept_together_or_not_at_all(runs: Runs, engine: Any) -> None:
    runs.load("one", runs.draw(60, 1))
    stored, loaded = runs.stored(), runs.count(runs.output.table)
    rule = {"match": "^INSERT INTO .*_DRIFT", "action": "error", "code": 1, "sqlstate": "XX000", "message": "broken"}
    faults.install(engine.state_dir, json.dumps({"rules": [rule]}))
    try:
        with pytest.raises(Exception, match="broken"):
            runs.load("two", runs.draw(60, 1))
    finally:
        faults.install(engine.state_dir, None)
    assert (runs.stored(), runs.count(runs.output.table)) == (stored, loaded)


def test_it_takes_five_statements_and_none_without_a_limit(runs: Runs, engine: Any) -> None:
    def sent(run_id: str, result: BatchResult, **arguments: Any) -> list[str]:
        since = time.time()
        runs.output.run_id = run_id
        runs.output.load(result, **arguments)
        return [item for item in statements(SimpleNamespace(engine=engine), since) if runs.output.name in item]

    runs.load("one", runs.draw(60, 1))
    few = sent("two", runs.draw(60, 1), max_drift=0.5)
    many = sent("three", runs.draw(900, 1), max_drift=0.5)
    assert len(few) == len(many)
    without = sent("four", runs.draw(60, 1))
    ours = [item for item in many if "_DRIFT" in item or item.startswith("WITH MB_ROWS")]
    assert len(many) - len(without) == len(ours) == 5
    assert not any("_DRIFT" in item or "MB_ROWS" in item for item in without)


def test_another_table_of_that_name_is_left_alone(runs: Runs) -> None:
    execute(runs.connection, f"CREATE TABLE {runs.profiles} (A INT)")
    with pytest.raises(InvalidInputError, match=r"_DRIFT lacks MODEL_NAME, .*it is no table of profiles"):
        runs.load("one", runs.draw(60, 1))


def test_a_role_that_may_not_write_profiles_is_given_the_grant(
    runs: Runs, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.load("one", runs.draw(60, 1))
    role = make_role(
        runs.connection,
        "CREATE FILE FORMAT ON SCHEMA MEDIA.PUBLIC",
        f"READ ON STAGE {runs.output.name}",
        f"SELECT, INSERT, DELETE ON TABLE {runs.output.table}",
        f"SELECT ON TABLE {runs.profiles}",
    )
    extra = json.loads(engine.airflow_connection)
    extra["extra"] |= {"role": role}
    monkeypatch.setenv("AIRFLOW_CONN_LOAD_TEST", json.dumps(extra))
    with pytest.raises(NotAuthorizedError, match=rf"GRANT .*DELETE ON TABLE {runs.profiles} TO ROLE {role}"):
        runs.load("two", runs.draw(60, 1))
    assert set(runs.stored()) == {"one"}


def test_hostile_labels_stay_labels(runs: Runs) -> None:
    hostile = ["'); DROP TABLE T; --", 'a"b\\', "{{ 7 * 7 }}", "<script>", ""]
    runs.load("o'ne", runs.write(hostile * 20, [1.0] * 100))
    label, _ = runs.load("t\\wo", runs.write(hostile * 20, [1.0] * 100)).columns
    assert {item.text for item in label.labels} == set(hostile)
    assert label.index == 0
    assert sql.split(runs.profiles)[-1].endswith("_DRIFT")


def test_the_table_has_the_documented_columns(runs: Runs) -> None:
    runs.load("one", runs.write(["cat", None], [0.5, float("nan")]))
    found = rows(runs.connection, f"SELECT * FROM {runs.profiles} ORDER BY COLUMN_NAME, MEASURE")
    assert list(found[0]) == list(drift_sql.COLUMNS)
    measured = [(row["COLUMN_NAME"], row["MEASURE"], row["LABEL"], row["HIGH"], int(row["ROW_COUNT"])) for row in found]
    assert measured == [
        ("LABEL", "label", "cat", None, 1),
        ("LABEL", "null", None, None, 1),
        ("LABEL", "rows", None, None, 2),
        ("SCORE", "bucket", None, 0.5, 1),
        ("SCORE", "null", None, None, 1),
        ("SCORE", "rows", None, None, 2),
    ]
