"""What this plugin wishes the core had; each section says where it would be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from itertools import takewhile
from types import UnionType
from typing import Any, Generic, TypeVar, Union, cast, get_args, get_origin

import chatnorm
import msgspec
from chatnorm import (
    ChatCompletionChunk,
    ChunkChoice,
    DecodeError,
    FunctionCall,
    Irregular,
    Message,
    StreamError,
    ToolCall,
)
from chatnorm.accumulation import Accumulator
from chatnorm.framing import EventStreamDecoder, FramingError, encode_event
from chatnorm.patch import apply_patch
from chatnorm.record import Record, kind_of
from chatnorm.values import equal, is_object
from chatnorm.wire import Family, Position, WireField, attach_overflow, encode_json, is_slot_key, parse_json
from msgspec import UNSET
from msgspec.structs import FieldInfo

__all__ = [
    "EventDecoder",
    "EventEncoder",
    "WholeCalls",
    "Wire",
    "WireRecord",
    "WireUnion",
    "decode_object",
    "decode_time",
    "encode_time",
    "with_extras",
]


# --- chatnorm.wire ------------------------------------------------------------------------------------------------


class WireRecord(Record, kw_only=True, gc=False):
    """The base of an adapter's own Structs. Undeclared keys are written as they are; see `chatnorm.extras`."""

    @staticmethod
    def __escape__(key: str) -> str:
        return key


W = TypeVar("W", bound=WireRecord)
R = TypeVar("R", bound=Record)


class Wire(Generic[W]):
    """How an adapter's own Struct is read: spelled as declared, undeclared keys kept, at the speed of typed decoding.

    A field whose default is `UNSET` may be missing; any other must be there, a `Literal` that tells kinds apart too.
    """

    def __init__(self, schema: str, kind: type[W]) -> None:
        self._schema = schema
        self._kind = kind

    @cached_property
    def _family(self) -> Family:
        return Family(self._schema, self._kind, _spell)

    def decode(self, data: bytes | str) -> W:
        """The record of a JSON text. Raises: DecodeError."""
        try:
            return cast("W", self._family.decode_strict(data))
        except Exception as error:
            return cast("W", self._family.recover(data, error, loosely=False)[0])

    def decode_value(self, value: Any) -> W:
        """The record of a JSON value. Raises: DecodeError."""
        try:
            return cast("W", msgspec.convert(value, self._family.verified[""]))
        except (msgspec.ValidationError, UnicodeError, RecursionError) as error:
            return cast("W", self._family.recover(encode_json(value), error, loosely=False)[0])


def _spell(_: Position, info: FieldInfo, strict: Any, loose: Any) -> WireField:
    return WireField(info.encode_name, _below(info.type, strict), _below(info.type, loose), info.default is not UNSET)


def _below(annotation: Any, derived: Any) -> Any:
    """The annotation with its Struct replaced by the derived one."""
    if derived is None:
        return annotation
    if get_origin(annotation) in (Union, UnionType):
        return Union[tuple(_below(part, derived) for part in get_args(annotation))]  # noqa: UP007 - at run time
    if get_origin(annotation) is list:
        return list[_below(get_args(annotation)[0], derived)]  # type: ignore[misc] # pyright: ignore
    return derived if _is_record(annotation) else annotation


def _is_record(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Record)


class WireUnion(Generic[W]):
    """Objects of several kinds that one key tells apart: blocks of an answer, events of a stream."""

    def __init__(self, schema: str, key: str, kinds: Mapping[str, type[W]]) -> None:
        self._key = key
        self._wires = {word: Wire(schema, kind) for word, kind in kinds.items()}

    def decode_value(self, value: Any) -> W | None:
        """The record of a JSON value, or None where it is of no known kind or breaks the rules of its kind."""
        word = value.get(self._key) if is_object(value) else None
        wire = self._wires.get(word) if isinstance(word, str) else None
        try:
            return None if wire is None else wire.decode_value(value)
        except DecodeError:
            return None


