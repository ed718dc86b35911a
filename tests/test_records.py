"""Records: equal content is equal, and what holds it does not show."""

from __future__ import annotations

import copy
import itertools
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import chatnorm
import msgspec
import pytest
from chatnorm import (
    Annotation,
    Audio,
    ChatCompletion,
    ChatCompletionChunk,
    Choice,
    ChunkChoice,
    CompletionTokensDetails,
    CustomToolCall,
    ErrorResponse,
    FunctionCall,
    LayoutItem,
    Logprobs,
    Message,
    PromptTokensDetails,
    Reasoning,
    TokenLogprob,
    ToolCall,
    TopLogprob,
    UrlCitation,
    Usage,
    extras,
    with_extras,
)
from chatnorm.record import Record, kind_of, set_fields
from chatnorm.wire import attach_overflow
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, structs

#: One record of every public kind, with content.
RECORDS: list[Record] = [
    Annotation(type="url_citation", url_citation=UrlCitation(url="u")),
    Audio(id="a", expires_at=7),
    ChatCompletion(id="1", choices=[Choice(message=Message(content="Hi."))]),
    ChatCompletionChunk(id="1", choices=[ChunkChoice(delta=Message(content="Hi."))]),
    Choice(index=0, message=Message(content="Hi."), finish_reason=None),
    ChunkChoice(index=0, delta=Message(role="assistant")),
    CompletionTokensDetails(reasoning_tokens=3),
    CustomToolCall(name="f", input="i"),
    ErrorResponse(kind="server", message="m", param=["a"]),
    FunctionCall(name="f", arguments="{}"),
    LayoutItem(type="opaque", block={"a": [1]}),
    Logprobs(content=[TokenLogprob(token="a")], refusal=None),
    Message(role="assistant", content="Hi.", reasoning=[Reasoning(text="r")], provider_metadata={"acme": 1}),
    PromptTokensDetails(cached_tokens=0),
    Reasoning(text="r", signature="s"),
    TokenLogprob(token="a", logprob=-1, top_logprobs=[TopLogprob(token="a")]),
    ToolCall(id="c", function=FunctionCall(name="f")),
    TopLogprob(token="a", bytes=[97]),
    UrlCitation(url="u", start_index=0),
    Usage(prompt_tokens=1, prompt_tokens_details=PromptTokensDetails(cached_tokens=0)),
]
KINDS: list[type[Record]] = [kind_of(record) for record in RECORDS]

every_kind = pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)

FULL = {
    "id": "1",
    "object": "chat.completion",
    "created": 7,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi.", "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    "system_fingerprint": None,
}


def decoded(schema: str = "openai", **undeclared: Any) -> ChatCompletion:
    return chatnorm.decode(json.dumps({**FULL, **undeclared}), schema)


def test_every_kind_is_here() -> None:
    """The records of this file are of every public record class."""
    public = {
        value
        for name in chatnorm.__all__
        if isinstance(value := getattr(chatnorm, name), type) and issubclass(value, Record)
    }
    assert set(KINDS) == public


# --- Equality -----------------------------------------------------------------------------------------------


@every_kind
def test_equal_content_is_equal(record: Record) -> None:
    """A record equals one of the same content and none of another, made by hand or with extras."""
    twin = copy.deepcopy(record)
    assert twin is not record
    assert twin == record
    name, value = next(iter(set_fields(record).items()))
    setattr(twin, name, [value])
    assert twin != record
    assert with_extras(record, {"x": 1}) != record
    assert with_extras(record, {"x": 1}) == with_extras(record, {"x": 1})
    assert with_extras(with_extras(record, {"x": 1}), {}) == record


@every_kind
def test_not_equal_agrees(record: Record) -> None:
    """`!=` is the opposite of `==` for two records of one class."""
    twin = copy.deepcopy(record)
    assert (record != twin) is False
    assert with_extras(record, {"x": 1}) != with_extras(record, {"x": 2})


