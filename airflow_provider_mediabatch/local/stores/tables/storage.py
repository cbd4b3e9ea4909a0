"""The DuckDB file that holds table data, and the databases, schemas and warehouses."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from airflow_provider_mediabatch.core.sql import literal, quoted
from airflow_provider_mediabatch.local.defaults import DATABASE, ROLE, WAREHOUSE
from airflow_provider_mediabatch.local.errors import StateDamagedError, not_supported
from airflow_provider_mediabatch.local.stores.tables import edit_distance, load_history, macros
from airflow_provider_mediabatch.local.stores.tables.table import TABLES_SQL, read_table
from airflow_provider_mediabatch.local.stores.tables.text import text_literal

if TYPE_CHECKING:
    pass

_CONFIG: dict[str, Any] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}
_TABLES = """
CREATE TABLE IF NOT EXISTS main.mb_databases (name VARCHAR, owner VARCHAR, comment VARCHAR, created_on TIMESTAMPTZ);
CREATE TABLE IF NOT EXISTS main.mb_schemas
    (database_name VARCHAR, name VARCHAR, owner VARCHAR, comment VARCHAR, created_on TIMESTAMPTZ);
CREATE TABLE IF NOT EXISTS main.mb_warehouses
    (name VARCHAR, size VARCHAR, owner VARCHAR, comment VARCHAR, created_on TIMESTAMPTZ);
