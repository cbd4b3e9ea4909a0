"""XCom keys under which the operators push values beside their return value."""

from __future__ import annotations

JOB_KEY = "mediabatch_job"
"""A :class:`~.core.task_notes.SubmittedJob`, pushed before the task waits for the job."""

LOCATION_KEY = "mediabatch_location"
"""``{"location": …, "url": …}``, pushed as soon as the task knows where it writes."""

WAITING_KEY = "mediabatch_waiting"
"""``{"snowflake_conn_id": …, "jobs": [[job, query id], …]}``, pushed right before a task defers, and for each
job of an isolation round."""

FAILED_RESULT_KEY = "report"
"""The SampleReport, BatchResult or DriftReport of a task that failed its checks, and so has no return value."""

FAILURE_KEY = "mediabatch_failure"
"""A :class:`~.core.task_notes.TaskFailure`, pushed when a try fails."""

ASKED_KEY = "mediabatch_asked"
"""What a person is asked about, :attr:`.SampleReport.approval_digest`, pushed before the approval's form opens."""

APPROVED_SAMPLE = "approved_sample"
"""The same inside the answer that ApproveSampleOperator returns."""
