"""Methods of models in SQL, and snowflake-ml's ModelVersion.run, which sends them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
from job_models import BYTE_SIGNATURES, CALLED_SIGNATURES, WIDE, WIDE_SIGNATURES, CalledModel, FirstInput
from snowflake.connector.errors import ProgrammingError
from snowflake.ml.model import custom_model
from snowflake.snowpark.exceptions import SnowparkSQLException

TABLE = {"function_type": "TABLE_FUNCTION"}
FRAME = pd.DataFrame({"n": [1.0, 2.0, 5.0], "t": ["a", None, "it's"]})


@pytest.fixture(scope="module")
def session(engine: Any) -> Iterator[Any]:
    opened = engine.session()
    opened.sql("CREATE SCHEMA MEDIA.MODEL_CALLS").collect()
    opened.sql("USE SCHEMA MEDIA.MODEL_CALLS").collect()
    yield opened
    opened.close()


def logged(
    session: Any, kind: type[custom_model.CustomModel], name: str, signatures: dict[str, Any], **arguments: Any
) -> Any:
    from snowflake.ml.registry import Registry

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Registry(session, database_name="MEDIA", schema_name="MODEL_CALLS").log_model(
            kind(custom_model.ModelContext()),
            model_name=name,
            version_name="V1",
            signatures=signatures,
            **arguments,
        )


@pytest.fixture(scope="module")
def version(session: Any) -> Any:
    options = {"method_options": {"each_row": TABLE, "summary": TABLE}}
    return logged(session, CalledModel, "CALLED", CALLED_SIGNATURES, options=options)


@pytest.fixture
def cursor(engine: Any, version: Any) -> Iterator[Any]:
    with engine.connect(schema="MODEL_CALLS") as connection:
        yield connection.cursor()


def test_run_of_a_function(session: Any, version: Any) -> None:
    answer = version.run(FRAME, function_name="predict", params={"scale": 10.0})
    assert answer["scaled"].tolist() == [10.0, 20.0, 50.0]
    assert answer["text"].isna().tolist() == [False, True, False]
    assert answer["labels"].tolist() == ["{'a': 1}"] * 3
    assert answer["pid"].nunique() == 1
    rows = session.create_dataframe(FRAME).select('"n"', '"t"')
    answer = version.run(rows, function_name="predict", params={"labels": {"a": 7}}).to_pandas()
    assert sorted(answer["scaled"]) == [2.0, 4.0, 10.0]
    assert set(answer["labels"]) == {"{'a': 7}"}
    assert list(answer.columns) == ["n", "t", "scaled", "pid", "labels", "text"]


def test_run_of_table_functions(version: Any) -> None:
    answer = version.run(FRAME, function_name="each_row")
    assert answer.to_dict("list") == {"ROWS_SEEN": [3, 3, 3], "TWICE": [2.0, 4.0, 10.0]}
    frame = FRAME.assign(t=["x", "y", "y"])
    answer = version.run(frame, function_name="each_row", partition_column='"t"')
    assert dict(zip(answer["TWICE"], answer["ROWS_SEEN"], strict=True)) == {2.0: 1, 4.0: 2, 10.0: 2}
    with pytest.warns(UserWarning, match="ordering of rows"):
        answer = version.run(frame, function_name="summary", partition_column='"t"')
    found = {(row["t"], row["ROWS_SEEN"], row["HIGH"]) for row in answer.fillna(-1.0).to_dict("records")}
    assert found == {("x", 1, 1.0), ("x", 1, -1.0), ("y", 2, 5.0), ("y", 2, -1.0)}


def test_whole_numbers_beyond_the_type_of_an_input(session: Any) -> None:
    """snowflake-ml-python, tests/integ/snowflake/ml/model/_client/model/input_validation_integ_test.py
    (test_default_non_strict): a column that can be NULL reaches the method in one of pandas' nullable types, whose
    cast wraps around; one that cannot be NULL is an array of NumPy, whose cast to a nullable type fails.
    """
    version = logged(session, FirstInput, "BYTES_OF", BYTE_SIGNATURES)
    assert version.run(pd.DataFrame({"n": [1, 257]}))["out"].tolist() == [1, 1]
    rows = session.create_dataframe([[None], [257]], schema=['"n"'])
    assert sorted(version.run(rows).to_pandas()["out"].fillna(-1)) == [-1, 1]
    rows = session.create_dataframe([[1], [257]], schema=['"n"'])
    with pytest.raises(SnowparkSQLException, match="Python Interpreter Error"):
        version.run(rows).collect()


def test_run_of_a_function_with_more_inputs_than_sql_takes(session: Any) -> None:
    """snowflake-ml-python, the same file (test_udf_limit): snowflake-ml sends an OBJECT by the names that SQL has."""
    version = logged(session, FirstInput, "WIDE", WIDE_SIGNATURES)
    rows = session.create_dataframe([[7] * WIDE, [8] * WIDE], schema=[f'"c{i}"' for i in range(WIDE)])
    assert sorted(version.run(rows).to_pandas()["out"]) == [7, 8]


def test_in_sql(cursor: Any) -> None:
    def one(sql: str) -> Any:
        return cursor.execute(sql).fetchone()

    assert one("SELECT CALLED!PREDICT(1.5, 'x', 4):scaled::FLOAT") == (6.0,)
    assert one("SELECT MODEL(MEDIA.MODEL_CALLS.CALLED, LAST)!PREDICT(1, 'x'):scaled::INT")[0] == 2
    assert one("WITH mv AS MODEL CALLED VERSION V1 SELECT mv!PREDICT(1, 'x', NULL):scaled::INT")[0] == 2
    rows = "SELECT SEQ4() AS N, '' AS T FROM TABLE(GENERATOR(ROWCOUNT => 5000))"
    called = cursor.execute(
        f"WITH mv AS MODEL CALLED, d AS ({rows}) "
        "SELECT COUNT(DISTINCT p:pid), SUM(p:scaled::FLOAT), COUNT_IF(p:scaled::FLOAT > 9000) "
        "FROM (SELECT mv!PREDICT(N, T) AS p FROM d)"
    ).fetchone()
    assert called == (1, 5000.0 * 4999, 499)
    cursor.execute("BEGIN")
    cursor.execute(f"CREATE TABLE IN_SQL AS SELECT CALLED!PREDICT(N, T):scaled::FLOAT AS S FROM ({rows}) WHERE N < 3")
    assert one("SELECT SUM(S) FROM IN_SQL") == (6.0,)
    assert cursor.describe("SELECT CALLED!PREDICT(-1, 'x') AS P")[0].name == "P"
    assert one("SELECT f.HIGH FROM IN_SQL, TABLE(CALLED!SUMMARY(S, 'x') OVER (PARTITION BY 1)) f WHERE HIGH > 0") == (
        4.0,
    )


@pytest.mark.parametrize(
    ("sql", "errno", "words"),
    [
        ("SELECT CALLED!PREDICT(-3, 'x')", 100357, "ValueError: cannot take -3.0\n in function PREDICT with handler"),
        ("SELECT CALLED!PREDICT(S, 'x', S) FROM IN_SQL", 100357, "All values for parameter 'scale' must be equal"),
        ("SELECT CALLED!NOPE(1)", 2140, "Unknown function NOPE"),
        ("SELECT CALLED!EACH_ROW(1, 'x')", 2140, "Unknown function EACH_ROW"),
        ("SELECT CALLED!PREDICT(1)", 939, "invalid number of arguments"),
        ("SELECT NO_MODEL!PREDICT(1)", 2003, "Model 'MEDIA.MODEL_CALLS.NO_MODEL' does not exist"),
        ("SELECT MODEL(CALLED, V9)!PREDICT(1)", 2003, "Version 'V9'"),
        ("CREATE VIEW W AS SELECT CALLED!PREDICT(1, 'x') P", 2, "a model's method in a view"),
    ],
)
def test_errors(cursor: Any, sql: str, errno: int, words: str) -> None:
    with pytest.raises(ProgrammingError) as caught:
        cursor.execute(sql)
    assert (caught.value.errno, words in str(caught.value.msg)) == (errno, True), caught.value.msg


def test_a_model_that_does_not_end_is_cancelled(cursor: Any) -> None:
    with pytest.raises(ProgrammingError) as caught:
        cursor.execute("SELECT CALLED!PREDICT(600.5, 'x')", timeout=2)
    assert caught.value.errno in (604, 630)


def test_usage_is_enough(session: Any, version: Any, cursor: Any) -> None:
    for sql in (
        "CREATE ROLE CALLER",
        "GRANT USAGE ON DATABASE MEDIA TO ROLE CALLER",
        "GRANT USAGE ON SCHEMA MEDIA.MODEL_CALLS TO ROLE CALLER",
        "USE ROLE CALLER",
    ):
        cursor.execute(sql)
    with pytest.raises(ProgrammingError, match="does not exist or not authorized"):
        cursor.execute("SELECT CALLED!PREDICT(1, 'x')")
    cursor.execute("USE ROLE ACCOUNTADMIN")
    cursor.execute("GRANT USAGE ON MODEL CALLED TO ROLE CALLER")
    cursor.execute("USE ROLE CALLER")
    assert cursor.execute("SELECT CALLED!PREDICT(1, 'x'):scaled::INT").fetchone()[0] == 2
    session.sql("USE ROLE CALLER").collect()
    try:
        assert version.run(FRAME, function_name="predict")["scaled"].tolist() == [2.0, 4.0, 10.0]
    finally:
        session.sql("USE ROLE ACCOUNTADMIN").collect()
    with pytest.raises(ProgrammingError, match="Insufficient privileges to operate on schema"):
        cursor.execute("CREATE FILE FORMAT LASTING TYPE = PARQUET")
