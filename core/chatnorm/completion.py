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

    token: str | None | UnsetType = UNSET
    #: Natural logarithm of the probability; an integer stays an integer.
    logprob: int | float | None | UnsetType = UNSET
    #: UTF-8 bytes of the token, 0-255 each; a string where a vendor sends one.
    bytes: list[int] | str | None | UnsetType = UNSET


class TokenLogprob(Record, kw_only=True, gc=False):
    """The log probability of one token of the answer."""

    token: str | None | UnsetType = UNSET
    #: Natural logarithm of the probability; an integer stays an integer.
    logprob: int | float | None | UnsetType = UNSET
    #: UTF-8 bytes of the token, 0-255 each; a string where a vendor sends one.
    bytes: list[int] | str | None | UnsetType = UNSET
    top_logprobs: list[TopLogprob] | None | UnsetType = UNSET


class Logprobs(Record, kw_only=True, gc=False):
    """The log probabilities of a choice: of its content tokens and of its refusal tokens."""

    content: list[TokenLogprob] | None | UnsetType = UNSET
    refusal: list[TokenLogprob] | None | UnsetType = UNSET


class FunctionCall(Record, kw_only=True, gc=False):
    """A function the model wants called. `arguments` is the JSON text exactly as received."""

    name: str | None | UnsetType = UNSET
    arguments: str | None | UnsetType = UNSET


class CustomToolCall(Record, kw_only=True, gc=False):
    """A custom tool the model wants called, with free text as input."""

    name: str | None | UnsetType = UNSET
    input: str | None | UnsetType = UNSET


class ToolCall(Record, kw_only=True, gc=False):
    """A call of a tool that the client runs; in a chunk, a piece of one.

    `index` is the position in the message's list; complete answers of some vendors carry it too.
    """

    index: int | None | UnsetType = UNSET
    id: str | None | UnsetType = UNSET
    type: str | None | UnsetType = UNSET
    function: FunctionCall | None | UnsetType = UNSET
    custom: CustomToolCall | None | UnsetType = UNSET


class UrlCitation(Record, kw_only=True, gc=False):
    """A web page that a span of `content` cites; the indices count characters of `content`."""

    end_index: int | None | UnsetType = UNSET
    start_index: int | None | UnsetType = UNSET
    url: str | None | UnsetType = UNSET
    title: str | None | UnsetType = UNSET


class Annotation(Record, kw_only=True, gc=False):
    """A citation over a span of `content`."""

    type: str | None | UnsetType = UNSET
    url_citation: UrlCitation | None | UnsetType = UNSET


class Audio(Record, kw_only=True, gc=False):
    """Spoken output. `data` is base64; `expires_at` is Unix seconds."""

    id: str | None | UnsetType = UNSET
    data: str | None | UnsetType = UNSET
    expires_at: int | float | None | UnsetType = UNSET
    transcript: str | None | UnsetType = UNSET


class Reasoning(Record, kw_only=True, gc=False):
    """One piece of the model's reasoning.

    `index` tells pieces apart in a stream; pieces without one continue the last.
    `data` is reasoning only its provider can read; `signature` vouches for `text`. Both stay byte for byte.
    `spelling` is the undeclared key of the message that says this text, where it did not come under the schema's own.
    """

    index: int | None | UnsetType = UNSET
    id: str | None | UnsetType = UNSET
    text: str | None | UnsetType = UNSET
    summary: str | None | UnsetType = UNSET
    signature: str | None | UnsetType = UNSET
    data: str | None | UnsetType = UNSET
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


