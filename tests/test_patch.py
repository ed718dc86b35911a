"""JSON Patch: the examples of RFC 6902, the `jsonpatch` package as a second opinion, and bad patches."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from typing import Any

import jsonpatch
import pytest
from chatnorm import ChatnormError, PatchError
from chatnorm.patch import apply_patch, diff
from chatnorm.values import equal
from hypothesis import given, settings
from hypothesis import strategies as st

#: Appendix A of RFC 6902, without `move` and `copy`: document, operations, result.
#: Source: https://www.rfc-editor.org/rfc/rfc6902#appendix-A
EXAMPLES: dict[str, tuple[Any, Any, Any]] = {
    "A.1 adding an object member": (
        {"foo": "bar"},
        [{"op": "add", "path": "/baz", "value": "qux"}],
        {"baz": "qux", "foo": "bar"},
    ),
    "A.2 adding an array element": (
        {"foo": ["bar", "baz"]},
        [{"op": "add", "path": "/foo/1", "value": "qux"}],
        {"foo": ["bar", "qux", "baz"]},
    ),
    "A.3 removing an object member": (
        {"baz": "qux", "foo": "bar"},
        [{"op": "remove", "path": "/baz"}],
        {"foo": "bar"},
    ),
    "A.4 removing an array element": (
        {"foo": ["bar", "qux", "baz"]},
        [{"op": "remove", "path": "/foo/1"}],
        {"foo": ["bar", "baz"]},
    ),
    "A.5 replacing a value": (
        {"baz": "qux", "foo": "bar"},
        [{"op": "replace", "path": "/baz", "value": "boo"}],
        {"baz": "boo", "foo": "bar"},
    ),
    "A.8 testing a value: success": (
        {"baz": "qux", "foo": ["a", 2, "c"]},
        [{"op": "test", "path": "/baz", "value": "qux"}, {"op": "test", "path": "/foo/1", "value": 2}],
        {"baz": "qux", "foo": ["a", 2, "c"]},
    ),
    "A.10 adding a nested member object": (
        {"foo": "bar"},
        [{"op": "add", "path": "/child", "value": {"grandchild": {}}}],
        {"foo": "bar", "child": {"grandchild": {}}},
    ),
    "A.11 ignoring unrecognized elements": (
        {"foo": "bar"},
        [{"op": "add", "path": "/baz", "value": "qux", "xyz": 123}],
        {"foo": "bar", "baz": "qux"},
    ),
    "A.14 ~ escape ordering": (
        {"/": 9, "~1": 10},
        [{"op": "test", "path": "/~01", "value": 10}],
        {"/": 9, "~1": 10},
    ),
    "A.16 adding an array value": (
        {"foo": ["bar"]},
        [{"op": "add", "path": "/foo/-", "value": ["abc", "def"]}],
        {"foo": ["bar", ["abc", "def"]]},
    ),
    "adding over a member replaces it": ({"a": 1}, [{"op": "add", "path": "/a", "value": 2}], {"a": 2}),
    "adding at the end by number": ([1], [{"op": "add", "path": "/1", "value": 2}], [1, 2]),
    "adding at the start": ([1], [{"op": "add", "path": "/0", "value": 2}], [2, 1]),
    "replacing the whole": ({"a": 1}, [{"op": "replace", "path": "", "value": []}], []),
    "adding the whole": ({"a": 1}, [{"op": "add", "path": "", "value": 5}], 5),
    "testing the whole": ([1], [{"op": "test", "path": "", "value": [1]}], [1]),
    "the empty key": ({"": {"": 1}}, [{"op": "replace", "path": "//", "value": 2}], {"": {"": 2}}),
    "keys that look like places": (
        {"0": 1, "-": 2},
        [{"op": "remove", "path": "/0"}, {"op": "replace", "path": "/-", "value": 3}],
        {"-": 3},
    ),
    "a null value": ({"a": 1}, [{"op": "replace", "path": "/a", "value": None}], {"a": None}),
    "no operations": ({"a": 1}, [], {"a": 1}),
}

REFUSED: dict[str, tuple[Any, Any]] = {
    "A.9 testing a value: error": ({"baz": "qux"}, [{"op": "test", "path": "/baz", "value": "bar"}]),
    "A.12 adding to a nonexistent target": (
        {"foo": "bar"},
        [{"op": "add", "path": "/baz/bat", "value": "qux"}],
    ),
    "A.13 an operation of two kinds, of which the last counts": (
        {"foo": "bar"},
        json.loads('[{"op":"add","path":"/baz","value":"qux","op":"remove"}]'),
    ),
    "A.15 comparing strings and numbers": (
        {"/": 9, "~1": 10},
        [{"op": "test", "path": "/~01", "value": "10"}],
    ),
    "no list": ({}, {"op": "add", "path": "/a", "value": 1}),
    "a text": ({}, "[]"),
    "null": ({}, None),
    "no operation": ({}, [None]),
    "an empty operation": ({}, [{}]),
    "no path": ({}, [{"op": "add", "value": 1}]),
    "no value": ({}, [{"op": "add", "path": "/a"}]),
    "no value to test": ({"a": None}, [{"op": "test", "path": "/a"}]),
    "an unknown operation": ({"a": 1}, [{"op": "spam", "path": "/a"}]),
    "move": ({"a": 1}, [{"op": "move", "from": "/a", "path": "/b"}]),
    "copy": ({"a": 1}, [{"op": "copy", "from": "/a", "path": "/b"}]),
    "an operation that is a list": ({}, [["add", "/a", 1]]),
    "an op that is a list": ({}, [{"op": ["add"], "path": "/a", "value": 1}]),
    "a path that is a number": ({}, [{"op": "add", "path": 1, "value": 1}]),
    "a path that is a list": ({}, [{"op": "add", "path": ["a"], "value": 1}]),
    "a path without slash": ({"a": 1}, [{"op": "remove", "path": "a"}]),
    "removing what is not there": ({}, [{"op": "remove", "path": "/a"}]),
    "replacing what is not there": ({}, [{"op": "replace", "path": "/a", "value": 1}]),
    "testing what is not there": ({}, [{"op": "test", "path": "/a", "value": None}]),
    "removing the whole": ({}, [{"op": "remove", "path": ""}]),
    "into a text": ({"a": "xyz"}, [{"op": "replace", "path": "/a/0", "value": "b"}]),
    "out of a number": ({"a": 5}, [{"op": "remove", "path": "/a/b"}]),
    "through null": ({"a": None}, [{"op": "add", "path": "/a/b/c", "value": 1}]),
    "beyond the end": ([1], [{"op": "add", "path": "/2", "value": 1}]),
    "removing at the end": ([1], [{"op": "remove", "path": "/1"}]),
    "removing after the end": ([1], [{"op": "remove", "path": "/-"}]),
    "replacing after the end": ([1], [{"op": "replace", "path": "/-", "value": 1}]),
    "a negative place": ([1], [{"op": "remove", "path": "/-1"}]),
    "a place with a leading zero": ([1, 2], [{"op": "remove", "path": "/01"}]),
    "a place with a sign": ([1, 2], [{"op": "remove", "path": "/+1"}]),
    "a place with a blank": ([1, 2], [{"op": "remove", "path": "/ 1"}]),
    "a place in other digits": ([1, 2], [{"op": "remove", "path": "/\u0661"}]),
    "a place with an underscore": ([1] * 20, [{"op": "remove", "path": "/1_0"}]),
    "a huge place": ([1], [{"op": "remove", "path": "/" + "9" * 5000}]),
    "no place": ([1], [{"op": "remove", "path": "/"}]),
    "a key of a list": ([1], [{"op": "add", "path": "/a", "value": 1}]),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_apply(name: str) -> None:
    """The examples of the RFC give its results, and `jsonpatch` agrees."""
    document, operations, result = EXAMPLES[name]
    assert jsonpatch.apply_patch(document, operations) == result
    assert equal(apply_patch(copy.deepcopy(document), operations), result)


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused(name: str) -> None:
    """An operation that is none, or does not fit, raises PatchError."""
    document, operations = REFUSED[name]
    with pytest.raises(PatchError) as error:
        apply_patch(copy.deepcopy(document), operations)
    assert isinstance(error.value, ChatnormError)
    assert isinstance(error.value, ValueError)


@pytest.mark.parametrize("name", [name for name, (_, given) in REFUSED.items() if isinstance(given, list)])
def test_lenient_skips_what_does_not_fit(name: str) -> None:
    """A lenient patch leaves the document as it is where an operation does not fit, and goes on."""
    document, operations = REFUSED[name]
    found = apply_patch(copy.deepcopy(document), operations, lenient=True)
    assert equal(found, document)
    marker = {"op": "add", "path": "", "value": "done"}
    operations = [*operations, marker, marker]
    assert apply_patch(copy.deepcopy(document), operations, lenient=True) == "done"


def test_lenient_skips_the_operation_after_a_failed_test() -> None:
    """In a lenient patch a test that fails guards the one operation after it."""
    change, other = ({"op": "replace", "path": f"/{key}", "value": 2} for key in "ab")
    for wanted, result in ((1, {"a": 2, "b": 2}), (9, {"a": 1, "b": 2})):
        test = {"op": "test", "path": "/a", "value": wanted}
        assert apply_patch({"a": 1, "b": 1}, [test, change, other], lenient=True) == result
    gone = {"op": "test", "path": "/gone/deeper", "value": 1}
    assert apply_patch({"a": 1, "b": 1}, [gone, change, other], lenient=True) == {"a": 1, "b": 2}


ONES = [0, 0.0, False, None, "", [], {}, 1, 1.0, True, "1", [1], [1.0], [True], {"a": 1}, {"a": 1.0}, {"a": True}]


def test_equal_tells_kinds_apart() -> None:
    """1, 1.0 and true are three values, at every depth, and each equals itself only."""
    for number, one in enumerate(ONES):
        for other_number, other in enumerate(ONES):
            for wrap in (lambda value: value, lambda value: [{"x": [value]}]):
                assert equal(wrap(one), copy.deepcopy(wrap(other))) == (number == other_number)


def test_equal_does_not_mind_the_order_of_keys() -> None:
    """Objects are equal in any order of their keys, lists only in their own."""
    assert equal({"a": 1, "b": [1, 2]}, {"b": [1, 2], "a": 1})
    assert not equal([1, 2], [2, 1])
    assert not equal([1], [1, 1])
    assert not equal({"a": 1}, {"b": 1})
    assert not equal({"a": None}, {})


SCALARS = (
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, 2, -1, 10**25, 0.0, 1.0, 0.5])
    | st.sampled_from(["", "a", "1", "é", "🦀", "\ud83d"])
)
KEYS = st.sampled_from(["", "a", "b", "0", "1", "-", "~", "/", "~1", "~0", "a/b", "é", "\ud83d"])
JSON = st.recursive(
    SCALARS, lambda below: st.lists(below, max_size=4) | st.dictionaries(KEYS, below, max_size=4), max_leaves=12
)


def loosely(value: Any) -> Any:
    """The value with kinds that Python takes for each other told apart, for `jsonpatch`, which compares with ==."""
    if isinstance(value, dict):
        return {key: loosely(item) for key, item in value.items()}
    if isinstance(value, list):
        return [loosely(item) for item in value]
    return f"{type(value).__name__} {value}" if isinstance(value, bool | int | float) else value


@given(JSON, JSON)
@settings(max_examples=300, deadline=None)
def test_a_diff_makes_one_of_the_other(found: Any, wanted: Any) -> None:
    """The operations of a diff make the wanted value, by this module and by `jsonpatch`, and change neither side."""
    before = copy.deepcopy((found, wanted))
    operations = list(diff(found, wanted))
    assert equal([found, wanted], list(before))
    assert (operations == []) == equal(found, wanted)
    assert {operation["op"] for operation in operations} <= {"add", "remove", "replace"}
    assert equal(apply_patch(copy.deepcopy(found), copy.deepcopy(operations)), wanted)
    assert equal(jsonpatch.apply_patch(found, operations), wanted)


@given(JSON, JSON)
@settings(max_examples=200, deadline=None)
def test_another_diff_is_applied(found: Any, wanted: Any) -> None:
    """The operations that `jsonpatch` finds make the wanted value here."""
    found, wanted = loosely(found), loosely(wanted)
    patch = jsonpatch.JsonPatch.from_diff(found, wanted, optimization=False).patch
    if {operation["op"] for operation in patch} <= {"add", "remove", "replace"}:
        assert equal(apply_patch(copy.deepcopy(found), patch), wanted)


@given(JSON, JSON, st.sampled_from(["add", "replace", "test"]))
@settings(max_examples=200, deadline=None)
def test_the_places_of_a_diff_are_minimal(document: Any, other: Any, key: str) -> None:
    """Where one member differs, a diff names that member alone."""
    one, two = ({"same": document, key: {"x/~": [0, value]}} for value in (document, other))
    places = {operation["path"] for operation in diff(one, two)}
    assert all(place.startswith(f"/{key}/x~1~0/1") for place in places)


PATHS = st.lists(st.sampled_from(["a", "b", "0", "1", "-", "", "~0", "~1", "01", "-1"]), max_size=3).map(
    lambda steps: "".join(f"/{step}" for step in steps)
)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "test"]), "path": PATHS, "value": JSON}
)


@given(JSON, st.lists(OPERATIONS, min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_any_patch_that_applies_applies_elsewhere(document: Any, operations: list[Any]) -> None:
    """What this module applies, `jsonpatch` applies with the same result."""
    try:
        result = apply_patch(copy.deepcopy(document), copy.deepcopy(operations))
    except PatchError:
        return
    assert equal(jsonpatch.apply_patch(document, operations), result)


def or_junk(strategy: Any) -> Any:
    return strategy | JSON


JUNK = st.lists(
    or_junk(
        st.fixed_dictionaries(
            {},
            optional={
                "op": or_junk(st.sampled_from(["add", "remove", "replace", "test", "move"])),
                "path": or_junk(PATHS),
                "value": JSON,
                "from": PATHS,
            },
        )
    ),
    max_size=4,
)


@given(JSON, or_junk(JUNK))
@settings(max_examples=300, deadline=None)
def test_junk_raises_patch_error_only(document: Any, operations: Any) -> None:
    """Whatever is given as a patch applies or raises PatchError; a lenient list of anything always applies."""
    with suppress(PatchError):
        apply_patch(copy.deepcopy(document), copy.deepcopy(operations))
    if isinstance(operations, list):
        apply_patch(copy.deepcopy(document), copy.deepcopy(operations), lenient=True)
