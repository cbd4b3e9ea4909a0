"""Whether the account has everything that a batch needs, and the SQL that adds what it lacks.

The privileges come from the one table, :mod:`~airflow_provider_mediabatch.core.grants`. A fix is run by a role that may
grant (the objects' owner, or SECURITYADMIN). Nothing is started or changed, and only one SELECT uses the warehouse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.client.model_registry import resolve_version
from airflow_provider_mediabatch.core import grants, sql
from airflow_provider_mediabatch.core.grants import Grant, Name
from airflow_provider_mediabatch.core.job_names import did_you_mean
from airflow_provider_mediabatch.core.snowflake_objects import Problem
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.validation.doctor.account_parameters import check_parameters
from airflow_provider_mediabatch.validation.doctor.batch_settings import BatchSettings, SettingError
from airflow_provider_mediabatch.validation.doctor.check_result import CheckResult, error_line
from airflow_provider_mediabatch.validation.doctor.role_privileges import ADMINISTRATOR, RolePrivileges

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

_READY_POOL = frozenset({"ACTIVE", "IDLE", "STARTING", "RESIZING", "SUSPENDED", "UNKNOWN", ""})
_SSE = "ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')"
_CREATE = {
    "STAGE": f"CREATE STAGE {{}} DIRECTORY = (ENABLE = TRUE) {_SSE}",
    "COMPUTE POOL": "CREATE COMPUTE POOL {} MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = CPU_X64_S",
}
"""How an object is created; other kinds need no options."""
_MADE_BY_USERS = {
    "MODEL": "Log it with Registry.log_model",
    "TABLE": "Create it with two columns, the file and its label",
    "STREAM": "Create it with CREATE STREAM … ON STAGE …",
}
"""How users make what no statement here creates. The table is that of the labels: the ledger and the results table are
asked for only when they exist."""
_OPTIONAL = ("model", "input_stage", "output_stage", "compute_pool")


def check_account(connect: Callable[[], SnowflakeConnection], settings: BatchSettings) -> Iterator[CheckResult]:
    """Check everything that the account must have.

    :param connect: logs in; called once, and its connection is closed here.
    :param settings: what the batch is to use.
    """
    try:
        connection = connect()
    except Exception as error:  # whatever keeps it from connecting is the result
        yield CheckResult("connection", "fail", error_line(error))
        return
    with connection:
        yield from _AccountCheck(connection, settings).run()


class _AccountCheck:
    """The checks over one connection."""

    def __init__(self, connection: SnowflakeConnection, settings: BatchSettings) -> None:
        self._connection = connection
        self._settings = settings
        row = rows(
            connection,
            "SELECT CURRENT_ACCOUNT() AS ACCOUNT, CURRENT_VERSION() AS VERSION, CURRENT_USER() AS NAME, "
            "CURRENT_ROLE() AS ROLE, CURRENT_WAREHOUSE() AS WAREHOUSE",
        )[0]
        self._session = row
        self._role = RolePrivileges(connection, str(row["ROLE"] or "PUBLIC"))

    def run(self) -> Iterator[CheckResult]:
        yield from self._check_session()
        try:
            objects = self._settings.objects(self._connection.database, self._connection.schema)
        except SettingError as error:
            yield CheckResult(error.setting.replace("_", " "), "fail", str(error))
            return
        yield from self._check_given(objects)
        shown = self._shown(objects)
        if "drift_table" not in shown:
            # Without max_drift nobody needs it, so only one that is there is checked.
            objects.pop("drift_table", None)
        tables = [objects[name] for name in ("ledger", "ledger_lock", "results_table", "drift_table") if name in shown]
        external = [objects[name] for name, row in shown.items() if row.get("url")]
        for grant in grants.required(objects, existing=tables, external=external):
            yield self._check_grant(grant, objects.get("input_stage"))
        for name, row in shown.items():
            yield from self._check_object(name, objects[name], row)
        for name in ("ledger", "results_table"):
            if name in objects and name not in shown:
                yield self._new_table(name, objects[name])
        schemas = [objects[name][:2] for name in ("ledger", "results_table") if name in objects]
        yield from check_parameters(self._connection, str(self._session["NAME"]), schemas)

    def _check_given(self, objects: dict[str, Name]) -> Iterator[CheckResult]:
        """What was not named; the session's own warehouse is added to the objects."""
        if self._session["WAREHOUSE"]:
            objects["warehouse"] = (str(self._session["WAREHOUSE"]),)
        elif "warehouse" not in objects:
            detail = "none: SELECT, COPY INTO and MERGE need one. Name it in the Airflow connection"
            yield CheckResult("warehouse", "fail", detail)
        for name in _OPTIONAL:
            if name not in objects:
                yield CheckResult(name.replace("_", " "), "skip", "not given")

    def _check_object(self, name: str, full_name: Name, row: Mapping[str, Any]) -> Iterator[CheckResult]:
        """What an object that the role sees must be like."""
        if name in ("input_stage", "output_stage"):
            yield from _check_stage(name, full_name, row)
        elif name == "compute_pool":
            yield _check_pool_state(full_name, row)
        elif name == "model":
            yield from self._check_model(sql.qualified(*full_name))

    def _check_session(self) -> Iterator[CheckResult]:
        row, role = self._session, self._role.role
        yield CheckResult(
            "connection", "pass", f"account {row['ACCOUNT']}, Snowflake {row['VERSION']}, user {row['NAME']}"
        )
        if role == ADMINISTRATOR:
            yield CheckResult("role", "warn", f"{role} works, but a scheduled job should have a role with less power")
        else:
            yield CheckResult("role", "pass", f"{role}, with {len(self._role)} privileges")

    def _shown(self, objects: Mapping[str, Name]) -> dict[str, dict[str, Any]]:
        """The row of SHOW of each object that the role sees."""
        kinds = {row.object: row.kind for row in grants.TABLE if row.kind != "SCHEMA"}
        found = {name: self._role.find(kinds[name], objects[name]) for name in objects if name in kinds}
        return {name: row for name, row in found.items() if row is not None}

    def _check_grant(self, grant: Grant, stage: Name | None) -> CheckResult:
        """The privileges on one object; where the object may not exist, what would create it.

        :param stage: the input stage, which a stream is on.
        """
        role, name = self._role.role, sql.qualified(*grant.name)
        check = f"{grant.kind.lower()} {name}"
        missing = self._role.missing(grant)
        if not missing.privileges and not self._role.sees_everything:
            return CheckResult(check, "pass", ", ".join(grant.privileges))
        if self._role.find(grant.kind, grant.name) is not None:
            if not missing.privileges:
                return CheckResult(check, "pass", ", ".join(grant.privileges))
            return CheckResult(
                check, "fail", f"role {role} lacks {', '.join(missing.privileges)}", missing.statement_sql(role)
            )
        meant = did_you_mean(grant.name[-1], self._role.names(grant.kind, grant.name))
        create = _create_sql(grant.kind, name, stage)
        otherwise = _MADE_BY_USERS.get(grant.kind, "")
        if self._role.sees_everything:
            return CheckResult(
                check, "fail", f"does not exist{meant}" + ("" if create or not otherwise else f". {otherwise}"), create
            )
        return CheckResult(
            check,
            "fail",
            f"does not exist, or role {role} may not see it{meant}. If it does not exist: {create or otherwise}",
            missing.statement_sql(role),
        )

    def _check_model(self, name: str) -> Iterator[CheckResult]:
        try:
            facts = resolve_version(self._connection, name, self._settings.version)
        except InvalidInputError as error:
            yield CheckResult("model version", "fail", error.what)
            return
        yield CheckResult("model version", "pass", f"{facts.model} version {facts.version}")
        found = facts.function(self._settings.function)
        if isinstance(found, Problem):
            yield CheckResult("model function", "fail", f"{found.what}: {found.fix}")
        else:
            yield CheckResult("model function", "pass", found.name)

    def _new_table(self, setting: str, name: Name) -> CheckResult:
        """A table that the first run creates, unless it is one that the role only does not see."""
        detail = f"{sql.qualified(*name)} does not exist yet: the first run creates it"
        if not self._role.sees_everything:
            exists = grants.required({setting: name}, existing=[name])[-1]
            detail += f". If it does exist: {exists.statement_sql(self._role.role)}"
        return CheckResult(setting.replace("_", " "), "pass", detail)


