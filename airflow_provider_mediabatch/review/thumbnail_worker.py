"""A process that scales pictures, one after another: ``python -m …thumbnail_worker MAX_BYTES SECONDS``.

It reads one request a line from standard input and answers each with a line, both JSON. It ends with its standard
input, so with the process that started it. A picture that needs more memory or more time of a processor than this
process may use, or crashes the decoder, ends or fails this process only.
"""

from __future__ import annotations

import json
import math
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

from airflow_provider_mediabatch.review.thumbnails import NotAPictureError, write_thumbnail

NICENESS = 10
"""The API server answers the tasks' heartbeats on the same processors, and comes first."""
TOO_LARGE = "the picture needs too much memory to be scaled here"


def main(max_bytes: int, seconds: int) -> None:
    """Answer requests until standard input ends.

    :param max_bytes: address space that this process may use.
    :param seconds: of a processor that one picture may use.
    """
    os.nice(NICENESS)
    with suppress(OSError, ValueError):  # not every system has this limit
        resource.setrlimit(resource.RLIMIT_AS, (max_bytes, max_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        request = json.loads(line)
        reason = None
        _limit_time(seconds)
        try:
            write_thumbnail(
                Path(request["source"]), Path(request["target"]), edge=request["edge"], changed=request["changed"]
            )
        except NotAPictureError as error:
            reason = str(error)
        except MemoryError:
            reason = TOO_LARGE
        print(json.dumps({"reason": reason}), flush=True)


def _limit_time(seconds: int) -> None:
    """Have SIGXCPU end this process when it has used this many more seconds of a processor. Decoders read no clock."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    with suppress(OSError, ValueError):  # the system's own limit may be lower
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(used.ru_utime + used.ru_stime) + seconds, hard))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
