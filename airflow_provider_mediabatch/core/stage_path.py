"""A place on a Snowflake stage, as a value: what a user writes, what a job needs, what a statement may hold.

Snowflake has three spellings of one file. A user writes ``@images/cat.jpg``; LIST answers ``images/cat.jpg`` or
``s3://bucket/prefix/cat.jpg``; a job's ``FULL_STAGE_PATH`` needs ``@DB.SCHEMA.IMAGES/cat.jpg``. This value holds the
resolved parts, so that each spelling is derived in one place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from airflow_provider_mediabatch.core import sql

_USER_OR_TABLE_STAGE = re.compile(r'@(?:(?:"(?:[^"]|"")*"|[^"./]+)[.]){0,2}[~%]')
_STAGE = re.compile(r'@((?:"(?:[^"]|"")*"|[^"/\s])*)(?:/(.*))?\Z', re.DOTALL)
_BARE_PATH = re.compile(r"[A-Za-z0-9_./=-]*\Z")


@dataclass(frozen=True)
class StagePath:
    """A stage and a path on it.

    :param database: the stage's database, as Snowflake stores the name.
    :param schema: its schema.
    :param stage: its name.
    :param path: below the stage, without a leading slash. Snowflake takes it as a prefix: ``images`` also finds
        ``images2/cat.jpg``, ``images/`` does not.
    """

    database: str
    schema: str
    stage: str
    path: str = ""

    @classmethod
    def parse(cls, text: str, *, database: str | None = None, schema: str | None = None) -> StagePath:
        """A stage path as a user writes it: ``@db.schema."my stage"/a b/``; outer single quotes are taken off.

        :param text: what the user wrote. Identifiers follow Snowflake's rules: unquoted ones become upper case.
        :param database: fills a name of one or two parts; the connection's current database.
        :param schema: fills a name of one part; the connection's current schema.
        :raises ValueError: naming the fix: a missing ``@``, a user or table stage, a name that needs quotes.
        """
        written = text.strip()
        if len(written) > 1 and written[0] == written[-1] == "'":
            written = written[1:-1].replace("''", "'").replace("\\\\", "\\")
        if not written.startswith("@"):
            raise ValueError(f"{text!r} is not a stage path: it must begin with @, for example @{_suggestion(written)}")
        if _USER_OR_TABLE_STAGE.match(written):
            raise ValueError(f"{text!r} is a user or table stage, which batch inference cannot read; use a named stage")
        match = _STAGE.match(written)
        if match is None or not match.group(1):
            raise ValueError(
                f"{text!r} is not a stage path: write @database.schema.stage/path, "
                'with names that hold other than letters, digits, _ and $ in double quotes: @db.schema."my stage"/path'
            )
        try:
            names = sql.split(match.group(1))
        except ValueError as error:
            raise ValueError(f"{text!r} is not a stage path: {error}; put such names in double quotes") from None
        if len(names) > 3:
            raise ValueError(
                f"{text!r} has {len(names)} names before the path; a stage has three: @database.schema.stage"
            )
        parts = (*((database, schema)[: 3 - len(names)] if len(names) < 3 else ()), *names)
        if not parts[0] or not parts[1]:
            raise ValueError(
                f"{text!r} does not say which database and schema its stage is in: "
                f"write @database.schema.{match.group(1)}/…, or set both on the connection"
            )
        path = (match.group(2) or "").lstrip("/")
        if "\0" in path:
            raise ValueError(f"{text!r} holds a NUL character")
        return cls(str(parts[0]), str(parts[1]), str(parts[2]), path)

    @property
    def stage_name(self) -> str:
        """The stage as SQL, without ``@``: ``DB.SCHEMA."my stage"``."""
        return sql.qualified(self.database, self.schema, self.stage)

    @property
    def root(self) -> StagePath:
        """The stage itself."""
        return StagePath(self.database, self.schema, self.stage)

    @property
    def full(self) -> str:
        """The full stage path text that jobs read: ``@DB.SCHEMA."my stage"/a b/x.jpg``."""
        return f"@{self.stage_name}/{self.path}"

    @property
    def reference(self) -> str:
        """The path as it stands in a statement: bare where Snowflake's grammar allows it, else a quoted literal."""
        text = self.full if self.path else f"@{self.stage_name}"
        bare = '"' not in text and _BARE_PATH.match(self.path) and "//" not in self.path and "--" not in self.path
        return text if bare else sql.literal(text)

    @property
    def folder(self) -> StagePath:
        """The same place, ending with a slash unless it is the stage itself."""
        path = self.path if not self.path or self.path.endswith("/") else self.path + "/"
        return StagePath(self.database, self.schema, self.stage, path)

    def __truediv__(self, child: str) -> StagePath:
        """A place below this one."""
        return StagePath(self.database, self.schema, self.stage, self.folder.path + child.lstrip("/"))

    def is_within(self, other: StagePath) -> bool:
        """Whether this place is the other one or inside its folder."""
        return self.root == other.root and self.folder.path.startswith(other.folder.path)

    def __str__(self) -> str:
        return self.full


def _suggestion(written: str) -> str:
    """What the user most likely meant, for the error of a missing ``@``."""
    return written.lstrip("/") or "database.schema.stage/path"
