"""Find the job of a request, or submit it. A request never has two jobs that run or are finished.

The job's name is derived from the request (:mod:`.core.job_names`), and Snowflake keeps names unique. A job of that
name that runs is attached to. One that is DONE with ``_SUCCESS`` is adopted. One that ended otherwise makes way for the
next generation. If there is none, the job is submitted. After an error of the submission the job is looked up again by
name. Only Snowflake's own answer is a refusal; after any other error the statement may go on, and makes the job when
its image is built.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.batch.job_polling import Phase
from airflow_provider_mediabatch.client import errors, jobs, model_registry, stages
from airflow_provider_mediabatch.client.connection import connected, limit_retries
from airflow_provider_mediabatch.core import grants
from airflow_provider_mediabatch.core.batch_cost import CostPlan
from airflow_provider_mediabatch.core.job_names import MAX_GENERATION, job_name
from airflow_provider_mediabatch.core.job_status import JobStatus, SubmissionState
from airflow_provider_mediabatch.core.xcom import digest
from airflow_provider_mediabatch.exceptions import (
    NOT_KNOWN,
    InvalidInputError,
    JobNotVisibleError,
    MediaBatchError,
    SubmissionFailedError,
)

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.inference_plan import InferencePlan
    from airflow_provider_mediabatch.core.manifest import Manifest

_DESCRIBE_TRIES = 4
_LOOK_SECONDS = 30.0
"""How long the job of a submission without an answer is looked for. An image that must be built takes longer."""
_LOOK_PAUSE = 2.0
_MAX_FAILED_JOBS = 100


@dataclass(frozen=True)
class JobRequest:
    """What is to be run on which files, and the name of its job.

    :param stem: the job's name without its generation.
    :param fingerprint: digest of manifest and plan; what is stored for another fingerprint does not count.
    :param keeps_failure: a job that ended as FAILED is kept, because its files are isolated; else it makes way for the
        next generation.
    :param error_column: the output in which the model says why a row failed; None: it has none.
    :param cost: the rate, and what the job is expected to cost.
    """

    stem: str
    fingerprint: str
    manifest: Manifest
    plan: InferencePlan
    output_location: str
    save_mode: str = "error"
    keeps_failure: bool = False
    error_column: str | None = None
    cost: CostPlan = field(default_factory=CostPlan)

    @property
    def work_digest(self) -> str:
        """What the job does with a file, whichever other files are in the manifest, and where it writes."""
        return digest(self.plan.digest, self.manifest.extra_digest, self.output_location, self.save_mode)

    def job(self, generation: int) -> str:
        """The qualified name of one generation's job."""
        return job_name(self.plan.job_schema, self.stem, generation)

    def to_state(self) -> dict[str, Any]:
        """What the process after a deferral needs to have the same request again."""
        return {
            "manifest": self.manifest.to_xcom(),
            "plan": self.plan.to_xcom(),
            "output_location": self.output_location,
            "stem": self.stem,
            "fingerprint": self.fingerprint,
            "cost": asdict(self.cost),
        }

    def location(self, job: str) -> str:
        """Where a job of this request writes: a folder named after the job."""
        base = self.output_location if self.output_location.endswith("/") else self.output_location + "/"
        return f"{base}{job.rsplit('.', 1)[-1]}/"


@dataclass(frozen=True)
class Attempt:
    """A job that is there or on its way.

    :param job: qualified name.
    :param generation: its number.
    :param phase: where to begin waiting; None: it is over, DONE and whole unless ``failed``.
    :param started: when it was submitted or found, epoch seconds.
    :param query_id: the submitting statement, where this task sent it.
    :param adopted: an earlier try's finished job.
    :param failed: it ended as FAILED, and is kept (:attr:`JobRequest.keeps_failure`).
    :param attached: an earlier try's job, which had not ended when it was found.
    :param role: the role that submitted it, where this task sent the statement.
    """

    job: str
    generation: int
    phase: str | None
    started: float
    query_id: str | None = None
    adopted: bool = False
    failed: bool = False
    attached: bool = False
    role: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """For the trigger and the task's store."""
        return asdict(self)


