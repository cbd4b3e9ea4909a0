"""``mediabatch demo`` as a process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from airflow_env import REPOSITORY

COMMAND = [sys.executable, "-m", "airflow_provider_mediabatch.cli.main", "demo"]


def demo(
    state: Path, *arguments: str, timeout: float = 300, before: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run it to its end.

    :param state: its state directory.
    :param arguments: further ones.
    :param timeout: seconds after which it hangs.
    :param before: what stands before the command.
    """
    command = [*before, *COMMAND, "--state-dir", str(state), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, timeout=timeout, check=False)
