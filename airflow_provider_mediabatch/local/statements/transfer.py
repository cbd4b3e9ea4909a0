"""GET, LIST, REMOVE and COPY FILES: statements that list or move a stage's files."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from airflow_provider_mediabatch.local.errors import (
    invalid_argument,
    not_supported,
    syntax_error,
)
from airflow_provider_mediabatch.local.lexer import Cursor, decode_string
from airflow_provider_mediabatch.local.move_file import move_file
from airflow_provider_mediabatch.local.session.access import require_file_access
from airflow_provider_mediabatch.local.session.stage_reference import resolve_stage
from airflow_provider_mediabatch.local.statement_result import FileTransfer, Result, ResultColumn
from airflow_provider_mediabatch.local.statements import options
from airflow_provider_mediabatch.local.statements.handlers import statement
from airflow_provider_mediabatch.local.stores.stages import files as stage_files

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.stages.stage import Stage

# ``//`` in an unquoted file:// URL is a comment to the lexer, so the URL is taken from the statement's text.
LOCAL_FILE = r"(?P<file>'(?:[^'\\]|''|\\.)*'|file://[^\s;]*)"
COMMENTS = r"(?:\s|--[^\n]*\n|/\*.*?\*/)"
_GET = re.compile(
    rf"{COMMENTS}*GET{COMMENTS}+(?P<stage>'(?:[^'\\]|''|\\.)*'|[^'].*?){COMMENTS}+{LOCAL_FILE}(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_TRANSFER = re.compile(rf"{COMMENTS}*(?:PUT|GET){COMMENTS}", re.IGNORECASE | re.DOTALL)


def is_transfer(sql: str) -> bool:
    """Whether a statement is a PUT or GET, which the client has to carry out."""
    return _TRANSFER.match(sql) is not None


def stage_reference(cursor: Cursor) -> str:
    """``@…``, ``'@…'``, ``snow://…`` or a bound one, as its text."""
    token = cursor.peek()
    if token is not None and token.kind in ("stage", "uri"):
        return cursor.next().value
    return cursor.string()


def local_path(text: str) -> str:
    """The path in a ``file://`` URL, quoted or not."""
    url = decode_string(text) if text.startswith("'") else text
    if not url.startswith("file://"):
        raise invalid_argument(f"invalid local file '{url}': expected file://path")
    return url.removeprefix("file://")


def file_transfer(command: str, root: Path, sources: list[str], parallel: Any, **more: Any) -> FileTransfer:
    """What tells a client to move files itself.

    :param command: ``UPLOAD`` or ``DOWNLOAD``.
    :param root: the folder on the engine's side.
    :param sources: paths of the files, on the side that they come from.
    """
    return FileTransfer(
        {
            "command": command,
            "stageInfo": {"locationType": "LOCAL_FS", "location": str(root), "path": "", "region": "", "creds": {}},
            "src_locations": sources,
            "parallel": int(parallel),
            "threshold": 209715200,
            **more,
        }
    )


@statement("GET")
def get(ctx: Context, cursor: Cursor) -> FileTransfer:
    """``GET @stage/path 'file://folder' [PARALLEL] [PATTERN]``, also of a model version's files (``snow://model/…``)."""
    match = _GET.match(cursor.sql)
    if match is None:
        raise syntax_error("syntax error in GET: expected GET @stage[/path] 'file://folder'")
    reference = Cursor(match["stage"], cursor.bindings)
    stage, path = resolve_stage(ctx, stage_reference(reference))
    reference.expect_end()
    rest = Cursor(match["rest"], cursor.bindings)
    given = options.options(rest, ("PARALLEL", "PATTERN"))
    rest.expect_end()
    require_file_access(ctx, stage)
    files = stage_files.matching(stage, path, stage_files.pattern(given.get("PATTERN")))
    if stage.path(path).is_file():  # a.jpg is that file alone, not a.jpg.bak too
        files = [stage_files.StagedFile(path, 0, 0)]
    local, paths = local_path(match["file"]), [file.path for file in files]
    names = Counter(path.rpartition("/")[2] for path in paths)
    if twice := next((name for name, count in names.items() if count > 1), None):
        raise not_supported(f"GET of files of one name from several folders ({twice}): get each folder by itself")
    return file_transfer(
        "DOWNLOAD",
        stage.root,
        paths,
        given.get("PARALLEL", 10),
        localLocation=local,
        encryptionMaterial=[],
    )


