"""The canonical chunk: one piece of a streamed answer, as Chat Completions streams it.

Source: https://platform.openai.com/docs/api-reference/chat/streaming
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType, field

from .completion import Irregular, Logprobs, Message, Usage
from .error import ErrorResponse
from .record import Record

__all__ = ["ChatCompletionChunk", "ChunkChoice"]


class ChunkChoice(Record, kw_only=True, gc=False):
    """What a chunk adds to one of the answers. An absent `index` is 0."""

    index: int | float | UnsetType | None = UNSET
    delta: Message = field(default_factory=Message)
    logprobs: Logprobs | UnsetType | None = UNSET
    finish_reason: str | UnsetType | None = UNSET
    #: Canonical only: what one provider alone knows, keyed by schema.
    provider_metadata: dict[str, Any] | UnsetType = UNSET


class ChatCompletionChunk(Record, kw_only=True, gc=False):
    """A piece of an answer. `created` is Unix seconds; a last chunk without choices may carry the usage."""

    id: str | UnsetType | None = UNSET
    object: str | UnsetType | None = UNSET
    created: int | float | UnsetType | None = UNSET
    model: str | UnsetType | None = UNSET
    choices: list[ChunkChoice] = field(default_factory=list[ChunkChoice])
    usage: Usage | UnsetType | None = UNSET
    service_tier: str | UnsetType | None = UNSET
    system_fingerprint: str | UnsetType | None = UNSET
    prompt_logprobs: Any = UNSET
    #: OpenRAG's sources (cozy): JSON text as received, or an object from OpenRAG 2.3.0.
    extra: Any = UNSET
    #: Padding against traffic analysis; means nothing and is not accumulated.
    obfuscation: str | UnsetType | None = UNSET
    #: What went wrong; nothing follows it.
    error: ErrorResponse | UnsetType = UNSET
    #: Canonical only: what one provider alone knows, keyed by schema.
    provider_metadata: dict[str, Any] | UnsetType = UNSET
    #: Canonical only: RFC 6902 operations that finish an accumulated record, where chunks alone cannot say it.
    patch: list[dict[str, Any]] | UnsetType = UNSET
    #: Canonical only.
    irregular: Irregular | UnsetType = UNSET
