"""How right a model's output is, measured against expected labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_mediabatch.core import xcom


@dataclass(frozen=True)
class ClassScore:
    """One class: how often it is expected, predicted, and both for the same file.

    The formulas are those of scikit-learn's ``precision_recall_fscore_support`` (its user guide, section "Precision,
    recall and F-measures"), where ``right`` is tp, ``predicted`` is tp + fp and ``expected`` is tp + fn.

    :param label: the class.
    :param expected: files whose expected label it is.
    :param predicted: files with an expected label that were predicted as it.
    :param right: files of both kinds.
    """

    label: str
    expected: int
    predicted: int
    right: int

    @property
    def precision(self) -> float | None:
        """``right / predicted``: how often a prediction of this class is right; None when it was never predicted."""
        return self.right / self.predicted if self.predicted else None

    @property
    def recall(self) -> float | None:
        """``right / expected``: how much of this class is found; None when it is nowhere expected."""
        return self.right / self.expected if self.expected else None


@dataclass(frozen=True)
class Truth:
    """An output beside its expected labels, counted on the server. Files that the model failed for are left out.

    :param output: the model's output that was compared.
    :param labels: where the labels are from, as the task was given it.
    :param files: rows of output.
    :param labelled: those that have an expected label.
    :param right: those whose prediction is the expected label.
    :param balanced_accuracy: the mean recall of all classes that are expected; None without a label. Source:
        scikit-learn's ``balanced_accuracy_score``.
    :param classes: the most frequent classes.
    :param class_count: how many there are.
    :param examples: labelled files, ``{"path": …, "expected": …, "predicted": …}``, the wrong ones first. ``expected``
        is None for a prediction that a reader marked as wrong without the right label.
    :param words: words of the expected texts; None for labels that are no texts.
    :param word_errors: words that were substituted, deleted or inserted in the predicted texts.
    :param min_accuracy: the least accuracy that the task allows.
    :param max_word_error_rate: the highest word error rate that it allows.
    """

    output: str
    labels: str
    files: int
    labelled: int
    right: int
    balanced_accuracy: float | None = None
    classes: tuple[ClassScore, ...] = ()
    class_count: int = 0
    examples: tuple[Mapping[str, str | None], ...] = ()
    words: int | None = None
    word_errors: int | None = None
    min_accuracy: float | None = None
    max_word_error_rate: float | None = None

    @property
    def is_text(self) -> bool:
        """Whether words were counted, because the expected labels are texts."""
        return self.words is not None

    @property
    def unlabelled(self) -> int:
        """Files without an expected label, which nothing is said of."""
        return self.files - self.labelled

    @property
    def accuracy(self) -> float | None:
        """``right / labelled``; None without a label. Source: scikit-learn's ``accuracy_score``."""
        return self.right / self.labelled if self.labelled else None

    @property
    def word_error_rate(self) -> float | None:
        """Substitutions, deletions and insertions by the words of the expected texts, over all texts together.

        It is above 1 when more words are wrong than expected. Source: NIST's Speech Recognition Scoring Toolkit
        (sclite), "word error rate"; jiwer's ``wer`` of two lists of texts.
        """
        return self.word_errors / self.words if self.words and self.word_errors is not None else None

    @property
    def wrong(self) -> tuple[Mapping[str, str | None], ...]:
        """The examples whose prediction is not the expected label."""
        return tuple(item for item in self.examples if item["expected"] != item["predicted"])

    def example_of(self, path: object) -> Mapping[str, str | None] | None:
        """The example with this path, or None."""
        return next((item for item in self.examples if item["path"] == path), None)


_examples = xcom.objects("path", "expected", "predicted")


def truth_from_xcom(value: Mapping[str, Any] | None) -> Truth | None:
    """The value of a report's field, out of its XCom.

    :raises TypeError: for a field that is not known, as :func:`.xcom.read` expects it.
    """
    if value is None:
        return None
    classes: Sequence[Mapping[str, Any]] = value["classes"]
    return Truth(
        **{
            **value,
            "classes": tuple(ClassScore(**item) for item in classes),
            "examples": _examples(value["examples"]),
        }
    )
