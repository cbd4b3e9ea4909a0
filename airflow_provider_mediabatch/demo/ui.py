"""``mediabatch demo --ui``: Airflow's UI on the local engine, and a folder whose photographs become predictions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from airflow_provider_mediabatch.demo import DemoError, media, models
from airflow_provider_mediabatch.demo.engine_and_airflow import ended_with_engine, engine_and_airflow
from airflow_provider_mediabatch.demo.inbox import Inbox
from airflow_provider_mediabatch.demo.own_files import PICTURES, named
from airflow_provider_mediabatch.demo.run import WORK_STAGE, Steps, open_session
from airflow_provider_mediabatch.demo.run_reporter import RunReporter
from airflow_provider_mediabatch.demo.running_airflow import USER, RunningAirflow
from airflow_provider_mediabatch.demo.scenario import EXAMPLE_DAGS

if TYPE_CHECKING:
    from snowflake.snowpark import Session

DAGS = ("new_photographs", "predictions_ready")
"""What runs from the start; the other examples are there, paused."""
STAGES = ("PHOTOS", "RECORDINGS", "PAIRS", "VIDEOS")
INBOX = "@PHOTOS/inbox"
TABLE = "PHOTOGRAPH_PREDICTIONS"
LEDGER = "MEDIABATCH_LEDGER"
LOOK_EVERY = 1.0


def run_ui(*, state_dir: Path, inbox: Path, keep: bool) -> int:
    """Start everything, then put the inbox's photographs on the stage and print their predictions until interrupted.

    :param state_dir: where the engine, Airflow and what is computed once live.
    :param inbox: the folder that is polled; made if it is not there.
    :param keep: leave the engine running.
    :return: exit status: 0 after Ctrl-C, which is how it ends.
    :raises DemoError: when Airflow does not start; the text has the end of its logs.
    """
    console = Console(soft_wrap=True, highlight=False)
    steps = Steps(console)
    state_dir = state_dir.resolve()
    try:
        inbox.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DemoError(f"--files {inbox} cannot be used as the inbox: {error.strerror}") from error
    with (
        engine_and_airflow(state_dir, console, steps, keep=keep) as started,
        _session(started.engine.parameters) as session,
        ended_with_engine(state_dir),
    ):
        _load(session, state_dir / "cache", steps)
        airflow = started.make_airflow()
        _start(airflow, steps)
        started.lock.say(f"its Airflow is {airflow.url}")
        _welcome(console, airflow, inbox)
        _serve(console, session, airflow, Inbox(session, inbox, INBOX, PICTURES))
    return 0


@contextmanager
def _session(parameters: dict[str, Any]) -> Iterator[Session]:
    """A session that is closed with one request, which nobody may be there to answer."""
    session = open_session(parameters)
    try:
        yield session
    finally:
        session.connection.close(retry=False)
        session.close()


def _load(session: Session, cache: Path, steps: Steps) -> None:
    """The model, and the stages: a watcher that finds no stage waits a minute before it looks again."""
    model = models.image_classifier(cache)
    with steps.step(f"Log the model {model.name} (Registry.log_model)"):
        models.log(session, model)
        for name in (*STAGES, WORK_STAGE):
            session.sql(
                f"CREATE STAGE IF NOT EXISTS {name} DIRECTORY = (ENABLE = TRUE) ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')"
            ).collect()


def _start(airflow: RunningAirflow, steps: Steps) -> None:
    for file in EXAMPLE_DAGS.glob("*.py"):
        (airflow.home.dags / file.name).write_bytes(file.read_bytes())
    with steps.step("Start Airflow: API server, scheduler, DAG processor, triggerer"):
        airflow.start()
    with steps.step("Read the example DAGs"):
        for dag_id in DAGS:
            airflow.add_dag(EXAMPLE_DAGS / f"{dag_id}.py", dag_id)


def _welcome(console: Console, airflow: RunningAirflow, inbox: Path) -> None:
    sample = media.photographs()[1]
    console.print(f"\nAirflow: {airflow.url}/dags/new_photographs", markup=False)
    console.print(f"  user {USER}, password {airflow.password}", markup=False)
    console.print(f"Inbox: {inbox.resolve()}", markup=False)
    console.print(f"  drop a photograph there, for example:  cp {sample} {inbox}", markup=False)
    console.print("Ctrl-C ends everything.\n")


def _serve(console: Console, session: Session, airflow: RunningAirflow, inbox: Inbox) -> None:
    """Poll inbox, runs and predictions until interrupted.

    :raises AirflowNotReadyError: when one of Airflow's processes ends by itself.
    """
    shown = set(predictions(session)) | set(quarantined(session))
    runs = RunReporter(airflow, DAGS[0])
    while True:
        uploaded, left_out = inbox.poll()
        for name, path in uploaded.items():
            as_name = "" if path.name == name else f" as {name}"
            console.print(f"{path.name} is on the stage{as_name}", markup=False)
        for line in named(left_out):
            console.print(f"left out{line}", markup=False)
        for key, (name, label, score) in predictions(session).items():
            if key not in shown:
                shown.add(key)
                console.print(f"{name}: {label} ({score:.2f})", markup=False)
        for key, (name, reason) in quarantined(session).items():
            if key not in shown:
                shown.add(key)
                console.print(f"{name}: could not be processed: {reason}", markup=False)
        for line in runs.poll():
            console.print(line, markup=False)
        airflow.check()
        time.sleep(LOOK_EVERY)


def predictions(session: Session) -> dict[tuple[str, str, str], tuple[str, str, float]]:
    """The table's rows, once it is there: (path, content, version) to file name, label and score."""
    rows = _rows(session, TABLE, "MB_PATH, MB_CONTENT_ID, MB_MODEL_VERSION, LABEL, SCORE", "WHERE LABEL IS NOT NULL")
    return {(path, content, version): (Path(path).name, label, score) for path, content, version, label, score in rows}


def quarantined(session: Session) -> dict[tuple[str, str, str], tuple[str, str]]:
    """The files that the model could not process: (path, content, version) to file name and reason."""
    columns = "FILE_PATH, CONTENT_ID, MODEL_VERSION, ERROR"
    rows = _rows(session, LEDGER, columns, "WHERE STATE = 'quarantined'")
    return {
        (path, content, version): (Path(path).name, (error or "its run's log says why").splitlines()[0])
        for path, content, version, error in rows
    }


def _rows(session: Session, table: str, columns: str, where: str = "") -> list[Any]:
    """Rows of a table that may not be there yet."""
    if not session.sql(f"SHOW TABLES LIKE '{table}' IN SCHEMA").collect():
        return []
    rows: list[Any] = session.sql(f"SELECT {columns} FROM {table} {where} ORDER BY 1").collect()
    return rows
