"""Which signatures are those of chat models: the four of the installed snowflake-ml, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_mediabatch.core.chat import (
    answer_of,
    answer_sql,
    has_answers,
    messages_input,
    part_types,
    prompt_of,
    telling_outputs,
    with_answers,
)

PARTS = ("text", "image_url", "video_url", "input_audio")


def signature(name: str) -> dict[str, Any]:
    from snowflake.ml.model import openai_signatures

    found: dict[str, Any] = getattr(openai_signatures, name)["__call__"].to_dict()
    return found


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("OPENAI_CHAT_SIGNATURE", PARTS),
        ("OPENAI_CHAT_WITH_PARAMS_SIGNATURE", PARTS),
        ("OPENAI_CHAT_SIGNATURE_WITH_CONTENT_FORMAT_STRING", ()),
        ("OPENAI_CHAT_WITH_PARAMS_SIGNATURE_WITH_CONTENT_FORMAT_STRING", ()),
    ],
)
def test_signatures_that_snowflake_ml_logs(name: str, parts: tuple[str, ...]) -> None:
    found = signature(name)
    spec = messages_input(found["inputs"])
    assert spec is not None
    assert (spec["name"], part_types(spec)) == ("messages", parts)
    assert has_answers({item["name"]: "" for item in found["outputs"]})


@pytest.mark.parametrize(
    "spec",
    [
        {"name": "messages", "type": "STRING"},
        {"name": "messages", "specs": [{"name": "role"}, {"name": "content"}]},
        {"name": "messages", "specs": [{"name": "role"}], "shape": [-1]},
    ],
)
def test_other_inputs_are_no_messages(spec: dict[str, Any]) -> None:
    assert messages_input([spec]) is None
    assert not has_answers({"choices": "OBJECT", "LABEL": "STRING"})


def test_the_answer_is_that_of_the_first_choice() -> None:
    assert answer_sql("V") == "GET(GET(GET(V, 0), 'message'), 'content')::VARCHAR"


CHOICES = '[{"message": {"content": "a cat"}}, {"message": {"content": "a dog"}}]'


@pytest.mark.parametrize("choices", ["a cat", "[]", "null", "{}", '[{"message": {"content": null}}]', 7, None])
def test_what_has_no_answer(choices: object) -> None:
    assert answer_of(choices) is None
    assert with_answers([{"choices": choices}]) == [{"choices": choices}]


def test_rows_for_people_have_the_answer() -> None:
    assert answer_of(CHOICES) == "a cat"
    assert with_answers([{"id": "x", "choices": CHOICES}]) == [{"id": "x", "choices": "a cat"}]


def test_a_prompt_is_the_texts_of_the_messages() -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "What"}, {"type": "text", "text": "is it?"}]}]
    assert prompt_of(messages) == "What is it?"
    assert prompt_of([{"role": "assistant", "content": "Yes."}, *messages]) == "assistant: Yes.\nWhat is it?"
    for content in (None, 5, True, {"type": "text"}, [5, None, {"type": "text", "text": 5}]):
        assert prompt_of([{"role": "user", "content": content}]) == ""
    for other in ("no JSON", "{}", [], ["a"], None):
        assert prompt_of(other) is None


def test_json_may_be_nested_as_deeply_as_it_likes() -> None:
    for deep in ("[" * 200_000, '{"a":' * 200_000, "[" * 1000 + "]" * 1000):
        assert (answer_of(deep), prompt_of(deep)) == (None, None)
        assert with_answers([{"choices": deep}]) == [{"choices": deep}]


def test_only_answers_say_something_of_a_file() -> None:
    outputs = dict.fromkeys(("id", "object", "created", "model", "choices", "usage"), "STRING")
    assert telling_outputs(outputs) == ["choices"]
    assert telling_outputs({"id": "STRING", "LABEL": "STRING"}) == ["id", "LABEL"]
