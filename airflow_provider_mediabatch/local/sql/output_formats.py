"""DATE_, TIME_ and TIMESTAMP_…_OUTPUT_FORMAT: how dates and times become text in a session.

The formats are variables of the session's DuckDB connection, which the macros ``mb_…_formatted`` read.

Source: Snowflake's reference, page "Date and time input and output formats", section "About the elements used in input
and output formats"; page "Parameters", for which format a type has.
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_mediabatch.local.session.session import DEFAULT_PARAMETERS, Session
from airflow_provider_mediabatch.local.sql.time_formats import SHARED, with_elements
from airflow_provider_mediabatch.local.stores.tables.macros import DIGIT_MARKS, OFFSET_MARKS
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
    **SHARED, "FF0": "", "FF3": "%g", "FF6": "%f", "FF7": "%f0", "FF8": "%f00", "FF9": "%f000", "FF": "%f000",
    **DIGIT_MARKS, **OFFSET_MARKS,
}  # fmt: skip
"""Snowflake's elements in strftime's. Of nine digits of a second the last three are zeros."""


def strftime(form: str) -> str:
    """A format of Snowflake's as one for DuckDB's ``strftime``, with marks for what that does not write."""
    return with_elements(form, _ELEMENTS)


def follow(session: Session, parameters: Mapping[str, object]) -> None:
    """Have a session write dates and times as parameters say.

    :param parameters: with all of :data:`OUTPUT_FORMATS`.
    """
    formats: dict[str, str | None] = {}
    for variable, names in _PARAMETERS.items():
        name = next((each for each in names if parameters[each]), names[-1])
        form = str(parameters[name])
        formats[variable] = None if form.upper() in (DEFAULT_PARAMETERS[name], "", "AUTO") else strftime(form)
    for variable, wanted in formats.items():
        value = "NULL" if wanted is None else text_literal(wanted)
        session.duckdb.execute(f"SET VARIABLE {variable} = {value}")
