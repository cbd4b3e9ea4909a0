"""Claiming files in the ledger: one transaction on the server, whatever their number."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from bench.measure import Figure, run_child
from bench.scene import Scene

SECTION = "The ledger"
MEMORY_MB = 50


def figures(scene: Scene, sizes: Sequence[int]) -> Iterator[Figure]:
    """Seconds, statements and memory of a claim and of its repetition, which takes the same rows again."""
    statements: set[int] = set()
    for files in sizes:
        scene.sql(
            f"CREATE OR REPLACE TABLE FILES_{files} AS SELECT '@MEDIA.PUBLIC.MEDIA/' || LPAD(N::VARCHAR, 9, '0') || "
            "'.jpg' AS IMAGE, MD5(N::VARCHAR) || ':4' AS MB_CONTENT_ID, 4::NUMBER(38, 0) AS MB_SIZE, "
            "'2026-01-01'::TIMESTAMP_NTZ AS MB_LAST_MODIFIED "
            f"FROM (SELECT SEQ4() AS N FROM TABLE(GENERATOR(ROWCOUNT => {files})))"
        )
        with scene.counted() as (through, traffic):
            arguments = ("--parameters", json.dumps(through.parameters), "--files", str(files))
            run = run_child("bench.children.claiming", *arguments)
        if run.answer["rows"] != [files, files]:
            raise RuntimeError(f"{run.answer['rows']} rows are held of {files}")
        statements.add(len(traffic.statements))
        if len(statements) > 1:
            raise RuntimeError(f"the number of statements depends on the number of files: {sorted(statements)}")
        first, again = run.answer["seconds"]
        yield Figure(SECTION, f"claiming {files:,} files", "s", [first])
        yield Figure(SECTION, f"the same run claims its {files:,} files again", "s", [again])
        note = f"{len(traffic.statements)} statements, {traffic.rows} rows through the client"
        above = [run.answer["memory_mb"]]
        yield Figure(SECTION, f"memory of the claims of {files:,} files", "MB", above, at_most=MEMORY_MB, note=note)
