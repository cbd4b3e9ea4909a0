"""Snowflake's wire protocol over HTTP: endpoints, bodies, replies."""
