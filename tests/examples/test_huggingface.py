"""The Hugging Face examples, with tiny models of the real classes whose weights are random: no weights are at hand.

So what they answer means nothing, but loading, logging, packaging and running are the real ones, and what a job wrote
is what the pipeline says of the same file.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tiny_transformers as tiny
from documents import Document
from PIL import Image

from airflow_provider_mediabatch.demo import huggingface, media

if TYPE_CHECKING:
    from conftest import Bench

pytest.importorskip("torch", reason="the extra huggingface is not installed")
pytest.importorskip("transformers", reason="the extra huggingface is not installed")

PAGE = Document("docs/hugging-face.md")


def logged(bench: Bench, save: Callable[[Path], Path], folder: Path, task: str, name: str) -> Any:
    """The pipeline of a tiny model, after it was logged."""
    pipeline = huggingface.make_pipeline(task, save(folder))
    huggingface.log_pipeline(bench.session, pipeline, name)
    return pipeline


def photograph(name: str) -> Path:
    return next(path for path in media.photographs() if path.name == name)


def values(rows: list[dict[str, Any]], path: str, column: str) -> dict[str, Any]:
    """File name to what a nested column has for it."""
    return {Path(row[path]).name: json.loads(row[column]) for row in rows}


def run_by_hand(bench: Bench, name: str, files: str, column: str) -> list[dict[str, Any]]:
    """What a job writes that snowflake-ml's own client was asked for, as in Snowflake's examples."""
    from snowflake.ml.model.batch_inference import FileEncoding, InputFormat, InputSpec, OutputSpec, SaveMode
    from snowflake.ml.registry import Registry
    from snowflake.ml.utils.stage_file import list_stage_files

    output = f"@MEDIA.PUBLIC.WORK/{name.lower()}_by_hand/"
    job = (
        Registry(bench.session)
        .get_model(name)
        .version("V1")
        .run_batch(
            X=list_stage_files(bench.session, files, column_name=column),
            compute_pool="LOCAL_POOL",
            output_spec=OutputSpec(stage_location=output, mode=SaveMode.OVERWRITE),
            input_spec=InputSpec(
                column_handling={
                    column: {"input_format": InputFormat.FULL_STAGE_PATH, "convert_to": FileEncoding.RAW_BYTES}
                }
            ),
        )
    )
    job.wait()
    rows = bench.session.read.option("pattern", r".*[.]parquet").parquet(f"{output}{job.name}/").collect()
    return [row.as_dict() for row in rows]


def plain(answer: Any) -> Any:
    """An answer of a pipeline as JSON has it, with numbers that may differ in their last digits."""
    if isinstance(answer, dict):
        return {key: plain(value) for key, value in answer.items()}
    if isinstance(answer, list | tuple):
        return [plain(value) for value in answer]
    return pytest.approx(answer, abs=1e-5) if isinstance(answer, float) else answer


def test_vit(bench: Bench, tmp_path: Path) -> None:
    vit = logged(bench, tiny.save_vit, tmp_path, "image-classification", "VIT")
    bench.upload("PHOTOS", "demo", media.photographs())
    labels = values(bench.output(bench.run("huggingface_vit")), "IMAGES", "labels")
    assert labels == {path.name: plain(vit(str(path), top_k=3)) for path in media.photographs()}


def test_clip(bench: Bench, tmp_path: Path) -> None:
    from transformers import AutoImageProcessor, CLIPVisionModelWithProjection

    folder = tiny.save_clip_vision(tmp_path)
    huggingface.log_clip(bench.session, folder)
    bench.upload("PHOTOS", "demo", media.photographs())
    bench.run("huggingface_clip")
    rows = bench.session.table("MEDIA.PUBLIC.EMBEDDINGS").to_pandas()
    assert len(rows) == 6
    model = CLIPVisionModelWithProjection.from_pretrained(folder)
    processor = AutoImageProcessor.from_pretrained(folder)
    picture = Image.open(photograph("coffee.png")).convert("RGB")
    vector = model(**processor(images=[picture], return_tensors="pt")).image_embeds[0]
    expected = (vector / vector.norm()).tolist()
    (stored,) = (row.EMBEDDING for row in rows.itertuples() if row.IMAGE.endswith("coffee.png"))
    assert json.loads(stored) == pytest.approx(expected, abs=1e-5)


def test_detection(bench: Bench, tmp_path: Path) -> None:
    yolos = logged(bench, tiny.save_yolos, tmp_path, "object-detection", "YOLOS")
    bench.upload("PHOTOS", "detected", [photograph("coffee.png"), photograph("china.jpg")])
    conf = {"stage_path": "@MEDIA.PUBLIC.PHOTOS/detected/", "threshold": 0.1}
    result = bench.run("huggingface_detection", conf)
    assert result.returned("validate_signature")["params"] == {"threshold": 0.1}
    found = values(bench.output(result), "IMAGES", "detections")
    assert found == {name: plain(yolos(str(photograph(name)), threshold=0.1)) for name in ("coffee.png", "china.jpg")}
    boxes = [(name, box["label"], box["box"]["xmax"]) for name, items in found.items() for box in items]
    assert len(boxes) > 2
    (statement,) = [block for block in PAGE.blocks("sql") if "FLATTEN" in block]
    unfolded = bench.session.sql(statement.rstrip().removesuffix(";")).collect()
    assert sorted((Path(row["MB_PATH"]).name, row["LABEL"], row["XMAX"]) for row in unfolded) == sorted(boxes)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the pipeline reads recordings with ffmpeg")
def test_whisper(bench: Bench, tmp_path: Path) -> None:
    whisper = logged(bench, tiny.save_whisper, tmp_path / "whisper", "automatic-speech-recognition", "WHISPER")
    recordings = media.speech()[:2]
    bench.upload("RECORDINGS", "heard", recordings)
    result = bench.run("huggingface_whisper", {"stage_path": "@MEDIA.PUBLIC.RECORDINGS/heard/"})
    said = {path.name: whisper(path.read_bytes(), return_timestamps="sentence") for path in recordings}
    assert values(bench.output(result), "AUDIO", "outputs") == {name: plain(heard) for name, heard in said.items()}
    rows = bench.session.table("MEDIA.PUBLIC.WHISPERED").collect()
    assert {Path(row["MB_PATH"]).name: row["OUTPUTS_TEXT"] for row in rows} == {
        name: heard["text"] for name, heard in said.items()
    }
    assert json.loads(rows[0]["OUTPUTS_CHUNKS"])[0].keys() == {"timestamp", "text"}
    by_hand = values(run_by_hand(bench, "WHISPER", "@MEDIA.PUBLIC.RECORDINGS/heard", "AUDIO"), "AUDIO", "outputs")
    assert by_hand == {path.name: whisper(path.read_bytes()) for path in recordings}
    assert whisper(recordings[0].read_bytes()).keys() == {"text"}
    with pytest.raises(ValueError, match="30 seconds"):
        whisper(np.zeros(31 * 16000, dtype=np.float32))


def test_zero_shot(bench: Bench, tmp_path: Path) -> None:
    clip = logged(bench, tiny.save_clip, tmp_path, "zero-shot-image-classification", "CLIP_ZERO_SHOT")
    bench.upload("PHOTOS", "named/things", [photograph("coffee.png"), photograph("flower.jpg")])
    bench.upload("PHOTOS", "named/animals", [photograph("chelsea.png")])
    result = bench.run("huggingface_zero_shot", {"stage_path": "@MEDIA.PUBLIC.PHOTOS/named/"})
    assert result.returned("list_files")["columns"]["CANDIDATE_LABELS"] == "ARRAY"
    things = ["a cup of coffee", "a flower", "a building", "something else"]
    asked = {"coffee.png": things, "flower.jpg": things, "chelsea.png": ["a cat", "a dog"]}
    answers = {
        name: clip(str(photograph(name)), candidate_labels=labels, hypothesis_template="A photograph of {}.")
        for name, labels in asked.items()
    }
    assert values(bench.output(result), "IMAGES", "labels") == {name: plain(said) for name, said in answers.items()}


def test_a_task_without_a_signature(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the page logs it."""
    monkeypatch.chdir(tmp_path)
    segformer = huggingface.make_pipeline("image-segmentation", tiny.save_segformer(tmp_path / "weights" / "segformer"))
    with pytest.raises(NotImplementedError, match="Cannot auto infer the signature of pipeline for task"):
        huggingface.log_pipeline(bench.session, segformer, "SEGFORMER")
    (code,) = [block for block in PAGE.blocks("python") if "Segmenter" in block]
    # Without this file's own __future__: snowflake-ml reads the annotations of the method.
    exec(compile(code, str(PAGE.path), "exec", dont_inherit=True), {"__name__": "__main__", "session": bench.session})
    bench.upload("PHOTOS", "segmented", [photograph("coffee.png"), tmp_path / "weights" / "segformer" / "config.json"])
    rows = run_by_hand(bench, "SEGFORMER", "@MEDIA.PUBLIC.PHOTOS/segmented", "IMAGE")
    errors = {Path(row["IMAGE"]).name: row["MB_ERROR"] for row in rows}
    assert errors["coffee.png"] is None
    assert errors["config.json"].startswith("UnidentifiedImageError")
    (found,) = (json.loads(row["SEGMENTS"]) for row in rows if row["MB_ERROR"] is None)
    assert {segment["label"] for segment in found} == {
        item["label"] for item in segformer(str(photograph("coffee.png")))
    }
    assert sum(segment["share"] for segment in found) == pytest.approx(1, abs=1e-3)
