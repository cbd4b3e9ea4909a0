"""Text, names and regular expressions."""

from __future__ import annotations

from conformance.table import Fails, Refused, Row

_REGEXP = "String functions (regular expressions), General usage notes"
_PARAMETERS = "String functions (regular expressions), Specifying the parameters for the regular expression"
_LIKE = "[ NOT ] LIKE, Usage notes"
_IDENTIFIERS = "Identifier requirements, Double-quoted identifiers"
_LITERALS = "String & binary data types, Escape sequences in single-quoted string constants"
_SELECT = "SELECT, Parameters"

ROWS = [
    Row(
        "an empty string is not NULL",
        "SELECT '' IS NULL, LENGTH('')",
        [(False, 0)],
        "[ NOT ] LIKE, Examples",
    ),
    Row(
        "CHAR without a length has one character",
        "SELECT CAST('abc' AS CHAR), 'abc'::CHARACTER, 'abc'::NCHAR, 'abc'::CHAR(2), TRY_CAST('abc' AS CHAR)",
        [("a", "a", "a", "ab", "a")],
        "String & binary data types, CHAR , CHARACTER , NCHAR",
        confirmed=False,
    ),
    Row(
        "TO_CHAR and VARCHAR have no length by default",
        "SELECT TO_CHAR('abc'), 'abc'::VARCHAR, 'abc'::STRING, 'abc'::TEXT, 'abc'::NVARCHAR, TO_VARCHAR('abc')",
        [("abc", "abc", "abc", "abc", "abc", "abc")],
        "String & binary data types, VARCHAR",
    ),
    Row(
        "REPEAT",
        "SELECT REPEAT('ab', 2), REPEAT('ab', 0), REPEAT('ab', NULL)",
        [("abab", "", None)],
        "REPEAT, Examples",
    ),
    Row(
        "REPEAT beyond the longest text",
        "SELECT REPEAT('x', 2000000000)",
        Fails(100078, "too long"),
        "String & binary data types, VARCHAR; public reports of error 100078",
    ),
    Row("|| with NULL is NULL", "SELECT 'a' || NULL", [(None,)], "CONCAT , ||, Returns"),
    Row("a backslash escapes", r"SELECT 'a\'b', LENGTH('\\\\'), 'x\ty'", [("a'b", 2, "x\ty")], _LITERALS),
    Row(
        "a quote is doubled", "SELECT 'a''b'", [("a'b",)], "String & binary data types, Single-quoted string constants"
    ),
    Row(
        "dollar quotes escape nothing",
        r"SELECT $$a\nb$$",
        [(r"a\nb",)],
        "String & binary data types, Dollar-quoted string constants",
    ),
    Row(
        "EDITDISTANCE counts characters",
        "SELECT EDITDISTANCE('Ich weiß nicht', 'Ich wei? nicht'), EDITDISTANCE('Snowflake', 'Oracle'), "
        "EDITDISTANCE('Snowflake', 'Oracle', 3), EDITDISTANCE('Snowflake', 'Oracle', -1), EDITDISTANCE('', NULL)",
        [(1, 7, 3, 0, None)],
        "EDITDISTANCE, Examples",
    ),
    Row("LIKE tells cases apart", "SELECT 'Cat' LIKE 'cat', 'Cat' ILIKE 'cat'", [(False, True)], _LIKE),
    Row("LIKE matches the whole text", "SELECT 'a cat' LIKE 'cat'", [(False,)], _LIKE),
    Row("_ and % in LIKE", "SELECT 'cat' LIKE 'c_t', 'cat' LIKE 'c%'", [(True, True)], _LIKE),
    Row(
        "LIKE with an escape",
        r"SELECT 'a_b' LIKE 'a^_b' ESCAPE '^', 'axb' LIKE 'a^_b' ESCAPE '^'",
        [(True, False)],
        "[ NOT ] LIKE, Arguments",
    ),
    Row(
        "REGEXP_LIKE matches the whole text",
        "SELECT REGEXP_LIKE('a cat', 'cat')",
        [(False,)],
        "REGEXP_LIKE, Usage Notes",
    ),
    Row("RLIKE is the same", "SELECT 'cat' RLIKE 'c.t'", [(True,)], "[ NOT ] RLIKE, Usage Notes"),
    Row("the parameter i", "SELECT REGEXP_LIKE('CAT', 'cat', 'i')", [(True,)], _PARAMETERS),
    Row(
        "the point matches no new line",
        r"SELECT REGEXP_LIKE('a\nb', 'a.b'), REGEXP_LIKE('a\nb', 'a.b', 's')",
        [(False, True)],
        _PARAMETERS,
    ),
    Row(
        "the parameter m",
        r"SELECT REGEXP_REPLACE('a\na', '^a', 'x', 1, 0, 'm'), REGEXP_SUBSTR('b\na', '^a', 1, 1, 'm'), "
        r"TO_JSON(REGEXP_SUBSTR_ALL('a\na', '^a', 1, 1, 'm')), REGEXP_COUNT('a\na', '^a', 1, 'm'), "
        r"REGEXP_INSTR('b\na', '^a', 1, 1, 0, 'm'), REGEXP_SUBSTR('b\nA', '^a', 1, 1, 'im')",
        [("x\nx", "a", '["a","a"]', 2, 3, "A")],
        _PARAMETERS,
    ),
    Row(
        "without the parameter m there is one line",
        r"SELECT REGEXP_REPLACE('a\na', '^a', 'x'), REGEXP_SUBSTR('b\na', '^a')",
        [("x\na", None)],
        _PARAMETERS,
        confirmed=False,
    ),
    Row(
        "the parameter m of REGEXP_LIKE, which matches the whole text",
        r"SELECT REGEXP_LIKE('l1\nl2', 'l1\n^l2$', 'm'), REGEXP_LIKE('l1\nl2', '.*^l2$', 'm'), "
        r"REGEXP_LIKE('l1\nl2', '.*^l2$', 'ms'), REGEXP_LIKE('l1\nl2', '^l2$', 'm'), REGEXP_LIKE('l1', COLUMN1, 'm') "
        "FROM VALUES ('^l1$')",
        [(True, False, True, False, True)],
        f"REGEXP_LIKE, Usage Notes; {_PARAMETERS}",
    ),
    Row(
        "REGEXP_SUBSTR finds the first",
        "SELECT REGEXP_SUBSTR('a1b22', '[0-9]+')",
        [("1",)],
        "REGEXP_SUBSTR, Arguments",
    ),
    Row(
        "REGEXP_SUBSTR without a match is NULL",
        "SELECT REGEXP_SUBSTR('abc', '[0-9]+')",
        [(None,)],
        "REGEXP_SUBSTR, Returns",
    ),
    Row(
        "REGEXP_SUBSTR with a group",
        "SELECT REGEXP_SUBSTR('k=v', '(.)=(.)', 1, 1, 'e', 2)",
        [("v",)],
        "REGEXP_SUBSTR, Arguments",
    ),
    Row(
        "REGEXP_SUBSTR with e means the first group",
        "SELECT REGEXP_SUBSTR('k=v', '(.)=(.)', 1, 1, 'e')",
        [("k",)],
        "REGEXP_SUBSTR, Arguments",
    ),
    Row(
        "REGEXP_REPLACE replaces all",
        "SELECT REGEXP_REPLACE('a1b2', '[0-9]', '#')",
        [("a#b#",)],
        "REGEXP_REPLACE, Arguments",
    ),
    Row(
        "REGEXP_REPLACE without a replacement removes",
        "SELECT REGEXP_REPLACE('a1b2', '[0-9]')",
        [("ab",)],
        "REGEXP_REPLACE, Arguments",
    ),
    Row(
        "REGEXP_REPLACE with a group",
        r"SELECT REGEXP_REPLACE('ab', '(a)(b)', '\\2\\1')",
        [("ba",)],
        "REGEXP_REPLACE, Usage notes",
    ),
    Row("REGEXP_COUNT", "SELECT REGEXP_COUNT('banana', 'an')", [(2,)], "REGEXP_COUNT, Examples"),
    Row("there is no lookahead", "SELECT REGEXP_LIKE('ab', 'a(?=b).*')", Fails(100048), _REGEXP, confirmed=False),
    Row(
        "there are no inline flags",
        "SELECT REGEXP_REPLACE('abc', '(?i)B', 'x')",
        Fails(100048),
        _REGEXP,
        confirmed=False,
    ),
    Row("lazy quantifiers", "SELECT REGEXP_SUBSTR('aXbX', 'a.*?X')", Refused("lazy quantifier"), _REGEXP),
    Row(
        "a question mark in a class is a character", "SELECT REGEXP_SUBSTR('what?', '[a-z]+[?]')", [("what?",)], _REGEXP
    ),
    Row(
        "an optional character is not lazy",
        "SELECT REGEXP_SUBSTR('color', 'colou?r')",
        [("color",)],
        "String functions (regular expressions), Matching characters that are metacharacters",
    ),
    Row(
        "SUBSTR begins with 1",
        "SELECT SUBSTR('abc', 1, 2), SUBSTR('abc', -2)",
        [("ab", "bc")],
        "SUBSTR , SUBSTRING, Usage notes",
    ),
    Row(
        "SPLIT_PART counts from 1",
        "SELECT SPLIT_PART('a/b/c', '/', 2), SPLIT_PART('a/b/c', '/', -1)",
        [("b", "c")],
        "SPLIT_PART, Arguments",
    ),
    Row("SPLIT_PART beyond the end is empty", "SELECT SPLIT_PART('a/b', '/', 9)", [("",)], "SPLIT_PART, Usage notes"),
    Row("SPLIT gives an array", "SELECT ARRAY_SIZE(SPLIT('a/b/c', '/'))", [(3,)], "SPLIT, Returns"),
    Row("LPAD", "SELECT LPAD('7', 3, '0')", [("007",)], "LPAD, Examples"),
    Row("TRIM of characters", "SELECT TRIM('xxaxx', 'x')", [("a",)], "TRIM, Arguments"),
    Row(
        "POSITION counts from 1",
        "SELECT POSITION('b' IN 'abc'), CHARINDEX('z', 'abc')",
        [(2, 0)],
        "POSITION, Usage notes",
    ),
    Row(
        "STARTSWITH tells cases apart",
        "SELECT STARTSWITH('Abc', 'a')",
        [(False,)],
        "STARTSWITH, Usage notes",
        confirmed=False,
    ),
    Row("CONTAINS", "SELECT CONTAINS('abc', 'b')", [(True,)], "CONTAINS, Returns"),
    Row("REPLACE without a replacement removes", "SELECT REPLACE('banana', 'an')", [("ba",)], "REPLACE, Usage notes"),
    Row(
        "LISTAGG in an order",
        "SELECT LISTAGG(COLUMN1, ',') WITHIN GROUP (ORDER BY COLUMN1 DESC) FROM VALUES ('a'), ('b')",
        [("b,a",)],
        "LISTAGG, Syntax",
    ),
    Row(
        "LISTAGG of nothing is empty",
        "SELECT LISTAGG(COLUMN1) FROM VALUES ('a') WHERE FALSE",
        [("",)],
        "LISTAGG, Usage notes",
    ),
    Row(
        "a text too long for its column fails",
        "INSERT INTO SHORT VALUES ('abcd')",
        Fails(100078),
        "CAST , ::, Examples",
        before=("CREATE OR REPLACE TEMPORARY TABLE SHORT (A VARCHAR(3))",),
    ),
    Row(
        "MD5 is hexadecimal in lower case",
        "SELECT MD5('Snowflake')",
        [("edf1439075a83a447fb8b630ddc9c8de",)],
        "MD5 , MD5_HEX, Examples",
    ),
    Row("SHA2 has 256 bits by default", "SELECT LENGTH(SHA2('a'))", [(64,)], "SHA2 , SHA2_HEX, Arguments"),
    Row("binary from hexadecimal", "SELECT TO_BINARY('FF00')", [(bytearray(b"\xff\x00"),)], "TO_BINARY, Arguments"),
    Row(
        "binary as text is hexadecimal",
        "SELECT TO_BINARY('FF00')::VARCHAR",
        [("FF00",)],
        "Binary input and output, hex (default)",
    ),
    Row(
        "unquoted names are upper case",
        "SELECT A FROM (SELECT 1 AS a)",
        [(1,)],
        "Identifier requirements, Unquoted identifiers",
    ),
    Row("quoted names keep their case", 'SELECT "a" FROM (SELECT 1 AS a)', Fails(904), _IDENTIFIERS),
    Row("a quoted name may hold anything", 'SELECT "a ""b"" c" FROM (SELECT 1 AS "a ""b"" c")', [(1,)], _IDENTIFIERS),
    Row(
        "an unknown column fails",
        "SELECT NOPE FROM (SELECT 1 AS A)",
        Fails(904),
        "Set operators, UNION operator examples",
    ),
    Row(
        "a column that a subquery has twice",
        "SELECT A FROM (SELECT 1 AS A, 2 AS A)",
        Fails(2028),
        _SELECT,
        confirmed=False,
    ),
    Row("EXCLUDE leaves out", "SELECT * EXCLUDE B FROM (SELECT 1 AS A, 2 AS B)", [(1,)], "SELECT, Examples"),
    Row(
        "EXCLUDE of an unknown column",
        "SELECT * EXCLUDE NOPE FROM (SELECT 1 AS A)",
        Fails(904),
        _SELECT,
        confirmed=False,
    ),
    Row("RENAME", "SELECT C FROM (SELECT * RENAME A AS C FROM (SELECT 1 AS A))", [(1,)], "SELECT, Examples"),
    Row(
        "an alias is known in WHERE",
        "SELECT COLUMN1 + 1 AS N FROM VALUES (1), (2) WHERE N = 3",
        [(3,)],
        "SELECT, Usage notes",
    ),
    Row(
        "INNER JOIN without ON pairs all",
        "SELECT COUNT(*) FROM (SELECT 1 AS A) L INNER JOIN (SELECT 2 AS B) R",
        [(1,)],
        "JOIN, Parameters",
    ),
    Row(
        "NATURAL JOIN",
        "SELECT COUNT(*) FROM (SELECT 1 AS A) L NATURAL JOIN (SELECT 1 AS A) R",
        [(1,)],
        "JOIN, Parameters",
    ),
    Row(
        "USING",
        "SELECT A, B, C FROM (SELECT 1 AS A, 2 AS B) L JOIN (SELECT 1 AS A, 3 AS C) R USING (A)",
        [(1, 2, 3)],
        "JOIN, Parameters",
    ),
    Row(
        "QUALIFY",
        "SELECT COLUMN1 FROM VALUES (1), (2) QUALIFY ROW_NUMBER() OVER (ORDER BY COLUMN1 DESC) = 1",
        [(2,)],
        "QUALIFY, Examples",
    ),
    Row(
        "NULL comes last in ascending order",
        "SELECT COLUMN1 FROM VALUES (NULL), (1) ORDER BY 1",
        [(1,), (None,)],
        "ORDER BY, Usage notes",
    ),
    Row(
        "NULL comes first in descending order",
        "SELECT COLUMN1 FROM VALUES (NULL), (1) ORDER BY 1 DESC",
        [(None,), (1,)],
        "ORDER BY, Usage notes",
    ),
    Row(
        "EQUAL_NULL",
        "SELECT EQUAL_NULL(NULL, NULL), EQUAL_NULL(1, NULL)",
        [(True, False)],
        "[ NOT ] EQUAL_NULL, Usage notes",
    ),
    Row("IS DISTINCT FROM", "SELECT 1 IS DISTINCT FROM NULL", [(True,)], "IS [ NOT ] DISTINCT FROM, Usage notes"),
    Row("NOT IN with a NULL is NULL", "SELECT 1 NOT IN (2, NULL)", [(None,)], "[ NOT ] IN, Using NULL"),
    Row("IFF", "SELECT IFF(NULL, 1, 2)", [(2,)], "IFF, Arguments"),
    Row("NVL2", "SELECT NVL2(NULL, 1, 2)", [(2,)], "NVL2, Description"),
    Row("ZEROIFNULL", "SELECT ZEROIFNULL(NULL)", [(0,)], "ZEROIFNULL, Examples"),
    Row(
        "DECODE takes NULL for equal to NULL",
        "SELECT DECODE(NULL, NULL, 'same', 'other')",
        [("same",)],
        "DECODE, Usage notes",
    ),
]
