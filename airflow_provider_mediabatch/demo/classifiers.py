"""Classifiers of pictures as they are logged to the Model Registry: one network, five ways of being fed.

``log_model`` pickles this module by value, so that it needs nothing of this package where it runs, on Snowflake or
here: its imports are its requirements. (No ``annotations`` import: snowflake-ml wants annotations that are objects.)
Each method says in ``MB_ERROR`` what is wrong with a file that it cannot read.
"""

import base64
import io
import json
import struct
import wave
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd
from snowflake.ml.model import custom_model

from airflow_provider_mediabatch.demo.row_errors import row_errors

REQUIREMENTS = ["numpy", "onnxruntime", "pandas", "pillow"]
VIDEO_REQUIREMENTS = [*REQUIREMENTS, "av"]


def _not_read(head: bytes) -> str:
    """Why Pillow does not read a file, by its first bytes. Phones write HEIC, for which Pillow needs a plugin."""
    if head[4:8] == b"ftyp" and any(brand in head for brand in (b"heic", b"heix", b"hevc")):
        return "the picture is HEIC, which Pillow reads only with the plugin pillow-heif"
    if head[:2] == b"\xff\x0a" or head[4:8] == b"JXL ":
        return "the picture is JPEG XL, which Pillow does not read"
    return f"not a picture of a kind that is read here: it begins with {head[:12]!r}"


def open_picture(data: bytes) -> Any:
    """A picture's first frame, upright, in a mode of 8 bits.

    Its orientation is all that is read of EXIF, and damaged EXIF is no reason to refuse a picture: phones and editors
    write tags that Pillow's ``exif_transpose`` does not take.
    """
    from PIL import Image, UnidentifiedImageError

    Image.init()
    try:  # an EPS file is a program, which Pillow would have Ghostscript run
        picture = Image.open(io.BytesIO(data), formats=[name for name in Image.ID if name != "EPS"])
    except UnidentifiedImageError:
        raise ValueError(_not_read(bytes(data[:64]))) from None
    picture.load()  # which turns a TIFF upright, and no other kind
    try:
        turn = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}.get(int(picture.getexif().get(0x0112, 1)))
    except Exception:
        turn = None
    if picture.mode.startswith(("I", "F")):
        picture = _eight_bits(picture)
    return picture if turn is None else picture.transpose(Image.Transpose(turn))


def _eight_bits(picture: Any) -> Any:
    """A picture of 16 or 32 bits or of floats in 8 bits. Pillow's own conversion cuts what is above 255.

    Pixels without a value (no number, an infinite one, or the lowest float, as maps have them) are black.
    """
    import numpy as np
    from PIL import Image

    values = np.asarray(picture.convert("F"), dtype=np.float64)
    known = np.abs(values) < 1e38
    low, high = (values[known].min(), values[known].max()) if known.any() else (0.0, 0.0)
    usual = (65535.0,) if picture.mode.startswith("I;16") else (1.0, 255.0, 65535.0)
    top = next((top for top in usual if low >= 0 and high <= top), None)
    low, high = (low, high) if top is None else (0.0, top)
    scale = 255.0 / (high - low) if high > low else 0.0
    return Image.fromarray(((np.where(known, values, low) - low) * scale).astype(np.uint8))


def _frames(data: bytes, count: int) -> tuple[float, list[tuple[float, Any]]]:
    """How long a video is, and the pictures that it shows at moments evenly spread over it, each with its second.

    Seconds count from the first frame: what was cut out of a longer recording begins later than 0. A stream without
    times, raw H.264 for example, is read by its rate. What an edit has cut off at the beginning is not shown, so it
    does not count.
    """
    import av

    with av.open(io.BytesIO(data), mode="r") as video:
        stream = _moving_pictures(video)
        step = 1.0 / float(stream.average_rate or stream.guessed_rate or 25)
        spans, packets = [], 0
        for packet in video.demux(stream):
            packets += packet.size > 0
            if packet.pts is not None and packet.time_base is not None and not packet.is_discard:
                begin = float(packet.pts * packet.time_base)
                spans.append((begin, begin + float((packet.duration or 0) * packet.time_base or step)))
        start = min((begin for begin, _ in spans), default=0.0)
        seconds = max((end for _, end in spans), default=packets * step) - start
    moments = [(number + 0.5) * seconds / count for number in range(count)]
    shown: list[tuple[float, Any]] = []
    last: tuple[float, Any] | None = None
    with av.open(io.BytesIO(data), mode="r") as video:
        for number, frame in enumerate(_decoded(video)):
            second = number * step if frame.time is None else float(frame.time) - start
            while last is not None and moments and second > moments[0]:
                moments.pop(0)
                if not shown or shown[-1] is not last:
                    shown.append(last)
            last = second, frame
            if not moments:
                break
    if last is not None and moments and (not shown or shown[-1] is not last):
        shown.append(last)
    return seconds, [(second, _upright(frame)) for second, frame in shown]


