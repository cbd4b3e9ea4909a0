"""The command line: ``mediabatch`` and its sub-commands of ``airflow``."""
