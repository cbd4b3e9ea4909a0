"""What a user types wrong, and what ``mediabatch`` says of itself. Each test runs the real command."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from command import mediabatch

from airflow_provider_mediabatch.cli.main import main, parser


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what the wrong commands name."""
    (tmp_path / "not.json").write_text("no plan")
    (tmp_path / "typo.json").write_text('{"rules": [{"action": "drop", "wen": 1}]}')
    (tmp_path / "file").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("local start --faults {0}/none.json", "none.json cannot be read"),
        ("local start --faults {0}/not.json", "the fault plan is not JSON"),
        ("local faults --state-dir {0} {0}/typo.json", "unknown: wen"),
        ("local faults --state-dir {0} {0}/none.json", "none.json cannot be read"),
        ("local start --port 99999", "99999 is not a port"),
        ("local start --state-dir {0}/file/state", "cannot be used as the state directory"),
        ("demo --state-dir {0}/file/state", "cannot be used as the state directory"),
        ("demo --ui --state-dir {0}/file/state", "cannot be used as the state directory"),
        ("demo --json {0}/none/demo.json", "--json"),
        ("demo --json {0}", "--json"),
        ("demo --files {0}/none", "--files"),
        ("demo --ui --speech", "--ui"),
        ("doctor --pool x-y", "--pool"),
        ("doctor --job-schema a..b", "--job-schema"),
        ("doctor --job-schema a.b.c", "--job-schema"),
        ("doctor --model a-b", "--model"),
        ("doctor --model a.b.c.d", "--model"),
        ("doctor --stage photos", "--stage"),
        ("doctor --output @a-b", "--output"),
        ("doctor --manifests photos", "--manifests"),
        ("doctor --ledger a-b", "--ledger"),
        ("doctor --results-table a..b", "--results-table"),
        ("doctor --image-repo a-b", "--image-repo"),
    ],
)
def test_a_mistake_is_one_line(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: str, words: str
) -> None:
    """In this process: starting one for each would take most of a minute."""
    monkeypatch.chdir(folder)
    assert main([argument.format(folder) for argument in arguments.split()]) == 1
    printed, said = capfd.readouterr()
    assert printed == ""
    (line,) = said.splitlines()
    assert line.startswith("mediabatch: ")
    assert words in line


def test_a_taken_port_is_one_line(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = mediabatch("local", "start", "--port", str(taken.getsockname()[1]), cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "in use" in line


@pytest.mark.parametrize("command", ["runs", "ledger show", "ledger release-quarantined --all"])
def test_without_a_connection_it_says_how_to_get_one(folder: Path, command: str) -> None:
    home = {"AIRFLOW_HOME": str(folder / "airflow")}
    done = mediabatch(*command.split(), "--conn-id", "nowhere", cwd=folder, environment=home)
    assert (done.returncode, done.stdout) == (1, "")
    line = done.stderr.splitlines()[-1]
    assert line.startswith("mediabatch: Airflow has no connection nowhere")
    assert "airflow connections add nowhere" in line
    assert 'eval "$(mediabatch local env)"' in line


def test_the_printed_command_finds_an_engine_in_a_folder_with_spaces(tmp_path: Path) -> None:
    state = tmp_path / "Meine Bilder ü"
    try:
        started = mediabatch("local", "start", "--state-dir", str(state))
        assert started.returncode == 0, started.stderr
        (paste,) = re.findall(r"eval .*", started.stdout)
        shell = ["bash", "-c", f"{paste} && echo $AIRFLOW_CONN_SNOWFLAKE_DEFAULT"]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(shell, capture_output=True, text=True, env=os.environ | {"PATH": path}, check=False)
        assert "snowflake" in done.stdout, done.stderr
    finally:
        mediabatch("local", "stop", "--state-dir", str(state))
    missing = mediabatch("local", "env", "--state-dir", str(state))
    assert missing.returncode == 3
    assert f"--state-dir '{state}'" in missing.stderr


def test_a_wrong_value_is_a_usage_error(folder: Path) -> None:
    done = mediabatch("local", "start", "--image-build-seconds", "-5", cwd=folder)
    assert done.returncode == 2
    assert "argument --image-build-seconds: -5 is not a number of seconds from 0" in done.stderr
    assert "_seconds" not in done.stderr


def test_the_version() -> None:
    done = mediabatch("--version")
    assert (done.returncode, done.stdout.strip()) == (0, f"mediabatch {version('airflow-provider-mediabatch')}")


COMMANDS = [
    "demo",
    "dev",
    "doctor",
    "new",
    "ledger show",
    "ledger release-run",
    "ledger release-quarantined",
    "runs",
    "local start",
    "local stop",
    "local status",
    "local env",
    "local faults",
]


def examples_of(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out.partition("examples:\n")[2]


@pytest.mark.parametrize("command", ["", "ledger", "local", *COMMANDS])
def test_the_help_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    examples = examples_of(command, capsys).splitlines()
    assert examples
    for line in examples:
        assert re.match(rf"  (eval \"\$\()?mediabatch {command}".rstrip(), line), line


def test_every_example_can_be_parsed(capsys: pytest.CaptureFixture[str]) -> None:
    found = 0
    for command in ["", "ledger", "local", *COMMANDS]:
        text = examples_of(command, capsys)
        for line in text.replace("\\\n", "").splitlines():
            example = line.strip().removeprefix('eval "$(').removesuffix(')"').partition("  # ")[0]
            parser().parse_args(shlex.split(example)[1:])
            found += 1
    assert found >= len(COMMANDS)


def test_without_a_command_it_prints_the_help() -> None:
    done = mediabatch()
    assert done.returncode == 2
    assert "doctor" in done.stderr
    assert "examples:" in done.stderr


def test_a_reader_that_has_read_enough_is_no_error() -> None:
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "mediabatch"), "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    assert (process.stderr.read(), process.wait(60)) == (b"", 0)
