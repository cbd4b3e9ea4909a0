"""Tables and views as they were declared, and which of them a session sees.

A Snowflake schema ``DB.SC`` is the DuckDB schema ``"DB.SC"``; temporary tables are in DuckDB's own temporary catalogue,
which each connection has for itself. What Snowflake knows of a table beyond DuckDB (declared types, defaults,
comments) is JSON in the table's DuckDB comment, so that it changes in the same transaction as the table.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field

import duckdb

from airflow_provider_mediabatch.core.sql import qualified, quoted
from airflow_provider_mediabatch.local.errors import already_exists, does_not_exist, not_supported
from airflow_provider_mediabatch.local.stores.tables.text import text_literal


@dataclass(frozen=True)
class TableColumn:
    """A column as it was declared; ``type`` in Snowflake's full form.

    :param identity: start and step of AUTOINCREMENT.
    """

    name: str
    type: str
    nullable: bool = True
    default: str | None = None
    primary_key: bool = False
    unique_key: bool = False
    comment: str | None = None
    identity: tuple[int, int] | None = None

    @property
    def shown_default(self) -> str | None:
        """The default as DESCRIBE TABLE shows it."""
        if self.identity is None:
            return self.default
        return "IDENTITY START {} INCREMENT {} NOORDER".format(*self.identity)


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
        """``DB.SCHEMA.TABLE``, quoted where SQL needs it."""
        return qualified(self.database, self.schema, self.name)

    def remark(self) -> str:
        """The statement that stores what DuckDB does not know."""
        known = asdict(self)
        return f"COMMENT ON {self.kind} {self.sql} IS {text_literal(json.dumps(known))}"


def physical(database: str, schema: str, name: str, *, temporary: bool = False) -> tuple[str, str]:
    """Where an object is stored in DuckDB."""
    return ("temp", f"{database}.{schema}.{name}") if temporary else (f"{database}.{schema}", name)


def read_table(comment: str) -> Table:
    """The table that :meth:`Table.remark` stored.

    :param comment: DuckDB's comment on the table.
    """
    known = json.loads(comment)
    columns = tuple(TableColumn(**column) for column in known.pop("columns"))
    return Table(columns=columns, **known)


TABLES_SQL = """
SELECT comment FROM (
    SELECT schema_name, table_name AS name, comment, temporary FROM duckdb_tables()
    UNION ALL SELECT schema_name, view_name, comment, temporary FROM duckdb_views() WHERE NOT internal)
WHERE NOT temporary AND comment IS NOT NULL"""


class SessionTables:
    """The tables and views that one session sees: all permanent ones and its own temporary ones.

    :param connection: the session's DuckDB connection.
    :param temporary: the session's temporary tables by (database, schema, name); they are in no catalogue.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, temporary: dict[tuple[str, str, str], Table]) -> None:
        self._connection = connection
        self._temporary = temporary

    def find(self, database: str, schema: str, name: str) -> Table | None:
        """A table or view by its exact name; the session's temporary table hides a permanent one."""
        if (hidden := self._temporary.get((database, schema, name))) is not None:
            return hidden
        rows = self._connection.execute(
            f"{TABLES_SQL} AND schema_name = ? AND name = ?", [f"{database}.{schema}", name]
        ).fetchall()
        return read_table(rows[0][0]) if rows else None

    def get(self, database: str, schema: str, name: str) -> Table:
        """As :meth:`find`.

        :raises SnowflakeError: 002003 where there is none.
        """
        found = self.find(database, schema, name)
        if found is None:
            raise does_not_exist("Object", qualified(database, schema, name))
        return found

    def all(self, database: str | None = None, schema: str | None = None) -> list[Table]:
        """All tables and views, of a database or schema if one is named, in order of their names."""
        found = [read_table(row[0]) for row in self._connection.execute(TABLES_SQL).fetchall()]
        found += self._temporary.values()
        return sorted(
            (t for t in found if database in (None, t.database) and schema in (None, t.schema)),
            key=lambda t: (t.database, t.schema, t.name),
        )

    def check_free(self, table: Table) -> None:
        """Check that the name of a table to create is free.

        A temporary table may have the name of a permanent one, which it hides. DuckDB does not tell names apart that
        differ in nothing but case, so the second of two such is refused.

        :raises SnowflakeError: 002002 where the name is taken.
        """
        for other in self.all(table.database, table.schema):
            if other.name.lower() != table.name.lower() or other.temporary != table.temporary:
                continue
            if other.name == table.name:
                raise already_exists("Object", table.full_name)
            raise not_supported(f"two tables of one schema that differ only in case: {other.name} and {table.name}")

    def put_temporary(self, table: Table) -> None:
        """Note a temporary table of the session, or what has changed of it."""
        self._temporary[table.database, table.schema, table.name] = table

    def drop_temporary(self, table: Table) -> None:
        """Forget a temporary table of the session."""
        del self._temporary[table.database, table.schema, table.name]
