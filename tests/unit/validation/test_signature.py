"""Each check, and that it names the fix."""

from __future__ import annotations

import datetime
import decimal
import enum
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import yaml

from airflow_provider_mediabatch.core.snowflake_objects import (
    ComputePoolInfo,
    FunctionInfo,
    ModelInfo,
    Problem,
    StageInfo,
)
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.validation.column_handling import handle_columns, warn_of_text
from airflow_provider_mediabatch.validation.environment import (
    check_compute_pool,
    check_gpu,
    check_input_stage,
    check_locations,
    check_output_stage,
    check_unqualified,
)
from airflow_provider_mediabatch.validation.findings import Findings
from airflow_provider_mediabatch.validation.parameters import check_params, typed_params
from airflow_provider_mediabatch.validation.signature import (
    Inputs,
    check_names,
    check_partition,
    check_types,
    match_columns,
)


def function(*inputs: Mapping[str, Any], **changes: Any) -> FunctionInfo:
    values: dict[str, Any] = {
        "name": "PREDICT",
        "target_method": "predict",
        "method_type": "FUNCTION",
        "partitioned": False,
        "case_sensitive": False,
        "inputs": inputs or ({"name": "image", "type": "BYTES"},),
        "outputs": ({"name": "LABEL", "type": "STRING"},),
        "params": (),
    }
    return FunctionInfo(**{**values, **changes})


def inputs(files: tuple[str, ...] = ("IMAGE",), **other: str) -> Inputs:
    return Inputs(
        {**dict.fromkeys(files, "VARCHAR"), **other, "MB_SIZE": "NUMBER(38,0)"}, files, frozenset({"MB_SIZE"})
    )


def said(findings: Findings) -> str:
    return "\n".join(f"{problem.what} => {problem.fix}" for problem in findings.problems)


def handled(func: FunctionInfo, given: Inputs, overrides: Mapping[str, Any] | None = None) -> tuple[Any, Findings]:
    findings = Findings()
    matched = match_columns(func, given, findings)
    handling = handle_columns(func, given, matched, overrides or {}, findings)
    check_types(func, given, matched, handling, findings)
    return {column: options["convert_to"] for column, options in handling.items()}, findings


def test_bytes_input_takes_raw_bytes_and_string_base64() -> None:
    func = function({"name": "image", "type": "BYTES"}, {"name": "audio", "type": "STRING"})
    handling, findings = handled(func, inputs(("IMAGE", "AUDIO")))
    assert handling == {"IMAGE": "raw_bytes", "AUDIO": "base64"}
    assert not findings.problems


def test_exact_case_comes_before_upper_case() -> None:
    given = Inputs({"image": "VARCHAR", "IMAGE": "VARCHAR"}, ("image", "IMAGE"))
    assert match_columns(function(), given, Findings()) == {"image": "image"}


@pytest.mark.parametrize("case_sensitive", [False, True])
def test_a_column_that_differs_in_case_only_matches(case_sensitive: bool) -> None:
    findings = Findings()
    matched = match_columns(function(case_sensitive=case_sensitive), inputs(("Image",)), findings)
    assert matched == {"image": "Image"}
    assert not findings.problems


def test_several_columns_that_differ_in_case_only_are_a_problem() -> None:
    findings = Findings()
    match_columns(function(), inputs(("Image", "iMage")), findings)
    assert "input image (BYTES) has several columns that differ in case only: Image, iMage" in said(findings)
    assert 'SELECT "Image" AS "IMAGE"' in said(findings)


def test_a_column_of_another_name_gets_the_rename() -> None:
    findings = Findings()
    match_columns(function(), inputs(("FILE_PATH",)), findings)
    assert 'column_name="IMAGE"' in said(findings)
    assert "did you mean FILE_PATH" in said(findings)


def test_missing_input_without_a_guess() -> None:
    findings = Findings()
    match_columns(function({"name": "prompt", "type": "INT64"}), inputs(), findings)
    assert 'add a column "PROMPT"' in said(findings)
    assert "extra_columns= or query=" in said(findings)
    assert "column_name=" not in said(findings), "a file's path is no number"


def test_a_missing_second_file() -> None:
    findings = Findings()
    two = ({"name": "image", "type": "BYTES"}, {"name": "mask", "type": "BYTES"})
    match_columns(function(*two), inputs(), findings)
    assert 'add a column "MASK" to the manifest (columns= or query=)' in said(findings)


