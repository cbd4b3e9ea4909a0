"""Limits of statements."""

from __future__ import annotations

from conformance.table import Row

_SIZE = "Limits on Query Text Size"
_IN = "snowpark-python, tests/integ: a list of 200,001 expressions is too long"

ROWS = [
    Row("1,000 items in IN", f"SELECT 5 IN ({','.join(map(str, range(1_000)))})", [(True,)], _IN),
    Row("20,000 items in IN", f"SELECT 5 IN ({','.join(map(str, range(20_000)))})", [(True,)], _IN),
    Row("text of less than 1 MB", f"SELECT LENGTH('{'x' * 1_000_000}')", [(1_000_000,)], _SIZE),
    Row("text of more than 1 MB", f"SELECT LENGTH('{'x' * 1_050_000}')", [(1_050_000,)], _SIZE),
    Row(
        "a name of 255 characters",
        f"SELECT {'N' * 255} FROM (SELECT 1 AS {'N' * 255})",
        [(1,)],
        "Identifier requirements, Overview",
    ),
    Row("LIMIT 0 gives no rows", "SELECT N FROM FRUIT LIMIT 0", [], "LIMIT / FETCH, Parameters"),
    Row("LIMIT and OFFSET", "SELECT N FROM FRUIT ORDER BY N LIMIT 1 OFFSET 1", [(2,)], "LIMIT / FETCH, Parameters"),
]
