"""What a DAG remembers from run to run, in Airflow variables: samples that passed, answers that were given.

A variable can be deleted by hand to forget it. What it holds was written by an earlier run, maybe of another release,
so whatever cannot be read counts as nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Variable
from airflow.sdk.timezone import utcnow

from airflow_provider_mediabatch.core.cost_projection import duration
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.core.xcom import digest

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_mediabatch.core.inference_plan import InferencePlan

SAMPLE_PREFIX = "mediabatch_sample_"


def recall(name: str) -> Mapping[str, Any]:
    """What a variable holds; empty when there is none."""
    known = Variable.get(name, default=None, deserialize_json=True)
    return known if isinstance(known, Mapping) else {}


class SampleMemory:
    """The sample that passed last with a plan and settings, in one task of a DAG.

    :param context: Airflow's context.
    :param plan: what is to be tested.
    :param settings: what else decides whether a sample passes.
    """

    def __init__(self, context: Context, plan: InferencePlan, *settings: object) -> None:
        ti = context["ti"]
        self._run_id = ti.run_id
        self._plan = plan
        self._dag_id = ti.dag_id
        self.variable = SAMPLE_PREFIX + digest(ti.dag_id, ti.task_id, ti.map_index, plan.tested_digest, *settings)[:32]

    def recall(self, max_age: timedelta | None) -> SampleReport | None:
        """The report of an earlier run, named as such; None when there is none that holds.

        :param max_age: how long ago it may have been made.
        """
        if not self._plan.model_version_created_on:
            return None  # The plan does not say which version of this name it is.
        try:
            report = SampleReport.from_xcom(recall(self.variable))
            age = utcnow() - datetime.fromisoformat(report.tested_at)
        except (ValueError, TypeError):
            return None
        if not report.passed or report.tested_digest != self._plan.tested_digest or report.from_run == self._run_id:
            return None
        if max_age is not None and age > max_age:
            return None
        return report.reused(report.from_run, duration(max(0.0, age.total_seconds())))

    def remember(self, report: SampleReport) -> None:
        """Keep a report that passed for later runs."""
        plan = self._plan
        Variable.set(
            self.variable,
            replace(report, tested_at=utcnow().isoformat(), from_run=self._run_id).to_xcom(),
            description=f"Sample of {plan.model} {plan.model_version} in DAG {self._dag_id} that passed; delete it to "
            "have the next run sample again",
            serialize_json=True,
        )