def _create_sql(kind: str, name: str, stage: Name | None) -> str:
    """The statement that creates such an object; none for what users make, and for a stream on an unknown stage."""
    if kind == "STREAM":
        return f"CREATE STREAM {name} ON STAGE {sql.qualified(*stage)}" if stage else ""
    return "" if kind in _MADE_BY_USERS else _CREATE.get(kind, f"CREATE {kind} {{}}").format(name)


def _check_stage(setting: str, name: Name, row: Mapping[str, Any]) -> Iterator[CheckResult]:
    """Whether jobs can use the stage; its row of SHOW STAGES says."""
    check, stage = f"kind of {setting.replace('_', ' ')}", sql.qualified(*name)
    kind, url = str(row.get("type") or "INTERNAL").upper(), str(row.get("url") or "")
    if setting == "output_stage":
        if kind.startswith("EXTERNAL"):
            internal = sql.qualified(*name[:2], "MB_RESULTS")
            yield CheckResult(
                check,
                "fail",
                f"external: jobs write to internal stages only. Use {internal}, which the fix creates",
                f"CREATE STAGE IF NOT EXISTS {internal} {_SSE}",
            )
        else:
            yield CheckResult(check, "pass", kind.lower())
        return
    if kind.startswith("EXTERNAL"):
        if str(row.get("has_encryption_key") or "N").upper() == "Y":
            yield CheckResult(check, "fail", "client-side encrypted: jobs cannot read it")
        elif url.lower().startswith("s3"):
            yield CheckResult(check, "pass", f"external, {url}")
        else:
            yield CheckResult(check, "fail", f"external at {url}: jobs read external stages on Amazon S3 only")
    elif "NO CSE" in kind:
        yield CheckResult(check, "pass", "internal, encrypted on the server")
    else:
        yield CheckResult(
            check,
            "warn",
            "internal, SNOWFLAKE_FULL: Snowflake recommends SNOWFLAKE_SSE, which is set when a stage is created. "
            "Here a file that is uploaded again unchanged is new, and one of less than 16 bytes counts as empty",
        )
    if str(row.get("directory_enabled") or "N").upper() in ("Y", "YES", "TRUE"):
        yield CheckResult("directory table", "pass", "on")
    else:
        yield CheckResult(
            "directory table",
            "warn",
            'off: source="list" works, source="directory" does not',
            f"ALTER STAGE {stage} SET DIRECTORY = (ENABLE = TRUE); ALTER STAGE {stage} REFRESH",
        )


def _check_pool_state(name: Name, row: Mapping[str, Any]) -> CheckResult:
    """Whether jobs can start in the compute pool, or would wait without an end."""
    state = str(row.get("state") or "").upper()
    asleep = state == "SUSPENDED" and str(row.get("auto_resume")).lower() == "false"
    if asleep or state not in _READY_POOL:
        fix = f"ALTER COMPUTE POOL {sql.qualified(*name)} RESUME"
        return CheckResult("state of compute pool", "fail", state.lower(), fix)
    size = f"{row.get('instance_family')}, at most {row.get('max_nodes')} nodes"
    return CheckResult("state of compute pool", "pass", f"{state.lower() or 'unknown state'}, {size}")
