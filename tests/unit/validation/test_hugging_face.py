"""The signatures that snowflake-ml gives the tasks of Hugging Face: each passes validation, and the page has each.

torch and transformers are not needed for it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

import pytest
from documents import Document
from snowflake.ml.model._signatures import utils

from airflow_provider_mediabatch.core.snowflake_objects import FunctionInfo, ModelInfo
from airflow_provider_mediabatch.validation.column_handling import handle_columns
from airflow_provider_mediabatch.validation.findings import Findings
from airflow_provider_mediabatch.validation.parameters import check_params, typed_params
from airflow_provider_mediabatch.validation.signature import (
    Inputs,
    check_names,
    check_partition,
    check_types,
    match_columns,
)

PAGE = Document("docs/hugging-face.md")
INFER = utils.huggingface_pipeline_signature_auto_infer
GENERATION = {spec.name for spec in utils._GENERATION_PARAM_SPECS}
COLUMN_TYPES = {"STRING": "VARCHAR", "BYTES": "VARCHAR"}


def signature(task: str) -> dict[str, Any]:
    found = INFER(task, params={}, has_chat_template=False)
    return found.to_dict() if found else {"inputs": [], "outputs": [], "params": []}


def media_tasks() -> list[str]:
    """The tasks whose signature takes files."""
    named = sorted(set(re.findall(r'task == "([a-z-]+)"', inspect.getsource(INFER))))
    return [task for task in named if any(spec.get("type") == "BYTES" for spec in signature(task)["inputs"])]


def described(spec: Mapping[str, Any]) -> str:
    """An entry of a signature in words."""
    many = "list of " if spec.get("shape") else ""
    if "specs" not in spec:
        return f"`{spec['name']}`" + (f" {many}{spec['type']}" if many or spec["type"] == "BYTES" else "")
    members = ", ".join(
        f"`{item['name']}`" + (f" ({described(item).partition(': ')[2]})" if "specs" in item else "")
        for item in spec["specs"]
    )
    return f"`{spec['name']}`: {many}{members}"


def row(task: str) -> str:
    """The line of the page's table."""
    found = signature(task)
    names = [spec["name"] for spec in found["params"]]
    generates = set(names) >= GENERATION
    own = [f"`{name}`" for name in names if not generates or name not in GENERATION]
    params = ", ".join([*own, "those of generation"] if generates else own)
    inputs, outputs = (", ".join(map(described, found[side])) for side in ("inputs", "outputs"))
    return f"| `{task}` | {inputs} | {outputs} | {params or 'none'} |"


def test_the_page_has_each_task() -> None:
    table = [line for line in PAGE.text.splitlines() if line.startswith("| `") and "BYTES" in line]
    assert table == [row(task) for task in media_tasks()]


def test_the_page_has_the_tasks_without_a_signature() -> None:
    named = re.findall(
        r"`([a-z]+(?:-[a-z]+)+)`", PAGE.text.partition("## Tasks without")[2].partition("`log_model`")[0]
    )
    assert len(named) == 3
    assert [INFER(task, params={}) for task in named] == [None] * 3


@pytest.mark.parametrize("task", media_tasks())
def test_a_manifest_that_fits_passes(task: str) -> None:
    found = signature(task)
    func = FunctionInfo(
        "__CALL__", "__call__", "FUNCTION", False, False,
        tuple(found["inputs"]), tuple(found["outputs"]), tuple(found["params"]),
    )  # fmt: skip
    columns = {
        str(spec["name"]).upper(): "ARRAY" if spec.get("shape") else COLUMN_TYPES[spec["type"]]
        for spec in found["inputs"]
    }
    files = tuple(str(spec["name"]).upper() for spec in found["inputs"] if spec["type"] == "BYTES")
    given, findings = Inputs(columns, files), Findings()
    handling = handle_columns(func, given, match_columns(func, given, findings), {}, findings)
    check_types(func, given, match_columns(func, given, findings), handling, findings)
    texts = {"top_k": "3", "threshold": "0.25", "max_new_tokens": "20", "do_sample": "false", "num_beams": ""}
    params = typed_params(
        func, {name: text for name, text in texts.items() if name in {p["name"] for p in func.params}}
    )
    check_params(func, params, findings)
    check_names(func, given, findings)
    check_partition(
        ModelInfo("DB.SC.M", "V1", "", (), "huggingface_pipeline", False, (func,)), func, given, None, findings
    )
    assert [problem.what for problem in findings.problems] == []
    assert {column: options["convert_to"] for column, options in handling.items()} == dict.fromkeys(files, "raw_bytes")
    assert not any(isinstance(value, str) for value in params.values())
