"""Compute pools, inference jobs and models."""

from __future__ import annotations

from conformance.table import Fails, Row

_POOLS = "Snowpark Container Services: Working with compute pools, System compute pools"
_HISTORY = "GET_JOB_HISTORY, Arguments"
_LONG = "J" * 64
_SPEC = '{"output": {"stage_location": "@OUT_FILES/jobs/"}}'

ROWS = [
    Row(
        "the pools that every account has",
        "SHOW COMPUTE POOLS LIKE 'SYSTEM_COMPUTE_POOL%'",
        [("SYSTEM_COMPUTE_POOL_CPU", "CPU_X64_S"), ("SYSTEM_COMPUTE_POOL_GPU", "GPU_NV_S")],
        _POOLS,
        columns=("name", "instance_family"),
    ),
    Row(
        "DESCRIBE of such a pool",
        "DESCRIBE COMPUTE POOL SYSTEM_COMPUTE_POOL_CPU",
        [("SYSTEM_COMPUTE_POOL_CPU",)],
        _POOLS,
        columns=("name",),
    ),
    Row(
        "a pool that is not there",
        "DESCRIBE COMPUTE POOL NO_SUCH_POOL",
        Fails(2003),
        "DESCRIBE COMPUTE POOL, Parameters",
        confirmed=False,
    ),
    Row(
        "a job that is not there",
        "DESCRIBE SERVICE NO_SUCH_JOB",
        Fails(2003),
        "DESCRIBE SERVICE, Parameters",
        confirmed=False,
    ),
    Row(
        "DROP of a job that is not there",
        "DROP SERVICE NO_SUCH_JOB",
        Fails(2003),
        "DROP SERVICE, Parameters",
        confirmed=False,
    ),
    Row("SHOW JOB SERVICES of none", "SHOW JOB SERVICES LIKE 'NO_SUCH_JOB'", [], "SHOW SERVICES, Description"),
    Row(
        "an image repository",
        "SHOW IMAGE REPOSITORIES LIKE 'images'",
        [("IMAGES", "of jobs")],
        "SHOW IMAGE REPOSITORIES, Output",
        before=("CREATE OR REPLACE IMAGE REPOSITORY IMAGES COMMENT = 'of jobs'",),
        after=("DROP IMAGE REPOSITORY IMAGES",),
        columns=("name", "comment"),
    ),
    Row(
        "the artifact repository of every account",
        "SHOW ARTIFACT REPOSITORIES LIKE 'pypi_shared%' IN ACCOUNT",
        [("PYPI_SHARED_REPOSITORY", "SNOWFLAKE", "SNOWPARK", "PYPI")],
        "SHOW ARTIFACT REPOSITORIES, Output",
        columns=("name", "database_name", "schema_name", "type"),
    ),
    Row(
        "DESCRIBE of that repository, as snowflake-ml asks for it",
        "DESC ARTIFACT REPOSITORY snowflake.snowpark.pypi_shared_repository",
        [("PYPI_SHARED_REPOSITORY",)],
        "snowflake-ml, model_parameter_reconciler.py",
        columns=("name",),
    ),
    Row(
        "DESCRIBE of an artifact repository that is not there",
        "DESCRIBE ARTIFACT REPOSITORY NO_SUCH_REPOSITORY",
        Fails(2003),
        "DESCRIBE ARTIFACT REPOSITORY, Parameters",
        confirmed=False,
    ),
    Row(
        "a tag",
        "SHOW TAGS LIKE 'cost_center'",
        [("COST_CENTER",)],
        "SHOW TAGS, Output",
        before=("CREATE TAG IF NOT EXISTS COST_CENTER",),
        after=("DROP TAG COST_CENTER",),
        columns=("name",),
    ),
    Row(
        "job history takes a limit",
        "SELECT COUNT(*) FROM TABLE(SNOWFLAKE.SPCS.GET_JOB_HISTORY(RESULT_LIMIT => 10000)) WHERE NAME = 'NO_SUCH_JOB'",
        [(0,)],
        _HISTORY,
    ),
    Row(
        "job history takes a time",
        "SELECT COUNT(*) FROM TABLE(SNOWFLAKE.SPCS.GET_JOB_HISTORY(CREATED_TIME_START => DATEADD(DAY, 1, "
        "CURRENT_TIMESTAMP())))",
        [(0,)],
        _HISTORY,
    ),
    Row(
        "job history of more than 10,000",
        "SELECT COUNT(*) FROM TABLE(SNOWFLAKE.SPCS.GET_JOB_HISTORY(RESULT_LIMIT => 10001))",
        Fails(),
        _HISTORY,
    ),
    Row(
        "a job's name of 64 characters",
        f"EXECUTE INFERENCE JOB SERVICE IN COMPUTE POOL LOCAL_POOL WITH SPECIFICATION '{_SPEC}' FROM @FILES/in/ "
        f"MODEL = M NAME = {_LONG}",
        Fails(words="63 characters"),
        "Snowpark Container Services: Working with services, Service DNS name",
    ),
    Row(
        "a model that is not there",
        "SHOW VERSIONS IN MODEL NO_SUCH_MODEL",
        Fails(2003),
        "SHOW VERSIONS IN MODEL, Parameters",
        confirmed=False,
    ),
    Row(
        "a method of a model that is not there",
        "WITH MV AS MODEL NO_SUCH_MODEL VERSION V1 SELECT MV!PREDICT(1)",
        Fails(2003),
        "Model methods, Calling a method of a version",
        confirmed=False,
    ),
    Row("SHOW MODELS of none", "SHOW MODELS LIKE 'NO_SUCH_MODEL'", [], "SHOW MODELS, Parameters"),
    Row("DROP MODEL of none", "DROP MODEL NO_SUCH_MODEL", Fails(2003), "DROP MODEL, Parameters", confirmed=False),
]
