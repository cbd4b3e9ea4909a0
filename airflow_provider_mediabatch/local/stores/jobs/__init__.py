"""Inference jobs: their requests, processes, history and pools. What a job process does is in ``runner``."""
