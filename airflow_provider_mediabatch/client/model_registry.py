"""What Snowflake's Model Registry and stages say, by SHOW statements alone: no warehouse, no snowflake-ml import.

:func:`resolve_version` is the one place where a version, an alias or the default becomes a version's own name; listing
and validation both call it, so they cannot disagree.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client import errors
from airflow_provider_mediabatch.client.connection import qualified_name, rows, rows_or_none
from airflow_provider_mediabatch.core import grants, sql
from airflow_provider_mediabatch.core.job_names import did_you_mean
from airflow_provider_mediabatch.core.snowflake_objects import FunctionInfo, ModelInfo
from airflow_provider_mediabatch.exceptions import InvalidInputError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection


def resolve_version(connection: SnowflakeConnection, model_name: str, version_or_alias: str | None = None) -> ModelInfo:
    """A model's version with its functions' signatures, in two statements.

    :param model_name: as a user writes it; unqualified parts come from the connection.
    :param version_or_alias: a version's name, an alias (``PROD``, ``LAST``, ``FIRST``, ``DEFAULT``), or None for the
        model's default version.
    :raises InvalidInputError: when model or version do not exist or cannot be seen, with what is there.
    """
    database, schema, model = qualified_name(connection, model_name, argument="model_name", kind="model")
    name = sql.qualified(database, schema, model)
    versions = _versions(connection, database, schema, model)
    row = _choose(versions, version_or_alias, name)
    version = str(row["name"])
    spec = _model_spec(row, name, version)
    functions = rows(connection, f"SHOW FUNCTIONS IN MODEL {name} VERSION {sql.identifier(version)}")
    return ModelInfo(
        model=name,
        version=version,
        created_on=_created_on(row),
        aliases=tuple(_json_list(row.get("aliases"))),
        model_type=_model_type(spec),
        supports_gpu=_supports_gpu(spec),
        functions=tuple(_functions(spec, functions)),
    )


def version_created_on(connection: SnowflakeConnection, model: str, version: str) -> str | None:
    """When a version was logged (:attr:`.ModelInfo.created_on`), in one statement.

    :param model: its qualified name as SQL.
    :param version: the version's own name.
    :return: None: it does not exist, or this role may not see it.
    """
    found = rows_or_none(connection, f"SHOW VERSIONS LIKE {sql.like(version)} IN MODEL {model}")
    return next((_created_on(row) for row in found or () if row["name"] == version), None)


def _created_on(row: Mapping[str, Any]) -> str:
    moment: datetime = row["created_on"]
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def _versions(connection: SnowflakeConnection, database: str, schema: str, model: str) -> list[dict[str, Any]]:
    name = sql.qualified(database, schema, model)
    found = rows_or_none(
        connection,
        f"SHOW VERSIONS IN MODEL {name}",
        parameters={"SHOW_MODEL_DETAILS_IN_SHOW_VERSIONS_IN_MODEL": True},
    )
    if found:
        return found
    if found is not None:
        raise InvalidInputError(f"Model {name} has no versions: log one with Registry.log_model")
    place = sql.qualified(database, schema)
    models = rows_or_none(connection, f"SHOW MODELS IN SCHEMA {place}")
    if models is None:
        what = f"Schema {place} of model {name}"
        raise InvalidInputError(errors.not_visible(what, grant=grants.grant_for("schema", place)))
    hint = did_you_mean(model, [str(row["name"]) for row in models])
    raise InvalidInputError(errors.not_visible(f"Model {name}", hint=hint, grant=grants.grant_for("model", name)))


def _choose(versions: Sequence[Mapping[str, Any]], wanted: str | None, model: str) -> Mapping[str, Any]:
    """The version's row. Names come before aliases, as Snowflake resolves them."""
    if not isinstance(wanted, str | None):
        raise InvalidInputError(
            f"version_name is the {type(wanted).__name__} {wanted!r}, and not text. A template renders to such a value "
            "with render_template_as_native_obj=True"
        )
    if wanted is None or wanted.upper() == "DEFAULT":
        for row in versions:
            if str(row.get("is_default_version", "")).lower() in ("true", "1"):
                return row
        if len(versions) == 1:
            return versions[0]
        raise InvalidInputError(
            f"Model {model} has no default version: set version_name, or ALTER MODEL … SET DEFAULT_VERSION"
        )
    try:
        name = sql.resolve(wanted)
    except ValueError:
        name = wanted
    tests: list[Callable[[Mapping[str, Any]], bool]] = [
        lambda row: row["name"] == wanted,
        lambda row: row["name"] == name,
        lambda row: name in _json_list(row.get("aliases")),
    ]
    for test in tests:
        for row in versions:
            if test(row):
                return row
    known = [str(row["name"]) for row in versions]
    known += [alias for row in versions for alias in _json_list(row.get("aliases"))]
    raise InvalidInputError(f"Model {model} has no version or alias {wanted}{did_you_mean(wanted, known)}")


