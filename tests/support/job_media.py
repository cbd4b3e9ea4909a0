"""What the job tests run on: stages with files and a manifest, models, and the statements of a job."""

from __future__ import annotations

import io
import json
import time
import uuid
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from job_models import FILE_SIGNATURE, GROUP_SIGNATURE, FileModel, GroupModel


def unique(prefix: str = "J") -> str:
    """A name for a job or role that no other test has."""
    return f"{prefix}_{uuid.uuid4().hex[:8].upper()}"


class Media:
    """Two stages with ten files and a manifest, and two models."""

    def __init__(self, running: Any) -> None:
        from snowflake.ml.registry import Registry

        self.engine = running
        self.session = running.session()
        self.sql("CREATE STAGE IMGS DIRECTORY = (ENABLE = TRUE) ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")
        self.sql("CREATE STAGE OUTS")
        for n in range(10):
            self.put(b"\xff\xd8\xff\xe0" + bytes(n), f"@IMGS/a/f{n}.jpg")
        self.manifest("@OUTS/manifest/", IMG=[f"@MEDIA.PUBLIC.IMGS/a/f{n}.jpg" for n in range(10)], N=list(range(10)))
        registry = Registry(self.session, database_name="MEDIA", schema_name="PUBLIC")
        platforms = {"target_platforms": ["SNOWPARK_CONTAINER_SERVICES"]}
        self.files = registry.log_model(
            FileModel(), model_name="FILES", version_name="V1", signatures={"predict": FILE_SIGNATURE}, **platforms
        )
        self.groups = registry.log_model(
            GroupModel(),
            model_name="GROUPS",
            version_name="V1",
            signatures={"summarise": GROUP_SIGNATURE},
            options={"function_type": "TABLE_FUNCTION"},
            **platforms,
        )

    def put(self, data: bytes, path: str) -> None:
        self.session.file.put_stream(io.BytesIO(data), path, auto_compress=False, overwrite=True)

    def manifest(self, location: str, **columns: Any) -> None:
        buffer = io.BytesIO()
        pq.write_table(pa.table(columns), buffer)
        self.put(buffer.getvalue(), f"{location}data_0.parquet")

    def sql(self, text: str, *binds: Any) -> list[dict[str, Any]]:
        """Rows by upper-case column name."""
        with self.engine.connect(paramstyle="qmark") as connection, connection.cursor() as cursor:
            cursor.execute(text, binds or None)
            names = [column.name.upper() for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def execute(self, name: str | None = None, **changes: Any) -> str:
        """The statement, with parts changed."""
        spec = changes.get("spec") or json.dumps(
            {
                "output": {
                    "stage_location": changes.get("output", "@MEDIA.PUBLIC.OUTS/run/"),
                    "mode": changes.get("mode", "error"),
                },
                "input": {
                    "params": changes.get("params", {}),
                    "column_handling": {"IMG": {"input_format": "full_stage_path", "convert_to": "raw_bytes"}},
                },
                **changes.get("blocks", {}),
            }
        )
        return (
            f"EXECUTE INFERENCE JOB SERVICE IN COMPUTE POOL {changes.get('pool', 'LOCAL_POOL')} "
            f"WITH SPECIFICATION $${spec}$$ FROM {changes.get('source', '@MEDIA.PUBLIC.OUTS/manifest/')} "
            f"MODEL = {changes.get('model', 'MEDIA.PUBLIC.FILES')} {changes.get('version', 'VERSION = V1')} "
            f"{changes.get('function', chr(39).join(['FUNCTION = ', 'predict', '']))} "
            + (f"NAME = {name} " if name else "")
            + f"ASYNC = {changes.get('asynchronous', 'TRUE')} {changes.get('rest', '')}"
        )

    def status(self, name: str) -> str:
        return str(self.sql(f"DESCRIBE SERVICE {name}")[0]["STATUS"])

    def wait(self, name: str, until: str = "", seconds: float = 60) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status = self.status(name)
            if status == until or status not in ("PENDING", "RUNNING"):
                return status
            time.sleep(0.05)
        raise AssertionError(f"{name} is still {status}")

    def logs(self, name: str) -> str:
        return str(next(iter(self.sql("SELECT SYSTEM$GET_SERVICE_LOGS(?, ?, ?)", name, 0, "main")[0].values())))

    def output(self, folder: str) -> list[dict[str, Any]]:
        """Rows of all Parquet parts in a folder of the output stage."""
        rows: list[dict[str, Any]] = []
        for file in self.sql(f"LIST @OUTS/{folder}"):
            path = file["NAME"].split("/", 1)[1]
            if path.endswith(".parquet"):
                rows += pq.read_table(self.session.file.get_stream(f"@OUTS/{path}")).to_pylist()
        return rows

    def listing(self, folder: str) -> list[str]:
        return [row["NAME"].rsplit("/", 1)[1] for row in self.sql(f"LIST @OUTS/{folder}")]
