"""Tables, schemas, databases and warehouses: DuckDB's file, the locks on tables, and what a session sees."""
