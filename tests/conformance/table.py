"""The form of the table: what Snowflake documents for a statement, row by row.

The right answer is never taken from the engine. It is taken from Snowflake's documents, from tests and code of clients
that run on Snowflake, or from public reports of what Snowflake answered. For some rows none of these could be read:
their answer is from memory, and they say so. Where the engine cannot give the right answer, the row says that the
engine refuses the statement by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fails:
    """Snowflake refuses the statement.

    :param code: the error number where clients report one; documents seldom have it.
    :param words: what the message has to say.
    """

    code: int | None = None
    words: str = ""


@dataclass(frozen=True)
class Refused:
    """Snowflake answers, and the engine refuses by name.

    :param words: what the refusal names.
    """

    words: str


@dataclass(frozen=True)
class Row:
    """One documented behaviour.

    :param what: in a few words; unique.
    :param sql: the statement.
    :param answer: the rows, a list of tuples; or :class:`Fails`, or :class:`Refused`.
    :param source: the document's title and section, the client's test, or the public report.
    :param before: statements to run first.
    :param after: statements to run at the end.
    :param binds: values bound to ``?``.
    :param columns: of an answer with many columns, the names of those that are compared.
    :param confirmed: False: the document could not be read; the answer is from memory.
    """

    what: str
    sql: str
    answer: Any
    source: str
    before: Sequence[str] = ()
    after: Sequence[str] = ()
    binds: Sequence[Any] = ()
    columns: Sequence[str] = ()
    confirmed: bool = True
