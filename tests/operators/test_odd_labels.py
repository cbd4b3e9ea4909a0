"""Labels that are doubtful, fail or change while a job runs, and files that several rows are of."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from operators.outputs import STAGE
from sklearn import metrics

from airflow_provider_mediabatch.batch.truth import TruthChecks, truth_checks
from airflow_provider_mediabatch.client.connection import execute
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.review.feedback import COLUMNS

ENDED = (
    "The job has ended and incurs no more cost. The task is not retried. A cleared task finds the same job, starts "
    "none and measures again. Correct"
)


def values(*rows: tuple[str, str]) -> str:
    """A query of labels."""
    return "SELECT COLUMN1 AS FILE, COLUMN2 AS LABEL FROM VALUES " + ", ".join(
        f"({sql.literal(file)}, {sql.literal(label)})" for file, label in rows
    )


def test_the_example_is_a_name_that_is_shared(connection: Any, written: Any) -> None:
    """Also when another name comes first, and for files of one stem in one folder."""
    job = written([("a/0.jpg", "cat"), ("a/1.jpg", "cat"), ("b/1.jpg", "cat")])
    with pytest.raises(InvalidInputError, match=r"has names that several files have, for example 1\.jpg: give paths"):
        TruthChecks(values(("0.jpg", "cat"), ("1.jpg", "cat"))).measure(connection, *job)
    job = written([("a/0.jpg", "cat"), ("a/1.jpg", "cat"), ("a/1.png", "cat")])
    with pytest.raises(InvalidInputError, match="has names that several files have, for example 1: give paths"):
        TruthChecks(values(("0", "cat"), ("1", "cat"))).measure(connection, *job)


def test_a_query_that_fails_for_a_row_costs_no_job(connection: Any, written: Any) -> None:
    request, _ = written([("1.jpg", "cat")])
    query = "SELECT FILE, TO_NUMBER(L) AS LABEL FROM (SELECT '1.jpg' AS FILE, 'cat' AS L)"
    with pytest.raises(InvalidInputError, match=r"labels=.SELECT FILE, .* cannot be read\. .*'cat' is not recognized"):
        TruthChecks(query).find(connection, request.manifest, request.plan, None)


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("ARRAY_CONSTRUCT('cat')", "of type ARRAY"),
        ("OBJECT_CONSTRUCT('label', 'cat')", "of type OBJECT"),
        ("PARSE_JSON('[\"cat\"]')", "a list or an object in 1 rows"),
        ('PARSE_JSON(\'{"label": "cat"}\')', "a list or an object in 1 rows"),
    ],
)
def test_a_label_that_is_no_single_value_costs_no_job(connection: Any, written: Any, label: str, kind: str) -> None:
    """Its JSON would be compared with the text of a prediction, and none would ever be right."""
    request, _ = written([("1.jpg", "cat")])
    with pytest.raises(InvalidInputError, match=rf"labels=.* the label L is {kind}.* GET\(L, 0\)::VARCHAR"):
        TruthChecks(f"SELECT '1.jpg' AS F, {label} AS L").find(connection, request.manifest, request.plan, None)


def test_a_variant_of_a_text_is_a_label(connection: Any, written: Any) -> None:
    job = written([("1.jpg", "cat"), ("2.jpg", "cat")])
    labels = "SELECT '1.jpg' AS F, PARSE_JSON('\"cat\"') AS L UNION ALL SELECT '2.jpg', NULL"
    truth = TruthChecks(labels).measure(connection, *job)
    assert (truth.labelled, truth.right) == (1, 1)


def test_labels_that_change_while_the_job_runs(connection: Any, written: Any, table: Any) -> None:
    """Nobody is told that nothing was started."""
    request, location = written([("1.jpg", "cat")])
    name = table("FILE VARCHAR, LABEL VARCHAR", "('1', 'cat')")
    checks = TruthChecks(name)
    checks.find(connection, request.manifest, request.plan, None)
    execute(connection, f"DELETE FROM {name}")
    with pytest.raises(InvalidInputError, match="has no rows") as caught:
        checks.measure(connection, request, location)
    assert f"{ENDED} labels= first." in str(caught.value)
    execute(connection, f"DROP TABLE {name}")
    with pytest.raises(InvalidInputError, match=r"cannot be read\. It does not exist") as caught:
        checks.measure(connection, request, location)
    assert f"{ENDED} labels= first." in str(caught.value)


def test_labels_without_a_word_measure_no_words(connection: Any, written: Any) -> None:
    job = written([("1.wav", "hello")])
    truth = TruthChecks(values(("1", "...")), max_word_error_rate=0.5).measure(connection, *job)
    found = {check.name: check for check in truth_checks(truth)}
    assert not found["word error rate"].passed
    assert "the labels of 1 files in " in found["word error rate"].detail


def test_the_words_of_each_row_are_counted(connection: Any, written: Any) -> None:
    """A query may list a file several times, with another prompt for example."""
    job = written([("1.wav", "b c d e f g"), ("1.wav", "a b c d e f g"), ("1.wav", "g f e d c b a")])
    truth = TruthChecks(values(("1", "a b c d e f g"))).measure(connection, *job)
    assert (truth.words, truth.word_errors) == (21, 1 + 0 + 6)


def test_marks_are_of_one_function_of_one_model(connection: Any, written: Any, table: Callable[..., str]) -> None:
    """The table has those of all models in its schema, and an output of the same name may mean something else."""
    request, location = written([("1.jpg", "cat"), ("2.jpg", "cat")])

    def mark(name: str, model: str, function: str, label: str) -> str:
        texts = (f"{STAGE}{name}", "c", model, "V1", function, "LABEL", label)
        listed = ", ".join(map(sql.literal, texts))
        return f"({listed}, TRUE, NULL, 'ann', '2026-01-01'::TIMESTAMP_NTZ, 'd', 'r', 'J_{model}_{function}')"

    model, function = request.plan.model, request.plan.function
    marks = table(
        ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items()),
        ", ".join(
            [
                mark("1.jpg", "MEDIA.PUBLIC.IS_SAFE", function, "safe"),
                mark("1.jpg", model, "other", "other"),
                mark("2.jpg", model, function, "cat"),
                mark("2.jpg", "MEDIA.PUBLIC.IS_SAFE", function, "safe"),
            ]
        ),
    )
    truth = TruthChecks(marks).measure(connection, request, location)
    assert (truth.labelled, truth.right, truth.accuracy) == (1, 1, 1)


@pytest.mark.parametrize("seed", [1, 2])
def test_random_predictions_are_counted_as_scikit_learn_counts_them(
    connection: Any, written: Any, table: Any, seed: int
) -> None:
    """Labels of any text, NULL on both sides, the same label twice, and labels of files that are not there."""
    draw = random.Random(seed)
    words = ["cat", "Cat", "", " ", "it's", 'say "x"', "\\n", "日本", "NULL", "0"]
    files = [f"f{number}/{number:03}.jpg" for number in range(120)]
    predicted = [draw.choice([*words, None]) for _ in files]
    expected = [draw.choice([*words, None]) for _ in files]
    rows = [
        f"({sql.literal(draw.choice([file, file.rpartition('/')[2], f'{STAGE}{file}']))}, {sql.literal(label)})"
        for file, label in zip(files, expected, strict=True)
    ]
    labels = table("FILE VARCHAR, LABEL VARCHAR", ", ".join([*rows, *rows[:20], "('999', 'cat')", "(NULL, 'dog')"]))
    job = written(list(zip(files, predicted, strict=True)))
    truth = TruthChecks(labels, min_accuracy=0.1).measure(connection, *job)
    # A NULL is a class of its own for scikit-learn, which is nowhere expected.
    pairs = [
        (want, "no value" if got is None else got)
        for want, got in zip(expected, predicted, strict=True)
        if want is not None
    ]
    wanted, got = zip(*pairs, strict=True)
    assert (truth.files, truth.labelled) == (120, len(pairs))
    assert truth.accuracy == pytest.approx(metrics.accuracy_score(wanted, got))
    classes = sorted(set(wanted))
    recall = metrics.recall_score(wanted, got, labels=classes, average="macro", zero_division=0)
    assert truth.balanced_accuracy == pytest.approx(recall, abs=1e-6)
    precision, each_recall, _, support = metrics.precision_recall_fscore_support(
        wanted, got, labels=classes, zero_division=0
    )
    found = {score.label: score for score in truth.classes}
    assert set(classes) <= set(found)
    for index, label in enumerate(classes):
        assert found[label].expected == support[index]
        assert found[label].precision or pytest.approx(precision[index]) == 0
        assert found[label].recall == pytest.approx(each_recall[index])
