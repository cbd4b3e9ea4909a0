"""Airflow operators: list, validate, sample, approve, run, load."""
