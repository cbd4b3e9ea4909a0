"""Marks of predictions: whose form it is, what the page shows, and what is exported."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fastapi import HTTPException
from unit.review import pages

from airflow_provider_mediabatch.review.feedback import LabelAccuracy, label_studio_tasks
from airflow_provider_mediabatch.review.page_request import PageRequest
from airflow_provider_mediabatch.review.result_page import ResultPage
from airflow_provider_mediabatch.review.result_rows import ResultRow, ResultValue
from airflow_provider_mediabatch.review.routes.batch_page import render_batch
from airflow_provider_mediabatch.review.routes.feedback import make_mark
from airflow_provider_mediabatch.review.routes.row_page import marked, render_row
from airflow_provider_mediabatch.review.site import Prediction, ReviewSite

PREDICTION = Prediction("@MEDIA.PUBLIC.PHOTOS/a.png", "c", "LABEL", pages.HOSTILE, pages.JOB)
ROW = ResultRow((pages.file("a.png"),), (ResultValue("SCORE", "0.5", share=0.5), ResultValue("LABEL", pages.HOSTILE)))
SITE = ReviewSite("secret")


@pytest.mark.parametrize(
    ("site", "key", "user"),
    [
        (ReviewSite("another"), pages.FULL, "ann"),
        (SITE, pages.SAMPLE, "ann"),
        (SITE, replace(pages.FULL, map_index=1), "ann"),
        (SITE, pages.FULL, "bob"),
    ],
)
def test_a_form_is_of_one_reader_one_task_and_one_site(site: ReviewSite, key: pages.TaskKey, user: str) -> None:
    token = SITE.mark_token(pages.FULL, "ann", PREDICTION)
    assert SITE.marked_prediction(pages.FULL, "ann", token) == PREDICTION
    with pytest.raises(HTTPException):
        site.marked_prediction(key, user, token)
    media = SITE.media_url(pages.FULL, PREDICTION.path, "c").partition("file=")[2]
    with pytest.raises(HTTPException):
        SITE.marked_prediction(pages.FULL, "ann", media)


def test_the_page_of_a_row_asks_and_escapes() -> None:
    results = ResultPage((ROW,), matching=1, page=1)
    prediction = marked(results, pages.JOB)
    assert prediction is not None
    assert (prediction.column, prediction.value) == ("LABEL", pages.HOSTILE)
    mark = {"PREDICTED": pages.HOSTILE, "IS_RIGHT": False, "MARKED_BY": "ann", "MARKED_AT": pages.AT}
    mark["CORRECT_LABEL"] = pages.HOSTILE
    asked = render_row(SITE, pages.batch(), PageRequest(), results, prediction=prediction, token="t", mark=mark)
    body = bytes(asked.body).decode()
    assert pages.HOSTILE not in body
    assert "</bdi> was marked wrong by <bdi>ann</bdi>, 2026-11-27 02:31 UTC." in body
    assert 'method="post"' in body
    assert b'method="post"' not in render_row(SITE, pages.batch(), PageRequest(), results).body


def test_a_form_is_of_one_job() -> None:
    """A task that was cleared has predicted again, and nobody has seen that yet."""
    mark = make_mark(pages.batch(), PREDICTION, is_right=False, correct="cat", by="ann")
    assert mark is not None
    assert (mark.path, mark.job, mark.predicted, mark.correct) == (PREDICTION.path, pages.JOB, pages.HOSTILE, "cat")
    again = pages.batch(replace(pages.RESULT, job=pages.JOB[:-1] + "1"))
    assert make_mark(again, PREDICTION, is_right=False, correct="cat", by="ann") is None


def test_the_page_of_a_batch_shows_the_accuracy() -> None:
    results = ResultPage(accuracy=(LabelAccuracy(pages.HOSTILE, 4, 3),))
    body = bytes(render_batch(SITE, pages.info(), pages.batch(), PageRequest(), results, ()).body).decode()
    assert "75%" in body
    assert pages.HOSTILE not in body


def test_marks_are_tasks_of_label_studio() -> None:
    base = {"FILE_PATH": "@A.B.C/x", "MODEL_VERSION": "V1", "MARKED_BY": "ann"}
    base |= {"DAG_ID": "d", "RUN_ID": "r", "JOB_NAME": "j", "PREDICTED": "cat"}
    right, corrected, wrong = label_studio_tasks(
        [
            {**base, "IS_RIGHT": True, "CORRECT_LABEL": None},
            {**base, "IS_RIGHT": False, "CORRECT_LABEL": "dog"},
            {**base, "IS_RIGHT": False, "CORRECT_LABEL": None},
        ]
    )
    choice = {"from_name": "label", "to_name": "file", "type": "choices", "value": {"choices": ["cat"]}}
    assert right["predictions"] == [{"model_version": "V1", "result": [choice]}]
    assert right["annotations"] == [{"result": [choice]}]
    assert corrected["annotations"][0]["result"][0]["value"] == {"choices": ["dog"]}
    assert "annotations" not in wrong
    assert right["data"] == {"file": "@A.B.C/x"}
