"""EDITDISTANCE, which counts characters. DuckDB's ``levenshtein`` counts bytes, so ``ß`` would count twice."""

from __future__ import annotations

import duckdb

NAME = "mb_edit_distance"


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Register the function for a database and all its cursors. It is not stored in the file."""
    connection.create_function(NAME, edit_distance, ["VARCHAR", "VARCHAR"], "BIGINT")


def edit_distance(first: str, second: str) -> int:
    """The Levenshtein distance of two texts, in characters.

    The algorithm is Wagner and Fischer's (1974), a row at a time: what an insertion costs depends on the value to its
    left, which is a running minimum once each value's column is subtracted.
    """
    import numpy as np

    if len(first) < len(second):
        first, second = second, first
    columns = np.arange(len(second) + 1)
    characters = np.array([ord(char) for char in second], dtype=np.int64)
    row = columns.copy()
    for number, char in enumerate(first, 1):
        best = np.empty_like(row)
        best[0] = number
        best[1:] = np.minimum(row[1:] + 1, row[:-1] + (characters != ord(char)))
        row = np.minimum.accumulate(best - columns) + columns
    return int(row[-1])
