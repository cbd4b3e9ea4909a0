"""The index and its parts are those of numpy, scipy and scikit-learn, on real data."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn import datasets, model_selection, naive_bayes

from airflow_provider_mediabatch.core.drift import (
    MAX_LABEL_BINS,
    NO_VALUE,
    OTHER,
    Profile,
    chance_index,
    compare_profiles,
    label_bins,
    number_bins,
    smoothed_shares,
    stability_index,
)
from airflow_provider_mediabatch.core.drift_report import LABEL, NUMBER, DriftReport

WINES = datasets.load_wine()
ALCOHOL = WINES.data[:, 0]


def labels(values: Sequence[str | None], runs: int = 1) -> Profile:
    """The profile that the server makes of these labels."""
    counts = Counter(value for value in values if value is not None)
    return Profile("LABEL", LABEL, len(values), list(values).count(None), dict(counts), runs=runs)


def numbers(values: Any, nulls: int = 0) -> Profile:
    """The profile that the server makes of these numbers, as NTILE(200) divides them."""
    parts = [part for part in np.array_split(np.sort(np.asarray(values, float)), 200) if len(part)]
    buckets = tuple((float(part[0]), float(part[-1]), len(part)) for part in parts)
    return Profile("SCORE", NUMBER, len(values) + nulls, nulls, buckets=buckets)


def test_the_index_is_the_divergence_of_two_distributions() -> None:
    """Cultivars of Italian wines as they are, and as a model that sees three measures of a wine predicts them."""
    found = model_selection.cross_val_predict(naive_bayes.GaussianNB(), WINES.data[:, :3], WINES.target, cv=5)
    now, before = (np.bincount(values, minlength=3) / len(values) for values in (found, WINES.target))
    expected = stats.entropy(now, before) + stats.entropy(before, now)
    assert expected > 0
    assert stability_index(list(now), list(before)) == pytest.approx(expected, rel=1e-12)
    assert stability_index(list(now), list(now)) == 0


def test_deciles_and_their_counts_are_numpys() -> None:
    """The alcohol of wines of the first cultivar beside that of all wines."""
    before, now = numbers(ALCOHOL), numbers(ALCOHOL[WINES.target == 0])
    for share in (0.1, 0.25, 0.5, 0.9, 1.0):
        assert before.quantile(share) == np.quantile(ALCOHOL, share, method="inverted_cdf")
    edges = [before.quantile(tenth / 10) for tenth in range(1, 11)]
    inside = [edge for edge in edges if edge is not None]
    assert inside == sorted(set(inside))
    bins = number_bins(now, before)
    outer = [-np.inf, *inside, np.inf]
    # A histogram of numpy has the lower edge in its bin, this one the upper edge.
    expected, _ = np.histogram(-ALCOHOL[WINES.target == 0], bins=[-edge for edge in reversed(outer)])
    assert [rows for _, rows, _ in bins[1:-1]] == list(reversed(expected))
    assert [rows for _, _, rows in (bins[0], *bins[-2:])] == [0, 0, 0], "outside of its own range, and NULL"
    assert sum(rows for _, _, rows in bins) == len(ALCOHOL)
    found = compare_profiles(now, before)
    shares = [smoothed_shares([item[side] for item in bins if item[1] or item[2]]) for side in (1, 2)]
    assert found.index == pytest.approx(stats.entropy(*shares) + stats.entropy(*reversed(shares)), abs=1e-6)
    assert found.has_drifted(0.25), "they are stronger than most"
    assert found.quantiles[1] == (0.5, now.quantile(0.5), before.quantile(0.5))


def test_many_numbers_are_counted_as_precisely_as_their_buckets_allow() -> None:
    """Up to 200 buckets of some 90 measures each, against numpy's count of every one."""
    house = np.concatenate([datasets.load_digits().data.mean(axis=1) + shift for shift in np.arange(10) / 100])
    before, now = house, house[: len(house) // 2] + 0.3
    edges = np.quantile(before, np.arange(1, 10) / 10)
    shares = [np.bincount(np.searchsorted(edges, side), minlength=10) / len(side) for side in (now, before)]
    expected = stats.entropy(*shares) + stats.entropy(*reversed(shares))
    found = compare_profiles(numbers(now), numbers(before))
    assert expected > 0.1
    assert found.index == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("bins", [2, 3, 10, 21])
def test_what_chance_gives_is_the_quantile_of_chi_square(bins: int) -> None:
    exact = stats.chi2.ppf(0.99, bins - 1) * (1 / 80 + 1 / 900)
    assert chance_index(bins, 80, 900) == pytest.approx(exact, rel=0.02)
    assert chance_index(1, 80, 900) == 0


@pytest.mark.parametrize("rows", [6, 40, 400])
def test_runs_of_the_same_photographs_do_not_drift(rows: int) -> None:
    """Runs drawn from the same handwritten digits: about one in a hundred is above what chance gives."""
    digits = datasets.load_digits()
    brightness, names = digits.data.mean(axis=1), np.array([str(name) for name in digits.target])
    draw = np.random.default_rng(7)
    alarms = 0
    for _ in range(200):
        old, new = (draw.integers(0, len(names), size) for size in (800, rows))
        alarms += compare_profiles(labels(list(names[new])), labels(list(names[old]))).has_drifted(0)
        alarms += compare_profiles(numbers(brightness[new]), numbers(brightness[old])).has_drifted(0)
    assert alarms <= 0.04 * 400


@pytest.mark.parametrize("rows", [6, 40, 400])
def test_a_run_of_one_digit_drifts(rows: int) -> None:
    digits = datasets.load_digits()
    names = [str(name) for name in digits.target]
    assert compare_profiles(labels(["7"] * rows), labels(names)).has_drifted(0.25)
    assert compare_profiles(labels(["none of them"] * rows), labels(names)).has_drifted(0.25)
    bright = numbers(np.full(rows, digits.data.mean(axis=1).max() + 1))
    assert compare_profiles(bright, numbers(digits.data.mean(axis=1))).has_drifted(0.25)


def test_without_enough_rows_before_there_is_no_index() -> None:
    found = compare_profiles(labels(["cat"] * 9), labels(["dog"] * 49))
    assert (found.index, found.chance, found.rows_before, found.has_drifted(0)) == (None, None, 49, False)
    assert [(item.text, item.share, item.before) for item in found.labels] == [("cat", 1, 0), ("dog", 0, 1)]
    nothing = compare_profiles(Profile("LABEL", LABEL), labels(["dog"] * 90))
    assert (nothing.index, nothing.rows) == (None, 0)
    first = compare_profiles(labels(["cat"]), Profile("LABEL", LABEL))
    assert (first.index, first.runs_before) == (None, 0)


def test_new_and_lost_labels_and_null_have_bins() -> None:
    now = labels(["cat"] * 60 + ["fox"] * 30 + [None] * 10)
    before = labels(["cat"] * 600 + ["dog"] * 390 + ["one of many"] * 4 + [None] * 6)
    assert label_bins(now, before) == [
        ("cat", 60, 600),
        ("dog", 0, 390),
        ("fox", 30, 0),
        (OTHER, 0, 4),
        (NO_VALUE, 10, 6),
    ]
    found = compare_profiles(now, before)
    assert [item.text for item in found.moved] == ["fox", "dog", NO_VALUE]
    assert [item.text for item in found.labels] == ["cat", "dog", "fox", "one of many"]
    assert (found.nulls, found.nulls_before) == (0.1, 0.006)


def test_texts_that_are_all_different_do_not_drift() -> None:
    """Transcripts are no labels: each is in the bin of all others."""
    now, before = (labels([f"{side} text {n}" for n in range(200)]) for side in ("this", "that"))
    assert [item[0] for item in label_bins(now, before) if item[1] or item[2]] == [OTHER]
    assert compare_profiles(now, before).index == 0
    many = labels([str(n % 300) for n in range(3000)])
    assert len(label_bins(many, many)) == MAX_LABEL_BINS + 2


@pytest.mark.parametrize(
    ("before", "now", "drifts"),
    [
        ([1.0] * 90, [1.0] * 40, False),
        ([1.0] * 90, [1.5] * 40, True),
        ([1.0] * 90, [0.5] * 40, True),
        ([0.0] * 95 + [3.0] * 5, [0.0] * 38 + [3.0] * 2, False),
        ([0.0] * 95 + [3.0] * 5, [3.0] * 40, True),
        ([0.0] * 95 + [3.0] * 5, [-1.0] * 40, True),
        ([float("inf")] * 90, [float("-inf")] * 40, True),
    ],
)
def test_numbers_with_few_values(before: list[float], now: list[float], drifts: bool) -> None:
    found = compare_profiles(numbers(now), numbers(before))
    assert found.has_drifted(0.2) is drifts
    json.dumps(DriftReport("T", 0.2, (found,)).to_xcom(), allow_nan=False)


def test_numbers_that_are_all_null() -> None:
    empty = Profile("SCORE", NUMBER, 90, 90)
    assert compare_profiles(empty, empty).index == 0
    assert compare_profiles(numbers([0.5] * 40), empty).has_drifted(0.2)
    assert compare_profiles(empty, numbers([0.5] * 90)).has_drifted(0.2)
