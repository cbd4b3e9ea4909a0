"""Statements that submit no job: refused before anything starts."""

from __future__ import annotations

import pytest
from job_media import unique
from snowflake.connector.errors import ProgrammingError


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"pool": "NO_POOL"}, 2003, "NO_POOL"),
        ({"model": "MEDIA.PUBLIC.NO_MODEL"}, 2003, "NO_MODEL"),
        ({"version": "VERSION = V9"}, None, "V9"),
        ({"function": "FUNCTION = 'nope'"}, None, "nope"),
        ({"output": "@MEDIA.PUBLIC.NO_STAGE/x/"}, 2003, "NO_STAGE"),
        ({"output": "OUTS/x/"}, None, "begins with '@'"),
        ({"source": "@MEDIA.PUBLIC.NO_STAGE/x/"}, 2003, "NO_STAGE"),
        ({"source": "@MEDIA.PUBLIC.OUTS/run/x/"}, None, "must not be inside the output location"),
        ({"params": {"speed": 1}}, None, "no parameter 'speed'"),
        ({"blocks": {"inference": {"workers": 2}}}, None, "unknown key 'workers' in inference"),
        ({"blocks": {"input_spec": {}}}, None, "unknown key 'input_spec'"),
        ({"blocks": {"resources": {"gpu_requests": "1"}}}, None, "has no GPU"),
        ({"blocks": {"inference": {"engine_options": {"engine": "VLLM"}}}}, None, "not supported by the local engine"),
        ({"blocks": {"inference": {"num_workers": 0}}}, None, "num_workers"),
        ({"spec": "output: [", "output": ""}, None, "not YAML"),
        ({"rest": "REPLICAS = 0"}, None, "REPLICAS"),
        ({"rest": "COLOUR = 1"}, 1003, "COLOUR"),
    ],
)
def test_errors_come_before_anything_starts(changes, code, words, media):
    name = unique("BAD")
    with pytest.raises(ProgrammingError) as error:
        media.sql(media.execute(name, **changes))
    assert words in str(error.value)
    assert code is None or error.value.errno == code
    with pytest.raises(ProgrammingError):
        media.status(name)


def test_quoted_names_and_partition_rules_are_refused(media):
    with pytest.raises(ProgrammingError, match="must not be quoted"):
        media.sql(media.execute('MEDIA.PUBLIC."j 1"'))
    spec = "output: {stage_location: '@MEDIA.PUBLIC.OUTS/p/'}\ninput: {partition_column: N}"
    with pytest.raises(ProgrammingError, match="needs a TABLE_FUNCTION"):
        media.sql(media.execute(unique(), spec=spec))


def test_external_output_is_refused(media):
    media.sql("CREATE STAGE IF NOT EXISTS EXT URL = 's3://bucket-of-jobs/prefix/'")
    with pytest.raises(ProgrammingError, match="internal stage"):
        media.sql(media.execute(unique(), output="@MEDIA.PUBLIC.EXT/x/"))


def test_gpu_pool_can_be_made_and_runs_nothing(media):
    media.sql("CREATE COMPUTE POOL IF NOT EXISTS GPUS MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = GPU_NV_S")
    assert media.sql("SHOW COMPUTE POOLS LIKE 'GPUS'")[0]["INSTANCE_FAMILY"] == "GPU_NV_S"
    with pytest.raises(ProgrammingError, match="not supported by the local engine"):
        media.sql(media.execute(unique(), pool="GPUS"))
    media.sql("DROP COMPUTE POOL GPUS")
