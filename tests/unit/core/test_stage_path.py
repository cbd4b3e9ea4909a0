"""Stage paths: what users write, and the three spellings that are made of it."""

from __future__ import annotations

import pytest

from airflow_provider_mediabatch.core.stage_path import StagePath


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("@db.sc.images", "@DB.SC.IMAGES/"),
        ("@db.sc.images/a/b.jpg", "@DB.SC.IMAGES/a/b.jpg"),
        ('@db.sc."my stage"/a b/', '@DB.SC."my stage"/a b/'),
        ("'@db.sc.images/it''s/'", "@DB.SC.IMAGES/it's/"),
        ('@"Db"."S.C"."x""y"/é/ü.wav', '@"Db"."S.C"."x""y"/é/ü.wav'),
        ("@images/a", "@CURRENT_DB.CURRENT_SC.IMAGES/a"),
        ("@other.images/a", "@CURRENT_DB.OTHER.IMAGES/a"),
        ('@"in/side"/a', '@CURRENT_DB.CURRENT_SC."in/side"/a'),
    ],
)
def test_full_stage_path(text: str, full: str) -> None:
    path = StagePath.parse(text, database="CURRENT_DB", schema="CURRENT_SC")
    assert path.full == full
    assert StagePath.parse(path.full) == path


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("db.sc.images/a.jpg", "must begin with @, for example @db.sc.images/a.jpg"),
        ("@~/a", "use a named stage"),
        ("@%table/a", "use a named stage"),
        ("@db.sc.%table/a", "use a named stage"),
        ("@", "write @database.schema.stage/path"),
        ("@my stage/a", "double quotes"),
        ("@my-stage/a", "double quotes"),
        ("@a.b.c.d/e", "4 names"),
        ("@images/a", "does not say which database and schema"),
        ("snow://model/x", "must begin with @"),
    ],
)
def test_refusals_name_the_fix(text: str, fix: str) -> None:
    with pytest.raises(ValueError, match="stage") as caught:
        StagePath.parse(text)
    assert fix in str(caught.value)


@pytest.mark.parametrize(
    ("path", "reference"),
    [
        (StagePath("DB", "SC", "S"), "@DB.SC.S"),
        (StagePath("DB", "SC", "S", "a/b_c-1.jpg"), "@DB.SC.S/a/b_c-1.jpg"),
        (StagePath("DB", "SC", "S", "a b"), "'@DB.SC.S/a b'"),
        (StagePath("DB", "SC", "S", "it's"), "'@DB.SC.S/it''s'"),
        (StagePath("DB", "SC", "S", "a--b"), "'@DB.SC.S/a--b'"),
        (StagePath("DB", "SC", "S", "a//b"), "'@DB.SC.S/a//b'"),
        (StagePath("DB", "SC", "my stage", "a"), "'@DB.SC.\"my stage\"/a'"),
    ],
)
def test_reference_is_bare_only_where_the_grammar_allows_it(path: StagePath, reference: str) -> None:
    assert path.reference == reference


def test_places_below() -> None:
    root = StagePath("DB", "SC", "S")
    assert (root / "a" / "b/").full == "@DB.SC.S/a/b/"
    assert (root / "a").is_within(root)
    assert (root / "a" / "b").is_within(root / "a")
    assert not (root / "ab").is_within(root / "a")
    assert not root.is_within(root / "a")
    assert not StagePath("DB", "SC", "T", "a").is_within(root)


def test_a_percent_sign_in_a_quoted_name_is_no_table_stage() -> None:
    assert StagePath.parse('@D."a.%b".T/x').schema == "a.%b"
    for text in ("@~/x", "@%t/x", "@D.S.%t/x", '@"d d".S.%t'):
        with pytest.raises(ValueError, match="user or table stage"):
            StagePath.parse(text)
