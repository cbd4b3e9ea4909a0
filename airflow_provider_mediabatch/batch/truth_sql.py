"""The statements that compare an output with its expected labels. Pure: no connection.

All of them are over the same pairs, one row for each row of output. Their own names begin with ``MB_``, because a
user's query may call a table ``LABELS``.

============  =========================================================================================
``FILE``      the file's full stage path
``PREDICTED`` the output as text
``EXPECTED``  the expected label, or NULL
``REFUTED``   whether a reader marked this very prediction as wrong, and nobody said what is right
``NAME_KEY``  the file name or stem that its label was found by, or NULL for a path
``LABELS``    how many different labels it has
============  =========================================================================================
"""

from __future__ import annotations

from airflow_provider_mediabatch.batch.labels import Labels
from airflow_provider_mediabatch.core import sql
from airflow_provider_mediabatch.core.manifest import CONTENT_ID
from airflow_provider_mediabatch.files.file_names import name_sql, on_stage_sql, stem_sql

MAX_CLASSES = 20
MAX_EXAMPLES = 20
MAX_TEXT = 200
MARK_LENGTH = 2000
"""Characters of a prediction that the table of marks keeps."""
_FIRST_CODE, _LAST_CODE = 0x4E00, 0xD7A3
_SPACES, _LEFT_OUT = "-–—/\t\r\n", ".,;:!?\"'()[]{}…‚‘’„“”«»¿¡"
_LABELLED = "(EXPECTED IS NOT NULL OR REFUTED)"


def pairs_sql(labels: Labels, relation: str, key: str, *, has_content_id: bool) -> str:
    """``WITH … PAIRS AS (…)``, to be followed by a SELECT.

    :param labels: the expected labels.
    :param relation: a FROM item of typed output rows.
    :param key: the output's column of full stage paths.
    :param has_content_id: whether the output says what identifies each file's content.
    """
    content = f"COALESCE({sql.quoted(CONTENT_ID)}, '')" if has_content_id else "''"
    predicted = labels.predicted_sql
    if labels.is_marks:
        predicted = f"LEFT({predicted}, {MARK_LENGTH})"
    outputs = (
        f"WITH MB_OUTPUTS AS (SELECT {sql.quoted(key)}::VARCHAR AS FILE, {predicted} AS PREDICTED, "
        f"{content} AS CONTENT FROM {relation} AS R)"
    )
    return outputs + (_marked_pairs(labels) if labels.is_marks else _labelled_pairs(labels))


def _labelled_pairs(labels: Labels) -> str:
    """A label is found by the full stage path, the path on the stage, the file's name or its stem, in this order."""
    return (
        ", MB_LABELS AS (SELECT K, MIN(LABEL) AS LABEL, COUNT(DISTINCT LABEL) AS LABELS FROM "
        f"(SELECT {labels.key}::VARCHAR AS K, {labels.label}::VARCHAR AS LABEL FROM {labels.relation} AS L) "
        "WHERE K IS NOT NULL AND LABEL IS NOT NULL GROUP BY K), MB_NAMED AS (SELECT FILE, PREDICTED, "
        f"{on_stage_sql('FILE')} AS ON_STAGE, {name_sql('FILE')} AS NAME "
        "FROM MB_OUTPUTS), MB_PAIRS AS (SELECT O.FILE, O.PREDICTED, "
        "COALESCE(P.LABEL, W.LABEL, N.LABEL, S.LABEL) AS EXPECTED, FALSE AS REFUTED, "
        "IFF(P.K IS NULL AND W.K IS NULL, COALESCE(N.K, S.K), NULL) AS NAME_KEY, "
        "COALESCE(P.LABELS, W.LABELS, N.LABELS, S.LABELS, 0) AS LABELS FROM MB_NAMED O "
        "LEFT JOIN MB_LABELS P ON P.K = O.FILE LEFT JOIN MB_LABELS W ON W.K = O.ON_STAGE "
        "LEFT JOIN MB_LABELS N ON N.K = O.NAME "
        f"LEFT JOIN MB_LABELS S ON S.K = {stem_sql('O.NAME')})"
    )