@every_kind
def test_not_equal_agrees_across_classes(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    """`!=` is the opposite of `==` for two records held by different classes."""
    monkeypatch.setattr("chatnorm.canonical._CLASSES", {})
    one, other = with_extras(record, {"x": 1}), attach_overflow(copy.copy(record), {"x": 1})
    assert type(one) is not type(other)
    assert one == other
    assert (one != other) is False


@pytest.mark.parametrize(
    "key",
    [
        "x",
        "k" * 100,
    ],
    ids=["slot", "overflow"],
)
def test_an_extra_that_is_absent_is_none(key: str) -> None:
    """`with_extras` given a value that is absent gives a record without that key, and nothing is written of it."""
    record = with_extras(ChatCompletion(id="1"), {key: UNSET})
    assert extras(record) == {}
    assert record == ChatCompletion(id="1")
    assert json.loads(chatnorm.encode(record, "canonical")) == {"id": "1", "choices": []}


@every_kind
def test_absent_is_not_null(record: Record) -> None:
    """A field that is null is not equal to one that is absent, nor to one that is empty."""
    for name in kind_of(record).__struct_fields__:
        variants = []
        for value in (UNSET, None, "", 0, [], {}):
            variant = copy.copy(record)
            setattr(variant, name, value)
            variants.append(variant)
        for one, other in itertools.combinations(variants, 2):
            assert one != other


def test_records_of_different_kinds_differ() -> None:
    """Empty records of different kinds are not equal, nor is a record equal to its values."""
    empty = [kind() for kind in KINDS if kind is not LayoutItem]
    for one, other in itertools.combinations(empty, 2):
        assert one != other
        assert not one == other  # noqa: SIM201
    assert Message() != {}
    assert Message() != None  # noqa: E711
    assert not Message() == ()  # noqa: SIM201


@pytest.mark.parametrize("number", [1.0, True])
def test_a_number_of_another_kind_differs(number: Any) -> None:
    """A record equals none whose number is of another kind, in a field, below it or in an extra."""
    assert Usage(prompt_tokens=1) != Usage(prompt_tokens=number)
    assert Logprobs(content=[TokenLogprob(logprob=1)]) != Logprobs(content=[TokenLogprob(logprob=number)])
    assert ErrorResponse(param=[{"a": 1}]) != ErrorResponse(param=[{"a": number}])
    assert with_extras(Usage(), {"x": [1]}) != with_extras(Usage(), {"x": [number]})


def test_equality_and_losses_agree_on_kinds_of_numbers() -> None:
    """Where an encoding names no loss the record comes back equal, and where it names one it does not."""
    cozy = {**FULL, "usage": {"prompt_tokens": 1.0, "completion_tokens": 2, "total_tokens": 3}}
    record = chatnorm.decode(json.dumps(cozy), "cozy")
    assert record.irregular is UNSET
    losses = chatnorm.losses(record, "openai")
    assert [loss.path for loss in losses] == ["/usage/prompt_tokens"]
    returned = chatnorm.decode(chatnorm.encode(record, "openai"), "openai")
    assert returned != record


@every_kind
def test_records_have_no_hash(record: Record) -> None:
    """A record, which can change, has no hash, whichever class holds it."""
    for held in (record, with_extras(record, {"x": 1}), with_extras(record, {"k" * 100: 1})):
        with pytest.raises(TypeError, match="unhashable"):
            hash(held)
    assert kind_of(record).__hash__ is None


def test_decoded_records_have_no_hash() -> None:
    """A decoded record has no hash either."""
    with pytest.raises(TypeError, match="unhashable"):
        hash(decoded(x=1))


# --- Names of what holds a record ---------------------------------------------------------------------------


@every_kind
def test_the_kind_is_the_public_class(record: Record) -> None:
    """`kind_of` gives the public class of a record and of every class derived from it."""
    kind = type(record)
    for undeclared in ({}, {"x": 1}, {"k" * 100: 1}):
        held = with_extras(record, undeclared)
        assert isinstance(held, kind)
        assert kind_of(held) is kind_of(type(held)) is kind
        assert type(held).__name__ == kind.__name__
        assert type(held).__module__ == kind.__module__


def records_in(value: Any) -> Iterator[Record]:
    if isinstance(value, Record):
        yield value
        for item in set_fields(value).values():
            yield from records_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from records_in(item)


@pytest.mark.parametrize("schema", ["openai", "cozy", "canonical"])
def test_the_kinds_of_a_decoded_record(schema: str) -> None:
    """Every object of a decoded record is of a public kind, and so is what `isinstance` and `match` see."""
    record = decoded(schema, x=1)
    kinds = [kind_of(found) for found in records_in(record)]
    assert kinds == [ChatCompletion, Choice, Message, Usage]
    match record.choices[0]:
        case Choice(message=Message(content=str(text))):
            assert text == "Hi."
        case _:
            pytest.fail("a decoded choice does not match")


def test_set_fields_are_what_was_said() -> None:
    """`set_fields` has null and empty values, leaves out what is absent, and never an extra."""
    record = decoded(x=1, **{"k" * 100: 2})
    assert list(set_fields(record)) == [
        "id",
        "object",
        "created",
        "model",
        "choices",
        "usage",
        "system_fingerprint",
    ]
    assert set_fields(record)["system_fingerprint"] is None
    assert set_fields(Message(content="", refusal=None, tool_calls=[])) == {
        "content": "",
        "refusal": None,
        "tool_calls": [],
    }
    assert set_fields(Message()) == {}


@every_kind
def test_set_fields_rebuild_a_record(record: Record) -> None:
    """The public class called with the set fields, and then given the extras, is the record again."""
    held = with_extras(record, {"x": [1]})
    rebuilt = kind_of(held)(**set_fields(held))
    assert rebuilt == record
    assert with_extras(rebuilt, extras(held)) == held


@every_kind
def test_repr_says_what_was_said(record: Record) -> None:
    """A repr is the constructor call of what was said, which evaluates to the record again."""
    assert eval(repr(record), vars(chatnorm)) == record
    held = with_extras(record, {"x": None, "k" * 100: [1]})
    assert repr(held) == f"{repr(record)[:-1]}, extras={{'x': None, '{'k' * 100}': [1]}})"
    for internal in ("UNSET", "extra_", "overflow", "__"):
        assert internal not in repr(held)


def test_rich_repr_shows_no_internals() -> None:
    """What rich prints of a record are its set fields and its extras."""
    shown = dict(decoded(x=1, **{"k" * 100: 2}).__rich_repr__())
    assert "overflow" not in shown
    assert not [name for name in shown if name.startswith("extra_")]
    assert shown["extras"] == {"x": 1, "k" * 100: 2}


# --- Extras -------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from([0.5, "", "x", "\ud83d and more"]),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.sampled_from(["", "a"]), below, max_size=2),
    max_leaves=4,
)
UNDECLARED = st.dictionaries(
    st.sampled_from(["x", "y", "", "id", "content", "~id", "~x", "extra_0", "overflow", "k" * 65, '"', "\ud83d_", "é"])
    | st.text(max_size=3),
    JSON,
    max_size=5,
)


