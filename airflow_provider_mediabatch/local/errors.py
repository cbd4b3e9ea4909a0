"""The engine's errors: SnowflakeError for statements, EngineError for whoever starts and stops it.

Clients decide by a statement error's code: snowflake-ml falls back to the job history only on 002003, and takes 002002
for a name in use. Anything else that escapes a statement is a defect of the engine and is answered as 000603 with the
text logged in full, never as an HTTP 500, which would make the connector retry for minutes.
"""

from __future__ import annotations

from pathlib import Path


class EngineError(Exception):
    """The engine could not be started, stopped, found or configured; the text is one sentence with the reason."""


class FaultPlanError(EngineError):
    """The fault plan cannot be used; the text says which rule is wrong and why."""


class StateFormatError(EngineError):
    """The state directory was made by another version of the engine."""


class StateDamagedError(EngineError):
    """A file of the state directory cannot be read.

    :param path: the file.
    :param why: what its reader said.
    """

    def __init__(self, path: Path, why: object) -> None:
        super().__init__(f"{path} is damaged ({why}). Restore it from a copy, or remove the state directory")


class SnowflakeError(Exception):
    """A statement's failure as Snowflake reports it.

    :param code: Snowflake's error number, six digits with leading zeros on the wire (``2003`` becomes ``"002003"``).
    :param sqlstate: the five-character SQLSTATE.
    :param message: what is wrong, in Snowflake's words where clients read them.
    """

    def __init__(self, code: int, sqlstate: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.sqlstate = sqlstate
        self.message = message


def cannot_operate() -> SnowflakeError:
    """002043: what USE or SHOW … IN names does not exist, or the role may not see it."""
    return SnowflakeError(
        2043, "02000", "SQL compilation error:\nObject does not exist, or operation cannot be performed."
    )


def invalid_identifier(name: str) -> SnowflakeError:
    """000904: a name that is no column where it stands."""
    text = f"SQL compilation error: error line 1 at position 0\ninvalid identifier '{name}'"
    return SnowflakeError(904, "42000", text)


def does_not_exist(kind: str, name: str) -> SnowflakeError:
    """002003: the object is not there, or this role may not see it."""
    return SnowflakeError(2003, "02000", f"SQL compilation error:\n{kind} '{name}' does not exist or not authorized.")


def already_exists(kind: str, name: str) -> SnowflakeError:
    """002002: the name is taken."""
    return SnowflakeError(2002, "42710", f"SQL compilation error:\n{kind} '{name}' already exists.")


def insufficient_privileges(kind: str, name: str) -> SnowflakeError:
    """003001: the role sees the object but lacks the privilege."""
    return SnowflakeError(
        3001, "42501", f"SQL access control error:\nInsufficient privileges to operate on {kind} '{name}'"
    )


def syntax_error(text: str) -> SnowflakeError:
    """001003: the statement cannot be parsed, or its arguments are not valid together."""
    return SnowflakeError(1003, "42000", f"SQL compilation error:\n{text}")


def invalid_argument(text: str) -> SnowflakeError:
    """002018-like: a value that the statement does not take."""
    return SnowflakeError(2018, "22023", f"SQL compilation error:\n{text}")


def invalid_parameter(name: str, value: object) -> SnowflakeError:
    """001008: a value that a session parameter does not take."""
    return SnowflakeError(1008, "22023", f"SQL compilation error:\ninvalid value [{value}] for parameter '{name}'")


REFUSED = "not supported by the local engine: "
"""How the message of a refusal begins."""


def not_supported(what: str) -> SnowflakeError:
    """000002: real Snowflake would take this, the local engine does not. Refused by name, never answered wrongly."""
    return SnowflakeError(2, "0A000", f"{REFUSED}{what}")


def timed_out(seconds: float) -> SnowflakeError:
    """000630: the statement ran longer than STATEMENT_TIMEOUT_IN_SECONDS."""
    text = f"Statement reached its statement or warehouse timeout of {seconds:g} second(s) and was canceled."
    return SnowflakeError(630, "57014", text)


def cancelled() -> SnowflakeError:
    """000604: the client cancelled the statement."""
    return SnowflakeError(604, "57014", "SQL execution canceled")
