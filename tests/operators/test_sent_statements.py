"""The statements that a run through all operators sends: the page for administrators, and another parser's opinion."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from airflow_env import REPOSITORY
from sent_statements import page, shape
from sqlfluff.core import Linter

DAG_FILE = Path(__file__).parent / "dags" / "every_operator.py"
PAGE = REPOSITORY / "docs" / "statements.md"


NOT_IN_SQLFLUFF = {
    "CREATE TEMPORARY FILE FORMAT": "CREATE FILE FORMAT: TEMPORARY, and USE_VECTORIZED_SCANNER for Parquet",
    "DESCRIBE SERVICE": "DESCRIBE SERVICE",
    "EXECUTE INFERENCE JOB SERVICE": "snowflake-ml sends it: snowflake/ml/model/_client/sql/service.py",
    "SHOW COMPUTE POOLS": "SHOW COMPUTE POOLS",
    "SHOW FUNCTIONS": "SHOW FUNCTIONS IN MODEL … VERSION",
    "SHOW VERSIONS": "SHOW VERSIONS IN MODEL",
}
"""Statements that sqlfluff's Snowflake dialect lacks: how they begin, and the page of Snowflake's reference, or the
client, that has them."""


@pytest.fixture(scope="module")
def sent(media: Any, airflow_home: Any) -> list[str]:
    """All different statements of one run."""
    run = airflow_home.run_dag(DAG_FILE, "every_operator")
    assert run.state == "success", run.log.read_text()[-4000:]
    with sqlite3.connect(media.engine.state_dir / "catalog.sqlite") as catalog:
        rows = catalog.execute("SELECT DISTINCT sql FROM queries WHERE tag LIKE ?", ('%"dag": "every_operator"%',))
        return [sql for (sql,) in rows]


def test_the_page_has_every_statement_of_a_run(sent: list[str]) -> None:
    made = page(sent)
    if os.environ.get("MEDIABATCH_WRITE_STATEMENTS"):
        PAGE.write_text(made)
    assert made == PAGE.read_text(), "MEDIABATCH_WRITE_STATEMENTS=1 before the command writes the page anew"


def test_another_parser_reads_every_statement(sent: list[str]) -> None:
    """The engine parses with sqlglot, as the statements' authors did; sqlfluff has a Snowflake grammar of its own."""
    linter = Linter(dialect="snowflake")
    refused = {}
    for form, sql in {shape(sql): sql for sql in sent}.items():
        violations = linter.parse_string(f"{sql};\n").violations
        if violations:
            refused[form] = [violation.desc() for violation in violations]
    unlisted = {form: why for form, why in refused.items() if not form.startswith(tuple(NOT_IN_SQLFLUFF))}
    assert not unlisted, unlisted
    needless = [begin for begin in NOT_IN_SQLFLUFF if not any(form.startswith(begin) for form in refused)]
    assert not needless, f"sqlfluff parses these by now: {needless}"
