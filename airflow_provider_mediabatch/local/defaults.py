"""What a fresh engine has: names that its connection parameters point at."""

from __future__ import annotations

ACCOUNT = "LOCAL"
USER = "AIRFLOW"
DATABASE = "MEDIA"
SCHEMA = "PUBLIC"
WAREHOUSE = "COMPUTE_WH"
ROLE = "ACCOUNTADMIN"
COMPUTE_POOL = "LOCAL_POOL"
VERSION = "10.0.0 local"
"""The server's version, at login and in CURRENT_VERSION().

snowflake-ml parses it as a Python version with a local part, ``10.0.0+local``; Snowflake's own are like
``9.36.1 b2025…``.
"""
