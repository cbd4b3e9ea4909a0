"""DATE_, TIME_ and TIMESTAMP_…_OUTPUT_FORMAT: how dates and times become text in a session.

The formats are variables of the session's DuckDB connection, which the macros ``mb_…_formatted`` read.

Source: Snowflake's reference, page "Date and time input and output formats", section "About the elements used in input
and output formats"; page "Parameters", for which format a type has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from airflow_provider_mediabatch.local.errors import not_supported
from airflow_provider_mediabatch.local.session.session import DEFAULT_PARAMETERS, Session
from airflow_provider_mediabatch.local.stores.tables.macros import OFFSET_MARKS
from airflow_provider_mediabatch.local.stores.tables.text import text_literal

_PARAMETERS = {
    "mb_date_format": ("DATE_OUTPUT_FORMAT",),
    "mb_time_format": ("TIME_OUTPUT_FORMAT",),
    "mb_ntz_format": ("TIMESTAMP_NTZ_OUTPUT_FORMAT", "TIMESTAMP_OUTPUT_FORMAT"),
    "mb_ltz_format": ("TIMESTAMP_LTZ_OUTPUT_FORMAT", "TIMESTAMP_OUTPUT_FORMAT"),
    "mb_tz_format": ("TIMESTAMP_TZ_OUTPUT_FORMAT", "TIMESTAMP_OUTPUT_FORMAT"),
}
"""The parameters that say how each kind is written; of two, the first that is not empty."""
OUTPUT_FORMATS = frozenset(name for names in _PARAMETERS.values() for name in names)
_ELEMENTS = {
    "YYYY": "%Y", "YY": "%y", "MMMM": "%B", "MON": "%b", "MM": "%m", "DD": "%d", "DY": "%a", "HH24": "%H", "HH12": "%I",
    "AM": "%p", "PM": "%p", "MI": "%M", "SS": "%S", "FF0": "", "FF3": "%g", "FF6": "%f", "FF9": "%f000", "FF": "%f000",
    **OFFSET_MARKS,
}  # fmt: skip
"""Snowflake's elements in strftime's. Of nine digits of a second the last three are zeros."""
_ELEMENT = re.compile(
    r'"(?P<quoted>[^"]*)"|(?P<element>YYYY|YY|MMMM|MON|MM|DD|DY|HH24|HH12|AM|PM|MI|SS|FF\d?|TZH:?TZM|TZH|TZM)|(?P<other>.)',
    re.IGNORECASE | re.DOTALL,
)


def strftime(form: str) -> str:
    """A format of Snowflake's as one for DuckDB's ``strftime``, with marks where an offset is to stand.

    :raises SnowflakeError: by name, for a number of digits of a second that DuckDB does not write.
    """
    found = []
    for match in _ELEMENT.finditer(form):
        element = match["element"]
        if element is None:
            found.append((match["quoted"] if match["other"] is None else match["other"]).replace("%", "%%"))
        elif element.upper() in _ELEMENTS:
            found.append(_ELEMENTS[element.upper()])
        else:
            raise not_supported(f"{element.upper()} in a format of times, other than FF0, FF3, FF6 and FF9")
    return "".join(found)


def follow(session: Session, parameters: Mapping[str, object]) -> None:
    """Have a session write dates and times as parameters say.

    :param parameters: with all of :data:`OUTPUT_FORMATS`.
    :raises SnowflakeError: as :func:`strftime`.
    """
    formats: dict[str, str | None] = {}
    for variable, names in _PARAMETERS.items():
        name = next((each for each in names if parameters[each]), names[-1])
        form = str(parameters[name])
        formats[variable] = None if form.upper() in (DEFAULT_PARAMETERS[name], "", "AUTO") else strftime(form)
    for variable, wanted in formats.items():
        value = "NULL" if wanted is None else text_literal(wanted)
        session.duckdb.execute(f"SET VARIABLE {variable} = {value}")