# --- chatnorm.canonical -------------------------------------------------------------------------------------------

_MAX_CLASSES = 256
_CLASSES: dict[tuple[type[Record], tuple[str, ...]], type[Record]] = {}


def with_extras(record: R, undeclared: Mapping[str, Any]) -> R:
    """`chatnorm.with_extras`, which also takes wire records; of those, keys that their Struct declares are left out."""
    kind = kind_of(record)
    if not issubclass(kind, WireRecord):
        return chatnorm.with_extras(record, undeclared) if undeclared else record
    undeclared = {key: value for key, value in undeclared.items() if key not in kind.__struct_encode_fields__}
    if not undeclared:
        return record
    keys = tuple(undeclared)
    declared: dict[str, Any] = {name: getattr(record, name) for name in kind.__struct_fields__}
    cls: Any = _CLASSES.get((kind, keys))
    if cls is None:
        if len(_CLASSES) >= _MAX_CLASSES or len(keys) > 16 or not all(map(is_slot_key, keys)):
            return attach_overflow(record, undeclared)
        slots = {f"extra_{place}": key for place, key in enumerate(keys)}
        cls = msgspec.defstruct(
            kind.__name__,
            [(name, Any, msgspec.field(default=UNSET, name=key)) for name, key in slots.items()],
            bases=(kind,),
            namespace={"__canonical__": kind, "__extras__": slots},
            module=kind.__module__,
            kw_only=True,
            gc=False,
        )
        _CLASSES[kind, keys] = cls
    values = {f"extra_{place}": value for place, value in enumerate(undeclared.values())}
    return cast("R", cls(**declared, **values))


# --- chatnorm.wire again ------------------------------------------------------------------------------------------


def decode_object(text: str, schema: str) -> dict[str, Any] | None:
    """The JSON object that a text is, the arguments of a tool call for one, or None where it is anything else."""
    try:
        value = parse_json(text, schema)
    except DecodeError:
        return None
    return value if is_object(value) else None


# --- a module of its own, for Gemini's and Ollama's times too -----------------------------------------------------

_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})", re.IGNORECASE
)
_LAST_SECOND = 253402300799  # of the year 9999


def decode_time(text: str) -> int | float | None:
    """Unix seconds of an RFC 3339 time, a float where it has a fraction; None where it is no such time.

    Source: https://www.rfc-editor.org/rfc/rfc3339#section-5.6
    """
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    start, fraction, offset = found.groups()
    try:
        seconds = int(datetime.fromisoformat(f"{start}{offset}".upper()).timestamp())
    except (ValueError, OverflowError):
        return None
    if fraction is None:
        return seconds
    return float(f"{seconds}{fraction}") if seconds >= 0 else seconds + float(fraction)


def encode_time(seconds: float) -> str | None:
    """The RFC 3339 time in UTC of Unix seconds, exactly; None before 1970 and after 9999."""
    whole, _, fraction = repr(seconds).partition(".")
    if not f"{whole}{fraction}".isdigit() or int(whole) > _LAST_SECOND:
        return None
    moment = datetime.fromtimestamp(int(whole), UTC).isoformat()[:19]
    return f"{moment}{fraction and '.'}{fraction}Z"


# --- chatnorm.accumulation ----------------------------------------------------------------------------------------


class WholeCalls:
    """Tool calls that come in pieces, for streams that send them whole; each is given out once, with its index."""

    def __init__(self) -> None:
        self._accumulator = Accumulator()
        self._given = 0

    def add(self, pieces: list[ToolCall]) -> list[ToolCall]:
        """The calls that these pieces complete: their arguments are a JSON object, which nothing can follow."""
        if not pieces:
            return []
        delta = Message(tool_calls=pieces)
        self._accumulator.add(ChatCompletionChunk(choices=[ChunkChoice(index=0, delta=delta)]))
        if not any(_arguments(piece).rstrip().endswith("}") for piece in pieces):
            return []
        return self._give(list(takewhile(_is_whole, self._held())))

    def rest(self) -> list[ToolCall]:
        """The calls not given out yet, when no more pieces come."""
        return self._give(self._held())

    def _held(self) -> list[ToolCall]:
        choices = self._accumulator.completion().choices
        return (choices[0].message.tool_calls or [])[self._given :] if choices else []

    def _give(self, calls: list[ToolCall]) -> list[ToolCall]:
        for index, call in enumerate(calls, self._given):
            call.index = index
        self._given += len(calls)
        return calls


