"""The statements that the operators send, as an administrator reads them: their form, privileges and warehouse."""

from __future__ import annotations

import re
from collections.abc import Iterable

from airflow_provider_mediabatch.core import grants
from airflow_provider_mediabatch.local.lexer import Token, tokenize

_KEPT = {"name", "size", "md5", "last_modified"}
"""Columns of LIST's result."""
_NAMED_AFTER = {"POOL", "VERSION", "FUNCTION"}
_OUTPUT_COLUMN = r"\$1:\"…\"::\w+(?:\([^()]*\))?(?: AS \"…\")?"
_FUNCTIONS = re.compile(r"(snowflake\.spcs|information_schema)\.\w+", re.IGNORECASE)
_HEAD = """# The statements that the operators send

For the administrator of a Snowflake account. This page is made from the local engine's own record of a run through all
operators: the statements of `media_batch_group` with a ledger, shards and a results table, and of `StageFilesSensor`.
`'…'` is a literal, `n` a number, `<name>` the name of an object, `"…"` that of a column of the user's, `@…` a location
on a stage.

Each statement needs USAGE on the databases and schemas of the objects that it names. The privileges beside a statement
are all those that statements with this beginning may need. The objects decide which of them a statement needs.
`mediabatch doctor` prints the GRANTs for given objects, and the page [privileges](privileges.md) has those of a whole
batch. A job belongs to the role that submitted it, so the statements on it need no more.

That run had no failure, listed with LIST and created its tables. Other runs send these statements too:

- A task waits for a job in the triggerer: `SHOW JOB SERVICES LIKE '…' IN SCHEMA <name>`.
- A job runs or has failed: `SELECT SYSTEM$GET_SERVICE_LOGS('…', '…', '…', n)` and
  `SHOW SERVICE CONTAINERS IN SERVICE <name>`, on the role's own job.
- A job is cancelled: `CALL <name>!SPCS_CANCEL_JOB()` and `SELECT SYSTEM$CANCEL_QUERY('…')`, on the role's own job.
- Files of a failed job are isolated: `COPY INTO @…` for each part, `REMOVE @…` and `COPY FILES INTO @… FROM @…`. They
  need READ and WRITE on the stages of manifests and output.
- `source="directory"`: `SELECT … FROM DIRECTORY(@…)`. It needs READ on the stage, and a warehouse.
- `stage_asset(…)` watches a stage in the triggerer: `LIST @…`. It needs READ on the stage.
- `stage_asset(source="stream")`: `LIST @…`, `SHOW STAGES LIKE '…' IN SCHEMA <name>` and `DESCRIBE STAGE <name>` when a
  watcher begins, then `SHOW STREAMS LIKE '…' IN SCHEMA <name>` and `SELECT SYSTEM$STREAM_HAS_DATA('…')`. When there is
  something, `SELECT RELATIVE_PATH, …` from the stream, `CREATE TEMPORARY TABLE <name> AS SELECT …` from it, a `SELECT`
  from that and `DROP TABLE IF EXISTS <name>`, with a warehouse. They need READ on the stage and SELECT on the stream.
  With `refresh_directory=True` also `ALTER STAGE <name> REFRESH`, which needs WRITE on an internal stage.
- `query=`, `join=` and `extra_columns=`: the SQL of the DAG, with the privileges on what it reads, and a warehouse.
- The model is a chat model: a `SELECT` over the manifest counts the forms of its messages. It needs READ on the stage,
  and a warehouse.
- `labels=`: `WITH … SELECT` over the output and the labels. It needs SELECT on the table of labels, or the privileges
  on what a query of labels reads, READ on the stage of the output, and a warehouse.
- `compare_with=`: `WITH … SELECT` over the sample's output and earlier results. It needs SELECT on the results table,
  or on the ledger with READ on the stages of earlier output, and a warehouse.
- `max_drift=`: `WITH … SELECT` over the output and over the table of profiles, `INSERT INTO` and `DELETE FROM` on that
  table, and once `CREATE TABLE`. They need READ on the stage of the output, SELECT, INSERT and DELETE on the table, or
  CREATE TABLE on its schema, and a warehouse.
- The ledger is of an earlier release: `ALTER TABLE <name> ADD COLUMN IF NOT EXISTS …`, once. It needs OWNERSHIP of
  the table.
- The output has new columns or larger numbers than the results table: `ALTER TABLE <name> ADD COLUMN …` and
  `ALTER TABLE <name> ALTER COLUMN …`. They need OWNERSHIP of the table.
- A model is not found: `SHOW MODELS IN SCHEMA <name>`. A transaction fails: `ROLLBACK`.
- Somebody reads the review page: `SELECT` over the output, with a warehouse, `LIST @…`, `GET @…` and
  `SELECT GET_PRESIGNED_URL(@…, '…', n)`. They need READ on the stages.
- Somebody marks a prediction there: `INSERT INTO` and `SELECT` on the table `MEDIABATCH_FEEDBACK`, which the first mark
  creates in the jobs' schema.
- `mediabatch doctor`: `SHOW GRANTS TO ROLE <name>`, `SHOW` of each kind of object, `SHOW PARAMETERS` and one `SELECT`.
- `mediabatch runs` and `mediabatch ledger`: `SELECT` and `UPDATE` on the ledger.

To make the page again:
`MEDIABATCH_WRITE_STATEMENTS=1 .venv/bin/python -m pytest tests/operators/test_sent_statements.py`.
"""


