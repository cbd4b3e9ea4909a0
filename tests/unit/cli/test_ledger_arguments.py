"""What the ledger's commands refuse before they log in."""

from __future__ import annotations

import pytest

from airflow_provider_mediabatch.cli.main import main


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "many", "²"])
def test_a_limit_is_a_number_of_rows(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["runs", "--limit", limit])
    assert f"argument --limit: {limit} is not a number of rows from 1" in capsys.readouterr().err
