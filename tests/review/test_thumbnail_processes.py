"""Pictures are scaled in processes of their own: bombs cost the API server nothing, and time is limited."""

from __future__ import annotations

import io
import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from airflow_provider_mediabatch.review.thumbnail_processes import ThumbnailProcesses
from airflow_provider_mediabatch.review.thumbnails import NotAPictureError

MIB = 1024 * 1024


@pytest.fixture
def bombs(tmp_path: Path) -> list[Path]:
    """Files of a few kilobytes that need hundreds of megabytes each."""
    made = []
    for kind, mode in (("PNG", "P"), ("GIF", "P"), ("WEBP", "L")):
        path = tmp_path / f"bomb-{mode}.{kind.lower()}"
        Image.new(mode, (8000, 8000)).save(path, kind, **({"lossless": True} if kind == "WEBP" else {}))
        made.append(path)
    return made


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    path = tmp_path / "photograph.jpg"
    Image.effect_noise((2000, 1500), 60).convert("RGB").save(path, "JPEG")
    return path


@pytest.fixture
def limited() -> Iterator[Callable[..., ThumbnailProcesses]]:
    """Processes with these limits, ended after the test."""
    made: list[ThumbnailProcesses] = []

    def make(**limits: Any) -> ThumbnailProcesses:
        made.append(ThumbnailProcesses(**limits))
        return made[-1]

    yield make
    for processes in made:
        processes.close()


def children() -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(os.getpid()), "-f", "thumbnail_worker"], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


@pytest.mark.slow
def test_a_hundred_pictures_with_twenty_bombs_cost_this_process_little(
    tmp_path: Path, bombs: list[Path], photograph: Path, limited: Callable[..., ThumbnailProcesses]
) -> None:
    processes = limited()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    sources = [bombs[index % len(bombs)] if index % 5 == 0 else photograph for index in range(100)]

    def make(item: tuple[int, Path]) -> bool:
        index, source = item
        if source is photograph:
            processes.make(source, tmp_path / f"small-{index}", edge=320)
            return True
        with pytest.raises(NotAPictureError, match="pixels"):
            processes.make(source, tmp_path / f"small-{index}", edge=320)
        return False

    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(make, enumerate(sources)))
    assert made.count(True) == 80
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before < 50 * MIB
    assert len(children()) <= 2


def test_what_scales_pictures_leaves_the_processors_to_the_server(
    tmp_path: Path, photograph: Path, limited: Callable[..., ThumbnailProcesses]
) -> None:
    limited().make(photograph, tmp_path / "small", edge=320)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert [os.getpriority(os.PRIO_PROCESS, child) - own for child in children()] == [10]


def test_a_picture_within_the_pixels_may_still_need_too_much_memory(
    tmp_path: Path, limited: Callable[..., ThumbnailProcesses]
) -> None:
    path = tmp_path / "large.png"
    Image.new("RGBA", (4900, 4900)).save(path, "PNG")
    processes = limited(max_bytes=200 * MIB)
    with pytest.raises(NotAPictureError, match="memory"):
        processes.make(path, tmp_path / "small", edge=320)
    limited().make(path, tmp_path / "small", edge=320)


def test_a_picture_that_takes_much_time_of_a_processor_is_given_up(
    tmp_path: Path, photograph: Path, limited: Callable[..., ThumbnailProcesses]
) -> None:
    """A progressive JPEG of 160 kB whose last scan is there again and again, each of which is decoded."""
    path = tmp_path / "scans.jpg"
    data = io.BytesIO()
    Image.new("L", (6000, 6000), 90).save(data, "JPEG", progressive=True)
    whole = data.getvalue()
    last_scan, end = whole[whole.rindex(b"\xff\xda") : -2], whole[-2:]
    path.write_bytes(whole[:-2] + 300 * last_scan + end)
    processes = limited(processes=1, seconds=1)
    with pytest.raises(NotAPictureError, match=r"longer than 1 s of a processor"):
        processes.make(path, tmp_path / "small", edge=320)
    for _ in range(3):  # each picture has time of its own
        processes.make(photograph, tmp_path / "small", edge=320)


def test_a_picture_waits_for_a_busy_machine(
    tmp_path: Path, photograph: Path, limited: Callable[..., ThumbnailProcesses]
) -> None:
    """A process that gets no processor for longer than a picture may use one."""
    processes = limited(processes=1, seconds=1)
    processes.make(photograph, tmp_path / "small", edge=320)
    (process,) = children()
    os.kill(process, signal.SIGSTOP)
    threading.Timer(3, os.kill, (process, signal.SIGCONT)).start()
    processes.make(photograph, tmp_path / "again", edge=320)
    assert (tmp_path / "again").stat().st_size > 0


def test_a_picture_that_does_not_end_is_given_up(
    tmp_path: Path, photograph: Path, limited: Callable[..., ThumbnailProcesses]
) -> None:
    processes = limited(processes=1, wall_seconds=10)
    processes.make(photograph, tmp_path / "small", edge=320)
    (process,) = children()
    os.kill(process, signal.SIGSTOP)
    begun = time.monotonic()
    with pytest.raises(NotAPictureError, match="busy"):
        processes.make(photograph, tmp_path / "small", edge=320)
    assert time.monotonic() - begun < 30
    limited().make(photograph, tmp_path / "small", edge=320)


def test_a_server_with_many_open_files_scales_pictures_too(
    tmp_path: Path, photograph: Path, limited: Callable[..., ThumbnailProcesses]
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 1200
    if hard != resource.RLIM_INFINITY and hard < wanted + 100:
        pytest.skip(f"this system allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted + 100), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(wanted)]
    try:
        limited(processes=1).make(photograph, tmp_path / "small", edge=320)
    finally:
        for file in opened:
            os.close(file)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_process_that_dies_is_replaced(
    tmp_path: Path, photograph: Path, limited: Callable[..., ThumbnailProcesses]
) -> None:
    processes = limited(processes=1)
    processes.make(photograph, tmp_path / "one", edge=320)
    (process,) = children()
    os.kill(process, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{process}").exists() and time.monotonic() < deadline:
        try:
            processes.make(photograph, tmp_path / "two", edge=320)
            break
        except NotAPictureError:
            time.sleep(0.1)
    processes.make(photograph, tmp_path / "two", edge=320)
    assert (tmp_path / "two").stat().st_size > 0


def test_who_waits_too_long_for_a_free_process_is_asked_to_try_again(
    tmp_path: Path, photograph: Path, limited: Callable[..., ThumbnailProcesses]
) -> None:
    processes = limited(processes=1, wait_seconds=0.2)
    processes.make(photograph, tmp_path / "small", edge=320)
    (process,) = children()
    os.kill(process, signal.SIGSTOP)
    thread = threading.Thread(target=processes.make, args=(photograph, tmp_path / "small"), kwargs={"edge": 320})
    thread.start()
    time.sleep(0.3)
    try:
        with pytest.raises(NotAPictureError, match="many pictures"):
            processes.make(photograph, tmp_path / "small", edge=320)
    finally:
        os.kill(process, signal.SIGCONT)
        thread.join()