def _moving_pictures(video: Any) -> Any:
    """The stream of pictures. A song's cover is a stream too, of one picture that belongs to the sound."""
    from av.stream import Disposition

    for stream in video.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    raise ValueError("the file has no pictures, only sound")


def _decoded(video: Any) -> Iterator[Any]:
    for packet in video.demux(_moving_pictures(video)):
        if packet.size or packet.dts is None:  # an empty packet repeats a picture; the last one has no time
            yield from packet.decode()


def _upright(frame: Any) -> Any:
    """A frame as its display matrix turns and mirrors it. Phones store pictures as the sensor sees them."""
    from av.sidedata.sidedata import Type
    from PIL import Image

    turns = {
        (-1, 0, 0, 1): 0,
        (1, 0, 0, -1): 1,
        (0, -1, 1, 0): 2,
        (-1, 0, 0, -1): 3,
        (0, 1, -1, 0): 4,
        (0, 1, 1, 0): 5,
        (0, -1, -1, 0): 6,
    }
    matrix = frame.side_data.get(Type.DISPLAYMATRIX)
    numbers = struct.unpack("=9i", bytes(matrix)) if matrix is not None else (0,) * 9
    turn = turns.get(tuple((numbers[at] > 0) - (numbers[at] < 0) for at in (0, 1, 3, 4)))
    picture = frame.to_image()
    return picture if turn is None else picture.transpose(Image.Transpose(turn))


class Classifier(custom_model.CustomModel):
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
        probabilities, labels = self._probabilities(picture)
        best = int(probabilities.argmax())
        return labels[best], round(float(probabilities[best]), 4)

    def _probabilities(self, picture: Any) -> tuple[Any, list[str]]:
        """A PIL image to the probability of each label."""
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
        return probabilities[0], labels

    def _classify_files(self, files: Iterable[bytes], index: pd.Index) -> pd.DataFrame:
        found = [self._classify(open_picture(data)) for data in files]
        return pd.DataFrame(found, columns=["LABEL", "SCORE"], index=index)


class ImageClassifier(Classifier):
    """Pictures as bytes."""

    @custom_model.inference_api
    @row_errors("LABEL", "SCORE")
    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """``IMAGE`` (BYTES) to ``LABEL`` and ``SCORE`` (probability, 0 to 1)."""
        return self._classify_files(X["IMAGE"], X.index)


class EncodedImageClassifier(Classifier):
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


class ThresholdClassifier(Classifier):
    """A picture together with a row of a table: each row says how sure the model must be."""

    @custom_model.inference_api
    @row_errors("LABEL", "SCORE")
    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """``IMAGE`` (BYTES) and ``MIN_SCORE`` (DOUBLE) to ``LABEL``, null below the threshold, and ``SCORE``."""
        found = self._classify_files(X["IMAGE"], X.index)
        return found.assign(LABEL=found["LABEL"].where(found["SCORE"] >= X["MIN_SCORE"].astype(float), None))


class CandidateClassifier(Classifier):
    """A picture with the labels that are asked for, as zero-shot models take them. Each row may bring others."""

    @custom_model.inference_api
    @row_errors("LABEL", "SCORE")
    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """``IMAGE`` (BYTES) and ``CANDIDATE_LABELS`` (list of STRING) to ``LABEL`` and its share among them.

        A candidate stands for the network's classes whose names contain it.
        """
        found = []
        for data, candidates in zip(X["IMAGE"], X["CANDIDATE_LABELS"], strict=True):
            probabilities, labels = self._probabilities(open_picture(data))
            weights = {
                wanted: sum(float(p) for p, name in zip(probabilities, labels, strict=True) if wanted in name)
                for wanted in candidates
            }
            best = max(weights, key=lambda wanted: weights[wanted])
            found.append((best, round(weights[best] / (sum(weights.values()) or 1.0), 4)))
        return pd.DataFrame(found, columns=["LABEL", "SCORE"], index=X.index)


class PictureAndSound(Classifier):
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


class VideoClassifier(Classifier):
    """Frames of a video, evenly spread over it."""

    @custom_model.inference_api
    @row_errors("SECONDS", "FRAMES")
    def predict(self, X: pd.DataFrame, *, frames: int = 4) -> pd.DataFrame:
        """``VIDEO`` (BYTES) to ``SECONDS`` and ``FRAMES``, a JSON list with time, label and score of each frame."""
        rows = []
        for data in X["VIDEO"]:
            seconds, pictures = _frames(data, frames)
            seen = []
            for second, picture in pictures:
                label, score = self._classify(picture)
                seen.append({"second": round(second, 2), "label": label, "score": score})
            rows.append((round(seconds, 2), json.dumps(seen)))
        return pd.DataFrame(rows, columns=["SECONDS", "FRAMES"], index=X.index)
