"""Measures an output against expected labels, on the server, in a number of statements that no file changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.batch import truth_sql
from airflow_provider_mediabatch.batch.labels import Labels, find_labels
from airflow_provider_mediabatch.batch.measuring import ENDED, MEASURES_AGAIN, explain_measuring, find_key
from airflow_provider_mediabatch.batch.sample_checks import good_relation
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
from airflow_provider_mediabatch.core.manifest import CONTENT_ID
from airflow_provider_mediabatch.core.sample_report import Check
from airflow_provider_mediabatch.core.truth import ClassScore, Truth
from airflow_provider_mediabatch.exceptions import InvalidInputError, OutputCheckError
from airflow_provider_mediabatch.files.arguments import shorten

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.batch.submission import JobRequest
    from airflow_provider_mediabatch.core.batch_result import BatchResult
    from airflow_provider_mediabatch.core.inference_plan import InferencePlan
    from airflow_provider_mediabatch.core.manifest import Manifest

TEXT_WORDS = 4
"""Expected labels of more words than this on average are texts, whose words are counted."""


@dataclass(frozen=True)
class TruthChecks:
    """What a task was given to measure its output by.

    :param labels: a table or a query of expected labels.
    :param min_accuracy: the least accuracy, 0 to 1; None: any.
    :param max_word_error_rate: the highest word error rate; None: any.
    """

    labels: str
    min_accuracy: float | None = None
    max_word_error_rate: float | None = None

    def find(
        self, connection: SnowflakeConnection, manifest: Manifest, plan: InferencePlan, error_column: str | None
    ) -> Labels:
        """Look at the labels. A task does so before its job starts, so that a mistake costs nothing.

        :raises InvalidInputError: naming ``labels=``.
        """
        hidden = {name.upper() for name in plan.outputs}
        key = manifest.key_column.upper() if manifest.file_columns else None
        if key is None or not plan.keeps_rows or key in hidden:
            raise InvalidInputError(
                f"labels={shorten(self.labels)!r}: the output has no column of paths, so the file of a row is not known"
            )
        return find_labels(connection, self.labels, plan, error_column)

    def measure(self, connection: SnowflakeConnection, request: JobRequest, location: str) -> Truth:
        """Compare a verified output with the labels, in at most eight statements.

        :param location: the output's folder, which has rows.
        :raises InvalidInputError: naming ``labels=``, also where a file has two labels, or one name means two files.
        """
        with explain_measuring(f"labels={shorten(self.labels)!r}"):
            return self._measure(connection, request, location)

    def _measure(self, connection: SnowflakeConnection, request: JobRequest, location: str) -> Truth:
        manifest, plan = request.manifest, request.plan
        labels = self.find(connection, manifest, plan, request.error_column)
        staged = StagedParquet(connection, plan.job_schema)
        found = staged.columns(location, manifest.columns)
        key = find_key(manifest, found)
        relation = good_relation(staged, request, location, found)
        pairs = truth_sql.pairs_sql(labels, relation, key, has_content_id=CONTENT_ID in found)
        totals = staged.rows(truth_sql.totals_sql(pairs))[0]
        _check_certain(labels, totals)
        classes = staged.rows(truth_sql.classes_sql(pairs))
        examples = staged.rows(truth_sql.examples_sql(pairs))
        words = None
        if self.max_word_error_rate is not None or float(totals["WORDS"] or 0) > TEXT_WORDS:
            words = staged.rows(truth_sql.words_sql(pairs))[0]
        return Truth(
            output=labels.output,
            labels=shorten(labels.given),
            files=int(totals["FILES"]),
            labelled=int(totals["LABELLED"]),
            right=int(totals["RIGHTS"]),
            balanced_accuracy=_rounded(classes[0]["BALANCED"] if classes else None),
            classes=tuple(
                ClassScore(str(row["LABEL"])[:200], int(row["EXPECTED"]), int(row["PREDICTED"]), int(row["RIGHTS"]))
                for row in classes
            ),
            class_count=int(classes[0]["CLASSES"]) if classes else 0,
            examples=tuple(
                {"path": row["FILE"], "expected": row["WANTED"], "predicted": row["FOUND"]} for row in examples
            ),
            words=int(words["WORDS"]) if words else None,
            word_errors=int(words["ERRORS"]) if words else None,
            min_accuracy=self.min_accuracy,
            max_word_error_rate=self.max_word_error_rate,
        )


def truth_checks(truth: Truth) -> list[Check]:
    """The findings: how much has a label, and each measure with its limit. Without a label a limit is not kept."""
    none = f"none of the {truth.files:,} files has a label in {truth.labels}"
    if truth.labelled:
        none = f"the labels of {truth.labelled:,} files in {truth.labels} have no word"
    described = f"{truth.labelled:,} of {truth.files:,} files have a label in {truth.labels}"
    checks = [Check("expected labels", True, described if truth.labelled else none)]
    if truth.min_accuracy is not None or (truth.accuracy is not None and truth.words is None):
        checks.append(_accuracy_check(truth, none))
    if truth.max_word_error_rate is not None or truth.word_error_rate is not None:
        checks.append(_words_check(truth, none))
    return checks


def _accuracy_check(truth: Truth, none: str) -> Check:
    limit = truth.min_accuracy
    if truth.accuracy is None:
        return Check("accuracy", False, none)
    detail = f"{truth.accuracy:.1%}: {truth.right:,} of {truth.labelled:,} predictions of {truth.output} are right"
    if limit is None:
        return Check("accuracy", True, detail)
    return Check("accuracy", truth.accuracy >= limit, f"{detail} (min_accuracy={limit:g})")


def _words_check(truth: Truth, none: str) -> Check:
    limit, rate = truth.max_word_error_rate, truth.word_error_rate
    if rate is None:
        return Check("word error rate", False, none)
    detail = f"{rate:.1%}: {truth.word_errors:,} errors for {truth.words:,} words of {truth.output}"
    if limit is None:
        return Check("word error rate", True, detail)
    return Check("word error rate", rate <= limit, f"{detail} (max_word_error_rate={limit:g})")


def require_truth(result: BatchResult) -> None:
    """Stop what follows a full batch that is less right than its task allows.

    :raises OutputCheckError: naming each measure that does not keep its limit.
    """
    broken = [check for check in truth_checks(result.truth) if not check.passed] if result.truth else []
    if broken:
        raise OutputCheckError(
            f"The output of job {result.job} in {result.location} is whole, and did not pass:\n{_listed(broken)}",
            running=ENDED,
            retry=f"{MEASURES_AGAIN} Correct the model, the labels or the limit first.",
        )


def _listed(checks: Iterable[Check]) -> str:
    return "\n".join(f"- {check.name}: {check.detail}" for check in checks)


def _check_certain(labels: Labels, totals: Mapping[str, object]) -> None:
    """A label that is doubtful measures nothing."""
    given = shorten(labels.given)
    if twice := int(str(totals["TWICE"])):
        raise InvalidInputError(
            f"labels={given!r} has more than one label for {twice:,} files, for example {totals['TWICE_EXAMPLE']}"
        )
    if int(str(totals["SHARED"])):
        raise InvalidInputError(
            f"labels={given!r} has names that several files have, for example {totals['SHARED_EXAMPLE']}: give paths "
            "in place of file names"
        )


def _rounded(value: object) -> float | None:
    return None if value is None else round(float(str(value)), 6)
