"""StageFilesSensor: wait until there are new files on a stage, and their upload is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator
from airflow.sdk.bases.sensor import PokeReturnValue
from airflow.sdk.exceptions import AirflowSensorTimeout, AirflowSkipException

from airflow_provider_mediabatch.core.coercion import seconds, whole_number
from airflow_provider_mediabatch.exceptions import PollingFailedError
from airflow_provider_mediabatch.files import selection
from airflow_provider_mediabatch.files.arguments import (
    default_deferrable,
    defaulting,
    deferrable_flag,
    raise_invalid_input,
    read_arguments,
)
from airflow_provider_mediabatch.files.start_rule import StartRule

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_mediabatch.triggers.stage_files import StageReadyTrigger


DEFAULT_SETTLE = 30.0

_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "min_files": defaulting(whole_number, 1),
    "max_delay": seconds,
    "settle": defaulting(seconds, DEFAULT_SETTLE),
    "deferrable": deferrable_flag,
}


class StageFilesSensor(BaseSensorOperator):
    """Wait until at least ``min_files`` new files have settled, or the oldest has waited ``max_delay``.

    New is what the ledger does not have for this model version (``model_name``), or what was modified since a time
    (``since``), or, with neither, every file. Returns ``{"files": …, "bytes": …}``.

    :param stage_path: ``@database.schema.stage/path``.
    :param pattern: a regular expression for the whole listed name, as in ListStageFilesOperator.
    :param min_files: how many new files are enough, so that small arrivals are collected for one job.
    :param max_delay: seconds, or a timedelta, after which the oldest new file waits no longer, neither for
        ``min_files`` nor for ``settle``; None: as long as it takes.
    :param settle: seconds without a newer file, or a timedelta, so that an upload in progress is not cut in two. By the
        server's clock.
    :param model_name: with a ledger: the model whose version the files are new to. Each poll then uses a warehouse.
    :param version_name: a version or alias; default: the model's default version.
    :param function_name: the model's function; default: its only one.
    :param ledger: the ledger table; without ``model_name`` it is not asked.
    :param since: a moment, ISO 8601 text, or a timedelta before the server's present.
    :param poke_interval: seconds between two polls.
    :param timeout: seconds after which the sensor fails, or skips with ``soft_fail``.
    :param deferrable: wait in the triggerer; default: ``[operators] default_deferrable``.
    :param snowflake_conn_id: a connection of type ``snowflake``.
    """

    template_fields: Sequence[str] = (
        "stage_path",
        "pattern",
        "min_files",
        "max_delay",
        "settle",
        "model_name",
        "version_name",
        "function_name",
        "ledger",
        "since",
        "deferrable",
        "snowflake_conn_id",
    )
    ui_color = "#d7eef9"

    def __init__(
        self,
        *,
        stage_path: str,
        pattern: str | None = None,
        min_files: int | str = 1,
        max_delay: float | timedelta | str | None = None,
        settle: float | timedelta | str = DEFAULT_SETTLE,
        model_name: str | None = None,
        version_name: str | None = None,
        function_name: str | None = None,
        ledger: str = "MEDIABATCH_LEDGER",
        since: datetime | timedelta | str | None = None,
        deferrable: bool | str | None = None,
        snowflake_conn_id: str = "snowflake_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.stage_path = stage_path
        self.pattern = pattern
        # Numbers, truth values and durations may be text of a template until execute() reads them.
        self.min_files: Any = min_files
        self.max_delay: Any = max_delay
        self.settle: Any = settle
        self.model_name = model_name
        self.version_name = version_name
        self.function_name = function_name
        self.ledger = ledger
        self.since = since
        self.deferrable: Any = default_deferrable() if deferrable is None else deferrable
        self.snowflake_conn_id = snowflake_conn_id

    def execute(self, context: Context) -> Any:
        """Poll once; then wait in place or in the triggerer.

        :return: what the files are, as the class describes it.
        :raises AirflowSensorTimeout: after ``timeout`` seconds.
        """
        read_arguments(self, _READERS)
        if not self.deferrable:
            return super().execute(context)
        trigger = self._trigger()
        if found := self._poll(trigger):
            return found
        started = context["ti"].start_date or datetime.now(UTC)
        trigger.deadline = started.timestamp() + self.timeout
        if trigger.deadline <= time.time():
            return self._timed_out()
        # The trigger keeps the deadline; Airflow's own time-out is the backstop for a triggerer that is gone.
        self.defer(trigger=trigger, method_name="execute_complete", timeout=timedelta(seconds=self.timeout + 600))
        return None

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """One poll, for the waiting in place."""
        found = self._poll(self._trigger())
        return PokeReturnValue(is_done=True, xcom_value=found) if found else False

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """The trigger's event.

        :raises PollingFailedError: when the stage could not be read.
        """
        if event.get("timeout"):
            return self._timed_out()
        if error := event.get("error"):
            raise PollingFailedError(f"{self.stage_path} could not be read: {error}", retry="A retry will poll again.")
        return {"files": int(event["files"]), "bytes": int(event["bytes"])}

    def _trigger(self) -> StageReadyTrigger:
        from airflow_provider_mediabatch.client.connection import connected
        from airflow_provider_mediabatch.triggers.stage_files import StageReadyTrigger

        with raise_invalid_input():
            selection.check_pattern(self.pattern)
            window = selection.window("all", context={}, since=self.since)
            StartRule(self.min_files, self.max_delay, self.settle)
        subject = None
        if self.model_name:
            from airflow_provider_mediabatch.ledger.claims import resolve_subject

            with connected(self.snowflake_conn_id) as connection:
                _, resolved = resolve_subject(connection, self.model_name, self.version_name, self.function_name)
            subject = resolved.to_manifest()
        return StageReadyTrigger(
            stage_path=self.stage_path,
            pattern=self.pattern,
            since=window.start.isoformat() if window.start else None,
            newest_seconds=window.newest.total_seconds() if window.newest else None,
            ledger=self.ledger if subject else None,
            subject=subject,
            min_files=self.min_files,
            max_delay=self.max_delay,
            settle=self.settle,
            poll_interval=self.poke_interval,
            snowflake_conn_id=self.snowflake_conn_id,
        )

    def _poll(self, trigger: StageReadyTrigger) -> dict[str, int] | None:
        from airflow_provider_mediabatch.client.connection import connected

        with connected(self.snowflake_conn_id) as connection:
            new = trigger.count_new_files(connection)
        left = trigger.seconds_left(new)
        self.log.info(
            "%d new files on %s, the newest %s s old, the oldest %s s old; they wait %s",
            *(new.count, self.stage_path, new.newest, new.oldest),
            "for more" if left is None else f"at most {left:.0f} s",
        )
        return {"files": new.count, "bytes": new.size} if left == 0 else None

    def _timed_out(self) -> Any:
        message = f"fewer than {self.min_files} new, settled files on {self.stage_path} after {self.timeout:g} s"
        if self.soft_fail:
            raise AirflowSkipException(message)
        raise AirflowSensorTimeout(message)
