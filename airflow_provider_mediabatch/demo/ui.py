"""``mediabatch demo --ui``: Airflow's UI on the local engine, and a folder whose photographs become predictions."""

from __future__ import annotations

import glob
import hashlib
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from airflow_provider_mediabatch.demo import DemoError, media, models
from airflow_provider_mediabatch.demo.airflow_home import AirflowHome
from airflow_provider_mediabatch.demo.run import WORK_STAGE, Steps, open_session
from airflow_provider_mediabatch.demo.running_airflow import USER, AirflowNotReadyError, RunningAirflow
from airflow_provider_mediabatch.demo.scenario import EXAMPLE_DAGS
from airflow_provider_mediabatch.demo.watchdog import Watchdog
from airflow_provider_mediabatch.local import lifecycle

if TYPE_CHECKING:
    from snowflake.snowpark import Session

DAGS = ("new_photographs", "predictions_ready")
"""What runs from the start; the other examples are there, paused."""
STAGES = ("PHOTOS", "RECORDINGS", "PAIRS", "VIDEOS")
INBOX = "@PHOTOS/inbox"
TABLE = "PHOTOGRAPH_PREDICTIONS"
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
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
    inbox.mkdir(parents=True, exist_ok=True)
    home = AirflowHome(state_dir / "airflow")
    with _ended_by_signals(), ThreadPoolExecutor(1) as background:
        migrated = background.submit(home.prepare)
        with steps.step("Start the local engine"):
            ran_before = lifecycle.status(state_dir) is not None
            engine = lifecycle.start(state_dir)
        watchdog = None if keep or ran_before else Watchdog(state_dir)
        airflow: RunningAirflow | None = None
        try:
            with open_session(engine.parameters) as session:
                _load(session, state_dir / "cache", steps)
                home.connections["snowflake_default"] = engine.airflow_connection
                with steps.step("Prepare Airflow's database"):
                    migrated.result()
                airflow = RunningAirflow(home)
                _start(airflow, steps)
                _welcome(console, airflow, inbox)
                _serve(console, session, airflow, Inbox(session, inbox))
        except KeyboardInterrupt:
            console.print("\nEnding Airflow and the engine …")
        except AirflowNotReadyError as error:
            raise DemoError(f"Airflow: {error}") from error
        finally:
            with _uninterrupted():
                if airflow is not None:
                    airflow.stop()
                if watchdog is not None:
                    lifecycle.stop(state_dir)
                    watchdog.close()
    return 0


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Have a closed terminal or ``kill`` end everything as Ctrl-C does: Airflow's processes are groups of their own."""
    # SIGINT too: it is ignored in what a shell starts in the background.
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """A second Ctrl-C must not leave half of the processes behind."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
    """Poll inbox and predictions until interrupted.

    :raises AirflowNotReadyError: when one of Airflow's processes ends by itself.
    """
    shown = set(predictions(session))
    while True:
        for name in inbox.upload():
            console.print(f"{name} is on the stage", markup=False)
        for key, (name, label, score) in predictions(session).items():
            if key not in shown:
                shown.add(key)
                console.print(f"{name}: {label}" + ("" if score is None else f" ({score:.2f})"), markup=False)
        airflow.check()
        time.sleep(LOOK_EVERY)


def predictions(session: Session) -> dict[tuple[str, str, str], tuple[str, str, float | None]]:
    """The table's rows, once it is there: (path, content, version) to file name, label and score (None: unreadable)."""
    if not session.sql(f"SHOW TABLES LIKE '{TABLE}' IN SCHEMA").collect():
        return {}
    rows: list[Any] = session.sql(
        "SELECT MB_PATH, MB_CONTENT_ID, MB_MODEL_VERSION, COALESCE(LABEL, 'cannot be read'), SCORE "
        f"FROM {TABLE} ORDER BY MB_PATH"
    ).collect()
    return {(path, content, version): (Path(path).name, label, score) for path, content, version, label, score in rows}


class Inbox:
    """A folder whose photographs are put on the stage, each content of a name once.

    :param session: the session that uploads.
    :param folder: the folder; folders below it are not read.
    """

    def __init__(self, session: Session, folder: Path) -> None:
        self._session, self._folder = session, folder
        listed = session.sql(f"LIST {INBOX}/").collect()
        self._uploaded: dict[str, str] = {Path(row["name"]).name: str(row["md5"]) for row in listed}
        self._seen: dict[str, tuple[int, int]] = {}
        self._sent: dict[str, tuple[int, int]] = {}

    def upload(self) -> list[str]:
        """Upload what is new and did not change since the last look: a file that is being written waits.

        :return: the names that were uploaded.
        """
        found: list[str] = []
        seen: dict[str, tuple[int, int]] = {}
        for path in sorted(self._folder.iterdir()):
            if path.suffix.lower() not in SUFFIXES or not path.is_file():
                continue
            stat = path.stat()
            seen[path.name] = now = (stat.st_size, stat.st_mtime_ns)
            if self._seen.get(path.name) != now or self._sent.get(path.name) == now or not stat.st_size:
                continue
            self._sent[path.name] = now
            digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            if self._uploaded.get(path.name) != digest:
                self._session.file.put(glob.escape(str(path.resolve())), INBOX, auto_compress=False, overwrite=True)
                self._uploaded[path.name] = digest
                found.append(path.name)
        self._seen = seen
        return found
