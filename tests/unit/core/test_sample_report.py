"""The preview of a sample fits into an XCom."""

from __future__ import annotations

from airflow_provider_mediabatch.core.sample_report import PATH_CHARACTERS, PREVIEW_CHARACTERS, PREVIEW_ROWS, clip


def test_a_preview_has_at_most_ten_rows() -> None:
    assert clip([{"N": number} for number in range(PREVIEW_ROWS + 5)]) == tuple({"N": n} for n in range(PREVIEW_ROWS))


def test_a_long_text_is_cut_and_says_so() -> None:
    (row,) = clip([{"TEXT": "x" * 1000}])
    assert len(row["TEXT"]) == PREVIEW_CHARACTERS
    assert row["TEXT"].endswith("…")


def test_a_stage_path_is_kept_whole() -> None:
    path = "@DB.S.PHOTOS/" + "x" * (PATH_CHARACTERS - 20)
    assert clip([{"IMAGE": path}]) == ({"IMAGE": path},)


def test_values_that_json_has_stay_and_bytes_become_their_size() -> None:
    row = {"A": None, "B": True, "C": 0.5, "D": b"abc", "E": [1, 2]}
    assert clip([row]) == ({"A": None, "B": True, "C": 0.5, "D": "<3 bytes>", "E": "[1, 2]"},)
