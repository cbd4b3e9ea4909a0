"""A stream that another session drops or replaces at the moment when a transaction begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_mediabatch.local.catalog import Catalog
from airflow_provider_mediabatch.local.errors import SnowflakeError
from airflow_provider_mediabatch.local.stores.stages.store import StageStore

NAME = ("MEDIA", "PUBLIC", "S")


@pytest.mark.parametrize("replaced", [False, True])
def test_a_stream_that_is_gone_by_now_does_not_exist(tmp_path: Path, replaced: bool) -> None:
    """BEGIN goes through a list of the streams, and passes over those that fail so."""
    stages = StageStore(Catalog(tmp_path / "catalog.sqlite"), tmp_path)
    stage = stages.create(*NAME, directory=True)
    stages.streams.create(NAME, stage, "", "", replace=False)
    (listed,) = stages.streams.all()
    if replaced:
        stages.streams.create(NAME, stage, "", "", replace=True)
    else:
        stages.streams.drop(listed)
    with pytest.raises(SnowflakeError) as gone:
        stages.streams.pin(listed)
    assert gone.value.code == 2003
    assert not list(tmp_path.rglob("*.end"))


def test_a_stale_stream_leaves_no_file_behind(tmp_path: Path) -> None:
    stages = StageStore(Catalog(tmp_path / "catalog.sqlite"), tmp_path)
    stage = stages.create(*NAME, directory=True)
    stages.streams.create(NAME, stage, "", "", replace=False)
    stages.drop(stage)
    with pytest.raises(SnowflakeError, match="has become stale"):
        stages.streams.pin(stages.streams.get(NAME))
    assert not list(tmp_path.rglob("*.end"))
