"""Snowflake functions that are not simply DuckDB's: what each becomes, and what it returns.

``FUNCTIONS`` are the ones that sqlglot keeps as text. A function that is neither known to sqlglot nor listed here is
refused by name, because DuckDB may have one of the same name that does something else.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlglot import exp

from airflow_provider_mediabatch.local.defaults import ACCOUNT, ROLE, VERSION
from airflow_provider_mediabatch.local.errors import not_supported

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.session.session import Session
_SECONDARY_ROLES = {True: f'{{"roles":"{ROLE}","value":"ALL"}}', False: '{"roles":"","value":""}'}


def zone(ctx: Context) -> str:
    """The session's time zone."""
    return str(ctx.session.parameters.get("TIMEZONE") or "UTC")


def timestamp(moment: datetime.datetime, *, ltz: bool) -> exp.Expr:
    """A moment as a constant of DuckDB."""
    text = moment.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    kind = exp.DataType.build("TIMESTAMPLTZ" if ltz else "TIMESTAMPNTZ", dialect="snowflake")
    node = exp.Cast(this=exp.Literal.string(text + ("+00:00" if ltz else "")), to=kind)
    node.type = kind
    return node


def context_value(ctx: Context, node: exp.Expr, now: datetime.datetime) -> exp.Expr | None:
    """The constant behind CURRENT_ROLE(), CURRENT_TIMESTAMP() and their like; None for anything else.

    Times are those of the statement: inside a transaction DuckDB's own would be the transaction's.
    """
    session = ctx.session
    if isinstance(node, exp.CurrentTimestamp):
        if node.args.get("sysdate"):
            return timestamp(now, ltz=False)
        return timestamp(now, ltz=True)
    if isinstance(node, exp.CurrentDate | exp.CurrentTime | exp.Localtime):
        local = now.astimezone(ZoneInfo(zone(ctx)))
        if isinstance(node, exp.CurrentDate):
            return exp.cast(exp.Literal.string(local.date().isoformat()), "DATE")
        return exp.cast(exp.Literal.string(local.time().isoformat()), "TIME")
    named = node.name.upper() if isinstance(node, exp.Anonymous) else node.key.upper()
    values: dict[str, Callable[[], object]] = {
        "CURRENTROLE": lambda: session.role,
        "CURRENTUSER": lambda: session.user,
        "CURRENTDATABASE": lambda: session.database,
        "CURRENTSCHEMA": lambda: session.schema,
        "CURRENTSCHEMAS": lambda: _search_path(session),
        "CURRENTWAREHOUSE": lambda: session.warehouse,
        "CURRENTACCOUNT": lambda: ACCOUNT,
        "CURRENTACCOUNTNAME": lambda: ACCOUNT,
        "CURRENTORGANIZATIONNAME": lambda: ACCOUNT,
        "CURRENTREGION": lambda: ACCOUNT,
        "CURRENTSESSION": lambda: str(session.id),
        "CURRENTVERSION": lambda: VERSION,
        "CURRENTCLIENT": lambda: None,
        "CURRENTIPADDRESS": lambda: "127.0.0.1",
        "CURRENTSTATEMENT": lambda: session.current.sql if session.current else None,
        "CURRENTTRANSACTION": lambda: _transaction(session),
        "LASTTRANSACTION": lambda: _last_transaction(session),
        "CURRENTSECONDARYROLES": lambda: _SECONDARY_ROLES[session.secondary_roles],
        "CURRENTAVAILABLEROLES": lambda: '["' + str(session.role) + '"]',
        "LASTQUERYID": lambda: _query_id(ctx, node.expressions),
    }
    found = values.get(named.replace("_", ""))
    return None if found is None else constant(found())


def _query_id(ctx: Context, arguments: list[exp.Expr]) -> str | None:
    """LAST_QUERY_ID() and LAST_QUERY_ID(n). The session knows its last statement; the others are in the history."""
    session = ctx.session
    text = arguments[0].sql() if arguments else "-1"
    if not text.lstrip("-").isdigit():
        raise not_supported(f"LAST_QUERY_ID({text}), with anything but a number")
    if text == "-1":
        return session.last_query_id
    return ctx.stores.history.nth(session.id, int(text), before=session.current.id if session.current else "")


def _search_path(session: Session) -> str:
    """Source: Snowflake's reference, page "CURRENT_SCHEMAS", section "Examples"."""
    schemas = dict.fromkeys((session.schema, "PUBLIC")) if session.database else ()
    return json.dumps([f"{session.database}.{schema}" for schema in schemas if schema])


def _transaction(session: Session) -> str | None:
    """The id of the session's open transaction, as SHOW LOCKS has it; None outside of one."""
    found = session.temporary.get("transaction")
    return str(found.id) if found is not None and found.is_open else None


def _last_transaction(session: Session) -> str | None:
    """The id of the session's last transaction that was committed or rolled back; None before."""
    found = session.temporary.get("transaction")
    return str(found.last) if found is not None and found.last is not None else None


