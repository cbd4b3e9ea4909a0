"""The messages of a chat model, checked before a job starts. One statement reads their forms; the rest is pure.

A job fails as a whole on the first row whose messages its model does not take, and on the first stage path that leads
nowhere. So the forms of all messages are counted on the server: the answer has one row for each form that is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_mediabatch.client.staged_parquet import STAGE_PATTERN, field
from airflow_provider_mediabatch.core import sql, sql_types
from airflow_provider_mediabatch.core.chat import MEDIA_FIELDS, TEXT_PART, messages_input, part_types
from airflow_provider_mediabatch.core.job_names import closest
from airflow_provider_mediabatch.core.snowflake_objects import FunctionInfo
from airflow_provider_mediabatch.validation.findings import Findings
from airflow_provider_mediabatch.validation.signature import Inputs, find_column, messages_fix

_TYPES = {"VARCHAR", "VARIANT", "ARRAY"}
_MAX_FORMS = 100
Form = Mapping[str, Any]
"""A form of messages as :func:`census_sql` counts it."""


def messages_column(function: FunctionInfo, inputs: Inputs) -> str | None:
    """The manifest's column that feeds the function's messages, or None for a function of another kind."""
    spec = messages_input(function.inputs)
    return None if spec is None else find_column(str(spec["name"]), inputs.usable)


def census_sql(sources: Sequence[str], column: str) -> str:
    """A SELECT that counts the forms of the messages in staged manifests.

    Its rows: ``ROW_TYPE``, ``MESSAGE_TYPE``, ``ROLE_TYPE`` and ``CONTENT_TYPE``, the types of a row's value, of one of
    its messages, and of that message's role and content; ``PART``, the type that a part of the content says it has;
    ``BODY_TYPE``, the type of what the part must have for that; ``UNQUALIFIED``, whether that is a stage path which is
    no full one; ``N``, how many there are; ``EXAMPLE``, the beginning of such a row's text.

    :param sources: FROM items over the manifests.
    :param column: the column of messages.
    """
    text = f"{field(column)}::VARCHAR"
    rows = " UNION ALL ".join(f"SELECT {text} AS T, TRY_PARSE_JSON({text}) AS V FROM {source}" for source in sources)
    bodies = " ".join(
        f"WHEN '{kind}' THEN P.VALUE:{':'.join(members)}"
        for kind, members in {TEXT_PART: ("text",), **MEDIA_FIELDS}.items()
    )
    parts = (
        "SELECT TYPEOF(R.V) AS ROW_TYPE, TYPEOF(M.VALUE) AS MESSAGE_TYPE, TYPEOF(M.VALUE:role) AS ROLE_TYPE, "
        "TYPEOF(M.VALUE:content) AS CONTENT_TYPE, P.VALUE:type::VARCHAR AS PART, "
        f"CASE P.VALUE:type::VARCHAR {bodies} END AS B, R.T "
        f"FROM ({rows}) R, LATERAL FLATTEN(INPUT => R.V, OUTER => TRUE) M, "
        "LATERAL FLATTEN(INPUT => M.VALUE:content, OUTER => TRUE) P"
    )
    unqualified = (
        f"COALESCE(PART <> '{TEXT_PART}' AND STARTSWITH(B::VARCHAR, '@') "
        f"AND REGEXP_SUBSTR(B::VARCHAR, {sql.literal(STAGE_PATTERN)}) IS NULL, FALSE)"
    )
    return (
        f"SELECT ROW_TYPE, MESSAGE_TYPE, ROLE_TYPE, CONTENT_TYPE, PART, TYPEOF(B) AS BODY_TYPE, {unqualified} AS "
        f"UNQUALIFIED, COUNT(*) AS N, MIN(LEFT(T, 160)) AS EXAMPLE FROM ({parts}) GROUP BY 1, 2, 3, 4, 5, 6, 7 "
        f"ORDER BY N DESC LIMIT {_MAX_FORMS}"
    )


def check_messages(function: FunctionInfo, inputs: Inputs, forms: Sequence[Form], findings: Findings) -> None:
    """The column of messages must be of a type that holds JSON, and each message of the form that the signature takes.

    :param forms: the rows of :func:`census_sql`; none where they were not counted.
    """
    spec, column = messages_input(function.inputs), messages_column(function, inputs)
    if spec is None or column is None:
        return
    if column not in inputs.file_columns and sql_types.family(inputs.columns[column]) not in _TYPES:
        findings.problem(
            f"Column {column} is {inputs.columns[column]}, but the model's input {spec['name']} takes a list of chat "
            "messages, as JSON text or as an ARRAY",
            messages_fix(column, inputs),
        )
    reported: set[str] = set()
    for form in forms:
        problem = _problem(form, part_types(spec), column)
        if problem is not None and problem[0] not in reported:
            reported.add(problem[0])
            findings.problem(
                f"{problem[0]} ({int(form['N']):,} times, such as {form['EXAMPLE']!r})",
                problem[1] or messages_fix(column, inputs),
            )


def _problem(form: Form, parts: Sequence[str], column: str) -> tuple[str, str] | None:
    """What is wrong with messages of a form, and the fix; "" for the one that makes the column."""
    if form["ROW_TYPE"] != "ARRAY":
        return f"Column {column} holds values that are no JSON list of messages", ""
    if form["MESSAGE_TYPE"] is None:
        return f"Column {column} holds empty lists of messages", ""
    if form["MESSAGE_TYPE"] != "OBJECT" or form["ROLE_TYPE"] != "VARCHAR":
        return f"Column {column} holds messages without a role", 'write {"role": "user", "content": …}'
    return _content_problem(form, parts, column)


def _content_problem(form: Form, parts: Sequence[str], column: str) -> tuple[str, str] | None:
    if form["CONTENT_TYPE"] == "VARCHAR":
        return None
    if form["CONTENT_TYPE"] != "ARRAY":
        return f"Column {column} holds messages without content", 'write {"role": "user", "content": …}'
    if not parts:
        return (
            f"Column {column} holds messages whose content is a list of parts, and the model's signature takes content "
            "that is a text, without files",
            "log the model with openai_signatures.OPENAI_CHAT_WITH_PARAMS_SIGNATURE, whose content is a list of parts",
        )
    part = form["PART"]
    if part not in parts:
        guess = closest(str(part), parts) if part else None
        return (
            f"Column {column} holds a part of type {part}" + (f"; did you mean {guess}?" if guess else ""),
            f"the model's signature takes parts of type {', '.join(parts)}",
        )
    name = ".".join(MEDIA_FIELDS.get(part, (part,)))
    if form["BODY_TYPE"] != "VARCHAR":
        return f"Column {column} holds a part of type {part} without the text {name}", ""
    if form["UNQUALIFIED"]:
        return (
            f"Column {column} holds a stage path in {name} that is no full one: Invalid path format",
            "write @DATABASE.SCHEMA.STAGE/file.ext",
        )
    return None
