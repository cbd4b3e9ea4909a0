"""What ListStageFilesOperator was given: its checks, and the listing that follows from it. No Airflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.exceptions import InvalidInputError
from airflow_provider_mediabatch.files import selection
from airflow_provider_mediabatch.files.arguments import (
    DEFAULT_COLUMN,
    normalize_column_name,
    raise_invalid_input,
)
from airflow_provider_mediabatch.files.start_rule import StartRule

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from snowflake.connector import SnowflakeConnection

    from airflow_provider_mediabatch.core.snowflake_objects import ModelInfo
    from airflow_provider_mediabatch.files.list_output import StageSource
    from airflow_provider_mediabatch.files.relation import Relation
    from airflow_provider_mediabatch.files.stage_listing import FileListing

DEFAULT_LEDGER = "MEDIABATCH_LEDGER"


@dataclass(frozen=True)
class ListingArguments:
    """The operator's arguments, rendered and read; each is described there."""

    stage_path: str | None
    pattern: str | None
    column_name: str | None
    source: str
    columns: Mapping[str, str | Mapping[str, str]] | None
    unmatched: str
    query: str | None
    extra_columns: Mapping[str, str] | None
    identity_columns: Sequence[str]
    join: str | None
    if_empty: str
    min_files: int | None
    max_delay: float | None
    select: str
    since: datetime | timedelta | str | None
    reprocess: bool
    ledger: str | None
    model_name: str | None
    version_name: str | None
    function_name: str | None
    max_files_per_shard: int | None
    max_bytes_per_shard: int | None

    @classmethod
    def of_operator(cls, operator: Any) -> ListingArguments:
        """The attributes of these names."""
        return cls(**{field.name: getattr(operator, field.name) for field in fields(cls)})

    @property
    def is_sharded(self) -> bool:
        """Whether the files are split into several manifests."""
        return bool(self.max_files_per_shard or self.max_bytes_per_shard)

    @property
    def ledger_name(self) -> str | None:
        """The ledger to use, with ``auto`` decided; None for none."""
        if self.ledger == "auto":
            return DEFAULT_LEDGER if self.model_name and self.query is None else None
        return self.ledger or None

    def start_rule(self) -> StartRule | None:
        """When open files are worth a run; None: whenever there are any.

        The files of an interval do not wait: it is over, and no other run takes them.

        :raises InvalidInputError: for values that cannot work.
        """
        if self.min_files is None:
            if self.max_delay is not None:
                raise InvalidInputError("max_delay= bounds how long files wait for min_files=: set min_files")
            return None
        if not self.ledger_name:
            raise InvalidInputError(
                "min_files= counts the files that the ledger does not have: set model_name, list with stage_path= or "
                "columns=, and do not switch the ledger off"
            )
        with raise_invalid_input():
            rule = StartRule(self.min_files, self.max_delay)
        return None if self.select == "interval" else rule

    @property
    def place(self) -> str:
        """Where the files are, for messages."""
        return self.stage_path or (self.query and "the query") or ", ".join(self.columns or ())

    def check(self) -> None:
        """Refuse arguments that cannot work together, before a connection is opened.

        :raises InvalidInputError: naming the arguments and the fix.
        """
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
        with raise_invalid_input():
            selection.check_pattern(self.pattern)
        if self.columns is not None and len(self.columns) < 1:
            raise InvalidInputError("columns= is empty")
        from airflow_provider_mediabatch.files.extra_columns import check_extra_columns

        check_extra_columns(self.extra_columns, self.identity_columns)
        if self.join and not self.extra_columns:
            raise InvalidInputError(
                "join= gives columns that extra_columns= may use, and there are no extra_columns=: give "
                "extra_columns={'PROMPT': 'PROMPT'} to take a column PROMPT over"
            )
        if self.query is not None:
            self._check_query()
        self._check_ledger()

    def _check_ledger(self) -> None:
        ledger = self.ledger_name
        self.start_rule()
        if self.reprocess and not ledger:
            raise InvalidInputError(
                "reprocess=True takes files that a ledger has as done: name the ledger with ledger="
            )
        if self.select == "new" and not ledger:
            raise InvalidInputError(
                "select='new' is the listing minus the ledger: set model_name (the version that files are new to), "
                "and do not switch the ledger off"
            )
        if ledger and not self.model_name:
            raise InvalidInputError("a ledger records files for a model version: set model_name, or ledger=None")

    def _check_query(self) -> None:
        """A query's rows have no content id, size or time that a ledger, an interval or a size limit could go by."""
        if self.select != "all":
            raise InvalidInputError(
                f"select={self.select!r} goes by each file's content, size and time, and the rows of query= have "
                "none of them. List the files with stage_path= or columns=, and put the further columns into "
                "extra_columns=; or leave select='all' and put the condition into the query"
            )
        unfit = {
            "pattern": self.pattern,
            "extra_columns": self.extra_columns,
            "since": self.since,
            "ledger": self.ledger_name,
            "max_bytes_per_shard": self.max_bytes_per_shard,
        }
        if names := [name for name, value in unfit.items() if value]:
            raise InvalidInputError(
                f"query= cannot be combined with {', '.join(names)}: put the condition into the query"
            )

    def list_files(self, connection: SnowflakeConnection, model: ModelInfo | None) -> FileListing:
        """Run the listing; its rows stay on the server.

        :param model: the model that the files are for, which names the default column.
        :raises InvalidInputError: for whatever cannot work, naming the fix.
        """
        if self.query is not None:
            from airflow_provider_mediabatch.files.query_listing import list_query

            named = None if self.column_name is None else [normalize_column_name(self.column_name)]
            return list_query(connection, self.query, named)
        from airflow_provider_mediabatch.files.stage_listing import list_stages

        return list_stages(
            connection,
            self._sources(connection, model),
            directory=self.source == "directory",
            keep_unmatched=self.unmatched == "drop",
            # With a ledger it is the claimed rows that are summed up.
            summed_up=self.ledger_name is None,
        )

    def add_columns(self, connection: SnowflakeConnection, relation: Relation) -> Relation:
        """The listed rows with ``extra_columns``."""
        from airflow_provider_mediabatch.files.extra_columns import check_extra_columns, with_extra_columns

        columns, identity = check_extra_columns(self.extra_columns, self.identity_columns)
        return with_extra_columns(connection, relation, columns, identity, self.join or None)

    def _sources(self, connection: SnowflakeConnection, model: ModelInfo | None) -> list[StageSource]:
        from airflow_provider_mediabatch.client.stages import resolve_stage_path
        from airflow_provider_mediabatch.files.list_output import StageSource

        if self.columns is None:
            column = normalize_column_name(self.column_name) if self.column_name else self._default_column(model)
            path = resolve_stage_path(connection, str(self.stage_path), "stage_path")
            return [StageSource(column, path, self.pattern)]
        found = []
        for name, where in self.columns.items():
            text, pattern = (where, None) if isinstance(where, str) else (where.get("stage_path"), where.get("pattern"))
            if not text:
                raise InvalidInputError(f"columns[{name!r}] has no stage_path")
            with raise_invalid_input():
                selection.check_pattern(pattern)
            path = resolve_stage_path(connection, text, f"columns[{name!r}]")
            found.append(StageSource(normalize_column_name(name), path, pattern or self.pattern))
        if len({source.column for source in found}) < len(found):
            raise InvalidInputError(f"columns= names the same column twice: {', '.join(self.columns)}")
        return found

    def _default_column(self, model: ModelInfo | None) -> str:
        function = model.function(self.function_name) if model else None
        inputs = getattr(function, "bytes_inputs", [])
        if len(inputs) != 1:
            return DEFAULT_COLUMN
        return str(inputs[0]) if getattr(function, "case_sensitive", False) else normalize_column_name(inputs[0])
