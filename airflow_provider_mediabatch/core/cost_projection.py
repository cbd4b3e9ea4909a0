"""What the full run will take, projected from the sample: files, hours, credits, money. Plain arithmetic, no promise.

The sample's seconds per file hold a share of the job's start, so for a short sample the projection is on the high
side; it says nothing about an image build, which happens once per model version and was paid for by the sample.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Projection:
    """The full run, as the sample lets one expect it.

    :param files: files in all manifests of the run.
    :param hours: wall-clock hours with the planned replicas, or None where the sample gave no speed.
    :param credits: Snowflake credits of the compute pool's nodes, or None where no rate was given.
    :param cost: ``credits`` times the price of one, or None where no price was given.
    :param currency: in which ``cost`` is.
    """

    files: int
    hours: float | None = None
    credits: float | None = None
    cost: float | None = None
    currency: str = "USD"

    def lines(self) -> list[tuple[str, str]]:
        """Label and value of each figure that is known, for a form, a page or a message."""
        found = [("Files in the full run", f"{self.files:,}")]
        if self.hours is not None:
            found.append(("Expected duration", duration(self.hours * 3600)))
        if self.credits is not None:
            found.append(("Expected credits", _amount(self.credits)))
        if self.cost is not None:
            found.append(("Expected cost", f"{_amount(self.cost)} {self.currency}"))
        return found


def project(
    *,
    files: int,
    seconds_per_file: float | None,
    replicas: int | None = None,
    credits_per_hour: float | None = None,
    price_per_credit: float | None = None,
    currency: str = "USD",
) -> Projection:
    """Scale the sample's speed to the full run.

    :param files: files in all manifests.
    :param seconds_per_file: the sample's seconds for one file on one replica; None or 0 leaves all but ``files``
        unknown.
    :param replicas: nodes that one job uses; None is Snowflake's default of one.
    :param credits_per_hour: credits of one node of the compute pool's instance family in an hour, from Snowflake's
        Service Consumption Table.
    :param price_per_credit: what one credit costs you.
    :param currency: of that price.
    :raises ValueError: for a negative number.
    """
    for name, value in (
        ("files", files),
        ("seconds_per_file", seconds_per_file),
        ("credits_per_hour", credits_per_hour),
        ("price_per_credit", price_per_credit),
    ):
        if value is not None and value < 0:
            raise ValueError(f"{name} is {value}: it cannot be negative")
    if not seconds_per_file:
        return Projection(files=files, currency=currency)
    nodes = max(1, replicas or 1)
    node_hours = files * seconds_per_file / 3600
    credits = None if credits_per_hour is None else node_hours * credits_per_hour
    cost = None if credits is None or price_per_credit is None else credits * price_per_credit
    return Projection(files=files, hours=node_hours / nodes, credits=credits, cost=cost, currency=currency)


def _amount(value: float) -> str:
    return f"{value:,.2f}" if value >= 0.01 or value == 0 else f"{value:.2g}"


def duration(seconds: float) -> str:
    """Seconds as a person reads them: ``42 s``, ``3 min 5 s``, ``2 h 10 min``, ``3 d 4 h``."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    whole = round(seconds)
    for size, name, part, part_name in _UNITS:
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {name} {rest} {part_name}" if rest else f"{whole // size} {name}"
    return f"{whole} s"


_UNITS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))
