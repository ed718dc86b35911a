"""Undeclared keys: kept wherever they stand, exact, invisible, bounded, and safe among threads."""

from __future__ import annotations

import copy
import gc
import json
import os
import pickle
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chatnorm
import msgspec
import pytest
from chatnorm.chat_completions import CHUNK, RESPONSE
from chatnorm.dialect import Dialect
from chatnorm.patch import diff
from chatnorm.record import Record, kind_of
from chatnorm.values import equal
from chatnorm.wire import MAX_GENERATIONS, MAX_KEY_LENGTH, MAX_KEYS
from chatnorm_adapters._log10 import RULES
from chatnorm_adapters.log10 import camel_case
from msgspec import UNSET, structs

PAYLOAD: dict[str, Any] = {
    "id": "1",
    "object": "chat.completion",
    "created": 7,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hi.",
                "refusal": None,
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                    {"id": "b", "type": "custom", "custom": {"name": "g", "input": "i"}},
                ],
                "function_call": {"name": "f", "arguments": "{}"},
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {"end_index": 1, "start_index": 0, "url": "u", "title": "t"},
                    }
                ],
                "audio": {"id": "a", "data": "", "expires_at": 7, "transcript": "t"},
            },
            "logprobs": {
                "content": [
                    {
                        "token": "a",
                        "logprob": -0.5,
                        "bytes": [97],
                        "top_logprobs": [{"token": "a", "logprob": 0, "bytes": None}],
                    }
                ],
                "refusal": None,
            },
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "total_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    },
}
TINY: dict[str, Any] = {"id": "1", "object": "chat.completion", "created": 7, "model": "m", "choices": []}
LOG10: dict[str, Any] = {
    "id": "1",
    "object": "chat.completion",
    "created": 7,
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "x",
                "toolCalls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            "logprobs": None,
            "finishReason": "tool_calls",
            "note": [1],
        }
    ],
    "usage": {"promptTokens": 1, "completionTokens": 2, "totalTokens": 3},
}
VALUES = (1, 1.5, None, "", {"a": [1, {"b": None}]}, [])

Place = tuple[str | int, ...]


def objects_in(value: Any, place: Place = ()) -> Iterator[Place]:
    """The places of all objects in a JSON value."""
    if isinstance(value, dict):
        yield place
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in below:
        yield from objects_in(item, (*place, step))


PLACES = list(objects_in(PAYLOAD))


def at(value: Any, place: Place) -> Any:
    """What stands at this place of a JSON value or of a record."""
    for step in place:
        value = getattr(value, step) if isinstance(value, Record) else value[step]
    return value


def with_keys(keys: list[str], places: list[Place] = PLACES) -> dict[str, Any]:
    """The payload with these keys in every object that does not have them, each with a value of its own."""
    payload = copy.deepcopy(PAYLOAD)
    for number, place in enumerate(places):
        for key in keys:
            at(payload, place).setdefault(key, [number, *VALUES])
    return payload


def openai_like() -> Dialect:
    """A dialect with the rules of `openai` that has met no payload."""
    return Dialect("openai", "", response=RESPONSE, chunk=CHUNK, reasoning="reasoning_content")


@pytest.fixture
def fresh() -> Dialect:
    return openai_like()


@pytest.fixture(scope="module")
def learning() -> Dialect:
    """One that learns from test to test."""
    return openai_like()


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def assert_same(found: bytes, wanted: Any) -> None:
    """The bytes are this JSON value: numbers by value and kind."""
    assert equal(json.loads(found), wanted), list(diff(json.loads(found), wanted))[:5]


def assert_comes_back(payload: Any, dialect: Dialect, body: bytes | None = None) -> Any:
    """The payload is the same in its own schema, and through canonical JSON; returns its record."""
    record = dialect.decode(encoded(payload) if body is None else body)
    assert_same(dialect.encode(record), payload)
    canonical = chatnorm.encode(record, "canonical")
    returned = chatnorm.decode(canonical, "canonical")
    assert returned == record
    assert record == returned
    assert_same(chatnorm.encode(returned, "canonical"), json.loads(canonical))
    assert_same(dialect.encode(returned), payload)
    return record


