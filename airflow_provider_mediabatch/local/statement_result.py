"""What a statement returns: typed columns over Arrow data, or a file transfer for the client to carry out.

Column types are Snowflake's own, because clients read precision, scale and length from them; the values are an Arrow
table because SELECTs come from DuckDB that way and leave for the connector that way.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class ResultColumn:
    """One result column as Snowflake describes it.

    :param name: as displayed (upper case unless it was quoted).
    :param type: Snowflake's internal name: ``text``, ``fixed``, ``real``, ``boolean``, ``date``, ``time``,
        ``timestamp_ntz``, ``timestamp_ltz``, ``timestamp_tz``, ``binary``, ``variant``, ``object``, ``array``.
    :param precision: decimal digits of a ``fixed`` column.
    :param scale: digits after the point of ``fixed``, fractional-second digits of times.
    :param length: characters (``text``) or bytes (``binary``).
    :param ranged: it has the values of a table's column as they are, or a constant: their range is known, and in Arrow
        its whole numbers are as wide as they need.
    """

    name: str
    type: str = "text"
    precision: int | None = None
    scale: int | None = None
    length: int | None = None
    nullable: bool = True
    ranged: bool = False

    @classmethod
    def text(cls, name: str) -> ResultColumn:
        """A VARCHAR column."""
        return cls(name, "text", length=16_777_216)

    @classmethod
    def number(cls, name: str) -> ResultColumn:
        """A NUMBER(38, 0) column."""
        return cls(name, "fixed", precision=38, scale=0)

    @classmethod
    def boolean(cls, name: str) -> ResultColumn:
        """A BOOLEAN column."""
        return cls(name, "boolean")

    @classmethod
    def timestamp_ltz(cls, name: str) -> ResultColumn:
        """A point in time; its Arrow values are ``timestamp[us, tz=UTC]``."""
        return cls(name, "timestamp_ltz", precision=0, scale=6)


_ARROW_TYPES = {
    "text": pa.string(),
    "variant": pa.string(),
    "object": pa.string(),
    "array": pa.string(),
    "fixed": pa.int64(),
    "real": pa.float64(),
    "boolean": pa.bool_(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "timestamp_ntz": pa.timestamp("us"),
    "timestamp_ltz": pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True)
class Stats:
    """What a statement changed, by the names that replies have and ``cursor.stats`` reads.

    :param numDmlDuplicates: pairs of rows beyond the first that an UPDATE found for a row.
    """

    numRowsInserted: int = 0
    numRowsDeleted: int = 0
    numRowsUpdated: int = 0
    numDmlDuplicates: int = 0


@dataclass(frozen=True)
class Result:
    """Rows for the client.

    :param columns: one for each column of ``table``, in its order.
    :param table: the values; column names in it are not used.
    :param statement_type: Snowflake's ``statementTypeId`` (4096 SELECT, 12544 INSERT, 12800 UPDATE, 13056 DELETE,
        13312 MERGE…).
    :param as_json: sent as JSON rather than Arrow, as the answers of SHOW, DESCRIBE, LIST, DDL and their like are.
    :param stats: what it changed; None unless it is DML, COPY INTO a table or CREATE TABLE AS SELECT.
    """

    columns: Sequence[ResultColumn]
    table: pa.Table
    statement_type: int = 4096
    session: dict[str, str | None] = field(default_factory=dict)
    stats: Stats | None = None
    as_json: bool = False

    @classmethod
    def of(cls, columns: Sequence[ResultColumn], rows: Iterable[Sequence[Any]], statement_type: int = 4096) -> Result:
        """A small result from Python rows (SHOW, DESCRIBE, LIST and the like)."""
        materialised = list(rows)
        arrays = [
            pa.array([row[i] for row in materialised], type=_ARROW_TYPES[column.type])
            for i, column in enumerate(columns)
        ]
        names = [f"c{i}" for i in range(len(columns))]
        return cls(columns, pa.table(arrays, names=names), statement_type, as_json=True)

    @classmethod
    def status(cls, message: str = "Statement executed successfully.", column: str = "status") -> Result:
        """One row, one column: what every DDL answers. snowflake-ml checks for exactly this shape."""
        return cls.of([ResultColumn.text(column)], [(message,)], statement_type=24576)


@dataclass(frozen=True)
class FileTransfer:
    """The reply to PUT and GET: the client itself moves the files, from or into a directory of the engine.

    :param data: the reply's ``data`` object (``command``, ``stageInfo`` with locationType LOCAL_FS, ``src_locations``
        …).
    """

    data: dict[str, Any]


@dataclass(frozen=True)
class Pending:
    """What a handler returns when it has to wait: for a job's end, an image build, a lock of minutes.

    Waiting so costs no thread and does not hold the session's lock: the engine calls ``poll`` again and again until it
    gives the result. Clients meanwhile read "in progress" (333333), and other statements of the session run.

    :param poll: returns None while there is nothing yet, then the result; raises SnowflakeError to fail the statement.
        Quick, never blocks.
    :param cancel: called once when the client cancels the statement; the statement then fails with 000604.
    """

    poll: Callable[[], Result | None]
    cancel: Callable[[], None] | None = None


def utc_time(seconds: float) -> datetime.datetime:
    """Seconds since the epoch as a value of a TIMESTAMP_LTZ column."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def utc_time_or_null(seconds: float | None) -> datetime.datetime | None:
    """As :func:`utc_time`; NULL for None."""
    return None if seconds is None else utc_time(seconds)
