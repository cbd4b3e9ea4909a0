"""What becomes of media of many kinds on the way through the operators, and the document that says it.

``python tests/support/media_outcomes.py`` writes ``docs/media-kinds.md``; a test compares the two.
"""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import media_kinds
import numpy as np
from operators.job_requests import Instance
from PIL import Image

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core.batch_result import BatchResult
from airflow_provider_mediabatch.core.media_types import media_type
from airflow_provider_mediabatch.core.sample_report import SampleReport
from airflow_provider_mediabatch.demo import models
from airflow_provider_mediabatch.local import lifecycle
from airflow_provider_mediabatch.operators.full_batch import FullBatchOperator
from airflow_provider_mediabatch.operators.list_stage_files import ListStageFilesOperator
from airflow_provider_mediabatch.operators.load_results import LoadResultsOperator
from airflow_provider_mediabatch.operators.sample_batch import SampleBatchOperator
from airflow_provider_mediabatch.operators.validate_signature import ValidateSignatureOperator
from airflow_provider_mediabatch.review.thumbnails import NotAPictureError, write_thumbnail

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

DOCUMENT = Path(__file__).parents[2] / "docs" / "media-kinds.md"
CONN_ID = "media_kinds"
WORDS = "it was the best of times"


@dataclass(frozen=True)
class Folder:
    """Files of some kinds on a stage.

    :param name: of the folder.
    :param model: which of the demo's models takes them.
    :param files: the kinds, each with its file.
    """

    name: str
    model: str
    files: Mapping[str, bytes]


class Run:
    """A run over a folder, task by task. Each file ends up in the table or in quarantine.

    :param connection: to Snowflake, or the local engine.
    :param folder: what is run.
    """

    def __init__(self, connection: SnowflakeConnection, folder: Folder) -> None:
        self.connection, self.folder = connection, folder
        self.kinds = {f"{number:03}": kind for number, kind in enumerate(folder.files)}

    def outcomes(self) -> dict[str, str]:
        """What the model says, or why the file is in quarantine, by kind."""
        work, model = "@MEDIA.PUBLIC.KINDS_WORK/", f"MEDIA.PUBLIC.{self.folder.model}"
        files = self._do(
            ListStageFilesOperator,
            stage_path=f"@MEDIA.PUBLIC.KINDS/{self.folder.name}/",
            manifest_location=f"{work}manifests/",
            model_name=model,
            select="new",
        )
        plan = self._do(
            ValidateSignatureOperator,
            manifest=files,
            model_name=model,
            compute_pool="LOCAL_POOL",
            output_location=f"{work}predictions/",
        )
        given = {"manifest": files, "plan": plan, "deferrable": False, "poll_interval": 0.3, "isolate_failures": True}
        sample = self._do(SampleBatchOperator, sample_size=4, sampling="spread", max_null_fraction=1.0, **given)
        batch = self._do(FullBatchOperator, sample=sample, max_failed_fraction=1.0, **given)
        table = f"MEDIA.PUBLIC.KINDS_{self.folder.name}"
        self._do(LoadResultsOperator, results=batch, table=table)
        quarantined = [*SampleReport.from_xcom(sample).quarantined, *BatchResult.from_xcom(batch).quarantined]
        reasons = {self._kind(item["path"]): f"`{item['error'].splitlines()[0]}`" for item in quarantined}
        found = rows(self.connection, f"SELECT * FROM {table} WHERE MB_ERROR IS NULL")
        said = {self._kind(row["MB_PATH"]): row for row in found}
        assert not set(reasons) & set(said), "no file is in both places"
        assert sorted({*reasons, *said}) == sorted(kind for kind, data in self.folder.files.items() if data)
        empty = {kind: "left out by the listing" for kind, data in self.folder.files.items() if not data}
        return {kind: self._text(kind, row) for kind, row in said.items()} | reasons | empty

    def _do(self, operator: Any, **arguments: Any) -> Any:
        task = operator(task_id=operator.__name__, snowflake_conn_id=CONN_ID, **arguments)
        ti = Instance.model_construct(
            dag_id="media_kinds", task_id=task.task_id, run_id=self.folder.name, map_index=-1, try_number=1,
            max_tries=0, start_date=datetime.now(UTC), task=task,
        )  # fmt: skip
        return task.execute({"ti": ti})

    def _kind(self, path: str) -> str:
        return self.kinds[path.rsplit("/", 1)[-1].partition(".")[0]]

    def _text(self, kind: str, row: Mapping[str, Any]) -> str:
        if "LABEL" in row:
            return str(row["LABEL"])
        if "FRAMES" in row:
            return _frames(json.loads(row["FRAMES"]), row["SECONDS"], media_kinds.SECONDS[kind])
        said = json.loads(row["outputs"] if "outputs" in row else row["OUTPUTS"])
        text = said["text"].lower()
        return f"{WORDS if text.startswith(WORDS) else text or 'nothing'} ({said['seconds']:.1f} s)"


