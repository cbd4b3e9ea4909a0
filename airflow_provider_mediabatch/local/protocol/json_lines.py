"""VARIANT, OBJECT and ARRAY as Snowflake sends them to clients: JSON in lines, two spaces for each level.

Source: the examples of PARSE_JSON and OBJECT_CONSTRUCT in Snowflake's reference, and the tests of snowpark-python that
compare the text. As VARCHAR and by TO_JSON it is one line without spaces, which is how the engine keeps it.
"""

from __future__ import annotations

import re

import pyarrow as pa

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\[\]|\{\}|[\[\]{},:]')


def indented(values: pa.ChunkedArray) -> pa.Array:
    """JSON without spaces as JSON in lines; what is no object and no array stays as it is.

    :param values: text.
    """
    return pa.array([value and _lines(value) for value in values.to_pylist()], pa.string())


def _lines(text: str) -> str:
    if text[0] not in "[{" or len(text) == 2:
        return text
    if not any(mark in text[1:] for mark in '"[{'):  # numbers, such as an embedding
        return "[\n  " + text[1:-1].replace(",", ",\n  ") + "\n]"
    depth = 0

    def spaced(match: re.Match[str]) -> str:
        nonlocal depth
        token = match[0]
        if token in ("[", "{"):
            depth += 1
            return f"{token}\n{'  ' * depth}"
        if token in ("]", "}"):
            depth -= 1
            return f"\n{'  ' * depth}{token}"
        if token == ",":
            return f",\n{'  ' * depth}"
        return ": " if token == ":" else token

    return _TOKEN.sub(spaced, text)
