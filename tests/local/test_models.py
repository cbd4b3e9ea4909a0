"""The Model Registry through the unmodified snowflake-ml client, and what of it is plain SQL."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from job_models import FILE_SIGNATURE, FileModel
from snowflake.connector.errors import ProgrammingError
from snowflake.ml.model import custom_model

from airflow_provider_mediabatch.cli.main import main


def log(registry: Any, name: str, version: str, platform: str = "SNOWPARK_CONTAINER_SERVICES", **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return registry.log_model(
            FileModel(custom_model.ModelContext()),
            model_name=name,
            version_name=version,
            signatures={"predict": FILE_SIGNATURE},
            target_platforms=[platform],
            **options,
        )


@pytest.fixture(scope="module")
def session(engine: Any) -> Iterator[Any]:
    opened = engine.session()
    opened.sql("CREATE SCHEMA MEDIA.MODELS_TEST").collect()
    opened.sql("USE SCHEMA MEDIA.MODELS_TEST").collect()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def registry(session: Any) -> Any:
    from snowflake.ml.registry import Registry

    return Registry(session, database_name="MEDIA", schema_name="MODELS_TEST")


@pytest.fixture(scope="module")
def model(registry: Any) -> Any:
    """A model with the versions V1 (default) and V2."""
    log(registry, "PHOTOS", "V1", comment="first", metrics={"acc": 0.9})
    log(registry, "PHOTOS", "V2")
    return registry.get_model("PHOTOS")


def test_tags(model: Any, session: Any) -> None:
    session.sql("CREATE TAG ANSWERS COMMENT = 'who answers'").collect()
    session.sql('CREATE TAG IF NOT EXISTS "live version"').collect()
    assert [row["name"] for row in session.sql("SHOW TAGS").collect()] == ["ANSWERS", "live version"]
    assert model.show_tags() == {}
    assert model.get_tag("ANSWERS") is None
    model.set_tag("ANSWERS", "it's us")
    model.set_tag('MEDIA.MODELS_TEST."live version"', "v2")
    assert model.get_tag("MEDIA.MODELS_TEST.ANSWERS") == "it's us"
    model.unset_tag("ANSWERS")
    assert model.show_tags() == {'MEDIA.MODELS_TEST."live version"': "v2"}
    session.sql('DROP TAG "live version"').collect()
    assert model.show_tags() == {}
    session.sql("DROP TAG ANSWERS").collect()


def failure(session: Any, sql: str) -> str:
    with pytest.raises(Exception) as caught:  # noqa: PT011 (Snowpark has several classes for it)
        session.sql(sql).collect()
    return str(caught.value)


def test_versions_default_and_aliases(model: Any) -> None:
    assert [version.version_name for version in model.versions()] == ["V1", "V2"]
    assert model.default.version_name == "V1"
    assert model.first().version_name == "V1"
    assert model.last().version_name == "V2"
    shown = model.show_versions()
    assert json.loads(shown["aliases"][0]) == ["DEFAULT", "FIRST"]
    first = model.version("V1")
    assert (first.comment, first.show_metrics()) == ("first", {"acc": 0.9})
    first.set_alias("prod")
    assert model.version("prod").version_name == "V1"
    model.version("V2").set_alias("prod")
    assert model.version("prod").version_name == "V2"
    model.version("V2").unset_alias("prod")
    with pytest.raises(ValueError, match="PROD"):
        model.version("prod")
    model.default = "V2"
    assert model.default.version_name == "V2"
    model.default = "V1"
    assert model.default.version_name == "V1"


def test_metrics_comments_and_description(model: Any) -> None:
    version = model.version("V2")
    version.set_metric("f1", {"cat": 0.5})
    version.comment = "it's the 2nd; $1"
    assert (version.get_metric("f1"), version.comment) == ({"cat": 0.5}, "it's the 2nd; $1")
    model.description = "what it does"
    assert model.description == "what it does"


def test_functions_and_signature(session: Any, model: Any) -> None:
    functions = model.version("V1").show_functions()
    assert [(f["name"], f["target_method"]) for f in functions] == [("PREDICT", "predict")]
    row = session.sql("SHOW FUNCTIONS IN MODEL PHOTOS VERSION V1").collect()[0]
    assert (row["name"], row["return_type"]) == ("PREDICT", "OBJECT")
    row = session.sql("SHOW VERSIONS LIKE 'V1' IN MODEL PHOTOS").collect()[0]
    inputs = yaml.safe_load(row["model_spec"])["signatures"]["predict"]["inputs"]
    assert [(field["name"], field["type"]) for field in inputs] == [("img", "BYTES")]
    assert json.loads(row["functions"]) == ["PREDICT"]
    assert json.loads(row["runnable_in"]) == ["SNOWPARK_CONTAINER_SERVICES"]
    assert json.loads(row["model_attributes"])["framework"] == "custom"


def test_load_runs_the_users_model(model: Any) -> None:
    loaded = model.version("V1").load()
    answer = loaded.predict(pd.DataFrame({"img": [b"\xff\xd8\xff\xe0 and more"]}))
    assert answer["head"].tolist() == ["ffd8ffe0"]


def test_show_models(session: Any, registry: Any, model: Any) -> None:
    shown = registry.show_models()
    row = shown[shown["name"] == "PHOTOS"].iloc[0]
    assert (row["default_version_name"], json.loads(row["versions"]), row["owner"]) == (
        "V1",
        ["V1", "V2"],
        "ACCOUNTADMIN",
    )
    assert session.sql("SHOW MODELS LIKE 'nothing' IN SCHEMA MEDIA.MODELS_TEST").collect() == []


def test_files_of_a_version(engine: Any, model: Any, tmp_path: Path) -> None:
    with engine.connect(schema="MODELS_TEST") as connection:
        cursor = connection.cursor()
        listed = cursor.execute("LIST 'snow://model/MEDIA.MODELS_TEST.PHOTOS/versions/V1/model/'").fetchall()
        assert "versions/V1/model/model.yaml" in [row[0] for row in listed]
        got = cursor.execute(f"GET 'snow://model/PHOTOS/versions/DEFAULT/MANIFEST.yml' 'file://{tmp_path}'").fetchall()
        assert [row[0] for row in got] == ["MANIFEST.yml"]
        with pytest.raises(ProgrammingError, match="leads out"):
            cursor.execute("LIST 'snow://model/PHOTOS/versions/V1/../../../'")
        with pytest.raises(ProgrammingError, match="removed"):
            cursor.execute("REMOVE 'snow://model/PHOTOS/versions/V1/'")


def test_a_lower_case_model_and_version(registry: Any, session: Any) -> None:
    log(registry, '"small"', '"v one"')
    version = registry.get_model('"small"').version('"v one"')
    assert version.load() is not None
    assert "does not exist" in failure(session, "SHOW VERSIONS IN MODEL SMALL")
    registry.delete_model('"small"')


def test_log_for_the_default_platforms(registry: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        version = registry.log_model(
            FileModel(custom_model.ModelContext()),
            model_name="ANYWHERE",
            version_name="V1",
            signatures={"predict": FILE_SIGNATURE},
        )
    assert version.version_name == "V1"


def test_requirements_that_are_not_installed_are_named_when_a_model_is_logged(
    engine: Any, registry: Any, session: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    pip = ["no-such-package-of-mine==9.9", "pandas>=1", "requests<0.1; python_version < '3'"]
    log(registry, "NEEDY", "V1", pip_requirements=pip, conda_dependencies=["conda-forge::no-such-conda-package", "pip"])
    lacking = [
        "the model's requirement no-such-conda-package is not installed here",
        "the model's requirement no-such-package-of-mine==9.9 is not installed here",
    ]
    written = (Path(engine.state_dir) / "engine.log").read_text()
    for requirement in lacking:
        assert f"Version V1 of model MEDIA.MODELS_TEST.NEEDY: {requirement}\n" in written
    assert main(["local", "status", "--state-dir", str(engine.state_dir)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert {f"WARNING: Version V1 of model MEDIA.MODELS_TEST.NEEDY: {requirement}." for requirement in lacking} == {
        line for line in said if "NEEDY" in line
    }
    (created,) = session.sql("CREATE MODEL NEEDY_COPY WITH VERSION V1 FROM MODEL NEEDY VERSION V1").collect()
    (added,) = session.sql("ALTER MODEL NEEDY_COPY ADD VERSION V2 FROM MODEL NEEDY VERSION V1").collect()
    for answer in (created, added):
        assert all(f"WARNING: {requirement}." in answer["status"] for requirement in lacking)
        assert answer["status"].count("WARNING") == 2


def test_copies_renames_and_drops(registry: Any, session: Any) -> None:
    log(registry, "SOURCE", "A")
    session.sql("CREATE MODEL COPY WITH VERSION B FROM MODEL SOURCE VERSION A").collect()
    session.sql("ALTER MODEL COPY ADD VERSION C FROM MODEL SOURCE").collect()
    registry.delete_model("SOURCE")
    registry.get_model("COPY").rename("MOVED")
    moved = registry.get_model("MOVED")
    assert [version.version_name for version in moved.versions()] == ["B", "C"]
    assert moved.version("B").load() is not None
    assert "default version" in failure(session, "ALTER MODEL MOVED DROP VERSION B")
    moved.delete_version("C")
    registry.delete_model("MOVED")
    with pytest.raises(ValueError, match="MOVED"):
        registry.get_model("MOVED")
    session.sql("DROP MODEL IF EXISTS MOVED").collect()


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("SHOW VERSIONS IN MODEL NOPE", "does not exist"),
        ("SHOW FUNCTIONS IN MODEL PHOTOS VERSION NOPE", "does not exist"),
        ("DROP MODEL NOPE", "does not exist"),
        ("ALTER MODEL PHOTOS SET TAG X = 'y'", "Tag 'MEDIA.MODELS_TEST.X' does not exist"),
        ("CREATE TAG X ALLOWED_VALUES 'y'", "not supported by the local engine: ALLOWED_VALUES of a tag"),
        ("ALTER MODEL PHOTOS ADD LIVE VERSION X", "not supported by the local engine: live versions"),
        ("ALTER MODEL PHOTOS VERSION V1 SET ALIAS = FIRST", "system alias"),
        ("CREATE MODEL PHOTOS WITH VERSION V9 FROM MODEL PHOTOS VERSION V1", "already exists"),
        ("ALTER MODEL PHOTOS ADD VERSION V1 FROM MODEL PHOTOS VERSION V1", "already exists"),
    ],
)
def test_errors(session: Any, model: Any, sql: str, word: str) -> None:
    assert word in failure(session, sql)


def test_a_stage_without_a_manifest_is_no_model(engine: Any, session: Any) -> None:
    session.sql("CREATE STAGE HOLLOW").collect()
    before = sorted((engine.state_dir / "models").iterdir())
    assert "398507" in failure(session, "CREATE MODEL HOLLOW WITH VERSION V1 FROM @HOLLOW/x")
    assert sorted((engine.state_dir / "models").iterdir()) == before
    assert "does not exist" in failure(session, "SHOW VERSIONS IN MODEL HOLLOW")


def test_privileges(engine: Any, session: Any, model: Any) -> None:
    for sql in (
        "CREATE ROLE MODEL_LOOKER",
        "GRANT USAGE ON DATABASE MEDIA TO ROLE MODEL_LOOKER",
        "GRANT USAGE ON SCHEMA MEDIA.MODELS_TEST TO ROLE MODEL_LOOKER",
        "GRANT ROLE MODEL_LOOKER TO USER AIRFLOW",
    ):
        session.sql(sql).collect()
    with engine.connect(schema="MODELS_TEST", role="MODEL_LOOKER") as connection:
        cursor = connection.cursor()
        assert cursor.execute("SHOW MODELS LIKE 'PHOTOS' IN SCHEMA MEDIA.MODELS_TEST").fetchall() == []
        with pytest.raises(ProgrammingError, match="does not exist or not authorized"):
            cursor.execute("SHOW VERSIONS IN MODEL PHOTOS")
        session.sql("GRANT USAGE ON MODEL PHOTOS TO ROLE MODEL_LOOKER").collect()
        assert len(cursor.execute("SHOW VERSIONS IN MODEL PHOTOS").fetchall()) == 2
        with pytest.raises(ProgrammingError, match="Insufficient privileges"):
            cursor.execute("LIST 'snow://model/PHOTOS/versions/V1/'")
        with pytest.raises(ProgrammingError, match="Insufficient privileges"):
            cursor.execute("DROP MODEL PHOTOS")


def test_models_and_stages_are_there_after_a_kill(own_engine: Any) -> None:
    import os
    import signal

    from snowflake.ml.registry import Registry

    session = own_engine.session()
    log(Registry(session, database_name="MEDIA", schema_name="PUBLIC"), "SOLID", "V1")
    session.sql("CREATE STAGE KEPT DIRECTORY = (ENABLE = TRUE)").collect()
    session.sql("PUT 'file:///etc/hostname' @KEPT AUTO_COMPRESS = FALSE").collect()
    session.sql("ALTER STAGE KEPT REFRESH").collect()
    session.sql("CREATE TEMPORARY STAGE GONE").collect()
    leftover = own_engine.state_dir / "models" / ".part-0123"
    leftover.mkdir()
    os.kill(own_engine.status.pid, signal.SIGKILL)
    own_engine.restart()
    again = own_engine.session()
    registry = Registry(again, database_name="MEDIA", schema_name="PUBLIC")
    assert registry.get_model("SOLID").version("V1").load() is not None
    assert not leftover.exists()
    assert len(again.sql("LIST @KEPT").collect()) == 1
    assert again.sql("SELECT COUNT(*) FROM DIRECTORY(@KEPT)").collect()[0][0] == 1
    assert "does not exist" in failure(again, "LIST @GONE")
    again.close()


def test_a_model_for_warehouses_has_packages_of_snowflakes_channel_only(registry: Any) -> None:
    """snowflake-ml-python, tests/integ/snowflake/ml/registry/model/registry_target_platforms_test.py."""
    others = {"conda_dependencies": ["conda-forge::prophet==1.1.5"]}
    with pytest.raises(Exception, match=r"Packages not found: - conda-forge::prophet"):
        log(registry, "OF_WAREHOUSE", "V1", platform="WAREHOUSE", **others)
    assert [model.name for model in registry.models() if model.name == "OF_WAREHOUSE"] == []
    log(registry, "OF_WAREHOUSE", "V1", **others)
