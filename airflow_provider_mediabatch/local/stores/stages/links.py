"""Links to single files of stages, which whoever has one may open for a while.

A link carries the file's stage and path, the second at which it ends, and a keyed digest of both. The key is kept in
the state directory, so that links survive a restart.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import time
from pathlib import Path
from urllib.parse import quote

from airflow_provider_mediabatch.local.stores.stages.stage import Stage


class FileLinks:
    """What makes links and checks them.

    :param state_dir: holds the key.
    :param base_url: where the engine answers, without a slash at the end.
    """

    def __init__(self, state_dir: Path, base_url: str) -> None:
        self.base_url = base_url
        path = state_dir / "links.key"
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(secrets.token_bytes(32))
        except FileExistsError:
            pass
        self._key = path.read_bytes()

    def link(self, stage: Stage, path: str, seconds: int) -> str:
        """The URL of a file that opens it for a number of seconds."""
        expires = int(time.time()) + seconds
        signature = self._signature(stage.id, path, expires)
        return f"{self.base_url}/files/{stage.id}/{quote(path)}?expires={expires}&signature={signature}"

    def is_signed(self, stage_id: str, path: str, expires: int, signature: str) -> bool:
        """Whether a link with these parts was made here; compared in constant time."""
        return hmac.compare_digest(self._signature(stage_id, path, expires).encode(), signature.encode())

    def stage_url(self, stage: Stage) -> str:
        """What FILE_URL of a directory table begins with. As on Snowflake, such a URL alone opens nothing."""
        parts = "/".join(quote(part, safe="") for part in (stage.database, stage.schema, stage.name))
        return f"{self.base_url}/api/files/{parts}/"

    def _signature(self, stage_id: str, path: str, expires: int) -> str:
        message = json.dumps([stage_id, path, expires]).encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()
