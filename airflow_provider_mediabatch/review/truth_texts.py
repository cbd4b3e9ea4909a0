"""A comparison with expected labels in words, for the approval form and the page of a batch."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_mediabatch.core.truth import Truth
from airflow_provider_mediabatch.review.visible_text import shortened

MAX_WRONG = 10
MAX_CLASSES = 50
MAX_LABEL = 200


def sentence(truth: Truth) -> str:
    """The one sentence that a person decides by."""
    if not truth.labelled:
        return f"None of the {truth.files:,} files has an expected label."
    if truth.word_error_rate is not None:
        return f"The word error rate is {truth.word_error_rate:.1%} over {truth.labelled:,} labelled files."
    return f"{truth.right:,} of {truth.labelled:,} labelled files are right ({truth.accuracy:.1%})."


def facts(truth: Truth) -> list[tuple[str, str]]:
    """Label and value of each measure. Measures without a value are left out."""
    found = []
    if truth.word_error_rate is not None:
        found.append(("Word error rate", f"{truth.word_error_rate:.1%}{_limit(truth.max_word_error_rate, 'at most')}"))
        found.append(("Wrong words", f"{truth.word_errors:,} for {truth.words:,} words"))
    if truth.accuracy is not None and (not truth.is_text or truth.min_accuracy is not None):
        found.append(("Accuracy", f"{truth.accuracy:.1%}{_limit(truth.min_accuracy, 'at least')}"))
    if truth.balanced_accuracy is not None and not truth.is_text:
        found.append(("Balanced accuracy", f"{truth.balanced_accuracy:.1%}"))
    found.append(("Files with a label", f"{truth.labelled:,} of {truth.files:,}"))
    return [*found, ("Compared output", truth.output), ("Labels", truth.labels)]


def class_rows(truth: Truth) -> list[tuple[str, str, str, str, str]]:
    """Label, expected, predicted, precision and recall of the 50 most frequent classes; none for texts."""
    if truth.is_text:
        return []
    return [
        (
            _text(score.label),
            f"{score.expected:,}",
            f"{score.predicted:,}",
            _share(score.precision),
            _share(score.recall),
        )
        for score in truth.classes[:MAX_CLASSES]
    ]


def more_classes(truth: Truth) -> int:
    """How many classes the table leaves out."""
    return 0 if truth.is_text else max(0, truth.class_count - min(MAX_CLASSES, len(truth.classes)))


def wrong_rows(truth: Truth) -> list[tuple[str, str, str]]:
    """File name, expected and predicted label of the first ten wrong predictions."""
    return [
        (str(item["path"]).rsplit("/", 1)[-1], expected_text(item), _text(item["predicted"]))
        for item in truth.wrong[:MAX_WRONG]
    ]


def expected_text(example: Mapping[str, str | None]) -> str:
    """The expected label of a file, as it is shown. A reader may have said only that a prediction is wrong."""
    return "another one" if example["expected"] is None else _text(example["expected"])


def _text(value: str | None) -> str:
    return "NULL" if value is None else shortened(value, MAX_LABEL) or "(empty)"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _limit(limit: float | None, word: str) -> str:
    return "" if limit is None else f" ({word} {limit:.1%} asked for)"
