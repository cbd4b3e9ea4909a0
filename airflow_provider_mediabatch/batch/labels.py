"""Where expected labels are: a table or a query that names files and their labels, or the table of readers' marks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.client.connection import explain_unreadable, result_columns, rows, table_or_query
from airflow_provider_mediabatch.core import sql, sql_types
from airflow_provider_mediabatch.core.chat import answer_sql, telling_outputs
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.files.arguments import shorten

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.inference_plan import InferencePlan

MARK_COLUMNS = (
    "FILE_PATH",
    "CONTENT_ID",
    "MODEL_NAME",
    "FUNCTION_NAME",
    "OUTPUT_COLUMN",
    "PREDICTED",
    "IS_RIGHT",
    "CORRECT_LABEL",
    "MARKED_AT",
    "JOB_NAME",
)
"""The columns by which the review page's table of marks is known, whatever its name."""
_TEXT_MEMBERS = ("label", "text")


@dataclass(frozen=True)
class Labels:
    """Expected labels, as SQL, and the output that they are the truth of.

    :param given: what the task was given.
    :param relation: a FROM item.
    :param key: the column that names the file, as SQL; of marks, ``FILE_PATH``.
    :param label: the column of the label, as SQL; of marks it follows from several.
    :param output: the model's output.
    :param is_nested: whether that output is an object or a list, in which the label is a member.
    :param is_marks: whether these are readers' marks.
    :param model: of marks: the model whose predictions they are of.
    :param function: of marks: its function.
    """

    given: str
    relation: str
    key: str
    label: str
    output: str
    is_nested: bool = False
    is_marks: bool = False
    model: str = ""
    function: str = ""

    @property
    def predicted_sql(self) -> str:
        """The predicted label of a typed output row, as text."""
        return label_sql(f"{sql.quoted(self.output)}::VARCHAR", is_nested=self.is_nested)

    @property
    def marked_outputs(self) -> tuple[str, ...]:
        """The names under which readers' marks have this output: those of the review page, of a member too."""
        members = [f"{self.output} · {name}" for name in _TEXT_MEMBERS] if self.is_nested else []
        return (self.output, *members)


def label_sql(text: str, *, is_nested: bool) -> str:
    """The label in an output.

    :param text: the output as text, as SQL.
    :param is_nested: whether it is an object or a list: the label is then its member ``label`` or ``text``, or that of
        its first item, as pipelines of Hugging Face have it. Of a chat completion it is the first answer's text.
    """
    if not is_nested:
        return text
    parsed = f"TRY_PARSE_JSON({text})"
    members = [f"{parsed}{item}:{name}::VARCHAR" for item in ("", "[0]") for name in _TEXT_MEMBERS]
    return f"COALESCE({', '.join([*members, answer_sql(parsed)])})"


def result_sql(text: str, *, is_nested: bool) -> str:
    """As :func:`label_sql`, for what two outputs are compared by: an object or a list without a label is taken whole.

    Two objects of which nothing is known would be equal otherwise. JSON text is brought to one form.
    """
    if not is_nested:
        return text
    return f"COALESCE({label_sql(text, is_nested=True)}, TRY_PARSE_JSON({text})::VARCHAR, {text})"


def find_labels(connection: SnowflakeConnection, given: str, plan: InferencePlan, error_column: str | None) -> Labels:
    """Look at the labels: their columns are described and their rows counted, so that a mistake costs no job.

    :param given: a table's name, or a query. Its first column names the file, its second one is the label.
    :param plan: the model's outputs.
    :param error_column: the output that is no prediction.
    :raises InvalidInputError: naming ``labels=``, for what cannot be read, has other columns, no rows, or labels that
        are lists or objects.
    """
    relation = table_or_query(connection, given, argument="labels")
    with explain_unreadable(f"labels={shorten(given)!r}"):
        columns = result_columns(connection, f"SELECT * FROM {relation}")
        labels = match_columns(given, relation, tuple(columns), plan.outputs, error_column)
        kind = "VARCHAR" if labels.is_marks else sql_types.family(list(columns.values())[1])
        # Counting the values evaluates them: a query may fail for a row, and not when it is described.
        counted = f"COUNT(*) AS N, COUNT({labels.key}) AS FILES, COUNT({labels.label}) AS LABELS"
        if kind == "VARIANT":
            counted += f", COUNT_IF(IS_ARRAY({labels.label}) OR IS_OBJECT({labels.label})) AS NESTED"
        found = rows(connection, f"SELECT {counted} FROM {relation} AS L")[0]
    if not found["N"]:
        raise InvalidInputError(f"labels={shorten(given)!r} has no rows, so nothing can be measured")
    if found.get("NESTED"):
        raise _not_one_text(given, list(columns)[1], f"a list or an object in {int(found['NESTED']):,} rows")
    if kind != "VARIANT" and sql_types.is_nested(kind):
        raise _not_one_text(given, list(columns)[1], f"of type {kind}")
    return replace(labels, model=plan.model, function=plan.function)


def _not_one_text(given: str, name: str, kind: str) -> InvalidInputError:
    return InvalidInputError(
        f"labels={shorten(given)!r}: the label {name} is {kind}, and each file's prediction is compared with one text. "
        f"Give a query that selects a text, for example GET({sql.identifier(name)}, 0)::VARCHAR, a list's first item"
    )


def match_columns(
    given: str, relation: str, columns: Sequence[str], outputs: Mapping[str, str], error_column: str | None
) -> Labels:
    """Which column is what, and of which output the labels are the truth.

    :param columns: of the table or query, in order.
    :param outputs: the model's, name to type.
    :raises InvalidInputError: when that is not certain.
    """
    if set(MARK_COLUMNS) <= set(columns):
        output = _output(given, None, outputs, error_column)
        return Labels(given, relation, "FILE_PATH", "PREDICTED", output, is_nested(outputs[output]), is_marks=True)
    if len(columns) != 2:
        raise InvalidInputError(
            f"labels={shorten(given)!r} has the columns {', '.join(columns)}. Two are needed, the file and its "
            "expected label in this order: give a query that selects them"
        )
    output = _output(given, columns[1], outputs, error_column)
    key, label = map(sql.quoted, columns)
    return Labels(given, relation, key, label, output, is_nested(outputs[output]))


def _output(given: str, label: str | None, outputs: Mapping[str, str], error_column: str | None) -> str:
    """The output that has the label's name in any case, else the main one."""
    names = [name for name in telling_outputs(outputs) if name != error_column]
    named = [name for name in names if label is not None and name.upper() == label.upper()]
    found = next((name for name in named if name == label), None) or next(iter(named), main_output(names, outputs))
    if found is None:
        raise InvalidInputError(
            f"labels={shorten(given)!r}: the model has the outputs {', '.join(names)} and none of them is a text. Name "
            "the second column of the labels like the output that they are the truth of"
        )
    return found


def main_output(names: Sequence[str], outputs: Mapping[str, str]) -> str | None:
    """The output that says what the model found: the first text, else the only one; None when that is not certain.

    :param names: the outputs that may be it.
    :param outputs: all of them, name to type.
    """
    texts = [name for name in names if outputs[name] == "STRING" or is_nested(outputs[name])]
    return next(iter(texts), names[0] if len(names) == 1 else None)


def is_nested(kind: str) -> bool:
    """Whether an output of this type is an object or a list."""
    return kind == "OBJECT"
