"""The figures as Markdown."""

from __future__ import annotations

from typing import Any

HEADLINES = (
    ("Parsing", "DagBag of one file", "Snowflake"),
    ("Listing and submitting", "100,000 files: wall", ""),
    ("Listing and submitting", "100,000 files: memory above imports", ""),
    ("Listing and submitting", "100,000 files: rows through the client", ""),
    ("The local engine", "1,000 × 10 kB, 2 workers", ""),
    ("Pipeline overhead", "full_batch, until it defers", ""),
    ("Waiting", "1,000 jobs, 10 intervals: statements", ""),
    ("Waiting", "1,000 jobs, 10 intervals: CPU of a job's poll", ""),
    ("Watching a stage", "20,000 files, one poll: wall", ""),
    ("New file to prediction", "upload to row, p50", ""),
)
"""The figures of the README: section, the beginning of what is measured, and whom it is compared with."""
HEAD = "| what | ours | the other way | other / ours | budget | note |\n|---|---|---|---|---|---|"


def headlines(measured: dict[str, Any]) -> str:
    """The few figures that the README shows, each with its section; those that were not measured are left out."""
    rows = [
        f"| {figure['section']}: {figure['row'].removeprefix('| ')}"
        for section, what, against in HEADLINES
        for figure in measured["figures"]
        if figure["section"] == section and figure["what"].startswith(what) and figure["against"].startswith(against)
    ]
    return "\n".join([HEAD, *rows])


def markdown(measured: dict[str, Any]) -> str:
    """A table for each section, and what it was measured on."""
    machine = measured["machine"]
    lines = [
        f"`{measured['command']}` on {machine['cores']} cores and {machine['memory_gib']} GiB, Python "
        f"{machine['python']}, {machine['seconds']} s in all; load average {machine['load']} before and "
        f"{machine['load_after']} after, a fixed loop varied by a factor of {machine['noise']}. Medians, with the "
        "lowest and highest run; both sides in turn, on the local engine."
    ]
    section = None
    for figure in measured["figures"]:
        if figure["section"] != section:
            section = figure["section"]
            lines += ["", f"**{section}**", "", HEAD]
        lines.append(figure["row"])
    lines += [f"\nNot measured: {name} failed: {text.splitlines()[0]}" for name, text in measured["failures"].items()]
    return "\n".join(lines)
