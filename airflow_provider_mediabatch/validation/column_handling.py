"""``column_handling`` of the job, which says how each file column reaches the model. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_mediabatch.core import sql_types
from airflow_provider_mediabatch.core.chat import is_messages
from airflow_provider_mediabatch.core.job_names import closest
from airflow_provider_mediabatch.core.job_specification import (
    BASE64,
    BASE64_DATA_URL,
    ENCODINGS,
    FULL_STAGE_PATH,
    RAW_BYTES,
)
from airflow_provider_mediabatch.core.manifest import SIZE
from airflow_provider_mediabatch.core.snowflake_objects import FunctionInfo
from airflow_provider_mediabatch.validation.findings import Findings
from airflow_provider_mediabatch.validation.signature import (
    Inputs,
    find_column,
    input_type,
    match_columns,
)


def handle_columns(
    function: FunctionInfo,
    inputs: Inputs,
    matched: Mapping[str, str],
    overrides: Mapping[str, Any],
    findings: Findings,
) -> dict[str, dict[str, str]]:
    """``column_handling`` of the job: every file column that feeds an input, with the encoding that the input needs.

    BYTES takes raw bytes, STRING base64 unless the override says data URL. A text column that feeds a BYTES input can
    only be a path, and is handled as a file too: the mistake of forgetting it cannot be made.

    :param overrides: the user's own, column to encoding or to ``{"input_format": …, "convert_to": …}``.
    """
    specs = {str(spec["name"]): spec for spec in function.inputs}
    by_column = {column: specs[name] for name, column in matched.items()}
    wanted: dict[str, str | None] = {
        column: None
        for column, spec in by_column.items()
        if column in inputs.file_columns
        or (input_type(spec) == "BYTES" and sql_types.family(inputs.columns[column]) == "VARCHAR")
    }
    for key, value in overrides.items():
        if key not in inputs.columns:
            guess = find_column(key, inputs.usable) or closest(key, inputs.usable)
            findings.problem(
                f"column_handling names {key!r}, which is not a column of the manifest"
                + (f"; did you mean {guess!r}?" if guess else ""),
                f"use the column's exact name, one of: {', '.join(inputs.usable)}",
            )
            continue
        encoding = _encoding(key, value, findings)
        if key in by_column and is_messages(by_column[key]):
            findings.problem(
                f"column_handling names {key}, a column of chat messages, whose stage paths Snowflake reads by itself",
                "remove it from column_handling",
            )
        elif key in by_column:
            wanted[key] = encoding or wanted.get(key)
        else:
            findings.problem(
                f"column_handling names {key}, which feeds no input of the model",
                f"remove it, or rename the column to one of the inputs: {', '.join(specs)}",
            )
    handling: dict[str, dict[str, str]] = {}
    for column, chosen in wanted.items():
        handled = chosen or (BASE64 if input_type(by_column[column]) == "STRING" else RAW_BYTES)
        _check_encoding(column, handled, by_column[column], findings)
        handling[column] = {"input_format": FULL_STAGE_PATH, "convert_to": handled}
    return handling


def warn_of_text(
    inputs: Inputs, handling: Mapping[str, Mapping[str, str]], overrides: Mapping[str, Any], findings: Findings
) -> None:
    """A query's column that was recognised as paths by its values, and whose text a model could also want as it is."""
    for column, options in handling.items():
        if SIZE not in inputs.columns and column not in overrides and options["convert_to"] != RAW_BYTES:
            findings.warnings.append(
                f"Column {column} holds stage paths, so the model gets these files as {options['convert_to'].upper()} "
                "and not the paths; column_name= of ListStageFilesOperator names the only column of paths"
            )


def possible_file_columns(function: FunctionInfo, inputs: Inputs, overrides: Mapping[str, Any]) -> set[str]:
    """The columns that :func:`handle_columns` may choose: what their values are has to be looked up before."""
    matched = match_columns(function, inputs, Findings())
    return set(handle_columns(function, inputs, matched, overrides, Findings()))


def _encoding(column: str, value: Any, findings: Findings) -> str | None:
    """The encoding that an override asks for; enumeration members of snowflake-ml are taken by their value."""
    options = value if isinstance(value, Mapping) else {"convert_to": value}
    unknown = sorted(set(options) - {"input_format", "convert_to"})
    if unknown:
        findings.problem(
            f"column_handling of {column} has unknown keys: {', '.join(map(str, unknown))}",
            'write {"input_format": "FULL_STAGE_PATH", "convert_to": "RAW_BYTES"}',
        )
    input_format = _text(options.get("input_format", FULL_STAGE_PATH))
    if input_format != FULL_STAGE_PATH:
        findings.problem(
            f"column_handling of {column}: Invalid path format {input_format.upper()}",
            "use FULL_STAGE_PATH: the manifest holds complete paths, @DB.SCHEMA.STAGE/file.ext",
        )
    encoding = _text(options.get("convert_to") or "")
    if encoding and encoding not in ENCODINGS:
        guess = closest(encoding, ENCODINGS)
        findings.problem(
            f"column_handling of {column}: there is no encoding {encoding.upper()}"
            + (f"; did you mean {guess.upper()}?" if guess else ""),
            f"use one of {', '.join(item.upper() for item in ENCODINGS)}",
        )
        return None
    return encoding or None


def _check_encoding(column: str, encoding: str, spec: Mapping[str, Any], findings: Findings) -> None:
    kind = input_type(spec)
    fits = {"BYTES": (RAW_BYTES,), "STRING": (BASE64, BASE64_DATA_URL)}.get(kind)
    if is_messages(spec):
        findings.problem(
            f"Column {column} holds files, but the model's input {spec['name']} takes chat messages",
            "list the files under another name (column_name=), and make this column of them: "
            f'extra_columns={{"{column}": chat_messages("…", column=…)}}',
        )
    elif fits is None:
        findings.problem(
            f"Column {column} holds files, but the model's input {spec['name']} takes {kind}",
            "feed it from an ordinary column, or log the model with a BYTES input",
        )
    elif encoding not in fits:
        findings.problem(
            f"The model's input {spec['name']} takes {kind}; column_handling of {column} gives it {encoding.upper()}",
            f"use {' or '.join(item.upper() for item in fits)}, or leave column_handling out",
        )


def _text(value: Any) -> str:
    """A name from a DAG file: text in any case, or a member of snowflake-ml's enumerations."""
    return str(getattr(value, "value", value)).lower()
