"""A manifest: which files one job works on. The value is small; the rows are Parquet on a stage.

It is what ListStageFilesOperator hands to the other operators through XCom: a location, counts and a digest, never the
paths. Any task may write such a folder of Parquet itself and hand over a :class:`Manifest` that describes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from airflow_provider_mediabatch.core import xcom
from airflow_provider_mediabatch.core.stage_path import StagePath

CONTENT_ID = "MB_CONTENT_ID"
SIZE = "MB_SIZE"
LAST_MODIFIED = "MB_LAST_MODIFIED"
SHARD = "MB_SHARD"

BOOKKEEPING: Mapping[str, str] = {
    CONTENT_ID: "VARCHAR",
    SIZE: "NUMBER(38,0)",
    LAST_MODIFIED: "TIMESTAMP_NTZ(9)",
}
"""Columns of ours in every manifest that a listing made, with their SQL types: not names that a model may use."""


@dataclass(frozen=True)
class Manifest:
    """One set of files, staged as Parquet.

    :param location: the folder of Parquet, as a full stage path that ends with a slash. It holds nothing else.
    :param columns: every column's name, as stored, and its SQL type.
    :param file_columns: the columns that hold full stage paths; the first one identifies the row.
    :param file_count: files in all file columns.
    :param row_count: rows, which is what the job is fed.
    :param total_bytes: bytes of all files.
    :param digest: fingerprint of what is in it (count, bytes, paths and content ids, generation), not of its location.
    :param zero_byte_files: files that were left out because they are empty.
    :param unmatched_files: files left out because their partner in another file column was missing.
    :param unqualified_paths: for ``query=``: file column to ``{"count": n, "example": "…"}`` of paths that are not
        ``@DATABASE.SCHEMA.STAGE/…``.
    :param select: ``all``, ``interval`` or ``new``.
    :param model: the model as ``DB.SCHEMA.NAME`` when the listing was made for one.
    :param model_version: the version that alias or default stood for when it was listed; a plan must pin the same.
    :param model_version_created_on: when that version was logged (:attr:`.ModelInfo.created_on`).
    :param function: the model's function.
    :param ledger: the ledger table as ``DB.SCHEMA.NAME``, or None where files are not recorded.
    :param claim_id: under which the rows are claimed in the ledger.
    :param generation: 0, or how often ``reprocess=True`` made these files be done again.
    :param shard: this manifest's number, from 0.
    :param shards: how many manifests the listing was split into.
    :param left_out: rows of its claim that the sample quarantined, and that are in no manifest any more.
    :param extra_digest: digest of the expressions of ``extra_columns=``; "" without.
    :param skipped: files listed but left out, by reason (``done``, ``quarantined``, ``claimed``, ``over_max_files``,
        ``waiting``).
    """

    location: str
    columns: Mapping[str, str]
    file_columns: tuple[str, ...]
    file_count: int
    row_count: int
    total_bytes: int
    digest: str
    zero_byte_files: int = 0
    unmatched_files: int = 0
    unqualified_paths: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    select: str = "all"
    model: str | None = None
    model_version: str | None = None
    model_version_created_on: str | None = None
    function: str | None = None
    ledger: str | None = None
    claim_id: str | None = None
    generation: int = 0
    shard: int = 0
    shards: int = 1
    left_out: int = 0
    extra_digest: str = ""
    skipped: Mapping[str, int] = field(default_factory=dict)

    @property
    def path(self) -> StagePath:
        """:attr:`location`, parsed."""
        return StagePath.parse(self.location)

    @property
    def key_column(self) -> str:
        """The column that identifies a row in ledger and results."""
        return self.file_columns[0]

    @property
    def is_empty(self) -> bool:
        """No rows, and so no Parquet: nothing for a job to do."""
        return self.row_count == 0

    def to_xcom(self) -> dict[str, Any]:
        """JSON-ready, for XCom."""
        return xcom.write(self)

    @classmethod
    def from_xcom(cls, value: object) -> Manifest:
        """The manifest of an XCom.

        :raises ValueError: as :func:`.xcom.read`.
        """
        return xcom.read(cls, value, convert={"file_columns": _names})


def _names(value: Any) -> tuple[Any, ...]:
    """A list of names. A text would be one of its letters.

    :raises TypeError: as :func:`.xcom.read` expects it.
    """
    if not isinstance(value, list | tuple):
        raise TypeError("file_columns is no list of names")
    return tuple(value)


MAPPED_OVER_ONE = (
    "expand() maps over a list, and the upstream task returns one manifest: give its ListStageFilesOperator "
    "max_files_per_shard= or max_bytes_per_shard=, with which it returns a list, or pass the manifest without expand()"
)
"""What to do about a task that is mapped over the fields of one manifest."""


def manifests_from_xcom(value: Any) -> list[Manifest]:
    """One manifest or a list of them (shards), as a list.

    :raises ValueError: as :meth:`Manifest.from_xcom`; an empty list names what it means, and so does a single field,
        which Airflow gives to each task that is mapped over one manifest.
    """
    if isinstance(value, Mapping) or not isinstance(value, Sequence) or isinstance(value, str):
        return [Manifest.from_xcom(value)]
    if not value:
        raise ValueError("the list of manifests is empty: nothing was listed")
    if len(value) == 2 and value[0] in ("kind", "version", *(item.name for item in fields(Manifest))):
        raise ValueError(f"this is the field {value[0]!r} of one manifest. {MAPPED_OVER_ONE}")
    return [Manifest.from_xcom(item) for item in value]


def combined_digest(manifests: Sequence[Manifest]) -> str:
    """One digest over all manifests of a listing. A sample's verdict and a plan are bound to it."""
    return xcom.digest(sorted(manifest.digest for manifest in manifests))
