"""Tags on models: ALTER MODEL … SET TAG, SYSTEM$GET_TAG and TAG_REFERENCES, as snowflake-ml's registry sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_mediabatch.core.sql import split
from airflow_provider_mediabatch.local.errors import invalid_argument, not_supported
from airflow_provider_mediabatch.local.session.access import require_privilege, require_visible
from airflow_provider_mediabatch.local.sql.system_functions import system_function
from airflow_provider_mediabatch.local.sql.table_sources import arguments, relation, table_source
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn
from airflow_provider_mediabatch.local.stores.schema_objects import TAG, SchemaObject

if TYPE_CHECKING:
    from sqlglot import exp

    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.models.model import Model

_COLUMNS = (
    *("TAG_DATABASE", "TAG_SCHEMA", "TAG_NAME", "TAG_VALUE", "LEVEL"),
    *("OBJECT_DATABASE", "OBJECT_SCHEMA", "OBJECT_NAME", "DOMAIN", "COLUMN_NAME"),
)


def set_tags(ctx: Context, cursor: Cursor, model: Model) -> None:
    """``SET TAG t = '…' [, u = '…']``; the cursor stands behind TAG."""
    while True:
        tag = _tag(ctx, cursor.name())
        cursor.expect("=")
        ctx.stores.schema_objects.set_tag(model, tag, cursor.string())
        if not cursor.accept(","):
            return


def unset_tags(ctx: Context, cursor: Cursor, model: Model) -> None:
    """``UNSET TAG t [, u]``; the cursor stands behind TAG."""
    while True:
        ctx.stores.schema_objects.set_tag(model, _tag(ctx, cursor.name()), None)
        if not cursor.accept(","):
            return


def _tag(ctx: Context, name: tuple[str, ...]) -> SchemaObject:
    tag: SchemaObject = ctx.stores.schema_objects.get(TAG, ctx.qualify(name))
    require_privilege(ctx, "APPLY", TAG, tag.full_name)
    return tag


@system_function("SYSTEM$GET_TAG")
def get_tag(ctx: Context, given: list[object]) -> object:
    """``SYSTEM$GET_TAG('<tag>', '<object>', '<domain>')``: the value, or NULL."""
    if len(given) != 3:
        raise invalid_argument(f"SYSTEM$GET_TAG does not take {len(given)} arguments")
    tag = ctx.stores.schema_objects.get(TAG, ctx.qualify(_name(given[0])))
    return next((value for one, value in ctx.stores.schema_objects.tags(_model(ctx, *given[1:])) if one == tag), None)


@table_source("INFORMATION_SCHEMA.TAG_REFERENCES")
def tag_references(ctx: Context, node: exp.Expr) -> str:
    """``TABLE(INFORMATION_SCHEMA.TAG_REFERENCES('<object>', '<domain>'))``: the object's tags."""
    given, _ = arguments(node)
    if len(given) != 2:
        raise invalid_argument(f"TAG_REFERENCES does not take {len(given)} arguments")
    model = _model(ctx, *given)
    rows = [
        (tag.database, tag.schema, tag.name, value, "MODULE", model.database, model.schema, model.name, "MODULE", None)
        for tag, value in ctx.stores.schema_objects.tags(model)
    ]
    return relation(ctx, Result.of([ResultColumn.text(name) for name in _COLUMNS], rows))


def _model(ctx: Context, name: object, domain: object) -> Model:
    """The model that is named; tags of other kinds of objects are refused."""
    if str(domain).upper() != "MODULE":
        raise not_supported(f"tags on objects of the domain {domain}")
    model: Model = ctx.stores.models.get(*ctx.qualify(_name(name)))
    require_visible(ctx, "MODEL", model.full_name)
    return model


def _name(text: object) -> tuple[str, ...]:
    try:
        return split(str(text))
    except ValueError as error:
        raise invalid_argument(str(error)) from None