def _marked_pairs(labels: Labels) -> str:
    """Of several marks of one prediction the latest counts, then the latest that says what is right.

    A mark is of a file's content: one of a file that was replaced since says nothing of the new one. The table has
    the marks of all models of its schema, and one model's labels are no truth of another's.
    """
    content = "COALESCE(CONTENT_ID, '')"
    outputs = sql.literal(labels.marked_outputs)
    return (
        f", MB_MARKS AS (SELECT FILE_PATH AS K, {content} AS C, PREDICTED, IS_RIGHT, CORRECT_LABEL, MARKED_AT FROM "
        f"{labels.relation} AS L WHERE OUTPUT_COLUMN IN {outputs} AND {_of_subject(labels)} "
        "QUALIFY ROW_NUMBER() OVER (PARTITION BY JOB_NAME, FILE_PATH ORDER BY MARKED_AT DESC) = 1), "
        "MB_LABELS AS (SELECT K, C, IFF(IS_RIGHT, PREDICTED, CORRECT_LABEL) AS LABEL FROM MB_MARKS "
        "WHERE IS_RIGHT OR CORRECT_LABEL IS NOT NULL "
        "QUALIFY ROW_NUMBER() OVER (PARTITION BY K, C ORDER BY MARKED_AT DESC) = 1), "
        "MB_REFUTED AS (SELECT DISTINCT K, C, PREDICTED FROM MB_MARKS WHERE NOT IS_RIGHT AND CORRECT_LABEL IS NULL), "
        "MB_PAIRS AS (SELECT O.FILE, O.PREDICTED, L.LABEL AS EXPECTED, "
        "L.K IS NULL AND R.K IS NOT NULL AS REFUTED, NULL::VARCHAR AS NAME_KEY, 1 AS LABELS FROM MB_OUTPUTS O "
        "LEFT JOIN MB_LABELS L ON L.K = O.FILE AND L.C = O.CONTENT "
        "LEFT JOIN MB_REFUTED R ON R.K = O.FILE AND R.C = O.CONTENT AND R.PREDICTED = O.PREDICTED)"
    )


def _of_subject(labels: Labels) -> str:
    """The condition on marks of this function of this model; the page knows neither where a sample's plan is gone."""
    named = {"MODEL_NAME": labels.model, "FUNCTION_NAME": labels.function}
    return " AND ".join(f"{column} IN {sql.literal((name, ''))}" for column, name in named.items())


def totals_sql(pairs: str) -> str:
    """One row: FILES, LABELLED, RIGHTS, the mean number of WORDS of an expected label, and what makes labels doubtful.

    TWICE counts files with two different labels, of which TWICE_EXAMPLE is one. SHARED counts file names and stems by
    which a label was found for more than one file, of which SHARED_EXAMPLE is one.

    :param pairs: what :func:`pairs_sql` gave.
    """
    words = "ARRAY_SIZE(SPLIT(TRIM(EXPECTED), ' '))"
    of_name = "OVER (PARTITION BY NAME_KEY)"
    is_shared = f"NAME_KEY IS NOT NULL AND MIN(FILE) {of_name} <> MAX(FILE) {of_name}"
    return (
        f"{pairs} SELECT COUNT(*) AS FILES, COUNT_IF({_LABELLED}) AS LABELLED, "
        f"COUNT_IF(EXPECTED = PREDICTED) AS RIGHTS, AVG(IFF(EXPECTED IS NULL, NULL, {words})) AS WORDS, "
        "COUNT_IF(LABELS > 1) AS TWICE, MIN(IFF(LABELS > 1, FILE, NULL)) AS TWICE_EXAMPLE, "
        "COUNT(DISTINCT IFF(IS_SHARED, NAME_KEY, NULL)) AS SHARED, MIN(IFF(IS_SHARED, NAME_KEY, NULL)) AS "
        f"SHARED_EXAMPLE FROM (SELECT P.*, {is_shared} AS IS_SHARED FROM MB_PAIRS P)"
    )