class Message(Record, kw_only=True, gc=False):
    """What the model said; in a chunk, what it added.

    `content` is flat text or null. `layout` keeps the order in which text, reasoning, tool calls and blocks that only
    one provider knows came, and is absent when that order is the plain one: reasoning, one text, tool calls.
    """

    role: str | None | UnsetType = UNSET
    content: str | None | UnsetType = UNSET
    refusal: str | None | UnsetType = UNSET
    #: Canonical only under this name; dialects spell it `reasoning_content`.
    reasoning: list[Reasoning] | None | UnsetType = field(default=UNSET, name="reasoning_items")
    tool_calls: list[ToolCall] | None | UnsetType = UNSET
    function_call: FunctionCall | None | UnsetType = UNSET
    annotations: list[Annotation] | None | UnsetType = UNSET
    audio: Audio | None | UnsetType = UNSET
    #: Canonical only.
    layout: list[LayoutItem] | UnsetType = UNSET
    #: Canonical only: what one provider alone knows, keyed by schema.
    provider_metadata: dict[str, Any] | UnsetType = UNSET


class Choice(Record, kw_only=True, gc=False):
    """One of the answers. `finish_reason` keeps words nobody declared; null or absent means it did not finish."""

    index: int | float | None | UnsetType = UNSET
    message: Message = field(default_factory=Message)
    logprobs: Logprobs | None | UnsetType = UNSET
    finish_reason: str | None | UnsetType = UNSET
    #: Canonical only: what one provider alone knows, keyed by schema.
    provider_metadata: dict[str, Any] | UnsetType = UNSET


class CompletionTokensDetails(Record, kw_only=True, gc=False):
    """Tokens, each a part of `completion_tokens`."""

    accepted_prediction_tokens: int | float | None | UnsetType = UNSET
    audio_tokens: int | float | None | UnsetType = UNSET
    reasoning_tokens: int | float | None | UnsetType = UNSET
    rejected_prediction_tokens: int | float | None | UnsetType = UNSET
    text_tokens: int | float | None | UnsetType = UNSET


class PromptTokensDetails(Record, kw_only=True, gc=False):
    """Tokens, each a part of `prompt_tokens`."""

    audio_tokens: int | float | None | UnsetType = UNSET
    cached_tokens: int | float | None | UnsetType = UNSET
    text_tokens: int | float | None | UnsetType = UNSET
    image_tokens: int | float | None | UnsetType = UNSET
    cache_write_tokens: int | float | None | UnsetType = UNSET


class Usage(Record, kw_only=True, gc=False):
    """Tokens used. `prompt_tokens` includes cached tokens, `completion_tokens` includes reasoning tokens."""

    prompt_tokens: int | float | None | UnsetType = UNSET
    completion_tokens: int | float | None | UnsetType = UNSET
    total_tokens: int | float | None | UnsetType = UNSET
    prompt_tokens_details: PromptTokensDetails | None | UnsetType = UNSET
    completion_tokens_details: CompletionTokensDetails | None | UnsetType = UNSET
    #: True when a client counted, not the provider (chatgpt-api).
    estimated: bool | None | UnsetType = UNSET


class Irregular(Struct, kw_only=True, omit_defaults=True):
    """That a payload breaks the rules of its own schema, and how to write it so again.

    Encoding into `schema` repeats the payload as it came; any other schema gets it put right. `patch` (RFC 6902, with
    a `test` before each change) holds what had to be put right for the canonical form too.
    """

    schema: str
    patch: list[dict[str, Any]] = []


class ChatCompletion(Record, kw_only=True, gc=False):
    """A whole answer. `created` is Unix seconds."""

    id: str | None | UnsetType = UNSET
    object: str | None | UnsetType = UNSET
    created: int | float | None | UnsetType = UNSET
    model: str | None | UnsetType = UNSET
    choices: list[Choice] = field(default_factory=list[Choice])
    usage: Usage | None | UnsetType = UNSET
    service_tier: str | None | UnsetType = UNSET
    system_fingerprint: str | None | UnsetType = UNSET
    prompt_logprobs: Any = UNSET
    #: OpenRAG's sources (cozy): JSON text as received, or an object from OpenRAG 2.3.0.
    extra: Any = UNSET
    #: What went wrong in the middle of a stream; all that had arrived is kept beside it.
    error: ErrorResponse | UnsetType = UNSET
    #: Canonical only: what one provider alone knows, keyed by schema.
    provider_metadata: dict[str, Any] | UnsetType = UNSET
    #: Canonical only.
    irregular: Irregular | UnsetType = UNSET
