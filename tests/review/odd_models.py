"""Models whose outputs are hard to show. Logged by value; see ``job_models`` for why there is no annotations import."""

import pandas as pd
from snowflake.ml.model import custom_model, model_signature
from snowflake.ml.model.model_signature import DataType, FeatureSpec, ModelSignature


class OddModel(custom_model.CustomModel):
    """Markup, a very long text, nested values and numbers that are none, for any file."""

    @custom_model.inference_api
    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        rows = []
        for number, data in enumerate(X["FILE"]):
            rows.append(
                {
                    "LABEL": "<script>document.title='owned'</script>| `x` [l](javascript:alert(1)) {{ 7 * 7 }}",
                    "TEXT": "long " * 2_000_000 if number == 0 else "short",
                    "NESTED": {"boxes": [[1.0, 2.0], [3.0, float(len(data))]], "name": "<b>bold</b>"},
                    "WEIGHT": (float("nan"), float("inf"), 0.5)[min(number, 2)],
                }
            )
        return pd.DataFrame(rows)


ODD_SIGNATURE = ModelSignature(
    inputs=[FeatureSpec("FILE", DataType.BYTES)],
    outputs=[
        FeatureSpec("LABEL", DataType.STRING),
        FeatureSpec("TEXT", DataType.STRING),
        model_signature.FeatureGroupSpec(
            "NESTED",
            [FeatureSpec("boxes", DataType.DOUBLE, shape=(-1, 2)), FeatureSpec("name", DataType.STRING)],
        ),
        FeatureSpec("WEIGHT", DataType.DOUBLE),
    ],
)


class SoundModel(custom_model.CustomModel):
    """Seconds and loudness of a recording."""

    @custom_model.inference_api
    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        import array
        import io
        import wave

        rows = []
        for data in X["AUDIO"]:
            with wave.open(io.BytesIO(data)) as clip:
                samples = array.array("h", clip.readframes(clip.getnframes()))
                seconds = clip.getnframes() / clip.getframerate()
            loud = (sum(value * value for value in samples) / max(1, len(samples))) ** 0.5 / 32768
            rows.append({"SECONDS": seconds, "LOUDNESS": loud, "KIND": "loud" if loud > 0.1 else "quiet"})
        return pd.DataFrame(rows)


SOUND_SIGNATURE = ModelSignature(
    inputs=[FeatureSpec("AUDIO", DataType.BYTES)],
    outputs=[
        FeatureSpec("SECONDS", DataType.DOUBLE),
        FeatureSpec("LOUDNESS", DataType.DOUBLE),
        FeatureSpec("KIND", DataType.STRING),
    ],
)
