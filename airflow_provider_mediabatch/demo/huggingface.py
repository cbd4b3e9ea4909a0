"""Hugging Face models for the registry: a ViT classifier and CLIP's picture embeddings, by snowflake-ml's own support.

On a Snowflake account give a model's name at Hugging Face: ``log_model`` has Snowflake fetch it. From a folder with
weights (``save_pretrained``) the pipeline is made here and logged with them, which is what the local engine can run.
Needs torch and transformers, which are no dependencies of this package.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snowflake.snowpark import Session

VIT = "google/vit-base-patch16-224"
CLIP = "openai/clip-vit-base-patch32"


def vit_classifier(source: str | Path = VIT) -> Any:
    """Labels of a picture: ``images`` (BYTES) to ``labels``, a list of ``label`` and ``score``; parameter ``top_k``.

    :param source: a model's name at Hugging Face, or a folder with its weights.
    :return: what ``Registry.log_model`` takes.
    """
    task = "image-classification"
    if isinstance(source, str):
        return _named(source, task)
    from transformers import ViTForImageClassification, ViTImageProcessor, pipeline

    return pipeline(
        task,
        model=ViTForImageClassification.from_pretrained(source, local_files_only=True),
        image_processor=ViTImageProcessor.from_pretrained(source, local_files_only=True),
    )


def clip_embedder(source: str | Path = CLIP) -> Any:
    """CLIP's embedding of a picture: ``images`` (BYTES) to ``feature_extraction``, a list that holds the vector.

    :param source: a model's name at Hugging Face, or a folder with its weights.
    :return: what ``Registry.log_model`` takes.
    """
    task = "image-feature-extraction"
    if isinstance(source, str):
        return _named(source, task)
    from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection, pipeline

    return pipeline(
        task,
        model=CLIPVisionModelWithProjection.from_pretrained(source, local_files_only=True),
        image_processor=CLIPImageProcessor.from_pretrained(source, local_files_only=True),
    )


def log(session: Session, model: Any, name: str, version: str = "V1") -> None:
    """Log what :func:`vit_classifier` or :func:`clip_embedder` made; the signature is snowflake-ml's for the task.

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
        pip_requirements=["torch", "transformers", "pillow"],
        target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
    )


def _named(name: str, task: str) -> Any:
    from snowflake.ml.model.models.huggingface import TransformersPipeline

    return TransformersPipeline(name, task=task)
