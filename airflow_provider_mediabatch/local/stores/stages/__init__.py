"""Stages: their files, directory tables, file formats, and what SQL reads of them."""
