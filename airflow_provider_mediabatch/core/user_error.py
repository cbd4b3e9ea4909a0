"""The root of the errors that end a command line."""

from __future__ import annotations


class UserError(Exception):
    """A command cannot go on, and its user can do something about it. The text is the whole message.

    The operators' errors have a root of their own, :class:`~airflow_provider_mediabatch.exceptions.MediaBatchError`,
    because Airflow wants its own exceptions. The local engine's are
    :class:`~airflow_provider_mediabatch.local.errors.EngineError`, because the engine imports nothing of the provider.
    """