def _frames(frames: list[dict[str, Any]], seconds: float, right: float) -> str:
    labels = ", ".join(sorted({frame["label"] for frame in frames}))
    inside = all(0 <= frame["second"] <= seconds for frame in frames)
    wrong = "" if abs(seconds - right) < 0.15 and inside else f", {seconds} s at {frames}"
    return f"{labels} ({len(frames)} of 4 frames){wrong}"


def _thumbnail(data: bytes, folder: Path) -> str:
    (folder / "file").write_bytes(data)
    try:
        write_thumbnail(folder / "file", folder / "small")
    except NotAPictureError as error:
        return str(error)
    with Image.open(folder / "small") as small:
        mean = float(np.asarray(small.convert("L")).mean())
    return "yes" if 40 < mean < 200 else f"of brightness {mean:.0f}"


def outcomes(engine: lifecycle.EngineStatus) -> list[tuple[str, str, str, str]]:
    """Kind, type by its first bytes, what becomes of it, and what the review page shows; one for each kind.

    :param engine: a running one. The connection to it is Airflow's ``media_kinds``.
    """
    import snowflake.connector
    from snowflake.snowpark import Session

    os.environ[f"AIRFLOW_CONN_{CONN_ID.upper()}"] = engine.airflow_connection
    found: list[tuple[str, str, str, str]] = []
    with (
        tempfile.TemporaryDirectory() as name,
        Session.builder.configs(engine.parameters).create() as session,
        snowflake.connector.connect(**engine.parameters) as connection,
    ):
        cache = Path(name)
        for stage in ("KINDS", "KINDS_WORK"):
            session.sql(f"CREATE STAGE {stage} ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')").collect()
        for folder, model, kinds in (
            ("pictures", models.image_classifier(cache), media_kinds.pictures()),
            ("sounds", models.transcriber(), media_kinds.sounds()),
            ("videos", models.video_classifier(cache), media_kinds.videos()),
        ):
            models.log(session, model)
            files = dict(kinds)
            for number, data in enumerate(files.values()):
                session.file.put_stream(
                    io.BytesIO(data), f"@KINDS/{folder}/{number:03}.bin", auto_compress=False, overwrite=True
                )
            said = Run(connection, Folder(folder, model.name, files)).outcomes()
            for kind, data in files.items():
                shown = _thumbnail(data, cache) if folder == "pictures" else "–"
                found.append((kind, str(media_type(data)), said[kind], shown))
    return found


def document(found: list[tuple[str, str, str, str]]) -> str:
    """The page."""
    lines = [
        "# Kinds of media",
        "",
        "The table has one photograph (a cup of espresso) and one recording of speech, each in many formats. Each",
        "file went from a stage through listing, validation, sample, full batch and loading, with the demo's models.",
        "The table says what the model said, or why the file was quarantined, and whether the review page has a",
        "thumbnail (recordings and videos have a player instead). `python tests/support/media_outcomes.py` makes this",
        "page (with `tests` and `tests/support` in `PYTHONPATH`), and a test compares it with the code.",
        "",
        "| Kind | By its first bytes | What became of it | Thumbnail |",
        "|---|---|---|---|",
        *(f"| {' | '.join(cell.replace('|', '∣') for cell in row)} |" for row in found),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as state:
        running = lifecycle.start(Path(state))
        try:
            DOCUMENT.write_text(document(outcomes(running)))
        finally:
            lifecycle.stop(Path(state))
    sys.stdout.write(f"{DOCUMENT} is written\n")
