"""ListStageFilesOperator: which media files a run works on, written as a manifest on the server."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_mediabatch.core.coercion import duration, seconds, whole_number
from airflow_provider_mediabatch.core.job_names import listing_folder
from airflow_provider_mediabatch.core.manifest import MAPPED_OVER_ONE
from airflow_provider_mediabatch.core.xcom import digest
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.files import selection
from airflow_provider_mediabatch.files.arguments import defaulting, flag, raise_invalid_input, read_arguments
from airflow_provider_mediabatch.files.listing_arguments import ListingArguments
from airflow_provider_mediabatch.links.location import LocationLink, push_location
from airflow_provider_mediabatch.operators.lineage import LineageMixin

if TYPE_CHECKING:
    from airflow.sdk import Context
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.manifest import Manifest
    from airflow_provider_mediabatch.core.snowflake_objects import ModelInfo
    from airflow_provider_mediabatch.core.stage_path import StagePath
    from airflow_provider_mediabatch.files.selected_files import SelectedFiles
    from airflow_provider_mediabatch.ledger.claims import LedgerSubject


DEFAULT_TAKE_OVER_AFTER = timedelta(hours=1)

_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "max_files": whole_number,
    "min_files": whole_number,
    "max_delay": seconds,
    "interval": duration,
    "reprocess": flag(default=False),
    "take_over_after": defaulting(duration, DEFAULT_TAKE_OVER_AFTER),
    "max_files_per_shard": whole_number,
    "max_bytes_per_shard": whole_number,
}


class ListStageFilesOperator(LineageMixin, BaseOperator):
    """List media files on a stage and write them as a manifest: Parquet on a stage, a small value in XCom.

    The rows stay on the server: LIST (or the directory table, or a query) runs asynchronously and ``COPY INTO`` reads
    its result there. Returns a :class:`~airflow_provider_mediabatch.core.manifest.Manifest` as a dict, or, when a
    shard size is given, a list of them (at most 1,024) to expand over. A template of a shard size that renders to
    nothing gives a list of one.

    Exactly one of ``stage_path``, ``columns`` and ``query`` says where the files are.

    :param stage_path: ``@database.schema.stage/path``; a prefix as LIST takes it, so end a folder with ``/``.
    :param pattern: a POSIX extended regular expression that the whole listed name must match: ``.*[.]jpg``.
    :param column_name: the manifest's column of paths, an identifier (upper-cased unless double-quoted). Default: the
        function's single BYTES input when ``model_name`` is given, else ``FILE_PATH``. With ``query=``: the query's
        column of paths, when it is not to be found by its values.
    :param source: ``list`` reads the storage and needs no warehouse for it; ``directory`` reads the stage's directory
        table, which must be enabled and refreshed.
    :param columns: several file columns, paired by file stem (``a/x.jpg`` with ``b/x.wav``): column name to stage path,
        or to ``{"stage_path": …, "pattern": …}``. The first column identifies the row in ledger and results.
    :param unmatched: files without partner: ``fail`` or ``drop`` (counted in the manifest).
    :param query: a SELECT whose columns are full stage paths and ordinary columns. Its files are not recorded.
    :param extra_columns: further columns for the model, column name to an SQL expression over the listed columns (the
        file columns, ``MB_SIZE``, ``MB_LAST_MODIFIED``): ``{"CANDIDATE_LABELS": "ARRAY_CONSTRUCT('cat', 'dog')"}``.
        :func:`.chat_messages` makes the one that a chat model needs.
    :param identity_columns: those of them whose values belong to a file's identity. When such a value changes, the
        file is new to the ledger. Other columns may change, and what is done stays done.
    :param join: a table, or a query, whose columns the expressions may use too. Its first column names the file, by
        full stage path, path on the stage, name or stem. A file that it does not name has NULL in its columns.
    :param manifest_location: a folder on an internal stage; each execution writes a new sub-folder ``MB_…/…/``.
    :param max_files: the largest number of rows; the first by path are taken.
    :param min_files: fewer open files wait: the task is skipped and claims none, so that small arrivals share one job.
        Needs a ledger. The files of an interval do not wait, because no other run takes them.
    :param max_delay: seconds, or a timedelta, after which the oldest open file, by its last modification, waits no
        longer. None: as long as it takes.
    :param if_empty: nothing to do: ``skip`` the task, ``fail`` it, or ``succeed`` with an empty manifest.
    :param select: ``all`` that is there; ``interval``: last modified in [data_interval_start, data_interval_end);
        ``new``: not done by this model version.
    :param since: an earliest last modification: a moment, ISO 8601 text, or a timedelta before the server's present.
    :param interval: with ``select="interval"``: a number of seconds, or a timedelta, that end at the logical date,
        instead of the data interval.
    :param reprocess: take files that are done once more; their results are replaced.
    :param ledger: the ledger table (created if it is not there), whose files every ``select`` leaves out. ``auto``:
        ``MEDIABATCH_LEDGER`` in the connection's schema when ``model_name`` is given and the files are listed; none
        otherwise, because a ledger's rows are a model version's. None: no ledger, which ``new`` cannot do without.
    :param take_over_after: how old another run's claim must at least be before it may be taken over, in seconds or as a
        timedelta; its job must also have ended and its run be over.
    :param model_name: the model that the files are for; needed with a ledger.
    :param version_name: a version or alias; default: the model's default version. It is pinned here.
    :param function_name: the model's function; default: its only one.
    :param max_files_per_shard: most rows of one manifest.
    :param max_bytes_per_shard: most bytes of one manifest's files.
    :param snowflake_conn_id: a connection of type ``snowflake``.
    """

    template_fields: Sequence[str] = (
        "stage_path",
        "pattern",
        "column_name",
        "source",
        "columns",
        "unmatched",
        "query",
        "extra_columns",
        "identity_columns",
        "join",
        "manifest_location",
        "max_files",
        "min_files",
        "max_delay",
        "if_empty",
        "select",
        "since",
        "interval",
        "reprocess",
        "ledger",
        "take_over_after",
        "model_name",
        "version_name",
        "function_name",
        "max_files_per_shard",
        "max_bytes_per_shard",
        "snowflake_conn_id",
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers = {"query": "sql", "join": "sql"}  # noqa: RUF012 (Airflow declares it so)
    operator_extra_links = (LocationLink(),)
    ui_color = "#d7eef9"

    def __init__(
        self,
        *,
        stage_path: str | None = None,
        pattern: str | None = None,
        column_name: str | None = None,
        source: Literal["list", "directory"] | str = "list",
        columns: Mapping[str, str | Mapping[str, str]] | None = None,
        unmatched: Literal["fail", "drop"] | str = "fail",
        query: str | None = None,
        extra_columns: Mapping[str, str] | None = None,
        identity_columns: Sequence[str] = (),
        join: str | None = None,
        manifest_location: str,
        max_files: int | str | None = None,
        min_files: int | str | None = None,
        max_delay: float | timedelta | str | None = None,
        if_empty: Literal["skip", "fail", "succeed"] | str = "skip",
        select: str = "all",
        since: datetime | timedelta | str | None = None,
        interval: float | timedelta | str | None = None,
        reprocess: bool | str = False,
        ledger: str | None = "auto",
        take_over_after: float | timedelta | str = DEFAULT_TAKE_OVER_AFTER,
        model_name: str | None = None,
        version_name: str | None = None,
        function_name: str | None = None,
        max_files_per_shard: int | str | None = None,
        max_bytes_per_shard: int | str | None = None,
        snowflake_conn_id: str = "snowflake_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.stage_path = stage_path
        self.pattern = pattern
        self.column_name = column_name
        self.source = source
        self.columns = columns
        self.unmatched = unmatched
        self.query = query
        self.extra_columns = extra_columns
        self.identity_columns = identity_columns
        self.join = join
        self.manifest_location = manifest_location
        # Numbers, truth values and durations may be text of a template until execute() reads them.
        self.max_files: Any = max_files
        self.min_files: Any = min_files
        self.max_delay: Any = max_delay
        self.if_empty = if_empty
        self.select = select
        self.since = since
        self.interval: Any = interval
        self.reprocess: Any = reprocess
        self.ledger = ledger
        self.take_over_after: Any = take_over_after
        self.model_name = model_name
        self.version_name = version_name
        self.function_name = function_name
        self.max_files_per_shard: Any = max_files_per_shard
        self.max_bytes_per_shard: Any = max_bytes_per_shard
        self.snowflake_conn_id = snowflake_conn_id
        # Decided here, as is whether a task maps over it: a template may still render to nothing.
        self._returns_list = bool(max_files_per_shard or max_bytes_per_shard)

    def update_relative(self, other: Any, *args: Any, **kwargs: Any) -> None:
        """Refuse a task that maps over the fields of one manifest. Airflow asks while it reads the DAG file.

        :raises ValueError: naming both tasks and the fix.
        """
        super().update_relative(other, *args, **kwargs)
        mapped = getattr(getattr(other, "expand_input", None), "value", None)
        over = mapped.get("manifest") if isinstance(mapped, Mapping) else None
        if getattr(over, "operator", None) is self and not self._returns_list:
            raise ValueError(f"Task {other.task_id} maps over the output of {self.task_id}. {MAPPED_OVER_ONE}")

    def execute(self, context: Context) -> dict[str, Any] | list[dict[str, Any]]:
        """List, select, claim, and write the manifest.

        :return: the manifest for XCom, or a list of them when a shard size is given.
        :raises InvalidInputError: for whatever cannot work, naming the fix.
        :raises AirflowSkipException: nothing to do, and ``if_empty`` is ``skip``; or files wait for more.
        """
        from airflow_provider_mediabatch.client.connection import connected
        from airflow_provider_mediabatch.client.stages import describe_stage, resolve_stage_path, stage_url
        from airflow_provider_mediabatch.files.extra_columns import explain_failing

        read_arguments(self, _READERS)
        arguments = ListingArguments.of_operator(self)
        arguments.check()
        with raise_invalid_input():
            window = selection.window(self.select, context=context, interval=self.interval, since=self.since)
        with connected(self.snowflake_conn_id) as connection:
            location = resolve_stage_path(connection, self.manifest_location, "manifest_location")
            push_location(context, connection, location.full)
            if stage_url(describe_stage(connection, location)):
                raise InvalidInputError(f"manifest_location={location} is on an external stage: use an internal stage")
            with explain_failing(self.extra_columns):
                selected = self._select_files(connection, context, arguments, window)
                if selected.whole is None:
                    manifests = [self._empty_manifest(arguments, selected, location)]
                else:
                    manifests = self._write_manifests(connection, context, arguments, selected, location)
        values = [manifest.to_xcom() for manifest in manifests]
        value = values if self._returns_list else values[0]
        return value if selected.whole is None else self.set_lineage_result(value)

    def _select_files(
        self,
        connection: SnowflakeConnection,
        context: Context,
        arguments: ListingArguments,
        window: selection.Window,
    ) -> SelectedFiles:
        """List and select; with a ledger, claim."""
        from airflow_provider_mediabatch.client.connection import server_time
        from airflow_provider_mediabatch.files.manifest_files import summarize
        from airflow_provider_mediabatch.files.selected_files import SelectedFiles
        from airflow_provider_mediabatch.ledger.claimed_files import claim_files
        from airflow_provider_mediabatch.ledger.claims import ClaimOwner

        model, subject = self._resolve_model(connection)
        listing = arguments.list_files(connection, model)
        self.log.info(
            "Listed %d files (%d empty, %d without partner left out)", listing.found, listing.empty, listing.unmatched
        )
        if listing.relation.has_files:
            if window.newest is not None:
                window = window.at(server_time(connection))
            relation = listing.relation.where(window.conditions("MB_LAST_MODIFIED"))
            listing = listing.of(arguments.add_columns(connection, relation))
        described = {"select": self.select} | (subject.to_manifest() if subject else {})
        if self.extra_columns:
            described["extra_digest"] = digest(self.extra_columns, *([self.join] if self.join else []))
        if arguments.ledger_name is not None and subject is not None:
            return claim_files(
                connection,
                arguments.ledger_name,
                listing,
                owner=ClaimOwner.of(context),
                subject=subject,
                limit=self.max_files,
                reprocess=self.reprocess,
                take_over_after=self.take_over_after,
                rule=arguments.start_rule(),
                described=described,
            )
        listing = listing.of(listing.relation.first(self.max_files))
        whole = listing.whole or next(iter(summarize(connection, listing.relation)), None)
        return SelectedFiles(listing.relation, listing, whole, subject=described)

    def _resolve_model(self, connection: SnowflakeConnection) -> tuple[ModelInfo | None, LedgerSubject | None]:
        if not self.model_name:
            return None, None
        from airflow_provider_mediabatch.ledger.claims import resolve_subject

        return resolve_subject(connection, self.model_name, self.version_name, self.function_name)

    def _empty_manifest(self, arguments: ListingArguments, selected: SelectedFiles, location: StagePath) -> Manifest:
        if selected.adopted:
            # Not skipped: with an empty manifest no job is started, and the adopted output is still loaded.
            self.log.info("Nothing to run: %d files were done by jobs of runs that have ended", selected.adopted)
            return selected.manifest(location.folder)
        message = f"nothing to do in {arguments.place} (select={self.select!r}): {selected.counts()}"
        if selected.waiting:
            message = f"{selected.waiting}. Nothing was claimed, and a later run takes them ({selected.counts()})"
        if self.if_empty == "skip" or (selected.waiting and self.if_empty == "fail"):
            raise AirflowSkipException(message)
        if self.if_empty == "fail":
            raise InvalidInputError(
                f"{message}. Check stage_path and pattern (names are case-sensitive; the pattern must match the whole "
                "listed name), or set if_empty='skip'",
                retry="A retry will list again.",
            )
        self.log.info("%s", message)
        return selected.manifest(location.folder)

    def _write_manifests(
        self,
        connection: SnowflakeConnection,
        context: Context,
        arguments: ListingArguments,
        selected: SelectedFiles,
        location: StagePath,
    ) -> list[Manifest]:
        from airflow_provider_mediabatch.files import manifest_files

        assert selected.whole is not None
        ti = context["ti"]
        map_index = -1 if ti.map_index is None else int(ti.map_index)
        own = listing_folder(dag_id=ti.dag_id, task_id=ti.task_id, run_id=ti.run_id, map_index=map_index)
        folder = (location / own / uuid.uuid4().hex).folder
        whole = selected.whole
        if not arguments.is_sharded:
            manifest_files.write_manifest(connection, selected.relation, folder, whole.rows)
            self.log.info("Wrote a manifest of %d rows, %d bytes to %s", whole.rows, whole.size, folder)
            return [selected.manifest(folder, whole)]
        relation, shards = manifest_files.split_into_shards(
            connection,
            selected.relation,
            whole,
            max_files=self.max_files_per_shard,
            max_bytes=self.max_bytes_per_shard,
        )
        if ledger := selected.subject.get("ledger"):
            from airflow_provider_mediabatch.ledger.ledger import Ledger

            Ledger(connection, ledger).assign_shards(relation, selected.subject["claim_id"])
        manifest_files.write_manifest(connection, relation, folder, whole.rows)
        self.log.info("Wrote %d manifests of %d rows in all to %s", len(shards), whole.rows, folder)
        sharded = replace(selected, relation=relation)
        return [
            sharded.manifest(manifest_files.shard_location(folder, shard.shard), shard, len(shards)) for shard in shards
        ]