@given(st.sampled_from(RECORDS), UNDECLARED, UNDECLARED)
@settings(max_examples=200, deadline=None)
def test_extras_are_what_was_given(record: Record, first: dict[str, Any], second: dict[str, Any]) -> None:
    """`with_extras` gives a copy with exactly these keys, and `extras` gives them back; the original keeps its own."""
    one = with_extras(record, first)
    assert extras(one) == first
    other = with_extras(one, second)
    assert extras(other) == second
    assert extras(one) == first
    assert extras(record) == {}
    assert set_fields(other) == set_fields(record)
    for twin in (copy.copy(other), copy.deepcopy(other), pickle.loads(pickle.dumps(other))):
        assert twin == other
        assert extras(twin) == second
    assert (one == other) == (first == second)


@given(UNDECLARED, UNDECLARED, UNDECLARED)
@settings(max_examples=100, deadline=None)
def test_extras_survive_canonical_json(root: Any, message: Any, usage: Any) -> None:
    """Extras of any name, those of declared fields included, are equal after canonical JSON."""
    record = ChatCompletion(
        id="1",
        choices=[Choice(message=with_extras(Message(content="Hi."), message))],
        usage=with_extras(Usage(prompt_tokens=1), usage),
    )
    record = with_extras(record, root)
    body = chatnorm.encode(record, "canonical")
    returned = chatnorm.decode(b"%b " % body + b" " * 8, "canonical")
    assert returned == record
    assert extras(returned) == root
    assert chatnorm.decode(chatnorm.encode(returned, "canonical") + b" " * 8, "canonical") == record


@pytest.mark.parametrize("count", [1, 16, 17, 64, 65, 500])
def test_any_number_of_extras(count: int) -> None:
    """However many extras a record is given, it has them, and they reach a schema that takes undeclared keys."""
    undeclared = {f"key_{number}": number for number in range(count)}
    record = with_extras(decoded(), undeclared)
    assert extras(record) == undeclared
    for schema in ("openai", "canonical"):
        said = json.loads(chatnorm.encode(record, schema))
        assert {key: said[key] for key in undeclared} == undeclared
        assert chatnorm.decode(json.dumps(said), schema) == record


def test_ever_new_extras_stay_bounded() -> None:
    """A thousand different sets of extras are exact, and make no more classes than the bound."""
    from chatnorm.canonical import _CLASSES, _MAX_CLASSES

    for number in range(1_000):
        record = with_extras(Usage(prompt_tokens=1), {f"ever_new_{number}": number})
        assert extras(record) == {f"ever_new_{number}": number}
    assert len(_CLASSES) <= _MAX_CLASSES


def test_extras_of_a_declared_name_are_apart() -> None:
    """An extra with the name of a declared field is neither the field nor written as it."""
    usage = with_extras(Usage(prompt_tokens=1, completion_tokens=2, total_tokens=3), {"prompt_tokens": 99})
    assert usage.prompt_tokens == 1
    record = ChatCompletion(usage=usage)
    canonical = json.loads(chatnorm.encode(record, "canonical"))
    assert canonical["usage"] == {**FULL["usage"], "~prompt_tokens": 99}
    for schema in ("openai", "cozy"):
        body = chatnorm.encode(record, schema)
        assert body.count(b'prompt_tokens"') == 1
        assert b"99" not in body


