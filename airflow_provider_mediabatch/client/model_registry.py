"""What Snowflake's Model Registry and stages say, by SHOW statements alone: no warehouse, no snowflake-ml import.

:func:`resolve_version` is the one place where a version, an alias or the default becomes a version's own name; listing
and validation both call it, so they cannot disagree.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.job_names import closest
from airflow_provider_mediabatch.core.metadata import FunctionFacts, ModelFacts, PoolFacts, StageFacts
from airflow_provider_mediabatch.exceptions import InvalidInputError

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

_DOES_NOT_EXIST = (2003, 2043)


def show(
    connection: SnowflakeConnection, statement: str, parameters: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Rows of a SHOW or DESCRIBE statement, with lower-case column names.

    :param parameters: statement parameters for this one statement.
    """
    from snowflake.connector import DictCursor

    with connection.cursor(DictCursor) as cursor:
        cursor.execute(statement, _statement_params=dict(parameters) if parameters else None)
        return [{str(key).lower(): value for key, value in row.items()} for row in cursor.fetchall()]


def model_parts(connection: SnowflakeConnection, model_name: str) -> tuple[str, str, str]:
    """``(database, schema, model)`` of a model name as a user writes it, filled from the connection's defaults.

    :raises InvalidInputError: when the name is none, or cannot be filled.
    """
    try:
        names = sql.split(model_name)
    except ValueError as error:
        raise InvalidInputError(f"model_name: {error}") from None
    defaults = (connection.database, connection.schema)
    parts = ((*defaults[: 3 - len(names)], *names)) if len(names) < 3 else names
    if len(parts) != 3 or not all(parts):
        raise InvalidInputError(
            f"model_name {model_name!r} must be DATABASE.SCHEMA.MODEL, or the connection have a database and schema"
        )
    return str(parts[0]), str(parts[1]), str(parts[2])


def resolve_version(
    connection: SnowflakeConnection, model_name: str, version_or_alias: str | None = None
) -> ModelFacts:
    """A model's version with its functions' signatures, in two statements.

    :param model_name: as a user writes it; unqualified parts come from the connection.
    :param version_or_alias: a version's name, an alias (``PROD``, ``LAST``, ``FIRST``, ``DEFAULT``), or None for the
        model's default version.
    :raises InvalidInputError: when model or version do not exist or cannot be seen, with what is there.
    """
    database, schema, model = model_parts(connection, model_name)
    name = sql.qualified(database, schema, model)
    versions = _versions(connection, database, schema, model)
    row = _choose(versions, version_or_alias, name)
    version = str(row["name"])
    spec = _model_spec(row, name, version)
    functions = show(connection, f"SHOW FUNCTIONS IN MODEL {name} VERSION {sql.identifier(version)}")
    return ModelFacts(
        model=name,
        version=version,
        aliases=tuple(_json_list(row.get("aliases"))),
        model_type=_model_type(spec),
        supports_gpu=_supports_gpu(spec),
        functions=tuple(_functions(spec, functions)),
    )


def stages(connection: SnowflakeConnection, database: str, schema: str) -> list[StageFacts] | None:
    """All stages of a schema that this role sees, or None when the schema itself is not there or may not be seen."""
    rows = _or_none(connection, f"SHOW STAGES IN SCHEMA {sql.qualified(database, schema)}")
    if rows is None:
        return None
    return [
        StageFacts(
            database=str(row.get("database_name") or database),
            schema=str(row.get("schema_name") or schema),
            name=str(row["name"]),
            type=str(row.get("type") or "INTERNAL").upper(),
            url=str(row.get("url") or ""),
            client_side_key=str(row.get("has_encryption_key") or "N").upper() == "Y",
        )
        for row in rows
    ]


def compute_pools(connection: SnowflakeConnection) -> list[PoolFacts]:
    """The compute pools that this role sees."""
    return [
        PoolFacts(
            name=str(row["name"]),
            instance_family=str(row.get("instance_family") or "").upper(),
            max_nodes=int(row.get("max_nodes") or 1),
            state=str(row.get("state") or "").upper(),
        )
        for row in show(connection, "SHOW COMPUTE POOLS")
    ]


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """``; did you mean X?`` for the closest known name, else what is there, else nothing."""
    meant = closest(name, known)
    if meant is not None:
        return f"; did you mean {meant}?"
    return f"; there is: {', '.join(sorted(known)[:10])}" if known else ""


def _versions(connection: SnowflakeConnection, database: str, schema: str, model: str) -> list[dict[str, Any]]:
    name = sql.qualified(database, schema, model)
    rows = _or_none(
        connection, f"SHOW VERSIONS IN MODEL {name}", {"SHOW_MODEL_DETAILS_IN_SHOW_VERSIONS_IN_MODEL": True}
    )
    if rows:
        return rows
    if rows is not None:
        raise InvalidInputError(f"Model {name} has no versions: log one with Registry.log_model")
    models = _or_none(connection, f"SHOW MODELS IN SCHEMA {sql.qualified(database, schema)}")
    if models is None:
        raise InvalidInputError(
            f"Schema {sql.qualified(database, schema)} of model {name} does not exist, or this role may not see it "
            f"(GRANT USAGE ON SCHEMA {sql.qualified(database, schema)} TO ROLE …)"
        )
    hint = did_you_mean(model, [str(row["name"]) for row in models])
    raise InvalidInputError(
        f"Model {name} does not exist, or this role may not see it{hint} "
        f"(where it exists: GRANT READ ON MODEL {name} TO ROLE …)"
    )


def _choose(versions: Sequence[Mapping[str, Any]], wanted: str | None, model: str) -> Mapping[str, Any]:
    """The version's row. Names come before aliases, as Snowflake resolves them."""
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
            f"(GRANT READ ON MODEL {model} TO ROLE …)"
        )
    return spec


def _functions(spec: Mapping[str, Any], shown: Sequence[Mapping[str, Any]]) -> list[FunctionFacts]:
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
            FunctionFacts(
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


def _or_none(
    connection: SnowflakeConnection, statement: str, parameters: Mapping[str, Any] | None = None
) -> list[dict[str, Any]] | None:
    """The statement's rows, or None when its object does not exist or may not be seen (2003, 2043)."""
    from snowflake.connector.errors import ProgrammingError

    try:
        return show(connection, statement, parameters)
    except ProgrammingError as error:
        if error.errno in _DOES_NOT_EXIST:
            return None
        raise
