"""Parameters that no login can set, and with which the provider's statements are refused or mean something else.

Source: Snowflake's reference, page "Parameters", where each of them is an account, user or object parameter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.grants import Name
from airflow_provider_mediabatch.validation.doctor.check_result import CheckResult, error_line

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection


@dataclass(frozen=True)
class _Parameter:
    """A parameter, and what to do about its value.

    :param bad: a regular expression of the values with which statements fail, in any case.
    :param trouble: what such a value does.
    :param fix: the statement that sets it, for the object that has it.
    """

    name: str
    bad: str
    trouble: str
    fix: str


_OF_USER = _Parameter(
    "PREVENT_UNLOAD_TO_INTERNAL_STAGES",
    "TRUE",
    "no manifest can be written: COPY INTO an internal stage is refused",
    "ALTER USER {} SET PREVENT_UNLOAD_TO_INTERNAL_STAGES = FALSE",
)
_OF_SCHEMA = (
    _Parameter(
        "DEFAULT_DDL_COLLATION",
        "(?!UTF8$|BIN$).+",
        "tables made here compare text by this collation, so two files whose paths differ in case only can become one",
        "ALTER SCHEMA {} SET DEFAULT_DDL_COLLATION = ''",
    ),
    _Parameter(
        "DEFAULT_METADATA_WRITE_FORMAT",
        "ICEBERG",
        "CREATE TABLE makes Iceberg tables, which lack what the ledger and the results table need. Use another schema",
        "",
    ),
)


def check_parameters(connection: SnowflakeConnection, user: str, schemas: Iterable[Name]) -> Iterator[CheckResult]:
    """Check those of the user, and those of the schemas where tables are made. A statement for each of them.

    :param user: the session's own.
    :param schemas: ``(database, schema)`` of the ledger and of the results table.
    """
    yield from _check(connection, (_OF_USER,), "USER", sql.quoted(user))
    for schema in dict.fromkeys(schemas):
        yield from _check(connection, _OF_SCHEMA, "SCHEMA", sql.qualified(*schema))


def _check(
    connection: SnowflakeConnection, parameters: Iterable[_Parameter], kind: str, name: str
) -> Iterator[CheckResult]:
    check = f"parameters of {kind.lower()} {name}"
    try:
        found = rows(connection, f"SHOW PARAMETERS IN {kind} {name}")
    except Exception as error:  # what the role may not read is not known to be wrong
        yield CheckResult(check, "skip", error_line(error))
        return
    values = {str(row["key"]): str(row["value"] or "") for row in found}
    bad = [each for each in parameters if re.fullmatch(each.bad, values.get(each.name, ""), re.IGNORECASE)]
    if not bad:
        yield CheckResult(check, "pass", "as the statements need them")
    for each in bad:
        yield CheckResult(check, "fail", f"{each.name} = {values[each.name]}: {each.trouble}", each.fix.format(name))
