"""Importing this module registers every statement, function and table function that the engine answers."""

from __future__ import annotations

from airflow_provider_mediabatch.local.statements import account as account
from airflow_provider_mediabatch.local.statements import artifact_repositories as artifact_repositories
from airflow_provider_mediabatch.local.statements import compute_pools as compute_pools
from airflow_provider_mediabatch.local.statements import copy as copy
from airflow_provider_mediabatch.local.statements import databases as databases
from airflow_provider_mediabatch.local.statements import execute_inference_job as execute_inference_job
from airflow_provider_mediabatch.local.statements import file_formats as file_formats
from airflow_provider_mediabatch.local.statements import file_urls as file_urls
from airflow_provider_mediabatch.local.statements import grants as grants
from airflow_provider_mediabatch.local.statements import model_tags as model_tags
from airflow_provider_mediabatch.local.statements import models as models
from airflow_provider_mediabatch.local.statements import put_files as put_files
from airflow_provider_mediabatch.local.statements import roles as roles
from airflow_provider_mediabatch.local.statements import schema_objects as schema_objects
from airflow_provider_mediabatch.local.statements import service_functions as service_functions
from airflow_provider_mediabatch.local.statements import services as services
from airflow_provider_mediabatch.local.statements import session as session
from airflow_provider_mediabatch.local.statements import show as show
from airflow_provider_mediabatch.local.statements import show_models as show_models
from airflow_provider_mediabatch.local.statements import staged_files as staged_files
from airflow_provider_mediabatch.local.statements import stages as stages
from airflow_provider_mediabatch.local.statements import streams as streams
from airflow_provider_mediabatch.local.statements import system_functions as system_functions
from airflow_provider_mediabatch.local.statements import transfer as transfer
