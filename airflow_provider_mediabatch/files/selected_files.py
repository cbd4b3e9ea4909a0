"""The files that a run takes, and the manifests that are written of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_mediabatch.core import xcom
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.files.manifest_files import ShardSummary
from airflow_provider_mediabatch.files.relation import Relation
from airflow_provider_mediabatch.files.stage_listing import FileListing


@dataclass(frozen=True)
class SelectedFiles:
    """Files to write as one manifest or several.

    :param relation: their rows.
    :param listing: the listing that they were selected from.
    :param whole: their counts, or None when there are none.
    :param skipped: listed files that were left out, by reason.
    :param generation: 0, or how often these files were reprocessed.
    :param adopted: files that jobs of ended runs have done; they are in no manifest, and LoadResults loads them.
    :param waiting: why none of them is taken although some are open, for messages.
    :param subject: what the manifest says besides: ``select``, model, version and function, ledger and claim.
    """

    relation: Relation
    listing: FileListing
    whole: ShardSummary | None
    skipped: Mapping[str, int] = field(default_factory=dict)
    generation: int = 0
    adopted: int = 0
    waiting: str = ""
    subject: Mapping[str, Any] = field(default_factory=dict)

    def counts(self) -> str:
        """How many files were found, and how many were left out and why, for messages."""
        listing = self.listing
        counted = [f"{listing.found} files found"]
        counted += [f"{count} {name.replace('_', ' ')}" for name, count in self.skipped.items() if count]
        counted += [f"{listing.empty} empty"] if listing.empty else []
        counted += [f"{listing.unmatched} without partner"] if listing.unmatched else []
        counted += [listing.unlisted] if listing.unlisted else []
        return ", ".join(counted)

    def manifest(self, location: StagePath, shard: ShardSummary | None = None, shards: int = 1) -> Manifest:
        """The manifest of one shard.

        :param location: the folder that its Parquet was written to.
        :param shard: its counts; None: there are no files.
        :param shards: how many there are.
        """
        rows = shard.rows if shard else 0
        return Manifest(
            location=location.full,
            columns=dict(self.relation.columns),
            file_columns=self.relation.file_columns,
            file_count=rows * max(1, len(self.relation.file_columns)),
            row_count=rows,
            total_bytes=shard.size if shard else 0,
            digest=shard.digest(self.relation, self.generation) if shard else xcom.digest("empty"),
            zero_byte_files=self.listing.empty,
            unmatched_files=self.listing.unmatched,
            unqualified_paths=self.listing.unqualified or {},
            generation=self.generation,
            shard=shard.shard if shard else 0,
            shards=shards,
            skipped=self.skipped,
            **self.subject,
        )
