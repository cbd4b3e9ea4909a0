"""From facts to a plan and the list of all its problems: pure functions, no connection.

The facts come from one round of SHOW statements (:mod:`.client.model_registry`). Each problem carries the fix to write
or run. Column matching follows Snowflake's identifier rules: an input ``image`` reads the column ``image`` where one is
named exactly so, else ``IMAGE``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.job_names import closest
from airflow_provider_mediabatch.core.metadata import FunctionInfo, ModelInfo, Problem

FULL_STAGE_PATH = "full_stage_path"
RAW_BYTES, BASE64, BASE64_DATA_URL = "raw_bytes", "base64", "base64_data_url"
ENCODINGS = (RAW_BYTES, BASE64, BASE64_DATA_URL)
RESERVED_PREFIX = "MB_"

_INTEGERS = {"INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"}
_FLOATS = {"FLOAT", "DOUBLE"}
_NUMBER_TYPES = {"NUMBER", "DECIMAL", "NUMERIC", "INT", "INTEGER", "BIGINT", "SMALLINT", "TINYINT", "BYTEINT", "FIXED"}
_FLOAT_TYPES = {"FLOAT", "FLOAT4", "FLOAT8", "DOUBLE", "REAL"}
_TEXT_TYPES = {"VARCHAR", "TEXT", "STRING", "CHAR", "CHARACTER"}
_ACCEPTS: Mapping[str, set[str]] = {
    **dict.fromkeys(_INTEGERS, _NUMBER_TYPES),
    **dict.fromkeys(_FLOATS, _NUMBER_TYPES | _FLOAT_TYPES),
    "STRING": _TEXT_TYPES,
    "BOOL": {"BOOLEAN"},
    "BYTES": {"BINARY", "VARBINARY"},
    "TIMESTAMP_NTZ": {"TIMESTAMP_NTZ", "TIMESTAMP", "DATETIME", "DATE"},
    "OBJECT": {"OBJECT", "VARIANT", "MAP"},
}
_CASTS = {"STRING": "VARCHAR", "BOOL": "BOOLEAN", "BYTES": "BINARY"}


@dataclass
class Findings:
    """Problems and warnings, as the checks collect them."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def problem(self, what: str, fix: str) -> None:
        """Note something that would make the batch fail."""
        self.problems.append(Problem(what, fix))


@dataclass(frozen=True)
class Inputs:
    """The manifest's columns, as far as matching needs them.

    :param columns: column name, as stored, to SQL type.
    :param file_columns: columns that hold full stage paths.
    :param bookkeeping: the provider's own columns, which no model reads.
    """

    columns: Mapping[str, str]
    file_columns: tuple[str, ...]
    bookkeeping: frozenset[str] = frozenset()

    @property
    def usable(self) -> list[str]:
        """Columns that may feed a model."""
        return [name for name in self.columns if name not in self.bookkeeping]


def find_column(name: str, columns: Sequence[str], *, case_sensitive: bool = False) -> str | None:
    """The column that a signature input reads: exactly so named first, else its upper-case form."""
    if name in columns:
        return name
    return name.upper() if not case_sensitive and name.upper() in columns else None


def match_columns(function: FunctionInfo, inputs: Inputs, findings: Findings) -> dict[str, str]:
    """Input name to column name; every input without a column becomes a problem with the rename to write."""
    matched: dict[str, str] = {}
    for spec in function.inputs:
        name = str(spec["name"])
        column = find_column(name, inputs.usable, case_sensitive=function.case_sensitive)
        if column is not None:
            matched[name] = column
            continue
        wanted = name if function.case_sensitive else name.upper()
        guess = closest(name, inputs.usable)
        if guess is None:
            unused = [item for item in inputs.file_columns if item not in matched.values()]
            guess = unused[0] if len(unused) == 1 and _is_file_input(spec) else None
        rename = (
            f'column_name="{wanted}" in ListStageFilesOperator, or in a query: SELECT {sql.quoted(guess)} AS '
            f"{sql.quoted(wanted)} …"
            if guess
            else f"add a column {sql.quoted(wanted)} to the manifest (column_name=, columns= or query=)"
        )
        findings.problem(
            f"The model's input {name} ({input_type(spec)}) has no column in the manifest, which has "
            f"{', '.join(inputs.usable) or 'none'}" + (f"; did you mean {guess}?" if guess else ""),
            rename,
        )
    return matched


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
        or (input_type(spec) == "BYTES" and _base(inputs.columns[column]) in _TEXT_TYPES)
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
        if key in by_column:
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


