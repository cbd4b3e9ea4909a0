"""Every snippet of the site is run: Python in a DAG, SQL on an engine, commands by their parser.

Pages whose snippets are run as a whole have tests of their own: ``RUN_ELSEWHERE``.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import job_models
import pytest
from airflow_env import REPOSITORY
from conftest import RunningEngine
from documents import Document, check_make_target

from airflow_provider_mediabatch.batch import drift_sql
from airflow_provider_mediabatch.cli.main import parser
from airflow_provider_mediabatch.core import chat
from airflow_provider_mediabatch.ledger import tables

RUN_ELSEWHERE = {
    "examples.md": "tests/examples/test_page.py",
    "first-dag.md": "tests/cli/test_new.py",
    "hugging-face.md": "tests/examples/test_huggingface.py",
    "install.md": "scripts/try-wheel",
    "local-engine.md": "tests/local/test_page.py",
    "package-index.md": "scripts/try-wheel",
    "privileges.md": "tests/test_readme.py",
    "statements.md": "tests/operators/test_sent_statements.py",
}
PAGES = {
    path.name: Document(f"docs/{path.name}")
    for path in sorted((REPOSITORY / "docs").glob("*.md"))
    if path.name not in RUN_ELSEWHERE
}
NEEDS_A_PROVIDER = "airflow.providers.common.messaging"
"""No extra has it, so the recipe with it is only parsed (tests/unit/test_pages.py)."""
SETUP = (
    "CREATE STAGE ARRIVALS ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')",
    "CREATE ROLE MEDIABATCH",
)


def pages_with(language: str) -> list[str]:
    return [name for name, page in PAGES.items() if page.blocks(language)]


def test_every_snippet_is_of_a_kind_that_is_run() -> None:
    kinds = {kind for page in PAGES.values() for kind in re.findall(r"^```([^\s]+)\n", page.text, flags=re.MULTILINE)}
    assert kinds <= {"python", "sql", "json", "bash", "text", "mermaid", "{toctree}", "{eval-rst}", "{include}"}
    assert [name for name, test in RUN_ELSEWHERE.items() if not (REPOSITORY / test).exists()] == []


@pytest.fixture(scope="module")
def engine_of_pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    """An engine with the objects that the pages name."""
    from snowflake.ml.model.custom_model import ModelContext
    from snowflake.ml.registry import Registry

    engine = RunningEngine(tmp_path_factory.mktemp("pages"))
    try:
        with engine.session() as session:
            for statement in SETUP:
                session.sql(statement).collect()
            ledger = tables.create_tables_sql("MEDIABATCH_LEDGER", "MEDIABATCH_LEDGER_LOCK")
            for statement in (*ledger, drift_sql.create_sql("PREDICTIONS_DRIFT")):
                session.sql(statement).collect()
            for name in ("MODEL", "EFFICIENTNET_LITE0"):
                Registry(session).log_model(
                    job_models.FileModel(ModelContext()),
                    model_name=name,
                    version_name="V1",
                    signatures={"predict": job_models.FILE_SIGNATURE},
                    target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
                    pip_requirements=["pandas"],
                )
        yield engine
    finally:
        engine.stop()


def upstream_tasks() -> dict[str, Any]:
    """The tasks that the pages call ``files``, ``plan``, ``sample`` and ``full``."""
    from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
    from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
    from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
    from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

    files = ListStageFilesOperator(task_id="files", stage_path="@A.B.C/", manifest_location="@A.B.WORK/manifests/")
    plan = ValidateSignatureOperator(
        task_id="plan", manifest=files.output, model_name="M", compute_pool="P", output_location="@A.B.WORK/out/"
    )
    sample = SampleBatchOperator(task_id="sample", manifest=files.output, plan=plan.output)
    full = FullBatchOperator(task_id="full", manifest=files.output, plan=plan.output, sample=sample.output)
    return {"files": files, "plan": plan, "sample": sample, "full": full}


@pytest.mark.parametrize("name", pages_with("python"))
def test_python(name: str, engine_of_pages: RunningEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page's blocks, one after the other: a later one may use what an earlier one has imported."""
    monkeypatch.setenv("AIRFLOW_CONN_SNOWFLAKE_DEFAULT", engine_of_pages.airflow_connection)
    from airflow.sdk import DAG

    known: dict[str, Any] = {}
    for number, block in enumerate(PAGES[name].blocks("python")):
        if NEEDS_A_PROVIDER in block:
            continue
        code = compile(block, name, "exec")
        if "DAG(" in block:
            exec(code, known)
            continue
        with DAG(f"snippet_{number}") as dag:
            known |= upstream_tasks()
            exec(code, known)
        assert len(dag.tasks) >= 4


@pytest.mark.parametrize("name", pages_with("sql"))
def test_sql(name: str, engine_of_pages: RunningEngine) -> None:
    with engine_of_pages.session() as session:
        for block in PAGES[name].blocks("sql"):
            for statement in filter(None, map(str.strip, block.split(";"))):
                session.sql(statement).collect()


def test_the_messages_of_a_chat_model() -> None:
    (block,) = PAGES["chat-models.md"].blocks("json")
    assert chat.prompt_of(json.loads(block)) == "system: Answer briefly.\nWhat does this picture show?"


@pytest.mark.parametrize("name", pages_with("bash"))
def test_commands(name: str) -> None:
    for line in filter(None, "\n".join(PAGES[name].blocks("bash")).splitlines()):
        program, *words = shlex.split(line)
        if program == "make":
            check_make_target(words[0])
        else:
            assert program == "mediabatch"
            assert callable(parser().parse_args(words).run)
