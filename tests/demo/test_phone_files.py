"""Real HEIC, AVIF and Ogg files: what they are by their content, in every place that asks."""

from __future__ import annotations

import io
import re
from importlib.util import find_spec
from pathlib import Path

import media_kinds
import numpy as np
import pytest
from heic import heic
from PIL import Image

from airflow_provider_mediabatch.core.media_types import media_type
from airflow_provider_mediabatch.demo.own_files import PICTURES, SOUND, MediaRule, sort_files
from airflow_provider_mediabatch.local.runner import files as job_files
from airflow_provider_mediabatch.review import media_types as review_types
from airflow_provider_mediabatch.review.thumbnails import NotAPictureError, write_thumbnail

pytestmark = pytest.mark.skipif(not find_spec("av"), reason="the extra speech is not installed")

NO_HEIC = "HEIC, which Pillow reads only with the plugin pillow-heif, and the demo's model does not have it"


def espresso() -> Image.Image:
    return media_kinds.espresso().resize((320, 240))


@pytest.fixture(scope="module")
def contents() -> dict[str, bytes]:
    """Files by the names that people give them."""
    vorbis = media_kinds.sound("ogg", "vorbis", rate=44100, layout="stereo")
    opus = media_kinds.sound("ogg", "libopus", rate=48000)
    avif = media_kinds.saved(espresso(), "AVIF")
    return {
        "IMG_1.HEIC": heic(espresso()),
        "IMG_2.heif": heic(espresso(), major=b"mif1"),
        "IMG_3.jpg": heic(espresso(), major=b"MiHB", others=(b"MiHB", b"mif1", b"heic")),
        "IMG_4.avif": avif,
        "IMG_5": avif,
        "voice.ogg": vorbis,
        "voice.OGA": vorbis,
        "voice.opus": opus,
        "voice": opus,
    }


KINDS = {"IMG_1.HEIC": "image/heic", "IMG_2.heif": "image/heic", "IMG_3.jpg": "image/heic", "IMG_4.avif": "image/avif"}


def expected(name: str) -> str:
    return KINDS.get(name, "image/avif" if name == "IMG_5" else "audio/ogg")


def test_ffmpeg_reads_the_heic_that_is_made_here() -> None:
    import av

    with av.open(io.BytesIO(heic(espresso()))) as file:
        shown = next(file.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(shown.astype(int) - np.asarray(espresso()).astype(int)).mean() < 8


def test_the_type_is_that_of_the_content(contents: dict[str, bytes]) -> None:
    for name, data in contents.items():
        assert media_type(data[:512]) == expected(name)
        assert review_types.media_type(data[:512]) == expected(name)
        assert job_files.media_type(data, name) == expected(name)
        assert review_types.kind_of(expected(name)) == expected(name).split("/")[0]


@pytest.mark.parametrize(
    ("rule", "taken"),
    [
        (PICTURES, {"IMG_4.avif": "IMG_4.avif", "IMG_5.avif": "IMG_5"}),
        (
            SOUND,
            {"voice.ogg": "voice.ogg", "voice.OGA": "voice.OGA", "voice.opus": "voice.opus"},
        ),
    ],
)
def test_the_demo_takes_or_names_them(
    rule: MediaRule, taken: dict[str, str], contents: dict[str, bytes], tmp_path: Path
) -> None:
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    found = sort_files(tmp_path.iterdir(), rule)
    assert {name: path.name for name, path in found.taken.items()} == taken
    assert all(re.fullmatch(rule.pattern, name) for name in taken), "the DAG's pattern takes what is uploaded"
    assert set(found.left_out) == set(contents) - set(taken.values())
    if rule is PICTURES:
        assert {found.left_out[name] for name in KINDS if expected(name) == "image/heic"} == {NO_HEIC}
        assert found.left_out["voice.opus"] == "audio/ogg, which is no picture"
    else:
        assert found.left_out["IMG_3.jpg"] == NO_HEIC
        assert found.left_out["voice"] == "its name on the stage would be voice.ogg, which is another file's"


def test_a_recording_without_an_extension_gets_one(contents: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "voice").write_bytes(contents["voice"])
    assert list(sort_files(tmp_path.iterdir(), SOUND).taken) == ["voice.ogg"]


def test_the_page_has_a_thumbnail_or_the_reason(contents: dict[str, bytes], tmp_path: Path) -> None:
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    for name in ("IMG_1.HEIC", "IMG_2.heif", "IMG_3.jpg"):
        with pytest.raises(NotAPictureError, match="the picture is HEIC, which is not shown here"):
            write_thumbnail(tmp_path / name, tmp_path / "small")
    write_thumbnail(tmp_path / "IMG_4.avif", tmp_path / "small")
    with Image.open(tmp_path / "small") as small:
        difference = np.asarray(small.convert("RGB")).astype(int) - np.asarray(espresso()).astype(int)
    assert np.abs(difference).mean() < 12


@pytest.mark.parametrize("name", ["x.ogg", "x.oga", "x.opus", "X.OPUS"])
def test_the_page_has_a_player_for_sound_in_ogg(name: str) -> None:
    assert review_types.shown_as(f"@D.S.T/{name}") == "audio"


def test_a_video_in_ogg_is_no_sound() -> None:
    """Nothing here encodes Theora, so this is the first page of such a file, as its specification has it."""
    head = b"OggS\x00\x02" + bytes(20) + b"\x01\x2a" + b"\x80theora\x03\x02\x01" + bytes(32)
    assert media_type(head) == "video/ogg"
    assert (review_types.kind_of("video/ogg"), review_types.shown_as("@D.S.T/x.ogv")) == ("file", "file")
