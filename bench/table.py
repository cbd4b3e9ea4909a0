"""The figures as Markdown."""

from __future__ import annotations

from typing import Any

HEAD = "| what | ours | the other way | other / ours | budget | note |\n|---|---|---|---|---|---|"


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
