"""CLIP's picture embeddings as a custom model, which is how to get the projected embedding out of the registry.

(snowflake-ml's task ``image-feature-extraction`` makes the pipeline again where it runs, with the class that the task
stands for: it gives the hidden state of every patch, not the embedding that CLIP compares with text.) ``log_model``
pickles this module by value with the classifiers' (see :mod:`~airflow_provider_mediabatch.demo.classifiers`).
"""

from typing import Any

import pandas as pd
from snowflake.ml.model import custom_model

from airflow_provider_mediabatch.demo.classifiers import open_picture
from airflow_provider_mediabatch.demo.row_errors import row_errors

REQUIREMENTS = ["pandas", "pillow", "torch", "transformers"]


class ClipEmbedder(custom_model.CustomModel):
    """A picture to a vector of length 1, so that a dot product is the likeness.

    :param context: artifact ``clip``, a folder with CLIP's weights as ``save_pretrained`` writes them.
    """

    def __init__(self, context: custom_model.ModelContext) -> None:
        super().__init__(context)
        self._loaded: tuple[Any, Any] | None = None

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            from transformers import AutoImageProcessor, CLIPVisionModelWithProjection

            folder = self.context.path("clip")
            model = CLIPVisionModelWithProjection.from_pretrained(folder, local_files_only=True).eval()
            self._loaded = model, AutoImageProcessor.from_pretrained(folder, local_files_only=True)
        return self._loaded

    @custom_model.inference_api
    @row_errors("EMBEDDING")
    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """``IMAGE`` (BYTES) to ``EMBEDDING``, a list of numbers."""
        import torch

        model, processor = self._load()
        pictures = [open_picture(data).convert("RGB") for data in X["IMAGE"]]
        with torch.inference_mode():
            vectors = model(**processor(images=pictures, return_tensors="pt")).image_embeds
        vectors = vectors / vectors.norm(dim=-1, keepdim=True)
        return pd.DataFrame({"EMBEDDING": vectors.tolist()}, index=X.index)
