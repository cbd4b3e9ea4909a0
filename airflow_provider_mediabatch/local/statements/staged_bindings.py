"""Array binds that a client uploaded: CSV files on a temporary stage of its own, with a field for each ``?``.

Clients send them so from CLIENT_STAGE_ARRAY_BINDING_THRESHOLD values on. The statement then has ``bindStage`` instead
of ``bindings``. The fields have no types: a statement reads each of them as text.

Source: the connector's ``bind_upload_agent.py``, for the stage and its file format, and ``converter.py``
(``to_csv_bindings``), for what the fields say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_mediabatch.local.errors import invalid_argument
from airflow_provider_mediabatch.local.session.access import require_file_access
from airflow_provider_mediabatch.local.session.stage_reference import resolve_stage
from airflow_provider_mediabatch.local.statements.file_format_clause import read_format
from airflow_provider_mediabatch.local.statements.staged_files import below
from airflow_provider_mediabatch.local.statements.staged_text import rows_of

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context


def staged_bindings(ctx: Context, location: str) -> dict[int, list[str | None]]:
    """The bound arrays by position from 1.

    :param location: where the files are, ``@SYSTEMBIND/<folder>``.
    :raises SnowflakeError: for a stage that is not there, and for rows of different lengths.
    """
    stage, path = resolve_stage(ctx, location)
    require_file_access(ctx, stage)
    options = read_format(ctx, None, stage, "bound arrays in")
    # A file is named by the number of the last row in it.
    paths = sorted(below(stage, path, None), key=lambda name: (len(name), name))
    rows = [row for file in rows_of(stage, paths, options).values() for row in file.rows]
    if len({len(row) for row in rows}) > 1:
        raise invalid_argument("array bindings must all be arrays of one length")
    return {position: list(column) for position, column in enumerate(zip(*rows, strict=True), 1)}
