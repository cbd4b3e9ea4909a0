"""ApproveSampleOperator: a person reviews the sample, in Airflow's own form, before the full run incurs cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.standard.exceptions import HITLRejectException, HITLTimeoutError
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, Variable
from airflow.sdk.exceptions import AirflowSkipException
from airflow.sdk.timezone import utcnow

from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.manifest import manifests_from_xcom
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.core.xcom import digest
from airflow_provider_mediabatch.core.xcom_keys import APPROVED_SAMPLE, ASKED_KEY
from airflow_provider_mediabatch.exceptions import InvalidInputError, NotApprovedError
from airflow_provider_mediabatch.links.review import ReviewLink
from airflow_provider_mediabatch.operators.upstream import parse_sample

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_mediabatch.core.cost_projection import Projection

REVIEWS = ("always", "first_run", "changed")
VARIABLE_PREFIX = "mediabatch_review_"
ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
ASK_AGAIN_AFTER = timedelta(seconds=60)


class ApproveSampleOperator(ApprovalOperator):
    """Wait for a person's yes or no to the sample, in the task's Required Action form.

    The form shows the sampled files with their predictions, the checks, and what the full run will take. Reject skips
    what comes after (or fails the task, with ``fail_on_reject``; in an expanded task group this task is skipped too,
    and with it what follows by its trigger rule) and releases the files' claim in the ledger; so does
    a time-out without a default. While it waits, the task holds no worker and no triggerer slot.

    :param sample: what SampleBatchOperator returned.
    :param manifest: the manifest, or list of manifests, of the full run.
    :param plan: what ValidateSignatureOperator returned; shown, and names the version for ``first_run``.
    :param review: ``always`` asks in every run. ``first_run`` asks until a person has approved this model version and
        function in this DAG, and remembers that in the Airflow variable ``mediabatch_review_…`` (delete it to be asked
        again); runs that come meanwhile, such as those of a back-fill, wait for that one answer. ``changed`` asks once
        for each sample that was run: a report that SampleBatchOperator(when="changed") takes from an earlier run brings
        the answer that was given to it. None never asks.
    :param credits_per_hour: of one node of the compute pool, from Snowflake's Service Consumption Table; for the
        projection.
    :param price_per_credit: what one credit costs you.
    :param currency: of that price.
    :param sample_task_id: the task whose page shows the pictures; found by itself where ``sample`` is a task's output.
    :param snowflake_conn_id: to release the claim with.
    :param subject: the form's heading; None: how many files, which model version and what it is expected to cost.
    :param kwargs: as Airflow's ApprovalOperator: ``notifiers``, ``assigned_users``, ``response_timeout``,
        ``defaults`` (``"Approve"`` or ``"Reject"``, taken when the time is out), ``fail_on_reject``. An
        ``execution_timeout``, which ``default_args`` give to every task, does not bound the time for an answer.
    """

    template_fields: Sequence[str] = (
        "subject",
        "sample",
        "manifest",
        "plan",
        "review",
        "credits_per_hour",
        "price_per_credit",
        "currency",
        "snowflake_conn_id",
    )
    operator_extra_links = (ReviewLink(),)
    ui_color = "#fff3d6"

    def __init__(
        self,
        *,
        sample: Any,
        manifest: Any,
        plan: Any = None,
        review: Literal["always", "first_run", "changed"] | str | None = "always",
        credits_per_hour: float | str | None = None,
        price_per_credit: float | str | None = None,
        currency: str = "USD",
        sample_task_id: str | None = None,
        snowflake_conn_id: str = "snowflake_default",
        subject: str | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault(
            "params",
            {
                "note": Param(
                    "", type=["string", "null"], title="Note", description="Kept with the answer.", maxLength=2000
                )
            },
        )
        if kwargs.get("response_timeout") is None:
            # Airflow would take that of default_args for the time that a person has.
            kwargs["execution_timeout"] = None
        super().__init__(subject=subject or "", **kwargs)
        self.sample = sample
        self.manifest = manifest
        self.plan = plan
        self.review = review
        self.credits_per_hour = credits_per_hour
        self.price_per_credit = price_per_credit
        self.currency = currency
        self.snowflake_conn_id = snowflake_conn_id
        # A task's .output knows its task; after rendering only the value is left.
        self.sample_task_id = sample_task_id or getattr(getattr(sample, "operator", None), "task_id", None)

    def execute(self, context: Context) -> Any:
        """Ask, unless nobody needs to be asked.

        :return: the answer as Airflow's ApprovalOperator returns it. A yes also names the sample that it is for, and
            FullBatchOperator takes it for no other.
        :raises InvalidInputError: a ``review`` that is none, or a sample that is no report.
        """
        if self.review not in (*REVIEWS, None, "", "None"):
            raise InvalidInputError(f"review is {self.review!r}: it is 'always', 'first_run', 'changed' or None")
        report = parse_sample(self.sample)
        if self.review not in REVIEWS:
            return self._unasked(report, "nobody is asked: review is None")
        if not report.job:
            # A yes to nothing would be remembered as one to the model version.
            return self._unasked(report, "there is no file to run")
        plan = None if self.plan is None else InferencePlan.from_xcom(self.plan)
        if self.review != "always":
            answer = self._first_run(context, report, plan)
            if answer is not None:
                return answer
        projection = self._projection(report, plan)
        self.body = self._body(context, report, projection, plan)
        if not self.subject:
            from airflow_provider_mediabatch.review.approval_form import subject

            self.subject = subject(projection, plan)
        # The sample may be run again while the form is open.
        context["ti"].xcom_push(key=ASKED_KEY, value=report.approval_digest)
        return super().execute(context)

    def execute_again(self, context: Context, event: Any = None) -> Any:
        """Another run's form was open: check again."""
        return self.execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Take the answer: remember a person's yes, release the claim after a no or none.

        :raises NotApprovedError: for a no with ``fail_on_reject``, and for no answer in time. A retry would ask again,
            and a later yes would run files that were given back.
        """
        approved = event.get("chosen_options") == [self.APPROVE] and "error" not in event
        plan = None if self.plan is None else InferencePlan.from_xcom(self.plan)
        if self.review in ("first_run", "changed") and plan is not None:
            # What a time-out approved was seen by nobody.
            user = event.get("responded_by_user") if approved else None
            self._remember(context, plan, by=str(user.get("name") or user.get("id")) if user else None)
        if not approved:
            from airflow_provider_mediabatch.ledger.claims import REJECTED, UNANSWERED
            from airflow_provider_mediabatch.ledger.ledger import release_claims

            reason = UNANSWERED if "error" in event else REJECTED
            release_claims(self.snowflake_conn_id, manifests_from_xcom(self.manifest), reason, self.log)
        try:
            answer = super().execute_complete(context, event)
        except (HITLRejectException, HITLTimeoutError) as error:
            answered = isinstance(error, HITLRejectException)
            raise NotApprovedError(
                "The sample was rejected" if answered else "Nobody answered within response_timeout",
                retry="The files are given back, and the next run takes them. Clear the task to ask again.",
            ) from error
        ti = context["ti"]
        if approved:
            asked = ti.xcom_pull(key=ASKED_KEY, task_ids=ti.task_id, map_indexes=ti.map_index)
            return {**answer, APPROVED_SAMPLE: asked}
        if ti.map_index is not None and ti.map_index >= 0:
            # Airflow's skip acts on unmapped tasks only (SkipMixin.skip). In an expanded task group this task itself is
            # skipped, which the trigger rules of the same map index follow. FullBatchOperator reads the answer itself.
            ti.xcom_push(key="return_value", value=answer)
            raise AirflowSkipException("Rejected. What follows with this map index is skipped")
        return answer

    def _sample_instance(self, context: Context, report: SampleReport) -> tuple[str, str, str, int] | None:
        """The sample's task instance: dag, run, task, map index."""
        if not self.sample_task_id:
            return None
        ti = context["ti"]
        task = self.dag.task_dict.get(self.sample_task_id)
        mapped = task is not None and (task.is_mapped or next(task.iter_mapped_task_groups(), None) is not None)
        index = ti.map_index if mapped and ti.map_index is not None else -1
        # The page of a sample that an earlier run tested is that run's.
        run_id = report.from_run or ti.run_id
        return ti.dag_id, run_id, self.sample_task_id, index

    def _projection(self, report: SampleReport, plan: InferencePlan | None) -> Projection:
        from airflow_provider_mediabatch.core.cost_projection import project
        from airflow_provider_mediabatch.operators.cost_limit import parse_amount

        manifests = manifests_from_xcom(self.manifest)
        return project(
            files=sum(manifest.row_count for manifest in manifests) - report.quarantined_count,
            sampled=report.rows,
            seconds_per_file=report.seconds_per_file,
            start_seconds=report.start_seconds,
            replicas=plan.replicas if plan else None,
            credits_per_hour=parse_amount("credits_per_hour", self.credits_per_hour),
            price_per_credit=parse_amount("price_per_credit", self.price_per_credit),
            currency=self.currency,
        )

    def _body(self, context: Context, report: SampleReport, projection: Projection, plan: InferencePlan | None) -> str:
        from airflow_provider_mediabatch.review.addresses import site_prefix
        from airflow_provider_mediabatch.review.approval_form import body

        return body(
            report,
            projection=projection,
            plan=plan,
            file_columns=manifests_from_xcom(self.manifest)[0].file_columns,
            task=self._sample_instance(context, report),
            site=site_prefix(),
        )

    def _first_run(self, context: Context, report: SampleReport, plan: InferencePlan | None) -> Any:
        """The answer that a person gave before, or None to ask now; defers while another run's form is open."""
        if plan is None:
            raise InvalidInputError(f"review={self.review!r} needs plan=, which names the model version")
        ti = context["ti"]
        known = Variable.get(self._variable(ti.dag_id, plan), default=None, deserialize_json=True)
        if isinstance(known, Mapping) and known.get("state") == "approved":
            what = "this model version" if self.review == "first_run" else "this sample"
            return self._unasked(report, f"{known.get('by')} approved {what} in run {known.get('run_id')}")
        if isinstance(known, Mapping) and self._still_asks(context, known):
            from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

            self.log.info("Run %s is asking for this model version; waiting for its answer", known.get("run_id"))
            self.defer(trigger=TimeDeltaTrigger(ASK_AGAIN_AFTER), method_name="execute_again")
        self._write(context, plan, "asking", None)
        return None

    def _still_asks(self, context: Context, known: Mapping[str, Any]) -> bool:
        ti = context["ti"]
        run_id, task_id = str(known.get("run_id")), str(known.get("task_id"))
        if run_id == ti.run_id:
            return False
        states = ti.get_task_states(dag_id=ti.dag_id, task_ids=[task_id], run_ids=[run_id]).get(run_id) or {}
        return any(state is not None and state not in ENDED for state in states.values())

    def _remember(self, context: Context, plan: InferencePlan, *, by: str | None) -> None:
        if by:
            self._write(context, plan, "approved", by)
        else:
            Variable.delete(self._variable(context["ti"].dag_id, plan))

    def _write(self, context: Context, plan: InferencePlan, state: str, by: str | None) -> None:
        ti = context["ti"]
        Variable.set(
            self._variable(ti.dag_id, plan),
            {
                "state": state,
                "by": by,
                "at": utcnow().isoformat(),
                "run_id": ti.run_id,
                "task_id": ti.task_id,
                "model": plan.model,
                "model_version": plan.model_version,
                "function": plan.function,
            },
            description=f"Review of {plan.model} {plan.model_version} in DAG {ti.dag_id}; delete it to be asked again",
            serialize_json=True,
        )

    def _variable(self, dag_id: str, plan: InferencePlan) -> str:
        if self.review == "changed":
            return VARIABLE_PREFIX + digest(dag_id, "sample", parse_sample(self.sample).job)[:32]
        version = (plan.model, plan.model_version, plan.model_version_created_on)
        return VARIABLE_PREFIX + digest(dag_id, *version, plan.function)[:32]

    def _unasked(self, report: SampleReport, why: str) -> dict[str, Any]:
        self.log.info("Approved without asking: %s", why)
        return {
            "chosen_options": [self.APPROVE],
            "params_input": {"note": why},
            "responded_at": utcnow(),
            "responded_by_user": None,
            APPROVED_SAMPLE: report.approval_digest,
        }
