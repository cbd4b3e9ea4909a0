"""What changed since another version in words, for the approval form and the page of a sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_mediabatch.core.comparison import Comparison
from airflow_provider_mediabatch.review.visible_text import shortened

MAX_CHANGED = 10
MAX_PAIRS = 50
MAX_VALUE = 200


def heading(found: Comparison) -> str:
    """What the sample is compared with."""
    return f"Compared with version {found.version}" if found.version else "Compared with the previous version"


def sentence(found: Comparison) -> str:
    """The one sentence that a person decides by."""
    if found.agreement is None:
        return f"None of the {found.files:,} files has an earlier result to compare with."
    changed = found.compared - found.same
    return f"{changed:,} of {found.compared:,} files with an earlier result have another one now."


def facts(found: Comparison) -> list[tuple[str, str]]:
    """Label and value of each measure. Measures without a value are left out."""
    shown = []
    if found.agreement is not None:
        limit = "" if found.min_agreement is None else f" (at least {found.min_agreement:.1%} asked for)"
        shown.append(("Agreement", f"{found.agreement:.1%}{limit}"))
        shown.append((f"Changed {found.output}", f"{found.compared - found.same:,} of {found.compared:,} files"))
    if found.score_before is not None and found.score_after is not None:
        shown.append((f"Mean {found.score}", f"{found.score_before:.4g} before, {found.score_after:.4g} now"))
    if found.score_shift is not None:
        shown.append((f"Mean shift of {found.score}", f"{found.score_shift:.4g}"))
    return [*shown, ("Files with an earlier result", f"{found.compared:,} of {found.files:,}"), ("From", found.source)]


def confusion_rows(found: Comparison) -> list[tuple[str, str, str]]:
    """Value before, value now and number of files of the 50 most frequent pairs, the changed ones first."""
    return [(text(cell["before"]), text(cell["after"]), f"{cell['files']:,}") for cell in found.confusion[:MAX_PAIRS]]


def more_pairs(found: Comparison) -> int:
    """How many pairs the table leaves out."""
    return max(0, found.pairs - min(MAX_PAIRS, len(found.confusion)))


def changed_rows(found: Comparison) -> list[tuple[str, str, str]]:
    """File name, result before and result now of the first ten changed files."""
    return [
        (str(item["path"]).rsplit("/", 1)[-1], result(item, "before"), result(item, "after"))
        for item in found.changed[:MAX_CHANGED]
    ]


def result(item: Mapping[str, Any], when: str) -> str:
    """A file's result with its score.

    :param when: ``before`` or ``after``.
    """
    score = item[f"score_{when}"]
    return text(item[when]) + ("" if score is None else f" ({score:.4g})")


def text(value: object) -> str:
    """A value as it is shown."""
    return "NULL" if value is None else shortened(str(value), MAX_VALUE) or "(empty)"
