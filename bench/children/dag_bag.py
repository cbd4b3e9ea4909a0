"""Child: CPU time of a DagBag over a file or folder, Airflow's own imports apart. All files must parse."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def main(place: str) -> None:
    """:param place: a DAG file or a folder of them."""
    from airflow.dag_processing.dagbag import DagBag

    DagBag(dag_folder="/dev/null")  # settings, plugins and the SDK, which any file needs
    path = Path(place)
    files = [path] if path.is_file() else sorted(path.glob("*.py"))
    started = time.process_time()
    bags = [DagBag(dag_folder=str(file)) for file in files]
    seconds = time.process_time() - started
    errors = {name: text for bag in bags for name, text in bag.import_errors.items()}
    if errors or not bags or not all(bag.dags for bag in bags):
        raise RuntimeError(f"not parsed: {errors}")
    print(json.dumps({"seconds": round(seconds, 4), "files": len(files)}))


if __name__ == "__main__":
    main(sys.argv[1])
