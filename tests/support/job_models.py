"""Models that the job tests log: small, but of every shape that jobs must serve.

No ``from __future__ import annotations`` here: snowflake-ml compares the annotations of the methods with the classes.
"""

import base64
import ctypes
import decimal
import hashlib
import json
import os
import signal
import sys
import time

import numpy as np
import pandas as pd
from snowflake.ml.model import custom_model, model_signature, openai_signatures
from snowflake.ml.model.model_signature import DataType, FeatureSpec, ModelSignature, ParamSpec

from airflow_provider_mediabatch.demo.row_errors import row_errors


def _die(data: bytes) -> None:
    """End the process in the way that the file says, if it says one."""
    if data.startswith(b"CRASH"):
        ctypes.string_at(0)
    if data.startswith(b"MEMORY"):  # what the kernel does to a container that uses up its memory
        os.kill(os.getpid(), signal.SIGKILL)
    if data.startswith(b"HUNGRY"):
        _ = [b"x" * 2**25 for _ in range(64)]  # 2 GiB


class FileModel(custom_model.CustomModel):
    """Sizes and first bytes of files: what shows that the right content came in."""

    @custom_model.inference_api
    def predict(self, X: pd.DataFrame, *, scale: int = 1, mode: str = "plain") -> pd.DataFrame:
        if mode == "fail":
            raise ValueError("cannot read this picture")
        if mode == "picky":
            for data in X["img"]:
                if data.startswith(b"CRASH"):
                    os._exit(1)
                if data.startswith(b"POISON"):
                    raise ValueError(f"cannot read this picture: {data.decode()}")
        if mode == "dying":
            for data in X["img"]:
                _die(data)
        if mode == "slow":
            time.sleep(0.5)
        if mode == "endless":
            time.sleep(600)
        sizes = [None if data is None else len(data) * scale for data in X["img"]]
        heads = [None if data is None else data[:4].hex() for data in X["img"]]
        return pd.DataFrame({"size": sizes, "head": heads, "pid": [os.getpid()] * len(X), "batch": [len(X)] * len(X)})


FILE_SIGNATURE = ModelSignature(
    inputs=[FeatureSpec("img", DataType.BYTES)],
    outputs=[
        FeatureSpec("size", DataType.INT64),
        FeatureSpec("head", DataType.STRING),
        FeatureSpec("pid", DataType.INT64),
        FeatureSpec("batch", DataType.INT64),
    ],
    params=[ParamSpec("scale", DataType.INT64, 1), ParamSpec("mode", DataType.STRING, "plain")],
)


class SayingModel(FileModel):
    """Says in a column of its own which files it cannot read."""

    @custom_model.inference_api
    @row_errors("size", "head")
    def predict(self, X: pd.DataFrame, *, mode: str = "plain") -> pd.DataFrame:
        return super().predict(X, mode=mode)


SAYING_SIGNATURE = ModelSignature(
    inputs=FILE_SIGNATURE.inputs,
    outputs=[*FILE_SIGNATURE.outputs[:2], FeatureSpec("MB_ERROR", DataType.STRING)],
    params=[ParamSpec("mode", DataType.STRING, "plain")],
)


class TextModel(custom_model.CustomModel):
    """Takes text (base64, a data URL, or a plain column) and a number; returns a nested output."""

    @custom_model.inference_api
    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        outputs = [
            {"text": text[:40], "weight": float(weight)} for text, weight in zip(X["doc"], X["weight"], strict=True)
        ]
        return pd.DataFrame({"outputs": outputs})


TEXT_SIGNATURE = ModelSignature(
    inputs=[FeatureSpec("doc", DataType.STRING), FeatureSpec("weight", DataType.DOUBLE)],
    outputs=[
        model_signature.FeatureGroupSpec(
            "outputs", [FeatureSpec("text", DataType.STRING), FeatureSpec("weight", DataType.DOUBLE)]
        )
    ],
)


class PairModel(custom_model.CustomModel):
    """Two file columns in one row."""

    @custom_model.inference_api
    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        both = [f"{image.decode()}+{sound.decode()}" for image, sound in zip(X["image"], X["audio"], strict=True)]
        return pd.DataFrame({"both": both})


PAIR_SIGNATURE = ModelSignature(
    inputs=[FeatureSpec("image", DataType.BYTES), FeatureSpec("audio", DataType.BYTES)],
    outputs=[FeatureSpec("both", DataType.STRING)],
)


class GroupModel(custom_model.CustomModel):
    """One row for each partition."""

    @custom_model.partitioned_api
    def summarise(self, X: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"total": [float(X["amount"].sum())], "members": [len(X)]})


