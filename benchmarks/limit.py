"""The limit: what msgspec alone needs to decode a payload into Structs of its fields, and to encode them.

The Structs know every key of the payload they are for, in the order it has them, and nothing else; they owe
nothing to chatnorm. They are `gc=False`, which makes the limit harder to reach.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

__all__ = ["CHUNK", "COMPLETIONS", "UNKNOWN", "round_trip", "round_trip_each"]


class TopLogprob(Struct, gc=False):
    token: str
    logprob: float
    bytes: list[int]


class TokenLogprob(Struct, gc=False):
    token: str
    logprob: float
    bytes: list[int]
    top_logprobs: list[TopLogprob]


class Logprobs(Struct, gc=False):
    content: list[TokenLogprob]
    refusal: None


class Function(Struct, gc=False):
    name: str
    arguments: str


class ToolCall(Struct, gc=False):
    id: str
    type: str
    function: Function


class Message(Struct, gc=False):
    role: str
    content: str | None
    refusal: str | None
    annotations: list[Any]
    tool_calls: list[ToolCall] | UnsetType = UNSET


class Choice(Struct, gc=False):
    index: int
    message: Message
    logprobs: Logprobs | None
    finish_reason: str


class PromptDetails(Struct, gc=False):
    cached_tokens: int
    audio_tokens: int


class CompletionDetails(Struct, gc=False):
    reasoning_tokens: int
    audio_tokens: int
    accepted_prediction_tokens: int
    rejected_prediction_tokens: int


class Usage(Struct, gc=False):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails


class Completion(Struct, gc=False):
    id: str
    object: str
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    service_tier: str
    system_fingerprint: str


# --- The keys of `payloads.with_unknown_keys` --------------------------------------------------------------


class Groq(Struct, gc=False):
    id: str


class MessageMore(Message, kw_only=True, gc=False):
    cache_key: str


class ChoiceMore(Choice, gc=False):
    message: MessageMore
    native_finish_reason: str
    matched_stop: int


class UsageMore(Usage, gc=False):
    queue_time: float
    prompt_time: float
    completion_time: float
    total_time: float


class CompletionMore(Struct, gc=False):
    id: str
    object: str
    created: int
    model: str
    choices: list[ChoiceMore]
    usage: UsageMore
    service_tier: str
    system_fingerprint: str
    provider: str
    x_groq: Groq


# --- cozy --------------------------------------------------------------------------------------------------


class ContentLogprobs(Struct, gc=False):
    content: list[TokenLogprob]


class CozyMessage(Struct, gc=False):
    content: str
    role: str
    tool_calls: list[ToolCall] | UnsetType = UNSET


class CozyChoice(Struct, gc=False):
    finish_reason: str
    index: int
    message: CozyMessage
    logprobs: ContentLogprobs | None


class CozyUsage(Struct, gc=False):
    completion_tokens: int
    prompt_tokens: int
    total_tokens: int


class CozyCompletion(Struct, gc=False):
    id: str
    created: int
    model: str
    object: str
    system_fingerprint: None
    choices: list[CozyChoice]
    usage: CozyUsage
    extra: str


# --- log10, in snake case on the wire and in camel case in its SDK -----------------------------------------


class WireMessage(Struct, gc=False):
    role: str
    content: str | None
    tool_calls: list[ToolCall] | UnsetType = UNSET


class WireChoice(Struct, gc=False):
    index: int
    message: WireMessage
    logprobs: ContentLogprobs | None
    finish_reason: str


class WireUsage(Struct, gc=False):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class WireCompletion(Struct, gc=False):
    id: str
    object: str
    created: int
    model: str
    choices: list[WireChoice]
    usage: WireUsage
    system_fingerprint: str


class CamelTokenLogprob(Struct, gc=False, rename="camel"):
    token: str
    logprob: float
    bytes: list[int]
    top_logprobs: list[TopLogprob]


class CamelLogprobs(Struct, gc=False):
    content: list[CamelTokenLogprob]


class CamelMessage(Struct, gc=False, rename="camel"):
    role: str
    content: str | None
    tool_calls: list[ToolCall] | UnsetType = UNSET


class CamelChoice(Struct, gc=False, rename="camel"):
    index: int
    message: CamelMessage
    logprobs: CamelLogprobs | None
    finish_reason: str


class CamelUsage(Struct, gc=False, rename="camel"):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CamelCompletion(Struct, gc=False, rename="camel"):
    id: str
    object: str
    created: int
    model: str
    choices: list[CamelChoice]
    usage: CamelUsage
    system_fingerprint: str


# --- Chunks ------------------------------------------------------------------------------------------------


class Delta(Struct, gc=False):
    role: str | UnsetType = UNSET
    content: str | UnsetType = UNSET
    refusal: UnsetType | None = UNSET


class ChunkChoice(Struct, gc=False):
    index: int
    delta: Delta
    logprobs: None
    finish_reason: str | None


class Chunk(Struct, gc=False):
    id: str
    object: str
    created: int
    model: str
    service_tier: str
    system_fingerprint: str
    choices: list[ChunkChoice]
    usage: Usage | None
    obfuscation: str


COMPLETIONS: dict[str, type[Struct]] = {
    "openai": Completion,
    "cozy": CozyCompletion,
    "log10": CamelCompletion,
    "log10-wire": WireCompletion,
}
UNKNOWN = CompletionMore
CHUNK = Chunk


def _codec(kind: type[Struct], bodies: list[bytes]) -> tuple[Callable[[bytes], Struct], Callable[[Struct], bytes]]:
    """Decode and encode of payloads of which `kind` knows every key. Raises: ValueError where it does not."""
    decode, encode = msgspec.json.Decoder(kind).decode, msgspec.json.Encoder().encode
    for body in bodies:
        if msgspec.json.decode(encode(decode(body))) != msgspec.json.decode(body):
            raise ValueError(f"{kind.__name__} does not hold all of {body[:200]!r}")
    return decode, encode


def round_trip(kind: type[Struct], body: bytes) -> Callable[[], object]:
    """Decode and encode of one payload."""
    decode, encode = _codec(kind, [body])
    return lambda: encode(decode(body))


def round_trip_each(kind: type[Struct], bodies: list[bytes]) -> Callable[[], object]:
    """Decode and encode of each payload, one after the other."""
    decode, encode = _codec(kind, bodies)

    def run() -> None:
        for body in bodies:
            encode(decode(body))

    return run
