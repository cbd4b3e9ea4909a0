"""Every command and snippet of the README works as it stands there, and the privileges that its DAG needs suffice."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from command import mediabatch
from documents import Document, check_make_target, run_shell

from airflow_provider_mediabatch.core import grants
from airflow_provider_mediabatch.demo import media, models
from airflow_provider_mediabatch.demo.airflow_home import AirflowHome
from airflow_provider_mediabatch.validation.doctor.batch_settings import BatchSettings
from bench.table import HEADLINES

README = Document("README.md")
PRIVILEGES = Document("docs/privileges.md")


def command(program: str) -> str:
    """The one block of commands that begins with a program's name."""
    (found,) = [block for block in README.blocks("bash") if block.startswith(f"{program} ")]
    return found


def the_dag() -> str:
    """The one block of Python."""
    (found,) = README.blocks("python")
    return found


def test_every_block_is_run_by_a_test() -> None:
    """The table of the demo's predictions is compared with them in tests/demo/test_demo.py."""
    kinds = re.findall(r"^```(\w+)\n(\w+)?", README.text, flags=re.MULTILINE)
    assert [(kind, first) for kind, first in kinds if kind not in ("python", "text")] == [
        ("bash", "make"),
        ("bash", "pip"),
        ("bash", "mediabatch"),
    ]
    assert len(README.blocks("text")) == len(README.blocks("python")) == 1


def test_make_targets() -> None:
    targets = [
        line.split()[1] for block in README.blocks("bash") for line in block.splitlines() if line.startswith("make ")
    ]
    assert targets == ["demo", "test"]
    for target in targets:
        check_make_target(target)


def test_pip_knows_the_name(tmp_path: Path) -> None:
    """pip finds the package and what it needs in this environment, without an index; nothing is changed."""
    done = run_shell(f"export PIP_NO_INDEX=1 PIP_DRY_RUN=1\n{command('pip')}", tmp_path, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Requirement already satisfied: airflow-provider-mediabatch" in done.stdout


def _load(engine: Any, cache: Path) -> Any:
    session = engine.session()
    models.log(session, models.image_classifier(cache))
    for stage in ("PHOTOS", "WORK"):
        session.sql(f"CREATE STAGE IF NOT EXISTS {stage} ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')").collect()
    for file in media.photographs():
        session.file.put(str(file), "@PHOTOS/demo", auto_compress=False, overwrite=True)
    return session


def test_the_dag(engine: Any, airflow_home: AirflowHome, tmp_path: Path) -> None:
    dag = the_dag()
    assert len([line for line in dag.splitlines() if line]) <= 30
    file = tmp_path / "photos.py"
    file.write_text(dag)
    _load(engine, tmp_path).close()
    result = airflow_home.run_dag(file, "photos")
    assert result.state == "success", result.errors()
    assert result.returned("full_batch")["rows"] == 6


def test_the_grants_are_those_of_the_table() -> None:
    """One table is the source of the page's grants, of the doctor, and of the errors of a missing privilege."""
    settings = BatchSettings(
        model="MEDIA.PUBLIC.EFFICIENTNET_LITE0",
        input_stage="@MEDIA.PUBLIC.PHOTOS/demo/",
        output_stage="@MEDIA.PUBLIC.WORK/predictions/",
        compute_pool="LOCAL_POOL",
        warehouse="COMPUTE_WH",
    )
    required = grants.required(settings.objects("MEDIA", "PUBLIC"))
    (block,) = PRIVILEGES.blocks("sql")
    assert block.splitlines() == [
        "CREATE ROLE IF NOT EXISTS MEDIABATCH;",
        *(f"{statement};" for statement in grants.statements_sql(required, "MEDIABATCH")),
    ]


def test_the_grants_suffice(
    engine: Any, airflow_home: AirflowHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The README's DAG runs, and its doctor is content, in a role with nothing granted beyond the page's statements."""
    session = _load(engine, tmp_path)
    connection = json.loads(airflow_home.connections["snowflake_default"])
    connection["extra"] |= {"role": "MEDIABATCH"}
    monkeypatch.setitem(airflow_home.connections, "snowflake_default", json.dumps(connection))

    def doctor() -> subprocess.CompletedProcess[str]:
        words = shlex.split(command("mediabatch").replace("\\\n", " "))
        return mediabatch(*words[1:], environment=airflow_home.environment(), timeout=300)

    (block,) = PRIVILEGES.blocks("sql")
    create_role, *grants_of_page = filter(None, map(str.strip, block.split(";")))
    session.sql(create_role).collect()
    without = doctor()
    assert without.returncode == 1, without.stdout + without.stderr
    assert "GRANT READ ON STAGE MEDIA.PUBLIC.PHOTOS TO ROLE MEDIABATCH;" in without.stdout
    for statement in grants_of_page:
        session.sql(statement).collect()
    for table in ("MEDIABATCH_LEDGER", "MEDIABATCH_LEDGER_LOCK"):  # the role's own ledger, in which nothing is done
        session.sql(f"DROP TABLE IF EXISTS {table}").collect()
    shown = session.sql("SHOW GRANTS TO ROLE MEDIABATCH").collect()
    assert len(shown) >= 9
    session.close()
    granted = doctor()
    assert granted.returncode == 0, granted.stdout + granted.stderr
    file = tmp_path / "photos.py"
    file.write_text(the_dag().replace('"photos"', '"granted"'))
    result = airflow_home.run_dag(file, "granted")
    assert result.state == "success", result.errors()


def test_it_is_short() -> None:
    """Two commands, one picture, one DAG and ten lines of the benchmark; everything else has its page."""
    assert len(README.text.splitlines()) <= 130
    assert len(re.findall(r"!\[", README.text)) == 1
    (lines,) = re.findall(r"<!-- bench: begin -->\n(.*?)<!-- bench: end -->", README.text, flags=re.DOTALL)
    assert len(lines.splitlines()) == 2 + len(HEADLINES) == 12


def test_the_order_of_sections() -> None:
    sections = re.findall(r"^## (.+)$", README.text, flags=re.MULTILINE)
    assert sections == [
        "Try it: two commands",
        "A DAG",
        "With a Snowflake account",
        "More",
        "Performance",
        "Limits",
        "Development and licence",
    ]
