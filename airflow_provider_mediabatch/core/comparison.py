"""What another version of the model made of the same files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Comparison:
    """A sample's output beside earlier results of the same files, counted on the server.

    A file that was changed since its earlier result counts as another one.

    :param version: the version of the earlier results; "" where no sampled file has any.
    :param source: where they are: the results table or the ledger.
    :param output: the model's output that was compared.
    :param files: rows of the sample's output.
    :param compared: those with an earlier result.
    :param same: those with the same one, NULL as well.
    :param score: the numeric output beside it; "" where there is none.
    :param score_before: the mean score of the earlier results.
    :param score_after: the mean score of the same files in the sample.
    :param score_shift: the mean absolute difference of a file's two scores.
    :param changes: compared files, ``{"path": …, "before": …, "after": …, "score_before": …, "score_after": …}``, the
        changed ones first.
    :param confusion: the most frequent pairs of values, ``{"before": …, "after": …, "files": n}``, the changed ones
        first.
    :param pairs: how many pairs there are.
    :param min_agreement: the least agreement that the task allows.
    :param must_exist: whether the task named the version, and so relies on its results.
    """

    version: str
    source: str
    output: str
    files: int
    compared: int = 0
    same: int = 0
    score: str = ""
    score_before: float | None = None
    score_after: float | None = None
    score_shift: float | None = None
    changes: tuple[Mapping[str, Any], ...] = ()
    confusion: tuple[Mapping[str, Any], ...] = ()
    pairs: int = 0
    min_agreement: float | None = None
    must_exist: bool = False

    @property
    def agreement(self) -> float | None:
        """``same / compared``: the observed agreement of two raters, here of two versions; None without a file.

        Source: J. Cohen, "A Coefficient of Agreement for Nominal Scales" (1960), as p0; scikit-learn's
        ``accuracy_score`` of one version's labels against the other's.
        """
        return self.same / self.compared if self.compared else None

    @property
    def changed(self) -> tuple[Mapping[str, Any], ...]:
        """The compared files whose result is another one now."""
        return tuple(item for item in self.changes if item["before"] != item["after"])

    def change_of(self, path: object) -> Mapping[str, Any] | None:
        """The earlier result of the file with this path, or None."""
        return next((item for item in self.changes if item["path"] == path), None)


def comparison_from_xcom(value: Mapping[str, Any] | None) -> Comparison | None:
    """The value of a report's field, out of its XCom.

    :raises TypeError: for a field that is not known, as :func:`.xcom.read` expects it.
    """
    if value is None:
        return None
    return Comparison(
        **{
            **value,
            "changes": tuple(map(_change, value["changes"])),
            "confusion": tuple(map(_pair, value["confusion"])),
        }
    )


def _change(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """One of the changes, whose texts become texts and whose numbers numbers: pages and forms show them.

    :raises TypeError: for a score that is no number.
    """
    scores = {name: item[name] for name in ("score_before", "score_after")}
    if wrong := [name for name, score in scores.items() if not isinstance(score, int | float | None)]:
        raise TypeError(f"{', '.join(wrong)} of a changed file")
    return {"path": str(item["path"]), **{name: _text(item[name]) for name in ("before", "after")}, **scores}


def _pair(item: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(item["files"], int):
        raise TypeError("files of a pair of results")
    return {**{name: _text(item[name]) for name in ("before", "after")}, "files": item["files"]}


def _text(value: object) -> str | None:
    return None if value is None else str(value)
