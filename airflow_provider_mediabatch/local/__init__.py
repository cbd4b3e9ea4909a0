"""The local engine: a Snowflake-protocol server on loopback that the unmodified Snowflake clients talk to.

Its rooms, from the lowest to the highest; each imports only itself and those before it:

``runner``
    what runs in a job's own processes: reads files, calls the model, writes Parquet.
``catalog``
    the SQLite file for everything that is not table data.
``stores``
    stages, models, jobs, tables, roles, and the history of statements, each created with what it needs.
``session``
    who sent a statement and what it may see: sessions, a statement's context, names and privileges.
``sql``
    ordinary SQL, translated by sqlglot and run by DuckDB.
``statements``
    every other statement, and the functions that read stages and jobs.
``dispatch``
    from a statement's text to its handler and its result; the engine that owns all of it.
``protocol``
    Snowflake's wire protocol over HTTP.

``lifecycle`` starts, finds and stops the engine from outside; ``server_process`` is its process. The engine imports
nothing of the package from outside but the quoting of SQL.
"""