def constant(value: Any) -> exp.Expr:
    """A Python value as a literal."""
    if isinstance(value, bytes | bytearray | memoryview):
        node: exp.Expr = exp.Unhex(this=exp.Literal.string(bytes(value).hex()))
    elif isinstance(value, float):
        node = exp.cast(exp.Literal.string(repr(value)), "DOUBLE")
    elif isinstance(value, datetime.datetime):
        node = timestamp(value, ltz=True) if value.tzinfo else exp.cast(exp.Literal.string(str(value)), "TIMESTAMPNTZ")
    elif isinstance(value, datetime.date):
        node = exp.cast(exp.Literal.string(value.isoformat()), "DATE")
    elif isinstance(value, datetime.time):
        node = exp.cast(exp.Literal.string(value.isoformat()), "TIME")
    else:
        node = exp.convert(value)
    return node


# What the functions that sqlglot keeps as text return ("=": the type of the first argument).
RETURNS: dict[str, str] = {
    "HASH": "NUMBER(19,0)",
    "OBJECT_CONSTRUCT_KEEP_NULL": "OBJECT",
    "OBJECT_DELETE": "OBJECT",
    "OBJECT_PICK": "OBJECT",
    "TO_OBJECT": "OBJECT",
    "IS_OBJECT": "BOOLEAN",
    "IS_INTEGER": "BOOLEAN",
    "IS_BOOLEAN": "BOOLEAN",
    "IS_VARCHAR": "BOOLEAN",
    "IS_CHAR": "BOOLEAN",
    "IS_DOUBLE": "BOOLEAN",
    "IS_DECIMAL": "BOOLEAN",
    "AS_VARCHAR": "VARCHAR",
    "AS_CHAR": "VARCHAR",
    "AS_INTEGER": "NUMBER(38,0)",
    "AS_DOUBLE": "FLOAT",
    "AS_REAL": "FLOAT",
    "IS_REAL": "BOOLEAN",
    "AS_BOOLEAN": "BOOLEAN",
    "AS_ARRAY": "ARRAY",
    "AS_OBJECT": "OBJECT",
    "SYSTEM$TYPEOF": "VARCHAR",
    "RATIO_TO_REPORT": "FLOAT",
    "JSON_OBJECT": "OBJECT",
}


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """A call of a DuckDB function or macro."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def _json_type_is(*names: str) -> Callable[[list[exp.Expr]], exp.Expr]:
    def build(arguments: list[exp.Expr]) -> exp.Expr:
        kinds = [exp.Literal.string(name) for name in names]
        return exp.In(this=call("JSON_TYPE", arguments[0]), expressions=kinds)

    return build


def _as_number(arguments: list[exp.Expr]) -> exp.Expr:
    """``AS_NUMBER(variant [, precision [, scale]])``: of exact numbers only, rounded to the scale."""
    precision, scale = ([each.name for each in arguments[1:]] + ["38", "0"][len(arguments) - 1 :])[:2]
    exact = exp.In(
        this=call("MB_TYPEOF", arguments[0].copy()),
        expressions=[exp.Literal.string("INTEGER"), exp.Literal.string("DECIMAL")],
    )
    value = exp.cast(call("MB_SCALAR", arguments[0]), f"DECIMAL({precision}, {scale})")
    return exp.If(this=exact, true=value, false=exp.null())


def _as(target: str, *names: str) -> Callable[[list[exp.Expr]], exp.Expr]:
    def build(arguments: list[exp.Expr]) -> exp.Expr:
        value = call("MB_SCALAR", arguments[0])
        return exp.If(
            this=_json_type_is(*names)(arguments),
            true=arguments[0].copy() if target == "JSON" else exp.cast(value, target),
            false=exp.null(),
        )

    return build


_INTEGER = ("UBIGINT", "BIGINT", "HUGEINT")
FUNCTIONS: dict[str, Callable[[list[exp.Expr]], exp.Expr]] = {
    "HASH": lambda a: call("MB_HASH", call("HASH", *a)),
    "IS_OBJECT": _json_type_is("OBJECT"),
    "IS_INTEGER": _json_type_is(*_INTEGER),
    "IS_BOOLEAN": _json_type_is("BOOLEAN"),
    "IS_VARCHAR": _json_type_is("VARCHAR"),
    "IS_CHAR": _json_type_is("VARCHAR"),
    "IS_DOUBLE": _json_type_is(*_INTEGER, "DOUBLE"),
    "IS_DECIMAL": _json_type_is(*_INTEGER, "DOUBLE"),
    "IS_REAL": _json_type_is(*_INTEGER, "DOUBLE"),
    "AS_VARCHAR": _as("TEXT", "VARCHAR"),
    "AS_CHAR": _as("TEXT", "VARCHAR"),
    "AS_INTEGER": _as_number,
    "AS_NUMBER": _as_number,
    "AS_DECIMAL": _as_number,
    "AS_DOUBLE": _as("DOUBLE", *_INTEGER, "DOUBLE"),
    "AS_REAL": _as("DOUBLE", *_INTEGER, "DOUBLE"),
    "AS_BOOLEAN": _as("BOOLEAN", "BOOLEAN"),
    "AS_ARRAY": _as("JSON", "ARRAY"),
    "AS_OBJECT": _as("JSON", "OBJECT"),
    "JSON_OBJECT": lambda a: call("MB_SORTED", call("JSON_OBJECT", *a)),
}


def translate(node: exp.Anonymous) -> exp.Expr:
    """What a function that sqlglot keeps as text becomes; refused by name where it is not known."""
    build = FUNCTIONS.get(node.name.upper())
    if build is None:
        raise not_supported(f"the function {node.name.upper()}")
    return build(list(node.expressions))
