"""The local engine: a Snowflake-protocol server on loopback that the unmodified Snowflake clients talk to."""
