"""Transactions of the engine's catalogue."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from airflow_provider_mediabatch.local.catalog import Catalog


def test_a_commit_that_fails_ends_the_transaction(tmp_path: Path) -> None:
    """A full disk may refuse it; here it is a constraint that is checked at that moment."""
    catalog = Catalog(tmp_path / "catalog.sqlite")
    connection = catalog.connect()
    connection.execute("CREATE TABLE one (id INTEGER PRIMARY KEY)")
    connection.execute("CREATE TABLE other (one INTEGER REFERENCES one DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(sqlite3.IntegrityError), catalog.transaction() as transaction:
        transaction.execute("INSERT INTO other VALUES (1)")
    with catalog.transaction() as transaction:
        transaction.execute("INSERT INTO one VALUES (1)")
    assert connection.execute("SELECT COUNT(*) FROM other").fetchone()[0] == 0
