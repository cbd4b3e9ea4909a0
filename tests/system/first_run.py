"""The first run on a real account: asks it what the table of documented behaviours has from memory only.

No document confirms those rows, so only an account can. Give the connection of ``tests/system``; nothing is billed but
a few seconds of its warehouse::

    export MEDIABATCH_SYSTEM_CONNECTION='{"conn_type": "snowflake", "login": …, "extra": {"account": …, …}}'
    python tests/system/first_run.py report.md

The rows are asked in a schema ``CONFORMANCE`` of the connection's database, which must not be there and is dropped at
the end. The report names no account, user or object of yours: send it back.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from conformance.asking import ROWS, SCHEMA, difference, set_up

if TYPE_CHECKING:
    from conformance.table import Row

CONN_ID = "mediabatch_system"
NEED_AN_ACCOUNT = [row for row in ROWS if not row.confirmed]


def main() -> int:
    """Connect, ask, write the report, drop the schema.

    :return: 0 where everything agrees, 1 where the account answered something else, 2 where nothing was asked.
    """
    given = os.environ.get("MEDIABATCH_SYSTEM_CONNECTION")
    if not given or len(sys.argv) != 2:
        print("usage: first_run.py REPORT, with a connection in MEDIABATCH_SYSTEM_CONNECTION", file=sys.stderr)
        return 2
    os.environ[f"AIRFLOW_CONN_{CONN_ID.upper()}"] = given
    import snowflake.connector

    from airflow_provider_mediabatch.hooks.mediabatch import MediaBatchHook

    snowflake.connector.paramstyle = "qmark"
    with MediaBatchHook(snowflake_conn_id=CONN_ID).get_conn() as connection, connection.cursor() as cursor:
        return ask(cursor, Path(sys.argv[1]))


def ask(cursor: Any, file: Path) -> int:
    """Ask for every row, and write the report.

    :param cursor: of a connection with a database and a warehouse.
    :param file: takes the report.
    """
    database, version = cursor.execute("SELECT CURRENT_DATABASE(), CURRENT_VERSION()").fetchone()
    found: list[tuple[Row, str | None]] = []
    with tempfile.TemporaryDirectory() as folder:
        set_up(cursor, Path(folder), f'"{database}"')
        try:
            found = [(row, _asked(cursor, row)) for row in NEED_AN_ACCOUNT]
        finally:
            cursor.execute(f'DROP SCHEMA "{database}".{SCHEMA}')
    file.write_text(report(str(version), found) + "\n")
    return int(any(answer is not None for _, answer in found))


def _asked(cursor: Any, row: Row) -> str | None:
    try:
        return difference(cursor, row)
    except Exception as error:  # a statement before the row's own failed: that is an answer too
        return f"{type(error).__name__}: {error}"


def report(version: str, found: Sequence[tuple[Row, str | None]]) -> str:
    """The report as Markdown.

    :param version: what CURRENT_VERSION() says.
    :param found: each row with the answer that differs from the table's, or None.
    """
    differing = [(row, answer) for row, answer in found if answer is not None]
    lines = [
        f"# First run on Snowflake {version}",
        "",
        f"{len(found) - len(differing)} of {len(found)} rows agree.",
        "",
    ]
    lines += [f"- agrees: {row.what}" for row, answer in found if answer is None]
    for row, answer in differing:
        lines += [
            "",
            f"## {row.what}",
            "",
            f"    {row.sql}",
            "",
            f"- the table: `{row.answer}`",
            f"- answered: `{answer}`",
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
