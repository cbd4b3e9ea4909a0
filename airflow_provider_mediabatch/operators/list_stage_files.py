"""ListStageFiles: which media files a run works on, written as a manifest on the server."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_mediabatch.core import xcom
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.files import selection
from airflow_provider_mediabatch.links.location import LocationLink, push_location
from airflow_provider_mediabatch.operators.arguments import checked, column_name_of, positive_integer, truth
from airflow_provider_mediabatch.operators.lineage import LineageMixin

if TYPE_CHECKING:
    from airflow.sdk import Context
    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.metadata import ModelFacts
    from airflow_provider_mediabatch.core.stage_path import StagePath
    from airflow_provider_mediabatch.files.listing import Listed, Part
    from airflow_provider_mediabatch.files.listing_sql import Relation, Source

DEFAULT_COLUMN = "FILE_PATH"
DEFAULT_LEDGER = "MEDIABATCH_LEDGER"


@dataclass(frozen=True)
class _Work:
    """What one execution found: the rows to write and what to say of them."""

    relation: Relation
    listed: Listed
    whole: Part | None
    skipped: Mapping[str, int]
    facts: Mapping[str, Any]
    generation: int = 0


class ListStageFilesOperator(LineageMixin, BaseOperator):
    """List media files on a stage and write them as a manifest: Parquet on a stage, a small value in XCom.

    The rows stay on the server: LIST (or the directory table, or a query) runs asynchronously and ``COPY INTO`` reads
    its result there. Returns a :class:`~airflow_provider_mediabatch.core.manifest.Manifest` as a dict, or, when a
    shard size is given, a list of them (at most 1,024) to expand over.

    Exactly one of ``stage_path``, ``columns`` and ``query`` says where the files are.

    :param stage_path: ``@database.schema.stage/path``; a prefix as LIST takes it, so end a folder with ``/``.
    :param pattern: a regular expression that the whole listed name must match, as in LIST: ``.*[.]jpg``.
    :param column_name: the manifest's column of paths, an identifier (upper-cased unless double-quoted). Default: the
        function's single BYTES input when ``model_name`` is given, else ``FILE_PATH``. With ``query=``: the query's
        column of paths, when it is not to be found by its values.
    :param source: ``list`` reads the storage and needs no warehouse for it; ``directory`` reads the stage's directory
        table, which must be enabled and refreshed.
    :param columns: several file columns, paired by file stem (``a/x.jpg`` with ``b/x.wav``): column name to stage path,
        or to ``{"stage_path": …, "pattern": …}``. The first column identifies the row in ledger and results.
    :param unmatched: files without partner: ``fail`` or ``drop`` (counted in the manifest).
    :param query: a SELECT whose columns are full stage paths and ordinary columns. Its files are not recorded.
    :param manifest_location: a folder on an internal stage; each execution writes a new sub-folder ``MB_…/…/``.
    :param max_files: at most so many rows, the first by path.
    :param if_empty: nothing to do: ``skip`` the task, ``fail`` it, or ``succeed`` with an empty manifest.
    :param select: ``all`` that is there; ``interval``: last modified in [data_interval_start, data_interval_end);
        ``new``: not done by this model version.
    :param since: an earliest last modification: a moment, ISO 8601 text, or a timedelta before the server's present.
    :param interval: with ``select="interval"``: this long, ending at the logical date, instead of the data interval.
    :param reprocess: take files that are done once more; their results are replaced.
    :param ledger: the ledger table (created if it is not there), whose files every ``select`` leaves out. ``auto``:
        ``MEDIABATCH_LEDGER`` in the connection's schema when ``model_name`` is given and the files are listed; none
        otherwise, because a ledger's rows are a model version's. None: no ledger, which ``new`` cannot do without.
    :param take_over_after: how old another run's claim must at least be before it may be taken over; its job must also
        have ended and its run be over.
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
        "columns",
        "query",
        "manifest_location",
        "max_files",
        "select",
        "since",
        "reprocess",
        "ledger",
        "model_name",
        "version_name",
        "function_name",
        "max_files_per_shard",
        "max_bytes_per_shard",
        "snowflake_conn_id",
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers = {"query": "sql"}  # noqa: RUF012 (Airflow declares it so)
    operator_extra_links = (LocationLink(),)
    ui_color = "#d7eef9"

    def __init__(
        self,
        *,
        stage_path: str | None = None,
        pattern: str | None = None,
        column_name: str | None = None,
        source: Literal["list", "directory"] = "list",
        columns: Mapping[str, str | Mapping[str, str]] | None = None,
        unmatched: Literal["fail", "drop"] = "fail",
        query: str | None = None,
        manifest_location: str,
        max_files: int | str | None = None,
        if_empty: Literal["skip", "fail", "succeed"] = "skip",
        select: str = "all",
        since: datetime | timedelta | str | None = None,
        interval: timedelta | None = None,
        reprocess: bool | str = False,
        ledger: str | None = "auto",
        take_over_after: timedelta = timedelta(hours=1),
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
        self.manifest_location = manifest_location
        self.max_files = max_files
        self.if_empty = if_empty
        self.select = select
        self.since = since
        self.interval = interval
        self.reprocess = reprocess
        self.ledger = ledger
        self.take_over_after = take_over_after
        self.model_name = model_name
        self.version_name = version_name
        self.function_name = function_name
        self.max_files_per_shard = max_files_per_shard
        self.max_bytes_per_shard = max_bytes_per_shard
        self.snowflake_conn_id = snowflake_conn_id

    def execute(self, context: Context) -> dict[str, Any] | list[dict[str, Any]]:
        """List, select, claim, and write the manifest.

        :return: the manifest for XCom, or a list of them when a shard size is given.
        :raises InvalidInputError: for whatever cannot work, naming the fix.
        :raises AirflowSkipException: nothing to do, and ``if_empty`` is ``skip``.
        """
        from airflow_provider_mediabatch.files import listing
        from airflow_provider_mediabatch.hooks.mediabatch import MediaBatchHook

        self._check_arguments()
        try:
            window = selection.window(self.select, context=context, interval=self.interval, since=self.since)
        except ValueError as error:
            raise InvalidInputError(str(error)) from None
        with MediaBatchHook(snowflake_conn_id=self.snowflake_conn_id).connect() as connection:
            location = listing.stage_path(connection, self.manifest_location)
            push_location(context, connection, location.full)
            if listing.stage_url(listing.describe_stage(connection, location)):
                raise InvalidInputError(f"manifest_location={location} is on an external stage: use an internal stage")
            work = self._find(connection, context, location, window)
            if work.whole is None:
                return self._empty(work, location)
            return self.reported(self._write(connection, context, location, work))

    def _find(
        self, connection: SnowflakeConnection, context: Context, location: StagePath, window: selection.Window
    ) -> _Work:
        """List and select; with a ledger, claim."""
        from airflow_provider_mediabatch.files import listing

        model = self._model(connection)
        facts: dict[str, Any] = {"select": self.select}
        if model is not None:
            function = model.function(self.function_name)
            facts |= {"model": model.model, "model_version": model.version}
            facts["function"] = getattr(function, "target_method", self.function_name)
        listed = self._list(connection, location, model)
        conditions = window.conditions("MB_LAST_MODIFIED") if listed.relation.has_files else []
        relation = listed.relation.where(conditions)
        self.log.info(
            "listed %d files (%d empty, %d without partner left out)", listed.found, listed.empty, listed.unmatched
        )
        limit = positive_integer("max_files", self.max_files)
        ledger = self._ledger_name()
        if ledger is None:
            relation = relation.first(limit)
            parts = listing.summarise(connection, relation)
            return _Work(relation, listed, parts[0] if parts else None, {}, facts)
        from airflow_provider_mediabatch.ledger.ledger import Ledger, Owner

        claimed = Ledger(connection, ledger).claim(
            relation,
            owner=Owner.of(context),
            model=facts["model"],
            version=facts["model_version"],
            function=facts["function"],
            limit=limit,
            reprocess=truth(self.reprocess),
            take_over_after=self.take_over_after,
        )
        facts |= {"ledger": claimed.ledger, "claim_id": claimed.claim_id}
        parts = listing.summarise(connection, claimed.relation)
        return _Work(claimed.relation, listed, parts[0] if parts else None, claimed.skipped, facts, claimed.generation)

    def _list(self, connection: SnowflakeConnection, location: StagePath, model: ModelFacts | None) -> Listed:
        from airflow_provider_mediabatch.files import listing

        if self.query is not None:
            named = None if self.column_name is None else [column_name_of(self.column_name)]
            return listing.list_query(connection, self.query, named)
        return listing.list_sources(
            connection,
            self._sources(connection, model),
            directory=self.source == "directory",
            manifest_location=location,
            keep_unmatched=self.unmatched == "drop",
        )

    def _sources(self, connection: SnowflakeConnection, model: ModelFacts | None) -> list[Source]:
        from airflow_provider_mediabatch.files import listing
        from airflow_provider_mediabatch.files.listing_sql import Source

        if self.columns is None:
            column = column_name_of(self.column_name) if self.column_name else self._default_column(model)
            return [Source(column, listing.stage_path(connection, str(self.stage_path)), self.pattern)]
        found = []
        for name, where in self.columns.items():
            text, pattern = (where, None) if isinstance(where, str) else (where.get("stage_path"), where.get("pattern"))
            if not text:
                raise InvalidInputError(f"columns[{name!r}] has no stage_path")
            checked(selection.check_pattern, pattern)
            found.append(Source(column_name_of(name), listing.stage_path(connection, text), pattern or self.pattern))
        if len({source.column for source in found}) < len(found):
            raise InvalidInputError(f"columns= names the same column twice: {', '.join(self.columns)}")
        return found

    def _default_column(self, model: ModelFacts | None) -> str:
        function = model.function(self.function_name) if model else None
        inputs = getattr(function, "bytes_inputs", [])
        if len(inputs) != 1:
            return DEFAULT_COLUMN
        return str(inputs[0]) if getattr(function, "case_sensitive", False) else column_name_of(inputs[0])

    def _model(self, connection: SnowflakeConnection) -> ModelFacts | None:
        if not self.model_name:
            return None
        from airflow_provider_mediabatch.client.model_registry import resolve_version
        from airflow_provider_mediabatch.core.metadata import Problem

        model = resolve_version(connection, self.model_name, self.version_name)
        function = model.function(self.function_name)
        if isinstance(function, Problem):
            raise InvalidInputError(f"{function.what}: {function.fix}")
        return model

    def _ledger_name(self) -> str | None:
        """The ledger to use; None for none."""
        named = self.ledger
        if named == "auto":
            named = DEFAULT_LEDGER if self.model_name and self.query is None else None
        if truth(self.reprocess) and not named:
            raise InvalidInputError(
                "reprocess=True takes files that a ledger has as done: name the ledger with ledger="
            )
        return named or None

    def _check_arguments(self) -> None:
        given = [name for name in ("stage_path", "columns", "query") if getattr(self, name) is not None]
        if len(given) != 1:
            raise InvalidInputError(
                "exactly one of stage_path, columns and query says where the files are; "
                f"given: {', '.join(given) or 'none'}"
            )
        for name, allowed in (
            ("source", ("list", "directory")),
            ("if_empty", ("skip", "fail", "succeed")),
            ("unmatched", ("fail", "drop")),
            ("select", selection.SELECTS),
        ):
            if getattr(self, name) not in allowed:
                raise InvalidInputError(f"{name}={getattr(self, name)!r} is not one of {', '.join(map(repr, allowed))}")
        checked(selection.check_pattern, self.pattern)
        if self.columns is not None and len(self.columns) < 1:
            raise InvalidInputError("columns= is empty")
        ledger = self._ledger_name()
        if self.select == "new" and not ledger:
            raise InvalidInputError(
                "select='new' is the listing minus the ledger: set model_name (the version that files are new to), "
                "and do not switch the ledger off"
            )
        if ledger and not self.model_name:
            raise InvalidInputError("a ledger records files for a model version: set model_name, or ledger=None")
        if self.query is not None:
            self._check_query(ledger)

    def _check_query(self, ledger: str | None) -> None:
        """A query's rows have no content id, size or time that a ledger, an interval or a size limit could go by."""
        unfit = {
            "pattern": self.pattern,
            "select": self.select if self.select != "all" else None,
            "since": self.since,
            "ledger": ledger,
            "max_bytes_per_shard": self.max_bytes_per_shard,
        }
        if names := [name for name, value in unfit.items() if value]:
            raise InvalidInputError(
                f"query= cannot be combined with {', '.join(names)}: put the condition into the query"
            )

    def _empty(self, work: _Work, location: StagePath) -> dict[str, Any] | list[dict[str, Any]]:
        listed = work.listed
        reasons = [f"{listed.found} files found"]
        reasons += [f"{count} {name.replace('_', ' ')}" for name, count in work.skipped.items() if count]
        reasons += [f"{listed.empty} empty"] if listed.empty else []
        reasons += [f"{listed.unmatched} without partner"] if listed.unmatched else []
        where = self.stage_path or (self.query and "the query") or ", ".join(self.columns or ())
        message = f"nothing to do in {where} (select={self.select!r}): {', '.join(reasons)}"
        if self.if_empty == "skip":
            raise AirflowSkipException(message)
        if self.if_empty == "fail":
            raise InvalidInputError(
                f"{message}. Check stage_path and pattern (names are case-sensitive; the pattern must match the whole "
                "listed name), or set if_empty='skip'",
                retry="A retry will list again.",
            )
        self.log.info("%s", message)
        manifest = self._manifest(work, location.folder, None, 0, 1).to_xcom()
        return [manifest] if self._is_sharded else manifest

    @property
    def _is_sharded(self) -> bool:
        return bool(self.max_files_per_shard or self.max_bytes_per_shard)

    def _write(
        self, connection: SnowflakeConnection, context: Context, location: StagePath, work: _Work
    ) -> dict[str, Any] | list[dict[str, Any]]:
        from airflow_provider_mediabatch.files import listing, listing_sql

        assert work.whole is not None
        ti = context["ti"]
        run = xcom.digest(ti.dag_id, ti.task_id, ti.run_id, ti.map_index)[:16]
        folder = (location / f"{listing_sql.MANIFEST_FOLDER}{run}" / uuid.uuid4().hex).folder
        if not self._is_sharded:
            listing.write(connection, work.relation, folder, work.whole.rows)
            self.log.info("manifest of %d rows, %d bytes at %s", work.whole.rows, work.whole.size, folder)
            return self._manifest(work, folder, work.whole, 0, 1).to_xcom()
        relation, parts = listing.shard(
            connection,
            work.relation,
            work.whole,
            files=positive_integer("max_files_per_shard", self.max_files_per_shard),
            size=positive_integer("max_bytes_per_shard", self.max_bytes_per_shard),
        )
        if work.facts.get("ledger"):
            from airflow_provider_mediabatch.ledger.ledger import Ledger

            Ledger(connection, work.facts["ledger"]).assign_shards(relation, work.facts["claim_id"])
        listing.write(connection, relation, folder, work.whole.rows)
        self.log.info("%d manifests of %d rows in all at %s", len(parts), work.whole.rows, folder)
        work = _Work(relation, work.listed, work.whole, work.skipped, work.facts, work.generation)
        return [
            self._manifest(work, listing_sql.shard_location(folder, part.shard), part, part.shard, len(parts)).to_xcom()
            for part in parts
        ]

    def _manifest(self, work: _Work, location: StagePath, part: Part | None, shard: int, shards: int) -> Manifest:
        from airflow_provider_mediabatch.files import listing

        rows = part.rows if part else 0
        return Manifest(
            location=location.full,
            columns=dict(work.relation.columns),
            file_columns=work.relation.file_columns,
            file_count=rows * max(1, len(work.relation.file_columns)),
            row_count=rows,
            total_bytes=part.size if part else 0,
            digest=listing.fingerprint(work.relation, part, work.generation) if part else xcom.digest("empty"),
            zero_byte_files=work.listed.empty,
            unmatched_files=work.listed.unmatched,
            unqualified_paths=work.listed.unqualified or {},
            generation=work.generation,
            shard=shard,
            shards=shards,
            skipped=work.skipped,
            **work.facts,
        )
