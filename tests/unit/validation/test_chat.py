"""Messages of a chat model: each wrong form is a problem that names it and its fix."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_mediabatch.core.snowflake_objects import FunctionInfo
from airflow_provider_mediabatch.validation.chat import check_messages, messages_column
from airflow_provider_mediabatch.validation.column_handling import handle_columns
from airflow_provider_mediabatch.validation.findings import Findings
from airflow_provider_mediabatch.validation.parameters import check_params
from airflow_provider_mediabatch.validation.signature import Inputs, check_types, match_columns

FIX = 'extra_columns={"MESSAGES": chat_messages("…", column="IMAGE")} in ListStageFilesOperator'
GOOD = {
    "ROW_TYPE": "ARRAY", "MESSAGE_TYPE": "OBJECT", "ROLE_TYPE": "VARCHAR", "CONTENT_TYPE": "ARRAY", "PART": "image_url",
    "BODY_TYPE": "VARCHAR", "UNQUALIFIED": False, "N": 3, "EXAMPLE": "[{}]",
}  # fmt: skip


def function(name: str = "OPENAI_CHAT_WITH_PARAMS_SIGNATURE") -> FunctionInfo:
    """The function of a chat model, as the registry shows it."""
    from snowflake.ml.model import openai_signatures

    found = getattr(openai_signatures, name)["__call__"].to_dict()
    return FunctionInfo(
        "__CALL__", "__call__", "FUNCTION", False, False,
        tuple(found["inputs"]), tuple(found["outputs"]), tuple(found["params"]),
    )  # fmt: skip


def inputs(kind: str = "VARCHAR", **more: str) -> Inputs:
    return Inputs({"IMAGE": "VARCHAR", "MESSAGES": kind, **more}, ("IMAGE",))


def said(findings: Findings) -> str:
    return "\n".join(f"{problem.what} => {problem.fix}" for problem in findings.problems)


def check(given: Inputs, *forms: dict[str, Any], name: str = "OPENAI_CHAT_WITH_PARAMS_SIGNATURE") -> str:
    """What is said about a manifest, from the names of its columns on."""
    findings, func = Findings(), function(name)
    matched = match_columns(func, given, findings)
    handling = handle_columns(func, given, matched, {}, findings)
    check_types(func, given, matched, handling, findings)
    check_messages(func, given, forms, findings)
    return said(findings)


@pytest.mark.parametrize("kind", ["VARCHAR", "ARRAY", "VARIANT"])
def test_messages_need_no_column_handling(kind: str) -> None:
    given = inputs(kind)
    findings, func = Findings(), function()
    handling = handle_columns(func, given, match_columns(func, given, findings), {}, findings)
    assert messages_column(func, given) == "MESSAGES"
    assert (handling, check(given, GOOD), said(findings)) == ({}, "", "")


def test_a_column_handling_of_messages_is_too_much() -> None:
    given, findings, func = inputs(), Findings(), function()
    handle_columns(func, given, match_columns(func, given, findings), {"MESSAGES": "BASE64"}, findings)
    assert said(findings) == (
        "column_handling names MESSAGES, a column of chat messages, whose stage paths Snowflake reads by itself => "
        "remove it from column_handling"
    )


def test_missing_messages_get_the_call_that_makes_them() -> None:
    found = check(Inputs({"IMAGE": "VARCHAR"}, ("IMAGE",)))
    assert "The model's input messages (OBJECT) has no column in the manifest" in found
    assert found.endswith(f"=> {FIX}")
    default = check(Inputs({"FILE_PATH": "VARCHAR"}, ("FILE_PATH",)))
    assert default.endswith('=> extra_columns={"MESSAGES": chat_messages("…")} in ListStageFilesOperator')


def test_files_are_no_messages() -> None:
    found = check(Inputs({"MESSAGES": "VARCHAR"}, ("MESSAGES",)))
    assert "Column MESSAGES holds files, but the model's input messages takes chat messages" in found
    assert "list the files under another name (column_name=)" in found


@pytest.mark.parametrize(
    ("changed", "what", "fix"),
    [
        ({"ROW_TYPE": None}, "values that are no JSON list of messages", FIX),
        ({"ROW_TYPE": "OBJECT"}, "values that are no JSON list of messages", FIX),
        ({"MESSAGE_TYPE": None, "ROLE_TYPE": None}, "empty lists of messages", FIX),
        ({"ROLE_TYPE": None}, "messages without a role", 'write {"role": "user", "content": …}'),
        ({"CONTENT_TYPE": "OBJECT"}, "messages without content", 'write {"role": "user", "content": …}'),
        (
            {"PART": "image"},
            "a part of type image; did you mean image_url?",
            "the model's signature takes parts of type text, image_url, video_url, input_audio",
        ),
        (
            {"PART": "input_audio", "BODY_TYPE": None},
            "a part of type input_audio without the text input_audio.data",
            FIX,
        ),
        (
            {"UNQUALIFIED": True},
            "a stage path in image_url.url that is no full one: Invalid path format",
            "write @DATAB",
        ),
    ],
)
def test_each_wrong_form_is_named(changed: dict[str, Any], what: str, fix: str) -> None:
    found = check(inputs(), GOOD, {**GOOD, **changed}, {**GOOD, **changed})
    assert found.startswith(f"Column MESSAGES holds {what} (3 times, such as '[{{}}]') => {fix}")
    assert found.count("=>") == 1, "said once"


def test_content_that_is_a_text() -> None:
    text = {**GOOD, "CONTENT_TYPE": "VARCHAR", "PART": None, "BODY_TYPE": None}
    plain = "OPENAI_CHAT_WITH_PARAMS_SIGNATURE_WITH_CONTENT_FORMAT_STRING"
    assert check(inputs(), text) == ""
    assert check(inputs(), text, name=plain) == ""
    assert "the model's signature takes content that is a text, without files" in check(inputs(), GOOD, name=plain)


def test_a_number_is_no_list_of_messages() -> None:
    assert "Column MESSAGES is NUMBER(38,0), but the model's input messages takes a list of chat" in check(
        inputs("NUMBER(38,0)")
    )


def test_parameters_that_are_columns_of_the_signature() -> None:
    found = check(inputs(TEMPERATURE="FLOAT"), name="OPENAI_CHAT_SIGNATURE")
    assert "input top_p (DOUBLE) has no column" in found
    assert "temperature" not in found
    findings = Findings()
    check_params(function("OPENAI_CHAT_SIGNATURE"), {"temperature": 0.2}, findings)
    assert "__call__ has no parameter 'temperature': its signature has an input of that name" in said(findings)
    assert 'extra_columns={"TEMPERATURE": "…"}' in said(findings)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"temperatur": 0.5}, "__call__ has no parameter 'temperatur'; did you mean 'temperature'?"),
        ({"temperature": "warm"}, "Parameter temperature takes DOUBLE, but 'warm' is str"),
        ({"response_format": "json"}, "Parameter response_format takes object, but 'json' is str"),
        (
            {"response_format": {"type": "json_schema", "schema": {}}},
            "Parameter response_format has no member 'schema'",
        ),
        (
            {"response_format": {"json_schema": {"name": "a", "strikt": True}}},
            "Parameter response_format.json_schema has no member 'strikt'; did you mean 'strict'?",
        ),
        (
            {"response_format": {"json_schema": {"strict": "yes"}}},
            "Parameter response_format.json_schema.strict takes BOOL, but 'yes' is str",
        ),
        ({"response_format": {"type": "a", "TYPE": "b"}}, "Parameter response_format.TYPE is given twice"),
    ],
)
def test_wrong_parameters_are_refused_by_name(params: dict[str, Any], message: str) -> None:
    findings = Findings()
    check_params(function(), params, findings)
    assert message in said(findings)


def test_a_schema_is_any_object() -> None:
    findings = Findings()
    schema = {"type": "object", "properties": {"label": {"type": "string"}}}
    check_params(function(), {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}, findings)
    assert findings.problems == []
