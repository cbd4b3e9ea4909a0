"""Which file was done by which model version, who works on it now, and what is new on a stage."""
