"""What is said of containers that ended, by the columns that Snowflake documents."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_mediabatch.client.containers import Container, describe_ends, failed_first


def row(instance: int, code: Any = None, **values: Any) -> dict[str, Any]:
    """A row of SHOW SERVICE CONTAINERS."""
    status = "FAILED" if code else "DONE"
    return {"INSTANCE_ID": str(instance), "status": status, "message": "", "last_exit_code": code, **values}


def said(*rows: dict[str, Any]) -> str:
    return describe_ends([Container.of(item) for item in rows])


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"code": 137}, "exit code 137 (SIGKILL)"),
        ({"code": "139", "restart_count": 2}, "exit code 139 (SIGSEGV), restarted 2 times"),
        ({"code": 1, "restart_count": 1}, "exit code 1, restarted 1 time"),
        ({"code": 137, "message": "Container was OOMKilled"}, "Container was OOMKilled, exit code 137 (SIGKILL)"),
        ({"code": None, "status": "FAILED"}, "FAILED"),
        ({"code": None, "status": "FAILED", "message": "Image was not pulled"}, "Image was not pulled"),
        ({"code": 0}, ""),
        ({"code": None, "status": None, "message": None, "restart_count": None}, ""),
        ({"code": 200}, "exit code 200"),
    ],
)
def test_one_container(values: dict[str, Any], text: str) -> None:
    assert said(row(0, **values)) == text


def test_nothing_is_known() -> None:
    assert said() == ""
    assert said({}) == ""


def test_the_instance_that_failed_is_named_and_not_those_that_were_ended_with_it() -> None:
    rows = [row(0, 143), row(1, 0), row(2, 137, message="killed"), row(3, 143)]
    assert said(*rows) == "instance 2: killed, exit code 137 (SIGKILL)"
    assert [item.instance for item in failed_first(map(Container.of, rows))] == [2]


def test_when_all_were_ended_from_outside_they_are_named() -> None:
    assert said(row(0, 143), row(1, 0)) == "instance 0: exit code 143 (SIGTERM)"


def test_a_message_names_three_instances_and_counts_the_others() -> None:
    text = said(*(row(number, 139) for number in range(50)))
    assert text == (
        "instance 0: exit code 139 (SIGSEGV); instance 1: exit code 139 (SIGSEGV); "
        "instance 2: exit code 139 (SIGSEGV); and 47 more instances that failed"
    )
