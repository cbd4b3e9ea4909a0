"""Which rows of a manifest become the sample: SELECTs over its staged Parquet, the same rows each time.

``random`` orders by a hash of the row's path and the manifest's digest, so a retry, and the reader of the report, meet
the same files; another listing gives others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from airflow_provider_mediabatch.client.staged_parquet import typed_field
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.manifest import SIZE, Manifest

SAMPLINGS = ("first", "spread", "random", "edges")


def sample_select(manifests: Sequence[Manifest], sources: Sequence[str], sampling: str, size: int) -> str:
    """The SELECT that gives the sample's rows, with the manifest's own columns.

    :param manifests: the shards to draw from; all have the same columns.
    :param sources: a FROM item for each of them.
    :param sampling: ``first`` by path, ``spread`` at even distances by path, ``random``, or ``edges``: smallest,
        largest, the rest random.
    :param size: how many rows.
    :raises ValueError: for another sampling, or ``edges`` on a manifest without sizes.
    """
    if sampling not in SAMPLINGS:
        raise ValueError(f"sampling={sampling!r}: use {', '.join(map(repr, SAMPLINGS))}")
    first = manifests[0]
    if sampling == "edges" and SIZE not in first.columns:
        raise ValueError(
            "sampling='edges' needs the files' sizes, which a manifest made by query= does not have: use 'random'"
        )
    names = ", ".join(sql.quoted(name) for name in first.columns)
    rows = " UNION ALL ".join(_typed(first.columns, source) for source in sources)
    order = ", ".join(sql.quoted(name) for name in _key(first))
    seed = sql.literal(first.digest)
    texts = " || ".join(f"COALESCE({sql.quoted(name)}::VARCHAR, '')" for name in _key(first))
    shuffled = f"MD5({seed} || {texts})"
    if sampling == "first":
        return f"SELECT {names} FROM ({rows}) ORDER BY {order} LIMIT {int(size)}"
    if sampling == "spread":
        place = f"ROW_NUMBER() OVER (ORDER BY {order}) - 1"
        numbered = f"SELECT {names}, FLOOR(({place}) * {int(size)} / COUNT(*) OVER ()) AS MB_PART FROM ({rows})"
        # The first row of each of ``size`` parts of equal length.
        nth = f"ROW_NUMBER() OVER (PARTITION BY MB_PART ORDER BY {order}) AS MB_NTH"
        first_rows = f"SELECT {names}, MB_PART, {nth} FROM ({numbered})"
        return f"SELECT {names} FROM ({first_rows}) ORDER BY MB_NTH, MB_PART LIMIT {int(size)}"
    if sampling == "random":
        return f"SELECT {names} FROM ({rows}) ORDER BY {shuffled}, {order} LIMIT {int(size)}"
    bytes_ = sql.quoted(SIZE)
    ranked = (
        f"SELECT {names}, ROW_NUMBER() OVER (ORDER BY {bytes_} NULLS LAST, {order}) AS MB_SMALLEST, "
        f"ROW_NUMBER() OVER (ORDER BY {bytes_} DESC NULLS LAST, {order}) AS MB_LARGEST FROM ({rows})"
    )
    return (
        f"SELECT {names} FROM ({ranked}) ORDER BY IFF(MB_SMALLEST = 1, 0, IFF(MB_LARGEST = 1, 1, 2)), "
        f"{shuffled}, {order} LIMIT {int(size)}"
    )


def shards_for(manifests: Sequence[Manifest], size: int) -> list[Manifest]:
    """The first shards that together have enough rows."""
    chosen: list[Manifest] = []
    for manifest in manifests:
        if not manifest.is_empty:
            chosen.append(manifest)
        if sum(item.row_count for item in chosen) >= size:
            break
    return chosen


def _key(manifest: Manifest) -> Sequence[str]:
    return manifest.file_columns or tuple(manifest.columns)[:1]


def _typed(columns: Mapping[str, str], source: str) -> str:
    items = ", ".join(f"{typed_field(name, kind)} AS {sql.quoted(name)}" for name, kind in columns.items())
    return f"SELECT {items} FROM {source}"