def check_types(
    function: FunctionInfo,
    inputs: Inputs,
    matched: Mapping[str, str],
    handling: Mapping[str, Any],
    findings: Findings,
) -> None:
    """Ordinary columns must be of a type that the signature's input takes."""
    for spec in function.inputs:
        column = matched.get(str(spec["name"]))
        if column is None or column in handling or spec.get("shape") or "specs" in spec:
            continue
        accepted, found = _ACCEPTS.get(input_type(spec)), inputs.columns[column]
        if accepted is None or _base(found) in accepted:
            continue
        cast = _CASTS.get(input_type(spec), "FLOAT" if input_type(spec) in _FLOATS else "NUMBER(38,0)")
        cast = cast if input_type(spec) not in ("TIMESTAMP_NTZ", "OBJECT") else input_type(spec)
        findings.problem(
            f"Column {column} is {found}, but the model's input {spec['name']} takes {input_type(spec)}",
            f"cast it in the query: SELECT {sql.quoted(column)}::{cast} AS {sql.quoted(column)} …",
        )


def typed_params(function: FunctionInfo, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with texts turned into the numbers and booleans that the signature wants.

    A template renders to text, ``"{{ params.beams }}"`` to ``"4"``; text that is no such value is left for the check.
    """
    kinds = {str(spec["name"]).upper(): str(spec.get("dtype", "")).upper() for spec in function.params}
    return {name: _from_text(value, kinds.get(name.upper(), "")) for name, value in params.items()}


def _from_text(value: Any, kind: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        if kind in _INTEGERS:
            return int(value)
        if kind in _FLOATS:
            return float(value)
    except ValueError:
        return value
    return {"true": True, "false": False}.get(value.lower(), value) if kind == "BOOL" else value


def check_params(function: FunctionInfo, params: Mapping[str, Any], findings: Findings) -> None:
    """Unknown, doubled, missing and ill-typed parameters."""
    specs = {str(spec["name"]).upper(): spec for spec in function.params}
    names = ", ".join(str(spec["name"]) for spec in function.params) or "none"
    seen: set[str] = set()
    for name, value in params.items():
        spec = specs.get(name.upper())
        if spec is None:
            guess = closest(name, [str(item["name"]) for item in function.params])
            findings.problem(
                f"{function.target_method} has no parameter {name!r}" + (f"; did you mean {guess!r}?" if guess else ""),
                f"its parameters are: {names}",
            )
            continue
        if name.upper() in seen:
            findings.problem(f"Parameter {spec['name']} is given twice, in different case", "give it once")
        seen.add(name.upper())
        if not _param_fits(spec, value):
            kind = f"{spec.get('dtype', 'object')}{list(spec['shape']) if spec.get('shape') else ''}"
            findings.problem(
                f"Parameter {spec['name']} takes {kind}, but {value!r} is {type(value).__name__}",
                f"give a value of {kind}",
            )
    for upper, spec in specs.items():
        if upper not in seen and "specs" not in spec and "default_value" not in spec:
            findings.problem(
                f"Parameter {spec['name']} has no default and is not given", f'model_params={{"{spec["name"]}": …}}'
            )


def check_partition(
    model: ModelInfo, function: FunctionInfo, inputs: Inputs, partition_column: str | None, findings: Findings
) -> None:
    """snowflake-ml's own rules for ``partition_column``, found before the job instead of by it."""
    if partition_column is None:
        if function.partitioned:
            findings.warnings.append(
                f"{function.target_method} works on partitions, but no partition_column is set: all rows are one"
            )
        return
    column = find_column(partition_column, inputs.usable)
    if column is None:
        guess = closest(partition_column, inputs.usable)
        findings.problem(
            f"partition_column {partition_column} is not in the manifest"
            + (f"; did you mean {guess}?" if guess else ""),
            f"use one of: {', '.join(inputs.usable)}",
        )
    if model.model_type == "huggingface_pipeline":
        findings.problem("partition_column is not supported for Hugging Face pipelines", "remove partition_column")
    elif function.method_type == "FUNCTION":
        findings.problem(
            f"partition_column is set, but {function.target_method} is a FUNCTION: only TABLE_FUNCTION methods are "
            "partitioned",
            "remove partition_column, or log the method with @custom_model.partitioned_api",
        )
    elif function.partitioned and partition_column.upper() in {str(item["name"]).upper() for item in function.outputs}:
        findings.problem(
            f"The model's output has a column {partition_column} too, but Snowflake appends it itself",
            "remove it from the model's output and log the model again, or partition by another column",
        )


def check_names(function: FunctionInfo, inputs: Inputs, findings: Findings) -> None:
    """Names that would meet in the output: the provider's own, and pass-through columns with the model's outputs."""
    for what, specs in (("input", function.inputs), ("output", function.outputs)):
        for spec in specs:
            if str(spec["name"]).upper() in inputs.bookkeeping:
                findings.problem(
                    f"The model's {what} {spec['name']} has the name of a column that the provider adds",
                    f"log the model with another name: {RESERVED_PREFIX}* is kept for the provider",
                )
    outputs = {str(spec["name"]) for spec in function.outputs}
    both = [name for name in inputs.usable if name in outputs]
    if both:
        findings.warnings.append(
            f"Columns {', '.join(both)} are in the manifest and in the model's output: one of them hides the other"
        )


def input_type(spec: Mapping[str, Any]) -> str:
    """The type of a signature entry; a group is an OBJECT."""
    return "OBJECT" if "specs" in spec else str(spec.get("type") or spec.get("dtype") or "OBJECT").upper()


def _is_file_input(spec: Mapping[str, Any]) -> bool:
    return input_type(spec) in ("BYTES", "STRING")


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
    if fits is None:
        findings.problem(
            f"Column {column} holds files, but the model's input {spec['name']} takes {kind}",
            "feed it from an ordinary column, or log the model with a BYTES input",
        )
    elif encoding not in fits:
        findings.problem(
            f"The model's input {spec['name']} takes {kind}; column_handling of {column} gives it {encoding.upper()}",
            f"use {' or '.join(item.upper() for item in fits)}, or leave column_handling out",
        )


def _param_fits(spec: Mapping[str, Any], value: Any) -> bool:
    """snowflake-ml's own rules: None is unset, bool is no number, int serves for float."""
    if value is None:
        return True
    if "specs" in spec:
        return isinstance(value, list if spec.get("shape") else Mapping)
    shape = spec.get("shape")
    if shape:
        if not isinstance(value, list | tuple) or (len(shape) == 1 and shape[0] not in (-1, len(value))):
            return False
        inner = {**spec, "shape": list(shape)[1:] or None}
        return all(item is not None and _param_fits(inner, item) for item in value)
    kind = str(spec.get("dtype", "")).upper()
    if kind in _INTEGERS:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind in _FLOATS:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "STRING":
        return isinstance(value, str)
    if kind == "BOOL":
        return isinstance(value, bool)
    return not isinstance(value, list | tuple) or kind == "OBJECT"


def _text(value: Any) -> str:
    """A name from a DAG file: text in any case, or a member of snowflake-ml's enumerations."""
    return str(getattr(value, "value", value)).lower()


def _base(sql_type: str) -> str:
    return sql_type.upper().split("(")[0].strip()