# --- msgspec's own functions --------------------------------------------------------------------------------


@pytest.mark.parametrize("undeclared", [{}, {"x": 1}, {"x": 1, "k" * 100: 2}], ids=["none", "slot", "overflow"])
def test_structs_replace_keeps_the_rest(undeclared: dict[str, Any]) -> None:
    """`structs.replace` gives a record with the change, its other fields and its extras."""
    record = decoded(**undeclared)
    changed = structs.replace(record, id="2", usage=None)
    assert (changed.id, changed.usage, record.id) == ("2", None, "1")
    assert extras(changed) == undeclared
    said = json.loads(chatnorm.encode(changed, "canonical"))
    assert said == {**FULL, **undeclared, "id": "2", "usage": None}
    assert structs.replace(changed, id="1", usage=record.usage) == record


def test_structs_replace_of_records_made_by_hand() -> None:
    """`structs.replace` of a record that was not decoded encodes by the rules of any schema."""
    record = structs.replace(ChatCompletion(id="1"), created=1.5, object="nonsense")
    said = json.loads(chatnorm.encode(record, "openai"))
    assert (said["created"], said["object"]) == (1, "chat.completion")


def test_public_records_are_plain_structs() -> None:
    """The public classes are read from Chat Completions bytes, and written, by msgspec alone."""
    body = json.dumps(FULL).encode()
    record = msgspec.json.decode(body, type=ChatCompletion)
    assert json.loads(msgspec.json.encode(record)) == FULL
    assert record == chatnorm.decode(body, "openai")
    assert chatnorm.encode(record, "openai") == chatnorm.encode(chatnorm.decode(body, "openai"), "openai")


# --- The same for the same content --------------------------------------------------------------------------


def test_a_derived_id_is_the_same_for_the_same_content() -> None:
    """Equal records that came without an id get the same one."""
    payload = {key: value for key, value in FULL.items() if key != "id"}
    record = chatnorm.decode(json.dumps(payload), "openai")
    again = chatnorm.decode(json.dumps(payload), "openai")
    other = chatnorm.decode(json.dumps({**payload, "created": 8}), "openai")
    ids = [json.loads(chatnorm.encode(each, "cozy"))["id"] for each in (record, again, other)]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("path", ["canonical", "log10", "extras"])
def test_a_derived_id_is_the_same_whatever_holds_the_record(path: str) -> None:
    """Equal records that came without an id get the same one, whichever classes hold them."""
    payload = {key: value for key, value in FULL.items() if key not in ("id", "system_fingerprint", "choices")}
    payload["choices"] = [
        {"index": 0, "message": {"role": "assistant", "content": "Hi."}, "logprobs": None, "finish_reason": "stop"}
    ]
    record = chatnorm.decode(json.dumps(payload), "openai")
    record.choices[0].message.reasoning = [Reasoning(text="r")]
    if path == "log10":
        other = chatnorm.decode(chatnorm.encode(record, "log10"), "log10")
        record, other = (copy.copy(each) for each in (record, other))
        record.choices[0].message.reasoning = UNSET
        record.id = other.id = UNSET
    elif path == "canonical":
        other = chatnorm.decode(chatnorm.encode(record, "canonical"), "canonical")
    else:
        other = with_extras(with_extras(record, {"x": 1}), {})
        other.choices = [copy.deepcopy(choice) for choice in record.choices]
    record.irregular = other.irregular = UNSET
    assert record == other
    ids = [json.loads(chatnorm.encode(each, "cozy"))["id"] for each in (record, other)]
    assert ids[0] == ids[1]


def bytes_in_processes(payload: Any, schema: str) -> list[bytes]:
    """The payload of `openai` converted by two processes whose strings have different hashes."""
    convert = f"chatnorm.convert(sys.stdin.buffer.read(), 'openai', '{schema}')"
    script = f"import sys, chatnorm; sys.stdout.buffer.write({convert})"
    return [
        subprocess.run(
            [sys.executable, "-c", script],
            input=json.dumps(payload).encode(),
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]


def test_a_derived_id_is_the_same_in_every_process() -> None:
    """An answer that came without an id gets the same one in every process."""
    payload = {key: value for key, value in FULL.items() if key != "id"}
    one, other = bytes_in_processes(payload, "cozy")
    assert one == other


def test_encoding_is_the_same_in_every_process() -> None:
    """The bytes of an encoding, the order of undeclared keys included, are the same in every process."""
    for schema in ("openai", "canonical"):
        one, other = bytes_in_processes({**FULL, **{f"{number}{'k' * 70}": 1 for number in range(20)}}, schema)
        assert one == other