def assert_extras(record: Any, payload: Any) -> None:
    """`extras` at every place are the keys that the plain payload has not."""
    for place in PLACES:
        declared = at(PAYLOAD, place)
        undeclared = {key: value for key, value in at(payload, place).items() if key not in declared}
        assert equal(chatnorm.extras(at(record, place)), undeclared), place


KEYS = {
    "plain": "queue_time",
    "dunder": "__verbose",
    "empty": "",
    "blank": "a b",
    "quote": '"',
    "quote_inside": 'a"b',
    "backslash": "\\",
    "slash": "a/b~c",
    "newline": "\n",
    "nul": "\0",
    "delete": "\x7f",
    "line_separator": "\u2028",
    "accent": "é",
    "emoji": "🦀",
    "lone_surrogate": "\ud83d_",
    "longest": "k" * MAX_KEY_LENGTH,
    "too_long": "k" * (MAX_KEY_LENGTH + 1),
    "very_long": "k" * 10_000,
    "longest_in_bytes": "🦀" * MAX_KEY_LENGTH,
    "camel": "finishReason",
    "camel_root": "systemFingerprint",
    "layout": "layout",
    "provider_metadata": "provider_metadata",
    "reasoning_items": "reasoning_items",
    "reasoning": "reasoning",
    "irregular": "irregular",
    "patch": "patch",
    "escaped_layout": "~layout",
    "escaped_twice": "~~layout",
    "tilde": "~",
    "tilde_x": "~x",
    "slot": "extra_1",
    "self": "self",
    "class": "__class__",
    "canonical": "__canonical__",
    "extras": "__extras__",
    "overflow": "overflow",
    "values": "values",
    "keyword": "lambda",
    "generated_name": "HOME",
    "private_overflow": "chatnorm:overflow",
    "private_patch": "chatnorm:patch",
    "private_layout": "chatnorm:layout",
    "private_metadata": "chatnorm:provider_metadata",
    "private_irregular": "chatnorm:irregular",
    "private_reasoning": "chatnorm:reasoning_items",
}
GROUPS = [list(KEYS)[start : start + 6] for start in range(0, len(KEYS), 6)]

in_groups = pytest.mark.parametrize("names", GROUPS, ids="+".join)


@in_groups
def test_any_key_is_kept_at_every_level(names: list[str], learning: Dialect) -> None:
    """Any string is a key that comes back exactly from every object, on the first payload and the second."""
    payload = with_keys([KEYS[name] for name in names])
    for _ in range(2):
        assert_extras(assert_comes_back(payload, learning), payload)


@in_groups
def test_any_key_is_kept_in_a_sealed_schema(names: list[str]) -> None:
    """A schema whose clients drop unknown keys has its own back, and writes no foreign ones."""
    keys = [KEYS[name] for name in names if not name.startswith("camel")]
    payload = copy.deepcopy(LOG10)
    del payload["choices"][0]["note"]
    for holder in (payload, payload["choices"][0], payload["usage"]):
        holder.update({key: {"a": [1.5]} for key in keys})
    for _ in range(2):
        assert_same(chatnorm.convert(encoded(payload), "log10", "log10"), payload)
    foreign = {**TINY, **dict.fromkeys(keys, 1)}
    assert_same(chatnorm.convert(encoded(foreign), "openai", "log10"), TINY)


@pytest.mark.parametrize("name", ["quote", "nul", "lone_surrogate", "too_long"])
def test_a_key_without_slot_alone_in_a_sealed_schema(name: str) -> None:
    """A payload of a sealed schema whose only undeclared key finds no slot has it back."""
    payload = {**LOG10, "choices": [], KEYS[name]: 1}
    record = chatnorm.decode(encoded(payload), "log10")
    assert_same(chatnorm.encode(record, "log10"), payload)
    assert json.loads(chatnorm.encode(chatnorm.decode(encoded(payload), "openai"), "log10")).keys() <= LOG10.keys()


