"""The canonical JSON: the record as it is, for logs and between the hops of a gateway.

Every Chat Completions client reads it. A key that a payload had and the canonical form uses for something else is
written with `~` before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, defstruct, field
from msgspec.structs import fields

from .chunk import ChatCompletionChunk
from .completion import ChatCompletion
from .dialect import Tree
from .error import ErrorResponse
from .record import R, Record, kind_of
from .wire import Position, attach_overflow, encode_record, is_slot_key, parse_json, refusal_of

__all__ = [
    "CHUNK",
    "COMPLETION",
    "decode_canonical",
    "decode_error",
    "encode_canonical",
    "encode_error",
    "with_extras",
]

_KEYS = frozenset(
    info.encode_name
    for root in (ChatCompletion, ChatCompletionChunk)
    for position in Position("", root).walk()
    for info in fields(position.kind)
)


def escape(key: str) -> str:
    """How canonical JSON writes an undeclared key, so that it is not taken for one of its own."""
    return f"~{key}" if key.lstrip("~") in _KEYS else key


def _unescape(key: str) -> str:
    return key.removeprefix("~") if key.lstrip("~") in _KEYS else key


COMPLETION = Tree("canonical", ChatCompletion, {}, canonical=True, escape=escape, unescape=_unescape)
CHUNK = Tree("canonical", ChatCompletionChunk, {}, canonical=True, escape=escape, unescape=_unescape)


def decode_canonical(data: bytes | str) -> ChatCompletion:
    """The record of its canonical JSON. Raises: DecodeError."""
    return COMPLETION.decode(data)  # type: ignore[no-any-return]


def encode_canonical(completion: ChatCompletion) -> bytes:
    """The canonical JSON of a record."""
    return COMPLETION.encode(completion)


msgspec.json.Decoder(ErrorResponse)  # two threads must not be the first to use a class: msgspec crashes


def decode_error(data: bytes | str, status: int | None, headers: Mapping[str, str]) -> ErrorResponse:
    """The error of its canonical JSON; a `status` given with it counts where the JSON says none."""
    try:
        said = parse_json(data, "canonical")
        error = msgspec.convert(said, ErrorResponse)
    except (msgspec.ValidationError, UnicodeError, RecursionError) as problem:
        raise refusal_of("canonical", problem) from None
    if status is not None and error.status is UNSET:
        error.status = status
    undeclared = {_unescape(key): said[key] for key in said.keys() - set(ErrorResponse.__struct_encode_fields__)}
    return with_extras(error, undeclared) if undeclared else error


def encode_error(error: ErrorResponse) -> bytes:
    """The canonical JSON of an error."""
    return encode_record(error)


_MAX_CLASSES = 256
_CLASSES: dict[tuple[type[Record], tuple[str, ...]], type[Record]] = {}


def with_extras(record: R, undeclared: Mapping[str, Any]) -> R:
    """A copy of the record that has exactly these undeclared keys, less those its Struct declares. See `extras`."""
    kind = kind_of(record)
    escape = kind.__escape__
    declared: dict[str, Any] = {name: getattr(record, name) for name in kind.__struct_fields__}
    undeclared = {
        key: item
        for key, item in undeclared.items()
        if item is not UNSET and escape(key) not in kind.__struct_encode_fields__
    }
    if not undeclared:
        return kind(**declared)
    keys = tuple(undeclared)
    cls: Any = _CLASSES.get((kind, keys))
    if cls is None:
        if len(_CLASSES) >= _MAX_CLASSES or len(keys) > 16 or not all(map(is_slot_key, keys)):
            return attach_overflow(kind(**declared), dict(undeclared))
        slots = {f"extra_{place}": key for place, key in enumerate(keys)}
        cls = _CLASSES[kind, keys] = defstruct(  # type: ignore[assignment]
            kind.__name__,
            [(name, Any, field(default=UNSET, name=escape(key))) for name, key in slots.items()],
            bases=(kind,),
            namespace={"__canonical__": kind, "__extras__": slots},
            module=kind.__module__,
            kw_only=True,
            gc=False,
        )
    values = {f"extra_{place}": value for place, value in enumerate(undeclared.values())}
    return cls(**declared, **values)  # type: ignore[no-any-return]
