"""The demo's chat model answers about what is in a picture, and minds its parameters."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from airflow_provider_mediabatch.demo import media, models

QUESTION = {"type": "text", "text": "What is this?"}
SCHEMA = {"type": "object", "properties": {name: {"type": kind} for name, kind in (
    ("what", "string"), ("how_sure", "number"), ("sure", "boolean"), ("where", "array"),
)}}  # fmt: skip
JSON_ANSWER = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return models.picture_chat(tmp_path_factory.mktemp("cache")).make()[0]


def picture(name: str) -> dict[str, Any]:
    data = next(path for path in media.photographs() if path.name == name).read_bytes()
    kind = "png" if name.endswith("png") else "jpeg"
    return {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{base64.b64encode(data).decode()}"}}


def ask(model: Any, *parts: Any, rows: int = 1, **params: Any) -> pd.DataFrame:
    messages = [{"role": "user", "content": list(parts)}]
    found: pd.DataFrame = model(pd.DataFrame({"messages": [messages] * rows}), **params)
    return found


def contents(found: pd.DataFrame) -> list[str]:
    return [choice["message"]["content"] for choices in found["choices"] for choice in choices]


def test_an_answer_names_what_is_shown(model: Any) -> None:
    found = ask(model, QUESTION, picture("coffee.png"), picture("flower.jpg"), temperature=0.0)
    (text,) = contents(found)
    assert text.startswith("I see espresso, with a probability of 0.9")
    assert "I see daisy" in text
    row = found.iloc[0]
    tokens = row["usage"]["completion_tokens"]
    assert row["usage"] == {"prompt_tokens": 4 + 98, "completion_tokens": tokens, "total_tokens": 102 + tokens}
    assert tokens == 2 * len(["I", "see", "espresso", ",", "with", "a", "probability", "of", "0", ".", "95", "."])
    assert (row["object"], row["choices"][0]["finish_reason"]) == ("chat.completion", "stop")


def test_a_form_of_the_answer(model: Any) -> None:
    found = ask(model, QUESTION, picture("coffee.png"), temperature=0.0, response_format=JSON_ANSWER)
    answer = json.loads(contents(found)[0])
    assert (answer["what"], answer["sure"], answer["where"]) == ("espresso", True, None)
    assert 0.9 < answer["how_sure"] < 1


def test_heat_draws_other_classes(model: Any) -> None:
    cold = contents(ask(model, picture("coffee.png"), rows=3, temperature=0.0))
    assert len(set(cold)) == 1
    hot = contents(ask(model, picture("coffee.png"), temperature=100.0, n=20))
    assert len(hot) == 20
    assert len(set(hot)) > 10


def test_an_answer_ends_where_it_is_told_to(model: Any) -> None:
    cut = ask(model, picture("coffee.png"), temperature=0.0, max_completion_tokens=3)
    assert contents(cut) == ["I see espresso"]
    assert cut.iloc[0]["choices"][0]["finish_reason"] == "length"
    assert contents(ask(model, picture("coffee.png"), temperature=0.0, stop=[", with"])) == ["I see espresso"]


def test_texts_alone_and_other_media(model: Any) -> None:
    text = [{"role": "user", "content": "What is this?"}]
    assert contents(model(pd.DataFrame({"messages": [text]}))) == ["I see no picture."]
    for part, message in (
        ({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}, "no part of type 'input_audio'"),
        ({"type": "image_url", "image_url": {"url": "@D.S.T/a.png"}}, "is no data URL: it begins with '@D.S.T/a.png'"),
    ):
        with pytest.raises(ValueError, match=message):
            ask(model, part)


def test_it_is_logged_with_the_signature_of_snowflake_ml(tmp_path: Path) -> None:
    from snowflake.ml.model import openai_signatures

    made, signatures = models.picture_chat(tmp_path).make()
    assert signatures == openai_signatures.OPENAI_CHAT_WITH_PARAMS_SIGNATURE
    import cloudpickle

    from airflow_provider_mediabatch.demo import chat_model

    # As log_model does, and as Snowflake reads it, which has no module of this package.
    cloudpickle.register_pickle_by_value(chat_model)
    pickled = tmp_path / "model.pkl"
    pickled.write_bytes(cloudpickle.dumps((type(made), made.context)))
    code = (
        "import sys, pickle; sys.modules['airflow_provider_mediabatch'] = None; "
        "kind, context = pickle.load(open(sys.argv[1], 'rb')); import pandas as pd; "
        "messages = [{'role': 'user', 'content': 'Hello'}]; "
        "print(kind(context)(pd.DataFrame({'messages': [messages]}))['choices'][0][0]['message']['content'])"
    )
    said = subprocess.run([sys.executable, "-c", code, str(pickled)], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "I see no picture."
