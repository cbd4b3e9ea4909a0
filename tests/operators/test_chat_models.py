"""Chat models on the engine: files in messages, wrong messages before a job, answers on the review page."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import job_models
import pytest
from operators.bad_files import Files
from operators.job_requests import statements

from airflow_provider_mediabatch.batch.labels import label_sql
from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.client.staged_parquet import StagedParquet
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.manifest import Manifest
from airflow_provider_mediabatch.exceptions import ValidationFailedError
from airflow_provider_mediabatch.files.chat_messages import chat_messages
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator
from airflow_provider_mediabatch.review.connection_pool import ConnectionPool
from airflow_provider_mediabatch.review.page_request import PageRequest
from airflow_provider_mediabatch.review.result_page import read_page
from airflow_provider_mediabatch.review.result_query import ResultQuery
from airflow_provider_mediabatch.review.reviewed_batch import ReviewedBatch, TaskKey

CONTENTS = {
    "a.png": b"\x89PNG\r\n\x1a\n picture",
    "b.wav": b"RIFF\x10\x00\x00\x00WAVEfmt sound",
    "c.mp4": b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom video",
}
PROMPT = 'What\'s in \\ "this"? 日本'
OF_EACH_KIND = (
    "CASE LOWER(SPLIT_PART(FILE_PATH, '.', -1)) "
    f"WHEN 'wav' THEN {chat_messages(PROMPT, 'audio')} WHEN 'mp4' THEN {chat_messages(PROMPT, 'video')} "
    f"ELSE {chat_messages(PROMPT, system='Be brief.')} END"
)


@pytest.fixture(scope="module")
def chat_model(media: Any) -> str:
    """A chat model that says what came in, logged once."""
    from snowflake.ml.model import custom_model
    from snowflake.ml.registry import Registry

    with media.engine.session() as session:
        Registry(session).log_model(
            job_models.ChatModel(custom_model.ModelContext()),
            model_name="OP_CHAT_MODEL",
            version_name="V1",
            signatures={"__call__": job_models.CHAT_SIGNATURE},
            target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
            code_paths=[str(Path(job_models.__file__))],
        )
    return "MEDIA.PUBLIC.OP_CHAT_MODEL"


@pytest.fixture
def files(media: Any, connection: Any, conn_id: str, chat_model: str) -> Files:
    found = Files(media, connection, conn_id)
    found.model = chat_model
    return found


def plan(files: Files, manifest: Any, run_id: str = "run", **arguments: Any) -> Any:
    operator = ValidateSignatureOperator(
        task_id="validate", manifest=manifest, model_name=files.model, compute_pool="LOCAL_POOL",
        output_location=f"@MEDIA.PUBLIC.OP_WORK/{files.name}/", snowflake_conn_id=files.conn_id, **arguments,
    )  # fmt: skip
    return files.execute(operator, run_id)


def test_files_reach_the_model_in_their_messages(files: Files, connection: Any) -> None:
    for name, data in CONTENTS.items():
        (files.folder / name).write_bytes(data)
    manifest = files.list_files("run", extra_columns={"MESSAGES": OF_EACH_KIND}, identity_columns=["MESSAGES"])
    assert manifest["columns"]["MESSAGES"].startswith("VARCHAR")
    assert manifest["file_columns"] == ["FILE_PATH"]
    made = plan(files, manifest, model_params={"temperature": "0.25"})
    assert (made["function"], made["column_handling"], made["warnings"]) == ("__call__", {}, [])
    result = files.full("run", manifest, made)
    query = ResultQuery(connection, result["location"], result["job"])
    columns = query.columns(answers=True)
    found = query.page(columns, PageRequest())
    answers = {row["FILE_PATH"].rsplit("/", 1)[-1]: json.loads(row["choices"]) for row in found}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in CONTENTS.items()}
    same = {"temperature": 0.25, "texts": [PROMPT]}
    assert answers == {
        "a.png": {
            **same, "texts": ["Be brief.", PROMPT], "kind": "image_url", "head": "data:image/png;base64,",
            "sha256": digests["a.png"], "format": None,
        },
        "b.wav": {**same, "kind": "input_audio", "head": "", "sha256": digests["b.wav"], "format": "wav"},
        "c.mp4": {
            **same, "kind": "video_url", "head": "data:video/mp4;base64,", "sha256": digests["c.mp4"], "format": None,
        },
    }  # fmt: skip
    # The output passes the messages through with their paths, and the page searches and counts answers.
    passed = {row["FILE_PATH"]: json.loads(row["MESSAGES"])[-1]["content"][-1] for row in found}
    assert {path for path, part in passed.items() if path in json.dumps(part)} == set(passed)
    assert query.count(columns, PageRequest(search=digests["b.wav"])) == 1
    (choices,) = (column for column in columns if column.name == "choices")
    assert query.labels(choices)[1] == 3
    raw = query.page(query.columns(), PageRequest(size=1))[0]["choices"]
    assert json.loads(raw)[0]["finish_reason"] == "stop"


def test_the_page_of_a_batch(files: Files) -> None:
    for number in range(3):
        (files.folder / f"{number}.png").write_bytes(CONTENTS["a.png"])
    manifest = files.list_files("run", extra_columns={"MESSAGES": chat_messages("What is this?")})
    result = BatchResult.from_xcom(files.full("run", manifest, plan(files, manifest)))
    batch = ReviewedBatch(TaskKey("d", "r", "full"), result, files.conn_id, None, (Manifest.from_xcom(manifest),))
    page = read_page(batch, PageRequest(), ConnectionPool(), lambda path, _: f"signed:{path}")
    assert page.problem == ""
    shown = [(value.title, value.text) for value in page.rows[0].values if value.title]
    assert shown[0] == ("Answer · temperature", "1")
    assert shown[-1] == ("Prompt", "What is this?")
    assert [file.url for row in page.rows for file in row.files] == [
        f"signed:@MEDIA.PUBLIC.{files.name}/{number}.png" for number in range(3)
    ]
    assert [plot.column for plot in page.plots] == [], "the same answer thrice is long, and the rest is no prediction"


def test_one_question_has_one_identity(files: Files) -> None:
    (files.folder / "a.png").write_bytes(CONTENTS["a.png"])

    def listed(run_id: str, prompt: str) -> int:
        columns = {"MESSAGES": chat_messages(prompt)}
        manifest = files.list_files(run_id, extra_columns=columns, identity_columns=["MESSAGES"])
        if manifest["row_count"]:
            files.full(run_id, manifest, plan(files, manifest, run_id))
        return int(manifest["row_count"])

    assert [listed("one", "What?"), listed("two", "What?"), listed("three", "Who?")] == [1, 0, 1]


def test_the_sample_shows_answers(files: Files) -> None:
    (files.folder / "a.png").write_bytes(CONTENTS["a.png"])
    manifest = files.list_files("run", extra_columns={"MESSAGES": chat_messages(PROMPT)})
    report = files.sample("run", manifest, plan(files, manifest))
    assert report["passed"]
    assert report["preview"][0]["choices"].startswith('{"temperature": 1.0, "kind": "image_url", ')


WRONG = {
    "a": ("'What is this?'", "values that are no JSON list of messages (2 times, such as 'What is this?')"),
    "b": ("'[]'", "empty lists of messages"),
    "c": ("""'[{"content": "hello"}]'""", "messages without a role"),
    "d": (chat_messages("x").replace("'image_url', 'image_url'", "'image', 'image'"), "did you mean image_url?"),
    "e": (chat_messages("x").replace('"FILE_PATH"', "'@STAGE/x.png'"), "Invalid path format"),
    "f": ("""'[{"role": "user", "content": 7}]'""", "messages without content"),
    "g": ("NULL", "values that are no JSON list of messages"),
    "h": ("""'[{"role": "user", "content": "a plain text is taken"}]'""", ""),
}


def test_wrong_messages_are_refused_by_name_before_a_job(files: Files, media: Any) -> None:
    for name in WRONG:
        (files.folder / f"{name}.png").write_bytes(CONTENTS["a.png"])
    cases = " ".join(f"WHEN '{name}.png' THEN {text}" for name, (text, _) in WRONG.items())
    messages = f"CASE SPLIT_PART(FILE_PATH, '/', -1) {cases} END"
    manifest = files.list_files("run", extra_columns={"MESSAGES": messages})
    with pytest.raises(ValidationFailedError) as caught:
        plan(files, manifest, model_params={"temperatur": 1}, column_handling={"MESSAGES": "BASE64"})
    said = str(caught.value)
    for _, message in WRONG.values():
        assert message in said
    assert "has no parameter 'temperatur'; did you mean 'temperature'?" in said
    assert "column_handling names MESSAGES" in said
    assert "a plain text" not in said
    assert files.jobs() == {}


def test_the_statements_do_not_grow_with_the_files(files: Files, media: Any) -> None:
    def sent(count: int) -> int:
        for number in range(count):
            (files.folder / f"{number}.png").write_bytes(CONTENTS["a.png"])
        manifest = files.list_files(f"run {count}", extra_columns={"MESSAGES": chat_messages("What?")})
        assert manifest["row_count"] == count
        since = time.time()
        plan(files, manifest)
        return len(statements(media, since))

    few, many = sent(2), sent(30)
    assert many == few


def test_an_array_of_messages_is_taken_too(files: Files, connection: Any) -> None:
    """A column of type ARRAY leaves for Parquet as JSON text, on Snowflake too."""
    (files.folder / "a.png").write_bytes(CONTENTS["a.png"])
    messages = chat_messages(PROMPT).removeprefix("TO_JSON(").removesuffix(")")
    manifest = files.list_files("run", extra_columns={"MESSAGES": messages})
    assert manifest["columns"]["MESSAGES"] == "ARRAY"
    result = files.full("run", manifest, plan(files, manifest))
    staged = StagedParquet(connection, "MEDIA.PUBLIC")
    (row,) = rows(connection, f'SELECT $1:"choices"::VARCHAR AS C FROM {staged.source(result["location"])}')
    seen = json.loads(json.loads(row["C"])[0]["message"]["content"])
    assert seen["sha256"] == hashlib.sha256(CONTENTS["a.png"]).hexdigest()
    assert base64.b64encode(CONTENTS["a.png"]).decode() not in row["C"]


def test_the_answer_is_what_labels_are_compared_with(connection: Any) -> None:
    choices = json.dumps([{"index": 0, "message": {"content": 'a "cat"'}}])
    (row,) = rows(connection, f"SELECT {label_sql(sql.literal(choices), is_nested=True)} AS L")
    assert row["L"] == 'a "cat"'
