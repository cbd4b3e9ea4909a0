"""How many cases are tried: few in `make test`, above 10,000 in all in `make test-all` (HYPOTHESIS_PROFILE=long)."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# No deadline: what else runs on the machine is no finding. No database: a failure prints how it is repeated.
# The same cases in every run: what guards a change must not fail by chance. The long profile searches.
settings.register_profile("quick", max_examples=25, deadline=None, database=None, print_blob=True, derandomize=True)
settings.register_profile(
    "long",
    max_examples=200,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
