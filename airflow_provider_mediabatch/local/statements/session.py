"""Statements about the session: USE, ALTER SESSION, SET, transactions, SHOW PARAMETERS, SHOW VARIABLES, SHOW LOCKS."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow_provider_mediabatch.local.errors import (
    SnowflakeError,
    invalid_parameter,
    not_supported,
    syntax_error,
)
from airflow_provider_mediabatch.local.session import visibility
from airflow_provider_mediabatch.local.session.session import DEFAULT_PARAMETERS, Session
from airflow_provider_mediabatch.local.sql import output_formats, transactions
from airflow_provider_mediabatch.local.sql.execute import run_sql
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn
from airflow_provider_mediabatch.local.statements.handlers import statement
from airflow_provider_mediabatch.local.statements.show_clauses import show_clauses
from airflow_provider_mediabatch.local.stores.tables.text import text_literal

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context


def _state(ctx: Context) -> Result:
    session = ctx.session
    names = {
        "database": session.database,
        "schema": session.schema,
        "warehouse": session.warehouse,
        "role": session.role,
    }
    result = Result.status()
    return Result(result.columns, result.table, 4096, session=dict(names), as_json=True)


def use_schema(ctx: Context, name: tuple[str, ...]) -> None:
    """Make a schema the session's; of a name of one part, in its current database."""
    database = name[-2] if len(name) > 1 else ctx.session.database
    visibility.check_place(ctx, database, name[-1])
    ctx.session.database, ctx.session.schema = database, name[-1]


@statement("USE", "USE DATABASE", "USE SCHEMA", "USE WAREHOUSE")
def use(ctx: Context, cursor: Cursor) -> Result:
    """``USE [DATABASE | SCHEMA | WAREHOUSE] <name>``; ``USE a.b`` names a schema, ``USE a`` a database."""
    cursor.expect("USE")
    if cursor.accept("WAREHOUSE"):
        name = cursor.name()
        cursor.expect_end()
        visibility.check_warehouse(ctx, name[-1])
        ctx.session.warehouse = name[-1]
        return _state(ctx)
    if cursor.accept("SCHEMA"):
        name = cursor.name()
        cursor.expect_end()
        use_schema(ctx, name)
        return _state(ctx)
    cursor.accept("DATABASE")
    name = cursor.name()
    cursor.expect_end()
    if len(name) == 2:
        use_schema(ctx, name)
        return _state(ctx)
    visibility.check_place(ctx, name[0])
    ctx.session.database = name[0]
    ctx.session.schema = "PUBLIC" if ctx.stores.storage.schema_exists(name[0], "PUBLIC") else None
    return _state(ctx)


_BOOLEANS = {"TRUE": True, "FALSE": False, "ON": True, "OFF": False}


def _value(cursor: Cursor) -> Any:
    negative = cursor.accept("-")
    token = cursor.next()
    if token.kind == "number":
        number = Decimal(token.value) if "." in token.value else int(token.value)
        return -number if negative else number
    if token.kind in ("string", "quoted"):
        return token.value
    if token.value == "?":
        return cursor.binding()
    if token.kind == "word":
        return _BOOLEANS.get(token.value.upper(), token.value)
    raise syntax_error(f"unexpected '{token.value}'")


_AUTO = ("AUTO", "")
_ONLY: dict[str, tuple[str, ...]] = {
    **{f"{kind}_INPUT_FORMAT": _AUTO for kind in ("DATE", "TIME", "TIMESTAMP")},
    **dict.fromkeys(("BINARY_INPUT_FORMAT", "BINARY_OUTPUT_FORMAT"), ("HEX",)),
    **dict.fromkeys(("WEEK_START", "WEEK_OF_YEAR_POLICY", "ROWS_PER_RESULTSET"), ("0",)),
    **dict.fromkeys(("ERROR_ON_NONDETERMINISTIC_UPDATE", "TRANSACTION_ABORT_ON_ERROR"), ("FALSE",)),
    **dict.fromkeys(("STRICT_JSON_OUTPUT", "TIMESTAMP_DAY_IS_ALWAYS_24H"), ("FALSE",)),
    "ERROR_ON_NONDETERMINISTIC_MERGE": ("TRUE",),
    "DEFAULT_NULL_ORDERING": ("LAST",),
    "JSON_INDENT": ("2",),
    "TIMESTAMP_TYPE_MAPPING": ("TIMESTAMP_NTZ",),
    "TWO_DIGIT_CENTURY_START": ("1970",),
}
"""Parameters that change what statements answer and are carried out with these values only, Snowflake's defaults."""


