"""EXECUTE INFERENCE JOB SERVICE: everything that can be wrong is said before anything starts."""

from __future__ import annotations

import shutil
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_mediabatch.core.sql import qualified
from airflow_provider_mediabatch.local.errors import SnowflakeError, not_supported, syntax_error
from airflow_provider_mediabatch.local.runner.spec import VERSION_FOLDER, RunSpec
from airflow_provider_mediabatch.local.session.access import require_file_access, require_privilege
from airflow_provider_mediabatch.local.session.stage_reference import resolve_stage
from airflow_provider_mediabatch.local.sql import queries
from airflow_provider_mediabatch.local.statement_result import Pending, Result, ResultColumn
from airflow_provider_mediabatch.local.statements.handlers import statement
from airflow_provider_mediabatch.local.stores.jobs.job import Job
from airflow_provider_mediabatch.local.stores.jobs.specification import Specification, invalid, parse
from airflow_provider_mediabatch.local.stores.models.methods import Method, check, choose, methods

if TYPE_CHECKING:
    from airflow_provider_mediabatch.local.lexer import Cursor
    from airflow_provider_mediabatch.local.session.context import Context
    from airflow_provider_mediabatch.local.stores.stages.stage import Stage

_NAME_CHARACTERS = 63  # a service's name becomes a DNS label
_TEMPORARY = "_snowflake_temporary/"  # where run_batch puts a DataFrame's rows, inside the output location


@dataclass
class _Statement:
    """The clauses, as written."""

    pool: str
    specification: Specification
    stage: str | None = None
    query: str | None = None
    model: tuple[str, ...] = ()
    version: str | None = None
    function: str | None = None
    name: tuple[str, ...] = ()
    asynchronous: bool = False
    replicas: int = 1


def _read(cursor: Cursor) -> _Statement:
    cursor.expect("EXECUTE", "INFERENCE", "JOB", "SERVICE")
    cursor.expect("IN", "COMPUTE", "POOL")
    pool = cursor.identifier()
    cursor.expect("WITH", "SPECIFICATION")
    given = _Statement(pool, parse(cursor.string()))
    cursor.expect("FROM")
    token = cursor.peek()
    if token is not None and token.value == "(":
        given.query = cursor.parenthesised()
    elif token is not None and token.kind in ("stage", "string"):
        given.stage = cursor.next().value
    else:
        cursor.fail("expected a stage path or a query in parentheses")
    seen: set[str] = set()
    while not cursor.at_end():
        clause = cursor.identifier()
        if clause in seen:
            cursor.fail(f"{clause} is given twice")
        seen.add(clause)
        cursor.expect("=")
        _clause(cursor, given, clause)
    if not given.model:
        cursor.fail("expected MODEL =")
    return given


def _clause(cursor: Cursor, given: _Statement, clause: str) -> None:
    if clause == "MODEL":
        given.model = cursor.name()
    elif clause == "VERSION":
        given.version = cursor.identifier()
    elif clause == "FUNCTION":
        given.function = cursor.string()
    elif clause == "NAME":
        start = cursor.position
        given.name = cursor.name()
        if any(token.kind == "quoted" for token in cursor.tokens[start : cursor.position]):
            raise syntax_error(
                f"invalid job name {qualified(*given.name)}: database, schema and name must not be quoted"
            )
        if len(given.name[-1]) > _NAME_CHARACTERS:
            raise invalid(f"the job name {given.name[-1]} has more than {_NAME_CHARACTERS} characters")
    elif clause == "ASYNC":
        given.asynchronous = cursor.accept("TRUE")
        if not given.asynchronous:
            cursor.expect("FALSE")
    elif clause == "REPLICAS":
        token = cursor.next()
        if token.kind != "number" or not token.value.isdigit() or int(token.value) < 1:
            raise invalid(f"REPLICAS must be a whole number of at least 1, not {token.value}")
        given.replicas = int(token.value)
    else:
        cursor.position -= 2
        cursor.fail("expected MODEL, VERSION, FUNCTION, NAME, ASYNC or REPLICAS")


@statement("EXECUTE INFERENCE JOB SERVICE")
def execute(ctx: Context, cursor: Cursor) -> Result | Pending:
    """``EXECUTE INFERENCE JOB SERVICE IN COMPUTE POOL … WITH SPECIFICATION … FROM … MODEL = … [VERSION = …]
    [FUNCTION = …] [NAME = …] [ASYNC = …] [REPLICAS = …]``.

    The statement returns after the model version's image is built (its first use, or ``force_rebuild``); only then does
    the job exist and is its name taken. Without ``ASYNC = TRUE`` it also waits for the job's end.
    """
    given = _read(cursor)
    specification = given.specification
    name = ctx.qualify(given.name or (f"BATCH_INFERENCE_{uuid.uuid4().hex.upper()}",))
    _check_pool(ctx, given)
    require_privilege(ctx, "CREATE SERVICE", "SCHEMA", qualified(*name[:2]))
    ctx.stores.jobs.check_free(*name)
    database, schema, model = ctx.qualify(given.model)
    version = ctx.stores.models.version(database, schema, model, given.version)
    require_privilege(ctx, "READ", "MODEL", qualified(database, schema, model))
    method = choose(methods(Path(version.dir)), given.function, qualified(database, schema, model))
    check(method, specification.params, specification.partition_column)
    stage, path = _output(ctx, specification, name[2])
    directory: Path = ctx.stores.jobs.new_directory()
    try:
        version.link(directory / VERSION_FOLDER)
        source = _input(ctx, given, stage, path, directory)
        run = _run_spec(ctx, given, name, method, directory / VERSION_FOLDER, source, stage.path(path))
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    job = Job(
        id=directory.name,
        database=name[0],
        schema=name[1],
        name=name[2],
        owner=ctx.session.role,
        compute_pool=given.pool,
        query_id=ctx.query_id,
        asynchronous=int(given.asynchronous),
        replicas=given.replicas,
        workers=specification.workers,
        model=qualified(database, schema, model),
        version=version.name,
        function=method.target,
        output=f"@{stage.full_name}/{path}",
        specification=specification.text,
        created=time.time(),
    )
    return _submit(ctx, job, run, specification, str(version.dir))