def test_forgotten_column_handling_cannot_happen() -> None:
    given = Inputs({"IMAGE": "VARCHAR(100)"}, ())
    handling, findings = handled(function(), given)
    assert handling == {"IMAGE": "raw_bytes"}
    assert not findings.problems


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"IMAGES": "RAW_BYTES"}, "did you mean 'IMAGE'"),
        ({"image": "RAW_BYTES"}, "did you mean 'IMAGE'"),
        ({"IMAGE": {"input_format": "PATH", "convert_to": "RAW_BYTES"}}, "Invalid path format PATH"),
        ({"IMAGE": "BASE64"}, "use RAW_BYTES"),
        ({"IMAGE": "RAWBYTES"}, "did you mean RAW_BYTES"),
        ({"IMAGE": {"format": "x"}}, "unknown keys: format"),
        ({"CATEGORY": "RAW_BYTES"}, "feeds no input"),
    ],
)
def test_overrides_that_cannot_work(overrides: dict[str, Any], says: str) -> None:
    _, findings = handled(function(), inputs(CATEGORY="VARCHAR"), overrides)
    assert says in said(findings)


def test_data_url_by_override_in_any_case_and_as_enumeration() -> None:
    class Encoding:
        value = "base64_data_url"

    for value in ("BASE64_DATA_URL", "base64_data_url", {"convert_to": Encoding()}):
        handling, findings = handled(function({"name": "image", "type": "STRING"}), inputs(), {"IMAGE": value})
        assert handling == {"IMAGE": "base64_data_url"}
        assert not findings.problems


@pytest.mark.parametrize(
    ("kind", "sql_type", "fits"),
    [
        ("INT64", "NUMBER(38,0)", True),
        ("DOUBLE", "FLOAT", True),
        ("FLOAT", "NUMBER(10,2)", True),
        ("STRING", "VARCHAR(16777216)", True),
        ("BOOL", "BOOLEAN", True),
        ("TIMESTAMP_NTZ", "TIMESTAMP_NTZ(9)", True),
        ("INT64", "VARCHAR", False),
        ("STRING", "NUMBER(38,0)", False),
        ("BOOL", "VARCHAR", False),
        ("INT64", "FLOAT", False),
    ],
)
def test_types_of_ordinary_columns(kind: str, sql_type: str, fits: bool) -> None:
    func = function({"name": "image", "type": "BYTES"}, {"name": "N", "type": kind})
    _, findings = handled(func, inputs(N=sql_type))
    assert (not findings.problems) is fits
    if not fits:
        assert 'SELECT "N"::' in said(findings)


def test_file_column_for_a_number_is_refused() -> None:
    _, findings = handled(function({"name": "image", "type": "INT64"}), inputs())
    assert "holds files" in said(findings)


PARAMS = (
    {"name": "language", "dtype": "STRING", "default_value": "en"},
    {"name": "beams", "dtype": "INT64", "default_value": 1},
    {"name": "temperature", "dtype": "DOUBLE", "default_value": 0.0},
    {"name": "sizes", "dtype": "INT64", "shape": [2], "default_value": [1, 2]},
)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"langauge": "en"}, "did you mean 'language'"),
        ({"language": 5}, "takes STRING"),
        ({"beams": 1.5}, "takes INT64"),
        ({"beams": True}, "takes INT64"),
        ({"temperature": "hot"}, "takes DOUBLE"),
        ({"sizes": [1]}, "takes INT64[2]"),
        ({"sizes": 1}, "takes INT64[2]"),
        ({"beams": 1, "BEAMS": 2}, "given twice"),
        ({"temperature": float("inf")}, "no infinity"),
        ({"temperature": float("nan")}, "no infinity"),
        ({"sizes": [1, float("-inf")]}, "no infinity"),
    ],
)
def test_params_that_cannot_work(params: dict[str, Any], says: str) -> None:
    findings = Findings()
    check_params(function(params=PARAMS), params, findings)
    assert says in said(findings)


def test_params_that_work() -> None:
    findings = Findings()
    given = {"LANGUAGE": "de", "beams": 2, "temperature": 1, "sizes": [3, 4]}
    check_params(function(params=PARAMS), given, findings)
    check_params(function(params=PARAMS), {"beams": None}, findings)
    assert not findings.problems


