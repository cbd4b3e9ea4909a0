"""What an address asks for, and the address of what is asked for."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from airflow_provider_mediabatch.review.page_request import PageRequest

WHOLE = PageRequest(
    search="a b",
    label_column="LABEL",
    label="",
    sort="SCORE:X",
    descending=True,
    range_column="SCORE",
    low=0.25,
    high=1.0,
)


def parsed(query: str) -> PageRequest:
    return PageRequest.of_url(dict(parse_qsl(query.removeprefix("?"), keep_blank_values=True)))


@pytest.mark.parametrize("request_", [PageRequest(), WHOLE, PageRequest(label_column="L", label="<b>&=")])
def test_an_address_says_all_that_is_asked_for(request_: PageRequest) -> None:
    assert parsed(request_.query()) == request_


def test_a_change_begins_at_the_first_page() -> None:
    assert PageRequest(page=7).query(search="x") == "?q=x"
    assert PageRequest(page=7, search="x").query(page=8) == "?q=x&page=8"


def test_each_filter_can_be_removed() -> None:
    found = dict(WHOLE.filters())
    assert list(found) == ["contains “a b”", "LABEL = ", "SCORE from 0.25 to 1"]
    assert parsed(found["SCORE from 0.25 to 1"]).range_column is None
    assert parsed(found["LABEL = "]).search == "a b"


@pytest.mark.parametrize(
    "query", ["low=1", "range_column=S&low=nan", "range_column=S&low=x&high=", "label=x", "sort=x"]
)
def test_what_makes_no_sense_is_left_out(query: str) -> None:
    assert parsed(query) == PageRequest()
