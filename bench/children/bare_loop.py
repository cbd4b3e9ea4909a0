"""Child: the model over a folder's files in a bare loop, in as many processes as the job has workers."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import pandas as pd

from bench import models


def loop(model: object, paths: list[Path], batch: int) -> int:
    """Read a batch, ask the model, go on; how many rows it answered."""
    rows = 0
    for begin in range(0, len(paths), batch):
        contents = [path.read_bytes() for path in paths[begin : begin + batch]]
        rows += len(model.predict(pd.DataFrame({"IMAGE": contents})))  # type: ignore[attr-defined]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    arguments = parser.parse_args()
    model = {"INSTANT": models.Instant, "BUSY": models.Busy}[arguments.model]()
    paths = sorted(arguments.folder.rglob("*.jpg"))
    started = time.perf_counter()
    children = []
    for number in range(arguments.workers):
        share = paths[len(paths) * number // arguments.workers : len(paths) * (number + 1) // arguments.workers]
        child = os.fork()
        if not child:
            os._exit(0 if loop(model, share, arguments.batch) == len(share) else 1)
        children.append(child)
    for child in children:
        if os.waitpid(child, 0)[1]:
            raise RuntimeError("a process of the bare loop failed")
    print(json.dumps({"seconds": time.perf_counter() - started, "rows": len(paths)}))


if __name__ == "__main__":
    main()
