"""The speech of the demo, which ships with the package."""

from __future__ import annotations

from pathlib import Path

import airflow_provider_mediabatch
from airflow_provider_mediabatch.core.media_types import HEAD_BYTES, media_type
from airflow_provider_mediabatch.demo import media

PACKAGE = Path(airflow_provider_mediabatch.__file__).parent


def test_the_speech_is_in_the_package_and_small() -> None:
    clips = media.speech()
    assert [clip.name for clip in clips] == ["best_of_times.ogg", "epoch_of_belief.ogg", "season_of_light.ogg"]
    assert all(clip.is_relative_to(PACKAGE) for clip in clips)
    assert [media_type(clip.read_bytes()[:HEAD_BYTES]) for clip in clips] == ["audio/ogg"] * 3
    assert sum(clip.stat().st_size for clip in clips) < 150_000


def test_the_speech_has_its_licence_beside_it() -> None:
    (folder,) = {clip.parent for clip in media.speech()}
    licence = (folder / "LICENSE").read_text("utf-8")
    assert licence.startswith("MIT License\n\nCopyright (c) 2025 Moonshine AI\n")
    assert "this permission notice shall be included in all" in licence
