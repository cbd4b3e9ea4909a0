"""All stores of one state directory, opened in the order in which they build on one another."""

from __future__ import annotations

import threading
from pathlib import Path

from airflow_provider_mediabatch.local.catalog import Catalog
from airflow_provider_mediabatch.local.faults import Faults
from airflow_provider_mediabatch.local.stores.jobs.store import JobStore
from airflow_provider_mediabatch.local.stores.models.store import ModelStore
from airflow_provider_mediabatch.local.stores.privileges import Privileges
from airflow_provider_mediabatch.local.stores.query_history import QueryHistory
from airflow_provider_mediabatch.local.stores.schema_objects import SchemaObjects
from airflow_provider_mediabatch.local.stores.settings import Settings
from airflow_provider_mediabatch.local.stores.stages.links import FileLinks
from airflow_provider_mediabatch.local.stores.stages.store import StageStore
from airflow_provider_mediabatch.local.stores.tables.locks import Locks
from airflow_provider_mediabatch.local.stores.tables.storage import Storage


class Stores:
    """What statements work on.

    :param state_dir: the directory that holds all state; it exists.
    :param base_url: where the engine answers, ``http://127.0.0.1:<port>``.
    :param faults: the fault plan.
    :ivar settings: how long what the engine simulates takes.
    :ivar storage: databases, schemas, warehouses and the rows of tables.
    :ivar naming: held by whoever makes, changes or drops an object that has a name, for as long as that takes.
    """

    def __init__(self, state_dir: Path, base_url: str, faults: Faults) -> None:
        self.catalog = Catalog(state_dir / "catalog.sqlite")
        self.naming = threading.RLock()
        self.settings = Settings(self.catalog)
        self.history = QueryHistory(self.catalog, state_dir / "results")
        self.privileges = Privileges(self.catalog)
        self.storage = Storage(state_dir)
        self.locks = Locks(self.settings)
        self.stages = StageStore(self.catalog, state_dir)
        self.links = FileLinks(state_dir, base_url)
        self.models = ModelStore(self.catalog, state_dir)
        self.schema_objects = SchemaObjects(self.catalog)
        self.jobs = JobStore(self.catalog, state_dir, faults, self.privileges)

    def drop_schema(self, database: str, schema: str) -> None:
        """Drop all but the tables of a schema that is itself being dropped."""
        self.stages.drop_schema(database, schema)
        self.models.drop_schema(database, schema)
        self.schema_objects.drop_schema(database, schema)
