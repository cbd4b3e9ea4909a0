"""A file's content id: by digest where there is one, by time where there is none."""

from __future__ import annotations

import pytest

from airflow_provider_mediabatch.core.content_id import content_id, is_one_of

MD5 = "d41d8cd98f00b204e9800998ecf8427e"


@pytest.mark.parametrize(
    ("digest", "expected"),
    [
        (MD5, f"{MD5}:5"),
        (f'"{MD5.upper()}"', f"{MD5}:5"),
        (f"{MD5}-12", f"{MD5}-12:5"),
        (None, ":5:1709287200"),
        ("", ":5:1709287200"),
        ("0x8DBCDB4FF3D7A2E", ":5:1709287200"),
        (MD5[:-1], ":5:1709287200"),
    ],
)
def test_id_of_a_file(digest: str | None, expected: str) -> None:
    assert content_id(digest, 5, 1709287200) == expected


@pytest.mark.parametrize(
    ("found", "noted", "same"),
    [
        (f"{MD5}:5", f"{MD5}:5", True),
        (f"{MD5}:5", f"0123:1+{MD5}:5", True),
        (f"{MD5}:5", "0123:5", False),
        (f"{MD5}:5", f"{MD5}:6", False),
        (f"{MD5}:5", ":5", True),
        (":5:17", ":5:17", True),
        (":5:17", ":5:18", False),
        (":5:17", ":5", True),
        (":5:17", f"{MD5}:5", True),
        (":5:17", "", False),
    ],
)
def test_a_file_is_compared_with_what_was_noted(found: str, noted: str, same: bool) -> None:
    assert is_one_of(found, noted) is same
