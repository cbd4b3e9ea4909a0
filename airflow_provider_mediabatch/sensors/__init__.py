"""Airflow sensors: wait for new files on a stage."""
