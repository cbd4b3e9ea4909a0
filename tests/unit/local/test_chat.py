"""Stage paths inside chat messages: what a job puts in their place, and what it refuses."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_mediabatch.local.runner.chat import Messages, is_messages
from airflow_provider_mediabatch.local.runner.files import InputError, StageFiles

PNG = b"\x89PNG\r\n\x1a\n and more"
WAV = b"RIFF\x00\x00\x00\x00WAVEfmt "


@pytest.fixture
def stages(tmp_path: Path) -> StageFiles:
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "b.wav").write_bytes(WAV)
    return StageFiles({"DB.SC.PHOTOS": str(tmp_path)})


def user(*parts: Any) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


def picture(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def test_urls_become_data_urls_and_audio_base64(stages: StageFiles) -> None:
    text = {"type": "text", "text": "@DB.SC.PHOTOS/a.png"}
    given = user(
        text,
        picture("@DB.SC.PHOTOS/a.png"),
        {"type": "video_url", "video_url": {"url": "@db.sc.photos/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "@DB.SC.PHOTOS/b.wav", "format": "wav"}},
    )
    url = "data:image/png;base64," + base64.b64encode(PNG).decode()
    messages = Messages(json.dumps(given), stages)
    assert messages.size == 2 * len(PNG) + len(WAV)
    assert messages.read() == user(
        text,
        picture(url),
        {"type": "video_url", "video_url": {"url": url}},
        {"type": "input_audio", "input_audio": {"data": base64.b64encode(WAV).decode(), "format": "wav"}},
    )


@pytest.mark.parametrize(
    "given",
    [
        user(picture("https://example.com/a.png")),
        user(picture("data:image/png;base64,AAAA")),
        [{"role": "user", "content": "@DB.SC.PHOTOS/a.png"}],
        [{"role": "user", "content": None}],
        user("no part", {"type": "image_url", "image_url": "@DB.SC.PHOTOS/a.png"}),
    ],
)
def test_what_is_no_path_stays(stages: StageFiles, given: Any) -> None:
    assert Messages(given, stages).read() == given


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("what is this?", "are no JSON"),
        ('{"role": "user"}', "are no list of objects with role and content"),
        (user(picture("@DB.SC.PHOTOS/gone.png")), "file not found: @DB.SC.PHOTOS/gone.png"),
        (user(picture("@PHOTOS/a.png")), "Invalid path format"),
        (user(picture("@DB.SC.PHOTOS/../a.png")), "the path leaves its stage"),
        (user(picture("@DB.SC.OTHER/a.png")), "stage DB.SC.OTHER does not exist or not authorized"),
    ],
)
def test_what_a_job_cannot_read(stages: StageFiles, given: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Messages(given, stages)


def test_which_inputs_are_messages() -> None:
    from snowflake.ml.model import openai_signatures
    from snowflake.ml.model.model_signature import DataType, FeatureSpec

    for name in ("OPENAI_CHAT_SIGNATURE", "OPENAI_CHAT_WITH_PARAMS_SIGNATURE_WITH_CONTENT_FORMAT_STRING"):
        found = getattr(openai_signatures, name)["__call__"].inputs
        assert [feature.name for feature in found if is_messages(feature)] == ["messages"]
    assert not is_messages(FeatureSpec("messages", DataType.STRING, shape=(-1,)))
