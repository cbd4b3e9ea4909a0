"""What a batch is to use, as a user writes it, and the objects that it names."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.drift_report import DRIFT_SUFFIX
from airflow_provider_mediabatch.core.grants import Name
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.files.listing_arguments import DEFAULT_LEDGER

NO_LEDGER = "none"
_STAGES = ("input_stage", "manifest_stage", "output_stage")
_PARTS = {
    "job_schema": 2,
    "model": 3,
    "ledger": 3,
    "results_table": 3,
    "labels": 3,
    "stream": 3,
    "image_repository": 3,
    "compute_pool": 1,
    "warehouse": 1,
}
_FORMS = {1: "NAME", 2: "DATABASE.SCHEMA", 3: "DATABASE.SCHEMA.NAME"}


class SettingError(ValueError):
    """A setting that names no object.

    :param setting: the field of :class:`BatchSettings`.
    """

    def __init__(self, setting: str, problem: str) -> None:
        self.setting = setting
        super().__init__(problem)


@dataclass(frozen=True)
class BatchSettings:
    """What a batch is to use. What is None is not checked. Fields have the names of :data:`~.core.grants.TABLE`.

    :param model: ``DATABASE.SCHEMA.MODEL``.
    :param version: version or alias; by default the model's default version.
    :param function: the model's function.
    :param input_stage: where the files are, ``@DATABASE.SCHEMA.STAGE/path``.
    :param output_stage: where predictions go, ``@DATABASE.SCHEMA.STAGE/path``.
    :param manifest_stage: where manifests go; by default the output's stage.
    :param compute_pool: where the jobs run.
    :param job_schema: ``DATABASE.SCHEMA`` that jobs are created in; by default the model's.
    :param ledger: the ledger table; by default the operators' own where there is a model; ``none`` for no ledger.
    :param results_table: the table that LoadResultsOperator fills.
    :param labels: the table of labels that predictions are compared with.
    :param stream: the stream that ``stage_asset(source="stream")`` reads.
    :param image_repository: the repository that ``image_build_spec`` names.
    :param warehouse: what the Airflow connection names.
    """

    model: str | None = None
    version: str | None = None
    function: str | None = None
    input_stage: str | None = None
    output_stage: str | None = None
    manifest_stage: str | None = None
    compute_pool: str | None = None
    job_schema: str | None = None
    ledger: str | None = None
    results_table: str | None = None
    labels: str | None = None
    stream: str | None = None
    image_repository: str | None = None
    warehouse: str | None = None

    def objects(self, database: str | None, schema: str | None) -> dict[str, Name]:
        """The names of the objects, in resolved parts.

        :param database: fills names that leave it out; the connection's.
        :param schema: likewise.
        :raises SettingError: for a text that names no such object.
        """
        found: dict[str, Name] = {}
        for setting in _STAGES:
            if text := getattr(self, setting):
                try:
                    path = StagePath.parse(text, database=database, schema=schema)
                except ValueError as error:
                    raise SettingError(setting, str(error)) from None
                found[setting] = (path.database, path.schema, path.stage)
        for setting in _PARTS:
            if (text := getattr(self, setting)) and not (setting == "ledger" and text.lower() == NO_LEDGER):
                found[setting] = _resolve(setting, text, database, schema)
        if "model" in found:
            found.setdefault("job_schema", found["model"][:2])
            if self.ledger is None:
                found["ledger"] = _resolve("ledger", DEFAULT_LEDGER, database, schema)
        if "output_stage" in found:
            found.setdefault("manifest_stage", found["output_stage"])
        if "ledger" in found:
            found["ledger_lock"] = (*found["ledger"][:2], f"{found['ledger'][2]}_LOCK")
        if "results_table" in found:
            found["drift_table"] = (*found["results_table"][:2], found["results_table"][2] + DRIFT_SUFFIX)
        return found


def _resolve(setting: str, text: str, database: str | None, schema: str | None) -> Name:
    length = _PARTS[setting]
    try:
        parts = sql.split(text)
    except ValueError as error:
        raise SettingError(setting, str(error)) from None
    if len(parts) > length:
        raise SettingError(setting, f"{text!r} is not {_FORMS[length]}")
    full = (*(database, schema)[: length - len(parts)], *parts)
    if not all(full):
        raise SettingError(setting, f"{text!r} lacks a database or schema: write {_FORMS[length]}")
    return tuple(str(part) for part in full)