def find(
    connection: SnowflakeConnection, request: JobRequest, *, stored: Mapping[str, Any] | None = None, first: int = 0
) -> Attempt | int:
    """The job of this request if there is one to wait for or to adopt, else the generation to submit.

    :param stored: what an earlier try noted (a hint; the names on the server decide).
    :param first: the generation to begin with.
    :raises MediaBatchError: when all generations have failed, and when an earlier try's job over the files of this
        ledger is still being started from another manifest or plan.
    """
    noted = _note_of(connection, request, stored or {})
    begin = max(first, int(noted.get("generation") or 0))
    end = min(begin + _MAX_FAILED_JOBS, MAX_GENERATION + 1)
    kept: Attempt | None = None
    for generation in range(begin, end):
        job = request.job(generation)
        info = jobs.describe(connection, job)
        started = float(noted.get("started") or time.time())
        if info is None:
            query_id = noted.get("query_id") if noted.get("generation") == generation else None
            if not query_id:
                return kept or generation
            state, _ = jobs.query_state(connection, str(query_id))
            if state is SubmissionState.RUNNING:
                # Snowflake is still building the image, and makes the job only afterwards.
                return Attempt(
                    job, generation, Phase.SUBMITTING, started, str(query_id), attached=True, role=noted.get("role")
                )
            if state is not SubmissionState.SUCCEEDED:
                return kept or generation
            info = jobs.describe(connection, job)  # The statement may have ended only after the first DESCRIBE.
            if info is None and noted.get("role") != connection.role:
                raise _not_visible(job)  # The job was there, and another role submitted it: it may still run.
            if info is None:
                continue  # The job was there and was dropped. Its folder may hold files, so its name is not used again.
        status = JobStatus.of(info.status)
        if status is JobStatus.DONE:
            if stages.output_folder(connection, request.location(job)).success:
                return Attempt(job, generation, None, started, adopted=True)
        elif status is None or not (status.terminal or status.ending):
            return Attempt(job, generation, Phase.RUNNING, started, attached=True)
        elif status is JobStatus.FAILED and request.keeps_failure:
            # The last one that failed: every try isolates the files of the same job, whatever was noted.
            kept = Attempt(job, generation, None, started, adopted=True, failed=True)
    raise MediaBatchError(
        f"Jobs {request.stem}_{begin} to {end - 1} have all failed",
        retry="A retry will find the same jobs again; a changed plan or manifest starts with a new name.",
    )


