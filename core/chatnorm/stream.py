"""Streams of Chat Completions chunks: bytes -> frames -> chunks, and back, without I/O.

Source: https://platform.openai.com/docs/api-reference/chat/streaming
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

from msgspec import UNSET

from .chunk import ChatCompletionChunk
from .completion import Irregular, Message
from .dialect import Tree, read_reasoning
from .errors import encode_error_body
from .exceptions import DecodeError, StreamError
from .framing import EventStreamDecoder, FramingError, encode_event
from .patch import apply_patch
from .values import equal
from .wire import encode_json, parse_json

__all__ = ["ChunkDecoder", "ChunkEncoder", "EventDecoder", "EventEncoder"]

_DONE = b"[DONE]"


class ChunkDecoder:
    """Server-sent events of chunks -> canonical chunks."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._frames = EventStreamDecoder()
        #: indices of the choices seen beside number 0, and of those that finished
        self._others: set[Any] = set()
        self._finished: set[Any] = set()
        self._ended = False

    def feed(self, data: bytes) -> list[ChatCompletionChunk]:
        """The chunks that these bytes complete. Raises: StreamError."""
        try:
            return self._decode(self._frames.feed(data))
        except FramingError as error:
            raise StreamError(self._tree.schema, str(error)) from None

    def _decode(self, frames: list[tuple[bytes, bytes]]) -> list[ChatCompletionChunk]:
        chunks: list[ChatCompletionChunk] = []
        tree = self._tree
        decode, has_alias = tree.decode_strict, tree.has_alias
        for _, data in frames:
            try:
                chunk = decode(data)
            except Exception:
                if not self._holds_chunk(data):
                    continue
                chunk = self._decode_other(data, chunks)
                decode, has_alias = tree.decode_strict, tree.has_alias
            for choice in chunk.choices:
                if has_alias or choice.delta.reasoning is not UNSET:
                    read_reasoning(choice.delta)
                if choice.finish_reason:
                    self._finished.add(choice.index or 0)
                if choice.index:
                    self._others.add(choice.index)
            chunks.append(chunk)
        return chunks

    def _decode_other(self, data: bytes, before: list[ChatCompletionChunk]) -> ChatCompletionChunk:
        """A chunk with keys never seen, one that breaks the rules, or an error."""
        try:
            chunk: ChatCompletionChunk = self._tree.decode(data)
        except DecodeError as error:
            raise StreamError(self._tree.schema, str(error), before) from error
        if chunk.error is not UNSET:
            self._ended = True
        return chunk

    def _holds_chunk(self, data: bytes) -> bool:
        """Whether the data are to be a chunk: not the end of the stream, and not a keep-alive without content."""
        if data == _DONE:
            self._ended = True
        return bool(data) and data != _DONE

    def close(self) -> list[ChatCompletionChunk]:
        """The chunks an unterminated last event holds.

        Raises: StreamError if the stream ended before `[DONE]`, an error or a finish reason of every choice; it has
        the chunks that were still to come.
        """
        try:
            frames = self._frames.close()
        except FramingError as error:
            raise StreamError(self._tree.schema, str(error)) from None
        try:
            chunks = self._decode(frames)
        except StreamError as error:
            raise StreamError(self._tree.schema, "the stream ends inside an event") from error
        if not self._ended and not (self._finished and self._others <= self._finished):
            raise StreamError(
                self._tree.schema,
                "the stream ends early: no `[DONE]` and not every choice has finished",
                chunks,
            )
        return chunks


class ChunkEncoder:
    """Canonical chunks -> server-sent events of chunks.

    Chunks of this very schema go out as they came. In others the role is said once and first, and what the stream says
    once (id, model, time) is repeated on every chunk, as clients of Chat Completions rely on.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._encode_untouched = tree.encode_untouched
        self._said: dict[str, Any] = {}
        self._begun: set[Any] = set()
        self._closed = False

    def feed(self, chunk: ChatCompletionChunk) -> bytes:
        """The event of a chunk. Raises: StreamError after another schema's error chunk, or `close`."""
        data = self._encode_untouched(chunk)
        if data is not None and not self._closed:
            return b"data: %b\n\n" % data
        if self._closed:
            raise StreamError(self._tree.schema, "the stream is closed")
        tree = self._tree
        if tree.is_own(chunk):
            return b"data: %b\n\n" % tree.encode(chunk)
        if chunk.error is not UNSET:
            self._closed = True
            return encode_event(encode_error_body(chunk.error))
        return encode_event(tree.encode(self._continued(chunk)))

    def close(self) -> bytes:
        """`[DONE]`; nothing after an error."""
        closed, self._closed = self._closed, True
        return b"" if closed else encode_event(_DONE)

    def _continued(self, chunk: ChatCompletionChunk) -> ChatCompletionChunk:
        chunk = copy(chunk)
        said = self._said
        for name in ("id", "model", "created"):
            value = getattr(chunk, name)
            if value:
                said.setdefault(name, value)
            elif name in said:
                setattr(chunk, name, said[name])
        if "id" not in said and chunk.choices:
            from .chat_completions import derive_id

            chunk.id = said["id"] = derive_id(chunk, 0)
        chunk.choices = [self._with_role_once(choice) for choice in chunk.choices]
        return chunk

    def _with_role_once(self, choice: Any) -> Any:
        index = choice.index or 0
        role = choice.delta.role
        begins = index not in self._begun
        self._begun.add(index)
        if bool(role) == begins:
            return choice
        choice = copy(choice)
        delta: Message = copy(choice.delta)
        delta.role = (role or "assistant") if begins else UNSET
        choice.delta = delta
        return choice


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
