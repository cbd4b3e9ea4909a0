"""Importing this module registers every statement that the engine answers."""

from __future__ import annotations

from airflow_provider_mediabatch.local.statements import queries as queries
