"""Claims on a real account: eight processes, overlapping listings of 10,000 files, every file one run's.

The same as ``tests/ledger`` does on the local engine; see :mod:`test_real_account` for the connection. The stage
``MEDIABATCH_TEST_CLAIMS`` is made once and left, because 10,000 small files take minutes to upload.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from snowflake.snowpark import Session

CONNECTION = os.environ.get("MEDIABATCH_SYSTEM_CONNECTION")
FILES, PROCESSES = 10_000, 8
CLAIMER = Path(__file__).parents[1] / "ledger" / "claimer.py"

pytestmark = pytest.mark.skipif(
    not CONNECTION, reason="no Snowflake account: MEDIABATCH_SYSTEM_CONNECTION gives no connection"
)


@pytest.fixture
def stage(session: Session, tmp_path: Path) -> str:
    session.sql("CREATE STAGE IF NOT EXISTS MEDIABATCH_TEST_CLAIMS ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')").collect()
    if len(session.sql("LIST @MEDIABATCH_TEST_CLAIMS/claims/").collect()) < FILES:
        for number in range(FILES):
            (tmp_path / f"f{number:05}.jpg").write_bytes(b"x")
        session.file.put(str(tmp_path / "*.jpg"), "@MEDIABATCH_TEST_CLAIMS/claims", auto_compress=False, parallel=64)
    return "@MEDIABATCH_TEST_CLAIMS/claims/"


def test_eight_processes_claim_ten_thousand_files(session: Session, stage: str) -> None:
    table = f"MEDIABATCH_TEST_CLAIMS_{uuid.uuid4().hex[:8]}".upper()
    tasks = [
        {
            "stage_path": stage,
            "pattern": f".*[{''.join(str((digit + offset) % 10) for offset in range(6))}][.]jpg",
            "ledger": table,
            "run_id": f"run {digit}",
        }
        for digit in range(PROCESSES)
    ]
    try:
        ended = subprocess.run(
            [sys.executable, str(CLAIMER), json.dumps("mediabatch_system"), json.dumps(tasks)],
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr[-4000:]
        held = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
        rows = session.sql(f"SELECT COUNT(*) AS N, COUNT(DISTINCT FILE_PATH) AS P FROM {table}").collect()
        assert (rows[0]["N"], rows[0]["P"]) == (FILES, FILES)
        assert sum(item["rows"] for item in held) == FILES
    finally:
        for name in (table, f"{table}_LOCK"):
            session.sql(f"DROP TABLE IF EXISTS {name}").collect()
