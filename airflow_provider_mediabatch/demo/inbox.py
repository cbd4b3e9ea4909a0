"""A folder whose photographs are put on a stage while it is watched."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.demo import DemoError
from airflow_provider_mediabatch.demo.own_files import MediaRule, sort_files, upload

if TYPE_CHECKING:
    from snowflake.snowpark import Session


class Inbox:
    """A folder whose media are put on the stage, each content of a name once.

    :param session: the session that uploads.
    :param folder: the folder; folders below it are not read.
    :param target: the stage's folder, ``@STAGE/folder``.
    :param rule: what is taken.
    """

    def __init__(self, session: Session, folder: Path, target: str, rule: MediaRule) -> None:
        self._session, self._folder, self._target, self._rule = session, folder, target, rule
        listed = session.sql(f"LIST {target}/").collect()
        self._uploaded: dict[str, str] = {Path(row["name"]).name: str(row["md5"]) for row in listed}
        self._seen: dict[Path, tuple[int, int]] = {}
        self._handled: dict[Path, tuple[int, int]] = {}

    def poll(self) -> tuple[dict[str, Path], dict[str, str]]:
        """Upload what is new and did not change since the last call: a file that is being written waits.

        :return: what was uploaded, name on the stage to file, and what was left out, name to reason; each once.
        :raises DemoError: when the folder cannot be read any more.
        """
        seen: dict[Path, tuple[int, int]] = {}
        try:
            for path in self._folder.iterdir():
                stat = path.lstat()
                seen[path] = (stat.st_size, stat.st_mtime_ns)
        except FileNotFoundError:
            if not self._folder.is_dir():
                raise DemoError(f"the inbox {self._folder} is gone") from None
            return {}, {}  # a file went away between the two calls
        except OSError as error:
            raise DemoError(f"the inbox {self._folder} cannot be read: {error.strerror}") from error
        settled = [path for path, now in seen.items() if self._seen.get(path) == now != self._handled.get(path)]
        self._seen = seen
        found = sort_files(settled, self._rule)
        self._handled.update({path: seen[path] for path in settled})
        new = {}
        for name, path in found.taken.items():
            try:
                digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            except OSError as error:
                found.left_out[path.name] = f"it cannot be read: {error.strerror}"
                continue
            if self._uploaded.get(name) != digest:
                self._uploaded[name] = digest
                new[name] = path
        for name, reason in upload(self._session, new, self._target).items():
            del self._uploaded[name]
            found.left_out[new.pop(name).name] = reason
        return new, found.left_out
