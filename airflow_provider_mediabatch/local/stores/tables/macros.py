"""DuckDB macros for Snowflake functions that have no equal in DuckDB, named ``mb_*``."""

from __future__ import annotations

import duckdb

from airflow_provider_mediabatch.local.errors import REFUSED

_RFC = (
    "['%a, %d %b %Y %H:%M:%S GMT', '%a, %d %b %Y %H:%M:%S +0000', '%d %b %Y %H:%M:%S GMT', "
    "'%a, %d %b %Y %H:%M:%S', '%m/%d/%Y', '%m/%d/%Y %H:%M:%S', '%d-%b-%Y']"
)
_OFFSET = r"'\s*(Z|[+-]\d{2}:?\d{2}|[+-]\d{2})$'"
_HAS_OFFSET = r"'\d{2}:\d{2}.*(Z|[+-]\d{2}:?\d{0,2})$'"
_SECONDS = r"'^-?\d+$'"
_NAMED_DAY = r"'^[A-Za-z]{3}, .* [+-]\d{4}$'"

OFFSET_MARKS = {"TZH:TZM": chr(1), "TZHTZM": chr(2), "TZH": chr(3), "TZM": chr(4)}
"""What stands in a format of ``strftime`` for the elements that write an offset, which it does not write so."""
DIGIT_MARKS = {"FF1": chr(5), "FF2": chr(6), "FF4": chr(7), "FF5": chr(8)}
"""The same for as many digits of a second as it does not write."""


def _written(*, zoned: bool) -> str:
    """SQL of a moment ``t`` in a format ``f`` of ``strftime`` with marks.

    :param zoned: it has an offset. No document says what Snowflake writes for the offset of one that has none.
    """
    written = "strftime(t, f)"
    for element, mark in DIGIT_MARKS.items():
        written = f"replace({written}, chr({ord(mark)}), strftime(t, '%f')[:{element[-1]}])"
    if not zoned:
        marks = " OR ".join(f"contains(f, chr({ord(mark)}))" for mark in OFFSET_MARKS.values())
        refused = f"error('{REFUSED}an offset in the format of what has no time zone')"
        return f"CASE WHEN {marks} THEN {refused} ELSE {written} END"
    hours, minutes = "mb_offset(t)[:3]", "mb_offset(t)[4:]"
    parts = (f"{hours} || ':' || {minutes}", "mb_offset(t)", hours, minutes)
    for mark, part in zip(OFFSET_MARKS.values(), parts, strict=True):
        written = f"replace({written}, chr({ord(mark)}), {part})"
    return written


def _formatted(variable: str, default: str, moment: str, *, zoned: bool = False) -> str:
    """SQL of a moment in the format that a variable has, or by default."""
    form = f"getvariable('{variable}')::VARCHAR"
    written = f"mb_written{'_zoned' if zoned else ''}({moment}, coalesce({form}, '%Y'))"
    return f"CASE WHEN {form} IS NULL THEN {default} ELSE {written} END"


