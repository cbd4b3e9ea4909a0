"""The Model Registry of the engine."""
