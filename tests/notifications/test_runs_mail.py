"""The document's DAG with mail, run by Airflow with a mail server beside it."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import job_models
import pytest
from documents import Document
from mail_sink import mail_sink
from snowflake.ml.model import custom_model
from snowflake.ml.model.model_signature import DataType, ModelSignature, ParamSpec
from snowflake.ml.registry import Registry

from airflow_provider_mediabatch.demo.airflow_home import AirflowHome

PICKY = ModelSignature(
    inputs=job_models.FILE_SIGNATURE.inputs,
    outputs=job_models.FILE_SIGNATURE.outputs,
    params=[ParamSpec("scale", DataType.INT64, 1), ParamSpec("mode", DataType.STRING, "picky")],
)
OWN = {"PHOTOS": "MAIL_PHOTOS", "WORK": "MAIL_WORK", "EFFICIENTNET_LITE0": "MAIL_MODEL", "PREDICTIONS": "MAIL_TABLE"}


@pytest.mark.slow
def test_the_documents_dag_sends_its_runs(
    engine: Any, airflow_home: AirflowHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (dag,) = (block for block in Document("docs/review.md").blocks("python") if "runs_mail" in block)
    for name, own in OWN.items():
        dag = dag.replace(f"MEDIA.PUBLIC.{name}", f"MEDIA.PUBLIC.{own}")
    file = tmp_path / "photos_with_mail.py"
    file.write_text(dag.replace("MY_POOL", "LOCAL_POOL"))
    with engine.session() as session, mail_sink() as sink:
        monkeypatch.setitem(airflow_home.connections, "smtp_default", sink.connection)
        _prepare(session)
        for name, state in (("first", "success"), ("second", "success"), ("POISON", "failed")):
            _put(session, name)
            assert airflow_home.run_dag(file, "photos_with_mail").state == state
        first, second, third = (str(mail.get_body().get_content()) for mail in sink.mails)  # type: ignore[union-attr]
    assert sink.mails[0]["Subject"] == "Media batches of photos_with_mail"
    assert (_lines(first), _lines(second)) == (
        [["complete", "1", "1", "0", "0"]],
        [["complete", "1", "1", "0", "0"]] * 2,
    )
    assert _lines(third)[0] == ["failed", "1", "0", "0", "1"]
    assert "<bdi>66697273</bdi> 100%" in first
    assert not re.search(r"<script|<img|<link|src=", third)


def _prepare(session: Any) -> None:
    for stage in ("MAIL_PHOTOS", "MAIL_WORK"):
        session.sql(f"CREATE STAGE {stage} ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')").collect()
    Registry(session).log_model(
        job_models.FileModel(custom_model.ModelContext()),
        model_name="MAIL_MODEL",
        version_name="V1",
        signatures={"predict": PICKY},
        target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
        code_paths=[str(job_models.__file__)],
    )


def _put(session: Any, name: str) -> None:
    session.file.put_stream(io.BytesIO(name.encode()), f"@MAIL_PHOTOS/{name}.jpg", auto_compress=False)


def _lines(html: str) -> list[list[str]]:
    """State, files, done, quarantined and failed tasks of each run."""
    found = re.findall(r"<tr><td(.+?)</tr>", html, flags=re.DOTALL)
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", line)[:5]]
        for line in found
    ]
