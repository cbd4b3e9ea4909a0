"""The privileges that a batch needs, as one table.

The grants of docs/privileges.md, ``mediabatch doctor`` and the errors of a missing privilege are all made from
:data:`TABLE`. Each row follows from a statement that an operator sends; the privilege that the statement needs is the
one that Snowflake documents for it (the section "Access control requirements" of its page, and GRANT <privileges> for
stages).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from airflow_provider_mediabatch.core import sql

Name = tuple[str, ...]
"""An object's name in resolved parts: ``("DB", "SCHEMA", "STAGE")``, ``("POOL",)``."""

DOCTOR = "`mediabatch doctor` lists every missing privilege with its GRANT"


@dataclass(frozen=True)
class Row:
    """One privilege that some statement needs.

    :param privilege: as GRANT names it.
    :param kind: the kind of object, as GRANT names it. ``SCHEMA`` means the schema of ``object``.
    :param object: which of the batch's objects: a key of what :func:`required` takes.
    :param statements: how the statements begin that need the privilege.
    :param only: the row holds only where the object (a table) is there already (``exists``), or is not (``missing``);
        ``new columns`` is asked for by no check, only named when it is missed (``schema_change="evolve"``).
    """

    privilege: str
    kind: str
    object: str
    statements: tuple[str, ...]
    only: str = ""


_READ_STAGED = ("LIST", "SELECT", "COPY INTO")

TABLE: tuple[Row, ...] = (
    Row("CREATE SERVICE", "SCHEMA", "job_schema", ("EXECUTE INFERENCE JOB SERVICE",)),
    Row("CREATE FILE FORMAT", "SCHEMA", "job_schema", ("CREATE TEMPORARY FILE FORMAT",)),
    Row("CREATE TABLE", "SCHEMA", "ledger", ("CREATE TABLE",), only="missing"),
    Row("CREATE TABLE", "SCHEMA", "ledger_lock", ("CREATE TABLE",), only="missing"),
    Row("CREATE TABLE", "SCHEMA", "results_table", ("CREATE TABLE",), only="missing"),
    Row("CREATE TABLE", "SCHEMA", "drift_table", ("CREATE TABLE",), only="missing"),
    Row("USAGE", "WAREHOUSE", "warehouse", ("SELECT", "COPY INTO", "MERGE", "UPDATE", "INSERT", "DELETE")),
    Row("USAGE", "COMPUTE POOL", "compute_pool", ("EXECUTE INFERENCE JOB SERVICE", "SHOW COMPUTE POOLS")),
    Row("READ", "MODEL", "model", ("EXECUTE INFERENCE JOB SERVICE", "SHOW VERSIONS IN MODEL")),
    Row("READ", "STAGE", "input_stage", ("LIST", "SELECT", "EXECUTE INFERENCE JOB SERVICE")),
    Row("SELECT", "STREAM", "stream", ("SELECT", "SHOW STREAMS", "CREATE TEMPORARY TABLE")),
    Row("WRITE", "STAGE", "refreshed_stage", ("ALTER STAGE",)),
    Row("READ", "STAGE", "manifest_stage", (*_READ_STAGED, "EXECUTE INFERENCE JOB SERVICE")),
    Row("WRITE", "STAGE", "manifest_stage", ("COPY INTO",)),
    Row("READ", "STAGE", "output_stage", _READ_STAGED),
    Row("WRITE", "STAGE", "output_stage", ("EXECUTE INFERENCE JOB SERVICE", "REMOVE")),
    Row("READ", "IMAGE REPOSITORY", "image_repository", ("EXECUTE INFERENCE JOB SERVICE",)),
    Row("SELECT", "TABLE", "ledger", ("SELECT", "MERGE", "UPDATE"), only="exists"),
    Row("INSERT", "TABLE", "ledger", ("MERGE",), only="exists"),
    Row("UPDATE", "TABLE", "ledger", ("MERGE", "UPDATE"), only="exists"),
    Row("SELECT", "TABLE", "ledger_lock", ("SELECT", "UPDATE"), only="exists"),
    Row("UPDATE", "TABLE", "ledger_lock", ("UPDATE",), only="exists"),
    Row("SELECT", "TABLE", "results_table", ("SELECT", "DELETE"), only="exists"),
    Row("INSERT", "TABLE", "results_table", ("INSERT",), only="exists"),
    Row("DELETE", "TABLE", "results_table", ("DELETE",), only="exists"),
    Row("SELECT", "TABLE", "labels", ("WITH", "SELECT")),
    Row("OWNERSHIP", "TABLE", "results_table", ("ALTER TABLE",), only="new columns"),
    Row("SELECT", "TABLE", "drift_table", ("SELECT", "WITH", "DELETE"), only="exists"),
    Row("INSERT", "TABLE", "drift_table", ("INSERT",), only="exists"),
    Row("DELETE", "TABLE", "drift_table", ("DELETE",), only="exists"),
)
"""Every privilege but USAGE on the databases and schemas that hold the objects, which :func:`required` adds. The
``drift_table`` is used with ``max_drift`` only."""

_WITHOUT_SCHEMA = ("WAREHOUSE", "COMPUTE POOL")


@dataclass(frozen=True)
class Grant:
    """Privileges on one object, to be granted in one statement.

    :param kind: the kind of object, as GRANT names it.
    :param name: its name.
    :param privileges: as GRANT names them, in the table's order (READ before WRITE, as GRANT wants it).
    """

    kind: str
    name: Name
    privileges: tuple[str, ...]

    def without(self, held: Collection[str]) -> Grant:
        """The privileges that are not among these."""
        return Grant(self.kind, self.name, tuple(item for item in self.privileges if item not in held))

    def statement_sql(self, role: str | None = None) -> str:
        """The GRANT.

        :param role: the role as Snowflake stores its name; without it the text says ``…``.
        """
        return grant_sql(", ".join(self.privileges), self.kind, sql.qualified(*self.name), role)


