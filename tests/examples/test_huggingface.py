"""The Hugging Face examples, with tiny models of the real classes whose weights are random: no weights are at hand.

So what they answer means nothing, but loading, logging, packaging and running are the real ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from airflow_provider_mediabatch.demo import huggingface, media

if TYPE_CHECKING:
    from conftest import Bench

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 37,
    "image_size": 30,
    "patch_size": 6,
}


@pytest.fixture
def vit(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    folder = tmp_path / "vit"
    config = transformers.ViTConfig(**TINY, num_labels=10)
    transformers.ViTForImageClassification(config).save_pretrained(folder)
    transformers.ViTImageProcessor(size={"height": 30, "width": 30}).save_pretrained(folder)
    return folder


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    folder = tmp_path / "clip"
    config = transformers.CLIPVisionConfig(**TINY, projection_dim=16)
    transformers.CLIPVisionModelWithProjection(config).save_pretrained(folder)
    processor = transformers.CLIPImageProcessor(size={"shortest_edge": 30}, crop_size={"height": 30, "width": 30})
    processor.save_pretrained(folder)
    return folder


def test_vit(bench: Bench, vit: Path) -> None:
    huggingface.log_vit(bench.session, huggingface.vit_classifier(vit))
    bench.upload("PHOTOS", "demo", media.photographs())
    rows = bench.output(bench.run("huggingface_vit"))
    assert len(rows) == 6
    for row in rows:
        labels = json.loads(row["labels"])
        assert len(labels) == 3
        assert set(labels[0]) == {"label", "score"}


def test_clip(bench: Bench, clip: Path) -> None:
    huggingface.log_clip(bench.session, clip)
    bench.upload("PHOTOS", "demo", media.photographs())
    bench.run("huggingface_clip")
    rows = bench.session.table("MEDIA.PUBLIC.EMBEDDINGS").to_pandas()
    assert len(rows) == 6
    model = transformers.CLIPVisionModelWithProjection.from_pretrained(clip)
    processor = transformers.CLIPImageProcessor.from_pretrained(clip)
    picture = Image.open(next(path for path in media.photographs() if path.name == "coffee.png")).convert("RGB")
    vector = model(**processor(images=[picture], return_tensors="pt")).image_embeds[0]
    expected = (vector / vector.norm()).tolist()
    (stored,) = (row.EMBEDDING for row in rows.itertuples() if row.IMAGE.endswith("coffee.png"))
    assert json.loads(stored) == pytest.approx(expected, abs=1e-5)
