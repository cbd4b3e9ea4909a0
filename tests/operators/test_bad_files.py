"""Files that the model cannot process: what they cost, whom they stop, and who is told. Real jobs on the engine."""

from __future__ import annotations

from typing import Any

import pytest
from operators.bad_files import Files

from airflow_provider_mediabatch.exceptions import ModelRaisedError


@pytest.fixture
def files(media: Any, connection: Any, conn_id: str) -> Files:
    return Files(media, connection, conn_id)


def test_what_the_model_raises_is_not_paid_for_again(files: Files) -> None:
    files.write(2, 1)
    manifest = files.list_files("one")
    plan = files.plan("one", manifest)
    with pytest.raises(ModelRaisedError) as caught:
        files.sample("one", manifest, plan)
    text = str(caught.value)
    assert all(f"f00{number}.bin" in text for number in range(3))
    assert "cannot read this picture: POISON 1" in text
    assert "so the task is not retried" in text
    assert files.jobs() == {"FAILED": 1}
    assert set(files.states().values()) == {"released"}, "no retry follows, though tries are left"
