# SPDX-License-Identifier: Apache-2.0
"""The quick yes is never wrong, and does say yes."""

from __future__ import annotations

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attestation_service.api.schemas import SCHEMAS, quick, types

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 300)
    | st.sampled_from([0.0, 1.0, 0.5, 2 ** 53, -1])
    | st.text(max_size=6)
    | st.sampled_from(["a", "ab", "A" * 43, "sha256", "affirming", "a\n",
                       "0" * 64, "abc.d"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["a", "b", "sha256", "0", "7", "x-y", "", "24"]),
        inner, max_size=4), max_leaves=8)

KINDS = [
    types.ID, types.TEXT, types.PROSE, types.COUNT, types.POSITIVE,
    types.TIER, types.LABELS, types.SELECTION, types.BOOLEAN, types.HEX,
    types.b64(0, 3), types.nullable(types.TEXT), types.nullable(types.TIER),
    types.nullable(types.COUNT), types.array(types.COUNT, 2),
    types.blob("any"), types.an_object({"a": types.COUNT},
                                       {"b": types.TEXT}),
    {"type": "array", "items": {}, "uniqueItems": True},
    {"type": "object", "propertyNames": {"pattern": "^[ab]$"},
     "additionalProperties": types.SELECTION},
    {"type": "object", "minProperties": 1, "maxProperties": 2},
    {"type": "string", "minLength": 2, "unheard-of": 1},
    {"enum": [0, 1, "a"]}, {"enum": [True, None]}, {"const": 1},
    {"anyOf": [types.COUNT, types.TEXT]},
]


def slow(schema, value):
    if types.UNASKED in schema:
        schema = {k: v for k, v in schema.items() if k != "pattern"}
    return jsonschema.Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize("schema", KINDS, ids=str)
def test_what_it_says_yes_to_is_valid(schema):
    says = quick.compile_schema(schema, SCHEMAS)

    @settings(max_examples=40)
    @given(JSON)
    def never_wrong(value):
        assert not says(value) or slow(schema, value)

    never_wrong()


@pytest.mark.parametrize(("schema", "value"), [
    (types.ID, "host-1"), (types.COUNT, 0), (types.nullable(types.ID), None),
    (types.SELECTION, {"sha256": [0, 7, 23]}), (types.TIER, "affirming"),
    (types.nullable(types.TIER), None), (types.LABELS, {"region": "a"}),
    (types.an_object({"a": types.BOOLEAN}, {"b": types.ID}), {"a": True}),
    (types.array(types.ref("Challenge"), 3), []), (types.b64(32, 32),
                                                   "A" * 43),
    (types.blob("any"), "not asked: !"),
])
def test_it_says_yes(schema, value):
    assert quick.compile_schema(schema, SCHEMAS)(value) is True


@pytest.mark.parametrize(("schema", "value"), [
    (types.COUNT, True), (types.COUNT, 1.0), (types.COUNT, -1),
    (types.COUNT, 2 ** 53), (types.BOOLEAN, 1), (types.ID, None),
    (types.ID, ""), (types.TEXT, "x" * 256), (types.TIER, []),
    (types.SELECTION, {}), (types.SELECTION, {"sha1": [0]}),
    (types.SELECTION, {"sha256": [0, 0]}), (types.SELECTION, {"sha256": []}),
    (types.SELECTION, {"sha256": [1], "sha384": [1]}),
    (types.an_object({"a": types.BOOLEAN}), {}),
    (types.an_object({"a": types.BOOLEAN}), {"a": True, "b": 1}),
    ({"type": "array", "items": types.BOOLEAN, "uniqueItems": True},
     [True, False]), ({"type": "number"}, 1), ({"type": "string",
                                                "const": "a"}, "a"),
    (types.array(types.COUNT, 1), [1, 2]), (types.LABELS, {"a b": "c"}),
])
def test_it_leaves_the_rest_to_jsonschema(schema, value):
    assert quick.compile_schema(schema, SCHEMAS)(value) is False
