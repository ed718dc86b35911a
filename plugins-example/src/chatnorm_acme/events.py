"""Acme's stream: server-sent events that start an answer, give its blocks in pieces, and end it.

    {"event": "started", "answer": {"response_id": …}}
    {"event": "block", "block": {"kind": "text", "text": "Hel"}}       a new block: whole, or its first piece
    {"event": "more", "block": {"kind": "text", "text": "lo"}}         continues the last text or thought
    {"event": "counted", "tokens": {"in": 7, "out": 2}}
    {"event": "stopped", "stopped_by": "end"}
    {"event": "error", "error": {"code": "too_busy", "message": …}}    instead of `stopped`

Source: https://acme.example/docs/stream
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from chatnorm import ChatCompletionChunk, ChunkChoice, Message, Reasoning, ToolCall, extras, with_extras
from chatnorm.accumulation import WholeCalls
from chatnorm.layout import Block, TextBlock, flatten
from chatnorm.wire import WireRecord, WireUnion, to_builtins
from msgspec import UNSET

from .answers import (
    NAME,
    Head,
    Text,
    Thought,
    Tokens,
    decode_block,
    decode_head,
    decode_stop,
    decode_tokens,
    encode_blocks,
    encode_head,
    encode_stop,
    encode_tokens,
    kept,
)
from .errors import decode_failure, encode_failure

# --- Wire types ---------------------------------------------------------------------------------------------------


class Started(WireRecord, kw_only=True, gc=False):
    event: Literal["started"] = "started"
    answer: Head


class Piece(WireRecord, kw_only=True, gc=False):
    event: Literal["block", "more"]
    block: dict[str, Any]


class Counted(WireRecord, kw_only=True, gc=False):
    event: Literal["counted"] = "counted"
    tokens: Tokens


class Stopped(WireRecord, kw_only=True, gc=False):
    event: Literal["stopped"] = "stopped"
    stopped_by: str


class Failed(WireRecord, kw_only=True, gc=False):
    event: Literal["error"] = "error"
    error: dict[str, Any]


Event = Started | Piece | Counted | Stopped | Failed

_EVENTS: WireUnion[Event] = WireUnion(
    NAME,
    "event",
    {"started": Started, "block": Piece, "more": Piece, "counted": Counted, "stopped": Stopped, "error": Failed},
)

# --- Decoding -----------------------------------------------------------------------------------------------------


class AnswerReader:
    """The events of one stream, read in order."""

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}
        #: For each block its pieces.
        self._blocks: list[list[Block]] = []

    def decode_event(self, value: Any) -> ChatCompletionChunk:
        """The chunk of an event; an event of no known kind adds nothing."""
        chunk = ChatCompletionChunk(object="chat.completion.chunk")
        event = _EVENTS.decode_value(value)
        match event:
            case None:
                return chunk
            case Started():
                head = decode_head(event.answer)
                self._kept = kept(head)
                chunk.id, chunk.created, chunk.model = head.id, head.created, head.model
                chunk.provider_metadata = head.provider_metadata
                chunk.choices = [ChunkChoice(index=0, delta=Message(role="assistant"))]
                return with_extras(chunk, extras(head))
            case Piece():
                chunk.choices = [ChunkChoice(index=0, delta=self._decode_piece(event))]
            case Counted():
                chunk.usage = decode_tokens(event.tokens)
            case Stopped():
                reason, own = decode_stop(event.stopped_by)
                if own:
                    chunk.provider_metadata = {NAME: self._kept | own}
                chunk.choices = [ChunkChoice(index=0, delta=self._decode_end(), finish_reason=reason)]
            case Failed():
                chunk.error = decode_failure(event.error)
                chunk.choices = [ChunkChoice(index=0, delta=self._decode_end())]
        return with_extras(chunk, extras(event))

    def _decode_piece(self, piece: Piece) -> Message:
        """What a piece adds to the message; where it stands among others is said at the end."""
        said = decode_block(piece.block)
        if piece.event == "block" or not self._blocks:
            self._blocks.append([])
        self._blocks[-1].append(said)
        flat = flatten([said])
        delta = Message(reasoning=flat.reasoning, tool_calls=flat.tool_calls)
        if flat.content is not None:
            delta.content = flat.content
        for thought in delta.reasoning or []:
            thought.index = self._count(Reasoning) - 1
        for call in delta.tool_calls or []:
            call.index = self._count(ToolCall) - 1
        return delta

    def _count(self, kind: type[Block]) -> int:
        return sum(isinstance(pieces[0], kind) for pieces in self._blocks)

    def _decode_end(self) -> Message:
        """What can be said of the message only when it is whole."""
        whole = flatten(map(_joined, self._blocks))
        return Message(content=None if whole.content is None else UNSET, layout=whole.layout)


def _joined(pieces: list[Block]) -> Block:
    """One block of its pieces, as far as the layout must know it."""
    first = pieces[0]
    if not isinstance(first, TextBlock):
        return first
    return TextBlock("".join(piece.text for piece in pieces if isinstance(piece, TextBlock)), first.extras)


# --- Encoding -----------------------------------------------------------------------------------------------------


class AnswerWriter:
    """Chunks of any schema -> Acme's events. A call is written when it is whole: Acme knows no pieces of one."""

    def __init__(self) -> None:
        self._begun = False
        #: What more can come of: the text, or the reasoning of an index.
        self._open: str | int | None = None
        self._calls = WholeCalls()

    def encode_events(self, chunk: ChatCompletionChunk) -> list[Any]:
        """The events of a chunk: none, one or several."""
        events: list[Event] = []
        if chunk.choices and not self._begun and chunk.error is UNSET:
            self._begun = True
            events.append(Started(answer=with_extras(encode_head(chunk), extras(chunk))))
        for choice in chunk.choices:
            if not choice.index:
                events += self._encode_delta(choice.delta)
                if choice.finish_reason:
                    events += self._encode_calls(self._calls.rest())
                    events.append(Stopped(stopped_by=encode_stop(chunk, choice.finish_reason) or ""))
        if isinstance(tokens := encode_tokens(chunk.usage), Tokens):
            events.append(Counted(tokens=tokens))
        if chunk.error is not UNSET:
            events.append(Failed(error=encode_failure(chunk.error)))
        if events and not isinstance(events[0], Started):
            events[0] = with_extras(events[0], extras(chunk))
        return [to_builtins(event) for event in events]

    def _encode_delta(self, delta: Message) -> Iterator[Event]:
        for piece in delta.reasoning or []:
            if isinstance(piece.text, str) or isinstance(piece.signature, str) or extras(piece):
                thought = Thought(text=piece.text or "", seal=piece.signature)
                place = piece.index if isinstance(piece.index, int) else 0
                yield self._encode_piece(with_extras(thought, extras(piece)), place)
        if isinstance(delta.content, str):
            yield self._encode_piece(Text(text=delta.content), "text")
        yield from self._encode_calls(self._calls.add(delta.tool_calls or []))

    def _encode_calls(self, calls: list[ToolCall]) -> Iterator[Event]:
        for call in encode_blocks(calls):
            yield self._encode_piece(call, None)

    def _encode_piece(self, block: WireRecord, place: str | int | None) -> Event:
        continues = place is not None and self._open == place
        self._open = place
        return Piece(event="more" if continues else "block", block=to_builtins(block))
