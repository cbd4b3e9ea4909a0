"""Files that the page fetched: a replaced, removed or forbidden one is never shown from the cache."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from airflow_provider_mediabatch.client.media import MediaUnavailableError
from airflow_provider_mediabatch.core.stage_path import StagePath
from airflow_provider_mediabatch.review.connection_pool import ConnectionPool
from airflow_provider_mediabatch.review.media_library import MediaLibrary
from airflow_provider_mediabatch.review.thumbnail_processes import ThumbnailProcesses

if TYPE_CHECKING:
    from conftest import RunningEngine

CONN_ID = "review_media"
RED, BLUE = (200, 30, 30), (30, 30, 200)


@pytest.fixture(scope="module")
def put(engine: RunningEngine) -> Iterator[Callable[..., StagePath]]:
    """Puts a picture of one colour on a stage."""
    with engine.connect() as connection:
        connection.cursor().execute("CREATE STAGE IF NOT EXISTS UI_MEDIA ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")

        def put(name: str, colour: tuple[int, int, int]) -> StagePath:
            data = io.BytesIO()
            Image.new("RGB", (400, 300), colour).save(data, "PNG")
            data.seek(0)
            statement = f"PUT 'file:///{name}' @UI_MEDIA AUTO_COMPRESS = FALSE OVERWRITE = TRUE"
            connection.cursor().execute(statement, file_stream=data)
            return StagePath("MEDIA", "PUBLIC", "UI_MEDIA", name)

        yield put


@pytest.fixture
def library(engine: RunningEngine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., MediaLibrary]]:
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", engine.airflow_connection)
    thumbnails = ThumbnailProcesses()
    yield lambda **limits: MediaLibrary(ConnectionPool(), thumbnails, **limits)
    thumbnails.close()


def colour(path: Path, at: tuple[int, int] = (10, 10)) -> Any:
    with Image.open(path) as picture:
        return picture.convert("RGB").getpixel(at)


def near(found: Any, wanted: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 12 for one, other in zip(found, wanted, strict=True))


def test_a_replaced_file_is_fetched_anew_and_marked(
    put: Callable[..., StagePath], library: Callable[..., MediaLibrary]
) -> None:
    files = library(listed_seconds=0)
    path = put("replaced.png", RED)
    predicted = files.find(CONN_ID, path)
    assert predicted.is_one_of(predicted.content_id)
    assert near(colour(files.whole(CONN_ID, predicted)), RED)

    put("replaced.png", BLUE)
    now = files.find(CONN_ID, path)
    assert not now.is_one_of(predicted.content_id)
    assert near(colour(files.whole(CONN_ID, now)), BLUE)
    small = files.thumbnail(CONN_ID, now, 320, changed=True)
    assert near(colour(small), BLUE)
    assert near(colour(small, (315, 235)), (180, 35, 24)), "the mark"
    assert near(colour(files.thumbnail(CONN_ID, now, 320, changed=False), (315, 235)), BLUE)


def test_a_removed_file_and_a_dropped_stage_are_not_shown(
    engine: RunningEngine, put: Callable[..., StagePath], library: Callable[..., MediaLibrary]
) -> None:
    files = library(listed_seconds=0)
    path = put("removed.png", RED)
    files.whole(CONN_ID, files.find(CONN_ID, path))
    with engine.connect() as connection:
        connection.cursor().execute("REMOVE @UI_MEDIA/removed.png")
        with pytest.raises(MediaUnavailableError, match="no longer on the stage"):
            files.find(CONN_ID, path)
        connection.cursor().execute("DROP STAGE UI_MEDIA")
        with pytest.raises(Exception, match="does not exist"):
            files.find(CONN_ID, path)
        connection.cursor().execute("CREATE STAGE UI_MEDIA ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')")


def test_what_list_said_counts_for_a_while(
    engine: RunningEngine, put: Callable[..., StagePath], library: Callable[..., MediaLibrary]
) -> None:
    files = library()
    path = put("kept.png", RED)
    first = files.find(CONN_ID, path)
    with engine.connect() as connection:
        connection.cursor().execute("REMOVE @UI_MEDIA/kept.png")
    assert files.find(CONN_ID, path) is first


@pytest.mark.parametrize(
    ("noted", "same"),
    [
        ("{}", True),
        ("0123:5+{}", True),
        ("{}:2026", True),
        ("0123:5", False),
        (":{size}", True),
        (":{size}:1709287200", True),
        (":5", False),
        ("", False),
    ],
)
def test_a_content_id_is_that_of_the_manifest(
    put: Callable[..., StagePath], library: Callable[..., MediaLibrary], noted: str, same: bool
) -> None:
    file = library().find(CONN_ID, put("noted.png", RED))
    assert file.is_one_of(noted.format(file.content_id, size=file.size)) is same
