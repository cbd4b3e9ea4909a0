"""One demo at a time works on a state directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from airflow_provider_mediabatch.demo import DemoError
from airflow_provider_mediabatch.demo.alone import alone


def test_a_second_demo_is_refused_and_says_of_the_first(tmp_path: Path) -> None:
    with alone(tmp_path / "state") as lock:
        lock.say("its Airflow is http://127.0.0.1:1")
        with (
            pytest.raises(DemoError, match=rf"process {os.getpid()}, its Airflow is http://127.0.0.1:1\)"),
            alone(tmp_path / "state"),
        ):
            pass
    with alone(tmp_path / "state"):
        pass