def required(
    objects: Mapping[str, Name], *, existing: Collection[Name] = (), external: Collection[Name] = ()
) -> list[Grant]:
    """The privileges for these objects: one :class:`Grant` for each object, containers first, none twice.

    :param objects: name by the ``object`` of :data:`TABLE`; a feature that is not used has no entry.
    :param existing: tables that are there already.
    :param external: external stages, which need USAGE where an internal one needs READ.
    """
    found: dict[tuple[str, Name], dict[str, None]] = {}
    for row in TABLE:
        name = objects.get(row.object)
        if name is None or row.only not in ("", "exists" if name in existing else "missing"):
            continue
        if row.kind not in _WITHOUT_SCHEMA:
            found.setdefault(("DATABASE", name[:1]), {})["USAGE"] = None
            found.setdefault(("SCHEMA", name[:2]), {})["USAGE"] = None
        privilege = "USAGE" if row.kind == "STAGE" and name in external else row.privilege
        found.setdefault((row.kind, name[:2] if row.kind == "SCHEMA" else name), {})[privilege] = None
    order = {"DATABASE": 0, "SCHEMA": 1}
    grants = [Grant(kind, name, tuple(privileges)) for (kind, name), privileges in found.items()]
    return sorted(grants, key=lambda grant: order.get(grant.kind, 2))


def grant_sql(privileges: str, kind: str, name: str, role: str | None = None) -> str:
    """One GRANT as text.

    :param privileges: separated by commas.
    :param kind: as GRANT names it.
    :param name: the object's name as SQL.
    :param role: the role as Snowflake stores its name; without it the text says ``…``.
    """
    return f"GRANT {privileges} ON {kind} {name} TO ROLE {sql.identifier(role) if role else '…'}"


def grant_for(object: str, name: str) -> str:
    """The GRANTs that an object of a batch needs, as text for a message, for one whose name is known.

    :param object: as in :data:`TABLE`; also ``database`` and ``schema``.
    :param name: the object's name as SQL.
    """
    if object in ("database", "schema"):
        return grant_sql("USAGE", object.upper(), name)
    rows = [row for row in TABLE if row.object == object and row.kind != "SCHEMA"]
    return grant_sql(", ".join(dict.fromkeys(row.privilege for row in rows)), rows[0].kind, name)


_OBJECT = r"(?P<kind>[a-z_ ]+?) '(?P<name>(?:[^']|'')+)'"
_REFUSED = re.compile(rf"Insufficient privileges to operate on {_OBJECT}", re.IGNORECASE)
_UNSEEN = re.compile(rf"{_OBJECT} does not exist or not authorized", re.IGNORECASE)
_NAME = re.compile(r'(?:"(?:[^"]|"")*"|[A-Za-z_][A-Za-z0-9_$]*)(?:[.](?:"(?:[^"]|"")*"|[A-Za-z_][A-Za-z0-9_$]*))*')
_ON_TABLES = ("SELECT", "WITH", "MERGE", "UPDATE", "INSERT", "DELETE", "ALTER TABLE")


def missing_grant(message: str, statement: str | None, role: str | None = None) -> str | None:
    """What Snowflake's errors 003001 and 002003 leave out: which GRANT the statement needs.

    :param message: the error's text, ``Insufficient privileges to operate on schema 'PUBLIC'`` or ``Stage
        'DB.PUBLIC.WORK' does not exist or not authorized``.
    :param statement: the statement that failed, where it is known.
    :param role: the role as Snowflake stores its name.
    :return: the GRANT as text; None where the error names no object of the table.
    """
    match = _REFUSED.search(message)
    unseen = None if match else _UNSEEN.search(message)
    found = match or unseen
    if found is None:
        return None
    kind, name = found["kind"].strip().upper().replace("_", " "), found["name"]
    begin = " ".join((statement or "").upper().split())
    if kind == "OBJECT" and begin.startswith(_ON_TABLES):
        kind = "TABLE"
    if unseen and kind in ("DATABASE", "SCHEMA"):
        return grant_sql("USAGE", kind, _full_name(name, kind, statement or ""), role)
    rows = [row for row in TABLE if row.kind == kind]
    if not rows:
        return None
    sent = [row for row in rows if begin.startswith(row.statements)]
    privileges = ", ".join(dict.fromkeys(row.privilege for row in sent or rows))
    return grant_sql(privileges, kind, _full_name(name, kind, statement or ""), role)


def _full_name(name: str, kind: str, statement: str) -> str:
    """The name with its database and schema, where the error or the statement has them.

    003001 names an object by its last part alone, 002003 as the statement does.
    """
    length = {"DATABASE": 1, "SCHEMA": 2}.get(kind, 3)
    for match in _NAME.finditer(statement):
        try:
            parts = sql.split(match.group())
        except ValueError:
            continue
        if len(parts) >= length and name in (parts[length - 1], sql.qualified(*parts[:length])):
            return sql.qualified(*parts[:length])
    try:
        return sql.qualified(*sql.split(name))
    except ValueError:
        return sql.identifier(name)


def statements_sql(grants: Iterable[Grant], role: str) -> list[str]:
    """The GRANTs to a role, one for each object."""
    return [grant.statement_sql(role) for grant in grants]
