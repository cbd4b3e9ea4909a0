"""Child: import ``airflow.sdk``, then the modules named, and print what they added.

Seconds are of CPU: an import computes, and what other processes do meanwhile is left out.
"""

from __future__ import annotations

import importlib
import json
import sys
import time


def main(modules: list[str]) -> None:
    """:param modules: dotted names to import over ``airflow.sdk``."""
    import airflow.sdk
    from airflow.sdk import BaseOperator, BaseSensorOperator  # noqa: F401
    from airflow.triggers.base import BaseTrigger  # noqa: F401

    before = set(sys.modules)
    started = time.process_time()
    for module in modules:
        importlib.import_module(module)
    seconds = time.process_time() - started
    added = set(sys.modules) - before
    heavy = sorted({name.split(".")[0] for name in added} & {"snowflake", "pandas", "pyarrow", "numpy"})
    print(
        json.dumps({"seconds": round(seconds, 4), "modules": len(added), "heavy": heavy, "sdk": airflow.sdk.__name__})
    )


if __name__ == "__main__":
    main(sys.argv[1:])
