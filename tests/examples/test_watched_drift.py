"""The example of drift: crops of photographs in two runs, and then scans of handwritten digits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from airflow_env import EXAMPLES
from PIL import Image

from airflow_provider_mediabatch.core.drift_report import DriftReport
from airflow_provider_mediabatch.core.xcom_keys import FAILED_RESULT_KEY
from airflow_provider_mediabatch.demo import media, models

if TYPE_CHECKING:
    from conftest import Bench

EACH = 60
TABLE = "MEDIA.PUBLIC.WATCHED_PREDICTIONS"


def crops(folder: Path, seed: int) -> Path:
    """Sixty crops of the six photographs, each a little different."""
    draw = np.random.default_rng(seed)
    photographs = [Image.open(path).convert("RGB") for path in media.photographs()]
    folder.mkdir()
    for number in range(EACH):
        picture = photographs[number % len(photographs)]
        left, top = (int(side * draw.uniform(0, 0.08)) for side in picture.size)
        right, bottom = (int(side * draw.uniform(0.92, 1)) for side in picture.size)
        picture.crop((left, top, right, bottom)).resize((224, 224)).save(folder / f"{seed}_{number:02}.jpg", "JPEG")
    return folder / "*.jpg"


def scans(folder: Path) -> Path:
    """Sixty handwritten digits, as large as the photographs."""
    from sklearn import datasets

    folder.mkdir()
    for number, digit in enumerate(datasets.load_digits().images[:EACH]):
        grey = Image.fromarray((255 - 15 * digit).astype("uint8"))
        grey.resize((224, 224)).save(folder / f"digit_{number:02}.png")
    return folder / "*.png"


@pytest.mark.slow
def test_similar_photographs_are_loaded_and_scans_are_not(bench: Bench, tmp_path: Path) -> None:
    bench.log(models.image_classifier(bench.cache))
    bench.upload("PHOTOS", "watched", [crops(tmp_path / "first", 1)])
    first = DriftReport.from_xcom(bench.run("watched_drift").returned("media_batch.load_results")["drift"])
    assert [(item.column, item.rows, item.index) for item in first.columns] == [
        ("LABEL", EACH, None),
        ("SCORE", EACH, None),
        ("MB_ERROR", EACH, None),
    ]

    bench.session.file.put(str(crops(tmp_path / "second", 2)), "@PHOTOS/watched", auto_compress=False)
    second = DriftReport.from_xcom(bench.run("watched_drift").returned("media_batch.load_results")["drift"])
    assert [(item.column, item.rows, item.rows_before, item.runs_before) for item in second.columns] == [
        ("LABEL", EACH, EACH, 1),
        ("SCORE", EACH, EACH, 1),
        ("MB_ERROR", EACH, EACH, 1),
    ]
    assert (second.drifted, second.has_baseline) == ((), True)
    labels = {item.text for item in second.columns[0].labels}
    assert {"espresso", "daisy"} & labels, labels
    assert bench.session.table(TABLE).count() == 2 * EACH

    bench.session.file.put(str(scans(tmp_path / "scans")), "@PHOTOS/watched", auto_compress=False)
    third = bench.home.run_dag(EXAMPLES / "watched_drift.py", "watched_drift")
    states = {task["id"]: task["state"] for task in third.tasks}
    assert (third.state, states["media_batch.full_batch"], states["media_batch.load_results"]) == (
        "failed",
        "success",
        "failed",
    ), third.log.read_text()[-2000:]
    assert "differs from that of the last 2 runs. Nothing was loaded" in third.log.read_text()
    report = DriftReport.from_xcom(third.xcoms["media_batch.load_results"][FAILED_RESULT_KEY])
    assert "LABEL" in [column.column for column in report.drifted]
    assert [item.share for item in report.columns[0].labels if item.text == "Egyptian cat"] == [0.0]
    assert bench.session.table(TABLE).count() == 2 * EACH
    runs = bench.session.sql(f"SELECT COUNT(DISTINCT RUN_ID) AS N FROM {TABLE}_DRIFT").collect()
    assert runs[0]["N"] == 2
