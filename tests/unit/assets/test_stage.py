"""The asset of a stage and its URI."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from airflow.sdk import Asset

from airflow_provider_mediabatch.assets.stage import create_asset, sanitize_uri, stage_asset, stage_of, stage_uri
from airflow_provider_mediabatch.core.stage_path import StagePath


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("@db.sc.images", None),
        ("@db.sc.images/a b/é", r".*[.](jpg|png)"),
        ('@"D/B"."S?C"."x#y%"/q?uery#frag%20', "a&b=c+d"),
    ],
)
def test_a_uri_says_where(path: str, pattern: str | None) -> None:
    place = StagePath.parse(path)
    uri = stage_uri(place, snowflake_conn_id="my conn", pattern=pattern)
    assert stage_of(urlsplit(uri)) == (place, "my conn", pattern)
    assert sanitize_uri(urlsplit(uri)).geturl() == uri
    assert Asset(uri=uri).uri.partition("?")[0] == uri.partition("?")[0]


def test_one_place_has_one_uri() -> None:
    written = [
        stage_asset(text, watch=False).uri for text in ("@db.sc.images/a", "@DB.SC.IMAGES/a/", '@"DB".sc.images/a')
    ]
    assert len(set(written)) == 1
    assert create_asset(database="DB", schema="SC", stage="IMAGES", path="a").uri == written[0]


@pytest.mark.parametrize("uri", ["mediabatch://conn", "mediabatch://conn/DB/SC", "mediabatch:///DB/SC/S"])
def test_a_uri_that_names_no_stage(uri: str) -> None:
    with pytest.raises(ValueError, match="<connection>/<database>/<schema>/<stage>"):
        sanitize_uri(urlsplit(uri))


def test_the_watcher() -> None:
    asset = stage_asset("@db.sc.images/a", pattern=".*jpg", settle=7, min_files=20, max_delay=900)
    (watcher,) = asset.watchers
    path, arguments = watcher.trigger.serialize()
    assert path.endswith("StageFilesTrigger")
    assert arguments["asset_name"] == asset.name
    assert (arguments["settle"], arguments["min_files"], arguments["max_delay"]) == (7, 20, 900)
    with pytest.raises(ValueError, match="min_files=0"):
        stage_asset("@db.sc.images/a", min_files=0)
    with pytest.raises(ValueError, match="database and schema"):
        stage_asset("@images/a")


def test_a_stream_is_watched_by_its_full_name() -> None:
    (watcher,) = stage_asset('@db."My Schema".images/a', source="stream", stream="arrivals").watchers
    arguments = watcher.trigger.serialize()[1]
    assert (arguments["source"], arguments["stream"]) == ("stream", 'DB."My Schema".ARRIVALS')
    assert not arguments["refresh_directory"]
    with pytest.raises(ValueError, match="needs stream="):
        stage_asset("@db.sc.images/a", source="stream")
