"""Generated records: any canonical record, with undeclared keys anywhere.

Fields are absent, null or any value their type allows; words and numbers are drawn so that the closed lists of real
schemas are met and missed. A record is made from a seed, which hypothesis draws: that is a hundred times faster than
drawing each value, and a failing example is shrunk by its `richness`, the share of fields it has.
"""

from __future__ import annotations

from random import Random
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from hypothesis import strategies as st
from msgspec import UNSET, UnsetType
from msgspec.structs import fields

from chatnorm import ChatCompletion, ChatCompletionChunk, with_extras
from chatnorm.completion import Irregular
from chatnorm.record import Record

__all__ = ["chunks", "completions", "json_values", "make_record"]

R = TypeVar("R", bound=Record)

_WORDS = (
    "stop",
    "length",
    "tool_calls",
    "content_filter",
    "function_call",
    "assistant",
    "user",
    "tool",
    "function",
    "custom",
    "chat.completion",
    "chat.completion.chunk",
    "url_citation",
    "default",
    "x_new_reason",
    "",
    "Grüße",
    "\U0001f980",
    'a "quoted" \\ text\n\u2028',
    "{}",
)

#: Keys no schema declares, some of them keys that a canonical field or a derived class has.
_KEYS = (
    "x_vendor",
    "__verbose",
    "queue-time",
    "layout",
    "provider_metadata",
    "reasoning",
    "reasoning_items",
    "irregular",
    "chatnorm:layout",
    "~x",
    "a b",
    'q"',
    "self",
    "overflow",
    "extra_1",
    "finishReason",
    "",
    "Ü" * 70,
)

_NUMBERS = (0, 1, -1, 7, 1760000000, 2**53, 10**25)
_FLOATS = (0.0, 1.0, -0.5, 1.5, 1e-7, 1760000000.25)


def _integer(random: Random) -> int:
    return random.choice(_NUMBERS) if random.random() < 0.5 else random.randrange(5000)


def _json(random: Random, depth: int = 2) -> Any:
    kind = random.randrange(8 if depth else 6)
    if kind == 6:
        return [_json(random, depth - 1) for _ in range(random.randrange(3))]
    if kind == 7:
        return {random.choice(_KEYS): _json(random, depth - 1) for _ in range(random.randrange(3))}
    return (None, True, False, _integer(random), random.choice(_FLOATS), random.choice(_WORDS))[kind]


def _value(annotation: Any, random: Random, richness: int) -> Any:
    if annotation is Any:
        return _json(random)
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        parts = get_args(annotation)
        if UnsetType in parts and random.randrange(10) >= richness:
            return UNSET
        said = [part for part in parts if part not in (UnsetType, type(None))]
        if type(None) in parts and random.random() < 0.15:
            return None
        return _value(random.choice(said), random, richness)
    if origin is list:
        item = get_args(annotation)[0]
        return [_value(item, random, richness) for _ in range(random.choice((0, 1, 1, 2)))]
    if origin is dict:
        return {random.choice(_WORDS): _json(random) for _ in range(random.randrange(3))}
    if origin is Literal:
        return random.choice(get_args(annotation))
    if issubclass(annotation, Record):
        return make_record(annotation, random, richness)
    scalars = {str: _WORDS, float: _FLOATS, bool: (True, False)}
    return _integer(random) if annotation is int else random.choice(scalars[annotation])


def make_record(kind: type[R], random: Random, richness: int = 7) -> R:
    """A record of a canonical Struct, the same for the same `random`; `richness` of ten optional fields are there."""
    values = {
        info.name: _value(info.type, random, richness)
        for info in fields(kind)
        if Irregular not in get_args(info.type) and info.name != "patch"
    }
    record = kind(**values)
    if random.randrange(30) < richness:
        keys: list[str] = random.sample(_KEYS, random.randrange(1, 4))
        if random.random() < 0.05:
            keys.append(f"x{random.randrange(10**6)}")
        return with_extras(record, {key: _json(random) for key in keys})
    return record


def _made(kind: type[R]) -> st.SearchStrategy[R]:
    def made(richness: int, seed: int) -> R:
        return make_record(kind, Random(seed), richness)

    return st.builds(made, st.integers(0, 10), st.integers(0, 2**48))


def completions() -> st.SearchStrategy[ChatCompletion]:
    """Any canonical completion."""
    return _made(ChatCompletion)


def chunks() -> st.SearchStrategy[ChatCompletionChunk]:
    """Any canonical chunk."""
    return _made(ChatCompletionChunk)


def json_values() -> st.SearchStrategy[Any]:
    """Small JSON values."""
    return st.integers(0, 2**48).map(lambda seed: _json(Random(seed), 3))
