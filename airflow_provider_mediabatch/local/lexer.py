"""Tokens of a Snowflake statement, and a cursor over them for the statements that are not ordinary SQL.

Ordinary SQL goes to sqlglot. Stage, model, service and SHOW statements have references (``@db.schema.stage/path``,
``snow://model/…``) and clauses that sqlglot keeps as opaque text, so their modules read them with this cursor:
comments are gone, strings are decoded, and an unexpected token becomes Snowflake's syntax error, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from airflow_provider_mediabatch.local.errors import syntax_error

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*|//[^\n]*|/\*.*?\*/)
  | (?P<string>'(?:[^'\\]|''|\\.)*')
  | (?P<dollar>\$\$.*?\$\$)
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<stage>@(?:"(?:[^"]|"")*"|[^\s"(),;'])+)
  | (?P<uri>snow://[^\s(),;']+)
  | (?P<number>\d+(?:\.\d+)?)
  | (?P<word>[^\W\d][\w$]*|\$\d+)
  | (?P<op>->>|=>|::|\|\||<>|!=|<=|>=|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f"}


@dataclass(frozen=True)
class Token:
    """One token: ``kind`` (string, quoted, stage, uri, number, word, op), decoded ``value``, span in the statement."""

    kind: str
    value: str
    start: int
    end: int

    def is_word(self, word: str) -> bool:
        """Whether it is this keyword, in any case."""
        return self.kind == "word" and self.value.upper() == word.upper()


def decode_string(literal: str) -> str:
    """The value of a single-quoted literal: doubled quotes and backslash escapes undone."""
    body = literal[1:-1]
    return re.sub(
        r"''|\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})|\\(.)",
        lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else _ESCAPES.get(m[3], m[3]) if m[3] is not None else "'",
        body,
        flags=re.DOTALL,
    )


def tokenize(sql: str) -> list[Token]:
    """All tokens of a statement. Raises the syntax error of an unterminated string or comment."""
    tokens: list[Token] = []
    position = 0
    while position < len(sql):
        match = _TOKEN.match(sql, position)
        assert match is not None
        assert match.lastgroup is not None
        kind, text = match.lastgroup, match.group()
        position = match.end()
        if kind == "space":
            continue
        if kind == "op" and text in ("'", '"'):
            raise syntax_error(f"syntax error line 1 at position {match.start()} unterminated {text}")
        if kind == "op" and text == "/" and sql[match.start() : match.start() + 2] == "/*":
            raise syntax_error(f"syntax error line 1 at position {match.start()} unterminated comment")
        if kind == "string":
            value = decode_string(text)
        elif kind == "dollar":
            kind, value = "string", text[2:-2]
        elif kind == "quoted":
            value = text[1:-1].replace('""', '"')
        else:
            value = text
        tokens.append(Token(kind, value, match.start(), match.end()))
    while tokens and tokens[-1].value == ";" and tokens[-1].kind == "op":
        tokens.pop()
    return tokens


class Cursor:
    """Reads a statement's tokens from left to right.

    :param sql: the statement's text.
    :param bindings: values of ``?`` by position from 1, as the client sent them; each ``?`` read takes the next one.
    """

    def __init__(self, sql: str, bindings: Mapping[int, object] | None = None) -> None:
        self.sql = sql
        self.tokens = tokenize(sql)
        self.position = 0
        self.bindings = bindings or {}
        self._next_binding = 1

    def peek(self, offset: int = 0) -> Token | None:
        """The token that stands next, or one further on; None behind the last."""
        index = self.position + offset
        return self.tokens[index] if index < len(self.tokens) else None

    def at_end(self) -> bool:
        """Whether no token is left."""
        return self.position >= len(self.tokens)

    def next(self) -> Token:
        """Take the token that stands next.

        :raises SnowflakeError: 001003 at the end of the statement.
        """
        token = self.peek()
        if token is None:
            raise syntax_error("syntax error: unexpected end of statement")
        self.position += 1
        return token

    def accept(self, *words: str) -> bool:
        """Take these keywords or operators if they stand next, all of them or none."""
        for offset, word in enumerate(words):
            token = self.peek(offset)
            if token is None or token.kind not in ("word", "op") or token.value.upper() != word.upper():
                return False
        self.position += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Take these keywords or operators.

        :raises SnowflakeError: 001003 where something else stands.
        """
        if not self.accept(*words):
            self.fail(f"expected {' '.join(words)}")

    def fail(self, why: str) -> None:
        """Raise the syntax error at the token that stands next.

        :param why: what was expected.
        :raises SnowflakeError: 001003.
        """
        token = self.peek()
        where = f"position {token.start} unexpected '{token.value}'" if token else "end of statement"
        raise syntax_error(f"syntax error line 1 at {where} ({why})")

    def expect_end(self) -> None:
        """Check that the statement ends here.

        :raises SnowflakeError: 001003 where it goes on.
        """
        if not self.at_end():
            self.fail("expected end of statement")

    def binding(self) -> object:
        """The value of the ``?`` just taken."""
        if self._next_binding not in self.bindings:
            raise syntax_error(f"no value was bound for parameter {self._next_binding}")
        value = self.bindings[self._next_binding]
        self._next_binding += 1
        return value

    def string(self) -> str:
        """A string literal or a bound string."""
        if self.accept("?"):
            return str(self.binding())
        token = self.next()
        if token.kind != "string":
            self.position -= 1
            self.fail("expected a string")
        return token.value

    def whole_number(self) -> int:
        """A number without a fraction and without a sign."""
        token = self.next()
        if token.kind != "number" or not token.value.isdigit():
            self.position -= 1
            self.fail("expected a whole number")
        return int(token.value)

    def identifier(self) -> str:
        """One identifier part, normalised: unquoted is upper case, quoted is kept."""
        token = self.next()
        if token.kind == "word":
            return token.value.upper()
        if token.kind != "quoted":
            self.position -= 1
            self.fail("expected an identifier")
        return token.value

    def name(self) -> tuple[str, ...]:
        """A possibly qualified name, one to three parts; ``IDENTIFIER('a.b')`` and ``IDENTIFIER(?)`` are followed."""
        if self.accept("IDENTIFIER", "("):
            text = self.string()
            self.expect(")")
            return Cursor(text).name()
        parts = [self.identifier()]
        while self.accept("."):
            if self.accept("."):  # db..table: the default schema
                parts.append("PUBLIC")
            parts.append(self.identifier())
        return tuple(parts)

    def parenthesised(self) -> str:
        """The raw text between the ``(`` that stands next and the ``)`` that closes it."""
        self.expect("(")
        start = self.tokens[self.position - 1].end
        depth = 1
        while depth:
            token = self.next()
            if token.kind == "op":
                depth += {"(": 1, ")": -1}.get(token.value, 0)
        return self.sql[start : self.tokens[self.position - 1].start]

    def rest(self) -> str:
        """The raw text from here to the end of the statement; moves to the end."""
        token = self.peek()
        if token is None:
            return ""
        end = self.tokens[-1].end
        self.position = len(self.tokens)
        return self.sql[token.start : end]
