"""Rows of a result, ready for the gallery: which cells are files, and how each other value is shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airflow_provider_mediabatch.core.chat import prompt_of
from airflow_provider_mediabatch.core.manifest import CONTENT_ID
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.review import plots
from airflow_provider_mediabatch.review.media_types import shown_as
from airflow_provider_mediabatch.review.result_query import MAX_CHARACTERS, ResultColumn
from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch

MAX_MEMBERS = 20
LONG = 160
ANSWER, PROMPT, MESSAGES = "Answer", "Prompt", "messages"
"""How the answer and the question of a chat model are titled, and the input that holds the question."""
SignPath = Callable[[str, str], str]


@dataclass(frozen=True)
class MediaFile:
    """A file of a row.

    :param column: the file column.
    :param path: the full stage path.
    :param kind: ``image``, ``audio``, ``video`` or ``file``.
    :param url: of the page's own media route, or None where the file cannot be opened.
    :param content_ids: what the listing noted of the content, or "".
    :param state: what has happened to the file since the prediction, or "".
    """

    column: str
    path: str
    kind: str
    url: str | None
    content_ids: str = ""
    state: str = ""

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.path.rstrip("/").rsplit("/", 1)[-1] or self.path


@dataclass(frozen=True)
class ResultValue:
    """The value of a column in a row, ready to be shown.

    :param column: the column's name.
    :param text: the value, cut to 2,000 characters.
    :param cut: whether the value is longer than ``text``.
    :param share: 0 to 1 for a score, else None.
    :param output: whether the model wrote it. The other values are passed through from the input.
    :param title: what is shown in place of the column's name, or "".
    :param null: whether there is no value, so that ``text`` is no text of the row's.
    """

    column: str
    text: str
    cut: bool = False
    share: float | None = None
    output: bool = True
    title: str = ""
    null: bool = False

    @property
    def place(self) -> int:
        """Its place among the row's values: answer, question, other outputs, passed-through values."""
        if self.title:
            return 1 if self.title == PROMPT else 0
        return 2 if self.output else 3

    @property
    def is_long(self) -> bool:
        """Whether it would hide the values below it."""
        return len(self.text) > LONG


@dataclass(frozen=True)
class ResultRow:
    """One row of the result: its files, then its values by :attr:`ResultValue.place`."""

    files: tuple[MediaFile, ...]
    values: tuple[ResultValue, ...]


def result_row(
    batch: ReviewedBatch, columns: Sequence[ResultColumn], row: Mapping[str, Any], sign: SignPath | None
) -> ResultRow:
    """One row for the gallery.

    :param batch: knows which columns are files and which are outputs.
    :param columns: the output's columns, in order.
    :param row: column name to value.
    :param sign: makes the media URL of a full stage path and its content ids. None gives files no URL.
    """
    # Only the listing says which columns are files. A model's output may be any text, a stage path too.
    content_ids = str(row.get(CONTENT_ID) or "")
    files = tuple(
        media_file(name, str(row[name]), content_ids, sign) for name in batch.file_columns if row.get(name) is not None
    )
    values = tuple(
        value
        for column in columns
        if column.name not in batch.file_columns and not column.name.startswith("MB_")
        for value in _column_values(batch, column, row.get(column.name))
    )
    return ResultRow(files, tuple(sorted(values, key=lambda value: value.place)))


def media_file(column: str, path: str, content_ids: str, sign: SignPath | None) -> MediaFile:
    """A file of a row.

    :param column: the file column.
    :param path: the value. Where it is no full stage path, the file has no URL.
    :param content_ids: what the listing noted of the content, or "".
    :param sign: makes the media URL of a full stage path and its content ids. None gives the file no URL.
    """
    url = sign(path, content_ids) if sign is not None and _is_stage_path(path) else None
    return MediaFile(column, path, shown_as(path), url, content_ids)


def _column_values(batch: ReviewedBatch, column: ResultColumn, value: Any) -> list[ResultValue]:
    """A column's value. The question and the answer of a chat model have titles of their own."""
    output = batch.is_output(column.name)
    if batch.is_chat and not output and column.name.lower() == MESSAGES:
        prompt = prompt_of(value)
        return [replace(_value(column, value if prompt is None else prompt, output), title=PROMPT)]
    found = _values(column, value, output)
    if not column.is_answer:
        return found
    return [replace(item, title=ANSWER + item.column.removeprefix(column.name)) for item in found]


def _values(column: ResultColumn, value: Any, output: bool) -> list[ResultValue]:
    """A column's value. An object whose text was not cut is shown member by member."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            members = json.loads(value)
        except (ValueError, RecursionError):  # a model may nest as deeply as it likes
            members = None
        if isinstance(members, dict) and 0 < len(members) <= MAX_MEMBERS:
            return [_member(f"{column.name} · {name}", item, output) for name, item in members.items()]
    return [_value(column, value, output)]


def _member(name: str, value: Any, output: bool) -> ResultValue:
    if isinstance(value, float):
        return _value(ResultColumn(name, "FLOAT"), value, output)
    text = value if isinstance(value, str) or value is None else json.dumps(value, ensure_ascii=False)
    return _value(ResultColumn(name, "TEXT"), text, output)


def _value(column: ResultColumn, value: Any, output: bool) -> ResultValue:
    if value is None:
        return ResultValue(column.name, "NULL", output=output, null=True)
    if isinstance(value, float) or (column.is_numeric and not isinstance(value, str)):
        as_float = float(value)
        share = as_float if column.type.upper().startswith(("FLOAT", "REAL", "DOUBLE")) and 0 <= as_float <= 1 else None
        shown = plots.number(value if isinstance(value, int) else as_float)
        return ResultValue(column.name, shown, share=share, output=output)
    if column.type.upper().startswith("BINARY"):
        return ResultValue(column.name, f"{int(value):,} bytes", output=output)
    text = str(value)
    return ResultValue(column.name, text[:MAX_CHARACTERS], cut=len(text) > MAX_CHARACTERS, output=output)


def _is_stage_path(value: Any) -> bool:
    if not isinstance(value, str) or not value.startswith("@"):
        return False
    try:
        return bool(StagePath.parse(value).path)
    except ValueError:
        return False
