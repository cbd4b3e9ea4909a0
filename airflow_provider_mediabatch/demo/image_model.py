"""The image classifier as it is logged to the Model Registry.

``log_model`` pickles this module by value, so that it needs nothing of this package where it runs, on Snowflake or
here: its imports are its requirements. (No ``annotations`` import: snowflake-ml wants annotations that are objects.)
"""

import io
import json
from typing import Any

import pandas as pd
from snowflake.ml.model import custom_model

REQUIREMENTS = ["numpy", "onnxruntime", "pandas", "pillow"]


class ImageClassifier(custom_model.CustomModel):
    """An ONNX classifier of images: bytes of a picture in (``IMAGE``), its best label and score out.

    An ``onnxruntime`` session does not pickle: the context keeps the files, each process opens its own session at its
    first batch.

    :param context: artifacts ``network`` (ONNX) and ``labels`` (a JSON list with a name for each class).
    """

    def __init__(self, context: custom_model.ModelContext) -> None:
        super().__init__(context)
        self._loaded: tuple[Any, list[str]] | None = None

    def _load(self) -> tuple[Any, list[str]]:
        if self._loaded is None:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1  # a job's workers are processes: threads of each would only compete
            session = onnxruntime.InferenceSession(
                self.context.path("network"), sess_options=options, providers=["CPUExecutionProvider"]
            )
            with open(self.context.path("labels"), encoding="utf-8") as file:
                self._loaded = session, json.load(file)
        return self._loaded

    def _pixels(self, data: bytes) -> Any:
        """Picture to tensor: upright, the middle seven eighths at 224 × 224, values in about -1 to 1."""
        import numpy as np
        from PIL import Image, ImageOps

        picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        side = min(picture.size) * 224 / 256
        left, top = (picture.width - side) / 2, (picture.height - side) / 2
        box = (left, top, left + side, top + side)
        small = picture.resize((224, 224), Image.Resampling.BICUBIC, box=box)
        return ((np.asarray(small, dtype=np.float32) - 127.0) / 128.0).transpose(2, 0, 1)

    @custom_model.inference_api
    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """One row of ``LABEL`` and ``SCORE`` (probability, 0 to 1) for each row of ``IMAGE``."""
        session, labels = self._load()
        found = []
        for data in X["IMAGE"]:
            (probabilities,) = session.run(None, {"image": self._pixels(data)[None]})
            best = int(probabilities[0].argmax())
            found.append((labels[best], round(float(probabilities[0][best]), 4)))
        return pd.DataFrame(found, columns=["LABEL", "SCORE"], index=X.index)
