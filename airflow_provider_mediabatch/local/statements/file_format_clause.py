"""The FILE_FORMAT clause: the options of the statement's own format, of a named one, or of the stage's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_mediabatch.core.sql import qualified, split
from airflow_provider_mediabatch.local.errors import does_not_exist, invalid_argument, not_supported
from airflow_provider_mediabatch.local.stores.stages.file_formats import TYPES

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.stages.stage import Stage


def file_format(ctx: Context, given: Any, stage: Stage | None = None) -> dict[str, Any]:
    """The options of ``FILE_FORMAT = (…)`` or ``= 'name'``, of the format that it names, or else of the stage.

    :raises SnowflakeError: 002003 for a format that is not there; for a TYPE that Snowflake does not have.
    """
    if given is None:
        given = stage.file_format if stage is not None else {}
    options = dict(given) if isinstance(given, dict) else {"FORMAT_NAME": given}
    named = options.pop("FORMAT_NAME", None)
    if named is not None:
        try:
            name = ctx.qualify(split(str(named)))
        except ValueError as error:
            raise invalid_argument(f"invalid file format name: {error}") from None
        found = ctx.stores.stages.file_formats.find(name, ctx.session.id)
        if found is None:
            raise does_not_exist("File format", qualified(*name))
        options = {**found.options, **options}
    options["TYPE"] = str(options.get("TYPE", "CSV")).upper()
    if options["TYPE"] not in TYPES:
        raise invalid_argument(f"invalid value '{options['TYPE']}' for property 'TYPE'")
    return options


def read_format(ctx: Context, given: Any, stage: Stage, doing: str) -> dict[str, Any]:
    """As :func:`file_format`, of files that are read: Parquet, CSV and JSON are carried out."""
    options = file_format(ctx, given, stage)
    if options["TYPE"] not in ("PARQUET", "CSV", "JSON"):
        raise not_supported(f"{doing} {options['TYPE']} files, only PARQUET, CSV and JSON")
    return options
