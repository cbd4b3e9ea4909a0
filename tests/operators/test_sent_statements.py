"""The page of statements for administrators is what a run through all operators sends."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from airflow_env import REPOSITORY
from sent_statements import page

DAG_FILE = Path(__file__).parent / "dags" / "every_operator.py"
PAGE = REPOSITORY / "docs" / "statements.md"


def test_the_page_has_every_statement_of_a_run(media: Any, airflow_home: Any) -> None:
    run = airflow_home.run_dag(DAG_FILE, "every_operator")
    assert run.state == "success", run.log.read_text()[-4000:]
    with sqlite3.connect(media.engine.state_dir / "catalog.sqlite") as catalog:
        rows = catalog.execute("SELECT DISTINCT sql FROM queries WHERE tag LIKE ?", ('%"dag": "every_operator"%',))
        made = page(sql for (sql,) in rows)
    if os.environ.get("MEDIABATCH_WRITE_STATEMENTS"):
        PAGE.write_text(made)
    assert made == PAGE.read_text(), "MEDIABATCH_WRITE_STATEMENTS=1 before the command writes the page anew"
