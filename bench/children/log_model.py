"""Child: log the measurements' models, unless they are there."""

from __future__ import annotations

import argparse
import json


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parameters", required=True)
    parameters = json.loads(parser.parse_args().parameters)

    from snowflake.ml.model import model_signature
    from snowflake.ml.registry import Registry
    from snowflake.snowpark import Session

    import bench
    from bench.models import Busy, Instant

    session = Session.builder.configs(parameters).create()
    registry = Registry(session=session)
    models = registry.show_models()
    there = set(models["name"]) if len(models) else set()
    signature = model_signature.ModelSignature(
        inputs=[model_signature.FeatureSpec("IMAGE", model_signature.DataType.BYTES)],
        outputs=[model_signature.FeatureSpec("SIZE", model_signature.DataType.INT64)],
    )
    for name, kind in (("INSTANT", Instant), ("BUSY", Busy)):
        if name not in there:
            registry.log_model(
                kind(),
                model_name=name,
                version_name="V1",
                signatures={"predict": signature},
                target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
                code_paths=[bench.__path__[0]],
            )
    session.close()
    print("\n{}")


if __name__ == "__main__":
    main()
