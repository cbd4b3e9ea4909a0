"""LoadResults of a chat model's output: the answer as text, and what is in it as columns."""

from __future__ import annotations

import json

import pytest
from operators.loading import Output

from airflow_provider_mediabatch.exceptions import InvalidInputError

ANSWERS = """
    SELECT COLUMN1 AS IMG, COLUMN2 AS "choices", 'm' AS "model" FROM VALUES
    ('@a', '[{"message":{"content":"{\\\\"label\\\\":\\\\"cat\\\\",\\\\"score\\\\":0.5}"},"finish_reason":"stop"}]'),
    ('@b', '[{"message":{"content":"{\\\\"label\\\\":\\\\"do"},"finish_reason":"length"},{"message":{"content":"x"}}]'),
    ('@c', '[{"message":{"content":"@DB.SC.HR/secret.jpg"},"finish_reason":"stop"}]'), ('@d', '[]'), ('@e', NULL)"""


def test_the_answers_of_a_chat_model(output: Output) -> None:
    output.load(output.write(ANSWERS), nested={"choices": "chat"})
    found = output.rows('CHOICES_CONTENT, CHOICES_FINISH_REASON, "model"')
    assert [tuple(row.values()) for row in found] == [
        ('{"label":"cat","score":0.5}', "stop", "m"), ('{"label":"do', "length", "m"),
        ("@DB.SC.HR/secret.jpg", "stop", "m"), (None, None, "m"), (None, None, "m"),
    ]  # fmt: skip
    assert "choices" not in output.rows()[0]


def test_answers_in_json_have_a_column_for_each_key(output: Output) -> None:
    output.load(output.write(ANSWERS), nested={"choices": "chat_json"})
    found = output.rows("CHOICES_LABEL, CHOICES_SCORE, CHOICES_CONTENT")
    assert [tuple(row.values()) for row in found] == [
        ("cat", 0.5, '{"label":"cat","score":0.5}'), (None, None, '{"label":"do'),
        (None, None, "@DB.SC.HR/secret.jpg"), (None, None, None), (None, None, None),
    ]  # fmt: skip
    other = ANSWERS.replace("label", "content")
    with pytest.raises(InvalidInputError, match=r"CHOICES_CONTENT would hold 'content'.*nested=.'choices': 'chat'"):
        output.load(output.write(other, job="MB_K"), nested={"choices": "chat_json"})
    keys = ",".join(f'\\\\"k{number}\\\\":1' for number in range(101))
    many = f"""SELECT '@a' AS IMG, '[{{"message":{{"content":"{{{keys}}}"}}}}]' AS "choices" """
    with pytest.raises(InvalidInputError, match="have 101 different keys"):
        output.load(output.write(many, job="MB_L"), nested={"choices": "chat_json"})
    long = f"""SELECT '@a' AS IMG, '[{{"message":{{"content":"{{\\\\"{"k" * 250}\\\\":1}}"}}}}]' AS "choices" """
    with pytest.raises(InvalidInputError, match=r"a name of 258 characters, .*Use nested=.'choices': 'chat'"):
        output.load(output.write(long, job="MB_O"), nested={"choices": "chat_json"})
    for job, nested, message in (
        ("MB_M", "chat", "is for one column"),
        ("MB_N", {"choices": "json"}, "is not one of 'variant'"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            output.load(output.write(ANSWERS, job=job), nested=nested)


def test_odd_answers_are_no_keys_or_are_what_they_are(output: Output) -> None:
    """Fences, arrays, cut-off and doubled answers, and keys of any text."""
    contents: list[object] = [
        '{"a":1}', '```json\n{"a":2}\n```', '[{"a":3}]', '"a"', ' {"a": 4} trailing', '{"a":null}', None, ["a"],
        '{"":5,"*":6,"a/~b":7,"7":"x"}',
    ]  # fmt: skip
    rows = " UNION ALL ".join(
        f"SELECT '@{number}' AS IMG, $${json.dumps([{'message': {'content': content}}])}$$ AS \"choices\""
        for number, content in enumerate(contents)
    )
    output.load(output.write(rows), nested={"choices": "chat_json"})
    found = output.rows()
    assert [row["CHOICES_A"] for row in found] == [1, *[None] * 8]
    assert {name: value for name, value in found[8].items() if name.startswith("CHOICES_") and value is not None} == {
        "CHOICES_CONTENT": contents[8],
        "CHOICES_": 5,
        "CHOICES_*": 6,
        "CHOICES_A/~B": 7,
        "CHOICES_7": "x",
    }
