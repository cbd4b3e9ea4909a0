"""Values that are kept between requests: a limited number, whatever several threads do at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from airflow_provider_mediabatch.review.bounded_cache import BoundedCache


def test_the_values_that_were_put_longest_ago_are_dropped() -> None:
    cache: BoundedCache[str, int] = BoundedCache(2)
    assert [cache.put(name, number) for number, name in enumerate("abab")] == [0, 1, 2, 3]
    assert cache.put("c", 4) == 4
    assert [cache.get(name) for name in "abc"] == [None, 3, 4]


def test_threads_that_drop_each_others_values_have_their_own() -> None:
    cache: BoundedCache[int, int] = BoundedCache(1)

    def work(number: int) -> bool:
        return all(cache.put(number + step, step) == step for step in range(200))

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(0, 80_000, 1000)))
