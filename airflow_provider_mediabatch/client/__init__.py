"""Everything that sends a statement to Snowflake: connections, errors, stages, models, jobs, staged Parquet, media."""
