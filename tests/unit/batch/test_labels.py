"""Which column of the labels is what, and of which output they are the truth."""

from __future__ import annotations

import pytest

from airflow_provider_mediabatch.batch.labels import MARK_COLUMNS, Labels, match_columns
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.review.feedback import COLUMNS

OUTPUTS = {"SCORE": "DOUBLE", "LABEL": "STRING", "kind": "STRING", "MB_ERROR": "STRING"}


def match(*columns: str, outputs: dict[str, str] = OUTPUTS) -> Labels:
    return match_columns("LABELS", "D.S.LABELS", columns, outputs, "MB_ERROR")


@pytest.mark.parametrize(
    ("column", "output"), [("KIND", "kind"), ("LABEL", "LABEL"), ("score", "SCORE"), ("TRUTH", "LABEL")]
)
def test_the_output_is_named_like_the_label_or_is_the_first_text(column: str, output: str) -> None:
    labels = match("A file", column)
    assert (labels.output, labels.key, labels.label) == (output, '"A file"', f'"{column}"')


def test_an_only_output_needs_no_name_and_several_numbers_do() -> None:
    assert match("F", "L", outputs={"CLASS_ID": "INT64", "MB_ERROR": "STRING"}).output == "CLASS_ID"
    with pytest.raises(InvalidInputError, match="labels='LABELS': the model has the outputs A, B and none"):
        match("F", "L", outputs={"A": "INT64", "B": "INT64"})


def test_a_label_inside_an_object_is_a_member() -> None:
    labels = match("F", "L", outputs={"outputs": "OBJECT", "MB_ERROR": "STRING"})
    assert labels.is_nested
    assert labels.predicted_sql.startswith('COALESCE(TRY_PARSE_JSON("outputs"::VARCHAR):label::VARCHAR, ')
    assert labels.marked_outputs == ("outputs", "outputs · label", "outputs · text")


def test_the_table_of_marks_is_known_by_its_columns() -> None:
    assert match(*COLUMNS).is_marks
    assert set(MARK_COLUMNS) <= set(COLUMNS)
    with pytest.raises(InvalidInputError, match=r"labels='LABELS' has the columns FILE_PATH\. Two are needed"):
        match("FILE_PATH")


def test_labels_are_the_truth_of_a_chat_models_answers() -> None:
    outputs = dict.fromkeys(("id", "object", "model"), "STRING") | {
        "created": "FLOAT",
        "choices": "OBJECT",
        "usage": "OBJECT",
    }
    labels = match_columns("L", "L", ["FILE", "LABEL"], outputs, None)
    assert (labels.output, labels.is_nested) == ("choices", True)
    answer = "GET(GET(GET(TRY_PARSE_JSON(\"choices\"::VARCHAR), 0), 'message'), 'content')::VARCHAR)"
    assert labels.predicted_sql.endswith(f", {answer}")