def test_rendered_templates_become_what_the_signature_wants() -> None:
    specs = (*PARAMS, {"name": "fast", "dtype": "BOOL", "default_value": False})
    rendered = {"language": "4", "beams": "4", "temperature": "0.5", "fast": "True", "unknown": "1"}
    assert typed_params(function(params=specs), rendered) == {
        "language": "4",
        "beams": 4,
        "temperature": 0.5,
        "fast": True,
        "unknown": "1",
    }
    assert typed_params(function(params=specs), {"beams": "many"}) == {"beams": "many"}
    assert typed_params(function(params=specs), {"sizes": ["3", 4]}) == {"sizes": [3, 4]}
    nothing = {"beams": "None", "fast": "", "language": "", "temperature": None, "nope": None}
    assert typed_params(function(params=specs), nothing) == {"language": "", "nope": None}
    group = {"name": "decoding", "specs": [{"name": "beams", "dtype": "INT64"}, {"name": "task", "dtype": "STRING"}]}
    assert typed_params(function(params=(group,)), {"DECODING": {"beams": "4", "task": "4"}}) == {
        "DECODING": {"beams": 4, "task": "4"}
    }
    assert typed_params(function(params=(group,)), {"decoding": {"beams": None, "task": "4", "x": None}}) == {
        "decoding": {"task": "4", "x": None}
    }


class Beams(enum.IntEnum):
    MANY = 3


class Language(enum.StrEnum):
    GERMAN = "de"


@pytest.mark.parametrize(
    ("spec", "value", "plain"),
    [
        ({"dtype": "INT64"}, np.int64(3), 3),
        ({"dtype": "INT64"}, Beams.MANY, 3),
        ({"dtype": "INT64"}, "-9223372036854775808", -(2**63)),
        ({"dtype": "UINT64"}, 2**64 - 1, 2**64 - 1),
        ({"dtype": "DOUBLE"}, np.float64(0.5), 0.5),
        ({"dtype": "DOUBLE"}, np.float32(0.5), 0.5),
        ({"dtype": "DOUBLE"}, "-0.0", -0.0),
        ({"dtype": "FLOAT"}, 1e300, 1e300),
        ({"dtype": "DOUBLE", "shape": [-1]}, (np.float64(1.5), 2), [1.5, 2]),
        ({"dtype": "BOOL"}, np.bool_(True), True),
        ({"dtype": "BOOL"}, 0, False),
        ({"dtype": "STRING"}, np.str_("a"), "a"),
        ({"dtype": "STRING"}, Language.GERMAN, "de"),
        ({"dtype": "TIMESTAMP_NTZ"}, datetime.datetime(2026, 1, 2, 3, 4, 5, 6), "2026-01-02T03:04:05.000006"),
        ({"dtype": "TIMESTAMP_NTZ"}, datetime.date(2026, 1, 2), "2026-01-02"),
        ({"dtype": "TIMESTAMP_NTZ"}, "2026-01", "2026-01"),
        ({"dtype": "OBJECT"}, {"a": [None, 1.5, {"b": ()}]}, {"a": [None, 1.5, {"b": []}]}),
    ],
)
def test_values_of_other_classes_become_plain(spec: dict[str, Any], value: Any, plain: Any) -> None:
    of = function(params=({"name": "p", "default_value": None, **spec},))
    findings = Findings()
    found = typed_params(of, {"p": value})
    check_params(of, found, findings)
    assert not findings.problems
    assert repr(found) == repr({"p": plain}), "types and signs as well"
    assert yaml.safe_load(yaml.safe_dump(found)) == found


@pytest.mark.parametrize(
    ("dtype", "value", "says"),
    [
        ("INT64", 2**63, "9223372036854775808 is not between -9223372036854775808 and 9223372036854775807"),
        ("INT8", 300, "300 is not between -128 and 127"),
        ("UINT8", -1, "-1 is not between 0 and 255"),
        pytest.param("INT64", 10**5000, "a whole number of more than 100 digits is not between", id="digits"),
        ("INT64", "9" * 5000, "999… is str"),
        ("INT64", "1e3", "'1e3' is str"),
        ("DOUBLE", 10**400, "a whole number of more than 100 digits is more than"),
        ("DOUBLE", "1e400", "p = inf: a job's specification has no infinity"),
        ("DOUBLE", decimal.Decimal("0.1"), "Decimal('0.1') is Decimal"),
        ("DOUBLE", 1 + 0j, "is complex"),
        ("BOOL", 2, "2 is int"),
        ("BOOL", "nein", "'nein' is str"),
        ("STRING", b"a", "p is bytes, and a job's specification is text"),
        ("BYTES", b"\xff", "p is bytes"),
        ("TIMESTAMP_NTZ", datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), "'2026-01-01T00:00:00+00:00' is str"),
        ("TIMESTAMP_NTZ", "yesterday", "'yesterday' is str"),
        ("OBJECT", {"a": {1, 2}}, "{'a': {1, 2}} is dict"),
        ("OBJECT", {1: 2}, "{1: 2} is dict"),
        ("OBJECT", datetime.timedelta(1), "is timedelta"),
    ],
)
def test_values_that_no_specification_holds(dtype: str, value: Any, says: str) -> None:
    of = function(params=({"name": "p", "dtype": dtype, "default_value": None},))
    findings = Findings()
    check_params(of, typed_params(of, {"p": value}), findings)
    assert says in said(findings)
    assert len(said(findings)) < 400


