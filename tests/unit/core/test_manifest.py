"""The manifest's way through XCom."""

from __future__ import annotations

import json

import pytest

from airflow_provider_mediabatch.core.manifest import Manifest, manifests_from_xcom

MANIFEST = Manifest(
    location="@DB.SC.WORK/m/",
    columns={"IMG": "VARCHAR", "MB_SIZE": "NUMBER(38,0)"},
    file_columns=("IMG",),
    file_count=3,
    row_count=3,
    total_bytes=30,
    digest="d" * 64,
    skipped={"done": 2},
    unqualified_paths={"IMG": {"count": 1, "example": "@S/x"}},
)


def test_survives_json() -> None:
    assert Manifest.from_xcom(json.loads(json.dumps(MANIFEST.to_xcom()))) == MANIFEST
    assert Manifest.from_xcom(MANIFEST) is MANIFEST
    assert manifests_from_xcom([MANIFEST.to_xcom(), MANIFEST]) == [MANIFEST, MANIFEST]
    assert manifests_from_xcom(MANIFEST.to_xcom()) == [MANIFEST]


@pytest.mark.parametrize("columns", ["IMAGE", [1], [None], [["IMAGE"]], {"IMAGE": "VARCHAR"}, 5, None])
def test_names_of_file_columns_are_a_list_of_texts(columns: object) -> None:
    """A text is no list of its letters."""
    with pytest.raises(ValueError, match="this Manifest has a field of another type than expected"):
        Manifest.from_xcom({**MANIFEST.to_xcom(), "file_columns": columns})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "no XCom"),
        ("@DB.SC.WORK/m/", "got str"),
        ({"kind": "InferencePlan", "version": 1}, "got InferencePlan"),
        ({**MANIFEST.to_xcom(), "version": 2}, "newer airflow-provider-mediabatch"),
        ({"kind": "Manifest", "version": 1}, "Manifest"),
        ({**MANIFEST.to_xcom(), "surplus": 1}, "Manifest"),
        ([], "nothing was listed"),
        # What Airflow gives to each task that is mapped over one manifest.
        (("location", "@DB.SC.WORK/m/"), "expand() maps over a list, and the upstream task returns one manifest"),
        (["kind", "Manifest"], "give its ListStageFilesOperator max_files_per_shard= or max_bytes_per_shard="),
    ],
)
def test_refuses_what_is_not_a_manifest(value: object, words: str) -> None:
    with pytest.raises(ValueError, match="anifest") as caught:
        manifests_from_xcom(value)
    assert words in str(caught.value)
