"""The canonical completion: the Chat Completions response, as a superset of what every schema says.

Absent and null differ everywhere: a field is `UNSET` when the payload had no such key and `None` when it said null.
A number that was not reported is absent, never 0. Fields marked *canonical only* have no key in Chat Completions;
they travel in the `canonical` schema and are a loss in any other.

Source: https://platform.openai.com/docs/api-reference/chat/object
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field

from .error import ErrorResponse
from .record import Record

__all__ = [
    "Annotation",
    "Audio",
    "ChatCompletion",
    "Choice",
    "CompletionTokensDetails",
    "CustomToolCall",
    "FunctionCall",
    "Irregular",
    "LayoutItem",
    "Logprobs",
    "Message",
    "PromptTokensDetails",
    "Reasoning",
    "TokenLogprob",
    "ToolCall",
    "TopLogprob",
    "UrlCitation",
    "Usage",
]


class TopLogprob(Record, kw_only=True, gc=False):
    """One of the likeliest tokens at a position."""

    token: str | UnsetType | None = UNSET
    #: Natural logarithm of the probability; an integer stays an integer.
    logprob: int | float | UnsetType | None = UNSET
    #: UTF-8 bytes of the token, 0-255 each; a string where a vendor sends one.
    bytes: list[int] | str | UnsetType | None = UNSET


class TokenLogprob(Record, kw_only=True, gc=False):
    """The log probability of one token of the answer."""

    token: str | UnsetType | None = UNSET
    #: Natural logarithm of the probability; an integer stays an integer.
    logprob: int | float | UnsetType | None = UNSET
    #: UTF-8 bytes of the token, 0-255 each; a string where a vendor sends one.
    bytes: list[int] | str | UnsetType | None = UNSET
    top_logprobs: list[TopLogprob] | UnsetType | None = UNSET


class Logprobs(Record, kw_only=True, gc=False):
    """The log probabilities of a choice: of its content tokens and of its refusal tokens."""

    content: list[TokenLogprob] | UnsetType | None = UNSET
    refusal: list[TokenLogprob] | UnsetType | None = UNSET


class FunctionCall(Record, kw_only=True, gc=False):
    """A function the model wants called. `arguments` is the JSON text exactly as received."""

    name: str | UnsetType | None = UNSET
    arguments: str | UnsetType | None = UNSET


class CustomToolCall(Record, kw_only=True, gc=False):
    """A custom tool the model wants called, with free text as input."""

    name: str | UnsetType | None = UNSET
    input: str | UnsetType | None = UNSET


class ToolCall(Record, kw_only=True, gc=False):
    """A call of a tool that the client runs; in a chunk, a piece of one.

    `index` is the position in the message's list; complete answers of some vendors carry it too.
    """

    index: int | UnsetType | None = UNSET
    id: str | UnsetType | None = UNSET
    type: str | UnsetType | None = UNSET
    function: FunctionCall | UnsetType | None = UNSET
    custom: CustomToolCall | UnsetType | None = UNSET


class UrlCitation(Record, kw_only=True, gc=False):
    """A web page that a span of `content` cites; the indices count characters of `content`."""

    end_index: int | UnsetType | None = UNSET
    start_index: int | UnsetType | None = UNSET
    url: str | UnsetType | None = UNSET
    title: str | UnsetType | None = UNSET


class Annotation(Record, kw_only=True, gc=False):
    """A citation over a span of `content`."""

    type: str | UnsetType | None = UNSET
    url_citation: UrlCitation | UnsetType | None = UNSET


class Audio(Record, kw_only=True, gc=False):
    """Spoken output. `data` is base64; `expires_at` is Unix seconds."""

    id: str | UnsetType | None = UNSET
    data: str | UnsetType | None = UNSET
    expires_at: int | float | UnsetType | None = UNSET
    transcript: str | UnsetType | None = UNSET


class Reasoning(Record, kw_only=True, gc=False):
    """One piece of the model's reasoning.

    `index` tells pieces apart in a stream; pieces without one continue the last.
    `data` is reasoning only its provider can read; `signature` vouches for `text`. Both stay byte for byte.
    `spelling` is the undeclared key of the message that says this text, where it did not come under the schema's own.
    """

    index: int | UnsetType | None = UNSET
    id: str | UnsetType | None = UNSET
    text: str | UnsetType | None = UNSET
    summary: str | UnsetType | None = UNSET
    signature: str | UnsetType | None = UNSET
    data: str | UnsetType | None = UNSET
    spelling: str | UnsetType = UNSET


class LayoutItem(Record, kw_only=True, gc=False):
    """Which part of a message came at this place of the provider's answer.

    `type` is `text` (characters `start` to `end` of `content`), `reasoning` or `tool_call` (number `index` of that
    list), or `opaque` (`block`, which only its provider understands).
    """

    type: Literal["text", "reasoning", "tool_call", "opaque"]
    start: int | UnsetType = UNSET
    end: int | UnsetType = UNSET
    index: int | UnsetType = UNSET
    block: Any = UNSET
    #: Of an opaque block: whose it is; no other schema writes it.
    schema: str | UnsetType = UNSET


class Message(Record, kw_only=True, gc=False):
    """What the model said; in a chunk, what it added.

    `content` is flat text or null. `layout` keeps the order in which text, reasoning, tool calls and blocks that only
    one provider knows came, and is absent when that order is the plain one: reasoning, one text, tool calls.
    """

    role: str | UnsetType | None = UNSET
    content: str | UnsetType | None = UNSET
    refusal: str | UnsetType | None = UNSET
    #: Canonical only under this name; dialects spell it `reasoning_content`.
    reasoning: list[Reasoning] | UnsetType | None = field(default=UNSET, name="reasoning_items")
    tool_calls: list[ToolCall] | UnsetType | None = UNSET
    function_call: FunctionCall | UnsetType | None = UNSET
    annotations: list[Annotation] | UnsetType | None = UNSET
    audio: Audio | UnsetType | None = UNSET
    #: Canonical only.
    layout: list[LayoutItem] | UnsetType = UNSET
    #: Canonical only: what one provider alone knows, keyed by schema.
    provider_metadata: dict[str, Any] | UnsetType = UNSET


class Choice(Record, kw_only=True, gc=False):
    """One of the answers. `finish_reason` keeps words nobody declared; null or absent means it did not finish."""

    index: int | float | UnsetType | None = UNSET
    message: Message = field(default_factory=Message)
    logprobs: Logprobs | UnsetType | None = UNSET
    finish_reason: str | UnsetType | None = UNSET
    #: Canonical only: what one provider alone knows, keyed by schema.
    provider_metadata: dict[str, Any] | UnsetType = UNSET


class CompletionTokensDetails(Record, kw_only=True, gc=False):
    """Tokens, each a part of `completion_tokens`."""

    accepted_prediction_tokens: int | float | UnsetType | None = UNSET
    audio_tokens: int | float | UnsetType | None = UNSET
    reasoning_tokens: int | float | UnsetType | None = UNSET
    rejected_prediction_tokens: int | float | UnsetType | None = UNSET
    text_tokens: int | float | UnsetType | None = UNSET


class PromptTokensDetails(Record, kw_only=True, gc=False):
    """Tokens, each a part of `prompt_tokens`."""

    audio_tokens: int | float | UnsetType | None = UNSET
    cached_tokens: int | float | UnsetType | None = UNSET
    text_tokens: int | float | UnsetType | None = UNSET
    image_tokens: int | float | UnsetType | None = UNSET
    cache_write_tokens: int | float | UnsetType | None = UNSET


class Usage(Record, kw_only=True, gc=False):
    """Tokens used. `prompt_tokens` includes cached tokens, `completion_tokens` includes reasoning tokens."""

    prompt_tokens: int | float | UnsetType | None = UNSET
    completion_tokens: int | float | UnsetType | None = UNSET
    total_tokens: int | float | UnsetType | None = UNSET
    prompt_tokens_details: PromptTokensDetails | UnsetType | None = UNSET
    completion_tokens_details: CompletionTokensDetails | UnsetType | None = UNSET
    #: True when a client counted, not the provider (chatgpt-api).
    estimated: bool | UnsetType | None = UNSET


class Irregular(Struct, kw_only=True):
    """That a payload breaks the rules of its own schema, and how to write it so again.

    Encoding into `schema` repeats the payload as it came; any other schema gets it put right. `patch` (RFC 6902, with
    a `test` before each change) holds what had to be put right for the canonical form too.
    """

    schema: str
    patch: list[dict[str, Any]] | UnsetType = UNSET


class ChatCompletion(Record, kw_only=True, gc=False):
    """A whole answer. `created` is Unix seconds."""

    id: str | UnsetType | None = UNSET
    object: str | UnsetType | None = UNSET
    created: int | float | UnsetType | None = UNSET
    model: str | UnsetType | None = UNSET
    choices: list[Choice] = field(default_factory=list[Choice])
    usage: Usage | UnsetType | None = UNSET
    service_tier: str | UnsetType | None = UNSET
    system_fingerprint: str | UnsetType | None = UNSET
    prompt_logprobs: Any = UNSET
    #: OpenRAG's sources (cozy): JSON text as received, or an object from OpenRAG 2.3.0.
    extra: Any = UNSET
    #: What went wrong in the middle of a stream; all that had arrived is kept beside it.
    error: ErrorResponse | UnsetType = UNSET
    #: Canonical only: what one provider alone knows, keyed by schema.
    provider_metadata: dict[str, Any] | UnsetType = UNSET
    #: Canonical only.
    irregular: Irregular | UnsetType = UNSET
