"""``WITH mv AS MODEL m VERSION v``: names for versions of models, which sqlglot does not read.

Source: Snowflake's SQL reference, page "Model methods".
"""

from __future__ import annotations

from airflow_provider_mediabatch.local.lexer import Cursor, Token


def inlined(sql: str) -> str:
    """A statement with ``MODEL(m, v)`` in the place of each name that a WITH gives to a version of a model."""
    if "MODEL" not in sql.upper():
        return sql
    cursor = Cursor(sql)
    tokens, names = cursor.tokens, {}
    texts: dict[int, str] = {}
    for index in range(len(tokens)):
        if not _begins(tokens, index):
            continue
        cursor.position = index + 1
        alias = cursor.identifier()
        cursor.expect("AS", "MODEL")
        names[alias] = _version(cursor)
        texts |= dict.fromkeys(range(index + 1, cursor.position), "")
        following = cursor.peek()
        if following is not None and following.value == ",":
            texts[cursor.position] = ""
        else:  # the last one of the WITH, or the only one
            texts[max(i for i in range(index + 1) if i not in texts)] = ""
    for index in range(len(tokens) - 1):
        token, after = tokens[index], tokens[index + 1]
        resolved = token.value if token.kind == "quoted" else token.value.upper()
        qualified = index > 0 and tokens[index - 1].value == "."
        if token.kind in ("word", "quoted") and after.value == "!" and resolved in names and not qualified:
            texts.setdefault(index, names[resolved])
    made, position = "", 0
    for index, text in sorted(texts.items()):
        made += sql[position : tokens[index].start] + text
        position = tokens[index].end
    return made + sql[position:]


def _begins(tokens: list[Token], index: int) -> bool:
    """Whether the token stands before ``name AS MODEL name``."""
    if index + 4 >= len(tokens) or not (tokens[index].is_word("WITH") or tokens[index].value == ","):
        return False
    _, _, word, model, name = tokens[index : index + 5]
    return word.is_word("AS") and model.is_word("MODEL") and name.kind in ("word", "quoted")


def _version(cursor: Cursor) -> str:
    """Read ``m [VERSION v]``."""
    start = cursor.tokens[cursor.position].start
    cursor.name()
    name = cursor.sql[start : cursor.tokens[cursor.position - 1].end]
    if not cursor.accept("VERSION"):
        return f"MODEL({name})"
    token = cursor.next()
    return f"MODEL({name}, {cursor.sql[token.start : token.end]})"
