"""Child: list and submit as the seed document does, with today's module names. Prints rows and seconds.

The seed's code as it stands (snowflake-ml's ``list_stage_files``, then ``run_batch(X=df)``), but that the job is not
awaited.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
import uuid

from bench.children.memory import peak_mb


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parameters", required=True, help="the connector's parameters as JSON")
    parser.add_argument("--stage", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--import-only", action="store_true", help="stop after the imports: what both sides pay anyway")
    arguments = parser.parse_args()

    from snowflake.ml.model.batch_inference import FileEncoding, InputFormat, InputSpec, OutputSpec, SaveMode
    from snowflake.ml.registry import Registry
    from snowflake.ml.utils.stage_file import list_stage_files
    from snowflake.snowpark import Session

    if arguments.import_only:
        print(json.dumps({"rows": 0, "peak_mb": peak_mb()}))
        return
    gc.collect()  # what the imports left is not the work's
    started = time.perf_counter()
    session = Session.builder.configs(json.loads(arguments.parameters)).create()
    model_version = Registry(session=session).get_model(arguments.model).version(arguments.version)
    input_df = list_stage_files(session, arguments.stage, pattern=".*[.]jpg", column_name="IMAGE")
    rows = input_df.count()
    job = model_version.run_batch(
        X=input_df,
        compute_pool="LOCAL_POOL",
        output_spec=OutputSpec(stage_location=f"{arguments.output}{uuid.uuid4().hex}/", mode=SaveMode.OVERWRITE),
        input_spec=InputSpec(
            column_handling={
                "IMAGE": {"input_format": InputFormat.FULL_STAGE_PATH, "convert_to": FileEncoding.RAW_BYTES}
            }
        ),
    )
    seconds = time.perf_counter() - started
    job.cancel()
    print(json.dumps({"rows": rows, "seconds": round(seconds, 3), "job": job.name, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    main()
