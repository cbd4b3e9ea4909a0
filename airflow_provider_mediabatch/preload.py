"""What tasks import, imported once in the process that forks them.

Airflow runs each task in a process of its own. With LocalExecutor the scheduler's workers fork it, with CeleryExecutor
those of ``airflow celery worker``. What such a process has imported before, its tasks have at once and share in memory;
else each task imports the Snowflake connector with pandas and pyarrow for itself. In
``$AIRFLOW_HOME/config/airflow_local_settings.py``, which Airflow imports at the start of each of its processes
(its page "Configuring local settings")::

    from airflow_provider_mediabatch import preload

    preload.where_tasks_are_forked()
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import threading
from collections.abc import Sequence

import airflow_provider_mediabatch

_COMMANDS = (("scheduler",), ("celery", "worker"), ("edge", "worker"))
"""Commands of ``airflow`` whose processes fork tasks."""
_ROOMS = ("hooks", "client", "files", "ledger", "validation", "batch")
_CONNECTOR = ("snowflake.connector", "pandas", "pyarrow")
_PATIENCE = 30.0


def where_tasks_are_forked(arguments: Sequence[str] | None = None) -> bool:
    """Import what tasks need, if this is a process that forks tasks.

    :param arguments: those of the command line, without the program's name; this process's unless given.
    :return: whether it is one: the API server, the DAG processor and the triggerer are not, and import nothing here.
    """
    given = tuple(sys.argv[1:] if arguments is None else arguments)
    forks = any(given[: len(command)] == command for command in _COMMANDS)
    if forks:
        import_for_tasks()
    return forks


def import_for_tasks() -> None:
    """Import the modules that the provider's tasks use, and wait until no thread of these imports is left.

    A process that is forked while a thread of it imports a module may wait for that import without end.
    """
    before = set(threading.enumerate())
    for name in _CONNECTOR:
        importlib.import_module(name)
    for room in _ROOMS:
        package = importlib.import_module(f"{airflow_provider_mediabatch.__name__}.{room}")
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    for thread in set(threading.enumerate()) - before:
        thread.join(_PATIENCE)
