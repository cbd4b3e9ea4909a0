"""What Airflow 3.3 has and Airflow 3.2 lacks: polls that several triggers share, with acknowledgement.

This is the only module of the provider that depends on Airflow's version. What each version gives is in
``docs/install.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.triggers.shared_stream import AdvanceItem, SharedStreamProducer
else:
    try:
        from airflow.triggers.shared_stream import AdvanceItem, SharedStreamProducer
    except ModuleNotFoundError:  # Airflow 3.2, whose triggerer calls the trigger's own run()
        AdvanceItem = SharedStreamProducer = object

__all__ = ["AdvanceItem", "SharedStreamProducer"]
