"""Hostile names and outputs in the approval form's Markdown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from airflow_provider_mediabatch.review.addresses import segments
from airflow_provider_mediabatch.review.markdown import code, image, link, table

HOSTILE = [
    "![x](https://evil.example/p.png)",
    "[click](javascript:alert(1))",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "a | b | c",
    "back`tick``s```",
    "`",
    "\\`",
    "a\\|b",
    "trailing\\",
    "line\nbreak\r\nand\u2028more",
    "https://evil.example/ www.evil.example me@evil.example",
    "\u202egnp.exe",
    "# heading",
    "- list\n- list",
    "| --- |",
    "&lt;b&gt; &amp;",
]


def rendered(markdown: str) -> list[str]:
    """Types of everything that Markdown made of a text, inline parts included."""
    types = []
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(markdown):
        types.append(token.type)
        types += [child.type for child in token.children or ()]
    return types


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_value_is_one_code_span_in_one_cell(text: str) -> None:
    types = rendered(table(("File", "Label"), [(code(text), code("good"))]))
    assert types.count("td_open") == 2
    assert types.count("code_inline") == 2
    assert not {"image", "link_open", "html_inline", "html_block", "heading_open"} & set(types)


@given(st.text(max_size=80))
def test_any_text_stays_in_its_cell(text: str) -> None:
    types = rendered(table(("File", "Label"), [(code(text), code("good"))]))
    assert types.count("td_open") == 2
    assert set(types) & {"image", "link_open", "html_inline", "html_block"} == set()


def test_a_span_shows_the_value() -> None:
    assert code("cat (1).jpg") == "`cat (1).jpg`"
    assert code("a`b") == "``a`b``"
    assert code("`a") == "`` `a ``"
    assert code("x" * 500, limit=10) == "`" + "x" * 9 + "…`"
    assert code(None) == ""


def test_a_path_is_encoded_so_that_it_ends_no_link() -> None:
    path = segments("dag", "manual__2026-01-01T00:00:00+00:00", "group.task", -1, "a)b](x/ü")
    assert path == "dag/manual__2026-01-01T00%3A00%3A00%2B00%3A00/group.task/-1/a%29b%5D%28x%2F%C3%BC"
    assert rendered(image("/mediabatch/" + path, "a](b")).count("image") == 1


def test_a_code_span_in_a_link_ends_no_link() -> None:
    for text in HOSTILE:
        types = rendered(table(("File",), [(link("/x", f"Play {code(text)}"),)]))
        assert (types.count("link_open"), types.count("code_inline"), types.count("td_open")) == (1, 1, 1), text
        assert not {"image", "html_inline", "html_block"} & set(types)


@pytest.mark.parametrize("parts", [("a", ".."), (".", "b"), ("a", "", "b")])
def test_a_path_does_not_climb(parts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="path"):
        segments(*parts)


@pytest.mark.parametrize(
    "url", ["https://evil.example/x", "//evil.example/x", "javascript:alert(1)", "data:image/png;base64,"]
)
def test_only_this_site_is_linked(url: str) -> None:
    with pytest.raises(ValueError, match="this site"):
        image(url, "x")
    with pytest.raises(ValueError, match="this site"):
        link(url, "x")
