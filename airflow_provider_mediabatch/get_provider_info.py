"""What Airflow learns of this package from its ``apache_airflow_provider`` entry point. Reading it imports nothing."""

from __future__ import annotations

from typing import Any

_INTEGRATION = "Media batch inference"
_PACKAGE = "airflow_provider_mediabatch"
_FIELDS = {
    "account": "Account",
    "database": "Database",
    "warehouse": "Warehouse",
    "role": "Role",
    "private_key_file": "Private key (Path)",
    "protocol": "Protocol",
}


def get_provider_info() -> dict[str, Any]:
    """The provider's metadata, validated against Airflow's ``provider_info.schema.json`` in the tests.

    The connection type ``mediabatch`` is for Airflow's form: it shows host, port and protocol, which Apache's form
    hides or leaves out, and its test button goes through :class:`~.hooks.mediabatch.MediaBatchHook`. Everything
    works with a connection of Apache's type ``snowflake`` just as well: the hook does not look at the type.
    """
    return {
        "package-name": "airflow-provider-mediabatch",
        "name": "Media batch inference on Snowflake",
        "description": "Batch inference on images, audio and video with Snowflake's Model Registry.",
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
        "triggers": [_modules("triggers.batch_job", "triggers.stage_files")],
        "connection-types": [
            {
                "hook-class-name": f"{_PACKAGE}.hooks.mediabatch.MediaBatchHook",
                "hook-name": "Snowflake (media batch)",
                "connection-type": "mediabatch",
                "ui-field-behaviour": {
                    "hidden-fields": [],
                    "relabeling": {},
                    "placeholders": {
                        "host": "127.0.0.1 for the local engine, empty for an account",
                        "protocol": "http for the local engine, empty for an account",
                    },
                },
                "conn-fields": {
                    name: {"label": label, "schema": {"type": ["string", "null"]}} for name, label in _FIELDS.items()
                },
            }
        ],
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
