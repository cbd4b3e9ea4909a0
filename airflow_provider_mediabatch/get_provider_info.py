"""What Airflow learns of this package from its ``apache_airflow_provider`` entry point."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """The provider's metadata, validated against Airflow's ``provider_info.schema.json`` in the tests."""
    return {
        "package-name": "airflow-provider-mediabatch",
        "name": "Media batch inference on Snowflake",
        "description": "Batch inference on images, audio and video with Snowflake's Model Registry.",
    }
