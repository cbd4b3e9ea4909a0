"""LoadResults of a chat model's output: the answer as text, and what is in it as columns."""

from __future__ import annotations

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
    for job, nested, message in (
        ("MB_M", "chat", "is for one column"),
        ("MB_N", {"choices": "json"}, "is not one of 'variant'"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            output.load(output.write(ANSWERS, job=job), nested=nested)
