"""Plots hold hostile labels as text and any number without an error."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from airflow_provider_mediabatch.review.plots import bars, histogram, number


def address(low: float, high: float) -> str:
    return f"?{low:.2f}-{high:.2f}"


def test_a_hostile_label_is_text() -> None:
    root = ElementTree.fromstring(bars([('<script>alert("1")</script>', 3), ("cat", 1)], '?label="{}'.format))
    assert [item.tag for item in root.iter()].count("script") == 0
    assert any((item.text or "").startswith("<script>") for item in root.iter("span"))
    assert [item.attrib["href"] for item in root.iter("a")] == ['?label="<script>alert("1")</script>', '?label="cat']
    histogram_of = ElementTree.fromstring(histogram([1], 0.0, 1.0, title='"><b>', link=address))
    assert histogram_of.attrib["aria-label"] == '"><b>'


@pytest.mark.parametrize("counts", [[], [0, 0], [5], [1, 0, 10**9]])
def test_any_counts_are_drawn(counts: list[int]) -> None:
    root = ElementTree.fromstring(histogram(counts, 0.0, 1.0, title="SCORE", link=address))
    assert len(list(root.iter("a"))) == sum(count > 0 for count in counts)
    ElementTree.fromstring(bars([(str(count), count) for count in counts], str))


def test_a_bar_of_a_histogram_filters_by_its_range() -> None:
    root = ElementTree.fromstring(histogram([1, 0, 4], 0.0, 0.9, title="SCORE", link=address))
    links = [(item.attrib["href"], item.attrib["aria-label"]) for item in root.iter("a")]
    assert links == [("?0.00-0.30", "0 to 0.3: 1 row"), ("?0.60-0.90", "0.6 to 0.9: 4 rows")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.94821, "0.9482"),
        (12345.0, "12,345"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (1e-9, "1e-09"),
        (1e300, "1e+300"),
        (-1.5e15, "-1.5e+15"),
        (12345678901234567890, "12,345,678,901,234,567,890"),
    ],
)
def test_numbers_as_people_read_them(value: float, text: str) -> None:
    assert number(value) == text
