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
    from bench.models import Busy, Instant, Raising, Telling

    session = Session.builder.configs(parameters).create()
    registry = Registry(session=session)
    models = registry.show_models()
    there = set(models["name"]) if len(models) else set()
    inputs = [model_signature.FeatureSpec("IMAGE", model_signature.DataType.BYTES)]
    size = model_signature.FeatureSpec("SIZE", model_signature.DataType.INT64)
    error = model_signature.FeatureSpec("MB_ERROR", model_signature.DataType.STRING)
    for kind in (Instant, Busy, Raising, Telling):
        name = kind.__name__.upper()
        if name not in there:
            outputs = [size, error] if kind is Telling else [size]
            registry.log_model(
                kind(),
                model_name=name,
                version_name="V1",
                signatures={"predict": model_signature.ModelSignature(inputs=inputs, outputs=outputs)},
                target_platforms=["SNOWPARK_CONTAINER_SERVICES"],
                code_paths=[bench.__path__[0]],
            )
    session.close()
    print("\n{}")


if __name__ == "__main__":
    main()
