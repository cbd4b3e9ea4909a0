"""What a fresh engine has: names that its connection parameters point at."""

from __future__ import annotations

ACCOUNT = "LOCAL"
USER = "AIRFLOW"
DATABASE = "MEDIA"
SCHEMA = "PUBLIC"
WAREHOUSE = "COMPUTE_WH"
ROLE = "ACCOUNTADMIN"
COMPUTE_POOL = "LOCAL_POOL"
