"""Speakeasy's Python SDK for OpenAI, package `gpt`: its response classes, release by release.

Every key may hold null: dataclasses-json keeps a null under a required key and gives a RuntimeWarning, and
drops one under an optional key on output. A required key is one without a default here. Where the SDK coerces
(1.5 becomes 1, "12" becomes 12) these Structs refuse, for what was written is not what it reads.

Source: https://github.com/speakeasy-sdks/openai-python-sdk, `src/gpt/models/shared/`
"""

from typing import Literal

from msgspec import Struct


class CreateChatCompletionResponseUsage(Struct):
    """`createchatcompletionresponse.py`, the same from 1.5.0 to 2.16.1."""

    completion_tokens: int | None
    prompt_tokens: int | None
    total_tokens: int | None


class _Response(Struct, kw_only=True):
    created: int | None
    id: str | None
    model: str | None
    object: str | None
    usage: CreateChatCompletionResponseUsage | None = None


# 1.5.0, 06cd9f3


class Message150(Struct):
    """`ChatCompletionResponseMessage` without function calls."""

    content: str | None
    role: Literal["system", "user", "assistant"] | None


class Choices150(Struct):
    """`CreateChatCompletionResponseChoices`, all of it optional and the finish reason any word."""

    finish_reason: str | None = None
    index: int | None = None
    message: Message150 | None = None


class Response150(_Response, kw_only=True):
    """`CreateChatCompletionResponse` of 1.5.0."""

    choices: list[Choices150] | None


# 1.6.0, ec753fe: function calls

Role = Literal["system", "user", "assistant", "function"]


class FunctionCall160(Struct):
    """`ChatCompletionResponseMessageFunctionCall`, both keys optional."""

    arguments: str | None = None
    name: str | None = None


class Message160(Struct):
    """`ChatCompletionResponseMessage` with an optional content."""

    role: Role | None
    content: str | None = None
    function_call: FunctionCall160 | None = None


class Choices160(Struct):
    """`CreateChatCompletionResponseChoices`, still with any word as the finish reason."""

    finish_reason: str | None = None
    index: int | None = None
    message: Message160 | None = None


class Response160(_Response, kw_only=True):
    """`CreateChatCompletionResponse` of 1.6.0."""

    choices: list[Choices160] | None


# 1.7.1, f1cd0ba: the finish reasons are an enum

FinishReason = Literal["stop", "length", "function_call"]


class Choices171(Struct):
    """`CreateChatCompletionResponseChoices` with an optional finish reason out of three."""

    finish_reason: FinishReason | None = None
    index: int | None = None
    message: Message160 | None = None


class Response171(_Response, kw_only=True):
    """`CreateChatCompletionResponse` of 1.7.1."""

    choices: list[Choices171] | None


# 2.9.0 to 2.12.0, 33b9e5e to 45a1ca3: a choice is whole


class Choices2120(Struct):
    """`CreateChatCompletionResponseChoices`, all of it required."""

    finish_reason: FinishReason | None
    index: int | None
    message: Message160 | None


class Response2120(_Response, kw_only=True):
    """`CreateChatCompletionResponse` of 2.12.0."""

    choices: list[Choices2120] | None


# 2.16.1, d6550fb: content and the parts of a function call are required


class FunctionCall2161(Struct):
    """`ChatCompletionResponseMessageFunctionCall`, both keys required."""

    arguments: str | None
    name: str | None


class Message2161(Struct):
    """`ChatCompletionResponseMessage` with a required content."""

    content: str | None
    role: Role | None
    function_call: FunctionCall2161 | None = None


class Choices2161(Struct):
    """`CreateChatCompletionResponseChoices`, all of it required."""

    finish_reason: FinishReason | None
    index: int | None
    message: Message2161 | None


class Response2161(_Response, kw_only=True):
    """`CreateChatCompletionResponse` of 2.16.1."""

    choices: list[Choices2161] | None


SCHEMAS: dict[str, type[Struct]] = {
    "speakeasy": Response2120,
    "speakeasy@1.5.0": Response150,
    "speakeasy@1.6.0": Response160,
    "speakeasy@1.7.1": Response171,
    "speakeasy@2.12.0": Response2120,
    "speakeasy@2.16.1": Response2161,
}
