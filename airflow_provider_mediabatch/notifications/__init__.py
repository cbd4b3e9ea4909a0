"""Templates for Airflow's notifiers."""
