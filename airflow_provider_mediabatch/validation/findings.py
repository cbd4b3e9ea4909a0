"""Problems and warnings of a batch, as the checks collect them."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_provider_mediabatch.core.snowflake_objects import Problem


@dataclass
class Findings:
    """Problems and warnings, as the checks collect them."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def problem(self, what: str, fix: str) -> None:
        """Note something that would make the batch fail."""
        self.problems.append(Problem(what, fix))
