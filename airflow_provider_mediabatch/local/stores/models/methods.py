"""What a packaged model offers to jobs, read from its MANIFEST.yml and model.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from airflow_provider_mediabatch.local.errors import SnowflakeError, syntax_error

# The C loader is several times faster; a model's signatures can be long.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Method:
    """One method of a model version.

    :param name: its SQL name.
    :param target: its name in Python.
    :param kind: ``FUNCTION`` or ``TABLE_FUNCTION``.
    :param inputs: SQL names of its inputs, in the signature's order.
    :param params: names of its parameters in the signature.
    :param partitioned: whether it gets a whole partition at a time.
    :param model_type: the packager's name of the model's kind, such as ``custom`` or ``huggingface_pipeline``.
    :param arguments: SQL types of what it takes in SQL: its inputs, or one OBJECT for more inputs than SQL takes.
    :param param_arguments: SQL types of its parameters, which follow.
    :param outputs: the name in Python, the SQL name and the SQL type of each column of a TABLE_FUNCTION.
    """

    name: str
    target: str
    kind: str
    inputs: tuple[str, ...]
    params: tuple[str, ...]
    partitioned: bool
    model_type: str
    arguments: tuple[str, ...] = ()
    param_arguments: tuple[str, ...] = ()
    outputs: tuple[tuple[str, str, str], ...] = ()

    @property
    def wide(self) -> bool:
        """Whether it takes one OBJECT in SQL instead of its inputs."""
        return len(self.arguments) != len(self.inputs)


def methods(version_dir: Path) -> list[Method]:
    """All methods of the model version in a folder."""
    manifest = yaml.load((version_dir / "MANIFEST.yml").read_text("utf-8"), _Loader)
    meta = yaml.load((version_dir / "model" / "model.yaml").read_text("utf-8"), _Loader)
    properties = meta.get("function_properties") or {}
    found = []
    for entry in manifest["methods"]:
        target = str(entry["handler"]).split(".")[1]
        signature = meta["signatures"][target]
        names = [item["name"] for item in entry["inputs"]]
        features = [item["name"] for item in signature["inputs"]]
        if len(names) != len(features):  # more inputs than SQL takes: the manifest says one OBJECT
            names = [name.upper() for name in features]
        found.append(
            Method(
                name=entry["name"],
                target=target,
                kind=entry["type"],
                inputs=tuple(names),
                params=tuple(item["name"] for item in signature.get("params") or []),
                partitioned=bool((properties.get(target) or {}).get("PARTITIONED")),
                model_type=meta.get("model_type", ""),
                arguments=tuple(item["type"] for item in entry["inputs"]),
                param_arguments=tuple(item["type"] for item in entry.get("params") or []),
                outputs=tuple(
                    (feature["name"], column["name"], column["type"])
                    for feature, column in zip(signature["outputs"], entry["outputs"], strict=False)
                    if "name" in column
                ),
            )
        )
    return found


def choose(available: list[Method], function: str | None, model: str) -> Method:
    """The method that FUNCTION names, by its Python or its SQL name; without FUNCTION the only one.

    :raises SnowflakeError: when there is no such method, or several and none named.
    """
    if function is None:
        if len(available) == 1:
            return available[0]
        raise syntax_error(
            f"model {model} has the functions {', '.join(m.target for m in available)}: name one by FUNCTION"
        )
    for method in available:
        if method.target == function:
            return method
    for method in available:
        if method.name == function or method.name == function.upper():
            return method
    raise SnowflakeError(
        2140,
        "42601",
        f"SQL compilation error:\nUnknown function {function} in model {model}; it has "
        f"{', '.join(method.target for method in available)}",
    )


def check(method: Method, params: dict[str, Any], partition_column: str | None) -> None:
    """What can be said of parameters and partitioning before a job starts.

    :raises SnowflakeError: naming the parameter or the rule.
    """
    known = {name.upper() for name in method.params}
    unknown = sorted(name for name in params if name.upper() not in known)
    if unknown:
        raise SnowflakeError(
            395018,
            "22023",
            f"Invalid spec: function {method.target} has no parameter {unknown[0]!r}; it takes {sorted(method.params)}",
        )
    if partition_column is None:
        return
    if method.kind != "TABLE_FUNCTION":
        raise SnowflakeError(
            395018,
            "22023",
            f"Invalid spec: input.partition_column needs a TABLE_FUNCTION; {method.target} is a FUNCTION",
        )
    if method.model_type.startswith("huggingface"):
        raise SnowflakeError(395018, "22023", "Invalid spec: input.partition_column is not for Hugging Face pipelines")
