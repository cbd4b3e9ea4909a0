"""Identifiers, literals, stage paths, patterns and job names: any text stays what it is and where it is put."""

from __future__ import annotations

import re

import pytest
import yaml
from hostile import JSON, PATHS, STAGE_PATHS, TEXT, tokens, tree
from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_provider_mediabatch.core import job_names, sql
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.files import selection
from airflow_provider_mediabatch.ledger import stage_watermark


@given(TEXT)
def test_identifier_is_one_token_and_resolves_to_itself(name: str) -> None:
    for written in (sql.identifier(name), sql.quoted(name)):
        assert len(tokens(written)) == 1
        assert tokens(written)[0][1] == name
        assert sql.resolve(written) == name
        assert tree(f"SELECT {written}").expressions[0].this.this == name


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_qualified_name_splits_into_its_parts(parts: list[str]) -> None:
    assert sql.split(sql.qualified(*parts)) == tuple(parts)
    assert len(tokens(sql.qualified(*parts))) == 2 * len(parts) - 1


@given(TEXT)
def test_what_split_takes_is_a_name_or_is_refused(text: str) -> None:
    try:
        parts = sql.split(text)
    except ValueError:
        return
    assert sql.split(sql.qualified(*parts)) == parts


@given(TEXT)
def test_literal_is_one_string_of_that_value(text: str) -> None:
    for written in (sql.literal(text), sql.specification(text)):
        assert tokens(written) == [("string", text)]
        assert len(tokens(f"SELECT {written}")) == 2
    assert len(tree(f"SELECT {sql.literal(text)}").expressions) == 1


@given(st.one_of(st.integers(), st.floats(), st.booleans(), st.none()))
def test_literal_of_a_plain_value_is_an_expression_without_names(value: float | None) -> None:
    from sqlglot import exp

    parsed = tree(f"SELECT {sql.literal(value)}")
    assert len(parsed.expressions) == 1
    assert parsed.find(exp.Column) is None


@given(st.lists(TEXT, max_size=4))
def test_list_of_literals_is_a_list_of_those_values(texts: list[str]) -> None:
    found = tokens(f"SELECT 1 WHERE A IN {sql.literal(texts)}")
    assert [value for kind, value in found if kind == "string"] == texts
    assert tree(f"SELECT 1 WHERE A IN {sql.literal(texts)}").args["where"] is not None


@pytest.mark.parametrize("write", [sql.identifier, sql.quoted, sql.literal, sql.specification])
@given(before=TEXT, after=TEXT)
def test_nul_is_refused(write: object, before: str, after: str) -> None:
    with pytest.raises(ValueError, match=r"NUL|not an identifier"):
        write(f"{before}\0{after}")  # type: ignore[operator]


@given(JSON)
def test_specification_reaches_the_server_as_the_yaml_it_was(value: object) -> None:
    text = yaml.safe_dump({"input": value}, sort_keys=False)
    (kind, received), *rest = tokens(sql.specification(text))
    assert (kind, rest) == ("string", [])
    assert received == text
    assert yaml.safe_load(received) == {"input": value}


@given(STAGE_PATHS)
def test_stage_path_is_read_back_from_each_spelling(path: StagePath) -> None:
    assert StagePath.parse(path.full) == path
    assert StagePath.parse(path.reference) == path
    assert StagePath.parse(sql.literal(path.full)) == path
    assert len(tokens(f"LIST {path.reference}")) == 2
    assert StagePath.parse(path.folder.full) == path.folder


@given(STAGE_PATHS, TEXT)
def test_what_is_below_a_place_is_within_it(path: StagePath, child: str) -> None:
    below = path / child
    assert below.is_within(path)
    assert below.is_within(path.root)
    assert below.root == path.root
    assert not StagePath(path.database, path.schema, path.stage + "2", below.path).is_within(path)


@given(PATHS, TEXT)
def test_a_neighbour_is_not_within(path: str, more: str) -> None:
    assume(path.strip("/") and not more.startswith("/") and not path.endswith("/"))
    assert not StagePath("D", "S", "T", path + more).is_within(StagePath("D", "S", "T", path + "/"))


@given(TEXT)
def test_any_text_is_a_stage_path_or_a_named_mistake(text: str) -> None:
    try:
        path = StagePath.parse(text, database="D", schema="S")
    except ValueError as error:
        mistake = str(error)
    else:
        assert StagePath.parse(path.full) == path
        return
    assert "stage" in mistake or "NUL" in mistake


@given(TEXT)
def test_pattern_is_refused_or_compiles(pattern: str) -> None:
    try:
        selection.check_pattern(pattern)
    except ValueError as error:
        mistake = str(error)
    else:
        stage_watermark.name_matcher("", pattern)("images/cat.jpg")
        return
    assert "is not a regular expression" in mistake or "POSIX's extended regular expressions" in mistake


@given(TEXT, TEXT)
def test_escaped_pattern_matches_only_that_name(name: str, more: str) -> None:
    pattern = re.escape(name)
    selection.check_pattern(pattern)
    matches = stage_watermark.name_matcher("", pattern)
    assert matches(name)
    assert not matches(name + more)
    assert not matches(more + name)


SUBJECT = st.fixed_dictionaries(
    {"dag_id": TEXT, "task_id": TEXT, "run_id": TEXT, "map_index": st.integers(-1, 10_000), "fingerprint": TEXT}
)


@given(SUBJECT, SUBJECT, st.integers(0, job_names.MAX_GENERATION))
def test_job_name_is_bare_and_its_works_own(one: dict[str, object], other: dict[str, object], generation: int) -> None:
    stem = job_names.job_stem(**one)  # type: ignore[arg-type]
    name = job_names.job_name("DB.SC", stem, generation)
    assert tokens(name)[-1] == ("word", name.removeprefix("DB.SC."))
    assert sql.split(name) == tuple(name.split("."))
    assert (stem == job_names.job_stem(**other)) == (one == other)  # type: ignore[arg-type]


@given(TEXT, TEXT)
def test_schema_of_jobs_is_plain_or_refused(database: str, schema: str) -> None:
    written = sql.qualified(database, schema)
    try:
        job_names.check_schema(written)
    except ValueError:
        assert '"' in written
    else:
        assert '"' not in written