GROUP_SIGNATURE = ModelSignature(
    inputs=[FeatureSpec("amount", DataType.DOUBLE)],
    outputs=[FeatureSpec("total", DataType.DOUBLE), FeatureSpec("members", DataType.INT64)],
)


class FirstModel(custom_model.CustomModel):
    """The first path of each partition: most of its files are in no row of the output."""

    @custom_model.partitioned_api
    def first(self, X: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"IMG": [min(X["IMG"])]})


FIRST_SIGNATURE = ModelSignature(
    inputs=[FeatureSpec("IMG", DataType.STRING)], outputs=[FeatureSpec("IMG", DataType.STRING)]
)


class OddModel(custom_model.CustomModel):
    """What its method does is the first row's number: it ends its process, or returns what is no result."""

    @custom_model.inference_api
    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        kind = int(X["N"].iloc[0])
        if kind == 0:
            sys.exit(0)
        if kind == 1:
            os._exit(0)
        if kind == 4:
            sys.stdout.close()
        returned = {
            2: None,
            3: {"OUT": [1]},
            5: pd.DataFrame([[1, 2]] * len(X), columns=["OUT", "OUT"]),
            6: pd.DataFrame({"out": [1] * len(X)}),
        }
        return returned.get(kind, pd.DataFrame({"OUT": X["N"]}))


ODD_SIGNATURE = ModelSignature(inputs=[FeatureSpec("N", DataType.INT64)], outputs=[FeatureSpec("OUT", DataType.INT64)])


class ValueModel(custom_model.CustomModel):
    """Returns values of many classes, its parameters as text among them."""

    @custom_model.inference_api
    def predict(
        self,
        X: pd.DataFrame,
        *,
        mode: str = "plain",
        language: str = "en",
        beams: int = 1,
        scale: float = 1.0,
        fast: bool = False,
        since: str = "2020-01-01",
        decoding: dict = {},  # type: ignore[type-arg]  # noqa: B006
    ) -> pd.DataFrame:
        missing = (decimal.Decimal("NaN"), pd.NA, float("nan"), pd.NaT)
        given = json.dumps([repr(value) for value in (language, beams, scale, fast, since, decoding)])
        rows = [
            {
                "TEXT": given, "COUNT": 1.0, "SCORE": decimal.Decimal("1.5"), "FLAG": np.bool_(True),
                "RAW": b"\xff\x00", "AT": pd.Timestamp("2026-01-01T12:00+02:00"), "LIST": [1.0, np.nan, np.inf],
            },
            {
                "TEXT": np.str_("b"), "COUNT": np.int64(2**53 + 1), "SCORE": missing[0], "FLAG": missing[1],
                "RAW": missing[2], "AT": missing[3], "LIST": np.array([1.5, 2.5, 3.5]),
            },
        ]  # fmt: skip
        found = pd.DataFrame(rows[: len(X)], index=range(len(X), 0, -1), dtype=object)
        wrong = {"half a file": ("COUNT", 0.5), "a set": ("LIST", {1, 2}), "seconds": ("AT", 1_700_000_000)}
        if mode in wrong:
            name, value = wrong[mode]
            found[name] = pd.Series([value] * len(X), index=found.index, dtype=object)
        returned = {
            "another case": found.rename(columns={"COUNT": "count"}),
            "fewer rows": found.iloc[:1],
            "more rows": pd.concat([found, found]),
            "a series": found["TEXT"],
        }
        return returned.get(mode, found)


VALUE_SIGNATURE = ModelSignature(
    inputs=[FeatureSpec("img", DataType.BYTES)],
    outputs=[
        FeatureSpec("TEXT", DataType.STRING),
        FeatureSpec("COUNT", DataType.INT64),
        FeatureSpec("SCORE", DataType.DOUBLE),
        FeatureSpec("FLAG", DataType.BOOL),
        FeatureSpec("RAW", DataType.BYTES),
        FeatureSpec("AT", DataType.TIMESTAMP_NTZ),
        FeatureSpec("LIST", DataType.DOUBLE, shape=(-1,)),
    ],
    params=[
        ParamSpec("mode", DataType.STRING, "plain"),
        ParamSpec("language", DataType.STRING, "en"),
        ParamSpec("beams", DataType.INT64, 1),
        ParamSpec("scale", DataType.DOUBLE, 1.0),
        ParamSpec("fast", DataType.BOOL, False),
        ParamSpec("since", DataType.TIMESTAMP_NTZ, "2020-01-01"),
        model_signature.ParamGroupSpec(
            "decoding", [ParamSpec("width", DataType.INT64, 4), ParamSpec("task", DataType.STRING, "say")]
        ),
    ],
)


