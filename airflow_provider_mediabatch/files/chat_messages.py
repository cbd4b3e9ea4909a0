"""The column ``messages`` of a chat model, made on the server from listed files and a prompt."""

from __future__ import annotations

import re
from typing import Literal

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.chat import MEDIA_FIELDS, TEXT_PART
from airflow_provider_mediabatch.files.arguments import DEFAULT_COLUMN, normalize_column_name

_PARTS = {"image_url": "image_url", "audio": "input_audio", "video": "video_url"}


def chat_messages(
    prompt: str,
    media: Literal["image_url", "audio", "video"] = "image_url",
    *,
    system: str | None = None,
    column: str = DEFAULT_COLUMN,
) -> str:
    """An expression for ``extra_columns=`` that asks one question of each listed file.

    ``ListStageFilesOperator(extra_columns={"MESSAGES": chat_messages("What is this?")})`` gives each file a list of
    messages in OpenAI's form, as JSON text, which is what Snowflake's batch inference reads. The file is named by its
    full stage path; the job puts its content in that place. No ``column_handling`` is needed.

    :param prompt: the question, word for word: it is no template.
    :param media: what the files are. ``image_url`` gives a part of that type, ``video`` one of type ``video_url``, and
        ``audio`` one of type ``input_audio`` whose format is the extension of the file's name.
    :param system: the text of a system message before the question; None for none.
    :param column: the listed column of paths, as ``column_name=`` of the operator.
    :raises ValueError: for another kind of media, an empty prompt, or one that holds a template.
    """
    if media not in _PARTS:
        raise ValueError(f"media={media!r} is not one of {', '.join(map(repr, _PARTS))}")
    path = sql.quoted(normalize_column_name(column))
    part = _PARTS[media]
    group, member = MEDIA_FIELDS[part]
    members = [f"'{member}'", path]
    if media == "audio":
        members += ["'format'", f"LOWER(SPLIT_PART({path}, '.', -1))"]
    medium = _object("type", f"'{part}'", group, f"OBJECT_CONSTRUCT({', '.join(members)})")
    messages = [] if system is None else [_message("system", [_text("system", system)])]
    messages.append(_message("user", [_text("prompt", prompt), medium]))
    return f"TO_JSON(ARRAY_CONSTRUCT({', '.join(messages)}))"


def _text(argument: str, text: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{argument}={text!r} is not a text")
    if re.search(r"\{\{|\{%|\{#", text):
        # extra_columns= is rendered after this text was quoted, so a value with a quote would end the literal.
        raise ValueError(
            f"{argument}= holds a template ({{{{, {{% or {{#), which Airflow would render inside the SQL text, where a "
            "quote ends the literal. Write the words themselves, or put a blank between the braces"
        )
    if re.search("[\ud800-\udfff]", text):
        raise ValueError(f"{argument}= holds half of a surrogate pair, which is no character")
    # Airflow's templates make one kind of line end of all of them.
    return _object("type", f"'{TEXT_PART}'", "text", sql.literal(text).replace("\r", "\\r"))


def _message(role: str, parts: list[str]) -> str:
    return _object("role", f"'{role}'", "content", f"ARRAY_CONSTRUCT({', '.join(parts)})")


def _object(first: str, value: str, second: str, other: str) -> str:
    return f"OBJECT_CONSTRUCT('{first}', {value}, '{second}', {other})"
