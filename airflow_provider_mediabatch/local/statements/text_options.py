"""What a CSV or JSON file format's options say.

Source of the options and their defaults: Snowflake's reference, page "CREATE FILE FORMAT", sections "TYPE = CSV" and
"TYPE = JSON".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_mediabatch.local.errors import invalid_argument, not_supported
from airflow_provider_mediabatch.local.statements import options

_COMMON: dict[str, Any] = {
    "COMPRESSION": "AUTO",
    "DATE_FORMAT": "AUTO",
    "TIME_FORMAT": "AUTO",
    "TIMESTAMP_FORMAT": "AUTO",
    "BINARY_FORMAT": "HEX",
    "TRIM_SPACE": False,
    "MULTI_LINE": True,
    "NULL_IF": ["\\N"],
    "FILE_EXTENSION": None,
    "REPLACE_INVALID_CHARACTERS": False,
    "SKIP_BYTE_ORDER_MARK": True,
    "ENCODING": "UTF8",
}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "CSV": {
        **_COMMON,
        "RECORD_DELIMITER": "\n",
        "FIELD_DELIMITER": ",",
        "PARSE_HEADER": False,
        "SKIP_HEADER": 0,
        "SKIP_BLANK_LINES": False,
        "ESCAPE": None,
        "ESCAPE_UNENCLOSED_FIELD": "\\",
        "FIELD_OPTIONALLY_ENCLOSED_BY": None,
        "ERROR_ON_COLUMN_COUNT_MISMATCH": True,
        "EMPTY_FIELD_AS_NULL": True,
    },
    "JSON": {
        **_COMMON,
        "NULL_IF": [],
        "ENABLE_OCTAL": False,
        "ALLOW_DUPLICATE": False,
        "STRIP_OUTER_ARRAY": False,
        "STRIP_NULL_VALUES": False,
        "IGNORE_UTF8_ERRORS": False,
    },
}
_REFUSED = {
    "BINARY_FORMAT": "HEX",
    "MULTI_LINE": True,
    "SKIP_BYTE_ORDER_MARK": True,
    "ENABLE_OCTAL": False,
    "ALLOW_DUPLICATE": False,
}
"""Options that are carried out with this value only."""
_COMPRESSIONS = ("AUTO", "NONE", "GZIP", "BZ2", "BROTLI", "ZSTD")
_CHARACTERS = (
    "RECORD_DELIMITER",
    "FIELD_DELIMITER",
    "ESCAPE",
    "ESCAPE_UNENCLOSED_FIELD",
    "FIELD_OPTIONALLY_ENCLOSED_BY",
)
_CODE = re.compile(r"(?:0x|\\x)([0-9A-Fa-f]{2})|\\([0-7]{3})")
"""A character's number: hexadecimal after ``0x`` or ``\\x``, octal after a backslash."""
_TIMES = ("DATE_FORMAT", "TIME_FORMAT", "TIMESTAMP_FORMAT")


def check(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a format with Snowflake's defaults for those that it does not name.

    :param given: with TYPE = CSV or JSON.
    :raises SnowflakeError: for an option that the type does not have; by name for what the engine does not carry out.
    """
    kind = str(given["TYPE"])
    found = dict(_DEFAULTS[kind])
    for name, value in given.items():
        if name in ("TYPE", "COMMENT"):
            continue
        if name not in found:
            raise invalid_argument(f"invalid property '{name}' for '{kind}'")
        found[name] = options.boolean(name, value) if isinstance(found[name], bool) else _given(name, value)
    if (quote := found.get("FIELD_OPTIONALLY_ENCLOSED_BY")) not in (None, "'", '"'):
        raise invalid_argument(f"FIELD_OPTIONALLY_ENCLOSED_BY is NONE, ' or \", and not '{quote}'")
    for name, only in _REFUSED.items():
        if name in found and found[name] != only:
            raise not_supported(f"{name} = {found[name]} of {kind} files")
    if found["COMPRESSION"] not in _COMPRESSIONS:
        raise not_supported(f"COMPRESSION = {found['COMPRESSION']} of {kind} files")
    if found["ENCODING"].replace("-", "") not in ("UTF8", "ISO88591"):
        raise not_supported(f"ENCODING = {found['ENCODING']} of {kind} files")
    return found


def _given(name: str, value: Any) -> Any:
    """An option's value in its one form."""
    if isinstance(value, str) and value.upper() == "NONE" and name not in ("COMPRESSION", "NULL_IF"):
        return None
    if name in ("COMPRESSION", "BINARY_FORMAT", "ENCODING"):
        return str(value).upper()
    if name in _CHARACTERS:
        return _CODE.sub(lambda code: chr(int(code[1], 16) if code[1] else int(code[2], 8)), str(value))
    return value


@dataclass(frozen=True)
class TextFormat:
    """How a CSV or JSON file is read.

    :param kind: ``CSV`` or ``JSON``.
    :param times: DATE_FORMAT, TIME_FORMAT and TIMESTAMP_FORMAT, by type (``DATE``); those that are AUTO are left out.
    """

    kind: str
    compression: str
    encoding: str
    replace_invalid: bool
    trim: bool
    null_if: frozenset[str]
    times: dict[str, str]
    record: str | None = None
    field: str | None = None
    enclosed: str | None = None
    escape: str | None = None
    escape_plain: str | None = None
    header: bool = False
    skip: int = 0
    skip_blank: bool = False
    strict_width: bool = True
    empty_is_null: bool = True
    outer_array: bool = False
    strip_nulls: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> TextFormat:
        """The format that a FILE_FORMAT clause means; see :func:`check`."""
        found = check(given)
        nulls = found["NULL_IF"]
        csv = given["TYPE"] == "CSV"
        return cls(
            kind=str(given["TYPE"]),
            compression=found["COMPRESSION"],
            encoding="utf-8" if found["ENCODING"].replace("-", "") == "UTF8" else "latin-1",
            replace_invalid=found["REPLACE_INVALID_CHARACTERS"] or found.get("IGNORE_UTF8_ERRORS", False),
            trim=found["TRIM_SPACE"],
            null_if=frozenset(map(str, nulls if isinstance(nulls, list) else [nulls])),
            times={
                name.removesuffix("_FORMAT"): str(found[name])
                for name in _TIMES
                if str(found[name]).upper() not in ("AUTO", "NONE")
            },
            record=found.get("RECORD_DELIMITER"),
            field=found.get("FIELD_DELIMITER"),
            enclosed=found.get("FIELD_OPTIONALLY_ENCLOSED_BY"),
            escape=found.get("ESCAPE"),
            escape_plain=found.get("ESCAPE_UNENCLOSED_FIELD"),
            header=csv and found["PARSE_HEADER"],
            skip=int(found["SKIP_HEADER"]) if csv else 0,
            skip_blank=csv and found["SKIP_BLANK_LINES"],
            strict_width=not csv or found["ERROR_ON_COLUMN_COUNT_MISMATCH"],
            empty_is_null=not csv or found["EMPTY_FIELD_AS_NULL"],
            outer_array=not csv and found["STRIP_OUTER_ARRAY"],
            strip_nulls=not csv and found["STRIP_NULL_VALUES"],
        )
