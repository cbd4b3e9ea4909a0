from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mediabatch.core import job_names

SUBJECT = {"dag_id": "d", "task_id": "full", "run_id": "r", "map_index": -1, "fingerprint": "f"}
RANGE = {"max_jobs": 8, "round_number": 2, "low": 0, "high": 40}


def test_name_is_stable_and_plain() -> None:
    stem = job_names.job_stem(**SUBJECT)
    assert stem == job_names.job_stem(**SUBJECT)
    assert re.fullmatch(r"MB_FULL_[A-Z2-7]{26}", stem)
    assert job_names.job_name("DB.SC", stem, 2) == f"DB.SC.{stem}_2"


@pytest.mark.parametrize(
    "change", [{"dag_id": "e"}, {"task_id": "other"}, {"run_id": "s"}, {"map_index": 0}, {"fingerprint": "g"}]
)
def test_each_part_of_the_subject_is_part_of_the_name(change: dict[str, object]) -> None:
    assert job_names.job_stem(**{**SUBJECT, **change}) != job_names.job_stem(**SUBJECT)  # type: ignore[arg-type]


def test_parts_do_not_run_into_each_other() -> None:
    assert job_names.job_stem(**{**SUBJECT, "dag_id": "a", "run_id": "bc"}) != job_names.job_stem(
        **{**SUBJECT, "dag_id": "ab", "run_id": "c"}
    )


def test_the_jobs_of_an_isolation_begin_as_the_failed_one_does() -> None:
    stem = job_names.job_stem(**SUBJECT)
    ranges = job_names.range_stem(f"{stem}_0", **RANGE)
    assert re.fullmatch(rf"{stem[: len('MB_FULL_') + 10]}_R2_[A-Z2-7]{{16}}", ranges)


@pytest.mark.parametrize("change", [{"max_jobs": 9}, {"round_number": 3}, {"low": 1}, {"high": 41}])
def test_each_range_has_a_name_of_its_own(change: dict[str, int]) -> None:
    failed = f"{job_names.job_stem(**SUBJECT)}_0"
    assert job_names.range_stem(failed, **{**RANGE, **change}) != job_names.range_stem(failed, **RANGE)


def test_each_failed_job_has_an_isolation_of_its_own() -> None:
    stem = job_names.job_stem(**SUBJECT)
    assert job_names.range_stem(f"{stem}_0", **RANGE) != job_names.range_stem(f"{stem}_1", **RANGE)


IDS = st.text(min_size=1)
GENERATIONS = st.integers(0, job_names.MAX_GENERATION)
ROWS = st.integers(0, 10**15)


@given(IDS, IDS, IDS, GENERATIONS, GENERATIONS, st.integers(2, 100), st.integers(1, 99), ROWS, ROWS)
def test_any_name_is_an_unquoted_identifier_and_a_dns_label(
    task: str, dag: str, run: str, first: int, second: int, max_jobs: int, round_number: int, low: int, high: int
) -> None:
    stem = job_names.job_stem(dag_id=dag, task_id=task, run_id=run, map_index=3, fingerprint="x")
    whole = job_names.job_name("DB.SC", stem, first).removeprefix("DB.SC.")
    part_stem = job_names.range_stem(whole, max_jobs=max_jobs, round_number=round_number, low=low, high=high)
    part = job_names.job_name("DB.SC", part_stem, second).removeprefix("DB.SC.")
    for name in (whole, part):
        assert re.fullmatch(r"MB_[A-Z0-9_]+[A-Z0-9]", name)
        assert len(name) <= job_names.MAX_LENGTH == 63


@pytest.mark.parametrize("generation", [-1, 1000])
def test_a_generation_that_does_not_fit_is_refused(generation: int) -> None:
    with pytest.raises(ValueError, match="there are 0 to 999"):
        job_names.job_name("DB.SC", "MB_X", generation)


def test_a_round_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="there are 1 to 99"):
        job_names.range_stem("MB_X_Y_0", **{**RANGE, "round_number": 100})


@pytest.mark.parametrize("schema", ['"my db".SC', 'DB."sc"', "DB", "db.sc", "DB.SC.X"])
def test_schema_that_needs_quotes_is_refused(schema: str) -> None:
    with pytest.raises(ValueError, match="cannot hold jobs"):
        job_names.job_name(schema, "MB_X", 0)


TASK = {name: value for name, value in SUBJECT.items() if name != "fingerprint"}


def test_a_job_belongs_to_the_task_instance_that_it_is_named_after() -> None:
    name = job_names.job_name("DB.SC", job_names.job_stem(**SUBJECT), 3)
    assert job_names.belongs_to(name, **TASK)
    assert job_names.belongs_to(name.rsplit(".", 1)[1] + "_I8", **TASK)
    assert job_names.belongs_to(job_names.range_stem(name.rsplit(".", 1)[1], **RANGE), **TASK)


@pytest.mark.parametrize("change", [{"dag_id": "e"}, {"task_id": "other"}, {"run_id": "s"}, {"map_index": 0}])
def test_a_job_belongs_to_no_other_task_instance(change: dict[str, object]) -> None:
    name = job_names.job_name("DB.SC", job_names.job_stem(**SUBJECT), 0)
    assert not job_names.belongs_to(name, **{**TASK, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "form",
    ["X.{}", "db.sc.{}", "DB.SC.{}; DROP TABLE T", "DB.SC.X{}", "{}'", "{} ", "{}\n", '"DB".SC.{}', "", "salaries"],
)
def test_a_name_that_needs_quotes_or_begins_otherwise_belongs_to_nobody(form: str) -> None:
    assert not job_names.belongs_to(form.format(job_names.job_stem(**SUBJECT)), **TASK)


def test_the_folder_of_a_listing_is_that_of_its_task_instance() -> None:
    task = {"dag_id": "d", "task_id": "t", "run_id": "r", "map_index": -1}
    folder = job_names.listing_folder(**task)
    assert re.fullmatch("MB_[0-9a-f]{16}", folder)
    assert folder != job_names.listing_folder(**{**task, "map_index": 0})
