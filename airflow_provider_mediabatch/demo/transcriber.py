"""Whisper as it is logged to the Model Registry: speech in, nested ``outputs`` with the text out.

The shape is the one that Snowflake's own Whisper models have: an input ``AUDIO`` of BYTES, parameters ``language`` and
``task``, and a column ``outputs`` whose field ``text`` is the transcription. ``log_model`` pickles this module by value
(see :mod:`~airflow_provider_mediabatch.demo.classifiers`).
"""

import io
import os
from typing import Any

import pandas as pd
from snowflake.ml.model import custom_model

from airflow_provider_mediabatch.demo.row_errors import row_errors

REQUIREMENTS = ["faster-whisper==1.2.1", "pandas"]


def _check_sound(data: bytes) -> None:
    """Refuse what has no sound in words that a person understands."""
    import av

    try:
        with av.open(io.BytesIO(data), mode="r") as file:
            has_sound = bool(file.streams.audio)
    except av.error.InvalidDataError:
        raise ValueError(f"not a recording of a kind that is read here: it begins with {bytes(data[:12])!r}") from None
    if not has_sound:
        raise ValueError("the file has no sound, only pictures")


class Transcriber(custom_model.CustomModel):
    """Whisper by faster-whisper, on the CPU in 8-bit integers.

    :param context: artifact ``whisper``, a folder with a converted (CTranslate2) Whisper model.
    """

    def __init__(self, context: custom_model.ModelContext) -> None:
        super().__init__(context)
        self._whisper: Any = None

    def _load(self) -> Any:
        if self._whisper is None:
            os.environ["HF_HUB_OFFLINE"] = "1"  # the model is part of the artifact
            from faster_whisper import WhisperModel

            self._whisper = WhisperModel(self.context.path("whisper"), device="cpu", compute_type="int8", cpu_threads=1)
        return self._whisper

    @custom_model.inference_api
    @row_errors("outputs")
    def predict(self, X: pd.DataFrame, *, language: str = "en", task: str = "transcribe") -> pd.DataFrame:
        """One row of ``outputs`` for each row of ``AUDIO``: any format that FFmpeg reads, videos too."""
        whisper = self._load()
        outputs = []
        for data in X["AUDIO"]:
            _check_sound(data)
            # Whisper makes words of silence ("you"), so only what holds speech is given to it.
            segments, info = whisper.transcribe(
                io.BytesIO(data), language=language, task=task, beam_size=1, without_timestamps=True, vad_filter=True
            )
            text = " ".join(segment.text.strip() for segment in segments)
            outputs.append({"text": text, "language": info.language, "seconds": round(info.duration, 2)})
        return pd.DataFrame({"outputs": outputs}, index=X.index)