def set_parameter(session: Session, name: str, value: Any) -> None:
    """Set a session parameter, at login or by ALTER SESSION, checking those that the engine acts on.

    :param name: in upper case.
    :raises SnowflakeError: for a value that the parameter does not take; by name for what the engine does not honour.
    """
    if name == "AUTOCOMMIT":
        value = _autocommit(session, value)
    elif name == "TIMEZONE":
        _set_time_zone(session, value)
    elif name in output_formats.OUTPUT_FORMATS:
        if value != session.parameters[name]:  # most pollers never need a connection of DuckDB's
            output_formats.follow(session, {**session.parameters, name: value})
    elif name in ("QUOTED_IDENTIFIERS_IGNORE_CASE", "ABORT_DETACHED_QUERY"):
        if _BOOLEANS.get(str(value).upper()) is not False:
            raise not_supported(f"{name} = {value}")
        value = False
    elif name in ("LOCK_TIMEOUT", "STATEMENT_TIMEOUT_IN_SECONDS", "MULTI_STATEMENT_COUNT"):
        if not str(value).isdigit():
            raise invalid_parameter(name, value)
        value = int(value)
    elif name in _ONLY and str(value).upper() not in (*_ONLY[name], str(DEFAULT_PARAMETERS.get(name)).upper()):
        raise not_supported(f"{name} = {value}")
    session.parameters[name] = value


def _autocommit(session: Session, value: Any) -> bool:
    value = _BOOLEANS.get(str(value).upper(), value)
    if not isinstance(value, bool):
        raise invalid_parameter("AUTOCOMMIT", value)
    if value:
        # Switching it on ends what was collected, as in Snowflake.
        transactions.of(session).commit()
    return value


def _set_time_zone(session: Session, value: Any) -> None:
    try:
        ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError):
        raise invalid_parameter("TIMEZONE", value) from None
    if value != session.parameters.get("TIMEZONE"):  # most pollers never need a connection of DuckDB's
        session.duckdb.execute(f"SET TimeZone = {text_literal(str(value))}")


@statement("ALTER SESSION")
def alter_session(ctx: Context, cursor: Cursor) -> Result:
    """``ALTER SESSION SET <parameter> = <value> …`` and ``ALTER SESSION UNSET <parameter>, …``."""
    cursor.expect("ALTER", "SESSION")
    if cursor.accept("UNSET"):
        while not cursor.at_end():
            name = cursor.identifier()
            cursor.accept(",")
            if name in DEFAULT_PARAMETERS:
                set_parameter(ctx.session, name, DEFAULT_PARAMETERS[name])
            else:
                ctx.session.parameters.pop(name, None)
        return Result.status()
    cursor.expect("SET")
    while not cursor.at_end():
        name = cursor.identifier()
        cursor.expect("=")
        set_parameter(ctx.session, name, _value(cursor))
        cursor.accept(",")
    return Result.status()


@statement("SET")
def set_variable(ctx: Context, cursor: Cursor) -> Result:
    """``SET <name> = <expression>`` and ``SET (a, b) = (…)``."""
    cursor.expect("SET")
    many = cursor.accept("(")
    names = [cursor.identifier()]
    while many and cursor.accept(","):
        names.append(cursor.identifier())
    if many:
        cursor.expect(")")
    cursor.expect("=")
    text = cursor.parenthesised() if many else cursor.rest()
    row = run_sql(ctx, f"SELECT {text}").table.to_pylist()
    values = list(row[0].values()) if row else []
    if len(values) != len(names):
        raise syntax_error("the number of variables and of values differ")
    ctx.session.variables.update(zip(names, values, strict=True))
    return Result.status()


