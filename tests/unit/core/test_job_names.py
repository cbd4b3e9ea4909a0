from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mediabatch.core import job_names

WORK = {"dag_id": "d", "task_id": "full", "run_id": "r", "map_index": -1, "fingerprint": "f"}


def test_name_is_stable_and_plain() -> None:
    name = job_names.stem(**WORK)
    assert name == job_names.stem(**WORK)
    assert re.fullmatch(r"MB_FULL_[0-9A-F]{32}", name)
    assert job_names.job_name("DB.SC", name, 2) == f"DB.SC.{name}_2"


@pytest.mark.parametrize(
    "change", [{"dag_id": "e"}, {"task_id": "other"}, {"run_id": "s"}, {"map_index": 0}, {"fingerprint": "g"}]
)
def test_each_part_of_the_work_is_part_of_the_name(change: dict[str, object]) -> None:
    assert job_names.stem(**{**WORK, **change}) != job_names.stem(**WORK)  # type: ignore[arg-type]


def test_parts_do_not_run_into_each_other() -> None:
    assert job_names.stem(**{**WORK, "dag_id": "a", "run_id": "bc"}) != job_names.stem(
        **{**WORK, "dag_id": "ab", "run_id": "c"}
    )


@given(task=st.text(min_size=1), dag=st.text(), run=st.text())
def test_any_ids_give_an_unquoted_identifier(task: str, dag: str, run: str) -> None:
    name = job_names.stem(dag_id=dag, task_id=task, run_id=run, map_index=3, fingerprint="x")
    assert re.fullmatch(r"MB_[A-Z0-9_]{1,40}_[0-9A-F]{32}", name)
    assert len(job_names.job_name("DB.SC", name, 99).rsplit(".", 1)[1]) <= 80


@pytest.mark.parametrize("schema", ['"my db".SC', 'DB."sc"', "DB", "db.sc", "DB.SC.X"])
def test_schema_that_needs_quotes_is_refused(schema: str) -> None:
    with pytest.raises(ValueError, match="cannot hold jobs"):
        job_names.job_name(schema, "MB_X", 0)


TASK = {name: value for name, value in WORK.items() if name != "fingerprint"}


def test_a_job_belongs_to_the_task_instance_that_it_is_named_after() -> None:
    name = job_names.job_name("DB.SC", job_names.stem(**WORK), 3)
    assert job_names.belongs_to(name, **TASK)
    assert job_names.belongs_to(name.rsplit(".", 1)[1] + "_I8", **TASK)


@pytest.mark.parametrize("change", [{"dag_id": "e"}, {"task_id": "other"}, {"run_id": "s"}, {"map_index": 0}])
def test_a_job_belongs_to_no_other_task_instance(change: dict[str, object]) -> None:
    name = job_names.job_name("DB.SC", job_names.stem(**WORK), 0)
    assert not job_names.belongs_to(name, **{**TASK, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "form",
    ["X.{}", "db.sc.{}", "DB.SC.{}; DROP TABLE T", "DB.SC.X{}", "{}'", "{} ", "{}\n", '"DB".SC.{}', "", "salaries"],
)
def test_a_name_that_needs_quotes_or_begins_otherwise_belongs_to_nobody(form: str) -> None:
    assert not job_names.belongs_to(form.format(job_names.stem(**WORK)), **TASK)