def test_missing_param_without_default() -> None:
    findings = Findings()
    check_params(function(params=({"name": "task", "dtype": "STRING"},)), {}, findings)
    assert "task has no default" in said(findings)
    assert findings.problems[0].fix == 'model_params={"task": …}'


def model(model_type: str = "custom", gpu: bool = False) -> ModelInfo:
    return ModelInfo("DB.SC.M", "V1", "", (), model_type, gpu, (function(),))


@pytest.mark.parametrize(
    ("model_type", "changes", "column", "says"),
    [
        ("custom", {}, "IMAGE", "is a FUNCTION"),
        ("huggingface_pipeline", {"method_type": "TABLE_FUNCTION"}, "IMAGE", "Hugging Face"),
        ("custom", {"method_type": "TABLE_FUNCTION"}, "IMAGES", "did you mean IMAGE"),
        ("custom", {"method_type": "TABLE_FUNCTION", "partitioned": True}, "LABEL", "appends it itself"),
    ],
)
def test_partition_rules(model_type: str, changes: dict[str, Any], column: str, says: str) -> None:
    findings = Findings()
    check_partition(model(model_type), function(**changes), inputs(LABEL="VARCHAR"), column, findings)
    assert says in said(findings)


def test_reserved_names() -> None:
    findings = Findings()
    check_names(function(outputs=({"name": "MB_SIZE", "type": "INT64"},)), inputs(), findings)
    assert "MB_* is kept for the provider" in said(findings)


def test_a_function_without_inputs_is_refused() -> None:
    findings = Findings()
    match_columns(function(inputs=()), inputs(), findings)
    assert "takes no inputs" in said(findings)


@pytest.mark.parametrize("column", ["LABEL", "label", "Label"])
def test_a_column_with_the_name_of_an_output_is_refused(column: str) -> None:
    findings = Findings()
    check_names(function(), inputs(**{column: "VARCHAR"}), findings)
    assert f'SELECT "{column}" AS "{column}_IN"' in said(findings)
    assert not findings.warnings


def test_outputs_that_differ_in_case_only_are_refused() -> None:
    findings = Findings()
    outputs = tuple({"name": name, "type": "STRING"} for name in ("Label", "SCORE", "LABEL", "score", "other"))
    check_names(function(outputs=outputs), inputs(), findings)
    assert [problem.what.split(",")[0] for problem in findings.problems] == [
        "The model's outputs Label and LABEL differ in case only",
        "The model's outputs SCORE and score differ in case only",
    ]


def test_the_output_of_a_partitioned_method_has_no_columns_of_the_manifest() -> None:
    findings = Findings()
    check_names(function(method_type="TABLE_FUNCTION", partitioned=True), inputs(LABEL="VARCHAR"), findings)
    assert not findings.problems


def test_a_text_input_that_gets_files_is_named() -> None:
    findings = Findings()
    func = function({"name": "prompt", "type": "STRING"})
    given = Inputs({"PROMPT": "VARCHAR"}, ("PROMPT",))
    handling = handle_columns(func, given, match_columns(func, given, findings), {}, findings)
    warn_of_text(given, handling, {}, findings)
    assert "column_name= of ListStageFilesOperator" in findings.warnings[0]


def test_null_paths_are_a_problem_of_their_own() -> None:
    findings = Findings()
    check_unqualified({"IMAGE": {"count": 3, "nulls": 2, "example": "cat.jpg"}}, findings)
    assert "2 values in column IMAGE are NULL" in said(findings)
    assert 'WHERE "IMAGE" IS NOT NULL' in said(findings)
    assert "1 paths in column IMAGE are not full stage paths" in said(findings)


