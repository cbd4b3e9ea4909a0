"""The review page's scene on the shared engine and the shared, really running Airflow."""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import browser
import scene

if TYPE_CHECKING:
    from driven_airflow import DrivenAirflow


@dataclass
class Review:
    """Airflow with runs of the scene's DAGs.

    :param runs: DAG id to run id.
    """

    airflow: DrivenAirflow
    engine: Any
    runs: dict[str, str] = field(default_factory=dict)

    def start(self, dag_id: str) -> str:
        """Start a run."""
        self.runs[dag_id] = self.airflow.trigger(dag_id)
        return self.runs[dag_id]

    def path(self, dag_id: str, *parts: str) -> str:
        """The review page of a run's task."""
        return "/mediabatch/" + "/".join(quote(part, safe="") for part in (dag_id, self.runs[dag_id], *parts))

    def states(self, dag_id: str, run_id: str | None = None) -> dict[str, str | None]:
        """Task id without its group to state."""
        found = self.airflow.task_instances(dag_id, run_id or self.runs[dag_id])
        return {str(item["task_id"]).removeprefix("media_batch."): item["state"] for item in found}

    def wait_for(self, dag_id: str, task: str, *states: str, timeout: float = 180) -> str | None:
        """Wait until a task is in one of these states, or over."""
        deadline = time.monotonic() + timeout
        over = {*states, "success", "failed", "skipped", "upstream_failed"}
        while (found := self.states(dag_id).get(task)) not in over:
            assert time.monotonic() < deadline, self.states(dag_id)
            time.sleep(1)
        if found == "awaiting_input":
            # As after a deferral: an answer before the scheduler has heard of the pause fails the task. People are
            # slower.
            time.sleep(4)
        return found

    def answer(self, dag_id: str, choice: str, note: str = "") -> None:
        """Answer the form over Airflow's REST API."""
        task = f"/dags/{dag_id}/dagRuns/{quote(self.runs[dag_id])}/taskInstances/media_batch.approve_sample/-1"
        body = {"chosen_options": [choice], "params_input": {"note": note}}
        self.airflow.api("PATCH", f"{task}/hitlDetails", body)

    def token(self, user: str) -> str:
        """A login of one of Airflow's users."""
        passwords = json.loads((self.airflow.home.path / "passwords.json").read_text())
        body = json.dumps({"username": user, "password": passwords[user]}).encode()
        request = urllib.request.Request(
            f"{self.airflow.url}/auth/token", data=body, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as reply:
            return str(json.load(reply)["access_token"])

    def get(self, path: str, user: str | None = "admin", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of a page."""
        return self._ask(path, None, user, headers)

    def post(self, path: str, form: dict[str, str], user: str | None = "admin") -> tuple[int, dict[str, str], bytes]:
        """The same after a form was posted."""
        return self._ask(path, urlencode(form).encode(), user, {})

    def _ask(
        self, path: str, data: bytes | None, user: str | None, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        if user is not None:
            headers["Authorization"] = f"Bearer {self.token(user)}"
        request = urllib.request.Request(self.airflow.url + path, data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return reply.status, dict(reply.headers), reply.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()


@pytest.fixture(scope="session")
def review_of(engine: Any) -> Callable[[DrivenAirflow], Review]:
    """Looks at the pages of an Airflow other than the shared one."""
    return lambda airflow: Review(airflow, engine)


@pytest.fixture(scope="session")
def recordings(engine: Any, live_airflow: DrivenAirflow) -> Review:
    """Airflow and the engine with the recordings and the model for them; no run yet."""
    with engine.session() as session:
        scene.prepare_recordings(session)
    return Review(live_airflow, engine)


@pytest.fixture(scope="session")
def honest(recordings: Review) -> Review:
    """A finished run of recordings, without a person."""
    recordings.airflow.add_dag(scene.DAGS.with_name("forged_results.py"), "ui_honest")
    recordings.start("ui_honest")
    assert recordings.wait_for("ui_honest", "full_batch") == "success", recordings.states("ui_honest")
    return recordings


@pytest.fixture(scope="session")
def review(engine: Any, live_airflow: DrivenAirflow, tmp_path_factory: pytest.TempPathFactory) -> Review:
    """All runs that the tests look at, as far as they go without a person."""
    with engine.session() as session:
        scene.prepare(session, tmp_path_factory.mktemp("networks"))
    made = Review(live_airflow, engine)
    for dag_id in ("ui_photographs", "ui_recordings", "ui_odd"):
        live_airflow.add_dag(scene.DAGS, dag_id)
        made.start(dag_id)
    for dag_id in ("ui_photographs", "ui_odd"):
        assert made.wait_for(dag_id, "approve_sample", "awaiting_input") == "awaiting_input", made.states(dag_id)
    assert made.wait_for("ui_recordings", "full_batch") == "success"
    return made


@pytest.fixture(scope="session")
def page(review: Review) -> Iterator[Any]:
    """A browser that is logged in as the administrator."""
    if browser.MISSING:
        pytest.skip(browser.MISSING)
    with browser.open_browser() as opened:
        browser.log_in(opened, review.airflow.url, "admin", review.airflow.password)
        yield opened
