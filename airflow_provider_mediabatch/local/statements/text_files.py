"""CSV and JSON files as rows: the records of CSV and their fields, and the documents of JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from airflow_provider_mediabatch.local.errors import SnowflakeError
from airflow_provider_mediabatch.local.statements.text_options import TextFormat

_MAGIC = ((b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\x28\xb5\x2f\xfd", "zstd"))
_BLANK = re.compile(r"[ \t\r\n]*")


@dataclass
class TextRows:
    """The records of one file.

    :param rows: of each record its fields, NULL as None.
    :param numbers: the number of each record in the file, from 1.
    :param header: the fields of the first record, for PARSE_HEADER.
    """

    rows: list[list[str | None]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    header: list[str] = field(default_factory=list)

    @property
    def width(self) -> int:
        """The fields of the longest record."""
        return max(map(len, self.rows), default=0)


def read(path: Path, name: str, form: TextFormat) -> TextRows:
    """Read a file whole.

    :param name: of the file, for errors.
    :raises SnowflakeError: 100069 for what is no JSON, 100016 for text behind a closing quote, 100144 for bytes that
        are not in the format's encoding.
    """
    text = _text(path, name, form)
    found = TextRows()
    records = _documents(text, name, form) if form.kind == "JSON" else _records(text, name, form)
    for number, record in enumerate(records, 1):
        if form.header and number == 1:
            found.header = [value or "" for value in record]
        elif number > form.skip and not (form.skip_blank and record in ([None], [""])):
            found.rows.append(record)
            found.numbers.append(number)
    return found


def _text(path: Path, name: str, form: TextFormat) -> str:
    with path.open("rb") as file:
        head = file.read(4)
    method = form.compression.lower()
    if method == "auto":
        method = next((kind for magic, kind in _MAGIC if head.startswith(magic)), "none")
        method = "brotli" if path.suffix == ".br" else method
    try:
        with pa.input_stream(str(path), compression=None if method == "none" else method) as stream:
            content = stream.read()
    except OSError as error:
        raise SnowflakeError(100144, "22000", f"Error decompressing file '{name}': {error}") from None
    try:
        text = content.decode(form.encoding, "replace" if form.replace_invalid else "strict")
    except UnicodeDecodeError as error:
        text = f"Invalid UTF8 detected in string '0x{content[error.start : error.end].hex()}'\n  File '{name}'"
        if content.startswith(b"PAR1"):
            text += " is Parquet; without FILE_FORMAT = (TYPE = PARQUET) files are read as CSV"
        raise SnowflakeError(100144, "22000", text) from None
    return str(text.removeprefix("\ufeff"))


def _records(text: str, name: str, form: TextFormat) -> Iterator[list[str | None]]:
    pattern = _field_pattern(form)
    record: list[str | None] = []
    position, end = 0, len(text)
    while position < end or record:
        match = pattern.match(text, position)
        if match is None:
            found = text[position : position + 20]
            message = f"Found character '{found[:1]}' instead of field delimiter '{form.field}'\n  File '{name}'"
            raise SnowflakeError(100016, "22000", message)
        position = match.end()
        record.append(_value(match, form))
        if match["field"] is None:
            yield record
            record = []


def _field_pattern(form: TextFormat) -> re.Pattern[str]:
    """One field and the delimiter behind it."""
    record = r"\r?\n" if form.record in ("\n", "\r\n") else re.escape(form.record) if form.record else r"(?!)"
    delimiter = re.escape(form.field) if form.field else r"(?!)"
    escaped = f"{re.escape(form.escape_plain)}[\\s\\S]|" if form.escape_plain else ""
    plain = f"(?P<plain>(?:{escaped}(?!{delimiter}|{record})[\\s\\S])*)"
    if len(form.field or ",") == 1 and form.record in ("\n", "\r\n"):
        special = re.escape((form.field or "") + (form.escape_plain or "")) + r"\n\r"
        plain = f"(?P<plain>(?:[^{special}]+|{escaped}\\r(?!\\n))*)"
    end = f"(?:(?P<field>{delimiter})|{record}|\\Z)"
    if form.enclosed is None:
        return re.compile(f"{plain}{end}")
    quote = re.escape(form.enclosed)
    inner = f"{re.escape(form.escape)}[\\s\\S]|" if form.escape else ""
    outside = re.escape(form.enclosed + (form.escape or ""))
    space = r"[ \t]*" if form.trim else ""
    quoted = f"{space}{quote}(?P<quoted>(?:[^{outside}]+|{inner}{quote}{quote})*){quote}[ \\t]*"
    return re.compile(f"(?:{quoted}|(?!{space}{quote}){plain}){end}")


def _value(match: re.Match[str], form: TextFormat) -> str | None:
    value = match.groupdict().get("quoted")
    if value is not None:
        quote = str(form.enclosed)
        value = value.replace(quote * 2, quote)
        escape = form.escape
    else:
        value, escape = match["plain"], form.escape_plain
        value = value.strip() if form.trim else value
        if value in form.null_if or (not value and form.empty_is_null):
            return None
    if escape and escape in value:
        value = re.sub(re.escape(escape) + r"([\s\S])", r"\1", value)
    return None if value in form.null_if else value


def _documents(text: str, name: str, form: TextFormat) -> Iterator[list[str | None]]:
    """The documents as text; of arrays their elements, with STRIP_OUTER_ARRAY."""
    decoder = json.JSONDecoder(object_pairs_hook=_once)
    position = _BLANK.match(text).end()  # type: ignore[union-attr]
    while position < len(text):
        try:
            document, end = decoder.raw_decode(text, position)
        except ValueError as error:
            raise SnowflakeError(100069, "22P02", f"Error parsing JSON: {error}\n  File '{name}'") from None
        parts = document if form.outer_array and isinstance(document, list) else None
        if parts is None and not form.strip_nulls and not form.null_if and not form.trim:
            yield [text[position:end]]
        else:
            for part in [document] if parts is None else parts:
                yield [json.dumps(_cleaned(part, form), ensure_ascii=False)]
        position = _BLANK.match(text, end).end()  # type: ignore[union-attr]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("duplicate object attribute")
    return found


def _cleaned(value: Any, form: TextFormat) -> Any:
    if isinstance(value, dict):
        items = {key: _cleaned(inner, form) for key, inner in value.items()}
        return {key: inner for key, inner in items.items() if inner is not None or not form.strip_nulls}
    if isinstance(value, list):
        return [_cleaned(inner, form) for inner in value]
    if isinstance(value, str):
        value = value.strip() if form.trim else value
        return None if value in form.null_if else value
    return value