@statement("UNSET")
def unset_variable(ctx: Context, cursor: Cursor) -> Result:
    """``UNSET <name>`` and ``UNSET (a, b)``."""
    cursor.expect("UNSET")
    many = cursor.accept("(")
    ctx.session.variables.pop(cursor.identifier(), None)
    while many and cursor.accept(","):
        ctx.session.variables.pop(cursor.identifier(), None)
    return Result.status()


@statement("BEGIN", "START TRANSACTION")
def begin(ctx: Context, cursor: Cursor) -> Result:
    """``BEGIN [WORK | TRANSACTION] [NAME <name>]``; inside a transaction it changes nothing."""
    if not cursor.accept("START", "TRANSACTION"):
        cursor.expect("BEGIN")
        if not cursor.accept("TRANSACTION"):
            cursor.accept("WORK")
    if cursor.accept("NAME"):
        cursor.identifier()
    if not cursor.at_end():
        raise not_supported("Snowflake Scripting (BEGIN … END)")
    transactions.of(ctx.session).begin()
    return Result.status()


@statement("COMMIT")
def commit(ctx: Context, cursor: Cursor) -> Result:
    """``COMMIT``; without an open transaction it succeeds too, which clients rely on."""
    transactions.of(ctx.session).commit()
    return Result.status()


@statement("ROLLBACK")
def rollback(ctx: Context, cursor: Cursor) -> Result:
    """``ROLLBACK``."""
    transactions.of(ctx.session).rollback()
    return Result.status()


@statement("SHOW PARAMETERS")
def show_parameters(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW PARAMETERS [LIKE '…'] [IN SESSION | ACCOUNT | USER [name] | SCHEMA name | …]``."""
    cursor.expect("SHOW", "PARAMETERS")

    def in_level() -> None:
        """``[{IN | FOR} {SESSION | ACCOUNT | …}]``: the engine has the session's parameters only."""
        if not (cursor.accept("IN") or cursor.accept("FOR")) or cursor.accept("SESSION"):
            return
        if cursor.accept("DATABASE") or cursor.accept("SCHEMA") or cursor.accept("WAREHOUSE"):
            cursor.name()
        elif cursor.accept("USER"):
            if not cursor.at_end():
                cursor.name()
        else:
            cursor.expect("ACCOUNT")

    clauses = show_clauses(cursor, in_level)
    rows = []
    for name, value in clauses.select(sorted(ctx.session.parameters.items()), lambda item: item[0]):
        kind = "BOOLEAN" if isinstance(value, bool) else "NUMBER" if isinstance(value, int) else "STRING"
        default = DEFAULT_PARAMETERS.get(name, "")
        level = "" if value == default else "SESSION"
        shown = (str(v).lower() if isinstance(v, bool) else str(v) for v in (value, default))
        rows.append((name, *shown, level, "", kind))
    return Result.of([ResultColumn.text(n) for n in ("key", "value", "default", "level", "description", "type")], rows)


@statement("SHOW VARIABLES")
def show_variables(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW VARIABLES [LIKE '…']``."""
    cursor.expect("SHOW", "VARIABLES")
    clauses = show_clauses(cursor, lambda: None)
    variables = clauses.select(sorted(ctx.session.variables.items()), lambda item: item[0])
    rows = [(name, str(value)) for name, value in variables]
    return Result.of([ResultColumn.text("name"), ResultColumn.text("value")], rows)


@statement("SHOW LOCKS")
def show_locks(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW LOCKS [IN ACCOUNT]``: tables whose locks transactions hold or wait for."""
    cursor.expect("SHOW", "LOCKS")
    cursor.accept("IN", "ACCOUNT")
    cursor.expect_end()
    found = [(each, "HOLDING") for each in ctx.stores.locks.held()]
    found += [(each, "WAITING") for each in ctx.stores.locks.awaited()]
    rows = [(".".join(key[:2]), "PARTITIONS", str(owner.id), status) for (key, owner), status in found]
    return Result.of([ResultColumn.text(n) for n in ("resource", "type", "transaction", "status")], rows)


@statement("UNDROP")
def undrop(ctx: Context, cursor: Cursor) -> Result:
    """Refused: the engine keeps nothing of what was dropped."""
    raise SnowflakeError(2, "0A000", "not supported by the local engine: UNDROP (dropped objects are gone)")