def _location(ctx: Context, cursor: Cursor, write: bool = False) -> tuple[Stage, list[stage_files.StagedFile]]:
    """``@stage[/path] [PATTERN = '…']`` to the end of the statement, and the files it names."""
    stage, path = resolve_stage(ctx, stage_reference(cursor))
    given = options.options(cursor, ("PATTERN",))
    cursor.expect_end()
    require_file_access(ctx, stage, write)
    return stage, stage_files.matching(stage, path, stage_files.pattern(given.get("PATTERN")))


@statement("LIST", "LS")
def list_files(ctx: Context, cursor: Cursor) -> Result:
    """``LIST @stage[/path] [PATTERN = '…']``: name, size, md5, last_modified, as Arrow for RESULT_SCAN of a million."""
    cursor.next()
    stage, files = _location(ctx, cursor)
    ctx.stores.stages.digests.fill(stage, files)
    stage_files.show(stage, files, no_md5_above=ctx.stores.settings.no_md5_above_bytes)
    prefix = stage.url_prefix
    table = pa.table(
        {
            "name": pa.array([prefix + file.path for file in files], pa.string()),
            "size": pa.array([file.size for file in files], pa.int64()),
            "md5": pa.array([file.md5 or None for file in files], pa.string()),
            "last_modified": pa.array([stage_files.last_modified(file) for file in files], pa.string()),
        }
    )
    columns = [
        ResultColumn.text("name"),
        ResultColumn.number("size"),
        ResultColumn.text("md5"),
        ResultColumn.text("last_modified"),
    ]
    return Result(columns, table, as_json=True)


@statement("REMOVE", "RM")
def remove_files(ctx: Context, cursor: Cursor) -> Result:
    """``REMOVE @stage[/path] [PATTERN = '…']``: one row for each file removed."""
    cursor.next()
    stage, files = _location(ctx, cursor, write=True)
    if stage.object_kind != "STAGE":
        raise invalid_argument("the files of a model version cannot be removed")
    removed = []
    for file in files:
        target = stage.path(file.path)
        target.unlink(missing_ok=True)
        _remove_empty_folders(target.parent, stage.root)
        removed.append((stage.url_prefix + file.path, "removed"))
    return Result.of([ResultColumn.text("name"), ResultColumn.text("result")], removed)


def _remove_empty_folders(folder: Path, root: Path) -> None:
    """Object stores have no folders: one that held nothing else goes with its last file."""
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


@statement("COPY FILES INTO")
def copy_files(ctx: Context, cursor: Cursor) -> Result:
    """``COPY FILES INTO @target[/path] FROM @source[/path] [FILES] [PATTERN] [DETAILED_OUTPUT]``.

    Paths below the source are kept.
    """
    cursor.expect("COPY", "FILES", "INTO")
    target, folder = resolve_stage(ctx, stage_reference(cursor))
    cursor.expect("FROM")
    if cursor.accept("("):
        raise not_supported("COPY FILES INTO … FROM (query)")
    source, path = resolve_stage(ctx, stage_reference(cursor))
    given = options.options(cursor, ("FILES", "PATTERN", "DETAILED_OUTPUT"))
    cursor.expect_end()
    require_file_access(ctx, source)
    require_file_access(ctx, target, write=True)
    if target.object_kind != "STAGE":
        raise invalid_argument("files cannot be copied into a model version")
    if "FILES" in given:
        base = path if not path or path.endswith("/") else path + "/"
        chosen = [base + name for name in given["FILES"]]
        missing = [name for name in chosen if not source.path(name).is_file()]
        if missing:
            raise invalid_argument(f"Remote file '{source.url_prefix}{missing[0]}' was not found.")
    else:
        regex = stage_files.pattern(given.get("PATTERN"))
        base = path if source.path(path).is_dir() or not path else path.rpartition("/")[0] + "/"
        chosen = [file.path for file in stage_files.matching(source, path, regex)]
    names = []
    for name in chosen:
        relative = name.removeprefix(base).lstrip("/")
        destination = target.path(f"{folder}/{relative}")
        place(ctx, source.path(name), destination)
        names.append((str(destination.relative_to(target.root)),))
    if not options.boolean("DETAILED_OUTPUT", given.get("DETAILED_OUTPUT", True)):
        return Result.of([ResultColumn.number("number of files copied")], [(len(names),)])
    return Result.of([ResultColumn.text("file")], names)


def place(ctx: Context, source: Path, destination: Path) -> None:
    """Copy a file so that it appears at its destination whole or not at all."""
    part = ctx.stores.stages.state_dir / "unload" / f"copy_{ctx.query_id}"
    shutil.copyfile(source, part)
    move_file(part, destination)
