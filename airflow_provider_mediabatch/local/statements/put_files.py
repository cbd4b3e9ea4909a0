"""PUT: files of the client's machine into a stage.

A client sends the files itself, into the stage's folder, and never looks whether they are there. So without
``OVERWRITE = TRUE`` the engine looks, and where one is there it does the work and answers what the client would answer
to a stage of a cloud: SKIPPED for that file.
"""

from __future__ import annotations

import fnmatch
import glob
import gzip
import mimetypes
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.local.errors import SnowflakeError, invalid_argument, not_supported, syntax_error
from airflow_provider_mediabatch.local.lexer import Cursor
from airflow_provider_mediabatch.local.move_file import move_file
from airflow_provider_mediabatch.local.session.access import require_file_access
from airflow_provider_mediabatch.local.session.stage_reference import resolve_stage
from airflow_provider_mediabatch.local.statement_result import FileTransfer, Result, ResultColumn
from airflow_provider_mediabatch.local.statements import options, transfer
from airflow_provider_mediabatch.local.statements.handlers import statement

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context

_PUT = re.compile(
    rf"{transfer.COMMENTS}*PUT{transfer.COMMENTS}+{transfer.LOCAL_FILE}{transfer.COMMENTS}+(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_ENCODINGS = {"gzip": "GZIP", "bzip2": "BZIP2", "br": "BROTLI"}
_MAGIC = {b"PAR1": "PARQUET", b"\x28\xb5\x2f\xfd": "ZSTD"}
_COLUMNS = [
    *(ResultColumn.text("source"), ResultColumn.text("target")),
    *(ResultColumn.number("source_size"), ResultColumn.number("target_size")),
    *(ResultColumn.text("source_compression"), ResultColumn.text("target_compression")),
    *(ResultColumn.text("status"), ResultColumn.text("message")),
]


@dataclass(frozen=True)
class _Upload:
    """A file on its way.

    :param source: its path.
    :param compression: how it is compressed; None where it is not.
    :param compress: whether it becomes a file of gzip.
    """

    source: str
    compression: str | None
    compress: bool

    @property
    def target(self) -> str:
        """Its name on the stage."""
        return os.path.basename(self.source) + (".gz" if self.compress else "")

    def answer(self, target_size: int, status: str) -> tuple[Any, ...]:
        """The row for it, as the client makes it."""
        size = os.path.getsize(self.source) if os.path.isfile(self.source) else 0
        before, after = self.compression or "NONE", "GZIP" if self.compress else self.compression or "NONE"
        return os.path.basename(self.source), self.target, size, target_size, before, after, status, ""


@statement("PUT")
def put(ctx: Context, cursor: Cursor) -> Result | FileTransfer:
    """``PUT 'file://…' @stage/folder [PARALLEL] [AUTO_COMPRESS] [SOURCE_COMPRESSION] [OVERWRITE] [THRESHOLD]``."""
    match = _PUT.match(cursor.sql)
    if match is None:
        raise syntax_error("syntax error in PUT: expected PUT 'file://path' @stage[/path]")
    source = transfer.local_path(match["file"])
    rest = Cursor(match["rest"], cursor.bindings)
    stage, path = resolve_stage(ctx, transfer.stage_reference(rest))
    given = options.options(rest, ("PARALLEL", "AUTO_COMPRESS", "SOURCE_COMPRESSION", "OVERWRITE", "THRESHOLD"))
    rest.expect_end()
    if stage.kind == "external" or stage.object_kind != "STAGE":
        raise invalid_argument(f"PUT is not possible to {stage.full_name}: only internal stages take uploaded files")
    require_file_access(ctx, stage, write=True)
    compress = options.boolean("AUTO_COMPRESS", given.get("AUTO_COMPRESS", True))
    compression = str(given.get("SOURCE_COMPRESSION", "AUTO_DETECT")).upper()
    overwrite = options.boolean("OVERWRITE", given.get("OVERWRITE", False))
    folder = stage.path(path)
    _check_room(stage.root, source)
    if not overwrite:
        uploads = _uploads(source, folder, compress, compression)
        if any((folder / upload.target).exists() for upload in uploads):
            return Result.of(_COLUMNS, sorted(_put(ctx, upload, folder) for upload in uploads))
    folder.mkdir(parents=True, exist_ok=True)
    return transfer.file_transfer(
        "UPLOAD",
        folder,
        [source],
        given.get("PARALLEL", 4),
        autoCompress=compress,
        sourceCompression=compression.lower(),
        overwrite=overwrite,
        encryptionMaterial=None,
        **({"threshold": int(str(given["THRESHOLD"]))} if "THRESHOLD" in given else {}),
    )


def _uploads(source: str, folder: Path, compress: bool, compression: str) -> Sequence[_Upload]:
    """The files that a client would send; a name that is no file here is that of a stream.

    :raises SnowflakeError: for wildcards below the client's own folder, which the engine does not know, where a name
        that matches is there.
    """
    found = [file for file in glob.glob(os.path.expanduser(source)) if os.path.isfile(file)]
    if not found and glob.has_magic(source):
        there = [path.name.removesuffix(".gz") for path in folder.glob("*")]
        if not os.path.isabs(source) and fnmatch.filter(there, os.path.basename(source)):
            raise not_supported("PUT of a relative path with wildcards over files that are there: name the whole path")
        return []
    uploads = []
    for file in found or [source]:
        kind = _compression(file) if compression == "AUTO_DETECT" else None if compression == "NONE" else compression
        uploads.append(_Upload(file, kind, compress and kind is None))
    return uploads


def _compression(file: str) -> str | None:
    """How a file is compressed, as clients detect it: by its name, then by its first bytes."""
    encoding = mimetypes.guess_type(file)[1] or ("br" if file.endswith(".br") else None)
    if encoding is not None:
        return _ENCODINGS.get(encoding, encoding.upper())
    if not os.path.isfile(file):
        return None
    with open(file, "rb") as opened:
        first = opened.read(4)
    return "ORC" if first[:3] == b"ORC" else _MAGIC.get(first)


def _put(ctx: Context, upload: _Upload, folder: Path) -> tuple[Any, ...]:
    """Place a file that is not there; the row for it."""
    target = folder / upload.target
    if target.exists():
        return upload.answer(0, "SKIPPED")
    if upload.compress:
        part = ctx.stores.stages.state_dir / "unload" / f"put_{ctx.query_id}"
        with open(upload.source, "rb") as plain, gzip.open(part, "wb") as packed:
            shutil.copyfileobj(plain, packed)
        move_file(part, target)
    else:
        transfer.place(ctx, Path(upload.source), target)
    return upload.answer(target.stat().st_size, "UPLOADED")


def _check_room(root: Path, source: str) -> None:
    """Refuse files that the disk has no room for.

    The client makes each file in its full size before it writes it, and leaves it there when the disk is full: LIST and
    jobs would take it for whole.
    """
    needed = sum(os.path.getsize(file) for file in glob.glob(source) if os.path.isfile(file))
    free = shutil.disk_usage(root).free
    if needed > free:
        raise SnowflakeError(
            603, "53100", f"PUT needs {needed} bytes, and the disk of the local engine's state has {free} left"
        )
