"""What Airflow learns of this package from its ``apache_airflow_provider`` entry point. Reading it imports nothing."""

from __future__ import annotations

from typing import Any

_INTEGRATION = "Media batch inference"
_PACKAGE = "airflow_provider_mediabatch"


def get_provider_info() -> dict[str, Any]:
    """The provider's metadata, validated against Airflow's ``provider_info.schema.json`` in the tests.

    There is no connection type: :class:`~.hooks.mediabatch.MediaBatchHook` uses Apache's type ``snowflake``.
    """
    return {
        "package-name": "airflow-provider-mediabatch",
        "name": "Media batch inference on Snowflake",
        "description": "Batch inference on images, audio and video with Snowflake's Model Registry.",
        "documentation-url": "https://airflow-provider-mediabatch.readthedocs.io/",
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://docs.snowflake.com/en/developer-guide/snowflake-ml/model-registry/overview",
                "tags": ["service"],
            }
        ],
        "operators": [
            _modules(
                "operators.list_stage_files",
                "operators.validate_signature",
                "operators.sample_batch",
                "operators.approve_sample",
                "operators.full_batch",
                "operators.load_results",
            )
        ],
        "sensors": [_modules("sensors.stage_files")],
        "hooks": [_modules("hooks.mediabatch")],
        "triggers": [_modules("triggers.batch_job", "triggers.isolation_round", "triggers.stage_files")],
        "extra-links": [
            f"{_PACKAGE}.links.batch_job.BatchJobLink",
            f"{_PACKAGE}.links.location.LocationLink",
            f"{_PACKAGE}.links.review.ReviewLink",
        ],
        "asset-uris": [
            {
                "schemes": ["mediabatch"],
                "handler": f"{_PACKAGE}.assets.stage.sanitize_uri",
                "factory": f"{_PACKAGE}.assets.stage.create_asset",
            }
        ],
        "cli": [f"{_PACKAGE}.cli.airflow_commands.get_mediabatch_commands"],
    }


def _modules(*names: str) -> dict[str, Any]:
    return {"integration-name": _INTEGRATION, "python-modules": [f"{_PACKAGE}.{name}" for name in names]}
