"""The drawing that stands in for a file."""

from __future__ import annotations

from airflow_provider_mediabatch.review.placeholder import placeholder


def test_a_placeholder_is_text_only() -> None:
    drawn = placeholder("<script>alert(1)</script> & more words than fit on a single line of it")
    assert "<script" not in drawn
    assert "&lt;script&gt;" in drawn
