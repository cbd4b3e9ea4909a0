"""The command ``mediabatch`` as a user runs it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def mediabatch(
    *arguments: str, environment: Mapping[str, str] | None = None, cwd: Path | None = None, timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run the installed command.

    :param environment: variables beside this process's own.
    :param timeout: seconds.
    """
    return subprocess.run(
        [str(Path(sys.executable).parent / "mediabatch"), *arguments],
        env=os.environ | (environment or {}),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
