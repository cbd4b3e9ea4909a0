"""SHOW and DESCRIBE of artifact repositories: there is the one of PyPI's packages that every account has.

snowflake-ml asks for it before it logs a model with pip requirements. The engine installs no packages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.errors import does_not_exist
from airflow_provider_mediabatch.local.statement_result import Result, ResultColumn, utc_time
from airflow_provider_mediabatch.local.statements.handlers import statement
from airflow_provider_mediabatch.local.statements.show_clauses import is_within, schema_scope, show_clauses

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context

_SHARED = ("SNOWFLAKE", "SNOWPARK", "PYPI_SHARED_REPOSITORY")
_TEXTS = ("database_name", "schema_name", "type", "api_integration", "owner", "owner_role_type", "comment")


@statement("SHOW ARTIFACT REPOSITORIES", locked=False)
def show_artifact_repositories(ctx: Context, cursor: Cursor) -> Result:
    """``SHOW ARTIFACT REPOSITORIES [LIKE '…'] [IN …] [LIMIT n]``."""
    cursor.expect("SHOW", "ARTIFACT", "REPOSITORIES")
    clauses = show_clauses(cursor, schema_scope(ctx, cursor), limits=True)
    return _rows(clauses.select([_SHARED[2]] if is_within(clauses.scope, *_SHARED[:2]) else [], str))


@statement("DESCRIBE ARTIFACT REPOSITORY", "DESC ARTIFACT REPOSITORY", locked=False)
def describe_artifact_repository(ctx: Context, cursor: Cursor) -> Result:
    """``DESC[RIBE] ARTIFACT REPOSITORY name``, with the columns of SHOW."""
    cursor.next()
    cursor.expect("ARTIFACT", "REPOSITORY")
    name = ctx.qualify(cursor.name())
    cursor.expect_end()
    if name != _SHARED:
        raise does_not_exist("Artifact repository", qualified(*name))
    return _rows([name[2]])


def _rows(names: list[str]) -> Result:
    columns = [ResultColumn.timestamp_ltz("created_on"), ResultColumn.text("name")]
    columns += [ResultColumn.text(text) for text in _TEXTS]
    return Result.of(columns, [(utc_time(0), name, *_SHARED[:2], "PYPI", "", "", "", "") for name in names])
