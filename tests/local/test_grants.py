"""Roles and grants: what a role sees, what it may do, and what can be granted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from snowflake.connector.errors import ProgrammingError
from statements import refusal, rows

if TYPE_CHECKING:
    from snowflake.connector.cursor import SnowflakeCursor

    from tests.conftest import RunningEngine


def test_roles_and_grants(engine: RunningEngine) -> None:
    with engine.connect() as admin:
        cursor = admin.cursor()
        cursor.execute("CREATE ROLE reader")
        cursor.execute("CREATE STAGE guarded")
        with engine.connect(role="reader") as other:
            with pytest.raises(ProgrammingError, match="does not exist or not authorized"):
                other.cursor().execute("LIST @media.public.guarded")
            cursor.execute("GRANT USAGE ON DATABASE media TO ROLE reader")
            cursor.execute("GRANT USAGE ON SCHEMA media.public TO ROLE reader")
            with pytest.raises(ProgrammingError, match="does not exist or not authorized"):
                other.cursor().execute("LIST @media.public.guarded")
            cursor.execute("GRANT READ ON STAGE guarded TO ROLE reader")
            assert other.cursor().execute("LIST @media.public.guarded").fetchall() == []
            with pytest.raises(ProgrammingError, match="Insufficient privileges") as refused:
                other.cursor().execute("REMOVE @media.public.guarded/x")
            assert refused.value.errno == 3001
            with pytest.raises(ProgrammingError, match="Insufficient privileges") as refused:
                other.cursor().execute("CREATE STAGE media.public.not_allowed")
            granted = cursor.execute("SHOW GRANTS ON STAGE guarded").fetchall()
            assert {(row[1], row[5]) for row in granted} == {("OWNERSHIP", "ACCOUNTADMIN"), ("READ", "READER")}
            cursor.execute("REVOKE READ ON STAGE guarded FROM ROLE reader")
            with pytest.raises(ProgrammingError, match="does not exist or not authorized"):
                other.cursor().execute("LIST @media.public.guarded")


def test_options_of_grants(engine: RunningEngine) -> None:
    """REVOKE <privileges>, GRANT OWNERSHIP and CREATE TABLE, Parameters."""
    with engine.connect() as admin:
        cursor = admin.cursor()
        for role in ("first_role", "second_role"):
            cursor.execute(f"CREATE ROLE {role}")

        def held() -> set[tuple[str, str, str]]:
            granted = cursor.execute("SHOW GRANTS ON TABLE media.public.optioned").fetchall()
            return {(row[1], row[5], row[6]) for row in granted}

        cursor.execute("CREATE TABLE media.public.optioned (a INT)")
        cursor.execute("GRANT SELECT ON TABLE media.public.optioned TO ROLE first_role WITH GRANT OPTION")
        cursor.execute("CREATE OR REPLACE TABLE media.public.optioned (b INT) COPY GRANTS")
        assert ("SELECT", "FIRST_ROLE", "true") in held()
        cursor.execute("REVOKE GRANT OPTION FOR SELECT ON TABLE media.public.optioned FROM ROLE first_role")
        assert ("SELECT", "FIRST_ROLE", "false") in held()
        cursor.execute("GRANT OWNERSHIP ON TABLE media.public.optioned TO ROLE second_role COPY CURRENT GRANTS")
        assert {row[1] for row in held()} == {"SECOND_ROLE", "FIRST_ROLE"}
        cursor.execute("GRANT OWNERSHIP ON TABLE media.public.optioned TO ROLE second_role REVOKE CURRENT GRANTS")
        assert {row[1] for row in held()} == {"SECOND_ROLE"}
        cursor.execute("CREATE OR REPLACE TABLE media.public.optioned (c INT)")
        assert {row[1] for row in held()} == {"ACCOUNTADMIN"}


@pytest.mark.parametrize(
    "what",
    [
        "SELECT ON TABLE no_such",
        "SELECT ON VIEW no_such",
        "READ ON STAGE media.no_such_schema.no_such",
        "USAGE ON STAGE no_such",
        "USAGE ON MODEL no_such",
        "MONITOR ON SERVICE no_such",
        "READ ON IMAGE REPOSITORY no_such",
        "USAGE ON FILE FORMAT no_such",
        "USAGE ON SCHEMA media.no_such",
        "USAGE ON SCHEMA no_such.public",
        "USAGE ON DATABASE no_such",
        "USAGE ON WAREHOUSE no_such",
        "USAGE ON COMPUTE POOL no_such",
    ],
)
@pytest.mark.parametrize("role", ["ACCOUNTADMIN", "SECURITYADMIN"])
def test_nothing_is_granted_on_what_is_not_there(engine: RunningEngine, what: str, role: str) -> None:
    with (
        engine.connect(role=role) as admin,
        pytest.raises(ProgrammingError, match="does not exist or not authorized") as refused,
    ):
        admin.cursor().execute(f"GRANT {what} TO ROLE public")
    assert refused.value.errno == 2003


def test_a_view_may_be_granted_as_a_table(engine: RunningEngine) -> None:
    with engine.connect() as admin:
        admin.cursor().execute("CREATE ROLE viewer")  # not PUBLIC: every role would see the view
        admin.cursor().execute("CREATE VIEW media.public.shown AS SELECT 1 AS a")
        for kind in ("TABLE", "VIEW"):
            admin.cursor().execute(f"GRANT SELECT ON {kind} media.public.shown TO ROLE viewer")


def test_the_creator_owns_and_future_grants_apply(engine: RunningEngine) -> None:
    with engine.connect() as admin:
        cursor = admin.cursor()
        for statement in (
            "CREATE ROLE maker",
            "CREATE ROLE watcher",
            "GRANT USAGE ON DATABASE media TO ROLE maker",
            "GRANT ALL ON SCHEMA media.public TO ROLE maker",
            "GRANT READ ON FUTURE STAGES IN SCHEMA media.public TO ROLE watcher",
        ):
            cursor.execute(statement)
        with engine.connect(role="maker") as maker:
            maker.cursor().execute("CREATE STAGE mine")
            maker.cursor().execute("GRANT WRITE ON STAGE mine TO ROLE watcher")
        granted = cursor.execute("SHOW GRANTS ON STAGE mine").fetchall()
        assert {(row[1], row[5]) for row in granted} == {
            ("OWNERSHIP", "MAKER"),
            ("READ", "WATCHER"),
            ("WRITE", "WATCHER"),
        }
        cursor.execute("DROP STAGE mine")
        assert cursor.execute("SHOW GRANTS TO ROLE watcher").fetchall() == []


def test_privileges_on_tables(engine: RunningEngine) -> None:
    with engine.connect() as owner:
        run = owner.cursor().execute
        for sql in (
            "CREATE TABLE GUARDED (A INT)", "INSERT INTO GUARDED VALUES (1)", "CREATE ROLE TABLE_READER",
            "GRANT USAGE ON DATABASE MEDIA TO ROLE TABLE_READER",
            "GRANT USAGE ON SCHEMA MEDIA.PUBLIC TO ROLE TABLE_READER",
        ):  # fmt: skip
            run(sql)
        with engine.connect(role="TABLE_READER") as reader:
            assert refusal(reader, "SELECT A FROM GUARDED").errno == 2003
            run("GRANT SELECT ON TABLE GUARDED TO ROLE TABLE_READER")
            assert rows(reader, "SELECT A FROM GUARDED") == [(1,)]
            for sql in ("INSERT INTO GUARDED VALUES (2)", "UPDATE GUARDED SET A = 2", "DELETE FROM GUARDED",
                        "DROP TABLE GUARDED", "CREATE TABLE MINE (A INT)"):  # fmt: skip
                assert refusal(reader, sql).errno == 3001, sql
            reader.cursor().execute("CREATE TEMPORARY TABLE MINE (A INT)")
            assert rows(reader, "SELECT COUNT(*) FROM MINE") == [(0,)]


def test_a_role_without_grants_sees_nothing_and_makes_no_roles(engine: RunningEngine) -> None:
    with engine.connect() as admin:
        admin.cursor().execute("CREATE SCHEMA IF NOT EXISTS MEDIA.UNSEEN")
        admin.cursor().execute("CREATE OR REPLACE TABLE MEDIA.UNSEEN.T (A INT)")
        admin.cursor().execute("CREATE OR REPLACE ROLE SEES_NOTHING")
        admin.cursor().execute("GRANT ROLE SEES_NOTHING TO USER AIRFLOW")
        with engine.connect(role="SEES_NOTHING") as reader:
            for what in ("DATABASES", "COMPUTE POOLS", "WAREHOUSES", "TABLES IN ACCOUNT"):
                assert rows(reader, f"SHOW {what}") == [], what
            for kind in ("TABLES", "STAGES", "MODELS"):
                with pytest.raises(ProgrammingError) as missing:
                    rows(reader, f"SHOW {kind} IN SCHEMA MEDIA.UNSEEN")
                assert missing.value.errno == 2043
            for sql, code in (
                ("DESCRIBE TABLE MEDIA.UNSEEN.T", 2003),
                ("DESCRIBE COMPUTE POOL LOCAL_POOL", 2003),
                ("CREATE ROLE ANOTHER", 3001),
                ("DROP ROLE SEES_NOTHING", 3001),
                ("ALTER ACCOUNT SET MEDIABATCH_IMAGE_BUILD_SECONDS = 9", 3001),
            ):
                with pytest.raises(ProgrammingError) as refused:
                    rows(reader, sql)
                assert refused.value.errno == code, sql
            for grant in ("USAGE ON DATABASE MEDIA", "USAGE ON SCHEMA MEDIA.UNSEEN", "SELECT ON TABLE MEDIA.UNSEEN.T"):
                admin.cursor().execute(f"GRANT {grant} TO ROLE SEES_NOTHING")
            assert [row[1] for row in rows(reader, "SHOW TABLES IN SCHEMA MEDIA.UNSEEN")] == ["T"]
            assert rows(reader, "SELECT TABLE_NAME FROM MEDIA.INFORMATION_SCHEMA.TABLES") == [("T",)]


def owners(cursor: SnowflakeCursor, kind: str, name: str) -> set[tuple[str, str]]:
    """Privileges on an object with the roles that have them."""
    return {(row[1], row[5]) for row in cursor.execute(f"SHOW GRANTS ON {kind} {name}").fetchall()}  # type: ignore[union-attr,index]


def test_if_not_exists_changes_no_owner(engine: RunningEngine) -> None:
    """The database is there from the start: who asks for it IF NOT EXISTS does not become its owner."""
    with engine.connect() as admin:
        cursor = admin.cursor()
        cursor.execute("CREATE ROLE bystander")
        cursor.execute("GRANT USAGE ON DATABASE media TO ROLE bystander")
        with engine.connect(role="bystander") as other:
            other.cursor().execute("CREATE DATABASE IF NOT EXISTS media")
        assert owners(cursor, "DATABASE", "media") >= {("OWNERSHIP", "ACCOUNTADMIN"), ("USAGE", "BYSTANDER")}


def test_dropping_a_temporary_stage_keeps_the_grants_of_the_one_that_it_hid(engine: RunningEngine) -> None:
    with engine.connect() as admin:
        cursor = admin.cursor()
        cursor.execute("CREATE ROLE keeper")
        cursor.execute("CREATE SCHEMA IF NOT EXISTS media.owners")
        cursor.execute("CREATE STAGE media.owners.hidden")
        cursor.execute("GRANT READ ON STAGE media.owners.hidden TO ROLE keeper")
        cursor.execute("CREATE TEMPORARY STAGE media.owners.hidden")
        cursor.execute("DROP STAGE media.owners.hidden")
        assert owners(cursor, "STAGE", "media.owners.hidden") == {("OWNERSHIP", "ACCOUNTADMIN"), ("READ", "KEEPER")}


@pytest.mark.parametrize(
    ("kind", "name", "definition"),
    [
        ("DATABASE", "owned_db", ""),
        ("WAREHOUSE", "owned_wh", ""),
        ("COMPUTE POOL", "owned_pool", "MIN_NODES = 1 MAX_NODES = 1 INSTANCE_FAMILY = CPU_X64_S"),
        ("SCHEMA", "media.owned", ""),
        ("TABLE", "media.owners.owned", "(a INT)"),
        ("VIEW", "media.owners.owned_view", "AS SELECT 1 AS a"),
        ("STAGE", "media.owners.owned_stage", ""),
        ("FILE FORMAT", "media.owners.owned_format", "TYPE = PARQUET"),
    ],
)
def test_whoever_creates_an_object_owns_it_until_it_is_dropped(
    engine: RunningEngine, kind: str, name: str, definition: str
) -> None:
    with engine.connect() as admin:
        cursor = admin.cursor()
        cursor.execute("CREATE SCHEMA IF NOT EXISTS media.owners")
        for _ in range(2):  # the second one has nothing left of the first one's grants
            cursor.execute(f"CREATE {kind} {name} {definition}")
            assert owners(cursor, kind, name) == {("OWNERSHIP", "ACCOUNTADMIN")}
            cursor.execute(f"GRANT ALL ON {kind} {name} TO ROLE public")
            assert len(owners(cursor, kind, name)) == 2
            cursor.execute(f"DROP {kind} {name}")
