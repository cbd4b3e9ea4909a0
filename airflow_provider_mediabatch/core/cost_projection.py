"""What the full run will take, projected from the sample: time, credits, money. Plain arithmetic, no promise.

A part of the sample's running time does not grow with the number of files, such as loading the model, and nothing says
how large it is. So a projection is a range. Its ends are that all of the sample's time was of that kind, and that none
of it was. The time until a job runs, and an image build, which happens once for each model version, are not part of the
range.
"""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class Projection:
    """The full run, as the sample lets one expect it.

    :param files: files in all manifests of the run.
    :param sampled: files that the sample ran.
    :param seconds: how long the job runs with the planned replicas, or None where the sample gave no speed.
    :param start_seconds: how long the sample's job took to start and to be noticed, an image build included, or None.
    :param credits: Snowflake credits of the compute pool's nodes, or None where no rate was given.
    :param cost: ``credits`` times the price of one, or None where no price was given.
    :param currency: in which ``cost`` is.
    """

    files: int
    sampled: int = 0
    seconds: Range | None = None
    start_seconds: float | None = None
    credits: Range | None = None
    cost: Range | None = None
    currency: str = "USD"

    def lines(self) -> list[tuple[str, str]]:
        """Label and value of each figure that is known, for a form, a page or a message."""
        found = [("Files in the full run", f"{self.files:,}")]
        if self.seconds is not None:
            found.append(("Expected duration", _range(*map(duration, self.seconds))))
        if self.start_seconds is not None:
            found.append(("Start of the job", f"{duration(self.start_seconds)} more, as in the sample"))
        if self.credits is not None:
            found.append(("Expected credits", _range(*map(_amount, self.credits))))
        if self.cost is not None:
            found.append(("Expected cost", f"{_range(*map(_amount, self.cost))} {self.currency}"))
        if self.seconds is not None:
            found.append(("Projected from", _files(self.sampled)))
        return found

    def summary(self) -> str:
        """The price in a few words, else the duration, else ""."""
        if self.cost is not None:
            return f"{_range(*map(_amount, self.cost))} {self.currency}"
        return "" if self.seconds is None else _range(*map(duration, self.seconds))


def project(
    *,
    files: int,
    sampled: int,
    seconds_per_file: float | None,
    start_seconds: float | None = None,
    replicas: int | None = None,
    credits_per_hour: float | None = None,
    price_per_credit: float | None = None,
    currency: str = "USD",
) -> Projection:
    """Scale the sample's speed to the full run.

    :param files: files in all manifests.
    :param sampled: files that the sample ran.
    :param seconds_per_file: the sample's running time by its files; None or 0 leaves all but ``files`` unknown.
    :param start_seconds: what the sample's job took besides its running time, or None where that is not known.
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
        return Projection(files, sampled, currency=currency)
    nodes = max(1, replicas or 1)
    constant, growing = seconds_per_file * min(sampled, files), seconds_per_file * files / nodes
    low, high = sorted((constant, growing))
    rate = None if credits_per_hour is None else credits_per_hour * nodes / 3600
    credits = None if rate is None else (low * rate, high * rate)
    cost = None
    if credits is not None and price_per_credit is not None:
        cost = (credits[0] * price_per_credit, credits[1] * price_per_credit)
    return Projection(files, sampled, (low, high), start_seconds, credits, cost, currency)


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _files(count: int) -> str:
    return f"{count:,} sampled {'file' if count == 1 else 'files'}"


def _amount(value: float) -> str:
    return f"{value:,.2f}" if value >= 0.01 or value == 0 else "under 0.01"


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
