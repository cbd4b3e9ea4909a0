"""Classifiers of pictures as they are logged to the Model Registry: one network, five ways of being fed.

``log_model`` pickles this module by value, so that it needs nothing of this package where it runs, on Snowflake or
here: its imports are its requirements. (No ``annotations`` import: snowflake-ml wants annotations that are objects.)
Each method says in ``MB_ERROR`` what is wrong with a file that it cannot read.
"""

import base64
import io
import json
import wave
from collections.abc import Iterable
from typing import Any

import pandas as pd
from snowflake.ml.model import custom_model

from airflow_provider_mediabatch.demo.row_errors import row_errors

REQUIREMENTS = ["numpy", "onnxruntime", "pandas", "pillow"]
VIDEO_REQUIREMENTS = [*REQUIREMENTS, "av"]


class _Classifier(custom_model.CustomModel):
    """An ONNX network with names for its classes.

    An ``onnxruntime`` session does not pickle: the context keeps the files, each process opens its own session at its
    first batch.

    :param context: artifacts ``network`` (ONNX, 224 × 224 RGB in, probabilities out) and ``labels`` (a JSON list).
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

    def _classify(self, picture: Any) -> tuple[str, float]:
        """A PIL image to its best label and that label's probability."""
        import numpy as np
        from PIL import Image

        picture = picture.convert("RGB")
        side = min(picture.size) * 224 / 256  # the middle seven eighths, as the network was trained on
        left, top = (picture.width - side) / 2, (picture.height - side) / 2
        box = (left, top, left + side, top + side)
        small = picture.resize((224, 224), Image.Resampling.BICUBIC, box=box)
        pixels = ((np.asarray(small, dtype=np.float32) - 127.0) / 128.0).transpose(2, 0, 1)
        session, labels = self._load()
        (probabilities,) = session.run(None, {"image": pixels[None]})
        best = int(probabilities[0].argmax())
        return labels[best], round(float(probabilities[0][best]), 4)

    def _classify_files(self, files: Iterable[bytes], index: pd.Index) -> pd.DataFrame:
        from PIL import Image, ImageOps

        found = [self._classify(ImageOps.exif_transpose(Image.open(io.BytesIO(data)))) for data in files]
        return pd.DataFrame(found, columns=["LABEL", "SCORE"], index=index)


class ImageClassifier(_Classifier):
    """Pictures as bytes."""

    @custom_model.inference_api
    @row_errors("LABEL", "SCORE")
    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """``IMAGE`` (BYTES) to ``LABEL`` and ``SCORE`` (probability, 0 to 1)."""
        return self._classify_files(X["IMAGE"], X.index)


class EncodedImageClassifier(_Classifier):
    """Pictures as text, as models made for web APIs take them: two functions of one model."""

    @custom_model.inference_api
    @row_errors("LABEL", "SCORE")
    def predict_base64(self, X: pd.DataFrame) -> pd.DataFrame:
        """``IMAGE`` (STRING, base64) to ``LABEL`` and ``SCORE``."""
        return self._classify_files((base64.b64decode(text, validate=True) for text in X["IMAGE"]), X.index)

    @custom_model.inference_api
    @row_errors("LABEL", "SCORE", "MEDIA_TYPE")
    def predict_data_url(self, X: pd.DataFrame) -> pd.DataFrame:
        """``IMAGE`` (STRING, ``data:image/…;base64,…``) to ``LABEL``, ``SCORE`` and ``MEDIA_TYPE``."""
        heads, bodies = zip(*(text.split(",", 1) for text in X["IMAGE"]), strict=True)
        found = self._classify_files((base64.b64decode(body, validate=True) for body in bodies), X.index)
        return found.assign(MEDIA_TYPE=[head.removeprefix("data:").removesuffix(";base64") for head in heads])


class ThresholdClassifier(_Classifier):
    """A picture together with a row of a table: each row says how sure the model must be."""

    @custom_model.inference_api
    @row_errors("LABEL", "SCORE")
    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """``IMAGE`` (BYTES) and ``MIN_SCORE`` (DOUBLE) to ``LABEL``, null below the threshold, and ``SCORE``."""
        found = self._classify_files(X["IMAGE"], X.index)
        return found.assign(LABEL=found["LABEL"].where(found["SCORE"] >= X["MIN_SCORE"].astype(float), None))


class PictureAndSound(_Classifier):
    """Two files in one row: a picture, and a recording that belongs to it."""

    @custom_model.inference_api
    @row_errors("LABEL", "SCORE", "SECONDS", "LOUDNESS")
    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """``IMAGE`` and ``AUDIO`` (both BYTES; WAV, 16 bit) to ``LABEL``, ``SCORE``, ``SECONDS`` and ``LOUDNESS``."""
        import numpy as np

        sounds = []
        for data in X["AUDIO"]:
            with wave.open(io.BytesIO(data)) as sound:
                samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2").astype(np.float64)
                loudness = float(np.sqrt(np.mean(samples**2))) / 32768 if samples.size else 0.0
                sounds.append((sound.getnframes() / sound.getframerate(), round(loudness, 4)))
        seconds, loudnesses = zip(*sounds, strict=True)
        return self._classify_files(X["IMAGE"], X.index).assign(SECONDS=seconds, LOUDNESS=loudnesses)


class VideoClassifier(_Classifier):
    """Frames of a video, evenly spread over it."""

    @custom_model.inference_api
    @row_errors("SECONDS", "FRAMES")
    def predict(self, X: pd.DataFrame, *, frames: int = 4) -> pd.DataFrame:
        """``VIDEO`` (BYTES) to ``SECONDS`` and ``FRAMES``, a JSON list with time, label and score of each frame."""
        import av

        rows = []
        for data in X["VIDEO"]:
            with av.open(io.BytesIO(data), mode="r") as video:
                seconds = float(video.duration or 0) / av.time_base
                moments = [(number + 0.5) * seconds / frames for number in range(frames)]
                seen: list[dict[str, Any]] = []
                for frame in video.decode(video=0):
                    if len(seen) < frames and frame.time >= moments[len(seen)]:
                        label, score = self._classify(frame.to_image())
                        seen.append({"second": round(float(frame.time), 2), "label": label, "score": score})
            rows.append((round(seconds, 2), json.dumps(seen)))
        return pd.DataFrame(rows, columns=["SECONDS", "FRAMES"], index=X.index)
