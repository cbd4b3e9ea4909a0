"""Rows of a result: only the columns that the listing names are files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_mediabatch.core.inference_plan import InferencePlan
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.review.result_query import ResultColumn
from airflow_provider_mediabatch.review.result_rows import result_row
from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch, TaskKey

ROW = {"IMAGE": "@DB.SC.PHOTOS/a.jpg", "TEXT": "@DB.SC.HR/passport.jpg"}
COLUMNS = [ResultColumn(name, "TEXT") for name in ROW]
REPORT = SampleReport(True, "DB.SC.MB_J_0", "@DB.SC.OUT/MB_J_0/", "@DB.SC.W/s/", "p", "m", (), (ROW,), 1)
MANIFEST = Manifest("@DB.SC.W/m/", {"IMAGE": "VARCHAR"}, ("IMAGE",), 1, 1, 1, "d")
BATCH = ReviewedBatch(TaskKey("d", "r", "t"), REPORT, "c", None, (MANIFEST,))


def signed(path: str, content_ids: str) -> str:
    return "signed:" + path


def test_a_models_text_that_is_a_stage_path_stays_text() -> None:
    row = result_row(BATCH, COLUMNS, ROW, signed)
    assert [(file.column, file.url) for file in row.files] == [("IMAGE", "signed:@DB.SC.PHOTOS/a.jpg")]
    assert [(value.column, value.text) for value in row.values] == [("TEXT", "@DB.SC.HR/passport.jpg")]


def test_without_a_listing_there_are_no_files() -> None:
    row = result_row(replace(BATCH, manifests=()), COLUMNS, ROW, signed)
    assert row.files == ()
    assert {value.text for value in row.values} == set(ROW.values())


def test_no_listing_makes_an_output_of_the_model_a_file() -> None:
    """The listing is a task's XCom, which anybody may have written, and a model's text may be any stage path."""
    plan = InferencePlan("D.S.M", "V", "predict", {"IMAGE": "BYTES"}, {"text": "STRING"}, {}, "POOL", "D.S", "@D.S.W/")
    batch = replace(BATCH, plan=plan, manifests=(replace(MANIFEST, file_columns=("IMAGE", "TEXT")),))
    assert batch.file_columns == ("IMAGE",)
    row = result_row(batch, COLUMNS, ROW, signed)
    assert [file.column for file in row.files] == ["IMAGE"]
    assert [value.text for value in row.values] == ["@DB.SC.HR/passport.jpg"]


@pytest.mark.parametrize("name", ['GONE"; DROP', "", "a\0b", "<b>"])
def test_a_column_of_files_that_is_not_there_is_named(name: str) -> None:
    batch = replace(BATCH, manifests=(replace(MANIFEST, file_columns=(name, "IMAGE")),))
    problem = batch.files_problem(["IMAGE", "TEXT"])
    assert problem == (
        f"The listing names the column {name!r} as one of files. The output has IMAGE, TEXT, and not this one."
    )
    assert [file.column for file in result_row(batch, COLUMNS, ROW, signed).files] == ["IMAGE"]
    assert BATCH.files_problem(["IMAGE"]) == ""
    assert replace(BATCH, manifests=(), unread="it has no version").files_problem(["IMAGE"]) == (
        "The manifest of this result cannot be read: it has no version. No column is known to be of files."
    )


def test_a_preview_from_the_xcom_opens_no_file() -> None:
    assert [file.url for file in result_row(BATCH, COLUMNS, ROW, None).files] == [None]


CHAT = replace(
    BATCH,
    plan=InferencePlan(
        "D.S.M", "V", "__call__", {"messages": "OBJECT"}, {"id": "STRING", "choices": "OBJECT", "usage": "OBJECT"}, {},
        "POOL", "D.S", "@D.S.W/",
    ),
    manifests=(replace(MANIFEST, columns={"IMAGE": "VARCHAR", "MESSAGES": "VARCHAR"}),),
)  # fmt: skip
MESSAGES = """[{"role": "system", "content": "Be brief."}, {"role": "user", "content": [
    {"type": "text", "text": "What is <this>?"},
    {"type": "image_url", "image_url": {"url": "@DB.SC.PHOTOS/a.jpg"}}]}]"""


def chat_values(answer: str, messages: str = MESSAGES) -> list[tuple[str, str, bool]]:
    """Title or name, text, and whether the model wrote it, of each value in its place."""
    columns = [
        ResultColumn("IMAGE", "TEXT"),
        ResultColumn("MESSAGES", "TEXT"),
        ResultColumn("id", "TEXT"),
        ResultColumn("choices", "TEXT", is_answer=True),
    ]
    row = {"IMAGE": "@DB.SC.PHOTOS/a.jpg", "MESSAGES": messages, "id": "x", "choices": answer}
    found = result_row(CHAT, columns, row, signed)
    assert [file.url for file in found.files] == ["signed:@DB.SC.PHOTOS/a.jpg"], "no other file, whatever is said"
    return [(value.title or value.column, value.text, value.output) for value in found.values]


def test_answer_and_prompt_of_a_chat_model_come_first() -> None:
    assert chat_values("@DB.SC.HR/passport.jpg") == [
        ("Answer", "@DB.SC.HR/passport.jpg", True),
        ("Prompt", "system: Be brief.\nWhat is <this>?", False),
        ("id", "x", True),
    ]


def test_an_answer_in_json_is_shown_member_by_member() -> None:
    assert chat_values('{"label": "cat", "score": 0.5}')[:3] == [
        ("Answer · label", "cat", True),
        ("Answer · score", "0.5", True),
        ("Prompt", "system: Be brief.\nWhat is <this>?", False),
    ]


@pytest.mark.parametrize("deep", ['{"a":' + "[" * 1900, '{"a":' * 390, "[" * 2000])
def test_a_model_may_nest_as_deeply_as_it_likes(deep: str) -> None:
    assert chat_values(deep, deep)[:2] == [("Answer", deep, True), ("Prompt", deep, False)]


def test_a_large_whole_number_has_all_its_digits() -> None:
    columns = [ResultColumn("ID", "NUMBER(20, 0)"), ResultColumn("SCORE", "FLOAT")]
    row = result_row(BATCH, columns, {"ID": 12345678901234567890, "SCORE": float("inf")}, signed)
    assert [(value.text, value.share) for value in row.values] == [
        ("12,345,678,901,234,567,890", None),
        ("inf", None),
    ]


def test_a_prompt_that_was_cut_is_shown_as_it_is() -> None:
    assert chat_values("x", MESSAGES[:60])[1] == ("Prompt", MESSAGES[:60], False)


def test_no_value_is_not_the_text_of_it() -> None:
    columns = [*COLUMNS[:1], ResultColumn("A", "TEXT"), ResultColumn("B", "TEXT")]
    row = result_row(BATCH, columns, {**ROW, "A": None, "B": "NULL"}, signed)
    assert [(value.text, value.null) for value in row.values] == [("NULL", True), ("NULL", False)]
