"""Snowflake's error numbers, and what follows from each. The one place where a number has a meaning.

No number is taken for more than it says. "Does not exist or not authorized" is not "does not exist"; a number with
several causes has the meaning of the mildest. The connector is not imported here, so that a trigger can use this
module.
"""

from __future__ import annotations

from airflow_provider_mediabatch.core import grants

DOES_NOT_EXIST_OR_NOT_AUTHORIZED = frozenset({2003, 2043})
"""An object of this name does not exist, or the role may not see it (002003 for objects, 002043 for operations)."""

ALREADY_EXISTS = 2002
"""An object of this name exists, whether or not the role may see it."""

INSUFFICIENT_PRIVILEGES = 3001
"""The object is visible, and the role lacks the privilege."""

INVALID_IDENTIFIER = 904
"""A column that the statement's tables do not have."""
SYNTAX_ERROR = 1003
"""The statement is no SQL."""
LOCK_NOT_GRANTED = 625
"""The statement waited for a lock until LOCK_TIMEOUT, or at once too many statements waited for it (000625)."""

CONNECTION_CLOSED = 250002
"""The connector's own number (``errorcode.py``): the connection object was closed."""

SESSION_ENDED = frozenset({390104, 390110, 390111, 390112, 390113, 390114, 390115, 390195, 390318, CONNECTION_CLOSED})
"""The session or its token is over (the connector's ``network.py``). A new login helps; the job is not affected."""

LOGIN_REFUSED = frozenset(
    {
        390100,  # incorrect user name or password
        390101,  # the user is locked or disabled
        390144,  # the JWT token is invalid
        390189,  # the role is not granted to the user
        390201,  # the warehouse, database or role of the login does not exist, or is not authorized
        390422,  # the request comes from an address that a network policy refuses
    }
)
"""A login that fails in the same way until a person changes something.

250001 is not here. The connector uses it for a refused login as well as for a closed port, a timeout and a 503.
"""

_NOT_OF_STATEMENT = (range(250_000, 300_000), range(390_000, 391_000), range(394_000, 395_000))
"""The connector's own numbers (``errorcode.py``), for a request without an answer, and those of sessions and logins. An
earlier request of the same statement may have arrived."""

PERMANENT = LOGIN_REFUSED | {INSUFFICIENT_PRIVILEGES}
"""Errors that no retry helps. DOES_NOT_EXIST_OR_NOT_AUTHORIZED is no error of a poll, but its answer."""


def errno(error: BaseException) -> int | None:
    """Snowflake's error number of a connector error; None where there is none."""
    number = getattr(error, "errno", None)
    return int(number) if isinstance(number, int) and number >= 0 else None


def error_text(error: BaseException) -> str:
    """An error's class and text on one line."""
    text = " ".join(str(getattr(error, "msg", None) or error).split())
    return f"{type(error).__name__}: {text}"


def is_of_connection(error: BaseException) -> bool:
    """Whether an error came from Snowflake's connector or the network, and not from this provider's code."""
    return hasattr(error, "errno") or isinstance(error, OSError)


def is_of_statement(error: BaseException) -> bool:
    """Whether the server says that the statement failed. After every other error it may run: that is not known."""
    number = errno(error)
    return bool(number) and not any(number in numbers for numbers in _NOT_OF_STATEMENT)


def is_missing(error: BaseException) -> bool:
    """Whether the object does not exist or this role may not see it. Which of the two is not known."""
    return errno(error) in DOES_NOT_EXIST_OR_NOT_AUTHORIZED


def is_permanent(error: BaseException) -> bool:
    """Whether every retry fails in the same way until a person changes something."""
    return errno(error) in PERMANENT


def is_of_values(error: BaseException) -> bool:
    """Whether a statement is right and fails for a value that it meets: a division by zero, text that is no number."""
    number = errno(error)
    return number is not None and number // 1000 == 100


def session_ended(error: BaseException) -> bool:
    """Whether a new login is needed, which says nothing about the statement's object."""
    return errno(error) in SESSION_ENDED or type(error).__name__ == "ReauthenticationRequest"


def missing_grant(error: BaseException, statement: str | None = None, role: str | None = None) -> str | None:
    """The GRANT that an error asks for without naming it. None for any other error, or where no object is named.

    :param error: the connector's error.
    :param statement: what was sent, where the error does not know it.
    :param role: the session's role.
    """
    if errno(error) != INSUFFICIENT_PRIVILEGES and not is_missing(error):
        return None
    text = str(getattr(error, "msg", None) or error)
    return grants.missing_grant(text, getattr(error, "query", None) or statement, role)


def not_visible(what: str, *, hint: str = "", grant: str = "") -> str:
    """The sentence for an object that is not there or may not be seen.

    :param what: the object with its kind, for example ``Stage DB.PUBLIC.IMAGES``.
    :param hint: what was most likely meant, as :func:`.did_you_mean` gives it.
    :param grant: the GRANT that lets the role see the object, if it exists.
    """
    fix = f" (if it exists: {grant}; {grants.DOCTOR})" if grant else ""
    return f"{what} does not exist, or this role may not see it{hint}{fix}"
