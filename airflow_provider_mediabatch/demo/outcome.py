"""What came out of a demo's run: predictions, files that could not be processed, files that were left out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from airflow_provider_mediabatch.core.error_column import ERROR_COLUMN
from airflow_provider_mediabatch.core.xcom_keys import FAILED_RESULT_KEY
from airflow_provider_mediabatch.demo.own_files import named

if TYPE_CHECKING:
    from snowflake.snowpark import Session

    from airflow_provider_mediabatch.demo.airflow_home import DagRunResult
    from airflow_provider_mediabatch.demo.scenario import Scenario

SHOWN = 50
_NAMED = 200


@dataclass(frozen=True)
class Outcome:
    """A finished run of a demo.

    :param scenario: what was run.
    :param result: what Airflow says of the run.
    :param batch: the full batch's result as its task returned it, or as it left it when too many files failed; None
        without one.
    :param predictions: one object for each file of the output.
    :param failed: files that the model could not process, name to the exception.
    :param more_failed: how many more there are.
    """

    scenario: Scenario
    result: DagRunResult
    batch: dict[str, Any] | None
    predictions: list[dict[str, Any]]
    failed: dict[str, str]
    more_failed: int = 0

    @classmethod
    def read(cls, session: Session, scenario: Scenario, result: DagRunResult) -> Outcome:
        """Read the job's output in place."""
        batch = result.returned("full_batch") or result.xcoms.get("full_batch", {}).get(FAILED_RESULT_KEY)
        reports = [report for report in (result.returned("sample_batch"), batch) if report]
        failed = {
            _own_name(scenario, row["path"]): row["error"].splitlines()[0]
            for report in reports
            for row in report.get("quarantined", ())
        }
        count = len(failed) + sum(report.get("more_quarantined", 0) for report in reports)
        predictions = []
        for row in _output(session, scenario, batch):  # which names those of whom a result has only the number, too
            error = row.pop("error")
            if error is None:
                predictions.append(row)
            else:
                failed.setdefault(row["file"], error.splitlines()[0])
        return cls(scenario, result, batch, predictions, failed, max(0, count - len(failed)))

    @property
    def succeeded(self) -> bool:
        """Whether the run succeeded and something was predicted."""
        return self.result.state == "success" and bool(self.predictions)

    def document(self, seconds: dict[str, float]) -> dict[str, Any]:
        """Everything as JSON.

        :param seconds: how long each step took.
        """
        result = self.result
        return {
            "dag_run_state": result.state,
            "tasks": result.tasks,
            "manifest": result.returned("list_files"),
            "plan": result.returned("validate_signature"),
            "sample": result.returned("sample_batch"),
            "result": self.batch,
            "predictions": self.predictions,
            "failed": self.failed,
            "more_failed": self.more_failed,
            "left_out": dict(self.scenario.left_out),
            "seconds": seconds,
            "errors": result.errors(),
            "log": str(result.log),
        }

    def show(self, console: Console, seconds: dict[str, float]) -> None:
        """Print it."""
        if self.predictions:
            console.print(self._table())
            if len(self.predictions) > SHOWN:
                console.print(f"and {len(self.predictions) - SHOWN:,} more: --json FILE writes all of them")
        self._show_lines(console, "Could not be processed", self.failed, self.more_failed)
        self._show_lines(console, "Left out", self.scenario.left_out)
        if not self.succeeded:
            self._show_failure(console)
            return
        times = Table(title="Airflow's tasks", show_edge=False)
        times.add_column("task")
        times.add_column("state")
        times.add_column("seconds", justify="right")
        for task in self.result.tasks:
            times.add_row(task["id"], task["state"], f"{task['seconds']:.1f}")
        console.print(times)
        if self.batch:
            console.print(f"Results are in {self.batch['location']}", highlight=False)
        console.print(f"All in all {seconds['total']:.1f} s.", highlight=False)

    def _table(self) -> Table:
        table = Table(title=f"{self.scenario.model.name} on {len(self.predictions):,} files")
        for name in ("file", *self.scenario.answers):
            table.add_column(name, overflow="fold")
        for row in self.predictions[:SHOWN]:
            table.add_row(*(escape(_text(row[name])) for name in ("file", *self.scenario.answers)))
        return table

    def _show_failure(self, console: Console) -> None:
        states = ", ".join(f"{task['id']} {task['state']}" for task in self.result.tasks)
        if self.result.state == "success":
            console.print(f"[red]Nothing was predicted[/red] ({states}).", highlight=False)
        else:
            console.print(f"[red]The DAG's run ended as {self.result.state}[/red] ({states}).", highlight=False)
        for task, error in {(one["task"], one["error"]): None for one in self.result.failures}:
            console.print(f"\n{task} failed. {error}", markup=False, highlight=False, soft_wrap=True)
        console.print(f"\nIts whole log is {self.result.log}", highlight=False, soft_wrap=True)

    @staticmethod
    def _show_lines(console: Console, title: str, reasons: Any, more: int = 0) -> None:
        if reasons:
            console.print(f"{title}: {len(reasons) + more:,}", highlight=False)
            for line in named(dict(reasons), most=_NAMED, more="--json FILE names all of them"):
                console.print(line, markup=False, highlight=False, soft_wrap=True)


def _own_name(scenario: Scenario, path: str) -> str:
    """The user's name of a file on the stage."""
    name = Path(path).name
    return scenario.files[name].name if name in scenario.files else name


def _output(session: Session, scenario: Scenario, batch: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The job's output, read in place, one object for each file: its answers, and what was wrong with it."""
    if not batch or not batch["rows"]:
        return []
    from snowflake.snowpark.functions import sql_expr

    output = session.read.option("pattern", r".*[.]parquet").parquet(batch["location"])
    answers = [sql_expr(expression).alias(f'"{name}"') for name, expression in scenario.answers.items()]
    answers.append(sql_expr(f'"{ERROR_COLUMN}"').alias('"error"'))
    rows = output.select(sql_expr(f'"{scenario.column}"').alias('"path"'), *answers).sort('"path"').collect()
    return [{"file": _own_name(scenario, row["path"])} | row.as_dict() for row in rows]


def _text(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
