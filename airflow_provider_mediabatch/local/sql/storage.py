"""The DuckDB file that holds table data, and what the engine knows of the objects in it.

A Snowflake schema ``DB.SC`` is the DuckDB schema ``"DB.SC"``; temporary tables lie in DuckDB's own temporary catalogue,
which each connection has for itself. What Snowflake knows of a table beyond DuckDB (declared types, defaults,
comments) is JSON in the table's DuckDB comment, so that it changes in the same transaction as the table.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from airflow_provider_mediabatch.core.sql import literal, qualified, quoted
from airflow_provider_mediabatch.local.errors import already_exists, does_not_exist, not_supported
from airflow_provider_mediabatch.local.sql import macros

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session import Session

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


@dataclass(frozen=True)
class TableColumn:
    """A column as it was declared; ``type`` in Snowflake's full form."""

    name: str
    type: str
    nullable: bool = True
    default: str | None = None
    primary_key: bool = False
    unique_key: bool = False
    comment: str | None = None


@dataclass(frozen=True)
class Table:
    """A table or view.

    :param kind: ``TABLE`` or ``VIEW``.
    :param text: a view's statement.
    """

    database: str
    schema: str
    name: str
    columns: tuple[TableColumn, ...]
    kind: str = "TABLE"
    temporary: bool = False
    transient: bool = False
    owner: str = ""
    comment: str | None = None
    text: str | None = None
    created_on: float = field(default_factory=time.time)

    @property
    def physical(self) -> tuple[str, str]:
        """DuckDB's schema and table name."""
        return physical(self.database, self.schema, self.name, temporary=self.temporary)

    @property
    def sql(self) -> str:
        """The reference in DuckDB SQL."""
        return ".".join(quoted(part) for part in self.physical)

    @property
    def full_name(self) -> str:
        return qualified(self.database, self.schema, self.name)

    def remark(self) -> str:
        """The statement that stores what DuckDB does not know."""
        known = asdict(self)
        return f"COMMENT ON {self.kind} {self.sql} IS {_text(json.dumps(known))}"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def physical(database: str, schema: str, name: str, *, temporary: bool = False) -> tuple[str, str]:
    """Where an object lies in DuckDB."""
    return ("temp", f"{database}.{schema}.{name}") if temporary else (f"{database}.{schema}", name)


def _read(comment: str) -> Table:
    known = json.loads(comment)
    columns = tuple(TableColumn(**column) for column in known.pop("columns"))
    return Table(columns=columns, **known)


_LIST = """
SELECT comment FROM (
    SELECT schema_name, table_name AS name, comment, temporary FROM duckdb_tables()
    UNION ALL SELECT schema_name, view_name, comment, temporary FROM duckdb_views() WHERE NOT internal)
WHERE NOT temporary AND comment IS NOT NULL"""


