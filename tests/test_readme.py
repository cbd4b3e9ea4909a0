"""Every command and snippet of the README works as it stands there."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from documents import Document, check_make_target, run_shell

from airflow_provider_mediabatch.core import grants
from airflow_provider_mediabatch.demo import media, models
from airflow_provider_mediabatch.demo.airflow_home import AirflowHome
from airflow_provider_mediabatch.validation.doctor.batch_settings import BatchSettings

README = Document("README.md")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Runs a script in a directory of its own, with the environment's commands on the PATH."""
    folder = tmp_path_factory.mktemp("readme")
    return functools.partial(run_shell, folder=folder)


def test_make_targets() -> None:
    targets = [
        line.split()[1] for block in README.blocks("bash") for line in block.splitlines() if line.startswith("make ")
    ]
    assert targets == ["demo", "test"]
    for target in targets:
        check_make_target(target)


def test_local_engine_commands(shell: Any) -> None:
    script = "\n".join(block for block in README.blocks("bash") if "mediabatch local" in block)
    python = next(block for block in README.blocks("python") if "Session" in block)
    start, stop = script.rsplit("mediabatch local stop", 1)[0], "mediabatch local stop"
    try:
        done = shell(f'{start}\ntest -n "$AIRFLOW_CONN_SNOWFLAKE_DEFAULT"\npython - <<"EOF"\n{python}EOF\n')
        assert done.returncode == 0, done.stdout + done.stderr
        assert "ANSWER=42" in done.stdout
    finally:
        stopped = shell(stop)
    assert stopped.returncode == 0, stopped.stderr


def _load(engine: Any, cache: Path) -> Any:
    session = engine.session()
    models.log(session, models.image_classifier(cache))
    for stage in ("PHOTOS", "WORK"):
        session.sql(f"CREATE STAGE IF NOT EXISTS {stage} ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')").collect()
    for file in media.photographs():
        session.file.put(str(file), "@PHOTOS/demo", auto_compress=False, overwrite=True)
    return session


def test_the_dag(engine: Any, airflow_home: AirflowHome, tmp_path: Path) -> None:
    dag = next(block for block in README.blocks("python") if "DAG(" in block)
    assert len([line for line in dag.splitlines() if line]) <= 30
    file = tmp_path / "photos.py"
    file.write_text(dag)
    _load(engine, tmp_path).close()
    result = airflow_home.run_dag(file, "photos")
    assert result.state == "success", result.errors()
    assert result.returned("full_batch")["rows"] == 6


def test_the_grants_are_those_of_the_table() -> None:
    """One table is the source of README's grants, of the doctor, and of the errors of a missing privilege."""
    settings = BatchSettings(
        model="MEDIA.PUBLIC.EFFICIENTNET_LITE0",
        input_stage="@MEDIA.PUBLIC.PHOTOS/demo/",
        output_stage="@MEDIA.PUBLIC.WORK/predictions/",
        compute_pool="LOCAL_POOL",
        warehouse="COMPUTE_WH",
    )
    required = grants.required(settings.objects("MEDIA", "PUBLIC"))
    (block,) = README.blocks("sql")
    assert block.splitlines() == [
        "CREATE ROLE IF NOT EXISTS MEDIABATCH;",
        *(f"{statement};" for statement in grants.statements_sql(required, "MEDIABATCH")),
    ]


def test_the_grants_suffice(
    engine: Any, airflow_home: AirflowHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The README's DAG runs in the README's role, with nothing granted beyond the README's statements."""
    session = _load(engine, tmp_path)
    (block,) = README.blocks("sql")
    for statement in filter(None, map(str.strip, block.split(";"))):
        session.sql(statement).collect()
    for table in ("MEDIABATCH_LEDGER", "MEDIABATCH_LEDGER_LOCK"):  # the role's own ledger, in which nothing is done
        session.sql(f"DROP TABLE IF EXISTS {table}").collect()
    shown = session.sql("SHOW GRANTS TO ROLE MEDIABATCH").collect()
    assert len(shown) >= 9
    session.close()
    connection = json.loads(airflow_home.connections["snowflake_default"])
    connection["extra"] |= {"role": "MEDIABATCH"}
    monkeypatch.setitem(airflow_home.connections, "snowflake_default", json.dumps(connection))
    file = tmp_path / "photos.py"
    file.write_text(
        next(block for block in README.blocks("python") if "DAG(" in block).replace('"photos"', '"granted"')
    )
    result = airflow_home.run_dag(file, "granted")
    assert result.state == "success", result.errors()


def test_links_lead_somewhere() -> None:
    assert README.broken_links() == []


def test_the_order_of_sections() -> None:
    sections = re.findall(r"^## (.+)$", README.text, flags=re.MULTILINE)
    assert sections == [
        "Try it: two commands",
        "A DAG",
        "With a Snowflake account",
        "The operators",
        "The local engine",
        "When something fails",
        "Performance",
        "Limits",
    ]