def test_a_learned_key_needs_no_second_look(fresh: Dialect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A payload with keys that are learned is not parsed untyped again."""
    assert_not_parsed_again(fresh, PAYLOAD, monkeypatch)


def test_a_learned_key_needs_no_second_look_when_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A payload with learned keys in a schema whose clients drop them is not parsed untyped again either."""
    sealed = Dialect("log10", "", response=RULES, rename=camel_case, sealed=True)
    assert_not_parsed_again(sealed, LOG10, monkeypatch)


def assert_not_parsed_again(dialect: Dialect, payload: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    body = encoded({**payload, "learned": 1})
    first = dialect.decode(body)
    monkeypatch.setattr("chatnorm.wire.parse_json", lambda *_: pytest.fail("it is parsed again"))
    assert dialect.decode(body) == first


def test_hundred_keys_at_once_are_kept(fresh: Dialect) -> None:
    """Keys with and without slots in one object do not get in each other's way."""
    keys = list(KEYS.values())
    payload = with_keys([*keys, *(f"key_{number}" for number in range(60))])
    for _ in range(2):
        assert_extras(assert_comes_back(payload, fresh), payload)


def test_private_key_beside_one_without_slot(fresh: Dialect) -> None:
    """A payload that names the key of the overflow does no harm to the payloads that overflow after it."""
    assert_comes_back({**PAYLOAD, "chatnorm:overflow": 1}, fresh)
    assert_comes_back({**PAYLOAD, "k" * (MAX_KEY_LENGTH + 1): 2}, fresh)


@pytest.mark.parametrize("key", ["~foo", "~", "~~foo", "~id", "~~id"])
def test_tilde_in_canonical_json(key: str) -> None:
    """Canonical JSON written by hand, with `~` before a key that needs none, comes back as it was."""
    payload = {**TINY, key: 1, "foo": 2}
    assert_same(chatnorm.convert(encoded(payload), "canonical", "canonical"), payload)


@pytest.mark.parametrize("key", ["delta", "text", "status", "name", "start"])
def test_keys_of_other_objects_in_canonical_json(key: str) -> None:
    """A key that is undeclared where it stands, and declared elsewhere, comes back in canonical JSON."""
    payload = {**TINY, key: 1, "choices": [{"message": {"role": "assistant", key: 1}, "finish_reason": "stop"}]}
    assert_same(chatnorm.convert(encoded(payload), "canonical", "canonical"), payload)


@pytest.mark.parametrize("place", [(), ("choices", 0, "message"), ("usage",)])
@pytest.mark.parametrize("key", ["x", "k" * 100], ids=["slot", "overflow"])
def test_the_last_of_duplicates_counts(place: Place, key: str, fresh: Dialect) -> None:
    """Of an undeclared key that comes twice the last value is kept, learned or not."""
    payload = with_keys([key], [place])
    at(payload, place)[key] = "last"
    text = json.dumps(payload).replace(f'"{key}": "last"', f'"{key}": "first", "{key}": "last"')
    assert text.count(f'"{key}"') == 2
    for _ in range(2):
        record = assert_comes_back(payload, fresh, text.encode())
        assert chatnorm.extras(at(record, place)) == {key: "last"}


def test_duplicate_of_a_declared_key(fresh: Dialect) -> None:
    """Of a declared key that comes twice the last value counts, even where the first one is invalid."""
    text = json.dumps(PAYLOAD)
    for first in ('"2"', "5", "null"):
        record = fresh.decode(text.replace('"id": "1"', f'"id": {first}, "id": "1"', 1))
        assert_same(fresh.encode(record), PAYLOAD)


def test_more_keys_than_slots_in_one_object(fresh: Dialect) -> None:
    """An object with more undeclared keys than it may have slots for keeps them all, from both sides."""
    keys = [f"key_{number}" for number in range(MAX_KEYS * 2 + 1)]
    payload = with_keys(keys)
    assert_extras(assert_comes_back(payload, fresh), payload)
    others = with_keys([*keys[::-1], "later"])
    assert_extras(assert_comes_back(others, fresh), others)


def derived_classes() -> int:
    """How many subclasses of `Record` there are, once those that nothing holds are gone."""
    gc.collect()
    found: set[type] = set()
    waiting: list[type] = [Record]
    while waiting:
        below = [cls for cls in waiting.pop().__subclasses__() if cls not in found]
        found.update(below)
        waiting += below
    return len(found)


def test_classes_and_slots_stay_bounded(fresh: Dialect) -> None:
    """Thousands of payloads with ever new keys are exact and leave no more classes than the stated bounds."""
    family = fresh.response._family
    positions = len(family.root.walk())
    fresh.decode(encoded(PAYLOAD))
    before = derived_classes()
    for number in range(1_200):
        place = PLACES[number % len(PLACES)]
        payload = with_keys([f"key_{number}", *(f"more_{number}_{each}" for each in range(number % 3))], [place])
        record = fresh.decode(encoded(payload))
        assert_extras_at(record, payload, place)
        if number % 10 == 0:
            assert_same(fresh.encode(record), payload)
    assert family.generation == MAX_GENERATIONS
    slots = [len(slots) for slots in family._learned.values()]
    assert sum(slots) >= MAX_GENERATIONS
    assert max(slots) <= MAX_KEYS
    # two classes a place and generation, and the classes of what overflowed and was encoded
    assert derived_classes() - before <= 2 * positions * MAX_GENERATIONS + 2 * 200
    for keys in (["new_1"], ["new_2", "key_0"], ["key_0", "key_1", "key_17"], []):
        payload = with_keys(keys)
        assert_extras(assert_comes_back(payload, fresh), payload)
    assert family.generation == MAX_GENERATIONS


def assert_extras_at(record: Any, payload: Any, place: Place) -> None:
    declared = at(PAYLOAD, place)
    assert chatnorm.extras(at(record, place)) == {
        key: value for key, value in at(payload, place).items() if key not in declared
    }


def test_memory_does_not_grow(fresh: Dialect) -> None:
    """Twenty thousand payloads with ever new keys take no more memory than the first two thousand."""
    start = encoded(TINY)[:-1]

    def read(first: int, last: int) -> None:
        for number in range(first, last):
            body = b'%b,"key_%d":%d}' % (start, number, number)
            record = fresh.decode(body)
            if number % 100 == 0:
                assert chatnorm.extras(record) == {f"key_{number}": number}
                assert_same(fresh.encode(record), json.loads(body))
        gc.collect()

    read(0, 2_000)
    before = sys.getallocatedblocks()
    read(2_000, 15_000)
    assert sys.getallocatedblocks() - before < 1_000
    tracemalloc.start()
    try:
        read(15_000, 20_000)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 50_000


def test_records_outlive_the_family_that_made_them(fresh: Dialect) -> None:
    """A record decoded before its family learned more keys is still read, encoded and compared."""
    early = fresh.decode(encoded(with_keys(["one"])))
    for number in range(20):
        fresh.decode(encoded(with_keys([f"key_{number}"])))
    late = fresh.decode(encoded(with_keys(["one"])))
    assert type(early) is not type(late)
    assert early == late
    assert_same(fresh.encode(early), with_keys(["one"]))
    early.choices.append(late.choices[0])
    late.choices.append(early.choices[0])
    assert fresh.encode(early) == fresh.encode(late)


def learn_in_threads(shared: bool) -> None:
    """Decode new keys in eight threads at once; run in a process of its own, because msgspec may crash."""
    dialect = openai_like()
    dialect.decode(encoded(PAYLOAD))
    start = threading.Barrier(8)
    problems: list[BaseException] = []

    def work(thread: int) -> None:
        try:
            start.wait()
            for number in range(10):
                key = f"key_{number}" if shared else f"key_{thread}_{number}"
                place = PLACES[(number if shared else number + thread) % len(PLACES)]
                payload = with_keys([key, "common"], [place])
                record = dialect.decode(encoded(payload))
                assert_extras_at(record, payload, place)
                assert_same(dialect.encode(record), payload)
        except BaseException as problem:
            problems.append(problem)

    sys.setswitchinterval(1e-5)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert 1 < dialect.response._family.generation <= MAX_GENERATIONS
    payload = with_keys(["common", "key_1", "key_3_7"])
    assert_extras(assert_comes_back(payload, dialect), payload)


@pytest.mark.parametrize("shared", [False, True], ids=["different_keys", "same_keys"])
def test_threads_learn_at_once(shared: bool) -> None:
    """Eight threads that decode payloads with new keys at once all get exactly their own."""
    script = f"import {__name__} as tests; tests.learn_in_threads({shared})"
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", script],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_no_class_is_used_before_it_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class is used only after its decoder was made: msgspec crashes where two threads are its first users."""
    whole: set[type] = set()
    used: list[bool] = []
    making, go_on = threading.Event(), threading.Event()
    make, convert = msgspec.json.Decoder, msgspec.convert
    learners: list[threading.Thread] = []

    def make_slowly(kind: type) -> Any:
        if threading.current_thread() in learners:
            making.set()
            go_on.wait(10)
        decoder = make(kind)
        whole.add(kind)
        return decoder

    def convert_and_note(tree: Any, kind: type) -> Any:
        used.append(kind in whole)
        return convert(tree, kind)

    monkeypatch.setattr(msgspec.json, "Decoder", make_slowly)
    monkeypatch.setattr(msgspec, "convert", convert_and_note)
    dialect = openai_like()
    family = dialect.response._family
    learn = family._learn

    def learn_and_be_overtaken(tree: Any) -> Any:
        family._learn = learn  # type: ignore[method-assign]
        learned = learn(tree)
        other = threading.Thread(target=dialect.decode, args=(encoded(with_keys(["other"])),))
        learners.append(other)
        other.start()
        assert making.wait(10)
        return learned

    family._learn = learn_and_be_overtaken  # type: ignore[method-assign]
    payload = with_keys(["one"])
    record = dialect.decode(encoded(payload))
    go_on.set()
    learners[0].join()
    assert used
    assert all(used)
    assert_extras(record, payload)


def test_no_two_families_make_decoders_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Families that are derived by two threads at once take turns: they share classes (`Reasoning`, …)."""
    at_work: list[int] = []
    most: list[int] = []
    make = msgspec.json.Decoder

    def make_slowly(kind: type) -> Any:
        at_work.append(1)
        most.append(len(at_work))
        time.sleep(0.02)
        decoder = make(kind)
        at_work.pop()
        return decoder

    one, other = openai_like(), openai_like()
    monkeypatch.setattr(msgspec.json, "Decoder", make_slowly)
    threads = [
        threading.Thread(target=lambda: one.response),
        threading.Thread(target=lambda: other.chunk),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most
    assert max(most) == 1


def test_every_path_makes_equal_records() -> None:
    """Records decoded before learning, after it, with overflowing keys, or made by hand are equal."""
    payload = with_keys(["x", "y"])
    body = encoded(payload)
    learned, exhausted = openai_like(), openai_like()
    exhausted.decode(encoded(with_keys([f"key_{number}" for number in range(MAX_KEYS)])))
    by_hand = fill_by_hand(learned.decode(encoded(PAYLOAD)), payload)
    records = [
        learned.decode(body),
        learned.decode(body),
        exhausted.decode(body),
        chatnorm.decode(chatnorm.encode(learned.decode(body), "canonical"), "canonical"),
        pickle.loads(pickle.dumps(exhausted.decode(body))),
        by_hand,
    ]
    assert len({type(record) for record in records}) >= 4
    for one in records:
        for other in records:
            assert one == other
            assert sorted(repr(one)) == sorted(repr(other))  # extras in any order
            assert chatnorm.extras(one) == chatnorm.extras(other)
            assert_same(learned.encode(other), json.loads(learned.encode(one)))
    for place in PLACES:
        changed = copy.deepcopy(payload)
        at(changed, place)["x"] = "other"
        for dialect in (learned, exhausted):
            assert dialect.decode(encoded(changed)) != by_hand


def fill_by_hand(record: Any, payload: Any) -> Any:
    """The record with the undeclared keys of the payload put on with `with_extras`, deepest first."""
    for place in sorted(PLACES, key=len, reverse=True):
        found = at(record, place)
        declared = at(PAYLOAD, place)
        undeclared = {key: value for key, value in at(payload, place).items() if key not in declared}
        filled = chatnorm.with_extras(found, undeclared)
        if not place:
            return filled
        holder, last = at(record, place[:-1]), place[-1]
        if isinstance(last, int):
            holder[last] = filled
        else:
            setattr(holder, last, filled)
    raise AssertionError


def test_not_equal_is_the_opposite_of_equal(fresh: Dialect) -> None:
    """`!=` is false wherever `==` is true, whichever classes hold the records."""
    body = encoded(with_keys(["x"]))
    early, late = fresh.decode(body), fresh.decode(encoded(with_keys(["x", "y"])))
    by_hand = chatnorm.with_extras(early, chatnorm.extras(early))
    assert early != late
    assert early == by_hand
    assert not early != by_hand  # noqa: SIM202


@pytest.mark.parametrize("keys", [["x"], ["x", "k" * 100], ["k" * 100]], ids=["slot", "both", "overflow"])
def test_copies_are_equal_and_apart(keys: list[str], fresh: Dialect) -> None:
    """A copy has the extras, a deep copy shares nothing, and both encode as the original does."""
    payload = with_keys(keys)
    record = fresh.decode(encoded(payload))
    shallow, deep = copy.copy(record), copy.deepcopy(record)
    for twin in (shallow, deep):
        assert twin == record
        assert_extras(twin, payload)
        assert_same(fresh.encode(twin), payload)
    shallow.id = "2"
    deep.choices[0].message.content = "changed"
    chatnorm.extras(deep)[keys[0]][-1].append("changed")
    assert_same(fresh.encode(record), payload)


def test_pickle_in_another_process(fresh: Dialect) -> None:
    """A pickle names public classes only, and is equal in a process that has learned nothing."""
    payload = with_keys(["x", "__verbose", "k" * 100])
    record = fresh.decode(encoded(payload))
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert b"extra_" not in pickle.dumps(record, protocol)
    script = (
        "import pickle, sys, chatnorm\n"
        "record = pickle.load(sys.stdin.buffer)\n"
        "assert type(record).__mro__[1] is chatnorm.ChatCompletion\n"
        "body = chatnorm.encode(record, 'openai')\n"
        "assert chatnorm.decode(body, 'openai') == record\n"
        "sys.stdout.buffer.write(pickle.dumps((record, body)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], input=pickle.dumps(record), capture_output=True, check=True)
    returned, body = pickle.loads(done.stdout)
    assert returned == record
    assert repr(returned) == repr(record)
    assert_same(body, payload)


def test_repr_is_readable(fresh: Dialect) -> None:
    """A repr names the public class, what was said and the extras, and nothing of how they are held."""
    record = fresh.decode(encoded({**TINY, "x": 1, "k" * 65: None, "usage": None}))
    assert repr(record) == (
        "ChatCompletion(id='1', object='chat.completion', created=7, model='m', choices=[], usage=None, "
        f"extras={{'x': 1, '{'k' * 65}': None}})"
    )


def test_extras_is_made_anew(fresh: Dialect) -> None:
    """Changing the dict that `extras` gives changes no record."""
    record = fresh.decode(encoded({**TINY, "x": 1, "k" * 100: 2}))
    chatnorm.extras(record).clear()
    assert chatnorm.extras(record) == {"x": 1, "k" * 100: 2}


@pytest.mark.parametrize("keys", [[], ["x"], ["x", "k" * 100]], ids=["none", "slot", "overflow"])
@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)) or "root")
def test_assigning_keeps_the_extras(place: Place, keys: list[str], learning: Dialect) -> None:
    """A field assigned at any level is encoded with its new value, and every extra stays."""
    payload = with_keys(keys)
    record = learning.decode(encoded(payload))
    for name, value in list(at(PAYLOAD, place).items()):
        new: Any
        match value:
            case str() if name not in ("object", "role", "type", "finish_reason"):
                new = "new"
            case int():
                new = 9
            case _:
                continue
        setattr(at(record, place), name, new)
        at(payload, place)[name] = new
    assert_extras(record, payload)
    body = learning.encode(record)
    assert_same(body, payload)
    assert learning.decode(body).irregular is UNSET


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)) or "root")
def test_assigning_anything_still_encodes_validly(place: Place, learning: Dialect) -> None:
    """Whatever is assigned to a decoded record, what is encoded keeps the rules of the schema."""
    body = encoded(with_keys(["x"]))
    for name, value in at(PAYLOAD, place).items():
        others = {int: (None, 1.5, UNSET), float: (None, 1, UNSET), str: (None, "other", "", UNSET)}
        for other in others.get(type(value), ()):
            record = learning.decode(body)
            setattr(at(record, place), name, other)
            learning.response._family.decode_strict(learning.encode(record))
            assert chatnorm.extras(record) == {"x": [0, *VALUES]}


@pytest.mark.xfail(strict=True, reason="`structs.replace` copies the class, which vouches for the old values")
def test_replacing_still_encodes_validly(fresh: Dialect) -> None:
    """What `structs.replace` makes of a decoded record is encoded by the rules of the schema."""
    record = structs.replace(fresh.decode(encoded(PAYLOAD)), created=1.5, object="nonsense")
    fresh.response._family.decode_strict(fresh.encode(record))


def test_lists_of_a_decoded_record_can_be_changed(fresh: Dialect) -> None:
    """Items appended to, replaced in or removed from the lists of a decoded record are encoded."""
    record = fresh.decode(encoded(with_keys(["x"])))
    calls = record.choices[0].message.tool_calls
    del calls[1]
    calls.append(chatnorm.ToolCall(id="c", function=chatnorm.FunctionCall(name="h", arguments="{}")))
    record.choices[0].logprobs.content.append(chatnorm.TokenLogprob(token="b", logprob=-1))
    record.choices.append(chatnorm.Choice(message=chatnorm.Message(content="Two.")))
    record.choices[0].logprobs.content[0].top_logprobs = []
    record.choices[0].logprobs.content[1].top_logprobs = []
    said = json.loads(fresh.encode(record))
    assert [call["id"] for call in said["choices"][0]["message"]["tool_calls"]] == ["a", "c"]
    assert said["choices"][0]["message"]["tool_calls"][1]["type"] == "function"
    assert [token["token"] for token in said["choices"][0]["logprobs"]["content"]] == ["a", "b"]
    assert said["choices"][1]["message"]["content"] == "Two."
    assert said["choices"][1]["index"] == 1
    assert said["choices"][0]["x"] == [1, *VALUES]


def test_records_of_two_schemas_mixed(fresh: Dialect) -> None:
    """Parts of one schema's record put into another's are written under the keys of the schema asked for."""
    openai = fresh.decode(encoded(with_keys(["x"])))
    log10 = chatnorm.decode(encoded(LOG10), "log10")
    openai.choices.append(log10.choices[0])
    openai.usage = log10.usage
    said = json.loads(fresh.encode(openai))
    assert said["choices"][1]["finish_reason"] == "tool_calls"
    assert said["choices"][1]["message"]["tool_calls"] == LOG10["choices"][0]["message"]["toolCalls"]
    assert said["choices"][1]["note"] == [1]
    assert said["usage"] == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    assert said["x"] == [0, *VALUES]
    assert "finishReason" not in json.dumps(said)

    log10.choices.append(openai.choices[0])
    log10.irregular = UNSET
    said = json.loads(chatnorm.encode(log10, "log10"))
    assert said["choices"][1]["finishReason"] == "stop"
    assert [call["id"] for call in said["choices"][1]["message"]["toolCalls"]] == ["a"]
    assert "x" not in said["choices"][1]


def test_extras_of_another_schema_never_hide_a_field(fresh: Dialect) -> None:
    """An undeclared key of one schema that another declares is not written beside the field."""
    payload = {**LOG10, "choices": [{**LOG10["choices"][0], "finish_reason": "nonsense"}]}
    record = chatnorm.decode(encoded(payload), "log10")
    assert chatnorm.extras(record.choices[0]) == {"finish_reason": "nonsense", "note": [1]}
    body = fresh.encode(record)
    assert body.count(b'"finish_reason"') == 1
    assert json.loads(body)["choices"][0]["finish_reason"] == "tool_calls"
    assert "/choices/0/~0finish_reason" in {loss.path for loss in chatnorm.losses(record, "openai")}


# --- Cases of recorded traffic ------------------------------------------------------------------------------


def test_recorded_created_is_a_float(fresh: Dialect) -> None:
    """SambaNova's fractional `created` stays what it is, and is whole seconds where a schema wants them."""
    payload = {**PAYLOAD, "created": 1732318284.53}
    record = assert_comes_back(payload, fresh)
    assert type(record.created) is float
    cozy = {**TINY, "created": 7.5, "system_fingerprint": None, "usage": PAYLOAD["usage"]}
    assert json.loads(chatnorm.convert(encoded(cozy), "cozy", "openai"))["created"] == 7


@pytest.mark.parametrize("number", [0, 0.0, -1, -0.5])
def test_recorded_logprob_keeps_its_kind(number: float, fresh: Dialect) -> None:
    """A log probability of Together or OpenRouter that is an integer stays one, and a float stays a float."""
    payload = copy.deepcopy(PAYLOAD)
    payload["choices"][0]["logprobs"]["content"][0]["logprob"] = number
    record = assert_comes_back(payload, fresh)
    assert type(record.choices[0].logprobs.content[0].logprob) is type(number)


@pytest.mark.parametrize("missing", [["id"], ["object"], ["id", "object"], ["created", "model"]])
def test_recorded_required_keys_missing(missing: list[str], fresh: Dialect) -> None:
    """What Z.ai, Copilot and Cloudflare leave out is absent, and made up only for another schema."""
    payload = {key: value for key, value in PAYLOAD.items() if key not in missing}
    record = assert_comes_back(payload, fresh)
    assert all(getattr(record, name) is UNSET for name in missing)
    elsewhere = json.loads(chatnorm.encode(record, "cozy"))
    assert not set(missing) - elsewhere.keys()


def test_recorded_prompt_tokens_missing(fresh: Dialect) -> None:
    """A usage without `prompt_tokens` comes back so; where it is required it follows from the others."""
    payload = copy.deepcopy(PAYLOAD)
    del payload["usage"]["prompt_tokens"]
    record = assert_comes_back(payload, fresh)
    assert json.loads(chatnorm.encode(record, "cozy"))["usage"]["prompt_tokens"] == 1


def test_recorded_verbose(fresh: Dialect) -> None:
    """llama.cpp's `__verbose`, which can be no field name, is an extra like any other."""
    payload = {**PAYLOAD, "__verbose": {"prompt": "x", "timings": {"n": 1.5}}}
    record = assert_comes_back(payload, fresh)
    assert chatnorm.extras(record) == {"__verbose": payload["__verbose"]}


def test_recorded_camel_case_beside_snake_case(fresh: Dialect) -> None:
    """The same name in camelCase and in snake_case are two keys, in every schema that has one of them."""
    payload = copy.deepcopy(PAYLOAD)
    payload["choices"][0]["finishReason"] = "STOP"
    payload["usage"]["promptTokens"] = 11
    payload["systemFingerprint"] = None
    record = assert_comes_back(payload, fresh)
    assert chatnorm.extras(record.usage) == {"promptTokens": 11}
    both = {**LOG10, "usage": {**LOG10["usage"], "prompt_tokens": 11}, "system_fingerprint": 1}
    assert_same(chatnorm.convert(encoded(both), "log10", "log10"), both)


@pytest.mark.parametrize("choices", [None, "absent"])
def test_recorded_no_choices_is_no_answer(choices: Any, fresh: Dialect) -> None:
    """An answer whose `choices` are null or missing is refused, and not read as an empty one."""
    payload = {**PAYLOAD, "choices": None}
    if choices == "absent":
        del payload["choices"]
    with pytest.raises(chatnorm.DecodeError, match="choices") as caught:
        fresh.decode(encoded(payload))
    assert caught.value.path.startswith("$")


def test_recorded_empty_choices(fresh: Dialect) -> None:
    """An answer whose `choices` are an empty list comes back as one."""
    assert_comes_back({**PAYLOAD, "choices": []}, fresh)


@pytest.mark.parametrize("error", [{"message": "overloaded", "code": 503}, "overloaded", None, 5])
def test_recorded_error_with_status_200(error: Any, fresh: Dialect) -> None:
    """An error object where an answer should be is refused by name; beside choices it is kept with them."""
    with pytest.raises(chatnorm.DecodeError, match=r"error|choices"):
        fresh.decode(encoded({"id": "1", "error": error}))
    record = assert_comes_back({**PAYLOAD, "error": error}, fresh)
    assert isinstance(record.error, chatnorm.ErrorResponse)


# --- Chunks -------------------------------------------------------------------------------------------------


def test_chunks_keep_unknown_keys() -> None:
    """Every chunk keeps the undeclared keys of its choices, deltas and tool calls, and goes out with them."""
    decoder, encoder = chatnorm.stream_decoder("openai"), chatnorm.stream_encoder("openai")
    for number in range(3):
        call = {"index": 0, "function": {"arguments": "{", "y": number}, "__x": number}
        event = {
            **TINY,
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": {"tool_calls": [call], "k" * 70: 1}, "finish_reason": None, "z": 1}],
            f"key_{number}": None,
        }
        (chunk,) = decoder.feed(b"data: %b\n\n" % encoded(event))
        assert chatnorm.extras(chunk) == {f"key_{number}": None}
        assert chatnorm.extras(chunk.choices[0].delta.tool_calls[0].function) == {"y": number}
        assert kind_of(chunk) is chatnorm.ChatCompletionChunk
        data = encoder.feed(chunk)
        assert_same(data.removeprefix(b"data: "), event)
