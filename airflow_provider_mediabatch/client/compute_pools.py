"""Compute pools, by SHOW alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_mediabatch.client.connection import rows
from airflow_provider_mediabatch.core.snowflake_objects import ComputePoolInfo

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection


def compute_pools(connection: SnowflakeConnection) -> list[ComputePoolInfo]:
    """The compute pools that this role sees."""
    return [
        ComputePoolInfo(
            name=str(row["name"]),
            instance_family=str(row.get("instance_family") or "").upper(),
            max_nodes=int(row.get("max_nodes") or 1),
            state=str(row.get("state") or "").upper(),
        )
        for row in rows(connection, "SHOW COMPUTE POOLS")
    ]
