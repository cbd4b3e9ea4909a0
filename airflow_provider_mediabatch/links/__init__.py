"""Airflow's buttons from a task to its job, its output and its review page."""
