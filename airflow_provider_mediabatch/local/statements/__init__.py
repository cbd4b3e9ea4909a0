"""The engine's own statements: what is not ordinary SQL."""