def _model_spec(row: Mapping[str, Any], model: str, version: str) -> Mapping[str, Any]:
    import yaml

    text = row.get("model_spec")
    spec = yaml.safe_load(text) if isinstance(text, str) and text.strip() else text
    if not isinstance(spec, Mapping):
        raise InvalidInputError(
            f"Model {model} version {version} shows no model_spec: it was logged by a snowflake-ml-python too old for "
            "batch inference, or this role lacks READ on the model "
            f"({grants.grant_for('model', model)})"
        )
    return spec


def _functions(spec: Mapping[str, Any], shown: Sequence[Mapping[str, Any]]) -> list[FunctionInfo]:
    """Target methods with their SQL names; both layouts of ``model_spec`` (packager 1.x and "2.0") are read."""
    if str(spec.get("version")) == "2.0":
        functions: Mapping[str, Any] = spec.get("serving", {}).get("functions", {})
        signatures = {name: function["signature"] for name, function in functions.items()}
        options = {name: function.get("properties") or {} for name, function in functions.items()}
        partitioned = {name: bool(item.get("is_partition", False)) for name, item in options.items()}
    else:
        signatures = spec.get("signatures") or {}
        options = spec.get("method_options") or {}
        properties = spec.get("function_properties") or {}
        partitioned = {
            name: bool(
                (properties.get(name) or {}).get("PARTITIONED", (properties.get(name) or {}).get("partitioned", True))
            )
            for name in signatures
        }
    returns = {str(row["name"]): str(row.get("return_type") or "") for row in shown}
    result = []
    for method, signature in signatures.items():
        sql_name = method if method in returns else method.upper()
        kind = str((options.get(method) or {}).get("function_type") or "FUNCTION").upper()
        if sql_name in returns:
            kind = "TABLE_FUNCTION" if "TABLE" in returns[sql_name].upper() else "FUNCTION"
        result.append(
            FunctionInfo(
                name=sql_name,
                target_method=method,
                method_type=kind,
                partitioned=kind == "TABLE_FUNCTION" and partitioned.get(method, True),
                case_sensitive=bool(
                    (options.get(method) or {}).get("case_sensitive", spec.get("case_sensitive", False))
                ),
                inputs=tuple(signature.get("inputs") or ()),
                outputs=tuple(signature.get("outputs") or ()),
                params=tuple(signature.get("params") or ()),
            )
        )
    return result


def _model_type(spec: Mapping[str, Any]) -> str:
    if str(spec.get("version")) == "2.0":
        return str(spec.get("model", {}).get("framework") or "custom").lower()
    return str(spec.get("model_type") or "custom")


def _supports_gpu(spec: Mapping[str, Any]) -> bool:
    """snowflake-ml's own rule: a CUDA version in the model's environment, or a GPU runtime."""
    if str(spec.get("version")) == "2.0":
        platforms = spec.get("model", {}).get("target_platforms") or []
        environments = spec.get("serving", {}).get("env") or {}
        return any(str(item).upper() == "SNOWPARK_CONTAINER_SERVICES" for item in platforms) or any(
            isinstance(item, Mapping) and bool(item.get("cuda_version")) for item in environments.values()
        )
    return bool((spec.get("env") or {}).get("cuda_version")) or "gpu" in (spec.get("runtimes") or {})


def _json_list(value: object) -> list[str]:
    if isinstance(value, str):
        value = json.loads(value) if value.strip() else []
    return [str(item) for item in value] if isinstance(value, list) else []
