"""Airflow's plugin: it mounts the review page and cancels jobs of tasks that a user marks."""
