"""Which further columns a listing takes, and what is said about a query that wants a ledger."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.files.extra_columns import check_extra_columns
from airflow_provider_mediabatch.files.listing_arguments import ListingArguments
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator


def test_names_are_identifiers() -> None:
    extra = {"prompt": "'a'", '"Labels"': "ARRAY_CONSTRUCT('b')"}
    expected = {"PROMPT": "'a'", "Labels": "ARRAY_CONSTRUCT('b')"}
    assert check_extra_columns(extra, ['"Labels"']) == (expected, ["Labels"])
    assert check_extra_columns(None, ()) == ({}, [])


@pytest.mark.parametrize(
    ("extra", "identity", "message"),
    [
        ({"a": "1", "A": "2"}, (), "names the same column twice"),
        ({"MB_ERROR": "1"}, (), "kept for the provider"),
        ({"A": " "}, (), "has no expression"),
        ({"A": "1"}, ("B",), "names B, which is not among"),
    ],
)
def test_what_is_no_column_is_refused(extra: Any, identity: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        check_extra_columns(extra, identity)


@pytest.mark.parametrize("select", ["new", "interval"])
def test_a_query_has_nothing_that_a_selection_could_go_by(select: str) -> None:
    operator = ListStageFilesOperator(
        task_id="list", query="SELECT 1", manifest_location="@W/", select=select, model_name="M"
    )
    with pytest.raises(InvalidInputError, match=r"the rows of query= have none of them.*extra_columns="):
        ListingArguments.of_operator(operator).check()