def _is_whole(call: ToolCall) -> bool:
    return decode_object(_arguments(call), "") is not None


def _arguments(call: ToolCall) -> str:
    function = call.function
    return (function.arguments or "") if isinstance(function, FunctionCall) else ""


# --- chatnorm.stream ----------------------------------------------------------------------------------------------


class EventDecoder:
    """Server-sent events of a block schema -> chunks. Complete after an error or a finish reason.

    `decode_event` reads one event, `encode_events` is its inverse. What a chunk does not say of its event is measured
    with it and kept in the chunk's `irregular`, which is not accumulated and which only `EventEncoder` repeats.
    """

    def __init__(
        self,
        schema: str,
        decode_event: Callable[[Any], ChatCompletionChunk],
        encode_events: Callable[[ChatCompletionChunk], list[Any]],
    ) -> None:
        self._schema = schema
        self._decode_event = decode_event
        self._encode_events = encode_events
        self._frames = EventStreamDecoder()
        self._is_whole = False

    def feed(self, data: bytes) -> list[ChatCompletionChunk]:
        """The chunks that these bytes complete. Raises: StreamError."""
        try:
            return self._decode(self._frames.feed(data))
        except FramingError as error:
            raise StreamError(self._schema, str(error)) from None

    def close(self) -> list[ChatCompletionChunk]:
        """The chunk an unterminated last event holds. Raises: StreamError, with the chunks, if the stream was cut."""
        try:
            chunks = self._decode(self._frames.close())
        except FramingError as error:
            raise StreamError(self._schema, str(error)) from None
        if not self._is_whole:
            raise StreamError(self._schema, "the stream ends early: it neither finished nor failed", chunks)
        return chunks

    def _decode(self, frames: list[tuple[bytes, bytes]]) -> list[ChatCompletionChunk]:
        chunks: list[ChatCompletionChunk] = []
        for _, data in frames:
            if not data:
                continue  # a keep-alive
            try:
                event = parse_json(data, self._schema)
            except DecodeError as error:
                raise StreamError(self._schema, str(error), chunks) from error
            chunk = self._decode_event(event)
            said = self._encode_events(chunk)
            if not equal(said, [event]):
                test = {"op": "test", "path": "", "value": said}
                patch = [test, {"op": "replace", "path": "", "value": [event]}]
                chunk.irregular = Irregular(schema=self._schema, patch=patch)
            if chunk.error is not UNSET or any(choice.finish_reason for choice in chunk.choices):
                self._is_whole = True
            chunks.append(chunk)
        return chunks


class EventEncoder:
    """Chunks -> server-sent events of a block schema; chunks of this very schema go out as they came."""

    def __init__(self, schema: str, encode_events: Callable[[ChatCompletionChunk], list[Any]]) -> None:
        self._schema = schema
        self._encode_events = encode_events
        self._closed = False

    def feed(self, chunk: ChatCompletionChunk) -> bytes:
        """The events of a chunk; may be empty. Raises: StreamError after an error chunk or `close`."""
        if self._closed:
            raise StreamError(self._schema, "the stream is closed")
        self._closed = chunk.error is not UNSET
        events = self._encode_events(chunk)
        if chunk.irregular is not UNSET and chunk.irregular.schema == self._schema:
            events = apply_patch(events, chunk.irregular.patch, lenient=True)
        return b"".join(encode_event(encode_json(event)) for event in events)

    def close(self) -> bytes:
        """Nothing: the last event ends the stream."""
        self._closed = True
        return b""
