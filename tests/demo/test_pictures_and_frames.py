"""The demo's classifiers see pictures upright and in their own brightness, and frames as players show them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import media_kinds
import numpy as np
import pytest
from PIL import Image

from airflow_provider_mediabatch.demo.classifiers import _frames, open_picture

needs_av = pytest.mark.skipif(not find_spec("av"), reason="the extra speech is not installed")
BACK = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
"""How to store a picture so that its orientation turns it back."""


def espresso() -> Image.Image:
    return media_kinds.espresso().resize((320, 240))


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean of all channels' differences; that of pictures of two sizes is as large as can be."""
    if one.size != other.size:
        return 255.0
    pixels = [np.asarray(picture.convert("RGB"), dtype=float) for picture in (one, other)]
    return float(np.abs(pixels[0] - pixels[1]).mean())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_upright(kind: str, orientation: int) -> None:
    stored = espresso().transpose(Image.Transpose(BACK[orientation])) if orientation in BACK else espresso()
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert difference(open_picture(media_kinds.saved(stored, kind, exif=exif)), espresso()) < 6


@pytest.mark.parametrize("gap", [float("nan"), float("inf"), float("-inf"), float(np.finfo(np.float32).min)])
def test_pixels_without_a_value_do_not_change_the_others(gap: float) -> None:
    values = np.asarray(espresso().convert("L")).astype(np.float32) / 255
    values[0, 0] = gap
    found = open_picture(media_kinds.saved(Image.fromarray(values), "TIFF"))
    assert difference(found, espresso().convert("L")) < 2


def test_nothing_but_gaps_is_black() -> None:
    found = open_picture(media_kinds.saved(Image.new("F", (4, 4), float("nan")), "TIFF"))
    assert found.convert("L").getextrema() == (0, 0)


def test_a_program_is_not_run() -> None:
    """Pillow would give an EPS file to Ghostscript, which runs it."""
    with pytest.raises(ValueError, match="not a picture of a kind that is read here: it begins with b'%!PS-Adobe"):
        open_picture(media_kinds.saved(espresso(), "EPS"))


@needs_av
@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((1, 0, 0, 1), None),
        ((0, 1, -1, 0), Image.Transpose.ROTATE_270),
        ((-1, 0, 0, -1), Image.Transpose.ROTATE_180),
        ((0, -1, 1, 0), Image.Transpose.ROTATE_90),
        ((-1, 0, 0, 1), Image.Transpose.FLIP_LEFT_RIGHT),
        ((1, 0, 0, -1), Image.Transpose.FLIP_TOP_BOTTOM),
        ((0, 1, 1, 0), Image.Transpose.TRANSPOSE),
        ((0, -1, -1, 0), Image.Transpose.TRANSVERSE),
        ((0, 0, 0, 0), None),
    ],
)
def test_a_video_is_shown_as_its_matrix_says(matrix: tuple[int, int, int, int], shown: Image.Transpose | None) -> None:
    """The turns are those of FFmpeg's own program for the same files."""
    seconds, pictures = _frames(media_kinds.displayed(media_kinds.video("mp4"), *matrix), 2)
    wanted = espresso() if shown is None else espresso().transpose(shown)
    assert (seconds, len(pictures)) == (pytest.approx(2.0), 2)
    assert all(difference(picture, wanted) < 8 for _, picture in pictures)


@needs_av
def test_what_an_edit_has_cut_off_is_not_seen() -> None:
    seconds, pictures = _frames(media_kinds.cut(), 4)
    assert seconds == pytest.approx(1.0)
    assert [round(second, 1) for second, _ in pictures] == [0.1, 0.3, 0.6, 0.8]
    assert all(difference(picture, espresso()) < 8 for _, picture in pictures)


@needs_av
def test_a_songs_cover_is_no_video() -> None:
    with pytest.raises(ValueError, match="the file has no pictures, only sound"):
        _frames(media_kinds.song(), 4)


@needs_av
def test_packets_that_repeat_a_picture_are_none() -> None:
    """Theora repeats a picture by a packet without a byte, which a decoder refuses. FFmpeg's program has made the file:
    ``ffmpeg -f lavfi -i color=c=red:s=32x32:r=10:d=2 -c:v libtheora -q:v 2 repeated_pictures.ogv``.
    """
    seconds, pictures = _frames((Path(media_kinds.__file__).parent / "repeated_pictures.ogv").read_bytes(), 4)
    assert seconds == pytest.approx(1.3)
    assert [second for second, _ in pictures] == [0.0]
    assert difference(pictures[0][1], Image.new("RGB", (32, 32), (254, 0, 0))) < 4


def test_models_bring_the_code_that_reads_pictures(tmp_path: Path) -> None:
    """Where the model runs, this package is not installed."""
    import cloudpickle

    from airflow_provider_mediabatch.demo import classifiers, clip_model

    for module in (classifiers, clip_model):
        cloudpickle.register_pickle_by_value(module)
    try:
        methods: list[Callable[..., object]] = [clip_model.ClipEmbedder.predict, classifiers.ImageClassifier.predict]
        (tmp_path / "methods").write_bytes(cloudpickle.dumps(methods))
    finally:
        for module in (classifiers, clip_model):
            cloudpickle.unregister_pickle_by_value(module)
    code = (
        "import sys; sys.modules['airflow_provider_mediabatch'] = None; import cloudpickle; "
        f"print(len(cloudpickle.load(open({str(tmp_path / 'methods')!r}, 'rb'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("2\n", 0), done.stderr
