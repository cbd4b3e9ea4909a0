"""What identifies a staged file's content: one definition for LIST, for directory tables and for the review page.

Where the stage knows a digest, it is the digest and the size: ``d41d8cd98f00b204e9800998ecf8427e:0``. Where it knows
none, it is the size and the last modification in UTC seconds: ``:1000:1709287200``. Ids of a row's files are joined
with ``+``. Where further columns belong to a row's identity, ``#`` and the MD5 of their values come last.

A digest is an MD5, or the ETag that Amazon S3 makes of the parts of a multi-part upload. LIST has no MD5 for multi-part
uploads to Azure (snowflake-cli, pull requests 1359 and 1372), and a directory table has an ETag there that LIST does
not show. That ETag is not taken for a digest, so that the same file has one id however it is listed.
"""

from __future__ import annotations

import re

from airflow_provider_mediabatch.core import sql

_MD5 = "[0-9a-f]{32}"
_DIGEST = f"{_MD5}(-[0-9]+)?"
_ONLY_MD5 = f"{_MD5}:[0-9]+([+]{_MD5}:[0-9]+)*([+]#{_MD5})?"


def content_id(digest: str | None, size: int, modified: int) -> str:
    """The id of one file.

    :param digest: MD5 or ETag as the stage gives it.
    :param size: bytes.
    :param modified: last modification, seconds since the epoch.
    """
    known = (digest or "").replace('"', "").lower()
    return f"{known}:{size}" if re.fullmatch(_DIGEST, known) else f":{size}:{modified}"


def content_id_sql(digest: str, size: str, modified: str) -> str:
    """As :func:`content_id`, over columns as SQL; ``modified`` is a TIMESTAMP_NTZ in UTC."""
    known = f"LOWER(REPLACE(COALESCE({digest}, ''), '\"', ''))"
    return (
        f"IFF(REGEXP_LIKE({known}, {sql.literal(_DIGEST)}), {known} || ':' || {size}, "
        f"':' || {size} || ':' || DATE_PART(EPOCH_SECOND, {modified}))"
    )


def kind_sql(content_ids: str) -> str:
    """What the ids of a row go by, ``md5``, ``etag`` or ``last_modified``: the weakest of its files'."""
    return (
        f"CASE WHEN REGEXP_LIKE({content_ids}, {sql.literal(_ONLY_MD5)}) THEN 'md5' "
        f"WHEN STARTSWITH({content_ids}, ':') OR CONTAINS({content_ids}, '+:') THEN 'last_modified' ELSE 'etag' END"
    )


def is_one_of(found: str, noted: str) -> bool:
    """Whether the ids that a listing noted name this content.

    :param found: the id of one file as it is now.
    :param noted: ids joined with ``+``. One that was noted by others without a time is compared by what it has.
    """
    digest, size, *time = found.split(":")
    for listed in noted.split("+"):
        other, _, rest = listed.partition(":")
        other_size, *other_time = rest.split(":")
        by_digest = digest == other or not (digest and other)
        by_time = not (time and other_time) or time == other_time
        if by_digest and by_time and other_size == size:
            return True
    return False
