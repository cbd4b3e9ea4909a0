"""A stage as an Airflow asset: ``mediabatch://<connection>/<DATABASE>/<SCHEMA>/<STAGE>/<path>?pattern=…``.

Names are percent-encoded as Snowflake stores them, so that one place has one URI whichever way it was written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlencode

from airflow.sdk import Asset, AssetWatcher

from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.files import selection
from airflow_provider_mediabatch.files.start_rule import StartRule

if TYPE_CHECKING:
    from airflow.sdk import AssetWatcher as Watcher

SCHEME = "mediabatch"


def stage_asset(
    stage_path: str,
    *,
    pattern: str | None = None,
    name: str | None = None,
    snowflake_conn_id: str = "snowflake_default",
    watch: bool = True,
    poll_interval: float = 30.0,
    settle: float = 5.0,
    min_files: int = 1,
    max_delay: float = 300.0,
    overlap: float = 3600.0,
    source: Literal["list", "stream"] = "list",
    stream: str | None = None,
    refresh_directory: bool = False,
) -> Asset:
    """The asset of a stage, with a watcher that makes an event when files were uploaded to it.

    Schedule a DAG on it and list with ``select="new"``: an event says that there is something, the ledger says what.
    A DAG that is paused misses events; its next run takes what they were about.

    :param stage_path: qualified, ``@database.schema.stage/path``: a DAG file is parsed without a connection.
    :param pattern: a regular expression for the whole listed name, as in ListStageFilesOperator.
    :param name: the asset's name; default: made of connection, path and pattern.
    :param snowflake_conn_id: through which the triggerer polls. LIST uses no warehouse; with a stream the polls that
        find something do.
    :param watch: False for an asset that only tasks update.
    :param poll_interval: seconds between two polls.
    :param settle: seconds without a newer file before an event.
    :param min_files: how many new files are enough for an event, so that small arrivals are collected for one run.
    :param max_delay: seconds after which the oldest new file makes an event anyway, though there are fewer files or the
        upload goes on.
    :param overlap: how many seconds older than the newest file a file may be that appears only now, as the end of a
        long multipart upload does.
    :param source: ``list`` lists the path at each poll; ``stream`` lists it once at the beginning and then asks a
        stream on the stage's directory table, which costs the same however many files the stage has.
    :param stream: the stream that ``source="stream"`` reads, made by ``CREATE STREAM … ON STAGE …``; database and
        schema default to the stage's. The watcher consumes it, so it is for this alone.
    :param refresh_directory: with a stream: refresh the directory table before each poll. The server then reads the
        whole stage each time, so it is for stages that neither Snowflake nor the uploads refresh.
    :raises ValueError: for a path, a pattern or numbers that cannot work, or a source and a stream that do not go
        together.
    """
    path = StagePath.parse(stage_path)
    selection.check_pattern(pattern)
    StartRule(min_files, max_delay, settle)
    uri = stage_uri(path, snowflake_conn_id=snowflake_conn_id, pattern=pattern)
    name = name or uri.removeprefix(f"{SCHEME}://")
    watchers: list[Watcher] = []
    if watch:
        from airflow_provider_mediabatch.triggers.stage_files import StageFilesTrigger

        trigger = StageFilesTrigger(
            stage_path=path.full,
            asset_name=name,
            pattern=pattern,
            snowflake_conn_id=snowflake_conn_id,
            poll_interval=poll_interval,
            settle=settle,
            min_files=min_files,
            max_delay=max_delay,
            overlap=overlap,
            source=source,
            stream=stream,
            refresh_directory=refresh_directory,
        )
        watchers = [AssetWatcher(name=f"{name} files", trigger=trigger)]
    return Asset(name=name, uri=uri, group="mediabatch", watchers=watchers)


def stage_uri(path: StagePath, *, snowflake_conn_id: str, pattern: str | None = None) -> str:
    """The URI of a place on a stage.

    :param path: the place.
    :param snowflake_conn_id: through which it is reached.
    :param pattern: which of its files, or None for all.
    """
    names = "/".join(quote(part, safe="") for part in (path.database, path.schema, path.stage))
    below = f"/{quote(path.path.rstrip('/'), safe='/')}" if path.path else ""
    query = f"?{urlencode({'pattern': pattern})}" if pattern else ""
    return f"{SCHEME}://{quote(snowflake_conn_id, safe='')}/{names}{below}{query}"


def stage_of(uri: SplitResult) -> tuple[StagePath, str, str | None]:
    """Stage path, connection id and pattern of a URI.

    :raises ValueError: when it is not connection, database, schema and stage.
    """
    parts = uri.path.lstrip("/").split("/", 3)
    if not uri.netloc or len(parts) < 3 or not all(parts[:3]):
        raise ValueError(f"{uri.geturl()!r} is not {SCHEME}://<connection>/<database>/<schema>/<stage>[/<path>]")
    database, schema, stage = (unquote(part) for part in parts[:3])
    below = unquote(parts[3]) if len(parts) > 3 else ""
    pattern = parse_qs(uri.query).get("pattern", [None])[0]
    return StagePath(database, schema, stage, below), unquote(uri.netloc), pattern


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Airflow's check and normal form of a ``mediabatch://`` URI.

    :raises ValueError: for one that does not name a stage.
    """
    path, connection, pattern = stage_of(uri)
    text = stage_uri(path, snowflake_conn_id=connection, pattern=pattern)
    rest = text.removeprefix(f"{SCHEME}://").partition("?")
    netloc, _, below = rest[0].partition("/")
    return uri._replace(netloc=netloc, path=f"/{below}", query=rest[2])


def create_asset(
    *,
    database: str,
    schema: str,
    stage: str,
    path: str = "",
    snowflake_conn_id: str = "snowflake_default",
    extra: dict[str, Any] | None = None,
) -> Asset:
    """Airflow's factory for lineage that hooks report.

    :param database: the database's name as Snowflake stores it.
    :param schema: the schema's name as Snowflake stores it.
    :param stage: the stage's name as Snowflake stores it.
    :param path: a folder or a file on the stage; "": the whole stage.
    :param snowflake_conn_id: through which the stage is reached.
    :param extra: what Airflow is to keep with the asset.
    """
    uri = stage_uri(StagePath(database, schema, stage, path), snowflake_conn_id=snowflake_conn_id)
    return Asset(uri=uri, extra=extra or {})
