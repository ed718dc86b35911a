"""Acme's stream: server-sent events that start an answer, give its blocks in pieces, and end it.

    {"event": "started", "answer": {"response_id": …}}
    {"event": "block", "block": {"kind": "text", "text": "Hel"}}       a new block: whole, or its first piece
    {"event": "more", "text": "lo"}                                    continues the last text or thought
    {"event": "counted", "tokens": {"in": 7, "out": 2}}
    {"event": "stopped", "stopped_by": "end"}
    {"event": "error", "error": {"code": "too_busy", "message": …}}    instead of `stopped`

Source: https://acme.example/docs/stream
"""

from __future__ import annotations

from typing import Any, Literal

from chatnorm import ChatCompletionChunk, ChunkChoice, Irregular, Message, Reasoning, StreamError, ToolCall, extras
from chatnorm.accumulation import Accumulator
from chatnorm.errors import decode_error_object
from chatnorm.framing import encode_event
from chatnorm.layout import Block, OpaqueBlock, TextBlock, flatten
from chatnorm.patch import apply_patch, equal
from chatnorm.wire import encode_json, parse_json, to_builtins
from msgspec import UNSET, UnsetType

from . import answers
from ._wire import WireRecord, WireUnion, with_extras
from .answers import NAME, Head, Text, Thought, Tokens
from .errors import encode_failure

# --- Wire types ---------------------------------------------------------------------------------------------------


class Started(WireRecord, kw_only=True, gc=False):
    event: Literal["started"] = "started"
    answer: Head


class BlockEvent(WireRecord, kw_only=True, gc=False):
    event: Literal["block"] = "block"
    block: Any


class More(WireRecord, kw_only=True, gc=False):
    event: Literal["more"] = "more"
    text: str | UnsetType = UNSET
    seal: str | UnsetType = UNSET


class Counted(WireRecord, kw_only=True, gc=False):
    event: Literal["counted"] = "counted"
    tokens: Tokens


class Stopped(WireRecord, kw_only=True, gc=False):
    event: Literal["stopped"] = "stopped"
    stopped_by: str


class Failed(WireRecord, kw_only=True, gc=False):
    event: Literal["error"] = "error"
    error: dict[str, Any]


Event = Started | BlockEvent | More | Counted | Stopped | Failed

_EVENTS: WireUnion[Event] = WireUnion(
    NAME,
    "event",
    {
        "started": Started,
        "block": BlockEvent,
        "more": More,
        "counted": Counted,
        "stopped": Stopped,
        "error": Failed,
    },
)

# --- Decoding -----------------------------------------------------------------------------------------------------
