"""Which rows of a result a reader asked for, and the address that asks for them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

SIZE = 24


@dataclass(frozen=True)
class PageRequest:
    """The rows that a reader asked for. Every field comes from a URL.

    :param page: from 1.
    :param size: rows of a page, 1 to 100.
    :param search: text that a text column must contain, in any letter case.
    :param label_column: with ``label``, the column whose value must be equal to it.
    :param label: the value.
    :param sort: a column, or None for the files' order.
    :param descending: whether the highest value comes first.
    :param range_column: with ``low`` or ``high``, the numeric column whose value must lie between them.
    :param low: the lowest value, or None.
    :param high: the highest value, or None.
    """

    page: int = 1
    size: int = SIZE
    search: str = ""
    label_column: str | None = None
    label: str | None = None
    sort: str | None = None
    descending: bool = False
    range_column: str | None = None
    low: float | None = None
    high: float | None = None

    @classmethod
    def of_url(cls, values: Mapping[str, str], *, page: int = 1, size: int = SIZE) -> PageRequest:
        """What the query of an address asks for. Whatever makes no sense is left out.

        :param values: names and values of the query.
        :param page: of the address.
        :param size: rows of a page.
        """
        texts = {name: value.replace("\0", "") for name, value in values.items()}
        sort, _, order = texts.get("sort", "").rpartition(":")
        low, high = _number(texts.get("low")), _number(texts.get("high"))
        has_range = bool(texts.get("range_column")) and (low is not None or high is not None)
        has_label = bool(texts.get("label_column")) and "label" in texts
        return cls(
            page=page,
            size=size,
            search=texts.get("q", "")[:200],
            label_column=texts["label_column"] if has_label else None,
            label=texts["label"][:400] if has_label else None,
            sort=sort or None,
            descending=order == "desc",
            range_column=texts["range_column"] if has_range else None,
            low=low if has_range else None,
            high=high if has_range else None,
        )

    @property
    def is_filtered(self) -> bool:
        """Whether some rows are left out."""
        return bool(self.search or self.label_column or self.range_column)

    @property
    def order(self) -> str:
        """The order as the address has it: ``COLUMN:asc``, ``COLUMN:desc`` or ""."""
        return f"{self.sort}:{'desc' if self.descending else 'asc'}" if self.sort else ""

    def query(self, **changes: Any) -> str:
        """The query of an address, which begins with ``?`` unless it is empty.

        :param changes: fields with other values. A change of what is shown begins at the first page.
        """
        wanted = replace(self, **({"page": 1} | changes))
        values = {
            "q": wanted.search,
            "sort": wanted.order,
            "label_column": wanted.label_column,
            "label": wanted.label if wanted.label_column else None,
            "range_column": wanted.range_column,
            "low": _text(wanted.low),
            "high": _text(wanted.high),
            "page": wanted.page if wanted.page > 1 else None,
        }
        # A label may be an empty text.
        found = {name: value for name, value in values.items() if value or (name == "label" and value is not None)}
        return f"?{urlencode(found, errors='replace')}" if found else ""

    def filters(self) -> list[tuple[str, str]]:
        """The filters in words, each with the query of the address without it."""
        found = []
        if self.search:
            found.append((f"contains “{self.search}”", self.query(search="")))
        if self.label_column:
            found.append((f"{self.label_column} = {self.label}", self.query(label_column=None, label=None)))
        if self.range_column:
            ends = [f"from {_text(self.low)}"] if self.low is not None else []
            ends += [f"to {_text(self.high)}"] if self.high is not None else []
            found.append((f"{self.range_column} {' '.join(ends)}", self.query(range_column=None, low=None, high=None)))
        return found


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and math.isfinite(value) else None


def _text(value: float | None) -> str | None:
    if value is None:
        return None
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
