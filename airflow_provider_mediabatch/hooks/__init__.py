"""Airflow hooks: Apache's Snowflake hook with what it leaves out."""
