"""What Snowflake says about a model, its stages and a compute pool: plain values that the checks work on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """Something that would make the batch fail.

    :param what: what is wrong.
    :param fix: what to write in the DAG, or the statement to run.
    """

    what: str
    fix: str


@dataclass(frozen=True)
class FunctionInfo:
    """A model's function. ``inputs``, ``outputs`` and ``params`` are the signature's own entries.

    :param name: the SQL name as Snowflake stores it.
    :param target_method: the Python method, which ``FUNCTION = '…'`` names.
    :param method_type: ``FUNCTION`` or ``TABLE_FUNCTION``.
    :param partitioned: it wants whole partitions.
    :param case_sensitive: its inputs match columns by exact case.
    """

    name: str
    target_method: str
    method_type: str
    partitioned: bool
    case_sensitive: bool
    inputs: tuple[Mapping[str, Any], ...]
    outputs: tuple[Mapping[str, Any], ...]
    params: tuple[Mapping[str, Any], ...]

    @property
    def bytes_inputs(self) -> list[str]:
        """Names of the inputs that take a file's bytes."""
        return [str(item["name"]) for item in self.inputs if str(item.get("type", "")).upper() == "BYTES"]


@dataclass(frozen=True)
class ModelInfo:
    """A pinned version of a model.

    :param model: qualified name as SQL.
    :param version: the version's own name.
    :param created_on: when the version was logged, UTC as ``2026-11-28 10:00:00.123000``. A version that is dropped and
        logged again has the same name and another time.
    """

    model: str
    version: str
    created_on: str
    aliases: tuple[str, ...]
    model_type: str
    supports_gpu: bool
    functions: tuple[FunctionInfo, ...]

    def function(self, wanted: str | None) -> FunctionInfo | Problem:
        """The function to run: the one that was asked for, or the only one there is."""
        names = ", ".join(sorted(item.target_method for item in self.functions)) or "none"
        if wanted is None:
            if len(self.functions) == 1:
                return self.functions[0]
            return Problem(
                f"{self.model} version {self.version} has {len(self.functions)} functions and none was chosen",
                f"set function_name to one of: {names}",
            )
        candidates = (
            [item for item in self.functions if wanted in (item.target_method, item.name)]
            or [item for item in self.functions if _unquoted(wanted) == item.name]
            or [item for item in self.functions if wanted.upper() == item.target_method.upper()]
        )
        if candidates:
            return candidates[0]
        return Problem(
            f"{self.model} version {self.version} has no function {wanted}", f"set function_name to one of: {names}"
        )


@dataclass(frozen=True)
class StageInfo:
    """A stage as SHOW STAGES describes it.

    :param type: ``INTERNAL`` (client-side encrypted, SNOWFLAKE_FULL), ``INTERNAL NO CSE`` (server-side, SNOWFLAKE_SSE),
        ``EXTERNAL`` …
    :param client_side_key: an external stage with a client-side encryption key.
    """

    database: str
    schema: str
    name: str
    type: str
    url: str = ""
    client_side_key: bool = False

    @property
    def external(self) -> bool:
        """Whether the files are in the user's own bucket."""
        return self.type.startswith("EXTERNAL")

    @property
    def encrypted_by_client(self) -> bool:
        """SNOWFLAKE_FULL: its files were encrypted before they were uploaded.

        LIST shows the encrypted files' sizes, which are padded to the next multiple of 16 bytes, and MD5s, which differ
        for each upload of the same file.
        """
        return not self.external and "NO CSE" not in self.type


@dataclass(frozen=True)
class ComputePoolInfo:
    """A compute pool as SHOW COMPUTE POOLS describes it."""

    name: str
    instance_family: str
    max_nodes: int
    state: str = ""

    @property
    def gpu(self) -> bool:
        """Whether its machines have GPUs."""
        return self.instance_family.startswith("GPU")


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if len(name) > 1 and name[0] == name[-1] == '"' else name.upper()