"""


class Storage:
    """The engine's DuckDB.

    :param state_dir: the file is ``tables.duckdb`` in it.
    :raises StateDamagedError: when DuckDB cannot open it.
    """

    def __init__(self, state_dir: Path) -> None:
        file = state_dir / "tables.duckdb"
        try:
            self._root = duckdb.connect(str(file), config=_CONFIG)
        except duckdb.IOException as error:
            raise StateDamagedError(file, str(error).splitlines()[0]) from error
        self._lock = threading.Lock()
        self._sequence = 0
        self._committed: dict[tuple[str, str], int] = {}
        self._root.execute(f"SET temp_directory = {text_literal(str(state_dir / 'duckdb-temp'))}")
        self._root.execute("BEGIN")
        self._root.execute(_TABLES)
        self._root.execute(load_history.SCHEMA)
        self._create_macros()
        self._root.execute("COMMIT")
        edit_distance.create(self._root)
        if not self.databases():
            self.create_database(DATABASE, ROLE)
            self.create_database("SNOWFLAKE", "")
            self.create_warehouse(WAREHOUSE, "X-Small", ROLE)

    def _create_macros(self) -> None:
        """DuckDB replaces no macro that a column's default calls, so such defaults are taken off for that moment."""
        tables = [read_table(row[0]) for row in self._root.execute(TABLES_SQL).fetchall()]
        defaults = [
            (f"ALTER TABLE {table.sql} ALTER COLUMN {quoted(column.name)}", column.default)
            for table in tables
            for column in table.columns
            if table.kind == "TABLE" and column.default is not None and "MB_" in column.default.upper()
        ]
        for alter, _ in defaults:
            self._root.execute(f"{alter} DROP DEFAULT")
        macros.create(self._root)
        for alter, default in defaults:
            self._root.execute(f"{alter} SET DEFAULT ({default})")

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own for a session or a job's reading."""
        with self._lock:
            connection = self._root.cursor()
        connection.execute("SET TimeZone = 'UTC'")
        return connection

    def close(self) -> None:
        """Write everything into the file and let it go."""
        self._root.close()

    # What was committed when: see transactions.py.

    @property
    def sequence(self) -> int:
        """Counts commits."""
        return self._sequence

    def committed(self, tables: set[tuple[str, str]]) -> None:
        """Note that a transaction that wrote these tables is committed."""
        with self._lock:
            self._sequence += 1
            for table in tables:
                self._committed[table] = self._sequence

    def changed_since(self, sequence: int, tables: set[tuple[str, str]]) -> bool:
        """Whether one of these tables was changed by a commit after ``sequence``."""
        with self._lock:
            return any(self._committed.get(table, 0) > sequence for table in tables)

    # Databases, schemas, warehouses.

    def databases(self) -> list[dict[str, Any]]:
        """All databases: ``name``, ``owner``, ``comment``, ``created_on``."""
        return self._rows("SELECT * FROM main.mb_databases ORDER BY name")

    def schemas(self, database: str | None = None) -> list[dict[str, Any]]:
        """The schemas of a database, or of all: as databases, with ``database_name``."""
        rows = self._rows("SELECT * FROM main.mb_schemas ORDER BY database_name, name")
        return [row for row in rows if database in (None, row["database_name"])]

    def warehouses(self) -> list[dict[str, Any]]:
        """All warehouses: as databases, with ``size``."""
        return self._rows("SELECT * FROM main.mb_warehouses ORDER BY name")

    def database_exists(self, database: str) -> bool:
        """Whether there is such a database."""
        return any(row["name"] == database for row in self.databases())

    def schema_exists(self, database: str, schema: str) -> bool:
        """Whether there is such a schema."""
        return any(row["name"] == schema for row in self.schemas(database))

    def warehouse_exists(self, name: str) -> bool:
        """Whether there is such a warehouse."""
        return any(row["name"] == name for row in self.warehouses())

    def create_database(self, name: str, owner: str, comment: str = "") -> None:
        """A database with its schema PUBLIC."""
        self._refuse_dot(name)
        self.change(
            f"INSERT INTO main.mb_databases VALUES ({_values(name, owner, comment)}, now())",
            *self._create_schema(name, "PUBLIC", owner, ""),
        )

    def create_schema(self, database: str, name: str, owner: str, comment: str = "") -> None:
        """An empty schema."""
        self._refuse_dot(name)
        self.change(*self._create_schema(database, name, owner, comment))

    def drop_schema(self, database: str, name: str) -> None:
        """Drop a schema with its tables and views."""
        self.change(*self._drop_schema(database, name))

    def drop_database(self, name: str) -> None:
        """Drop a database with its schemas."""
        drops = [sql for row in self.schemas(name) for sql in self._drop_schema(name, row["name"])]
        self.change(*drops, f"DELETE FROM main.mb_databases WHERE name = {text_literal(name)}")

    def create_warehouse(self, name: str, size: str, owner: str, comment: str = "") -> None:
        """A warehouse: a name and a size, as every query runs on this machine."""
        self.change(f"INSERT INTO main.mb_warehouses VALUES ({_values(name, size, owner, comment)}, now())")

    def drop_warehouse(self, name: str) -> None:
        """Drop a warehouse."""
        self.change(f"DELETE FROM main.mb_warehouses WHERE name = {text_literal(name)}")

    def change(self, *statements: str) -> None:
        """Run statements as one transaction."""
        with self._root.cursor() as connection, self._lock:
            connection.execute("BEGIN")
            for statement in statements:
                connection.execute(statement)
            connection.execute("COMMIT")

    def _rows(self, sql: str) -> list[dict[str, Any]]:
        with self._root.cursor() as cursor:
            cursor.execute(sql)
            names = [d[0] for d in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    @staticmethod
    def _create_schema(database: str, name: str, owner: str, comment: str) -> list[str]:
        return [
            f"INSERT INTO main.mb_schemas VALUES ({_values(database, name, owner, comment)}, now())",
            f"CREATE SCHEMA IF NOT EXISTS {quoted(f'{database}.{name}')}",
        ]

    @staticmethod
    def _drop_schema(database: str, name: str) -> list[str]:
        return [
            f"DELETE FROM main.mb_schemas WHERE (database_name, name) = ({_values(database, name)})",
            f"DROP SCHEMA IF EXISTS {quoted(f'{database}.{name}')} CASCADE",
        ]

    def _refuse_dot(self, name: str) -> None:
        if "." in name:
            raise not_supported(f"a dot in the name of a database or schema: {literal(name)}")


def _values(*texts: str) -> str:
    return ", ".join(map(text_literal, texts))
