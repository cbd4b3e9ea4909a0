"""SHOW MODELS, SHOW VERSIONS IN MODEL, SHOW FUNCTIONS IN MODEL: what the registry client and validation read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.local.errors import does_not_exist
from airflow_provider_mediabatch.local.session.access import sees
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn, utc_time
from airflow_provider_mediabatch.local.statements.handlers import statement
from airflow_provider_mediabatch.local.statements.models import model_named
from airflow_provider_mediabatch.local.statements.show_clauses import is_within, schema_scope, show_clauses

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.models.model import Model, ModelVersion


def _is_visible(ctx: Context, model: Model) -> bool:
    """Any of USAGE, READ and OWNERSHIP lets a role see a model."""
    return sees(ctx, "MODEL", model.full_name)


def _visible_model(ctx: Context, cursor: Cursor) -> Model:
    """The model whose name stands next.

    :raises SnowflakeError: 002003 where there is none, or where the role does not see it.
    """
    model = model_named(ctx, cursor)
    if not _is_visible(ctx, model):
        raise does_not_exist("Model", model.full_name)
    return model


@statement("SHOW MODELS")
def show_models(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW MODELS [LIKE '…'] [IN …]``: the models that the role may see."""
    cursor.expect("SHOW", "MODELS")
    clauses = show_clauses(cursor, schema_scope(ctx, cursor))
    models = [
        model
        for model in ctx.stores.models.all()
        if is_within(clauses.scope, model.database, model.schema) and _is_visible(ctx, model)
    ]
    rows = []
    for model in clauses.select(models, lambda model: model.name):
        versions = ctx.stores.models.versions(model)
        aliases = {alias: version.name for version in versions for alias in version.aliases}
        default = aliases.get("DEFAULT", "")
        rows.append(
            (
                *(
                    utc_time(model.created_on),
                    model.name,
                    "USER_MODEL",
                    model.database,
                    model.schema,
                ),
                *(model.comment, model.owner, default, json.dumps([v.name for v in versions]), json.dumps(aliases)),
            )
        )
    names = (
        *("name", "model_type", "database_name", "schema_name", "comment", "owner"),
        *("default_version_name", "versions", "aliases"),
    )
    return Result.of([ResultColumn.timestamp_ltz("created_on"), *(ResultColumn.text(name) for name in names)], rows)


@statement("SHOW VERSIONS")
def show_versions(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW VERSIONS [LIKE '…'] IN MODEL name``."""
    cursor.expect("SHOW", "VERSIONS")

    def in_model() -> Model:
        cursor.expect("IN", "MODEL")
        return _visible_model(ctx, cursor)

    clauses = show_clauses(cursor, in_model)
    versions = ctx.stores.models.versions(clauses.scope)
    rows = [_version_row(version) for version in clauses.select(versions, lambda version: version.name)]
    names = (
        "name",
        "aliases",
        "comment",
        "database_name",
        "schema_name",
        "model_name",
        "is_default_version",
        "functions",
        "metadata",
        "user_data",
        "model_attributes",
    )
    more = ("runnable_in", "inference_services", "model_spec")
    columns = [
        ResultColumn.timestamp_ltz("created_on"),
        *(ResultColumn.text(name) for name in names),
        ResultColumn.number("size"),
    ]
    return Result.of([*columns, *(ResultColumn.text(name) for name in more)], rows)


def _version_row(version: ModelVersion) -> tuple[Any, ...]:
    model, manifest, spec = version.model, version.manifest, version.spec
    attributes = {"framework": spec.get("model_type"), "task": spec.get("task"), "client": _client(spec)}
    platforms = manifest.get("target_platforms") or ["WAREHOUSE", "SNOWPARK_CONTAINER_SERVICES"]
    return (
        utc_time(version.created_on),
        version.name,
        json.dumps(list(version.aliases)),
        version.comment,
        model.database,
        model.schema,
        model.name,
        "true" if version.is_default else "false",
        json.dumps([function["name"] for function in version.functions]),
        version.metadata,
        json.dumps(manifest.get("user_data") or {}),
        json.dumps(attributes),
        version.size,
        json.dumps(platforms),
        json.dumps([]),
        version.model_spec,
    )


def _client(spec: dict[str, Any]) -> str:
    return f"snowflake-ml-python {spec.get('env', {}).get('snowpark_ml_version', '')}".strip()


@statement("SHOW FUNCTIONS IN MODEL")
def show_functions(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW FUNCTIONS IN MODEL name [VERSION v]``: the methods of the version's manifest."""
    cursor.expect("SHOW", "FUNCTIONS", "IN", "MODEL")
    model = _visible_model(ctx, cursor)
    version = cursor.identifier() if cursor.accept("VERSION") else None
    cursor.expect_end()
    rows = []
    for function in ctx.stores.models.version_of(model, version).functions:
        arguments = ", ".join(_typed(field) for field in (*function.get("inputs", []), *function.get("params", [])))
        outputs = function.get("outputs", [])
        if function.get("type") == "TABLE_FUNCTION":
            returned = f"TABLE ({', '.join(_typed(field) for field in outputs)})"
        else:
            returned = str(outputs[0]["type"]) if outputs else "OBJECT"
        rows.append((function["name"], f"({arguments})", returned, ""))
    return Result.of([ResultColumn.text(name) for name in ("name", "arguments", "return_type", "description")], rows)


def _typed(field: dict[str, Any]) -> str:
    return f"{field.get('name', '')} {field['type']}".strip()
