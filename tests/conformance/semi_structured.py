"""VARIANT, OBJECT, ARRAY and FLATTEN."""

from __future__ import annotations

from conformance.table import Fails, Refused, Row

_PARSE = "PARSE_JSON, Usage notes"
_FLATTEN = "FLATTEN, Output"
_PATHS = "Querying Semi-structured Data, Traversing Semi-structured Data"


def _flatten(columns: str, json: str, more: str = "") -> str:
    return f"SELECT {columns} FROM LATERAL FLATTEN(INPUT => PARSE_JSON('{json}'){more}) F"


ROWS = [
    Row("a key that is there twice", """SELECT PARSE_JSON('{"a":1,"a":2}')""", Fails(100069), "PARSE_JSON, Examples"),
    Row(
        "PARSE_JSON that takes a key twice",
        """SELECT PARSE_JSON('{"a":1,"a":2}', 'd')""",
        Refused("PARSE_JSON with the parameter 'd'"),
        "PARSE_JSON, Arguments",
    ),
    Row(
        "TRY_PARSE_JSON of a key that is there twice",
        """SELECT TRY_PARSE_JSON('{"a":1,"a":2}')""",
        [(None,)],
        "TRY_PARSE_JSON, Returns",
    ),
    Row("what is no JSON", "SELECT PARSE_JSON('{')", Fails(100069), "PARSE_JSON, Examples"),
    Row("TRY_PARSE_JSON of what is no JSON", "SELECT TRY_PARSE_JSON('{')", [(None,)], "TRY_PARSE_JSON, Returns"),
    Row("PARSE_JSON of an empty text is NULL", "SELECT PARSE_JSON('') IS NULL", [(True,)], _PARSE),
    Row("PARSE_JSON of NULL is NULL", "SELECT PARSE_JSON(NULL) IS NULL", [(True,)], _PARSE),
    Row(
        "JSON's null is no SQL NULL",
        "SELECT PARSE_JSON('null') IS NULL, IS_NULL_VALUE(PARSE_JSON('null'))",
        [(False, True)],
        "IS_NULL_VALUE, Returns",
    ),
    Row(
        "NULL in capitals is JSON's null",
        "SELECT IS_NULL_VALUE(PARSE_JSON('NULL'))",
        [(True,)],
        "OBJECT_CONSTRUCT, Examples",
    ),
    Row(
        "STRIP_NULL_VALUE",
        "SELECT STRIP_NULL_VALUE(PARSE_JSON('null')) IS NULL",
        [(True,)],
        "STRIP_NULL_VALUE, Returns",
    ),
    Row(
        "an OBJECT comes in lines, its keys in order",
        """SELECT PARSE_JSON('{"b":1,"a":[1,{"d":"x, y: [z]","c":null}],"e":{},"f":[]}'), ARRAY_CONSTRUCT(1, 2)""",
        [
            (
                """{\n  "a": [\n    1,\n    {\n      "c": null,\n      "d": "x, y: [z]"\n    }\n  ],\n  "b": 1,"""
                """\n  "e": {},\n  "f": []\n}""",
                "[\n  1,\n  2\n]",
            )
        ],
        "ARRAY_CONSTRUCT, Examples; snowpark-python, tests/integ/scala/test_function_suite.py: test_object_construct",
    ),
    Row(
        "OBJECT_CONSTRUCT has its keys in order",
        """SELECT OBJECT_CONSTRUCT('zip', 21021, 'age', 21, 'name', 'Joe')""",
        [('{\n  "age": 21,\n  "name": "Joe",\n  "zip": 21021\n}',)],
        "snowpark-python, tests/integ/scala/test_function_suite.py: test_object_construct",
    ),
    Row(
        "TO_JSON is one line with the keys in order",
        """SELECT TO_JSON(PARSE_JSON('{"b":1,"a":2}')), TO_JSON(PARSE_JSON('{"b":1, "a":2}')) = '{"a":2,"b":1}'""",
        [('{"a":2,"b":1}', True)],
        "TO_JSON, Examples",
    ),
    Row(
        "an OBJECT as text is one line",
        """SELECT PARSE_JSON('{"b": 1, "a": [2, 3]}')::VARCHAR""",
        [('{"a":[2,3],"b":1}',)],
        "snowpark-python, tests/integ/scala/test_function_suite.py: test_object_construct",
        confirmed=False,
    ),
    Row(
        "the order of keys makes no OBJECT different",
        """SELECT PARSE_JSON('{"b":1,"a":2}') = PARSE_JSON('{"a":2,"b":1}')""",
        [(True,)],
        "PARSE_JSON, Usage notes: an object is an unordered set of pairs",
    ),
    Row(
        "text in a VARIANT has quotes, numbers have none",
        "SELECT TO_VARIANT('a'), TO_VARIANT(1), PARSE_JSON('null')",
        [('"a"', "1", "null")],
        "PARSE_JSON, Examples",
    ),
    Row("a path by colon and points", """SELECT PARSE_JSON('{"a":{"b":[1,2]}}'):a.b[1]::INT""", [(2,)], _PATHS),
    Row("a path by brackets", """SELECT PARSE_JSON('{"a b":7}')['a b']::INT""", [(7,)], _PATHS),
    Row("keys tell cases apart", """SELECT PARSE_JSON('{"a":1}'):A IS NULL""", [(True,)], _PATHS),
    Row(
        "a key that is not there is NULL", """SELECT PARSE_JSON('{"a":1}'):b""", [(None,)], "GET_PATH , :, Usage notes"
    ),
    Row("an index beyond the end is NULL", "SELECT PARSE_JSON('[1]')[5]", [(None,)], "GET_PATH , :, Usage notes"),
    Row("GET_PATH", """SELECT GET_PATH(PARSE_JSON('{"a":{"b":3}}'), 'a.b')::INT""", [(3,)], "GET_PATH , :, Examples"),
    Row(
        "text out of a VARIANT has no quotes",
        """SELECT PARSE_JSON('{"a":"x"}'):a::VARCHAR""",
        [("x",)],
        "Querying Semi-structured Data, Explicitly Casting Values",
    ),
    Row(
        "TYPEOF",
        """SELECT TYPEOF(PARSE_JSON('1')), TYPEOF(PARSE_JSON('1.5')), TYPEOF(PARSE_JSON('"a"')),
        TYPEOF(PARSE_JSON('[]')), TYPEOF(PARSE_JSON('{}')), TYPEOF(PARSE_JSON('true')), TYPEOF(PARSE_JSON('null'))""",
        [("INTEGER", "DECIMAL", "VARCHAR", "ARRAY", "OBJECT", "BOOLEAN", "NULL_VALUE")],
        "TYPEOF, Examples",
    ),
    Row(
        "OBJECT_CONSTRUCT leaves NULL out",
        "SELECT OBJECT_CONSTRUCT('a', 1, 'b', NULL)::VARCHAR",
        [('{"a":1}',)],
        "OBJECT_CONSTRUCT, Usage notes",
    ),
    Row(
        "OBJECT_CONSTRUCT_KEEP_NULL",
        "SELECT IS_NULL_VALUE(OBJECT_CONSTRUCT_KEEP_NULL('b', NULL):b)",
        [(True,)],
        "OBJECT_CONSTRUCT_KEEP_NULL, Examples",
    ),
    Row(
        "OBJECT_KEYS", """SELECT ARRAY_SIZE(OBJECT_KEYS(PARSE_JSON('{"a":1,"b":2}')))""", [(2,)], "OBJECT_KEYS, Returns"
    ),
    Row(
        "ARRAY_AGG leaves NULL out",
        "SELECT ARRAY_SIZE(ARRAY_AGG(COLUMN1)) FROM VALUES (1), (NULL)",
        [(1,)],
        "ARRAY_AGG, Usage notes",
    ),
    Row("ARRAY_SIZE of what is no array", "SELECT ARRAY_SIZE(PARSE_JSON('1'))", [(None,)], "ARRAY_SIZE, Description"),
    Row(
        "ARRAY_CONTAINS",
        "SELECT ARRAY_CONTAINS(2::VARIANT, PARSE_JSON('[1,2]'))",
        [(True,)],
        "ARRAY_CONTAINS, Examples",
    ),
    Row("ARRAY_TO_STRING", "SELECT ARRAY_TO_STRING(PARSE_JSON('[1,2]'), '-')", [("1-2",)], "ARRAY_TO_STRING, Examples"),
    Row(
        "text into VARIANT fails",
        "INSERT INTO LOOSE VALUES ('a')",
        Fails(2023),
        "Data type conversion, Data types that can be cast; public reports of error 2023",
        before=("CREATE OR REPLACE TEMPORARY TABLE LOOSE (V VARIANT)",),
    ),
    Row(
        "PARSE_JSON in VALUES fails",
        "INSERT INTO LOOSE VALUES (PARSE_JSON('1'))",
        Fails(2014),
        "INSERT, Usage notes; public reports of error 2014",
        before=("CREATE OR REPLACE TEMPORARY TABLE LOOSE (V VARIANT)",),
    ),
    Row(
        "PARSE_JSON in SELECT is taken",
        "SELECT V:a::INT FROM LOOSE",
        [(1,)],
        "INSERT, Examples",
        before=(
            "CREATE OR REPLACE TEMPORARY TABLE LOOSE (V VARIANT)",
            """INSERT INTO LOOSE SELECT PARSE_JSON('{"a":1}')""",
        ),
    ),
    Row(
        "FLATTEN of an array",
        _flatten("F.INDEX, F.PATH, F.VALUE::INT", "[1,77]"),
        [(0, "[0]", 1), (1, "[1]", 77)],
        _FLATTEN,
    ),
    Row(
        "FLATTEN of an object",
        _flatten("F.KEY, F.PATH, F.INDEX, F.VALUE::INT", '{"a":5}'),
        [("a", "a", None, 5)],
        _FLATTEN,
    ),
    Row(
        "FLATTEN's PATH begins with the path",
        _flatten("F.PATH, F.KEY, F.INDEX, F.VALUE::INT", '{"a":1,"b":[77,88]}', ", PATH => 'b'"),
        [("b[0]", None, 0, 77), ("b[1]", None, 1, 88)],
        "FLATTEN, Examples",
    ),
    Row(
        "FLATTEN of a path of two steps",
        _flatten("F.PATH", '{"a":{"b":{"k":1}}}', ", PATH => 'a.b'"),
        [("a.b.k",)],
        _FLATTEN,
    ),
    Row("FLATTEN of an empty path", _flatten("F.PATH", '{"x":1}', ", PATH => ''"), [("x",)], "FLATTEN, Arguments"),
    Row("FLATTEN of nothing gives no row", _flatten("F.VALUE", "[]"), [], "FLATTEN, Arguments"),
    Row(
        "FLATTEN with OUTER gives a row",
        "SELECT F.VALUE FROM (SELECT PARSE_JSON('[]') AS V) T, LATERAL FLATTEN(INPUT => T.V, OUTER => TRUE) F",
        [(None,)],
        "FLATTEN, Arguments",
    ),
    Row(
        "FLATTEN with OUTER of several rows, in the order of the elements",
        "SELECT T.N, F.INDEX, F.VALUE::INT FROM (SELECT COLUMN1 AS N, PARSE_JSON(COLUMN2) AS V FROM VALUES "
        "(1, '[7,8,9]'), (2, '[]'), (3, NULL)) T, LATERAL FLATTEN(INPUT => T.V, OUTER => TRUE) F",
        [(1, 0, 7), (1, 1, 8), (1, 2, 9), (2, None, None), (3, None, None)],
        "FLATTEN, Examples",
    ),
    Row(
        "FLATTEN of an expansion of no rows says what it flattened",
        _flatten("F.PATH, F.THIS", "[]", ", OUTER => TRUE"),
        [("", "[]")],
        "FLATTEN, Examples",
    ),
    Row("FLATTEN's THIS is what is flattened", _flatten("F.THIS::VARCHAR", "[1]"), [("[1]",)], _FLATTEN),
    Row(
        "FLATTEN with RECURSIVE",
        _flatten("F.PATH", "[[1]]", ", RECURSIVE => TRUE"),
        Refused("RECURSIVE"),
        "FLATTEN, Arguments",
    ),
    Row(
        "OBJECT_CONSTRUCT(*)",
        "SELECT OBJECT_CONSTRUCT(*) FROM (SELECT 1 AS A)",
        Refused("OBJECT_CONSTRUCT(*)"),
        "OBJECT_CONSTRUCT, Syntax",
    ),
]
