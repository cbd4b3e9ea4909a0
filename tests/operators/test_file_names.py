"""A file's stem, which pairs files, and by which labels and joined tables name them: one rule decides."""

from __future__ import annotations

from typing import Any

from operators.outputs import STAGE

from airflow_provider_mediabatch.batch.truth import TruthChecks
from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.media_types import suffix_of
from airflow_provider_mediabatch.files.file_names import name_sql, stem_sql
from airflow_provider_mediabatch.files.list_output import StageSource
from airflow_provider_mediabatch.files.stage_listing import listed_rows, pairing_sql

STEMS = {
    "a/b/1.jpg": "1",
    "a.tar.gz": "a.tar",
    "a..jpg": "a.",
    "noext": "noext",
    "dir.with.dots/noext": "noext",
    "dir.with.dots/.hidden": ".hidden",
    ".hidden": ".hidden",
    ".hidden.jpg": ".hidden",
    "..hidden": "..hidden",
    "trailing.": "trailing",
    "...": "...",
    "a b/it's é ☃.jpg": "it's é ☃",
    "new\nline/new\nname.jpg": "new\nname",
}
"""Paths, and the ``stem`` that ``pathlib.PurePosixPath`` of Python 3.14 gives them."""


def test_the_stem_is_that_of_pathlib(connection: Any) -> None:
    listed = ", ".join(f"({sql.literal(path)})" for path in STEMS)
    stem = stem_sql(name_sql("P"))
    found = rows(connection, f"SELECT P, {stem} AS STEM FROM (SELECT COLUMN1 AS P FROM VALUES {listed})")
    assert {row["P"]: row["STEM"] for row in found} == STEMS


def test_a_suffix_is_what_the_stem_leaves() -> None:
    left = {path: path.rpartition("/")[2].removeprefix(stem).removeprefix(".") for path, stem in STEMS.items()}
    assert {path: suffix_of(path) for path in STEMS} == left


def test_files_are_paired_by_the_same_stem(connection: Any) -> None:
    """``.hidden.jpg`` goes with ``.hidden.wav``. ``..jpg`` and ``..wav`` have nothing in common but dots."""
    files = " UNION ALL ".join(
        f"SELECT {sql.literal(column)} AS COL, {sql.literal(STAGE + path)} AS FILE_PATH, 'i' AS ID, 1 AS BYTES, "
        "'2026-01-01'::TIMESTAMP_NTZ AS MODIFIED, FALSE AS IS_EMPTY"
        for column, suffix in (("IMAGE", ".jpg"), ("AUDIO", ".wav"))
        for path in [f"{column}/{stem}{suffix}" for stem in (".hidden", "..", "a.tar")] + [f"{column}/..{suffix[1:]}"]
    )
    counts = rows(connection, pairing_sql(files, 2))[0]
    assert (counts["UNMATCHED"], counts["REPEATED"]) == (4, 0)
    sources = [StageSource(column, None) for column in ("IMAGE", "AUDIO")]  # type: ignore[arg-type]
    pairs = rows(connection, f"{listed_rows(sources, files).query} ORDER BY 1")
    assert [(row["IMAGE"], row["AUDIO"]) for row in pairs] == [
        (f"{STAGE}IMAGE/.hidden.jpg", f"{STAGE}AUDIO/.hidden.wav"),
        (f"{STAGE}IMAGE/a.tar.jpg", f"{STAGE}AUDIO/a.tar.wav"),
    ]


def test_a_label_of_nothing_is_no_label_of_hidden_files(connection: Any, written: Any) -> None:
    request, location = written([("a/.hidden", "cat"), ("b/.hidden.jpg", "cat")])
    empty = TruthChecks("SELECT '' AS FILE, 'cat' AS LABEL").measure(connection, request, location)
    assert empty.labelled == 0
    named = TruthChecks("SELECT COLUMN1 AS FILE, 'cat' AS LABEL FROM VALUES ('a/.hidden'), ('.hidden')")
    assert named.measure(connection, request, location).labelled == 2
