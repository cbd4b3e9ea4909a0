"""``mediabatch doctor``: is everything there that a batch needs, and which SQL puts right what is not.

Each row is one thing looked at. Where it fails, its fix is the SQL to run with a role that may (the owner's, or
SECURITYADMIN): run, it turns the row green. The privileges are those that Snowflake documents for batch inference.
Nothing is started, changed or billed here but a warehouse's seconds for one SELECT.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_mediabatch.client.connection import qualified_name
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.stage_path import StagePath

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.metadata import ModelInfo

Status = Literal["pass", "warn", "fail", "skip"]

VERSIONS = {
    "apache-airflow": "3.3",
    "apache-airflow-providers-snowflake": "6.20",
    "snowflake-ml-python": "2",
    "snowflake-connector-python": "4",
}
_READY_POOL = frozenset({"ACTIVE", "IDLE", "STARTING", "RESIZING", "SUSPENDED", "UNKNOWN", ""})


@dataclass(frozen=True)
class Finding:
    """One row of the report.

    :param check: what was looked at.
    :param status: ``pass``, ``warn`` (works, with a drawback that ``detail`` names), ``fail``, or ``skip`` (could not
        be looked at).
    :param detail: what was found.
    :param fix: SQL that puts it right, statements separated by ``;``. Empty where there is none to run.
    """

    check: str
    status: Status
    detail: str
    fix: str = ""

    def to_dict(self) -> dict[str, str]:
        """For ``--json``."""
        return asdict(self)


@dataclass(frozen=True)
class Wanted:
    """What the batch is to use. What is None is not looked at.

    :param model: ``DATABASE.SCHEMA.MODEL``.
    :param version: version or alias; None: the default version.
    :param function: the model's function.
    :param stage: where the files are, ``@DATABASE.SCHEMA.STAGE/path``.
    :param output: where results go, ``@DATABASE.SCHEMA.STAGE/path``.
    :param pool: the compute pool.
    :param job_schema: ``DATABASE.SCHEMA`` that jobs are created in; None: the model's.
    :param warehouse: what the Airflow connection names, to be granted when the session has none.
    """

    model: str | None = None
    version: str | None = None
    function: str | None = None
    stage: str | None = None
    output: str | None = None
    pool: str | None = None
    job_schema: str | None = None
    warehouse: str | None = None


def examine(connect: Callable[[], SnowflakeConnection], wanted: Wanted) -> list[Finding]:
    """Look at everything.

    :param connect: logs in; called once, and its connection is closed here.
    :param wanted: what the batch is to use.
    """
    findings = [*versions(), triggerer()]
    try:
        connection = connect()
    except Exception as error:  # whatever keeps it from connecting is the finding
        return [*findings, Finding("connection", "fail", _line(error))]
    with connection:
        findings += _Examination(connection, wanted).run()
    return findings


def versions() -> Iterator[Finding]:
    """The packages that the provider stands on."""
    for name, least in VERSIONS.items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Finding(f"version of {name}", "fail", f"not installed; pip install '{name}>={least}'")
            continue
        enough = _numbers(found) >= _numbers(least)
        yield Finding(
            f"version of {name}",
            "pass" if enough else "fail",
            found if enough else f"{found}; pip install '{name}>={least}'",
        )


def triggerer() -> Finding:
    """Whether a triggerer is alive: without one, deferred tasks wait for ever."""
    try:
        from airflow.api.common.airflow_health import get_airflow_health

        status = get_airflow_health().get("triggerer", {}).get("status")
    except Exception as error:  # no Airflow database here: the doctor may run anywhere
        return Finding("triggerer", "skip", f"Airflow's database cannot be read here: {_line(error)}")
    if status == "healthy":
        return Finding("triggerer", "pass", "alive")
    return Finding("triggerer", "warn", "none is alive: start `airflow triggerer`, or set deferrable=False")


class _Examination:
    """One connection's look at what is wanted."""

    def __init__(self, connection: SnowflakeConnection, wanted: Wanted) -> None:
        self.connection = connection
        self.wanted = wanted
        self.role = "PUBLIC"
        self.grants: set[tuple[str, str, tuple[str, ...]]] = set()

    def run(self) -> Iterator[Finding]:
        yield from self._session()
        if self.wanted.stage:
            yield from self._stage("input stage", self.wanted.stage, "READ")
        if self.wanted.output:
            yield from self._stage("output stage", self.wanted.output, "WRITE")
        if self.wanted.pool:
            yield from self._pool(self.wanted.pool)
        if self.wanted.model:
            yield from self._model(self.wanted.model)
        if self.wanted.job_schema or self.wanted.model:
            yield self._job_schema()

    def _session(self) -> Iterator[Finding]:
        row = self._show(
            "SELECT CURRENT_ACCOUNT() AS ACCOUNT, CURRENT_VERSION() AS VERSION, CURRENT_USER() AS NAME, "
            "CURRENT_ROLE() AS ROLE, CURRENT_WAREHOUSE() AS WAREHOUSE"
        )[0]
        yield Finding("connection", "pass", f"account {row['ACCOUNT']}, Snowflake {row['VERSION']}, user {row['NAME']}")
        self.role = str(row["ROLE"] or "PUBLIC")
        self.grants = self._all_grants(self.role)
        if self.role == "ACCOUNTADMIN":
            yield Finding("role", "warn", "ACCOUNTADMIN: works, but a role of its own is safer for a scheduled job")
        else:
            yield Finding("role", "pass", f"{self.role}, with {len(self.grants)} grants")
        yield self._warehouse(row["WAREHOUSE"])

    def _warehouse(self, current: Any) -> Finding:
        name = current or self.wanted.warehouse
        if not name:
            return Finding(
                "warehouse",
                "fail",
                "none: manifests, checks and results are read with SELECT and COPY, which need one; "
                "name it in the Airflow connection",
            )
        parts = (str(name),)
        if self._has("USAGE", "WAREHOUSE", parts):
            return Finding("warehouse", "pass", str(name))
        return Finding(
            "warehouse",
            "fail",
            f"role {self.role} may not use {name}",
            f"GRANT USAGE ON WAREHOUSE {sql.identifier(str(name))} TO ROLE {sql.identifier(self.role)}",
        )

    def _stage(self, what: str, text: str, privilege: str) -> Iterator[Finding]:
        try:
            place = StagePath.parse(text, database=self.connection.database, schema=self.connection.schema)
        except ValueError as error:
            yield Finding(what, "fail", str(error))
            return
        role = sql.identifier(self.role)
        grant = f"GRANT {privilege} ON STAGE {place.stage_name} TO ROLE {role}"
        schema = (place.database, place.schema)
        row = self._visible(f"SHOW STAGES IN SCHEMA {sql.qualified(*schema)}", place.stage)
        if row is None:
            fix = f"{self._schema_usage(schema)}; {grant}"
            yield Finding(what, "fail", f"{place.stage_name} does not exist, or role {self.role} may not see it", fix)
            return
        yield self._privilege(f"{privilege} on {what}", privilege, "STAGE", (*schema, place.stage), grant)
        yield self._kind(what, place, row, writes=privilege == "WRITE")
        if privilege == "READ":
            on = str(row.get("directory_enabled") or "N").upper() in ("Y", "YES", "TRUE")
            yield Finding(
                "directory table",
                "pass" if on else "warn",
                "on" if on else 'off: source="list" works, source="directory" does not',
                ""
                if on
                else f"ALTER STAGE {place.stage_name} SET DIRECTORY = (ENABLE = TRUE); "
                f"ALTER STAGE {place.stage_name} REFRESH",
            )

    def _kind(self, what: str, place: StagePath, row: Mapping[str, Any], *, writes: bool) -> Finding:
        kind, url = str(row.get("type") or "INTERNAL").upper(), str(row.get("url") or "")
        check = f"kind of {what}"
        if writes:
            if not kind.startswith("EXTERNAL"):
                return Finding(check, "pass", kind)
            sse = f"{sql.qualified(place.database, place.schema)}.MB_RESULTS"
            return Finding(
                check,
                "fail",
                "external: jobs write to internal stages only; use the stage that the fix makes",
                f"CREATE STAGE IF NOT EXISTS {sse} ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')",
            )
        if kind.startswith("EXTERNAL"):
            if str(row.get("has_encryption_key") or "N").upper() == "Y":
                return Finding(check, "fail", "client-side encrypted: jobs cannot read it")
            if url.lower().startswith("s3"):
                return Finding(check, "pass", f"external, {url}")
            return Finding(check, "fail", f"external at {url}: jobs read external stages on Amazon S3 only")
        if "NO CSE" in kind:
            return Finding(check, "pass", "internal, server-side encrypted")
        return Finding(
            check,
            "warn",
            "internal, SNOWFLAKE_FULL: Snowflake asks for SNOWFLAKE_SSE, which is set when a stage is created",
        )

    def _pool(self, name: str) -> Iterator[Finding]:
        resolved = sql.resolve(name)
        role = sql.identifier(self.role)
        grant = f"GRANT USAGE ON COMPUTE POOL {sql.identifier(resolved)} TO ROLE {role}"
        row = self._visible("SHOW COMPUTE POOLS", resolved)
        if row is None:
            detail = f"{resolved} does not exist, or role {self.role} may not see it"
            yield Finding("compute pool", "fail", detail, grant)
            return
        yield self._privilege("USAGE on compute pool", "USAGE", "COMPUTE POOL", (resolved,), grant)
        state = str(row.get("state") or "").upper()
        if state in _READY_POOL:
            size = f"{row.get('instance_family')}, at most {row.get('max_nodes')} nodes"
            detail = f"{state.lower() or 'unknown state'}, {size}"
            asleep = state == "SUSPENDED" and str(row.get("auto_resume")).lower() == "false"
            fix = f"ALTER COMPUTE POOL {sql.identifier(resolved)} RESUME" if asleep else ""
            yield Finding("state of compute pool", "fail" if asleep else "pass", detail, fix)
        else:
            fix = f"ALTER COMPUTE POOL {sql.identifier(resolved)} RESUME"
            yield Finding("state of compute pool", "fail", state.lower(), fix)

    def _model(self, name: str) -> Iterator[Finding]:
        from airflow_provider_mediabatch.client import model_registry
        from airflow_provider_mediabatch.exceptions import InvalidInputError

        try:
            parts = qualified_name(self.connection, name, argument="--model", kind="model")
            grant = f"GRANT READ ON MODEL {sql.qualified(*parts)} TO ROLE {sql.identifier(self.role)}"
            facts = model_registry.resolve_version(self.connection, name, self.wanted.version)
        except InvalidInputError as error:
            fix = "" if "parts" not in locals() else f"{self._schema_usage(parts[:2])}; {grant}"
            yield Finding("model", "fail", error.what, fix)
            return
        yield Finding("model", "pass", f"{facts.model} version {facts.version}")
        yield self._privilege("READ on model", "READ", "MODEL", parts, grant)
        yield self._function(facts)

    def _function(self, facts: ModelInfo) -> Finding:
        found = facts.function(self.wanted.function)
        what = getattr(found, "what", None)
        if what is not None:
            return Finding("function", "fail", f"{what}: {getattr(found, 'fix', '')}")
        return Finding("function", "pass", str(getattr(found, "name", "")))

    def _job_schema(self) -> Finding:

        schema = (
            sql.split(self.wanted.job_schema)
            if self.wanted.job_schema
            else qualified_name(self.connection, str(self.wanted.model), argument="--model", kind="model")[:2]
        )
        if len(schema) != 2:
            return Finding("CREATE SERVICE on schema", "fail", f"{self.wanted.job_schema!r} is not DATABASE.SCHEMA")
        grant = f"GRANT CREATE SERVICE ON SCHEMA {sql.qualified(*schema)} TO ROLE {sql.identifier(self.role)}"
        return self._privilege("CREATE SERVICE on schema", "CREATE SERVICE", "SCHEMA", tuple(schema), grant)

    def _privilege(self, check: str, privilege: str, kind: str, name: tuple[str, ...], fix: str) -> Finding:
        if self._has(privilege, kind, name):
            return Finding(check, "pass", sql.qualified(*name))
        return Finding(
            check, "fail", f"role {self.role} has not been granted {privilege} on {sql.qualified(*name)}", fix
        )

    def _has(self, privilege: str, kind: str, name: tuple[str, ...]) -> bool:
        if self.role == "ACCOUNTADMIN":
            # It owns, or can grant itself, everything; what it inherits is more than SHOW GRANTS can tell cheaply.
            return True
        stronger = {"READ": ("WRITE",)}.get(privilege, ()) if kind == "STAGE" else ()
        enough = {privilege, *stronger, "OWNERSHIP", "ALL", "ALL PRIVILEGES"}
        return any((held, kind, name) in self.grants for held in enough)

    def _all_grants(self, role: str) -> set[tuple[str, str, tuple[str, ...]]]:
        """What a role holds itself and through the roles granted to it, and what everybody holds."""
        found: set[tuple[str, str, tuple[str, ...]]] = set()
        seen: set[str] = set()
        todo = [role, "PUBLIC"]
        while todo:
            current = todo.pop()
            if current in seen:
                continue
            seen.add(current)
            for row in self._show_or_nothing(f"SHOW GRANTS TO ROLE {sql.identifier(current)}"):
                kind = str(row["granted_on"]).upper().replace("_", " ")
                name = _parts(str(row["name"]))
                if kind == "ROLE":
                    todo.append(name[-1])
                else:
                    found.add((str(row["privilege"]).upper(), kind, name))
        return found

    def _schema_usage(self, schema: tuple[str, ...]) -> str:
        role = sql.identifier(self.role)
        return (
            f"GRANT USAGE ON DATABASE {sql.identifier(schema[0])} TO ROLE {role}; "
            f"GRANT USAGE ON SCHEMA {sql.qualified(*schema)} TO ROLE {role}"
        )

    def _visible(self, statement: str, name: str) -> dict[str, Any] | None:
        return next((row for row in self._show_or_nothing(statement) if str(row["name"]) == name), None)

    def _show(self, statement: str) -> list[dict[str, Any]]:
        from airflow_provider_mediabatch.client.connection import rows

        return rows(self.connection, statement)

    def _show_or_nothing(self, statement: str) -> list[dict[str, Any]]:
        from snowflake.connector.errors import ProgrammingError

        try:
            return self._show(statement)
        except ProgrammingError:
            return []  # one error stands for "is not there" and "may not be seen": both are an empty answer here


def _parts(name: str) -> tuple[str, ...]:
    try:
        return sql.split(name)
    except ValueError:
        return (name,)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
