"""Airflow's UI plugin: the review page of samples and batches."""

URL_PREFIX = "/mediabatch"
"""Where the page is mounted in Airflow's API server."""