def test_choosing_a_function() -> None:
    two = ModelInfo("M", "V", "", (), "custom", False, (function(), function(target_method="embed", name="EMBED")))
    assert isinstance(two.function(None), Problem)
    assert isinstance(two.function("nope"), Problem)
    for wanted in ("embed", "EMBED", "Embed", '"EMBED"'):
        chosen = two.function(wanted)
        assert isinstance(chosen, FunctionInfo)
        assert chosen.target_method == "embed"


STAGES = {
    ("DB", "SC"): [
        StageInfo("DB", "SC", "IMAGES", "INTERNAL NO CSE"),
        StageInfo("DB", "SC", "FULL", "INTERNAL"),
        StageInfo("DB", "SC", "S3", "EXTERNAL", "s3://bucket/prefix/"),
        StageInfo("DB", "SC", "S3_KEY", "EXTERNAL", "s3://bucket/", client_side_key=True),
        StageInfo("DB", "SC", "AZURE", "EXTERNAL", "azure://x/"),
    ],
    ("DB", "GONE"): None,
}


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("@DB.SC.IMAGE/x", "did you mean @DB.SC.IMAGES?"),
        ('@DB.SC."images"/x', "did you mean @DB.SC.IMAGES?"),
        ("@DB.GONE.X", "GRANT USAGE ON SCHEMA DB.GONE"),
        ("@DB.SC.S3_KEY", "client-side encrypted"),
        ("@DB.SC.AZURE", "S3 only"),
    ],
)
def test_input_stages_that_cannot_work(path: str, says: str) -> None:
    findings = Findings()
    check_input_stage(StagePath.parse(path), STAGES, findings)
    assert says in said(findings)


def test_input_stages_that_work() -> None:
    findings = Findings()
    for path in ("@DB.SC.IMAGES", "@DB.SC.S3", "@DB.SC.FULL"):
        check_input_stage(StagePath.parse(path), STAGES, findings)
    assert not findings.problems
    assert len(findings.warnings) == 1
    assert "SNOWFLAKE_FULL" in findings.warnings[0]
    assert "uploaded again unchanged is new" in findings.warnings[0]


def test_output_stage_must_be_internal() -> None:
    findings = Findings()
    check_output_stage(StagePath.parse("@DB.SC.S3/out/"), STAGES, findings)
    assert "internal stages only" in said(findings)
    check_output_stage(StagePath.parse("@DB.SC.NOPE_AT_ALL/out/"), STAGES, findings)
    assert "GRANT READ, WRITE ON STAGE" in said(findings)


def test_manifest_inside_the_output() -> None:
    findings = Findings()
    check_locations([StagePath.parse("@DB.SC.W/out/m/")], StagePath.parse("@DB.SC.W/out"), findings)
    assert "is inside" in said(findings)
    findings = Findings()
    check_locations([StagePath.parse("@DB.SC.W/output/m/")], StagePath.parse("@DB.SC.W/out"), findings)
    assert not findings.problems


def test_compute_pools() -> None:
    pools = [ComputePoolInfo("CPU_POOL", "CPU_X64_S", 2), ComputePoolInfo("GPU_POOL", "GPU_NV_S", 1)]
    findings = Findings()
    assert check_compute_pool("cpu_pool", pools, {}, 1, findings) == "CPU_POOL"
    assert not findings.problems
    check_compute_pool("CPU_POL", pools, {}, None, findings)
    assert "did you mean CPU_POOL" in said(findings)
    assert "GRANT USAGE ON COMPUTE POOL CPU_POL" in said(findings)
    findings = Findings()
    check_compute_pool("CPU_POOL", pools, {"gpu_requests": "1"}, 5, findings)
    assert "use a GPU pool: GPU_POOL" in said(findings)
    assert "at most 2 nodes" in findings.warnings[0]


def test_gpu_model() -> None:
    findings = Findings()
    check_gpu(model(gpu=False), {"gpu_requests": "1"}, findings)
    assert "cuda_version" in said(findings)
    check_gpu(model(gpu=True), {"gpu_requests": "1"}, findings)
    assert len(findings.problems) == 1


def test_unqualified_paths_get_the_qualified_form() -> None:
    findings = Findings()
    check_unqualified({"IMAGE": {"count": 3, "example": "images/cat.jpg"}}, findings)
    assert "3 paths" in said(findings)
    assert "@DATABASE.SCHEMA.STAGE/path" in said(findings)
