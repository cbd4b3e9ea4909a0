"""What a batch is expected to cost and what it did cost, by one rate. Plain arithmetic.

A compute pool's nodes incur cost for the time that they are up, so this is the cost of the nodes while the job ran.
The time that a pool waits before it suspends, and the warehouse of the statements, are not in it.
"""

from __future__ import annotations

from dataclasses import dataclass

SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class CostPlan:
    """The rate and the projection of one batch.

    :param credits_per_hour: credits of one node of the compute pool in an hour; None: not known.
    :param price_per_credit: what one credit costs; None: not known.
    :param currency: of that price.
    :param projected_seconds: how long the job is expected to run, by the sample's speed; None: there is no sample.
    :param projected_cost: of that time; None without rate or sample.
    """

    credits_per_hour: float | None = None
    price_per_credit: float | None = None
    currency: str = "USD"
    projected_seconds: float | None = None
    projected_cost: float | None = None

    def cost(self, seconds: float | None, replicas: int | None) -> float | None:
        """Nodes × hours × credits of a node in an hour × price; None when one of them is not known.

        :param seconds: how long the job ran, or is to run.
        :param replicas: nodes; None is Snowflake's default of one.
        """
        if seconds is None or self.credits_per_hour is None or self.price_per_credit is None:
            return None
        hours = seconds / SECONDS_PER_HOUR
        return round(max(1, replicas or 1) * hours * self.credits_per_hour * self.price_per_credit, 6)

    def projected(self, *, files: int, seconds_per_file: float | None, replicas: int | None) -> CostPlan:
        """This rate with the projection for a number of files.

        :param seconds_per_file: the sample's, on one node; None: no projection.
        """
        if seconds_per_file is None:
            return self
        seconds = round(files * seconds_per_file / max(1, replicas or 1), 3)
        return CostPlan(
            self.credits_per_hour, self.price_per_credit, self.currency, seconds, self.cost(seconds, replicas)
        )
