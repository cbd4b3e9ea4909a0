"""Hugging Face models for the registry: pipelines of any task that snowflake-ml has a signature for, and CLIP's
embeddings.

On a Snowflake account a model's name at Hugging Face is enough: ``log_model`` has Snowflake fetch it. From a folder
with weights (``save_pretrained``) the pipeline is made here and logged with them, which is what the local engine can
run. That needs the extra ``huggingface``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snowflake.snowpark import Session

REQUIREMENTS = ["pillow", "torch", "transformers"]


def make_pipeline(task: str, source: str | Path) -> Any:
    """A pipeline, as ``Registry.log_model`` takes it.

    :param task: Hugging Face's name of the task, such as ``object-detection``.
    :param source: a model's name at Hugging Face, or a folder with its weights.
    """
    if isinstance(source, str):
        from snowflake.ml.model.models.huggingface import TransformersPipeline

        return TransformersPipeline(source, task=task)
    from transformers import pipeline

    return pipeline(task, model=str(source))


def log_pipeline(session: Session, model: Any, name: str, version: str = "V1") -> None:
    """Log what :func:`make_pipeline` made; the signature is snowflake-ml's own for the task.

    :param session: database and schema of it are the model's.
    :param model: the pipeline.
    :param name: the model's name in the registry.
    :param version: the version's name.
    """
    from snowflake.ml.registry import Registry

    Registry(session).log_model(
        model,
        model_name=name,
        version_name=version,
        pip_requirements=REQUIREMENTS,
        target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
    )


def log_clip(session: Session, folder: Path, name: str = "CLIP", version: str = "V1") -> None:
    """Log CLIP's embedder: ``IMAGE`` (BYTES) to ``EMBEDDING``, a list of numbers, and ``MB_ERROR``.

    :param session: database and schema of it are the model's.
    :param folder: the weights, as ``save_pretrained`` or ``huggingface_hub.snapshot_download`` writes them.
    :param name: the model's name in the registry.
    :param version: the version's name.
    """
    import cloudpickle
    from snowflake.ml.model.custom_model import ModelContext
    from snowflake.ml.model.model_signature import DataType, FeatureSpec, ModelSignature
    from snowflake.ml.registry import Registry

    from airflow_provider_mediabatch.demo import classifiers, clip_model

    cloudpickle.register_pickle_by_value(classifiers)  # log_model registers the module of the model's own class alone
    signature = ModelSignature(
        inputs=[FeatureSpec("IMAGE", DataType.BYTES)],
        outputs=[FeatureSpec("EMBEDDING", DataType.DOUBLE, shape=(-1,)), FeatureSpec("MB_ERROR", DataType.STRING)],
    )
    Registry(session).log_model(
        clip_model.ClipEmbedder(ModelContext(artifacts={"clip": str(folder)})),
        model_name=name,
        version_name=version,
        signatures={"predict": signature},
        pip_requirements=clip_model.REQUIREMENTS,
        target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
    )
