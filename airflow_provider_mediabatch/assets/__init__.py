"""Airflow assets: a stage as an asset whose watcher reports new files."""