def _note_of(connection: SnowflakeConnection, request: JobRequest, stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an earlier try noted of this request; nothing where it was of another one.

    While Snowflake builds a job's image there is no job of its name, and nothing but its statement tells of it.
    """
    if stored.get("fingerprint") == request.fingerprint:
        return stored
    job, query_id = stored.get("job"), stored.get("query_id")
    if not request.manifest.ledger or not query_id:
        return {}
    if jobs.query_state(connection, str(query_id))[0] is not SubmissionState.RUNNING:
        return {}
    raise MediaBatchError(
        f"Job {job} of an earlier try is still being started, with another manifest or plan and over the same files, "
        f"so no second job was submitted. To give it up: SELECT SYSTEM$CANCEL_QUERY('{query_id}')",
        running=f"Job {job} will run and incur cost once its image is built.",
        retry="A retry asks again.",
    )


def check_version(connection: SnowflakeConnection, request: JobRequest) -> None:
    """Before a job is submitted: its model version must be the one that was validated, in one statement.

    EXECUTE INFERENCE JOB SERVICE takes a version by its name. A version that was dropped and logged again under that
    name was neither validated nor sampled, and the files were not claimed for it.

    :raises InvalidInputError: when the name stands for another version now, or for none.
    """
    plan = request.plan
    if not plan.model_version_created_on:
        return
    now = model_registry.version_created_on(connection, plan.model, plan.model_version)
    if now == plan.model_version_created_on:
        return
    what = "logged again" if now else "dropped"
    first = "the task that lists the files" if request.manifest.model else "the validation"
    raise InvalidInputError(
        f"Version {plan.model_version} of model {plan.model} was {what} after validation, and nothing was started with "
        f"it: {'' if now else 'log it again, and '}clear {first}, with what follows it"
    )


def submit(connection: SnowflakeConnection, snowflake_conn_id: str, request: JobRequest, generation: int) -> Attempt:
    """Send the statement and return at once; the image build and the job are waited for later.

    :raises JobNotVisibleError: a job of this name exists, but this role may not see it.
    :raises SubmissionFailedError: Snowflake refused the statement and no job of this name is there.
    :raises MediaBatchError: Snowflake gave no answer, so that it is not known whether the job was started.
    """
    job = request.job(generation)
    statement = jobs.execute_statement(
        request.plan,
        manifest_location=request.manifest.location,
        job=job,
        output_location=request.output_location,
        save_mode=request.save_mode,
    )
    started = time.time()
    try:
        query_id = jobs.submit(connection, statement)
    except Exception as error:
        refused = errors.is_of_statement(error)
        if _look_for(snowflake_conn_id, job, 0.0 if refused else _LOOK_SECONDS) is not None:
            return Attempt(job, generation, Phase.RUNNING, started)
        if refused:
            raise submission_error(job, errors.error_text(error), errors.errno(error)) from error
        raise MediaBatchError(
            f"Snowflake did not answer the submission of {job} ({errors.error_text(error)}), and there is no job of "
            f"this name yet. While its image is built there is none: see DESCRIBE SERVICE {job}, and the query history",
            running=NOT_KNOWN,
        ) from error
    return Attempt(job, generation, Phase.SUBMITTING, started, query_id, role=connection.role)


def _not_visible(job: str) -> JobNotVisibleError:
    return JobNotVisibleError(
        f"A job named {job} exists already, but this connection's role may not see it, so it cannot be used. "
        f"Let its owner run: {jobs.visible_grant(job)}; or use the role that started it",
        running="Whether it still runs and incurs cost is not known.",
        retry="A retry will find it by its name again, and will not start a second one.",
    )


def submission_error(job: str, text: str, errno: int | None = None) -> MediaBatchError:
    """The error of a statement that ended without a visible job of its name.

    :param text: what Snowflake said.
    :param errno: its number, where the text does not begin with it.
    """
    if errno == errors.ALREADY_EXISTS or text.startswith((f"{errors.ALREADY_EXISTS}:", f"00{errors.ALREADY_EXISTS}")):
        return _not_visible(job)
    grant = grants.missing_grant(text, f"EXECUTE INFERENCE JOB SERVICE NAME = {job}")
    hint = f". Missing: {grant}; {grants.DOCTOR}" if grant else ""
    return SubmissionFailedError(f"Snowflake refused to start {job}: {text}{hint}")


def _look_for(snowflake_conn_id: str, job: str, seconds: float) -> jobs.JobInfo | None:
    """DESCRIBE on a new connection, because the old one may be what broke, until the job is there or the time is over.

    :raises MediaBatchError: the look-up itself failed several times.
    """
    until = time.monotonic() + seconds
    failures = 0
    while True:
        try:
            with connected(snowflake_conn_id) as connection:
                limit_retries(connection)
                while (found := jobs.describe(connection, job)) is None and time.monotonic() < until:
                    time.sleep(_LOOK_PAUSE)
                return found
        except Exception as error:
            failures += 1
            if failures == _DESCRIBE_TRIES:
                raise MediaBatchError(
                    f"Submitting {job} failed, and so did looking it up: {errors.error_text(error)}",
                    running=NOT_KNOWN,
                ) from error
            time.sleep(2.0 ** (failures - 1))
