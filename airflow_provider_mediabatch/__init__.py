"""Airflow provider for batch inference on images, audio and video with Snowflake's Model Registry."""
