"""Options of statements: each changes the answer as documented, or is refused by name."""

from __future__ import annotations

from conformance.table import Fails, Refused, Row

_COPY = "COPY INTO <table>, Copy options"
_PARAMETERS = "Parameters, Session parameters"
_SHORT = "CREATE OR REPLACE TEMPORARY TABLE SHORT (S VARCHAR(2))"
_WORDS = "COPY INTO SHORT FROM @FILES/in/ FILE_FORMAT = (TYPE = CSV) {}"
_TWICE = tuple(f"COPY FILES INTO @OUT_FILES/twice/{folder}/ FROM @FILES/in/" for folder in ("one", "two"))

ROWS = [
    Row("text beyond its column's length fails", _WORDS.format(""), Fails(), _COPY, before=(_SHORT,)),
    *(
        Row(
            f"{option} cuts text to its column's length",
            "SELECT S FROM SHORT ORDER BY S",
            [("on",), ("th",)],
            _COPY,
            before=(_SHORT, _WORDS.format(option)),
        )
        for option in ("TRUNCATECOLUMNS = TRUE", "ENFORCE_LENGTH = FALSE")
    ),
    Row(
        "text that is cut fits",
        _WORDS.format("TRUNCATECOLUMNS = TRUE ON_ERROR = CONTINUE"),
        [("files/in/a.txt", "LOADED", 1, 1), ("files/in/b.txt", "LOADED", 1, 1)],
        _COPY,
        before=(_SHORT,),
        columns=("file", "status", "rows_parsed", "rows_loaded"),
    ),
    Row(
        "RETURN_FAILED_ONLY leaves out what was loaded",
        _WORDS.format("RETURN_FAILED_ONLY = TRUE ON_ERROR = CONTINUE"),
        [("files/in/b.txt", "LOAD_FAILED")],
        _COPY,
        before=("CREATE OR REPLACE TEMPORARY TABLE SHORT (S VARCHAR(3))",),
        columns=("file", "status"),
    ),
    Row(
        "GET of files of one name from two folders",
        "GET @OUT_FILES/twice/ 'file:///tmp/'",
        Refused("a.txt"),
        "GET, Usage notes: the stage's folders are not kept",
        before=_TWICE,
        confirmed=False,
    ),
    Row(
        "copy options of a stage",
        "CREATE STAGE WITH_OPTIONS COPY_OPTIONS = (ON_ERROR = 'CONTINUE')",
        Refused("COPY_OPTIONS"),
        "CREATE STAGE, Syntax",
        confirmed=False,
    ),
    Row(
        "a key of the client's own on a stage",
        "CREATE STAGE WITH_KEY ENCRYPTION = (TYPE = 'AWS_CSE' MASTER_KEY = 'x')",
        Refused("MASTER_KEY"),
        "CREATE STAGE, External stage parameters",
    ),
    Row(
        "a table that takes new columns from files",
        "CREATE TABLE EVOLVES (N INT) ENABLE_SCHEMA_EVOLUTION = TRUE",
        Refused("ENABLE_SCHEMA_EVOLUTION"),
        "CREATE TABLE, Optional parameters",
    ),
    Row(
        "a schema with managed access",
        "CREATE SCHEMA MANAGED_HERE WITH MANAGED ACCESS",
        Refused("MANAGED ACCESS"),
        "CREATE SCHEMA, Optional parameters",
    ),
    Row(
        "a compute pool that stays suspended",
        "DESCRIBE COMPUTE POOL ASLEEP",
        [("SUSPENDED", "false")],
        "CREATE COMPUTE POOL, Optional parameters",
        before=(
            "CREATE COMPUTE POOL ASLEEP MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = CPU_X64_XS AUTO_RESUME = FALSE "
            "INITIALLY_SUSPENDED = TRUE",
        ),
        after=("DROP COMPUTE POOL ASLEEP",),
        columns=("state", "auto_resume"),
    ),
    Row(
        "INFER_SCHEMA of some of the files",
        "SELECT * FROM TABLE(INFER_SCHEMA(LOCATION => '@FILES/parquet/', FILE_FORMAT => 'F', MAX_FILE_COUNT => 1))",
        Refused("MAX_FILE_COUNT"),
        "INFER_SCHEMA, Arguments",
        before=("CREATE OR REPLACE TEMPORARY FILE FORMAT F TYPE = PARQUET",),
    ),
    *(
        Row(f"{name} other than by default", f"ALTER SESSION SET {name} = {value}", Refused(name), _PARAMETERS)
        for name, value in (
            ("JSON_INDENT", 0),
            ("ROWS_PER_RESULTSET", 10),
            ("ERROR_ON_NONDETERMINISTIC_MERGE", "FALSE"),
            ("TRANSACTION_ABORT_ON_ERROR", "TRUE"),
        )
    ),
]
