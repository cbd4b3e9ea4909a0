"""VARIANT, OBJECT, ARRAY and FLATTEN."""

from __future__ import annotations

from decimal import Decimal

from conformance.table import Fails, Refused, Row

_PARSE = "PARSE_JSON, Usage notes"
_FLATTEN = "FLATTEN, Output"
_PATHS = "Querying Semi-structured Data, Traversing Semi-structured Data"


def _flatten(columns: str, json: str, more: str = "") -> str:
    return f"SELECT {columns} FROM LATERAL FLATTEN(INPUT => PARSE_JSON('{json}'){more}) F"


_FUNCTIONS = "snowpark-python, snowflake/snowpark/functions.py"

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
        "equal numbers in VARIANTs are equal",
        "SELECT PARSE_JSON('1') = PARSE_JSON('1.0'), PARSE_JSON('1') <> PARSE_JSON('1.5'), "
        """PARSE_JSON('1') = PARSE_JSON('"1"'), PARSE_JSON('9007199254740993') = PARSE_JSON('9007199254740992')""",
        [(True, True, False, False)],
        "Comparison operators",
        confirmed=False,
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
        "a number is no OBJECT",
        "SELECT PARSE_JSON('1')::OBJECT",
        Fails(100071, "Failed to cast variant value 1 to OBJECT"),
        "TO_OBJECT, introduction",
    ),
    Row(
        "a number in a VARIANT is no OBJECT for a column either",
        "INSERT INTO OBJECTS SELECT PARSE_JSON('1'), NULL",
        Fails(100071),
        "TO_OBJECT, introduction",
        before=("CREATE OR REPLACE TEMPORARY TABLE OBJECTS (O OBJECT, A ARRAY)",),
        confirmed=False,
    ),
    Row(
        "values of a VARIANT in columns of OBJECT and ARRAY",
        "SELECT TO_JSON(O), TO_JSON(A) FROM OBJECTS",
        [('{"a":1}', "[2]"), (None, None)],
        "TO_OBJECT, introduction; TO_ARRAY, Returns",
        before=(
            "CREATE OR REPLACE TEMPORARY TABLE OBJECTS (O OBJECT, A ARRAY)",
            """INSERT INTO OBJECTS SELECT PARSE_JSON(COLUMN1), PARSE_JSON(COLUMN2) """
            """FROM VALUES ('{"a":1}', '[2]'), ('null', NULL)""",
        ),
    ),
    Row("an ARRAY is no OBJECT", "SELECT TO_OBJECT(PARSE_JSON('[1]'))", Fails(100071), "TO_OBJECT, introduction"),
    Row(
        "JSON's null as an OBJECT and as an ARRAY is NULL",
        "SELECT PARSE_JSON('null')::OBJECT IS NULL, TO_OBJECT(PARSE_JSON('null')) IS NULL, "
        "TO_ARRAY(PARSE_JSON('null')) IS NULL, PARSE_JSON('null')::ARRAY IS NULL, TO_OBJECT(NULL) IS NULL",
        [(True, True, True, True, True)],
        "TO_OBJECT, introduction; TO_ARRAY, Returns",
    ),
    Row(
        "an OBJECT in a VARIANT as an OBJECT, and other values as an ARRAY",
        """SELECT PARSE_JSON('{"a":1}')::OBJECT::VARCHAR, TO_JSON(TO_ARRAY(PARSE_JSON('{"a":1}'))), """
        """TO_JSON(PARSE_JSON('"x"')::ARRAY), TO_JSON(PARSE_JSON('[1]')::ARRAY)""",
        [('{"a":1}', '[{"a":1}]', '["x"]', "[1]")],
        "TO_OBJECT, introduction; TO_ARRAY, Returns",
    ),
    Row(
        "OBJECT_INSERT leaves NULL out, as a key and as a value",
        "SELECT TO_JSON(OBJECT_INSERT(OBJECT_CONSTRUCT('a', 1), NULL, 2)), "
        "TO_JSON(OBJECT_INSERT(OBJECT_CONSTRUCT('a', 1), 'b', NULL)), "
        "TO_JSON(OBJECT_INSERT(OBJECT_CONSTRUCT('a', 1), 'b', PARSE_JSON('null')))",
        [('{"a":1}', '{"a":1}', '{"a":1,"b":null}')],
        "OBJECT_INSERT, Usage notes",
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
    Row(
        "ARRAY_APPEND, ARRAY_PREPEND and ARRAY_CAT",
        "SELECT TO_JSON(ARRAY_APPEND([1, 2, 3], 'HELLO')), TO_JSON(ARRAY_PREPEND([0, 1], 'hello')), "
        "TO_JSON(ARRAY_CAT([1, 2], [3, 4])), ARRAY_CAT([1], NULL)",
        [('[1,2,3,"HELLO"]', '["hello",0,1]', "[1,2,3,4]", None)],
        f"{_FUNCTIONS}: array_append, array_prepend and array_cat",
    ),
    Row(
        "ARRAY_COMPACT and ARRAY_CONSTRUCT_COMPACT",
        "SELECT TO_JSON(ARRAY_COMPACT(PARSE_JSON('[10,null,30,\"null\"]'))), "
        "TO_JSON(ARRAY_CONSTRUCT_COMPACT(NULL, 'hello', 4, 5))",
        [('[10,30,"null"]', '["hello",4,5]')],
        f"{_FUNCTIONS}: array_compact and array_construct_compact",
    ),
    Row(
        "ARRAY_INSERT counts from either end",
        "SELECT TO_JSON(ARRAY_INSERT([0, 1, 2, 3], 2, 'hello')), TO_JSON(ARRAY_INSERT([0, 1, 2, 3], -1, 'hello'))",
        [('[0,1,"hello",2,3]', '[0,1,2,"hello",3]')],
        "ARRAY_INSERT, Arguments and Examples",
    ),
    Row(
        "ARRAY_POSITION counts from 0",
        "SELECT ARRAY_POSITION('hi'::VARIANT, ['hello', 'hi']), ARRAY_POSITION('hello'::VARIANT, ['hola', 'bonjour'])",
        [(1, None)],
        f"{_FUNCTIONS}: array_position",
    ),
    Row(
        "ARRAY_SLICE leaves its end out",
        "SELECT TO_JSON(ARRAY_SLICE([0, 1, 2, 3, 4, 5, 6], 0, 2)), TO_JSON(ARRAY_SLICE([0, 1, 2, 3, 4, 5, 6], 0, -2)), "
        "TO_JSON(ARRAY_SLICE([0, 1, 2, 3, 4, 5, 6], -5, -3)), TO_JSON(ARRAY_SLICE(['foo', 'snow', 'flake'], 10, 12))",
        [("[0,1]", "[0,1,2,3,4]", "[2,3]", "[]")],
        "ARRAY_SLICE, Examples",
    ),
    Row(
        "ARRAY_INTERSECTION and ARRAY_EXCEPT count elements",
        "SELECT TO_JSON(ARRAY_INTERSECTION(['A', 'B', 'B', 'B', 'C'], ['B', 'B'])), "
        "TO_JSON(ARRAY_EXCEPT(['A', 'B', 'B'], ['B'])), ARRAYS_OVERLAP(['hello', 'aloha'], ['hello', 'hi']), "
        "ARRAYS_OVERLAP(['hello', 'aloha'], ['hola', 'bonjour'])",
        [('["B","B"]', '["A","B"]', True, False)],
        f"{_FUNCTIONS}: array_intersection, array_except and arrays_overlap",
    ),
    Row(
        "ARRAY_FLATTEN, ARRAY_MAX, ARRAY_MIN and ARRAY_REVERSE",
        "SELECT TO_JSON(ARRAY_FLATTEN([[[1, 2], [3]]])), ARRAY_FLATTEN([[1, 2], NULL, [3]]), "
        "ARRAY_MAX([20, 0, NULL, 10])::INT, ARRAY_MIN([20, 0, NULL, 10])::INT, ARRAY_MAX([]), "
        "TO_JSON(ARRAY_REVERSE([1, 2, 3]))",
        [("[[1,2],[3]]", None, 20, 0, None, "[3,2,1]")],
        f"{_FUNCTIONS}: array_max, array_min and array_reverse; test_function.py: test_array_flatten",
    ),
    Row(
        "ARRAY_SORT",
        "SELECT TO_JSON(ARRAY_SORT([20, 0, 10])), TO_JSON(ARRAY_SORT([20, 0, 10], FALSE)), "
        "IS_NULL_VALUE(ARRAY_SORT([20, NULL, 10])[2]), ARRAY_SORT([20, NULL, 10], FALSE, TRUE)[1]::INT",
        [("[0,10,20]", "[20,10,0]", True, 20)],
        f"{_FUNCTIONS}: array_sort",
    ),
    Row(
        "ARRAY_REMOVE takes equal numbers of any kind, ARRAY_REMOVE_AT counts from either end",
        "SELECT TO_JSON(ARRAY_REMOVE([1, 5, 5.00, 5.00::DOUBLE, '5', 5], 5)), TO_JSON(ARRAY_REMOVE_AT([2, 5, 7], 0)), "
        "TO_JSON(ARRAY_REMOVE_AT([2, 5, 7], -1)), TO_JSON(ARRAY_REMOVE_AT([2, 5, 7], 10))",
        [('[1,"5"]', "[5,7]", "[2,5]", "[2,5,7]")],
        "ARRAY_REMOVE and ARRAY_REMOVE_AT, Examples",
    ),
    Row(
        "an ARRAY of what is NULL is NULL",
        "SELECT TO_ARRAY(PARSE_JSON(NULL)), COLUMN1::ARRAY, TO_ARRAY(COLUMN1), TO_JSON(TO_ARRAY(1)) "
        "FROM VALUES (NULL::VARCHAR)",
        [(None, None, None, "[1]")],
        f"{_FUNCTIONS}: to_array; snowpark-python, test_session_suite.py: test_create_dataframe_from_seq_none",
    ),
    Row(
        "ARRAYS_ZIP, ARRAY_GENERATE_RANGE and STRTOK_TO_ARRAY",
        "SELECT TO_JSON(ARRAYS_ZIP([1, 2], ['first', 'second'])), TO_JSON(ARRAY_GENERATE_RANGE(5, 25, 10)), "
        "TO_JSON(STRTOK_TO_ARRAY('a.b.c', '.'))",
        [('[{"$1":1,"$2":"first"},{"$1":2,"$2":"second"}]', "[5,15]", '["a","b","c"]')],
        f"{_FUNCTIONS}: arrays_zip, array_generate_range and strtok_to_array",
    ),
    Row(
        "ARRAY_UNIQUE_AGG",
        "SELECT TO_JSON(ARRAY_SORT(ARRAY_UNIQUE_AGG(COLUMN1))) FROM VALUES (5), (2), (1), (2), (NULL)",
        [("[1,2,5]",)],
        f"{_FUNCTIONS}: array_unique_agg",
    ),
    Row(
        "OBJECT_INSERT, OBJECT_DELETE and OBJECT_PICK",
        "SELECT TO_JSON(OBJECT_INSERT({'a': 1, 'b': 2}, 'c', 3)), TO_JSON(OBJECT_INSERT({'a': 1}, 'b', NULL)), "
        "TO_JSON(OBJECT_INSERT({'a': 1}, 'a', 5, TRUE)), TO_JSON(OBJECT_DELETE({'a': 1, 'b': 2, 'c': 3}, 'a', 'b')), "
        "TO_JSON(OBJECT_PICK({'a': 1, 'b': 2, 'c': 3}, 'a', 'b')), TO_JSON(OBJECT_PICK({'a': 1, 'b': 2}, ['b']))",
        [('{"a":1,"b":2,"c":3}', '{"a":1}', '{"a":5}', '{"c":3}', '{"a":1,"b":2}', '{"b":2}')],
        f"{_FUNCTIONS}: object_insert, object_delete and object_pick",
    ),
    Row(
        "OBJECT_INSERT of a key that is there",
        "SELECT OBJECT_INSERT({'a': 1}, 'a', 5)",
        Fails(words="Duplicate field key 'a'"),
        "OBJECT_INSERT, Usage notes",
        confirmed=False,
    ),
    Row(
        "OBJECT_CONSTRUCT_KEEP_NULL leaves out keys that are NULL",
        "SELECT TO_JSON(OBJECT_CONSTRUCT_KEEP_NULL('a', NULL, NULL, 1))",
        [('{"a":null}',)],
        "snowpark-python, tests/integ/scala/test_function_suite.py: test_object_construct_keep_null",
    ),
    Row(
        "AS_INTEGER and AS_NUMBER of exact numbers",
        "SELECT AS_INTEGER(PARSE_JSON('1.23')), AS_NUMBER(PARSE_JSON('1.23'), 6, 3), AS_INTEGER(PARSE_JSON('true'))",
        [(1, Decimal("1.230"), None)],
        "snowpark-python, tests/integ/scala/test_function_suite.py: test_as_integer and test_as_decimal_as_number",
    ),
    Row(
        "a whole number of few digits in a VARIANT",
        "SELECT TO_JSON(ARRAY_CONSTRUCT(1::NUMBER(5, 0), 1::INT)), TO_VARIANT(2::NUMBER(10, 0))::VARCHAR",
        [("[1,1]", "2")],
        "ARRAY_CONSTRUCT, Examples",
    ),
    Row(
        "GET_IGNORE_CASE",
        "SELECT GET_IGNORE_CASE({'Aa': 1, 'b': 2}, 'aA')::INT",
        [(1,)],
        "GET_IGNORE_CASE, Examples",
        confirmed=False,
    ),
    Row(
        "ARRAY_TO_STRING with a column between the elements",
        "SELECT ARRAY_TO_STRING([1, 2], NAME) FROM FRUIT WHERE N = 1",
        [("1apple2",)],
        "snowpark-python, tests/integ/scala/test_function_suite.py: test_array_to_string",
    ),
    Row(
        "keys without quotes",
        "SELECT PARSE_JSON('[{a:1}, {b_2: [true, null]}]')[1]:b_2[0]::VARCHAR",
        [("true",)],
        "snowpark-python, tests/integ/scala/test_function_suite.py: test_array_size",
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
        "an element behind a dot, not a colon",
        "SELECT V.ID FROM LOOSE",
        Fails(904, "invalid identifier 'V.ID'"),
        "Querying semi-structured data, Traversing semi-structured data (the colon)",
        before=("CREATE OR REPLACE TEMPORARY TABLE LOOSE (V VARIANT)",),
        confirmed=False,
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
        _flatten("F.KEY, F.PATH, F.INDEX", '{"a":1,"b":[77,88],"c":{"d":"X"}}', ", RECURSIVE => TRUE"),
        [
            ("a", "a", None),
            ("b", "b", None),
            (None, "b[0]", 0),
            (None, "b[1]", 1),
            ("c", "c", None),
            ("d", "c.d", None),
        ],
        "FLATTEN, Examples",
        confirmed=False,
    ),
    Row(
        "FLATTEN's SEQ tells the input records apart",
        "SELECT F.SEQ, COUNT(*) FROM (SELECT PARSE_JSON(COLUMN1) AS V FROM VALUES ('[1,2]'), ('[3]'), ('[3]')) T, "
        "LATERAL FLATTEN(INPUT => T.V) F GROUP BY F.SEQ ORDER BY 2, 1",
        [(2, 1), (3, 1), (1, 2)],
        _FLATTEN,
    ),
    Row(
        "FLATTEN's SEQ of what another FLATTEN gave",
        "SELECT COUNT(DISTINCT F.SEQ), COUNT(DISTINCT G.SEQ) FROM "
        "(SELECT PARSE_JSON(COLUMN1) AS V FROM VALUES ('[[1,2],[1,2]]'), ('[[3]]')) T, "
        "LATERAL FLATTEN(INPUT => T.V) F, LATERAL FLATTEN(INPUT => F.VALUE) G",
        [(2, 3)],
        _FLATTEN,
    ),
    Row(
        "FLATTEN's SEQ beside nothing but another FLATTEN",
        "SELECT COUNT(DISTINCT F.SEQ), COUNT(DISTINCT G.SEQ) FROM LATERAL FLATTEN(INPUT => PARSE_JSON('[[1],[1]]')) F, "
        "LATERAL FLATTEN(INPUT => F.VALUE) G",
        [(1, 2)],
        _FLATTEN,
    ),
    Row(
        "FLATTEN's SEQ in *, and with OUTER",
        "SELECT * EXCLUDE (V, THIS) FROM (SELECT PARSE_JSON(COLUMN1) AS V FROM VALUES ('[7]'), ('[]')) T, "
        "LATERAL FLATTEN(INPUT => T.V, OUTER => TRUE) F",
        [(1, None, "[0]", 0, "7"), (2, None, "", None, None)],
        _FLATTEN,
    ),
    Row(
        "FLATTEN's THIS with RECURSIVE is around the value",
        _flatten("F.PATH, F.THIS::VARCHAR", '{"b":[{"d":1}]}', ", RECURSIVE => TRUE"),
        [("b", '{"b":[{"d":1}]}'), ("b[0]", '[{"d":1}]'), ("b[0].d", '{"d":1}')],
        _FLATTEN,
    ),
    Row(
        "FLATTEN's PATH of keys that are no names",
        _flatten("F.PATH, F.VALUE::INT", '{"":1,"1x":2,"a b":3,"c":4}'),
        [("['']", 1), ("['1x']", 2), ("['a b']", 3), ("c", 4)],
        "FLATTEN, Output",
        confirmed=False,
    ),
    Row(
        "FLATTEN's PATH of keys that are no names, with RECURSIVE and a path",
        _flatten("F.PATH", '{"q":{"a b":{"":1},"c":2}}', ", RECURSIVE => TRUE, PATH => 'q'"),
        [("q['a b']",), ("q['a b']['']",), ("q.c",)],
        "FLATTEN, Output",
        confirmed=False,
    ),
    Row(
        "FLATTEN of objects only",
        _flatten("F.PATH", "[1]", ", MODE => 'OBJECT'"),
        [],
        "FLATTEN, Arguments",
    ),
    Row(
        "FLATTEN with a MODE that there is not",
        _flatten("F.PATH", "[1]", ", MODE => 'wrong'"),
        Fails(),
        "snowpark-python, tests/integ/scala/test_dataframe_suite.py: test_flatten",
    ),
    Row(
        "OBJECT_CONSTRUCT(*)",
        "SELECT OBJECT_CONSTRUCT(*) FROM (SELECT 1 AS A)",
        Refused("OBJECT_CONSTRUCT(*)"),
        "OBJECT_CONSTRUCT, Syntax",
    ),
]
