"""The pictures in the documents show the pages as they are.

``MEDIABATCH_WRITE_PICTURES=1`` writes them anew.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import scene
from PIL import Image, ImageChops, ImageStat
from test_review import FULL, open_form, open_page, wait

if TYPE_CHECKING:
    from conftest import Review

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.timeout(600)]

PICTURES = Path(__file__).parents[2] / "docs" / "images"
WIDTH = 1000
COARSE = (50, 40)


def check_picture(page: Any, name: str) -> None:
    """The browser's page is what the document's picture shows, run ids and times aside."""
    wait(page, lambda found: found.execute_script("return [...document.images].every(i => i.complete)"))
    shot = Image.open(io.BytesIO(page.get_screenshot_as_png())).convert("RGB")
    shot = shot.resize((WIDTH, round(shot.height * WIDTH / shot.width)), Image.Resampling.LANCZOS)
    path = PICTURES / name
    if os.environ.get("MEDIABATCH_WRITE_PICTURES"):
        shot.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    shown = Image.open(path).convert("RGB")
    assert shown.size == shot.size
    difference = ImageStat.Stat(ImageChops.difference(shown.resize(COARSE), shot.resize(COARSE)))
    assert max(difference.mean) < 12, f"{path} shows another page; write it anew"


def test_the_pictures_of_the_documents(page: Any, review: Review) -> None:
    review.airflow.add_dag(scene.DAGS, "ui_documented")
    review.start("ui_documented")
    assert review.wait_for("ui_documented", "approve_sample", "awaiting_input") == "awaiting_input"
    open_form(page, review, "ui_documented")
    check_picture(page, "approval-form.png")
    review.answer("ui_documented", "Approve", "the labels fit")
    assert review.wait_for("ui_documented", "full_batch") == "success"
    open_page(page, review, "ui_documented", FULL, "-1")
    check_picture(page, "review-photographs.png")
    open_page(page, review, "ui_recordings", FULL, "-1")
    check_picture(page, "review-speech.png")
