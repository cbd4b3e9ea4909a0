"""A model over files with the Amazon provider: a batch transform when a file is there."""

from __future__ import annotations

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTransformOperator
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.sdk import DAG

with DAG(dag_id="batch_transform", schedule=None):
    wait = S3KeySensor(task_id="wait", bucket_key="s3://bucket/images/*.jpg", wildcard_match=True, deferrable=True)
    wait >> SageMakerTransformOperator(task_id="infer", config={"TransformJobName": "infer"}, deferrable=True)
