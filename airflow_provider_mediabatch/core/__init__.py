"""Values and rules that need neither Airflow nor Snowflake."""
