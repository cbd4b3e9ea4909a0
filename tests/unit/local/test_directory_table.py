"""Refreshes of one stage's directory table at the same time: what one has registered, the other does not lose."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PosixPath
from typing import Any, ClassVar

import pyarrow.parquet as pq
import pytest

from airflow_provider_mediabatch.local.catalog import Catalog
from airflow_provider_mediabatch.local.stores.stages import directory
from airflow_provider_mediabatch.local.stores.stages.files import Digests, StagedFile
from airflow_provider_mediabatch.local.stores.stages.stage import Stage
from airflow_provider_mediabatch.local.stores.stages.store import StageStore

SECONDS = 1.0
"""How long one refresh waits for the other, which does not come as long as the first holds the lock."""


class WatchedPath(PosixPath):
    """A path that calls the test after a look whether its file is there, and before a file is written beside it."""

    looked: ClassVar[list[Callable[[], object]]] = []
    writes: ClassVar[list[Callable[[], object]]] = []

    def exists(self, **options: Any) -> bool:
        found = super().exists(**options)
        for call in self.looked:
            call()
        return found

    def with_suffix(self, suffix: str) -> WatchedPath:
        for call in self.writes:
            call()
        return super().with_suffix(suffix)


class WatchedDigests(Digests):
    """Calls the test when a refresh has walked over the files."""

    walked: Callable[[], object] | None = None

    def fill(self, stage: Stage, files: list[StagedFile]) -> None:
        super().fill(stage, files)
        if self.walked is not None:
            self.walked()


@pytest.fixture
def stages(tmp_path: Path) -> Iterator[StageStore]:
    yield StageStore(Catalog(tmp_path / "catalog.sqlite"), WatchedPath(tmp_path))
    WatchedPath.looked, WatchedPath.writes = [], []


@pytest.fixture
def stage(stages: StageStore) -> Stage:
    made = stages.create("DB", "SC", "S", directory=True, encryption="SNOWFLAKE_SSE")
    for name in ("a", "b"):
        (made.root / name).write_text(name)
    return made


def registered(stages: StageStore, stage: Stage) -> list[str]:
    return sorted(pq.read_table(directory.file(stages, stage))["path"].to_pylist())


def refresh(stages: StageStore, stage: Stage, subpath: str = "") -> list[tuple[str, str]]:
    rows = directory.refresh(stages, stage, subpath, no_md5_above=1e9).table.to_pylist()
    return [(name, status) for name, status, _ in (row.values() for row in rows)]


def test_two_refreshes_register_the_files_of_both(stages: StageStore, stage: Stage) -> None:
    directory.file(stages, stage)
    both = threading.Barrier(2, timeout=SECONDS)

    def meet() -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait()

    WatchedPath.writes = [meet]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda subpath: refresh(stages, stage, subpath), "ab"))
    assert answers == [[("a", "REGISTERED_NEW")], [("b", "REGISTERED_NEW")]]
    assert registered(stages, stage) == ["a", "b"]


def test_a_refresh_keeps_what_another_one_found_after_its_walk(stages: StageStore, stage: Stage) -> None:
    refresh(stages, stage)
    walked, refreshed = threading.Event(), threading.Event()
    stages.digests = digests = WatchedDigests(stages.state_dir / "digests.sqlite")

    def wait() -> None:
        digests.walked = None
        walked.set()
        refreshed.wait(SECONDS)

    digests.walked = wait
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(refresh, stages, stage)
        assert walked.wait(10)
        (stage.root / "c").write_text("new")
        assert refresh(stages, stage, "c") == [("c", "REGISTERED_NEW")]
        refreshed.set()
        assert first.result(10) == []
    assert registered(stages, stage) == ["a", "b", "c"]


def test_a_first_look_leaves_the_table_of_a_first_refresh(stages: StageStore, stage: Stage) -> None:
    looked, refreshed = threading.Event(), threading.Event()

    def wait() -> None:
        WatchedPath.looked = []
        looked.set()
        assert refreshed.wait(10)

    WatchedPath.looked = [wait]
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(directory.file, stages, stage)
        assert looked.wait(10)
        refresh(stages, stage)
        refreshed.set()
        reader.result(10)
    assert registered(stages, stage) == ["a", "b"]
