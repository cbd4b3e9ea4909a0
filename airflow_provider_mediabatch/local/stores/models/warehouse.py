"""What a model that is to run in a warehouse may require: packages of Snowflake's own channel only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from airflow_provider_mediabatch.local.errors import SnowflakeError


def check_channels(folder: Path, manifest: dict[str, Any]) -> None:
    """Refuse conda packages of another channel for a model whose target platforms name the warehouse.

    Source: snowflake-ml-python, registry_target_platforms_test.py, where such a model cannot be logged; the number and
    the words are those of public reports of packages that Snowflake's channel does not have.

    :param folder: the model's files.
    :param manifest: its MANIFEST.yml.
    :raises SnowflakeError: naming the packages.
    """
    if "WAREHOUSE" not in (manifest.get("target_platforms") or []):
        return
    found = [
        text
        for runtime in (manifest.get("runtimes") or {}).values()
        for text in _conda(folder, (runtime.get("dependencies") or {}).get("conda"))
        if "::" in text
    ]
    if found:
        raise SnowflakeError(
            391546,
            "XX000",
            "SQL compilation error: Cannot create a Python function with the specified packages. Please check your "
            f"packages specification and try again. 'Packages not found: - {', - '.join(found)}'.",
        )


def _conda(folder: Path, path: Any) -> list[str]:
    try:
        environment = yaml.safe_load((folder / str(path)).read_text("utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return []
    return [each for each in environment.get("dependencies") or [] if isinstance(each, str)]