class CalledModel(custom_model.CustomModel):
    """What SQL calls: a method for rows, and one for partitions."""

    @custom_model.inference_api
    def predict(self, X: pd.DataFrame, *, scale: float = 2.0, labels: dict = {"a": 1}) -> pd.DataFrame:  # noqa: B006
        if (X["n"] < 0).any():
            raise ValueError(f"cannot take {X['n'].min()}")
        if (X["n"] == 600.5).any():
            time.sleep(600)
        return pd.DataFrame(
            {"scaled": X["n"] * scale, "pid": [os.getpid()] * len(X), "labels": [str(labels)] * len(X), "text": X["t"]}
        )

    @custom_model.inference_api
    def each_row(self, X: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"ROWS_SEEN": [len(X)] * len(X), "TWICE": X["n"] * 2})

    @custom_model.partitioned_api
    def summary(self, X: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"HIGH": [X["n"].max(), None], "ROWS_SEEN": [len(X)] * 2})


_CALLED = [FeatureSpec("n", DataType.DOUBLE), FeatureSpec("t", DataType.STRING)]
CALLED_SIGNATURES = {
    "predict": ModelSignature(
        inputs=_CALLED,
        outputs=[
            FeatureSpec("scaled", DataType.DOUBLE),
            FeatureSpec("pid", DataType.INT64),
            FeatureSpec("labels", DataType.STRING),
            FeatureSpec("text", DataType.STRING),
        ],
        params=[
            ParamSpec("scale", DataType.DOUBLE, 2.0),
            model_signature.ParamGroupSpec("labels", [ParamSpec("a", DataType.INT64, 1)]),
        ],
    ),
    "each_row": ModelSignature(
        inputs=_CALLED,
        outputs=[FeatureSpec("ROWS_SEEN", DataType.INT64), FeatureSpec("TWICE", DataType.DOUBLE)],
    ),
    "summary": ModelSignature(
        inputs=_CALLED,
        outputs=[FeatureSpec("HIGH", DataType.DOUBLE), FeatureSpec("ROWS_SEEN", DataType.INT64)],
    ),
}


class FirstInput(custom_model.CustomModel):
    """Answers with its first input."""

    @custom_model.inference_api
    def first(self, X: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"out": X.iloc[:, 0]})


BYTE_SIGNATURES = {
    "first": ModelSignature(inputs=[FeatureSpec("n", DataType.INT8)], outputs=[FeatureSpec("out", DataType.INT64)])
}
WIDE = 501
"""Inputs of a method that takes one OBJECT in SQL: one more than SQL takes arguments."""
WIDE_SIGNATURES = {
    "first": ModelSignature(
        inputs=[FeatureSpec(f"c{i}", DataType.INT64) for i in range(WIDE)],
        outputs=[FeatureSpec("out", DataType.INT64)],
    )
}


class ChatModel(custom_model.CustomModel):
    """Answers with what came in: the texts of the messages, and of the file its part, beginning and SHA-256."""

    @custom_model.inference_api
    def __call__(self, X: pd.DataFrame, *, temperature: float = 1.0) -> pd.DataFrame:
        rows = []
        for messages in X["messages"]:
            seen, texts = {"temperature": temperature}, []
            for part in (part for message in messages for part in message["content"]):
                kind = part["type"]
                body = part[kind]
                if kind == "text":
                    texts.append(body)
                    continue
                head, comma, data = (body["data"] if kind == "input_audio" else body["url"]).rpartition(",")
                digest = hashlib.sha256(base64.b64decode(data, validate=True)).hexdigest()
                seen |= {"kind": kind, "head": head + comma, "sha256": digest, "format": body.get("format")}
            choice = {
                "index": 0,
                "message": {"role": "assistant", "content": json.dumps({**seen, "texts": texts})},
                "finish_reason": "stop",
            }
            usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
            rows.append(
                {
                    "id": "a",
                    "object": "chat.completion",
                    "created": 1.0,
                    "model": "m",
                    "choices": [choice],
                    "usage": usage,
                }
            )
        return pd.DataFrame(rows)


_CHAT = openai_signatures.OPENAI_CHAT_WITH_PARAMS_SIGNATURE["__call__"]
CHAT_SIGNATURE = ModelSignature(
    inputs=_CHAT.inputs, outputs=_CHAT.outputs, params=[ParamSpec("temperature", DataType.DOUBLE, 1.0)]
)
