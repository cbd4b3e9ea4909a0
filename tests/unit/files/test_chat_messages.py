"""The SQL of a column of chat messages: one expression, whatever is in the prompt."""

from __future__ import annotations

import pytest
from airflow.sdk.definitions._internal.templater import SandboxedEnvironment

from airflow_provider_mediabatch.files.chat_messages import chat_messages


def test_a_question_about_each_picture() -> None:
    assert chat_messages("What is this?") == (
        "TO_JSON(ARRAY_CONSTRUCT(OBJECT_CONSTRUCT('role', 'user', 'content', ARRAY_CONSTRUCT("
        "OBJECT_CONSTRUCT('type', 'text', 'text', 'What is this?'), "
        "OBJECT_CONSTRUCT('type', 'image_url', 'image_url', OBJECT_CONSTRUCT('url', \"FILE_PATH\"))))))"
    )


def test_a_system_message_comes_first() -> None:
    text = chat_messages("What is this?", system="Be brief.")
    assert text.startswith(
        "TO_JSON(ARRAY_CONSTRUCT(OBJECT_CONSTRUCT('role', 'system', 'content', ARRAY_CONSTRUCT("
        "OBJECT_CONSTRUCT('type', 'text', 'text', 'Be brief.'))), OBJECT_CONSTRUCT('role', 'user'"
    )


@pytest.mark.parametrize(
    ("media", "part"),
    [
        ("video", "'video_url', 'video_url', OBJECT_CONSTRUCT('url', \"CLIP\")"),
        (
            "audio",
            "'input_audio', 'input_audio', OBJECT_CONSTRUCT('data', \"CLIP\", 'format', "
            "LOWER(SPLIT_PART(\"CLIP\", '.', -1)))",
        ),
    ],
)
def test_the_part_of_each_kind_of_media(media: str, part: str) -> None:
    assert f"OBJECT_CONSTRUCT('type', {part})" in chat_messages("What is heard?", media, column="clip")  # type: ignore[arg-type]


@pytest.mark.parametrize("prompt", ["'; DROP TABLE T; --", "it's \\ 'x'", "日本\n{a}"])
def test_a_prompt_is_one_literal(prompt: str) -> None:
    literal = "'" + prompt.replace("\\", "\\\\").replace("'", "''") + "'"
    assert f"'type', 'text', 'text', {literal})" in chat_messages(prompt)


def test_a_prompt_stays_as_it_is_when_airflow_renders_it() -> None:
    """Rendering makes one kind of line end of all of them, so a carriage return is written as an escape."""
    prompt = "one\r\ntwo\rthree\nfour \\r { } $x {a} %} #}"
    rendered = SandboxedEnvironment().from_string(chat_messages(prompt)).render()
    escaped = prompt.replace("\\", "\\\\").replace("\r", "\\r")
    assert f"'type', 'text', 'text', '{escaped}')" in rendered


def test_a_column_is_named_as_the_operator_names_it() -> None:
    assert 'OBJECT_CONSTRUCT(\'url\', "my ""picture""")' in chat_messages("x", column='"my ""picture"""')


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prompt": "x", "media": "image"}, "media='image' is not one of 'image_url', 'audio', 'video'"),
        ({"prompt": "  "}, "prompt='  ' is not a text"),
        ({"prompt": "{{ params.question }}"}, "prompt= holds a template"),
        ({"prompt": "x", "system": "{% raw %}"}, "system= holds a template"),
        ({"prompt": "half \ud83d"}, "prompt= holds half of a surrogate pair"),
        ({"prompt": "a\0b"}, "cannot hold a NUL"),
    ],
)
def test_what_cannot_be_a_column_is_refused(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        chat_messages(**arguments)  # type: ignore[arg-type]