def classes_sql(pairs: str) -> str:
    """The most frequent classes: LABEL, EXPECTED, PREDICTED and RIGHTS as :class:`~.core.truth.ClassScore` has them.

    CLASSES is how many there are, BALANCED the mean recall of all that are expected.

    :param pairs: what :func:`pairs_sql` gave.
    """
    return (
        f"{pairs} SELECT LABEL, EXPECTED, PREDICTED, RIGHTS, COUNT(*) OVER () AS CLASSES, "
        "AVG(IFF(EXPECTED > 0, RIGHTS::FLOAT / NULLIF(EXPECTED, 0), NULL)) OVER () AS BALANCED FROM ("
        "SELECT LABEL, SUM(E) AS EXPECTED, SUM(P) AS PREDICTED, SUM(R) AS RIGHTS FROM ("
        "SELECT EXPECTED AS LABEL, 1 AS E, 0 AS P, IFF(EXPECTED = PREDICTED, 1, 0) AS R FROM MB_PAIRS "
        "WHERE EXPECTED IS NOT NULL UNION ALL "
        f"SELECT PREDICTED AS LABEL, 0 AS E, 1 AS P, 0 AS R FROM MB_PAIRS WHERE {_LABELLED} AND PREDICTED IS NOT NULL"
        f") GROUP BY LABEL) ORDER BY EXPECTED DESC, PREDICTED DESC, LABEL LIMIT {MAX_CLASSES}"
    )


def examples_sql(pairs: str) -> str:
    """Labelled files, the wrong ones first: FILE, WANTED (the expected label) and FOUND (the predicted one), cut.

    :param pairs: what :func:`pairs_sql` gave.
    """
    return (
        f"{pairs} SELECT FILE, LEFT(EXPECTED, {MAX_TEXT}) AS WANTED, LEFT(PREDICTED, {MAX_TEXT}) AS FOUND "
        f"FROM MB_PAIRS WHERE {_LABELLED} ORDER BY COALESCE(EXPECTED = PREDICTED, FALSE), FILE LIMIT {MAX_EXAMPLES}"
    )


def words_sql(pairs: str) -> str:
    """One row: WORDS of the expected texts, and ERRORS, the least number of words to change, drop or add to get them.

    A file that several rows are of has a text in each of them. EDITDISTANCE counts characters, so each different word
    of a row becomes one character first, as jiwer does it. Case and punctuation do not count.

    :param pairs: what :func:`pairs_sql` gave.
    """
    words = " UNION ALL ".join(
        f"SELECT P.PAIR, {side} AS SIDE, F.INDEX AS N, F.VALUE::VARCHAR AS WORD FROM MB_NUMBERED P, "
        f"LATERAL FLATTEN(INPUT => SPLIT({_plain_sql(f'P.{column}')}, ' ')) F WHERE F.VALUE::VARCHAR <> ''"
        for side, column in ((0, "EXPECTED"), (1, "PREDICTED"))
    )
    code = (
        f"CHR({_FIRST_CODE} + LEAST(DENSE_RANK() OVER (PARTITION BY PAIR ORDER BY WORD), {_LAST_CODE - _FIRST_CODE}))"
    )
    texts = ", ".join(
        f"COALESCE(LISTAGG(IFF(SIDE = {side}, CODE, NULL), '') WITHIN GROUP (ORDER BY N), '') AS {name}"
        for side, name in ((0, "REFERENCE"), (1, "HYPOTHESIS"))
    )
    return (
        f"{pairs}, MB_NUMBERED AS (SELECT EXPECTED, PREDICTED, ROW_NUMBER() OVER (ORDER BY FILE, EXPECTED, PREDICTED) "
        f"AS PAIR FROM MB_PAIRS WHERE EXPECTED IS NOT NULL), MB_WORDS AS ({words}), "
        f"MB_CODES AS (SELECT PAIR, SIDE, N, {code} AS CODE FROM MB_WORDS), "
        f"MB_TEXTS AS (SELECT {texts} FROM MB_CODES GROUP BY PAIR) "
        "SELECT COALESCE(SUM(LENGTH(REFERENCE)), 0) AS WORDS, "
        "COALESCE(SUM(EDITDISTANCE(REFERENCE, HYPOTHESIS)), 0) AS ERRORS FROM MB_TEXTS"
    )


def _plain_sql(text: str) -> str:
    """A text in lower case, without punctuation, with spaces between its words."""
    spaces = " " * len(_SPACES)
    return f"TRANSLATE(LOWER({text}), {sql.literal(_SPACES + _LEFT_OUT)}, {sql.literal(spaces)})"
