"""Ordinary Snowflake SQL: read by sqlglot in Snowflake's dialect, checked and typed, run by DuckDB."""
