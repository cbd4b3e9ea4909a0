"""When files make an event."""

from __future__ import annotations

import json
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mediabatch.ledger.stage_watermark import MAX_SEEN, Verdict, Watermark, judge, matcher


class File(NamedTuple):
    name: str
    size: int
    modified: float


EVERY = matcher("", None)


def _judge(files: list[File], watermark: Watermark, now: float, settle: float = 5, max_wait: float = 60) -> Verdict:
    return judge(files, watermark, EVERY, now=now, settle=settle, max_wait=max_wait)


def test_an_upload_in_progress_is_waited_for() -> None:
    files = [File("a", 1, 100.0), File("b", 2, 110.0)]
    verdict = _judge(files, Watermark(), now=112.0)
    assert (verdict.fire, verdict.recheck) == (False, 3.0)
    verdict = _judge(files, Watermark(), now=115.0)
    assert verdict.fire
    assert verdict.size == 3


def test_an_upload_that_never_settles_makes_an_event_all_the_same() -> None:
    files = [File(f"f{second}", 1, 100.0 + second) for second in range(60)]
    assert not _judge(files, Watermark(), now=159.0).fire
    assert _judge(files, Watermark(), now=160.0).fire


def test_seen_files_make_no_event_and_a_file_uploaded_again_does() -> None:
    files = [File("a", 1, 100.0)]
    watermark = Watermark().after(files)
    assert not _judge(files, watermark, now=1000.0).fire
    assert _judge([File("a", 1, 101.0)], watermark, now=1000.0).fire


def test_files_of_the_same_second() -> None:
    watermark = Watermark().after([File("a", 1, 100.0)])
    verdict = _judge([File("a", 1, 100.0), File("b", 1, 100.0)], watermark, now=1000.0)
    assert [file.name for file in verdict.files] == ["b"]
    watermark = watermark.after(verdict.files)
    assert not _judge([File("a", 1, 100.0), File("b", 1, 100.0)], watermark, now=1000.0).files


def test_the_watermark_stays_small() -> None:
    watermark = Watermark().after([File(f"f{i}", 1, 100.0) for i in range(5 * MAX_SEEN)])
    assert watermark.seen == {}, "all of one moment: more than can be remembered"
    assert not watermark.is_new(File("late", 1, 100.0))


def test_the_watermark_of_a_large_stage_stays_small() -> None:
    files = [File(f"f{i}", 1, 1.7e9 + i) for i in range(200_000)]
    watermark = Watermark().after(files, overlap=1e9)
    assert len(watermark.seen) == MAX_SEEN
    assert len(json.dumps(watermark.to_json())) < 48_000
    assert not _judge(files, watermark, now=2e9).files


def test_the_end_of_a_long_upload_is_new_though_it_began_before_files_that_were_seen() -> None:
    """A multipart upload to S3 has the time of its beginning, and is listed once it is complete."""
    early, late = File("early", 1, 1000.0), File("late", 1, 900.0)
    watermark = Watermark().after([early], overlap=3600)
    watermark = Watermark.from_json(json.loads(json.dumps(watermark.to_json())))
    assert _judge([early, late], watermark, now=2000.0).files == (late,)
    watermark = watermark.after([late], overlap=3600)
    assert watermark.modified == 1000.0
    assert not _judge([early, late], watermark, now=2000.0).files, "and not new again"
    watermark = watermark.after([File("next day", 1, 90_000.0)], overlap=3600)
    assert not _judge([early, late, File("too late", 1, 80_000.0)], watermark, now=1e6).files


def test_a_watermark_of_another_form_is_the_beginning() -> None:
    assert Watermark.from_json({"modified": 5.0, "names": ["a"]}) == Watermark.from_json(None) == Watermark()


def test_prefix_and_pattern() -> None:
    matches = matcher("images/", r".*[.]jpg")
    assert [name for name in ("images/a.jpg", "images/a.jpg.tmp", "other/a.jpg") if matches(name)] == ["images/a.jpg"]


@given(
    st.sampled_from([0.0, 3.0, 100.0]),
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 3), st.integers(1, 20))),
)
def test_every_upload_is_in_exactly_one_event(overlap: float, uploads: list[tuple[str, int, int]]) -> None:
    """Whatever the order of uploads and looks, once all have settled each newest version was in one event."""
    watermark, stage, fired = Watermark(), {}, []
    for moment, (name, size, _) in enumerate(sorted(uploads, key=lambda item: item[2])):
        stage[name] = File(name, size, float(moment + 1))
        verdict = _judge(list(stage.values()), watermark, now=float(moment + 1), settle=2, max_wait=5)
        if verdict.fire:
            fired += verdict.files
            watermark = Watermark.from_json(
                json.loads(json.dumps(watermark.after(verdict.files, overlap=overlap).to_json()))
            )
    last = _judge(list(stage.values()), watermark, now=1e9)
    fired += last.files
    assert len(set(fired)) == len(fired)
    assert set(stage.values()) <= set(fired)
