"""What ``mediabatch demo`` runs: real models, real photographs and real speech, on the local engine."""

from __future__ import annotations

from airflow_provider_mediabatch.core.user_error import UserError


class DemoError(UserError):
    """The demo cannot go on; the text says why and what to do."""
