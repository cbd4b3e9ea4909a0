"""A stage of small files and a ledger of the test's own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.client.stages import resolve_stage_path
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.files.list_output import StageSource
from airflow_provider_mediabatch.files.relation import Relation
from airflow_provider_mediabatch.files.stage_listing import list_stages
from airflow_provider_mediabatch.ledger.claimed_rows import ClaimedRows
from airflow_provider_mediabatch.ledger.claims import ClaimOwner, LedgerSubject
from airflow_provider_mediabatch.ledger.ledger import Claim, Ledger

LOGGED = "2026-11-28 10:00:00.123000"
"""When the model's version was logged."""


@dataclass
class Place:
    """An external stage over a folder, and a ledger that is not there yet.

    :param ended: runs that Airflow would say are over.
    """

    connection: Any
    stage: str
    folder: Path
    table: str
    ended: set[str]

    def write(self, *names: str, content: bytes = b"x") -> None:
        """Put files on the stage."""
        for name in names:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(content)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.connection, self.table)

    def rows_of(self, manifest: Manifest) -> ClaimedRows:
        """The ledger's rows of a manifest."""
        return ClaimedRows(self.connection, manifest)

    def listing(self, pattern: str | None = None) -> Relation:
        path = resolve_stage_path(self.connection, f"{self.stage}/", "stage_path")
        source = StageSource("IMG", path, pattern)
        return list_stages(self.connection, [source], directory=False, keep_unmatched=True).relation

    def claim(
        self, run_id: str, *, version: str = "V1", logged: str = LOGGED, pattern: str | None = None, **arguments: Any
    ) -> Claim:
        """Claim as a run's listing does."""
        owner = ClaimOwner("dag", "list", run_id, -1, lambda dag_id, other: other in self.ended)
        arguments.setdefault("take_over_after", timedelta(0))
        subject = LedgerSubject("DB.SC.MODEL", version, logged, "predict")
        return self.ledger.claim(self.listing(pattern), owner=owner, subject=subject, **arguments)

    def names(self, claim: Claim) -> list[str]:
        """Files that a claim holds."""
        found = rows(self.connection, f"SELECT IMG FROM ({claim.relation.query}) ORDER BY 1")
        return [row["IMG"].removeprefix(f"{self.stage}/") for row in found]

    def manifest(self, claim: Claim, **changes: Any) -> Manifest:
        """The manifest of a claim, as far as the ledger looks at it."""
        count = len(self.names(claim))
        facts = {"model": "DB.SC.MODEL", "model_version": "V1", "function": "predict"} | {
            "model_version_created_on": LOGGED
        }
        return Manifest(
            "@DB.SC.WORK/m/", {"IMG": "VARCHAR"}, ("IMG",), count, count, count, "d", ledger=claim.ledger,
            claim_id=claim.claim_id, **{**facts, **changes},
        )  # fmt: skip

    def states(self) -> dict[str, str]:
        """The whole ledger: file name to state."""
        found = rows(self.connection, f"SELECT FILE_PATH, STATE FROM {self.table}")
        assert len(found) == len({row["FILE_PATH"] for row in found}), "a key occurs twice"
        return {row["FILE_PATH"].removeprefix(f"{self.stage}/"): row["STATE"] for row in found}


@pytest.fixture
def make_place(engine: Any) -> Iterator[Callable[[], Place]]:
    with engine.connect() as connection:

        def make() -> Place:
            name = f"LEDGER_{uuid.uuid4().hex[:8]}".upper()
            bucket = name.lower().replace("_", "-")
            connection.cursor().execute(f"CREATE STAGE {name} URL = 's3://{bucket}/in/'")
            folder = Path(engine.state_dir) / "buckets" / bucket / "in"
            folder.mkdir(parents=True, exist_ok=True)
            return Place(connection, f"@MEDIA.PUBLIC.{name}", folder, f"MEDIA.PUBLIC.{name}_L", set())

        yield make


@pytest.fixture
def place(make_place: Callable[[], Place]) -> Place:
    """Three files, ``a.jpg`` to ``c.jpg``."""
    made = make_place()
    made.write("a.jpg", "b.jpg", "c.jpg")
    return made
