"""The page of the examples: its snippet prepares the example that it names, and its table names every model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from airflow_env import EXAMPLES
from documents import Document, run_shell

from airflow_provider_mediabatch.demo import models

PAGE = Document("docs/examples.md")
ENGINE = Document("docs/local-engine.md")
FOUND = """
from snowflake.snowpark import Session

with Session.builder.create() as session:
    print("models", [row["name"] for row in session.sql("SHOW MODELS").collect()])
    print("files", len(session.sql("LIST @PHOTOS/demo/").collect()))
"""


@pytest.mark.slow
def test_the_snippet_prepares_an_example(tmp_path: Path) -> None:
    (python,) = PAGE.blocks("python")
    start, stop = ENGINE.blocks("bash")
    try:
        done = run_shell(f'{start}\npython - <<"EOF"\n{python}{FOUND}EOF\n', tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "models ['PICTURE_CHAT']" in done.stdout
        assert int(re.search(r"files (\d+)", done.stdout)[1]) >= 6  # type: ignore[index]
    finally:
        run_shell(stop, tmp_path)


def test_the_table_has_every_model_of_the_demo() -> None:
    table = dict(re.findall(r"^\| `([A-Z0-9_]+)` \| `(\w+)\(", PAGE.text, flags=re.MULTILINE))
    assert all(callable(getattr(models, function)) for function in table.values())
    code = "".join(path.read_text() for path in EXAMPLES.glob("*.py") if "huggingface" not in path.name)
    used = set(re.findall(r"MEDIA\.PUBLIC\.([A-Z0-9_]+)", code))
    named = set(re.findall(r'"([A-Z][A-Z0-9_]{5,})"', Path(models.__file__).read_text()))
    assert set(table) == used & named
