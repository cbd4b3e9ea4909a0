"""``media_batch_group``: the whole way from files to predictions as one task group, for a DAG of ten lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

from airflow.sdk import TaskGroup

from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator

Kwargs = Mapping[str, Any] | None


class _Default(Enum):
    """An argument that was not given, where None has a meaning of its own."""

    OF_OPERATOR = "the operator's default"

    def __repr__(self) -> str:
        return self.value


OF_OPERATOR: Final = _Default.OF_OPERATOR


def media_batch_group(
    group_id: str = "media_batch",
    *,
    model_name: str,
    compute_pool: str,
    work_location: str,
    stage_path: str | None = None,
    pattern: str | None = None,
    version_name: str | None = None,
    function_name: str | None = None,
    output_location: str | None = None,
    select: str | None = None,
    sample_size: int | str | _Default | None = OF_OPERATOR,
    checks: Sequence[str] | None = None,
    labels: str | None = None,
    min_accuracy: float | str | None = None,
    compare_with: str | None = None,
    review: str | None = None,
    results_table: str | None = None,
    max_drift: float | str | None = None,
    max_files_per_shard: int | str | None = None,
    isolate_failures: bool | str | None = None,
    deferrable: bool | str | None = None,
    snowflake_conn_id: str | None = None,
    list_kwargs: Kwargs = None,
    validate_kwargs: Kwargs = None,
    sample_kwargs: Kwargs = None,
    approve_kwargs: Kwargs = None,
    full_kwargs: Kwargs = None,
    load_kwargs: Kwargs = None,
) -> TaskGroup:
    """List, validate, sample, have it approved, run, load: tasks ``list_files``, ``validate_signature``,
    ``sample_batch``, ``approve_sample``, ``full_batch`` and ``load_results`` in a task group.

    Everything that one of the operators takes can be given to it through its ``…_kwargs``; those win over what is
    given here for all. An argument that is not given here is not given to the operators either: the DAG's
    ``default_args`` apply, then the operator's own default.

    To use a task's value elsewhere: ``group.children["media_batch.full_batch"].output``.

    :param group_id: the task group's id, and the prefix of its tasks' ids.
    :param model_name: ``DATABASE.SCHEMA.MODEL``.
    :param compute_pool: where the jobs run.
    :param work_location: a folder on an internal stage, for manifests and, without ``output_location``, predictions.
    :param stage_path: where the files are; None where ``list_kwargs`` has ``columns`` or ``query``.
    :param pattern: which files, as ListStageFilesOperator.
    :param version_name: version or alias; None: the model's default version, resolved at listing.
    :param function_name: the model's function; None: its only one.
    :param output_location: where predictions go; None: ``predictions/`` below ``work_location``.
    :param select: ``all``, ``interval`` or ``new``, as ListStageFilesOperator.
    :param sample_size: files to try first, as SampleBatchOperator; None: no sample, and so nothing to approve.
    :param checks: SQL predicates that each sampled row must fulfil.
    :param labels: a table or query of expected labels, which sample and full batch are measured by.
    :param min_accuracy: the least share of right predictions, 0 to 1, in the sample and in each job of the full batch.
    :param compare_with: ``previous`` or a version of the model: the sample is compared with its results, which are in
        ``results_table`` where that is given, else in the outputs that the ledger names.
    :param review: ``always``, ``first_run`` or ``changed`` adds the approval by a person, and the sample is then drawn
        at even distances by path; None leaves it out.
    :param results_table: adds a task that loads the results into this table; None leaves it out.
    :param max_drift: the output is compared with that of the last runs before it is loaded: the highest population
        stability index of a column, as LoadResultsOperator.
    :param max_files_per_shard: the number of files of each job; the jobs are mapped.
    :param isolate_failures: files that the model raises for do not fail the run: they are found and quarantined, in
        the sample and in the full batch.
    :param deferrable: wait for longer jobs in the triggerer, without a worker slot; as the operators of sample and full
        batch.
    :param snowflake_conn_id: a connection of type ``snowflake``, for all tasks.
    :param list_kwargs: further arguments of ListStageFilesOperator.
    :param validate_kwargs: of ValidateSignatureOperator.
    :param sample_kwargs: of SampleBatchOperator.
    :param approve_kwargs: of ApproveSampleOperator.
    :param full_kwargs: of FullBatchOperator.
    :param load_kwargs: of LoadResultsOperator; ``outlets`` among them.
    :raises ValueError: for an approval without a sample, and for ``max_drift`` without a table.
    """
    if review is not None and sample_size is None:
        raise ValueError("review needs a sample: give sample_size, or leave review out")
    if max_drift is not None and results_table is None:
        raise ValueError("max_drift compares what is loaded into a table: give results_table, or leave max_drift out")
    folder = work_location.rstrip("/")
    common = {"snowflake_conn_id": snowflake_conn_id}
    model = {"model_name": model_name, "version_name": version_name, "function_name": function_name}
    with TaskGroup(group_id) as group:
        chosen = _Chosen(group)
        files = ListStageFilesOperator(
            **_with(
                list_kwargs,
                task_id="list_files",
                stage_path=stage_path,
                pattern=pattern,
                manifest_location=f"{folder}/manifests/",
                select=select,
                max_files_per_shard=max_files_per_shard,
                **model,
                **common,
            )
        )
        plan = ValidateSignatureOperator(
            **_with(
                validate_kwargs,
                task_id="validate_signature",
                manifest=files.output,
                compute_pool=compute_pool,
                output_location=output_location or chosen("output_location", f"{folder}/predictions/"),
                **model,
                **common,
            )
        )
        sample = approval = None
        if sample_size is not None:
            sample = SampleBatchOperator(
                **_with(
                    sample_kwargs,
                    task_id="sample_batch",
                    manifest=files.output,
                    plan=plan.output,
                    sample_size=None if sample_size is OF_OPERATOR else sample_size,
                    checks=checks,
                    labels=labels,
                    min_accuracy=min_accuracy,
                    compare_with=compare_with,
                    results_table=results_table if compare_with is not None else None,
                    # A person judges the model by what is shown, and files beside each other are often alike.
                    sampling=chosen("sampling", "spread") if review is not None else None,
                    isolate_failures=isolate_failures,
                    deferrable=deferrable,
                    **common,
                )
            )
            if review is not None:
                approval = _approval(approve_kwargs, files, plan, sample, review, common)
        full = _full(
            files,
            full_kwargs,
            plan=plan.output,
            sample=sample.output if sample is not None else None,
            approval=approval.output if approval is not None else None,
            isolate_failures=isolate_failures,
            labels=labels,
            min_accuracy=min_accuracy,
            deferrable=deferrable,
            **common,
        )
        if results_table is not None:
            from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator

            LoadResultsOperator(
                **_with(
                    load_kwargs,
                    task_id="load_results",
                    results=full.output,
                    table=results_table,
                    max_drift=max_drift,
                    **common,
                )
            )
    return group


def _approval(
    given: Kwargs,
    files: ListStageFilesOperator,
    plan: ValidateSignatureOperator,
    sample: SampleBatchOperator,
    review: str,
    common: Mapping[str, Any],
) -> Any:
    # Airflow's form operator costs imports that a DAG without an approval need not pay for.
    from airflow_provider_mediabatch.operators.approve_sample import ApproveSampleOperator

    return ApproveSampleOperator(
        **_with(
            given,
            task_id="approve_sample",
            sample=sample.output,
            manifest=files.output,
            plan=plan.output,
            review=review,
            **common,
        )
    )


def _full(files: ListStageFilesOperator, given: Kwargs, **common: Any) -> Any:
    arguments = _with(given, task_id="full_batch", **common)
    if files.max_files_per_shard or files.max_bytes_per_shard:
        return FullBatchOperator.partial(**arguments).expand(manifest=files.output)
    return FullBatchOperator(manifest=files.output, **arguments)


class _Chosen:
    """What the group chooses where nobody has said anything.

    :param group: the task group; ``default_args`` of it, of the groups around it and of the DAG come first.
    """

    def __init__(self, group: TaskGroup) -> None:
        self._given = {**group.dag.default_args, **group.default_args}

    def __call__(self, name: str, value: Any) -> Any:
        return None if name in self._given else value


def _with(kwargs: Kwargs, **given: Any) -> dict[str, Any]:
    """The arguments of one operator. None is not passed on: an explicit None would beat the DAG's default_args."""
    return {name: value for name, value in given.items() if value is not None} | dict(kwargs or {})
