"""Import time and modules over ``airflow.sdk``, against the Snowflake provider's own operators installed beside."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_mediabatch.get_provider_info import get_provider_info
from bench.measure import Comparison, in_turn

BUDGET = "at most 0.15 s and 60 modules over airflow.sdk, no snowflake.*, no pandas"
APACHE = ("airflow.providers.snowflake.operators.snowpark_containers",)


def compare(repeats: int) -> Iterator[Comparison]:
    """All our operators, sensors and triggers against Apache's Snowpark Container Services operator."""
    info = get_provider_info()
    ours = [
        module
        for kind in ("operators", "sensors", "triggers")
        for item in info[kind]
        for module in item["python-modules"]
    ]
    made = Comparison("import of what a DAG file imports", "Apache's container operator", BUDGET)
    child = "bench.children.imports"
    in_turn(made, repeats, (child, *ours), (child, *APACHE))
    made.facts = {
        "seconds": made.medians("seconds"),
        "modules": [made.ours[0].answer["modules"], made.other[0].answer["modules"]],
        "heavy": [made.ours[0].answer["heavy"], made.other[0].answer["heavy"]],
    }
    yield made