class Storage:
    """The engine's DuckDB.

    :param state_dir: the file is ``tables.duckdb`` in it.
    """

    def __init__(self, state_dir: Path) -> None:
        self._root = duckdb.connect(str(state_dir / "tables.duckdb"), config=_CONFIG)
        self._lock = threading.Lock()
        self._sequence = 0
        self._committed: dict[tuple[str, str], int] = {}
        self._root.execute(f"SET temp_directory = {_text(str(state_dir / 'duckdb-temp'))}")
        self._root.execute("BEGIN")
        self._root.execute(_TABLES)
        self._create_macros()
        self._root.execute("COMMIT")
        if not self.databases():
            self.create_database("MEDIA", "ACCOUNTADMIN")
            self.create_database("SNOWFLAKE", "")
            self._root.execute(
                "INSERT INTO main.mb_warehouses VALUES ('COMPUTE_WH', 'X-Small', 'ACCOUNTADMIN', '', now())"
            )

    def _create_macros(self) -> None:
        """DuckDB replaces no macro that a column's default calls, so such defaults are taken off for that moment."""
        tables = [_read(row[0]) for row in self._root.execute(_LIST).fetchall()]
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

    # Tables and views.

    def find(self, session: Session, database: str, schema: str, name: str) -> Table | None:
        """A table or view by its exact name; the session's temporary table hides a permanent one."""
        if (hidden := session.temporary.get(("table", database, schema, name))) is not None:
            found: Table = hidden
            return found
        rows = session.duckdb.execute(
            f"{_LIST} AND schema_name = ? AND name = ?", [f"{database}.{schema}", name]
        ).fetchall()
        return _read(rows[0][0]) if rows else None

    def get(self, session: Session, database: str, schema: str, name: str) -> Table:
        """Like :meth:`find`; raises 002003 where there is none."""
        found = self.find(session, database, schema, name)
        if found is None:
            raise does_not_exist("Object", qualified(database, schema, name))
        return found

    def tables(self, session: Session, database: str | None = None, schema: str | None = None) -> list[Table]:
        """All tables and views that the session sees, in order of their names."""
        found = [_read(row[0]) for row in session.duckdb.execute(_LIST).fetchall()]
        found += [value for key, value in session.temporary.items() if isinstance(key, tuple) and key[0] == "table"]
        return sorted(
            (t for t in found if database in (None, t.database) and schema in (None, t.schema)),
            key=lambda t: (t.database, t.schema, t.name),
        )

    def check_free(self, session: Session, table: Table) -> None:
        """Check that the name of a table to create is free.

        A temporary table may have the name of a permanent one, which it hides. DuckDB does not tell names apart that
        differ in nothing but case, so the second of two such is refused.
        """
        for other in self.tables(session, table.database, table.schema):
            if other.name.lower() != table.name.lower() or other.temporary != table.temporary:
                continue
            if other.name == table.name:
                raise already_exists("Object", table.full_name)
            raise not_supported(f"two tables of one schema that differ only in case: {other.name} and {table.name}")

    # Databases, schemas, warehouses.

    def databases(self) -> list[dict[str, Any]]:
        return self._rows("SELECT * FROM main.mb_databases ORDER BY name")

    def schemas(self, database: str | None = None) -> list[dict[str, Any]]:
        rows = self._rows("SELECT * FROM main.mb_schemas ORDER BY database_name, name")
        return [row for row in rows if database in (None, row["database_name"])]

    def warehouses(self) -> list[dict[str, Any]]:
        return self._rows("SELECT * FROM main.mb_warehouses ORDER BY name")

    def database_exists(self, database: str) -> bool:
        return any(row["name"] == database for row in self.databases())

    def schema_exists(self, database: str, schema: str) -> bool:
        return any(row["name"] == schema for row in self.schemas(database))

    def warehouse_exists(self, name: str) -> bool:
        return any(row["name"] == name for row in self.warehouses())

    def create_database(self, name: str, owner: str, comment: str = "") -> None:
        """A database with its schema PUBLIC."""
        self._refuse_dot(name)
        self.change(
            f"INSERT INTO main.mb_databases VALUES ({_text(name)}, {_text(owner)}, {_text(comment)}, now())",
            *self._create_schema(name, "PUBLIC", owner, ""),
        )

    def create_schema(self, database: str, name: str, owner: str, comment: str = "") -> None:
        self._refuse_dot(name)
        self.change(*self._create_schema(database, name, owner, comment))

    def drop_schema(self, database: str, name: str) -> None:
        self.change(*self._drop_schema(database, name))

    def drop_database(self, name: str) -> None:
        drops = [sql for row in self.schemas(name) for sql in self._drop_schema(name, row["name"])]
        self.change(*drops, f"DELETE FROM main.mb_databases WHERE name = {_text(name)}")

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
            f"INSERT INTO main.mb_schemas VALUES "
            f"({_text(database)}, {_text(name)}, {_text(owner)}, {_text(comment)}, now())",
            f"CREATE SCHEMA IF NOT EXISTS {quoted(f'{database}.{name}')}",
        ]

    @staticmethod
    def _drop_schema(database: str, name: str) -> list[str]:
        return [
            f"DELETE FROM main.mb_schemas WHERE database_name = {_text(database)} AND name = {_text(name)}",
            f"DROP SCHEMA IF EXISTS {quoted(f'{database}.{name}')} CASCADE",
        ]

    def _refuse_dot(self, name: str) -> None:
        if "." in name:
            raise not_supported(f"a dot in the name of a database or schema: {literal(name)}")