def _submit(ctx: Context, job: Job, run: RunSpec, specification: Specification, image: str) -> Result | Pending:
    """Build, create, answer: as a wait that holds no thread.

    Once the job is there, no failure of the statement removes its directory: it runs, or its logs and exit codes are
    asked for.
    """
    jobs = ctx.stores.jobs
    seconds = ctx.stores.settings.image_build_seconds
    needs_build = seconds > 0 and (specification.force_rebuild or not jobs.images.is_built(image))
    built_at = time.monotonic() + (seconds if needs_build else 0)
    answer: list[Pending] = []

    def discard() -> None:
        if not answer:
            shutil.rmtree(jobs.folder / job.id, ignore_errors=True)

    def poll() -> Result | None:
        if time.monotonic() < built_at:
            return None
        if not answer:
            try:
                jobs.images.record(image)
                made = jobs.create(replace(job, created=time.time()), run)
            except BaseException:
                discard()
                raise
            answer.append(jobs.answer(made))
        return answer[0].poll()

    result = poll()
    return result if result is not None else Pending(poll, cancel=discard)


def _check_pool(ctx: Context, given: _Statement) -> None:
    pool = ctx.stores.jobs.pools.get(given.pool)
    require_privilege(ctx, "USAGE", "COMPUTE POOL", qualified(given.pool))
    if pool.gpu:
        raise not_supported(f"jobs in compute pool {given.pool}: its family {pool.instance_family} has GPUs")
    if given.specification.gpu:
        raise invalid(
            f"resources.gpu_requests is {given.specification.gpu}, but compute pool {given.pool} "
            f"({pool.instance_family}) has no GPU"
        )


def _output(ctx: Context, specification: Specification, name: str) -> tuple[Stage, str]:
    """The output stage and the job's own folder on it."""
    stage, path = resolve_stage(ctx, specification.output)
    if stage.kind != "internal":
        raise invalid(f"output.stage_location must be on an internal stage; {stage.full_name} is external")
    require_file_access(ctx, stage, write=True)
    folder = f"{path.rstrip('/')}/{name}/".lstrip("/")
    local = stage.path(folder)
    if not specification.overwrite and local.is_dir() and any(local.iterdir()):
        raise SnowflakeError(
            395019,
            "22023",
            f"Output location @{stage.full_name}/{folder} is not empty: remove its files or use mode: overwrite",
        )
    return stage, folder


def _input(ctx: Context, given: _Statement, output: Stage, output_path: str, directory: Path) -> Path:
    """The folder of Parquet that the job reads; a query's rows are written into the job's own directory first."""
    if given.query is not None:
        folder = directory / "input"
        folder.mkdir()
        _materialise(ctx, given.query, folder / "data.parquet")
        return folder
    assert given.stage is not None
    stage, path = resolve_stage(ctx, given.stage)
    if stage.encryption == "AWS_CSE":
        raise invalid(
            f"input stage {stage.full_name} is encrypted by the client; jobs read server-side encryption only"
        )
    require_file_access(ctx, stage)
    base = output_path.rsplit("/", 2)[0] + "/" if output_path.count("/") > 1 else ""
    inside = stage.full_name == output.full_name and path.startswith(base)
    if inside and not path[len(base) :].startswith(_TEMPORARY):
        raise invalid(
            f"the input location {given.stage} must not be inside the output location @{stage.full_name}/{base}"
        )
    located: Path = stage.path(path)
    return located


def _materialise(ctx: Context, query: str, file: Path) -> None:
    import pyarrow.parquet as pq

    columns: list[ResultColumn]
    columns, reader = queries.query(ctx, query)
    names = [column.name for column in columns]
    schema = reader.schema
    for index, name in enumerate(names):
        schema = schema.set(index, schema.field(index).with_name(name))
    with pq.ParquetWriter(file, schema) as writer:
        for batch in reader:
            writer.write_batch(batch.rename_columns(names))


def _run_spec(
    ctx: Context,
    given: _Statement,
    name: tuple[str, str, str],
    method: Method,
    version: Path,
    source: Path,
    output: Path,
) -> RunSpec:
    specification = given.specification
    return RunSpec(
        job=qualified(*name),
        input_dir=str(source),
        output_dir=str(output),
        overwrite=specification.overwrite,
        model_dir=str(version / "model"),
        function=method.target,
        input_names=list(method.inputs),
        partitioned=method.partitioned,
        partition_column=specification.partition_column,
        params=specification.params,
        file_columns=specification.file_columns,
        stage_roots=ctx.stores.stages.roots(),
        replicas=given.replicas,
        num_workers=specification.workers,
        max_batch_rows=specification.max_batch_rows,
        start_seconds=ctx.stores.settings.job_start_seconds,
    )
