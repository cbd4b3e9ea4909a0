"""Plots hold hostile labels as text and any number without an error."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from airflow_provider_mediabatch.review.plots import bars, histogram, number


def test_a_hostile_label_is_text() -> None:
    root = ElementTree.fromstring(bars([('<script>alert("1")</script>', 3), ("cat", 1)], title='"><b>'))
    assert [item.tag for item in root.iter()].count("script") == 0
    assert root.attrib["aria-label"] == '"><b>'
    assert any((item.text or "").startswith("<script>") for item in root.iter("text"))


@pytest.mark.parametrize("counts", [[], [0, 0], [5], [1, 0, 10**9]])
def test_any_counts_are_drawn(counts: list[int]) -> None:
    root = ElementTree.fromstring(histogram(counts, 0.0, 1.0, title="SCORE"))
    assert len(list(root.iter("rect"))) == len(counts)
    ElementTree.fromstring(bars([(str(count), count) for count in counts], title="x"))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.94821, "0.9482"), (12345.0, "12,345"), (float("nan"), "nan"), (float("inf"), "inf"), (1e-9, "1e-09")],
)
def test_numbers_as_people_read_them(value: float, text: str) -> None:
    assert number(value) == text
