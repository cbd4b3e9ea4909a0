"""What the server counts of predictions and labels is what scikit-learn counts, on real data and on the engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from operators.outputs import STAGE
from sklearn import datasets, metrics, model_selection, naive_bayes

from airflow_provider_mediabatch.batch.truth import TruthChecks, truth_checks
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.exceptions import InvalidInputError


def test_classes_are_counted_as_scikit_learn_counts_them(connection: Any, written: Any, table: Any) -> None:
    """178 Italian wines, each predicted by a model that has not seen it. One class is nowhere expected."""
    wines = datasets.load_wine()
    expected = [str(wines.target_names[number]) for number in wines.target]
    found = model_selection.cross_val_predict(naive_bayes.GaussianNB(), wines.data[:, :3], wines.target, cv=5)
    predicted = [str(wines.target_names[number]) for number in found]
    predicted[:2] = ["vinegar", "vinegar"]
    names = [f"wines/{number:03}.jpg" for number in range(len(expected))]
    request, location = written([*zip(names, predicted, strict=True), ("wines/new.jpg", "class_0")])
    labels = table("FILE VARCHAR, WINE VARCHAR", ", ".join(map(str, zip(names, expected, strict=True))))
    truth = TruthChecks(f"SELECT FILE, WINE FROM {labels} -- all of them").measure(connection, request, location)
    assert (truth.files, truth.labelled, truth.unlabelled, truth.output) == (179, 178, 1, "LABEL")
    assert truth.accuracy == metrics.accuracy_score(expected, predicted)
    # scikit-learn's warning is about the class that is nowhere expected.
    kept = [(want, got) for want, got in zip(expected, predicted, strict=True)]
    assert truth.balanced_accuracy == pytest.approx(
        metrics.recall_score(*zip(*kept, strict=True), labels=sorted(set(expected)), average="macro"), abs=1e-6
    )
    classes = sorted(set(expected) | set(predicted))
    precision, recall, _, support = metrics.precision_recall_fscore_support(
        expected, predicted, labels=classes, zero_division=0
    )
    by_label = {score.label: score for score in truth.classes}
    assert truth.class_count == len(classes) == len(by_label)
    for index, label in enumerate(classes):
        score = by_label[label]
        assert score.expected == support[index]
        assert (score.precision or 0) == precision[index]
        assert (score.recall or 0) == recall[index]
    assert by_label["vinegar"].recall is None
    wrong = sum(want != got for want, got in kept)
    assert 0 < wrong < len(kept)
    assert all(item["expected"] != item["predicted"] for item in truth.examples[: min(wrong, 20)])


@pytest.mark.parametrize("form", ["@MEDIA.PUBLIC.PHOTOS/a/b c.jpg", "a/b c.jpg", "b c.jpg", "b c"])
def test_a_label_is_found_by_path_name_and_stem(connection: Any, written: Any, form: str) -> None:
    request, location = written([("a/b c.jpg", "cat"), ("a/d.jpg", None)])
    labels = f"SELECT {sql.literal(form)} AS FILE, 'cat' AS LABEL UNION ALL SELECT 'a/d.jpg', 'dog'"
    truth = TruthChecks(labels, min_accuracy=0.5).measure(connection, request, location)
    assert (truth.labelled, truth.right) == (2, 1)
    assert truth.examples[0] == {"path": f"{STAGE}a/d.jpg", "expected": "dog", "predicted": None}
    assert [check.passed for check in truth_checks(truth)] == [True, True]


def test_a_label_may_be_a_member_of_an_object(connection: Any, written: Any) -> None:
    """As pipelines of Hugging Face and Whisper give it."""
    found = [
        '[{"label": "cat", "score": 0.9}, {"label": "dog"}]',
        '{"label": "cat"}',
        '{"text": "cat"}',
        "[]",
        "no JSON",
    ]
    request, location = written([(f"{number}.jpg", text) for number, text in enumerate(found)])
    request = replace(request, plan=replace(request.plan, outputs={"LABEL": "OBJECT"}))
    labels = " UNION ALL ".join(f"SELECT '{number}' AS FILE, 'cat' AS EXPECTED" for number in range(5))
    truth = TruthChecks(labels).measure(connection, request, location)
    assert (truth.labelled, truth.right) == (5, 3)
    assert [item["predicted"] for item in truth.wrong] == [None, None]


def test_doubtful_labels_are_refused(connection: Any, written: Any, table: Any) -> None:
    request, location = written([("a/1.jpg", "cat"), ("b/1.jpg", "cat")])
    find, measure = TruthChecks.find, TruthChecks.measure

    def refused(labels: str, match: str) -> None:
        checks = TruthChecks(labels)
        with pytest.raises(InvalidInputError, match=match):
            find(checks, connection, request.manifest, request.plan, None)

    refused("MEDIA.PUBLIC.NOT_THERE", r"labels='MEDIA\.PUBLIC\.NOT_THERE' cannot be read\. It does not exist")
    refused("SELECT NO_COLUMN FROM (SELECT 1 AS A)", "labels='SELECT NO_COLUMN .*NO_COLUMN")
    refused(table("A VARCHAR, B VARCHAR, C VARCHAR", ""), "has the columns A, B, C. Two are needed")
    refused(table("A VARCHAR, B VARCHAR", ""), "has no rows")
    two = table("A VARCHAR, B VARCHAR", "('a/1.jpg', 'cat'), ('a/1.jpg', 'dog')")
    with pytest.raises(InvalidInputError, match=r"more than one label for 1 files, for example .*a/1\.jpg"):
        measure(TruthChecks(two), connection, request, location)
    shared = (
        r"names that several files have, for example 1\.jpg.*\nThe job has ended and incurs no more cost\. The task is"
    )
    with pytest.raises(InvalidInputError, match=shared):
        measure(TruthChecks("SELECT '1.jpg' AS FILE, 'cat' AS LABEL"), connection, request, location)


def test_the_marks_of_readers_are_labels(connection: Any, written: Any, table: Any) -> None:
    """Of several marks of a prediction the latest counts. A mark of other content says nothing."""
    from airflow_provider_mediabatch.review.feedback import COLUMNS

    request, location = written([(f"{name}.jpg", "cat") for name in ("right", "wrong", "dog", "other", "old", "new")])

    def mark(name: str, is_right: bool, correct: str | None, minute: int, content: str = "c", seen: str = "cat") -> str:
        path = f"{STAGE}{name}.jpg"
        texts = (path, content, request.plan.model, "V1", "predict", "LABEL", seen)
        return (
            f"({', '.join(map(sql.literal, texts))}, {is_right}, {sql.literal(correct)}, 'ann', "
            f"'2026-01-01 00:{minute:02}:00'::TIMESTAMP_NTZ, 'd', 'r', 'J_{seen}')"
        )

    marks = [
        mark("right", False, None, 1),
        mark("right", True, None, 2),
        mark("wrong", False, None, 1),
        mark("dog", True, None, 1, seen="wolf"),
        mark("dog", False, "dog", 2),
        mark("other", False, None, 1, seen="fox"),
        mark("old", True, None, 1, content="before"),
    ]
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    truth = TruthChecks(table(columns, ", ".join(marks))).measure(connection, request, location)
    assert (truth.files, truth.labelled, truth.right) == (6, 3, 1)
    wrong = {item["path"][len(STAGE) : -4]: item["expected"] for item in truth.examples[:2]}  # type: ignore[index]
    assert wrong == {"wrong": None, "dog": "dog"}
    assert [(score.label, score.expected, score.predicted) for score in truth.classes] == [("cat", 1, 3), ("dog", 1, 0)]


def test_words_are_counted_as_a_textbook_counts_them(connection: Any, written: Any) -> None:
    """The reference is Wagner and Fischer's table, word by word. One pair is Dickens as Whisper tiny heard it."""
    pairs = [
        (
            "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of folly,",
            "It was the best of times; it was the worst of times. It was the age of his dumb — was the age of folly!",
        ),
        ("Straße naïve — don’t! 東京 タワー です", "Strasse naïve don’t 東京 です ね"),
        ("one two three four five", "one two three four five"),
        ("the last words are lost here", None),
    ]
    request, location = written([(f"{number}.wav", heard) for number, (_, heard) in enumerate(pairs)])
    labels = " UNION ALL ".join(
        f"SELECT {sql.literal(str(number))} AS FILE, {sql.literal(said)} AS LABEL"
        for number, (said, _) in enumerate(pairs)
    )
    truth = TruthChecks(labels, max_word_error_rate=0.3).measure(connection, request, location)
    errors = [distance(plain(said), plain(heard or "")) for said, heard in pairs]
    assert errors == [2, 3, 0, 6]
    assert (truth.word_errors, truth.words) == (sum(errors), sum(len(plain(said)) for said, _ in pairs))
    assert truth.word_error_rate == pytest.approx(11 / truth.words)
    assert [(check.name, check.passed) for check in truth_checks(truth)] == [
        ("expected labels", True),
        ("word error rate", truth.word_error_rate <= 0.3),
    ]


def plain(text: str) -> list[str]:
    return "".join(char if char.isalnum() else " " if char.isspace() else "" for char in text.lower()).split()


def distance(first: list[str], second: list[str]) -> int:
    row = list(range(len(second) + 1))
    for number, word in enumerate(first, 1):
        left, row[0] = row[0], number
        for column, other in enumerate(second, 1):
            left, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, left + (word != other))
    return row[-1]
