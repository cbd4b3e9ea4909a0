"""What users read is in a technical writer's words: a list of words that other words say more plainly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORDS = {
    r"\bfor ever\b": "name the bound, or say: without limit",
    r"\banew\b": "again",
    r"all the same": "anyway",
    r"\bwhence\b": "from where",
    r"\bmend(s|ed|ing)?\b": "fix, or recover",
    r"put(s|ting)? right": "fix",
    r"put(s|ting)? (\w+ )?aside": "quarantine",
    r"time after time": "after N consecutive attempts",
    r"\ba look\b|\blook(s|ed)? at (the|a) (job|folder|stage|status)": "poll",
    r"\bbill(s|ed)?\b": "incurs cost",
    r"(?<!- )\btold\b(?! [=>])": "knows, is given, is answered, or is distinguished",
    r"\blies\b|\b(they|files) lie\b": "is stored, or is",
    r"what is so\b": "what is true",
    r"\bso many\b": "name the number, or say: this number of",
    r"\bheal(s|ed|ing)?\b": "is compensated, or recovers",
    r"as (a|the) whole is paid|the whole is paid": "the full batch is started",
    r"what you would template": "the template fields",
    r"whatever fails and whenever": "after any failure",
    r"is a hint\b": "only triggers",
}
"""A pattern, and what to write instead."""
KINDS = (
    "airflow_provider_mediabatch/**/*.py",
    "airflow_provider_mediabatch/**/*.html",
    "airflow_provider_mediabatch/cli/project/*.txt",
    "docs/*.md",
    "example_dags/*.py",
    "*.md",
)


def read_files() -> list[Path]:
    return sorted(path for kind in KINDS for path in ROOT.glob(kind) if ".venv" not in path.parts)


@pytest.mark.parametrize("pattern", WORDS)
def test_plain_words(pattern: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in read_files()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line, re.IGNORECASE)
    ]
    assert found == [], f"write instead: {WORDS[pattern]}"
