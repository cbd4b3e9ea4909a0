"""What runs inside a job's own processes: reads the manifest and the files, calls the model, writes Parquet.

Nothing here imports the server. The two sides share only files in the job's directory: ``spec.json`` (what to run),
``status.json`` (how far it is), ``logs/`` and ``started`` (the marker that makes a start happen once).
"""
