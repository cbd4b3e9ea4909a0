"""What a chat model's function looks like: the signature of OpenAI's chat completions, as snowflake-ml logs it. Pure.

snowflake-ml has four such signatures (``snowflake.ml.model.openai_signatures``). In all of them the input ``messages``
is a list of objects with ``role`` and ``content``, and the output ``choices`` a list whose first item has the answer.
They differ in whether ``content`` is a text or a list of parts, and in whether ``temperature`` and its like are
parameters or input columns.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

MEDIA_FIELDS: Mapping[str, tuple[str, str]] = {
    "image_url": ("image_url", "url"),
    "video_url": ("video_url", "url"),
    "input_audio": ("input_audio", "data"),
}
"""The type of a part that holds a file, to the object and its member that hold a stage path.

Source: Snowflake's guide to batch inference with chat models, sections "Auto Stage Path Resolution" and "Supported
Content Types".
"""
TEXT_PART = "text"
CHOICES = "choices"
PROTOCOL = frozenset({"id", "object", "created", "model", "usage"})
"""The outputs beside the answers, which say nothing of a file."""
_OUTPUTS = {CHOICES, "usage"}


def is_messages(spec: Mapping[str, Any]) -> bool:
    """Whether an input of a signature is a list of chat messages.

    :param spec: the signature's entry.
    """
    members = {str(member.get("name")) for member in spec.get("specs") or ()}
    return bool(spec.get("shape")) and {"role", "content"} <= members


def part_types(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """The types of parts that a message's content may have; none for a signature whose content is a text.

    :param spec: the signature's entry for which :func:`is_messages` holds.
    """
    content = next(member for member in spec["specs"] if member.get("name") == "content")
    members = [str(member.get("name")) for member in content.get("specs") or ()]
    return tuple(name for name in members if name == TEXT_PART or name in MEDIA_FIELDS)


def messages_input(inputs: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The input of a function that is a list of chat messages, or None for a function of another kind.

    :param inputs: the signature's entries.
    """
    return next((spec for spec in inputs if is_messages(spec)), None)


def has_answers(outputs: Mapping[str, Any]) -> bool:
    """Whether outputs of these names are those of a chat completion."""
    return {name.lower() for name in outputs} >= _OUTPUTS


def telling_outputs(outputs: Mapping[str, Any]) -> list[str]:
    """The outputs that say something of a file: all of them, and of a chat completion those beside the protocol's."""
    left_out = PROTOCOL if has_answers(outputs) else frozenset[str]()
    return [name for name in outputs if name.lower() not in left_out]


def answer_of(choices: object) -> str | None:
    """The text of the first answer, or None where there is none.

    :param choices: the value of the output ``choices``: JSON text, or what it stands for.
    """
    try:
        content = (json.loads(choices) if isinstance(choices, str) else choices)[0]["message"]["content"]  # type: ignore[index]
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return content if isinstance(content, str) else None


def with_answers(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a chat model's output, for people: ``choices`` is the text of the first answer where there is one."""
    return [
        {
            name: answer if name.lower() == CHOICES and (answer := answer_of(value)) is not None else value
            for name, value in row.items()
        }
        for row in rows
    ]


def prompt_of(messages: object) -> str | None:
    """The texts of a conversation's messages, or None where it is no list of messages.

    Messages are on lines of their own, and those of another role than ``user`` begin with it.

    :param messages: JSON text, or what it stands for.
    """
    try:
        found = json.loads(messages) if isinstance(messages, str) else messages
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or not found or not all(isinstance(item, Mapping) for item in found):
        return None
    lines = []
    for message in found:
        content, role = message.get("content"), str(message.get("role"))
        parts = (
            [content]
            if isinstance(content, str)
            else [
                part.get("text")
                for part in (content if isinstance(content, list) else ())
                if isinstance(part, Mapping) and part.get("type") == TEXT_PART
            ]
        )
        text = " ".join(part for part in parts if isinstance(part, str))
        if text:
            lines.append(text if role == "user" else f"{role}: {text}")
    return "\n".join(lines)


def answer_sql(choices: str) -> str:
    """The text of the first answer, as SQL; NULL where there is none.

    :param choices: the output ``choices`` as SQL, of type VARIANT.
    """
    return f"{_member_sql(_member_sql(_first_sql(choices), 'message'), 'content')}::VARCHAR"


def finish_reason_sql(choices: str) -> str:
    """Why the first answer ended, as SQL: ``stop``, or ``length`` when it was cut off.

    :param choices: the output ``choices`` as SQL, of type VARIANT.
    """
    return f"{_member_sql(_first_sql(choices), 'finish_reason')}::VARCHAR"


def _first_sql(value: str) -> str:
    return f"GET({value}, 0)"


def _member_sql(value: str, name: str) -> str:
    return f"GET({value}, '{name}')"