def shape(sql: str) -> str:
    """A statement with its literals and names replaced by placeholders."""
    text, previous = "", None
    tokens = tokenize(sql)
    position = 0
    while position < len(tokens):
        token = tokens[position]
        end = position
        while end + 2 < len(tokens) and tokens[end + 1].value == "." and tokens[end + 2].kind in ("word", "quoted"):
            end += 2
        if end > position and token.kind in ("word", "quoted"):
            shown = _chain(sql[token.start : tokens[end].end], end - position)
            position = end
        else:
            shown = _shown(token, tokens[max(0, position - 2) : position])
        gap = previous is not None and previous.end < token.start
        text += (" " if gap else "") + shown
        previous = tokens[position]
        position += 1
    text = re.sub(r"('…'|n|\"…\")(, \1)+", r"\1, …", text)
    return re.sub(rf"({_OUTPUT_COLUMN})(, {_OUTPUT_COLUMN})+", r"\1, …", text)


def _chain(text: str, dots: int) -> str:
    """A name with dots: a function's and a column's behind its alias stay as they are."""
    if _FUNCTIONS.fullmatch(text):
        return text
    alias, _, column = text.partition(".")
    if dots == 2 and len(alias) == 1:
        return text if not column.startswith('"') or column.startswith('"MB_') else f'{alias}."…"'
    return "<name>"


def _shown(token: Token, before: list[Token]) -> str:
    if token.kind == "string":
        return "'…'"
    if token.kind == "number":
        return "n"
    if token.kind == "stage":
        return "@…"
    if token.kind == "quoted":
        return f'"{token.value}"' if token.value in _KEPT or token.value.startswith("MB_") else '"…"'
    words = [each.value.upper() for each in before if each.value != "="]
    if token.kind == "word" and words and words[-1] in _NAMED_AFTER:
        return "<name>"
    return token.value


def page(statements: Iterable[str]) -> str:
    """The page of these statements' forms, by their first words."""
    text = _HEAD
    groups: dict[str, list[str]] = {}
    for form in sorted({shape(sql) for sql in statements}):
        groups.setdefault(_kind(form), []).append(form)
    for kind, forms in sorted(groups.items()):
        text += f"\n## {kind}\n\n{_needs(kind, any(map(_reads, forms)))}\n"
        for form in forms:
            text += f"\n```text\n{form}\n```\n"
    return text


def _kind(form: str) -> str:
    words = re.match(r"[A-Z]+( [A-Z]+)*", form)
    kind = words.group() if words else form
    for begin in (
        "EXECUTE INFERENCE JOB SERVICE",
        "CREATE TEMPORARY FILE FORMAT",
        "SHOW COMPUTE POOLS",
        "SHOW VERSIONS",
    ):
        if kind.startswith(begin):
            return begin
    two = ("COPY", "CREATE", "SHOW", "DESCRIBE", "ALTER", "INSERT", "DELETE", "MERGE", "DROP")
    return " ".join(kind.split()[: 2 if kind.startswith(two) else 1])


def _needs(kind: str, reads: bool) -> str:
    """What a role needs for statements that begin so.

    :param reads: some of them read rows, though not all statements of the kind do.
    """
    rows = [
        row for row in grants.TABLE if any(kind.startswith(begin) or begin.startswith(kind) for begin in row.statements)
    ]
    warehouse = [row for row in rows if row.kind == "WAREHOUSE"]
    needed: dict[str, list[str]] = {}
    for row in rows:
        if row.kind != "WAREHOUSE":
            needed.setdefault(f"{row.privilege} on the {row.kind.lower()}", []).append(row.object.replace("_", " "))
    lines = [f"- {what} ({', '.join(dict.fromkeys(objects))})" for what, objects in needed.items()]
    lines.append(f"- Warehouse: {'yes, with USAGE' if warehouse else 'for AS SELECT, with USAGE' if reads else 'no'}")
    return "\n".join(lines)


def _reads(form: str) -> bool:
    """Whether a statement needs a warehouse although no row of the table says so: it makes a table of rows."""
    return form.startswith("CREATE TABLE") and " AS SELECT " in form
