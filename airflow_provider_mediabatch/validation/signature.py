"""From facts to a plan and the list of all its problems: pure functions, no connection.

The facts come from one round of SHOW statements (:mod:`.client.model_registry`). Each problem carries the fix to write
or run. An input ``image`` reads the column ``image`` where one is named exactly so, else ``IMAGE``, else the one that
differs in case only: Snowflake's jobs match so, for methods that were logged as case-sensitive too (snowflake-ml's
integration tests of EXECUTE INFERENCE JOB SERVICE, ``…_case_sensitivity_test.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from airflow_provider_mediabatch.core import sql, sql_types
from airflow_provider_mediabatch.core.chat import is_messages
from airflow_provider_mediabatch.core.job_names import closest
from airflow_provider_mediabatch.core.manifest import BOOKKEEPING, SHARD, Manifest
from airflow_provider_mediabatch.core.snowflake_objects import FunctionInfo, ModelInfo
from airflow_provider_mediabatch.files.arguments import DEFAULT_COLUMN
from airflow_provider_mediabatch.validation.findings import Findings

RESERVED_PREFIX = "MB_"

INTEGERS = {"INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"}
FLOATS = {"FLOAT", "DOUBLE"}
_ACCEPTS: Mapping[str, Set[str]] = {
    **dict.fromkeys(INTEGERS, frozenset({"NUMBER"})),
    **dict.fromkeys(FLOATS, sql_types.NUMBERS),
    "STRING": {"VARCHAR"},
    "BOOL": {"BOOLEAN"},
    "BYTES": {"BINARY"},
    "TIMESTAMP_NTZ": {"TIMESTAMP_NTZ", "TIMESTAMP", "DATE"},
    "OBJECT": {"OBJECT", "VARIANT", "MAP"},
}
_ONE_FILE = "the job writes both into one file, in which names differ by more than their case"
_CASTS = {"STRING": "VARCHAR", "BOOL": "BOOLEAN", "BYTES": "BINARY"}


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

    @classmethod
    def of(cls, manifest: Manifest) -> Inputs:
        """The columns of a manifest."""
        return cls(manifest.columns, manifest.file_columns, frozenset(BOOKKEEPING) | {SHARD})

    @property
    def usable(self) -> list[str]:
        """Columns that may feed a model."""
        return [name for name in self.columns if name not in self.bookkeeping]


def find_columns(name: str, columns: Sequence[str]) -> list[str]:
    """The column that a name refers to; several when none is spelt so or in upper case and they differ in case only."""
    for spelling in (name, name.upper()):
        if spelling in columns:
            return [spelling]
    return [column for column in columns if column.upper() == name.upper()]


def find_column(name: str, columns: Sequence[str]) -> str | None:
    """The column that a name refers to; None where there is none, or several that differ in case only."""
    found = find_columns(name, columns)
    return found[0] if len(found) == 1 else None


def match_columns(function: FunctionInfo, inputs: Inputs, findings: Findings) -> dict[str, str]:
    """Input name to column name; every input without a column becomes a problem with the rename to write."""
    matched: dict[str, str] = {}
    if not function.inputs:
        findings.problem(
            f"The model's function {function.target_method} takes no inputs, so it would read no file and no column",
            "log the model with the inputs that its method uses",
        )
    for spec in function.inputs:
        name = str(spec["name"])
        found = find_columns(name, inputs.usable)
        if len(found) == 1:
            matched[name] = found[0]
            continue
        wanted = name if function.case_sensitive else name.upper()
        guess = found[0] if found else closest(name, inputs.usable)
        if guess is None:
            unused = [item for item in inputs.file_columns if item not in matched.values()]
            guess = unused[0] if len(unused) == 1 and _is_file_input(spec) else None
        rename = (
            messages_fix(wanted, inputs)
            if is_messages(spec)
            else f'column_name="{wanted}" in ListStageFilesOperator, or in a query: SELECT {sql.quoted(guess)} AS '
            f"{sql.quoted(wanted)} …"
            if guess
            else f"add a column {sql.quoted(wanted)} to the manifest ({_ways_to_add(spec)})"
        )
        findings.problem(
            f"The model's input {name} ({input_type(spec)}) has "
            + (
                f"several columns that differ in case only: {', '.join(found)}"
                if found
                else f"no column in the manifest, which has {', '.join(inputs.usable) or 'none'}"
                + (f"; did you mean {guess}?" if guess else "")
            ),
            rename,
        )
    return matched


def messages_fix(column: str, inputs: Inputs) -> str:
    """What to write where a chat model lacks its column of messages.

    :param column: that column's name.
    """
    files = next((name for name in inputs.file_columns if name != column), DEFAULT_COLUMN)
    named = "" if files == DEFAULT_COLUMN else f', column="{files}"'
    return f'extra_columns={{"{column}": chat_messages("…"{named})}} in ListStageFilesOperator'


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
        if accepted is None or sql_types.family(found) in accepted:
            continue
        cast = _CASTS.get(input_type(spec), "FLOAT" if input_type(spec) in FLOATS else "NUMBER(38,0)")
        cast = cast if input_type(spec) not in ("TIMESTAMP_NTZ", "OBJECT") else input_type(spec)
        findings.problem(
            f"Column {column} is {found}, but the model's input {spec['name']} takes {input_type(spec)}",
            f"cast it in the query: SELECT {sql.quoted(column)}::{cast} AS {sql.quoted(column)} …",
        )


def check_partition(
    model: ModelInfo, function: FunctionInfo, inputs: Inputs, partition_column: str | None, findings: Findings
) -> None:
    """snowflake-ml's own rules for ``partition_column``, found before the job instead of by it."""
    if partition_column is None:
        if function.partitioned:
            findings.warnings.append(
                f"{function.target_method} works on partitions, but no partition_column is set, so all rows form a "
                "single partition"
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
    names = [str(spec["name"]) for spec in function.outputs]
    for upper in dict.fromkeys(name.upper() for name in names):
        twins = [name for name in names if name.upper() == upper]
        if len(twins) > 1:
            findings.problem(
                f"The model's outputs {' and '.join(twins)} differ in case only, and {_ONE_FILE}",
                "log the model with other output names",
            )
    if (
        function.partitioned or function.method_type == "TABLE_FUNCTION"
    ):  # the output has none of the manifest's columns but the partition's
        return
    outputs = {str(spec["name"]).upper(): str(spec["name"]) for spec in function.outputs}
    for name in inputs.usable:
        if output := outputs.get(name.upper()):
            findings.problem(
                f"The manifest's column {name} has the name of the model's output {output}, and {_ONE_FILE}",
                f"rename the column where it is listed (in a query: SELECT {sql.quoted(name)} AS "
                f"{sql.quoted(name + '_IN')} …, column_name= or columns=), or log the model with another output name",
            )


def input_type(spec: Mapping[str, Any]) -> str:
    """The type of a signature entry; a group is an OBJECT."""
    return "OBJECT" if "specs" in spec else str(spec.get("type") or spec.get("dtype") or "OBJECT").upper()


def _ways_to_add(spec: Mapping[str, Any]) -> str:
    """The arguments that give a manifest one more column: of files, of other values, or of either for a STRING."""
    if not _is_file_input(spec):
        return "extra_columns= or query="
    return "columns= or query=" if input_type(spec) == "BYTES" else "columns=, extra_columns= or query="


def _is_file_input(spec: Mapping[str, Any]) -> bool:
    return input_type(spec) in ("BYTES", "STRING")