MACROS = {
    # Exact division of whole numbers, rounded half away from zero: DuckDB divides decimals as doubles.
    "mb_quotient(a, b)": """
        CASE WHEN b = 0 THEN error('Division by zero')
        ELSE sign(a)::HUGEINT * sign(b)::HUGEINT
             * ((2 * abs(a::HUGEINT) + abs(b::HUGEINT)) // (2 * greatest(abs(b::HUGEINT), 1))) END""",
    "mb_ratio(a, b)": "CASE WHEN b = 0 THEN error('Division by zero') ELSE a::DOUBLE / b::DOUBLE END",
    "mb_mod(a, b)": "CASE WHEN b = 0 THEN error('Division by zero') ELSE a % b END",
    "mb_double_text(d)": """
        CASE WHEN isnan(d) THEN 'NaN' WHEN isinf(d) THEN CASE WHEN d > 0 THEN 'inf' ELSE '-inf' END
        WHEN d = trunc(d) AND abs(d) < 1e15 THEN d::HUGEINT::VARCHAR ELSE d::VARCHAR END""",
    # Results that DuckDB has as NaN or infinity.
    "mb_invalid(text)": "error('Invalid floating point operation: ' || text)",
    "mb_sqrt(x)": "CASE WHEN x < 0 THEN mb_invalid('sqrt(' || mb_double_text(x) || ')') ELSE sqrt(x) END",
    "mb_ln(x)": "CASE WHEN x <= 0 THEN mb_invalid('ln(' || mb_double_text(x) || ')') ELSE ln(x) END",
    "mb_log(base, x)": """
        CASE WHEN base <= 0 OR base = 1 OR x <= 0
        THEN mb_invalid('log(' || mb_double_text(base) || ', ' || mb_double_text(x) || ')') ELSE log(base, x) END""",
    "mb_pow(x, y)": """
        CASE WHEN x < 0 AND y <> trunc(y)
        THEN mb_invalid('pow(' || mb_double_text(x) || ', ' || mb_double_text(y) || ')') ELSE pow(x, y) END""",
    # Parts of a moment beyond their usual range carry over.
    "mb_timestamp(y, m, d, h, mi, s, ns)": """
        make_timestamp(y::BIGINT, 1, 1, 0, 0, 0) + to_months((m - 1)::INT) + to_days((d - 1)::INT)
        + to_hours(h::BIGINT) + to_minutes(mi::BIGINT) + to_seconds(s::DOUBLE) + to_microseconds(ns::BIGINT // 1000)""",
    # Strings to times. An offset in a string is dropped for NTZ, honoured for LTZ and TZ; digits alone are an epoch.
    # Source: Snowflake's reference, page "TO_DATE", section "Usage notes". Numbers below zero are read by their size
    # too (snowflake-connector-python, test_bindings.py: test_binding_bulk_insert_date). DuckDB computes a cast that
    # stands here several times for text that is no number too, so it must not fail.
    "mb_epoch(s)": """
        make_timestamp((CASE WHEN abs(TRY_CAST(s AS HUGEINT)) < 31536000000 THEN TRY_CAST(s AS HUGEINT) * 1000000
        WHEN abs(TRY_CAST(s AS HUGEINT)) < 31536000000000 THEN TRY_CAST(s AS HUGEINT) * 1000
        WHEN abs(TRY_CAST(s AS HUGEINT)) < 31536000000000000 THEN TRY_CAST(s AS HUGEINT)
        ELSE TRY_CAST(s AS HUGEINT) // 1000 END)::BIGINT)""",
    # 30-JUL-2010 as strptime reads it: 30-Jul-2010.
    "mb_month(s)": r"""
        CASE WHEN regexp_matches(s, '^\d{1,2}-[A-Z]{3}-\d{4}$') THEN
        split_part(s, '-', 1) || '-' || split_part(s, '-', 2)[1] || lower(split_part(s, '-', 2)[2:]) || '-'
        || split_part(s, '-', 3) ELSE s END""",
    "mb_text_ntz(s)": f"""
        CASE WHEN regexp_matches(s, {_SECONDS}) THEN mb_epoch(s)
        ELSE coalesce(try_strptime(mb_month(s), {_RFC}),
            CASE WHEN regexp_matches(s, {_HAS_OFFSET}) THEN CAST(regexp_replace(s, {_OFFSET}, '') AS TIMESTAMP)
            ELSE CAST(s AS TIMESTAMP) END) END""",
    "mb_try_text_ntz(s)": f"""
        CASE WHEN regexp_matches(s, {_SECONDS}) THEN mb_epoch(s)
        ELSE coalesce(try_strptime(mb_month(s), {_RFC}),
            CASE WHEN regexp_matches(s, {_HAS_OFFSET}) THEN TRY_CAST(regexp_replace(s, {_OFFSET}, '') AS TIMESTAMP)
            ELSE TRY_CAST(s AS TIMESTAMP) END) END""",
    # A whole number in a VARIANT is an instant, whose clock is the session's.
    "mb_is_number(v)": "json_type(v) IN ('UBIGINT', 'BIGINT', 'HUGEINT')",
    "mb_variant_ntz(v)": """
        CASE WHEN mb_is_number(v) THEN CAST(mb_epoch(v ->> '$') AT TIME ZONE 'UTC' AS TIMESTAMP)
        ELSE mb_text_ntz(v ->> '$') END""",
    "mb_try_variant_ntz(v)": """
        CASE WHEN mb_is_number(v) THEN CAST(mb_epoch(v ->> '$') AT TIME ZONE 'UTC' AS TIMESTAMP)
        ELSE mb_try_text_ntz(v ->> '$') END""",
    "mb_text_tz(s)": f"""
        CASE WHEN regexp_matches(s, {_SECONDS}) THEN mb_epoch(s) AT TIME ZONE 'UTC'
        WHEN regexp_matches(s, {_NAMED_DAY}) THEN strptime(s, '%a, %d %b %Y %H:%M:%S %z')
        ELSE coalesce(try_strptime(s, {_RFC}) AT TIME ZONE 'UTC',
            CAST(regexp_replace(s, ' ([+-]\\d\\d):?(\\d\\d)$', '\\1:\\2') AS TIMESTAMPTZ)) END""",
    "mb_try_text_tz(s)": f"""
        CASE WHEN regexp_matches(s, {_SECONDS}) THEN mb_epoch(s) AT TIME ZONE 'UTC'
        WHEN regexp_matches(s, {_NAMED_DAY}) THEN try_strptime(s, '%a, %d %b %Y %H:%M:%S %z')
        ELSE coalesce(try_strptime(s, {_RFC}) AT TIME ZONE 'UTC',
            TRY_CAST(regexp_replace(s, ' ([+-]\\d\\d):?(\\d\\d)$', '\\1:\\2') AS TIMESTAMPTZ)) END""",
    # What is no date fails in the second cast, whose error says date.
    "mb_text_date(s)": "coalesce(CAST(mb_try_text_ntz(s) AS DATE), CAST(s AS DATE))",
    "mb_try_text_date(s)": "CAST(mb_try_text_ntz(s) AS DATE)",
    # Text in a format f of strptime. What Snowflake says of other text needs the type and Snowflake's own format.
    "mb_read(s, f, wanted, form)": """
        coalesce(try_strptime(s, f), CASE WHEN s IS NOT NULL
            THEN error('Can''t parse ''' || s || ''' as ' || wanted || ' with format ''' || form || '''') END)""",
    "mb_microseconds(s)": r"regexp_replace(s, '([.,]\d{6})\d{1,3}', '\1')",
    "mb_without_offset(s)": r"regexp_replace(s, '\s*[+-]\d{1,2}:?(\d{2})?\s*$', '')",
    # A time without the digits of its second that its type has no place for.
    "mb_truncated(t, unit)": "t - to_microseconds(((epoch_us(t) % unit) + unit) % unit)",
    "mb_offset(t)": """
        CASE WHEN extract('timezone' FROM t) < 0 THEN '-' ELSE '+' END
        || lpad((abs(extract('timezone' FROM t)) // 3600)::VARCHAR, 2, '0')
        || lpad((abs(extract('timezone' FROM t)) % 3600 // 60)::VARCHAR, 2, '0')""",
    "mb_ntz_text(t)": "strftime(t, '%Y-%m-%d %H:%M:%S.%g')",
    "mb_tz_text(t)": "strftime(t, '%Y-%m-%d %H:%M:%S.%g') || ' ' || mb_offset(t)",
    "mb_written(t, f)": _written(zoned=False),
    "mb_written_zoned(t, f)": _written(zoned=True),
    # As the session's formats say, which sql/output_formats.py sets.
    "mb_date_formatted(t)": _formatted("mb_date_format", "t::VARCHAR", "t"),
    "mb_time_formatted(t)": _formatted("mb_time_format", "t::VARCHAR", "DATE '1970-01-01' + t"),
    "mb_ntz_formatted(t)": _formatted("mb_ntz_format", "mb_ntz_text(t)", "t"),
    "mb_ltz_formatted(t)": _formatted("mb_ltz_format", "mb_tz_text(t)", "t", zoned=True),
    "mb_tz_formatted(t)": _formatted("mb_tz_format", "mb_tz_text(t)", "t", zoned=True),
    # A text has at most 128 MB; DuckDB would make it and the engine would send it.
    "mb_repeat(s, n)": """
        repeat(s, CASE WHEN strlen(s)::HUGEINT * n::HUGEINT > 134217728
        THEN error('Text of ' || strlen(s)::HUGEINT * n::HUGEINT || ' bytes is too long') ELSE n::BIGINT END)""",
    "mb_randstr(n, seed)": """
        coalesce(list_aggregate(list_transform(range(n), lambda i: substr(
            '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
            (hash(seed, i) % 62)::BIGINT + 1, 1)), 'string_agg', ''), '')""",
    "mb_boolean(s)": """
        CASE WHEN s IS NULL THEN NULL
        WHEN lower(trim(s)) IN ('true', 't', 'yes', 'y', 'on', '1') THEN TRUE
        WHEN lower(trim(s)) IN ('false', 'f', 'no', 'n', 'off', '0') THEN FALSE
        ELSE error('Boolean value ''' || s || ''' is not recognized') END""",
    "mb_try_boolean(s)": """
        CASE WHEN lower(trim(s)) IN ('true', 't', 'yes', 'y', 'on', '1') THEN TRUE
        WHEN lower(trim(s)) IN ('false', 'f', 'no', 'n', 'off', '0') THEN FALSE END""",
    # Semi-structured values are JSON.
    "mb_scalar(v)": "v ->> '$'",
    "mb_try_json(s)": "CASE WHEN json_valid(s) THEN json(s) END",
    # Keys in order, as DuckDB's VARIANT has them. It rounds whole numbers beyond 64 bits, so these keep their order.
    "mb_sorted(j)": """
        CASE WHEN contains(j::VARCHAR, '":') AND contains(j::VARCHAR, ',"') AND json_type(j) IN ('OBJECT', 'ARRAY')
            AND NOT regexp_matches(j::VARCHAR, '\\d{19}')
        THEN j::VARIANT::JSON ELSE j END""",
    # JSON as PARSE_JSON reads it: NULL in any case is JSON's null, and an object has each key once.
    # Keys may be without quotes; with text among the values the engine does not try to find them.
    "mb_json_text(s)": r"""
        CASE WHEN upper(s) = 'NULL' THEN 'null'
        WHEN NOT contains(s, '"') AND regexp_matches(s, '[{,]\s*[A-Za-z_]\w*\s*:')
        THEN regexp_replace(s, '([{,]\s*)([A-Za-z_]\w*)\s*:', '\1"\2":', 'g') ELSE s END""",
    "mb_doubled(j)": "json_type(j) = 'OBJECT' AND len(json_keys(j)) <> len(list_distinct(json_keys(j)))",
    "mb_parsed_json(s)": """
        CASE WHEN mb_doubled(json(mb_json_text(s))) THEN error('Malformed JSON: duplicate object attribute')
        ELSE mb_sorted(json(mb_json_text(s))) END""",
    # Bound once, by a list of one: JSON inside JSON is parsed by a macro in a macro, whose texts would multiply.
    "mb_try_parsed_json(s)": """
        list_extract(list_transform([mb_try_json(mb_json_text(s))],
            lambda j: CASE WHEN mb_doubled(j) THEN NULL ELSE mb_sorted(j) END), 1)""",
    # DuckDB wants a constant between the elements.
    "mb_array_text(v, s)": """
        replace(array_to_string([coalesce(e, '') FOR e IN json_extract_string(v, '$[*]')], chr(30) || chr(31)),
            chr(30) || chr(31), s)""",
    "mb_typeof(v)": """
        CASE json_type(v) WHEN 'VARCHAR' THEN 'VARCHAR' WHEN 'OBJECT' THEN 'OBJECT' WHEN 'ARRAY' THEN 'ARRAY'
        WHEN 'BOOLEAN' THEN 'BOOLEAN' WHEN 'NULL' THEN 'NULL_VALUE' WHEN 'UBIGINT' THEN 'INTEGER'
        WHEN 'BIGINT' THEN 'INTEGER' WHEN 'HUGEINT' THEN 'INTEGER' WHEN 'DOUBLE' THEN
            CASE WHEN (v ->> '$') ~ '[eE]' THEN 'DOUBLE' ELSE 'DECIMAL' END END""",
    # Elements, each with its path below what is flattened: b[0].c, and ['x y'] for a key that is no name.
    "mb_key_path(k)": "CASE WHEN regexp_full_match(k, '[A-Za-z_]\\w*') THEN k ELSE '[''' || k || ''']' END",
    "mb_flattened(v)": """
        CASE json_type(v) WHEN 'ARRAY' THEN list_transform(
            json_extract(v, '$[*]'), lambda x, i: {'k': NULL::VARCHAR, 'i': i - 1, 'v': x, 'p': '[' || (i - 1) || ']'})
        WHEN 'OBJECT' THEN list_transform(
            list_zip(json_keys(v), json_extract(v, '$.*')),
            lambda p: {'k': p[1], 'i': NULL::BIGINT, 'v': p[2], 'p': mb_key_path(p[1])}) END""",
    "mb_flattened_outer(items)": """
        CASE WHEN coalesce(len(items), 0) > 0 THEN items
        ELSE [{'k': NULL::VARCHAR, 'i': NULL::BIGINT, 'v': NULL::JSON, 'p': ''}] END""",
    # All levels, each value before what is in it, and what is around it.
    "mb_tree_path(p)": r"""
        replace(regexp_replace(regexp_replace(p, '^\$\.?', ''), '\.?"((?:[^"\\]|\\.)*)"', '[''\1'']', 'g'),
            '\"', '"')""",
    "mb_flattened_all(v)": """
        (SELECT list({'k': CASE WHEN ends_with(e.fullkey, ']') THEN NULL ELSE e.key END,
            'i': CASE WHEN ends_with(e.fullkey, ']') THEN e.key::BIGINT END, 'v': e.value,
            'p': mb_tree_path(e.fullkey), 't': around.value} ORDER BY e.id)
            FROM json_tree(v) AS e JOIN json_tree(v) AS around ON around.id = e.parent)""",
    "mb_object(entries)": """
        to_json(map_from_entries(list_sort(
            list_filter(entries, lambda e: e.k IS NOT NULL AND e.v IS NOT NULL))))""",
    "mb_order_key(v)": """
        {'n': CASE WHEN json_type(v) IN ('UBIGINT', 'BIGINT', 'HUGEINT', 'DOUBLE') THEN (v ->> '$')::DOUBLE END,
         's': v ->> '$'}""",
    # Arrays, element by element as JSON. Equal numbers are the same element, and else equal texts.
    "mb_items(a)": "json_extract(a, '$[*]')::JSON[]",
    "mb_key(v)": """
        CASE WHEN json_type(v) IN ('UBIGINT', 'BIGINT', 'HUGEINT', 'DOUBLE') THEN (v ->> '$')::DOUBLE::VARCHAR
        ELSE v::VARCHAR END""",
    # 1.0 equals 1 in a VARIANT.
    "mb_equal_key(v)": r"regexp_replace(v::VARCHAR, '^(-?\d+)\.0$', '\1')",
    "mb_keys(items)": "list_transform(items, lambda x: mb_key(x))",
    "mb_array_append(a, v)": "CASE WHEN a IS NOT NULL THEN to_json(list_append(mb_items(a), v)) END",
    "mb_array_prepend(a, v)": "CASE WHEN a IS NOT NULL THEN to_json(list_prepend(v, mb_items(a))) END",
    "mb_array_cat(a, b)": """
        CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN to_json(list_concat(mb_items(a), mb_items(b))) END""",
    "mb_array_compact(a)": "to_json(list_filter(mb_items(a), lambda x: json_type(x) <> 'NULL'))",
    "mb_array_insert_at(a, p, v)": """
        CASE WHEN a IS NOT NULL THEN to_json(list_concat(
            mb_items(a)[1:p], list_transform(range(p - json_array_length(a)::BIGINT), lambda i: JSON 'null'), [v],
            mb_items(a)[p + 1:])) END""",
    "mb_array_insert(a, p, v)": """
        CASE WHEN p < -json_array_length(a)::BIGINT THEN error('ARRAY_INSERT: position ' || p || ' is before the array')
        ELSE mb_array_insert_at(a, CASE WHEN p < 0 THEN json_array_length(a)::BIGINT + p ELSE p END, v) END""",
    "mb_array_position(a, v)": "nullif(list_position(mb_keys(mb_items(a)), mb_key(v)), 0) - 1",
    "mb_array_index(a, p)": "CASE WHEN p < 0 THEN greatest(json_array_length(a)::BIGINT + p, 0) ELSE p END",
    "mb_array_slice(a, f, t)": """
        CASE WHEN f IS NOT NULL AND t IS NOT NULL
        THEN to_json(mb_items(a)[mb_array_index(a, f) + 1:mb_array_index(a, t)]) END""",
    "mb_times(items, v)": "len(list_filter(items, lambda y: mb_key(y) = mb_key(v)))",
    "mb_array_intersection(a, b)": """
        to_json(list_filter(mb_items(a),
            lambda x, i: mb_times(mb_items(a)[1:i], x) <= mb_times(mb_items(b), x)))""",
    "mb_array_except(a, b)": """
        to_json(list_filter(mb_items(a),
            lambda x, i: mb_times(mb_items(a)[1:i], x) > mb_times(mb_items(b), x)))""",
    "mb_array_distinct(a)": """
        to_json(list_filter(mb_items(a), lambda x, i: mb_times(mb_items(a)[1:i], x) = 1))""",
    "mb_arrays_overlap(a, b)": "list_has_any(mb_keys(mb_items(a)), mb_keys(mb_items(b)))",
    "mb_array_flatten(a)": """
        CASE WHEN len(list_filter(mb_items(a), lambda x: json_type(x) = 'NULL')) = 0
        THEN to_json(flatten(list_transform(mb_items(a), lambda x: CASE WHEN json_type(x) = 'ARRAY' THEN mb_items(x)
            ELSE error('Not an array: ' || x) END))) END""",
    "mb_array_ordered(a)": """
        list_transform(list_sort(list_transform(list_filter(mb_items(a), lambda x: json_type(x) <> 'NULL'),
            lambda x: {'k': mb_order_key(x), 'v': x})), lambda p: p.v)""",
    "mb_array_max(a)": "mb_array_ordered(a)[-1]",
    "mb_array_min(a)": "mb_array_ordered(a)[1]",
    "mb_array_sort(a, ascending, nulls_first)": """
        to_json(list_concat(
            CASE WHEN nulls_first THEN list_filter(mb_items(a), lambda x: json_type(x) = 'NULL') ELSE [] END,
            CASE WHEN ascending THEN mb_array_ordered(a) ELSE list_reverse(mb_array_ordered(a)) END,
            CASE WHEN nulls_first THEN [] ELSE list_filter(mb_items(a), lambda x: json_type(x) = 'NULL') END))""",
    "mb_array_remove(a, v)": """
        CASE WHEN v IS NOT NULL THEN to_json(list_filter(mb_items(a), lambda x: mb_key(x) <> mb_key(v))) END""",
    "mb_array_remove_at(a, p)": """
        CASE WHEN p IS NOT NULL THEN to_json(list_filter(mb_items(a),
            lambda x, i: i - 1 <> CASE WHEN p < 0 THEN json_array_length(a)::BIGINT + p ELSE p END)) END""",
    "mb_array_reverse(a)": "to_json(list_reverse(mb_items(a)))",
    "mb_entries(o)": """
        list_transform(list_zip(json_keys(o), json_extract(o, '$.*')), lambda p: {'k': p[1], 'v': p[2]})""",
    "mb_get_ignore_case(o, name)": """
        CASE WHEN json_exists(o, '$."' || name || '"') THEN json_extract(o, '$."' || name || '"')
        ELSE list_filter(mb_entries(o), lambda e: lower(e.k) = lower(name))[1].v END""",
    # Source: Snowflake's reference, pages "TO_OBJECT", "TO_ARRAY" and "OBJECT_INSERT".
    "mb_to_object(v)": """
        CASE WHEN v IS NULL OR json_type(v) = 'NULL' THEN NULL WHEN json_type(v) = 'OBJECT' THEN v
        ELSE error('Failed to cast variant value ' || v::VARCHAR || ' to OBJECT') END""",
    "mb_to_array(v)": """
        CASE WHEN v IS NULL OR json_type(v) = 'NULL' THEN NULL WHEN json_type(v) = 'ARRAY' THEN v
        ELSE to_json([v]) END""",
    "mb_object_insert(o, name, v, renew)": """
        CASE WHEN o IS NULL OR name IS NULL THEN o
        WHEN list_contains(json_keys(o), name) AND NOT renew THEN error('Duplicate field key ''' || name || '''')
        ELSE coalesce(mb_object(list_append(
            list_filter(mb_entries(o), lambda e: e.k <> name), {'k': name, 'v': v})), JSON '{}') END""",
    "mb_object_delete(o, names)": """
        CASE WHEN o IS NOT NULL THEN coalesce(mb_object(
            list_filter(mb_entries(o), lambda e: NOT list_contains(names, e.k))), JSON '{}') END""",
    "mb_object_pick(o, names)": """
        CASE WHEN o IS NOT NULL THEN coalesce(mb_object(
            list_filter(mb_entries(o), lambda e: list_contains(names, e.k))), JSON '{}') END""",
    "mb_folded(s)": """
        (CASE WHEN s % 18446744073709551616 >= 9223372036854775808 THEN s % 18446744073709551616 - 18446744073709551616
        ELSE s % 18446744073709551616 END)::DECIMAL(19, 0)""",
    # The sum is the same in any order of the rows; the hash of each row has 64 bits.
    "mb_hash_sum(h)": "mb_folded(coalesce(sum(h::HUGEINT), 0))",
    "mb_hash_sum_distinct(h)": "mb_folded(coalesce(sum(DISTINCT h::HUGEINT), 0))",
    "mb_hash(h)": "(h::HUGEINT - 9223372036854775808)::DECIMAL(19, 0)",
}


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Put the macros into the database, over those of an older engine."""
    connection.execute(";\n".join(f"CREATE OR REPLACE MACRO main.{head} AS {body}" for head, body in MACROS.items()))
