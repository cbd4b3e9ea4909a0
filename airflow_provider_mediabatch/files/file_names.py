"""What a table may call a file: its full stage path, its path on the stage, its name or its stem. As SQL. Pure."""

from __future__ import annotations

from airflow_provider_mediabatch.client.staged_parquet import STAGE_PATTERN
from airflow_provider_mediabatch.core import sql


def on_stage_sql(path: str) -> str:
    """The path on the stage of a full stage path.

    :param path: the full stage path as SQL.
    """
    return f"REGEXP_REPLACE({path}, {sql.literal(STAGE_PATTERN)}, '')"


def name_sql(path: str) -> str:
    """The file's name at the end of a path.

    :param path: as SQL.
    """
    return f"SPLIT_PART({path}, '/', -1)"


def stem_sql(name: str) -> str:
    """A file's name without its last extension: ``b.c`` of ``b.c.jpg``. Dots at its beginning begin no extension.

    It is the ``stem`` of ``pathlib.PurePosixPath`` in Python 3.14, which has one rule for ``.hidden``, ``..hidden`` and
    ``trailing.``.

    :param name: as SQL.
    """
    return f"REGEXP_REPLACE({name}, {sql.literal('([^.][.]*)[.][^.]*$')}, {sql.literal(chr(92) + '1')})"
