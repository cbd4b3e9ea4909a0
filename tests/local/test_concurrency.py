"""Many clients at once, each of which must see its own rows and nobody else's."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

    from tests.conftest import RunningEngine

_THREADS, _PROCESSES, _ROUNDS = 8, 4, 12


def one_client(parameters: dict[str, Any], worker: str) -> int:
    """A session that writes and reads its own rows, with bindings, transactions and asynchronous statements."""
    import snowflake.connector

    checked = 0
    with snowflake.connector.connect(**parameters, paramstyle="qmark") as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TEMPORARY TABLE own_rows (worker VARCHAR, n INT)")
        for number in range(_ROUNDS):
            cursor.execute("INSERT INTO own_rows VALUES (?, ?)", (worker, number))
            cursor.execute("INSERT INTO everybodys VALUES (?, ?)", (worker, number))
            assert cursor.execute("SELECT COUNT(*), MIN(worker), MAX(n) FROM own_rows").fetchone() == (
                number + 1,
                worker,
                number,
            )
            mine = cursor.execute("SELECT n FROM everybodys WHERE worker = ? ORDER BY n", (worker,)).fetchall()
            assert mine == [(n,) for n in range(number + 1)], (worker, mine)
            query_id = cursor.execute_async("SELECT ?, ?", (worker, number))["queryId"]
            cursor.get_results_from_sfqid(query_id)
            rows = cursor.fetchall()
            assert rows == [(worker, number)], rows
            checked += 1
        cursor.execute("BEGIN")
        cursor.execute("DELETE FROM own_rows")
        cursor.execute("ROLLBACK")
        assert cursor.execute("SELECT COUNT(*) FROM own_rows").fetchone() == (_ROUNDS,)
    return checked


def one_process(parameters: dict[str, Any], process: int) -> int:
    with ThreadPoolExecutor(_THREADS) as pool:
        return sum(pool.map(lambda thread: one_client(parameters, f"{process}-{thread}"), range(_THREADS)))


@pytest.mark.slow
def test_eight_threads_in_each_of_four_processes(engine: RunningEngine) -> None:
    with engine.connect() as connection:
        connection.cursor().execute("CREATE OR REPLACE TABLE everybodys (worker VARCHAR, n INT)")
        command = [sys.executable, __file__, json.dumps(engine.parameters)]
        clients = [subprocess.Popen([*command, str(n)], stdout=subprocess.PIPE, text=True) for n in range(_PROCESSES)]
        checked = sum(int(client.communicate(timeout=120)[0] or 0) for client in clients)
        assert checked == _THREADS * _PROCESSES * _ROUNDS
        total = connection.cursor().execute("SELECT COUNT(*), COUNT(DISTINCT worker) FROM everybodys").fetchone()
        assert total == (checked, _THREADS * _PROCESSES)


def test_threads_on_one_connection(engine: RunningEngine) -> None:
    """Statements of one session take turns; each thread still gets its own answer."""
    with engine.connect() as connection:
        wrong: list[object] = []

        def ask(thread: int) -> None:
            for number in range(25):
                row = connection.cursor().execute(f"SELECT {thread}, {number}").fetchone()
                if row != (thread, number):
                    wrong.append(row)

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


def test_many_waits_hold_nobody_up(engine: RunningEngine) -> None:
    """A hundred statements that wait cost no thread each: others are answered at once, before, during and after."""
    with engine.connect() as connection:
        waiting = [connection.cursor().execute_async("CALL SYSTEM$WAIT(3)")["queryId"] for _ in range(100)]
        started = time.monotonic()
        for number in range(10):
            assert connection.cursor().execute(f"SELECT {number}").fetchone() == (number,)
        assert time.monotonic() - started < 2
        deadline = time.monotonic() + 15
        while any(connection.is_still_running(connection.get_query_status(query_id)) for query_id in waiting):
            assert time.monotonic() < deadline


NAMED = {
    "TABLE": "(a INT, b VARCHAR)",
    "DATABASE": "",
    "SCHEMA": "",
    "WAREHOUSE": "",
    "STAGE": "",
    "STREAM": "ON STAGE MEDIA.PUBLIC.NAMED_AT_ONCE",
    "FILE FORMAT": "TYPE = CSV",
    "TAG": "",
    "IMAGE REPOSITORY": "",
    "ROLE": "",
    "COMPUTE POOL": "MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = CPU_X64_XS",
}


@pytest.mark.parametrize("kind", NAMED)
def test_what_has_a_name_is_made_once_and_nobody_fails(engine: RunningEngine, kind: str) -> None:
    """CREATE … IF NOT EXISTS by eight sessions at once: tasks that run side by side begin so."""
    options, sessions = NAMED[kind], [engine.connect() for _ in range(8)]
    scope = "" if kind in ("DATABASE", "WAREHOUSE", "ROLE", "COMPUTE POOL") else "MEDIA."
    scope += "PUBLIC." if scope and kind != "SCHEMA" else ""
    try:
        sessions[0].cursor().execute("CREATE OR REPLACE STAGE MEDIA.PUBLIC.NAMED_AT_ONCE DIRECTORY = (ENABLE = TRUE)")
        for number in range(10):
            name = f"{scope}NAMED_{kind.replace(' ', '_')}_{number}"
            together = threading.Barrier(len(sessions))

            def create(session: SnowflakeConnection, name: str = name, together: threading.Barrier = together) -> str:
                together.wait()
                row = session.cursor().execute(f"CREATE {kind} IF NOT EXISTS {name} {options}").fetchone()
                return str(row[0])  # type: ignore[index]

            with ThreadPoolExecutor(len(sessions)) as pool:
                answers = list(pool.map(create, sessions))
            assert sum("successfully created" in answer for answer in answers) == 1, answers
            assert sum("already exists, statement succeeded" in answer for answer in answers) == 7, answers
            plural = f"{kind.removesuffix('Y')}IES" if kind.endswith("Y") else f"{kind}S"
            shown = sessions[0].cursor().execute(f"SHOW {plural} LIKE '{name.rpartition('.')[2]}'").fetchall()
            assert len(shown) == 1, shown
            sessions[0].cursor().execute(f"DROP {kind} {name}")
    finally:
        for session in sessions:
            session.close()


@pytest.mark.parametrize("stage", ["@%uploaded_at_once", "@~/at_once"])
def test_first_uploads_at_once_are_all_there(engine: RunningEngine, tmp_path: Path, stage: str) -> None:
    """The stage of a table, and of the user, is made by whoever comes first."""
    sessions = [engine.connect() for _ in range(8)]
    try:
        for number in range(10):
            sessions[0].cursor().execute("CREATE OR REPLACE TABLE uploaded_at_once (a INT)")
            together = threading.Barrier(len(sessions))

            def put(place: int, number: int = number, together: threading.Barrier = together) -> None:
                file = tmp_path / f"{number}_{place}.csv"
                file.write_text("1")
                together.wait()
                sessions[place].cursor().execute(f"PUT file://{file} {stage} AUTO_COMPRESS = FALSE")

            with ThreadPoolExecutor(len(sessions)) as pool:
                list(pool.map(put, range(len(sessions))))
            assert len(sessions[0].cursor().execute(f"LIST {stage}/{number}_").fetchall()) == len(sessions)
    finally:
        for session in sessions:
            session.close()


if __name__ == "__main__":
    print(one_process(json.loads(sys.argv[1]), int(sys.argv[2])))
