"""A chat model for pictures, with the signature that snowflake-ml logs chat models of Hugging Face with.

What it knows of a picture it gets from a real network, EfficientNet-Lite0; what it can say is one sentence, or the JSON
that ``response_format`` asks for. So its answers can be checked, and it needs no graphics card. It is pickled by value
with the module of its base class (see :mod:`~airflow_provider_mediabatch.demo.classifiers`).
"""

import base64
import json
import re
import time
import uuid
from typing import Any

import pandas as pd
from snowflake.ml.model import custom_model

from airflow_provider_mediabatch.demo.classifiers import Classifier, open_picture

_TOKEN = re.compile(r"\w+|[^\w\s]")
_TOKENS_OF_A_PICTURE = 49
"""As if each 32 × 32 pixels of the 224 × 224 that the network sees were a token."""


class PictureChat(Classifier):
    """Questions about pictures.

    :param context: artifacts ``network`` and ``labels``, as those of the classifiers.
    """

    @custom_model.inference_api
    def __call__(
        self,
        X: pd.DataFrame,
        *,
        temperature: float = 1.0,
        max_completion_tokens: int = 250,
        stop: list[str] = [],  # noqa: B006
        n: int = 1,
        stream: bool = False,
        top_p: float = 1.0,
        frequency_penalty: float = 0.0,
        presence_penalty: float = 0.0,
        response_format: dict = {},  # type: ignore[type-arg]  # noqa: B006
        model: str = "",
    ) -> pd.DataFrame:
        """``messages`` with pictures as data URLs to a chat completion.

        ``temperature`` 0 names the most probable class, and more draws one by its probability. ``response_format`` with
        a schema of an object gives JSON: texts are the label, numbers its probability, booleans whether that is at
        least a half. The other parameters of sampling change nothing.
        """
        schema = ((response_format or {}).get("json_schema") or {}).get("schema")
        rows = []
        for messages in X["messages"]:
            question, pictures = _read(messages)
            texts = [self._answer(pictures, temperature, schema) for _ in range(n)]
            cut = [_cut(text, max_completion_tokens, stop) for text in texts]
            prompt = len(_TOKEN.findall(question)) + _TOKENS_OF_A_PICTURE * len(pictures)
            completion = sum(len(_TOKEN.findall(text)) for text, _ in cut)
            rows.append(
                {
                    "id": f"chatcmpl-{uuid.uuid4().hex}",
                    "object": "chat.completion",
                    "created": float(int(time.time())),
                    "model": model or "picture-chat",
                    "choices": [
                        {
                            "index": index,
                            "message": {"role": "assistant", "content": text},
                            "logprobs": None,
                            "finish_reason": reason,
                        }
                        for index, (text, reason) in enumerate(cut)
                    ],
                    "usage": {
                        "prompt_tokens": prompt,
                        "completion_tokens": completion,
                        "total_tokens": prompt + completion,
                    },
                }
            )
        return pd.DataFrame(rows, index=X.index)

    def _answer(self, pictures: list[bytes], temperature: float, schema: Any) -> str:
        """A sentence for each picture, or JSON about the first one."""
        seen = [self._see(data, temperature) for data in pictures]
        if schema:
            label, score = seen[0] if seen else (None, None)
            return json.dumps(
                {name: _filled(kind, label, score) for name, kind in (schema.get("properties") or {}).items()}
            )
        if not seen:
            return "I see no picture."
        return " ".join(f"I see {label}, with a probability of {score:.2f}." for label, score in seen)

    def _see(self, data: bytes, temperature: float) -> tuple[str, float]:
        import numpy as np

        probabilities, labels = self._probabilities(open_picture(data))
        chosen = int(probabilities.argmax())
        if temperature > 0:
            weights = np.log(np.maximum(probabilities.astype(np.float64), 1e-12)) / temperature
            weights = np.exp(weights - weights.max())
            chosen = int(np.random.default_rng().choice(len(labels), p=weights / weights.sum()))
        return labels[chosen], round(float(probabilities[chosen]), 4)


def _read(messages: list[dict[str, Any]]) -> tuple[str, list[bytes]]:
    """All texts of a conversation, and the bytes of its pictures."""
    texts: list[str] = []
    pictures: list[bytes] = []
    for message in messages:
        content = message.get("content") or []
        parts: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for part in parts:
            if part.get("type") == "text":
                texts.append(part.get("text") or "")
            elif part.get("type") == "image_url":
                head, _, body = part["image_url"]["url"].partition(",")
                if not head.startswith("data:") or not head.endswith(";base64"):
                    raise ValueError(f"a picture is no data URL: it begins with {head[:40]!r}")
                pictures.append(base64.b64decode(body, validate=True))
            else:
                raise ValueError(f"this model reads texts and pictures, and no part of type {part.get('type')!r}")
    return "\n".join(texts), pictures


def _filled(kind: dict[str, Any], label: str | None, score: float | None) -> Any:
    """The value of one property of a JSON Schema."""
    if score is None:
        return None
    return {"string": label, "number": score, "boolean": score >= 0.5}.get(str(kind.get("type")))


def _cut(text: str, tokens: int, stop: list[str]) -> tuple[str, str]:
    """A text up to its first word of ``stop`` and to a number of tokens, and why it ends."""
    ends = [text.find(word) for word in stop or () if word and word in text]
    text = text[: min(ends)] if ends else text
    found = list(_TOKEN.finditer(text))
    if len(found) <= tokens:
        return text, "stop"
    return text[: found[tokens - 1].end()], "length"
