"""When files make an event."""

from __future__ import annotations

import json
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mediabatch.core import job_names
from airflow_provider_mediabatch.files.start_rule import StartRule
from airflow_provider_mediabatch.ledger.stage_watermark import (
    MAX_SEEN,
    Evaluation,
    StageWatermark,
    evaluate,
    name_matcher,
)


class File(NamedTuple):
    name: str
    size: int
    modified: float


EVERY = name_matcher("", None)


def _evaluate(
    files: list[File],
    watermark: StageWatermark,
    now: float,
    settle: float = 5,
    min_files: int = 1,
    max_delay: float = 60,
) -> Evaluation:
    return evaluate(files, watermark, EVERY, now=now, rule=StartRule(min_files, max_delay, settle))


def test_an_upload_in_progress_is_waited_for() -> None:
    files = [File("a", 1, 100.0), File("b", 2, 110.0)]
    evaluation = _evaluate(files, StageWatermark(), now=112.0)
    assert (evaluation.fire, evaluation.recheck) == (False, 3.0)
    evaluation = _evaluate(files, StageWatermark(), now=115.0)
    assert evaluation.fire
    assert evaluation.size == 3


def test_an_upload_that_never_settles_makes_an_event_all_the_same() -> None:
    files = [File(f"f{second}", 1, 100.0 + second) for second in range(60)]
    assert not _evaluate(files, StageWatermark(), now=159.0).fire
    assert _evaluate(files, StageWatermark(), now=160.0).fire


def test_files_are_collected_and_none_of_them_is_lost() -> None:
    first, second, third = (File(name, 1, 100.0 + number) for number, name in enumerate("abc"))
    waiting = _evaluate([first, second], StageWatermark(), now=120.0, min_files=3)
    assert (waiting.fire, waiting.recheck) == (False, 40.0)
    assert _evaluate([first, second], StageWatermark(), now=160.0, min_files=3).files == (first, second)
    enough = _evaluate([first, second, third], StageWatermark(), now=120.0, min_files=3)
    assert (enough.fire, enough.files) == (True, (first, second, third))
    watermark = StageWatermark().after(enough.files)
    assert not _evaluate([first, second, third, File("d", 1, 121.0)], watermark, now=150.0, min_files=3).fire
    assert _evaluate([File("d", 1, 121.0)], watermark, now=181.0, min_files=3).fire


def test_seen_files_make_no_event_and_a_file_uploaded_again_does() -> None:
    files = [File("a", 1, 100.0)]
    watermark = StageWatermark().after(files)
    assert not _evaluate(files, watermark, now=1000.0).fire
    assert _evaluate([File("a", 1, 101.0)], watermark, now=1000.0).fire


def test_files_of_the_same_second() -> None:
    watermark = StageWatermark().after([File("a", 1, 100.0)])
    evaluation = _evaluate([File("a", 1, 100.0), File("b", 1, 100.0)], watermark, now=1000.0)
    assert [file.name for file in evaluation.files] == ["b"]
    watermark = watermark.after(evaluation.files)
    assert not _evaluate([File("a", 1, 100.0), File("b", 1, 100.0)], watermark, now=1000.0).files


def test_the_watermark_stays_small() -> None:
    watermark = StageWatermark().after([File(f"f{i}", 1, 100.0) for i in range(5 * MAX_SEEN)])
    assert watermark.seen == {}, "all of one moment: more than can be remembered"
    assert not watermark.is_new(File("late", 1, 100.0))


def test_the_watermark_of_a_large_stage_stays_small() -> None:
    files = [File(f"f{i}", 1, 1.7e9 + i) for i in range(200_000)]
    watermark = StageWatermark().after(files, overlap=1e9)
    assert len(watermark.seen) == MAX_SEEN
    assert len(json.dumps(watermark.to_json())) < 48_000
    assert not _evaluate(files, watermark, now=2e9).files


def test_the_end_of_a_long_upload_is_new_though_it_began_before_files_that_were_seen() -> None:
    """A multipart upload to S3 has the time of its beginning, and is listed once it is complete."""
    early, late = File("early", 1, 1000.0), File("late", 1, 900.0)
    watermark = StageWatermark().after([early], overlap=3600)
    watermark = StageWatermark.from_json(json.loads(json.dumps(watermark.to_json())))
    assert _evaluate([early, late], watermark, now=2000.0).files == (late,)
    watermark = watermark.after([late], overlap=3600)
    assert watermark.modified == 1000.0
    assert not _evaluate([early, late], watermark, now=2000.0).files, "and not new again"
    watermark = watermark.after([File("next day", 1, 90_000.0)], overlap=3600)
    assert not _evaluate([early, late, File("too late", 1, 80_000.0)], watermark, now=1e6).files


def test_a_watermark_of_another_form_is_the_beginning() -> None:
    assert (
        StageWatermark.from_json({"modified": 5.0, "names": ["a"]})
        == StageWatermark.from_json(None)
        == StageWatermark()
    )


def test_what_a_run_has_written_is_no_reason_for_the_next() -> None:
    stem = job_names.job_stem(dag_id="d", task_id="full", run_id="r", map_index=-1, fingerprint="f")
    assert not EVERY(f"media/work/predictions/{stem}_0/data_0.parquet")
    assert not EVERY(f"media/work/predictions/MB_SAMPLE/{stem}_0/_SUCCESS")
    assert EVERY("media/MB_0001.jpg")
    assert EVERY(f"media/{stem}_0/cat.jpg")


def test_prefix_and_pattern() -> None:
    matches = name_matcher("images/", r".*[.]jpg")
    assert [name for name in ("images/a.jpg", "images/a.jpg.tmp", "other/a.jpg") if matches(name)] == ["images/a.jpg"]


@given(
    st.sampled_from([0.0, 3.0, 100.0]),
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 3), st.integers(1, 20))),
)
def test_every_upload_is_in_exactly_one_event(overlap: float, uploads: list[tuple[str, int, int]]) -> None:
    """Whatever the order of uploads and looks, once all have settled each newest version was in one event."""
    watermark, stage, fired = StageWatermark(), {}, []
    for moment, (name, size, _) in enumerate(sorted(uploads, key=lambda item: item[2])):
        stage[name] = File(name, size, float(moment + 1))
        evaluation = _evaluate(list(stage.values()), watermark, now=float(moment + 1), settle=2, max_delay=5)
        if evaluation.fire:
            fired += evaluation.files
            watermark = StageWatermark.from_json(
                json.loads(json.dumps(watermark.after(evaluation.files, overlap=overlap).to_json()))
            )
    last = _evaluate(list(stage.values()), watermark, now=1e9)
    fired += last.files
    assert len(set(fired)) == len(fired)
    assert set(stage.values()) <= set(fired)
