"""The review page's statements on a large result, over one connection as the API server keeps it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from airflow_provider_mediabatch.review.page_request import PageRequest
from airflow_provider_mediabatch.review.result_query import ResultQuery
from bench.measure import Figure, percentile
from bench.scene import Scene

SECTION = "The review page"
REQUESTS = 40


def figures(scene: Scene, results: int, requests: int = REQUESTS) -> Iterator[Figure]:
    """p50 and p95 of a page as readers ask for it: pages anywhere, sorted, of one label, searched.

    The first page of a batch also counts and draws distributions; these are asked for once and kept.
    """
    import snowflake.connector

    scene.sql(
        "COPY INTO @WORK/review/ FROM (SELECT '@MEDIA.PUBLIC.MEDIA/f' || LPAD(N::VARCHAR, 9, '0') || '.jpg' AS IMAGE, "
        "CASE WHEN N % 10 = 0 THEN 'cat' ELSE 'dog' END AS LABEL, (N % 1000) / 1000::FLOAT AS SCORE "
        f"FROM (SELECT SEQ4() AS N FROM TABLE(GENERATOR(ROWCOUNT => {results})))) "
        "FILE_FORMAT = (TYPE = PARQUET) HEADER = TRUE"
    )
    with scene.counted() as (through, traffic), snowflake.connector.connect(**through.parameters) as connection:
        pages = ResultQuery(connection, "@MEDIA.PUBLIC.WORK/review/", "MEDIA.PUBLIC.JOB")
        started = time.perf_counter()
        columns = pages.columns()
        counted = pages.count(columns, PageRequest())
        first = time.perf_counter() - started
        if counted != results:
            raise RuntimeError(f"{counted} rows are seen of {results}")
        yield Figure(SECTION, f"{results:,} results: counting them", "s", [first])
        last = results // 24
        for what, ask in {
            "pages in order": lambda number: PageRequest(page=1 + last * number // requests),
            "sorted by a score": lambda number: PageRequest(page=1 + number, sort="SCORE", descending=True),
            "of one label": lambda number: PageRequest(page=1 + number, label_column="LABEL", label="cat"),
            "searched": lambda number: PageRequest(search=f"f{number:06}"),
        }.items():
            seconds, before = [], traffic.rows
            for number in range(requests):
                started = time.perf_counter()
                found = pages.page(pages.columns(), ask(number))
                seconds.append(time.perf_counter() - started)
                if len(found) > 24:
                    raise RuntimeError(f"a page has {len(found)} rows")
            if traffic.rows - before > requests * (24 + 10):
                raise RuntimeError(f"{traffic.rows - before} rows came through the client for {requests} pages")
            p95, p50 = percentile(seconds, 0.95), percentile(seconds, 0.5)
            yield Figure(
                SECTION, f"{results:,} results: {what}, p95", "s", [p95], note=f"p50 {p50:.2f} s of {requests}"
            )
