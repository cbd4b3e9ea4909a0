"""What a process has written to disk, for tests that something is nowhere in it."""

from __future__ import annotations

from pathlib import Path


def holding(folder: Path, secret: str | bytes) -> list[str]:
    """Files below a folder that hold the secret's bytes, deleted rows of databases and their journals included."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert files
    wanted = secret.encode() if isinstance(secret, str) else secret
    return sorted(str(path.relative_to(folder)) for path in files if wanted in path.read_bytes())
