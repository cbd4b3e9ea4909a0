"""Airflow triggers: wait for jobs and for new files without a worker slot."""
