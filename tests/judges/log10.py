"""log10ts 0.4.2: what its zod schemas accept, on the wire, as SDK object, and in the Completion envelope.

The wire is `…$inboundSchema` (snake_case), the SDK object `…$outboundSchema` (camelCase); they differ in
names only. A key with a default here may be absent; null stands only where a type says None.

Source: https://github.com/log10-io/log10ts, `src/models/`
"""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]
Role = Literal["system", "user", "assistant", "tool", "function"]


def number(text: str) -> float:
    """A JSON number as JavaScript has it: 1.0 is the integer 1."""
    value = float(text)
    return int(value) if value.is_integer() else value


class TopLogprobs(Struct):
    """`chatcompletiontokenlogprob.ts`: one of the likeliest tokens."""

    token: str
    logprob: float
    bytes: list[int] | None


class ChatCompletionTokenLogprob(TopLogprobs):
    """`chatcompletiontokenlogprob.ts`: a token and what else might have stood there."""

    top_logprobs: list[TopLogprobs]


class Logprobs(Struct):
    """`createchatcompletionresponse.ts`: no refusal here."""

    content: list[ChatCompletionTokenLogprob] | None


class FunctionCall(Struct):
    """`ChatCompletionResponseMessageFunctionCall`, and the function of a tool call."""

    arguments: str
    name: str


class ChatCompletionMessageToolCall(Struct):
    """`chatcompletionmessagetoolcall.ts`: functions are the only tools."""

    id: str
    type: Literal["function"]
    function: FunctionCall


class ChatCompletionResponseMessage(Struct, kw_only=True):
    """`chatcompletionresponsemessage.ts`."""

    content: str | None
    role: Role
    tool_calls: list[ChatCompletionMessageToolCall] | UnsetType = UNSET
    function_call: FunctionCall | UnsetType = UNSET


class Choices(Struct):
    """`createchatcompletionresponse.ts`: the key `logprobs` is required."""

    finish_reason: FinishReason
    index: int
    message: ChatCompletionResponseMessage
    logprobs: Logprobs | None


class CompletionUsage(Struct):
    """`completionusage.ts`: negative counts pass."""

    completion_tokens: int
    prompt_tokens: int
    total_tokens: int


class CreateChatCompletionResponse(Struct, kw_only=True):
    """`createchatcompletionresponse.ts` on the wire."""

    id: str
    choices: list[Choices]
    created: int
    model: Any = UNSET
    system_fingerprint: str | UnsetType = UNSET
    object: Literal["chat.completion"]
    usage: CompletionUsage | UnsetType = UNSET


class Stacktrace(Struct):
    """`completion.ts`: one frame."""

    file: str
    line: str
    lineno: float
    name: str


class Completion(Struct, kw_only=True):
    """`completion.ts`: the envelope around a response; of the request only that it is an object."""

    id: str | UnsetType = UNSET
    organization_id: str
    kind: Literal["chat", "prompt"]
    status: Literal["started", "finished", "failed"] | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    request: dict[str, Any] | UnsetType = UNSET
    response: CreateChatCompletionResponse | UnsetType = UNSET
    stacktrace: list[Stacktrace] | UnsetType = UNSET
    session_id: str | UnsetType = UNSET
    duration: float | UnsetType = UNSET
    failure_kind: str | UnsetType = UNSET
    failure_reason: str | UnsetType = UNSET


class SdkTokenLogprob(TopLogprobs):
    """`ChatCompletionTokenLogprob` as SDK object."""

    topLogprobs: list[TopLogprobs]


class SdkLogprobs(Struct):
    """`Logprobs` as SDK object."""

    content: list[SdkTokenLogprob] | None


class SdkMessage(Struct, kw_only=True):
    """`ChatCompletionResponseMessage` as SDK object."""

    content: str | None
    role: Role
    toolCalls: list[ChatCompletionMessageToolCall] | UnsetType = UNSET
    functionCall: FunctionCall | UnsetType = UNSET


class SdkChoices(Struct):
    """`Choices` as SDK object."""

    finishReason: FinishReason
    index: int
    message: SdkMessage
    logprobs: SdkLogprobs | None


class SdkUsage(Struct):
    """`CompletionUsage` as SDK object."""

    completionTokens: int
    promptTokens: int
    totalTokens: int


class SdkResponse(Struct, kw_only=True):
    """`CreateChatCompletionResponse` as SDK object."""

    id: str
    choices: list[SdkChoices]
    created: int
    model: Any = UNSET
    systemFingerprint: str | UnsetType = UNSET
    object: Literal["chat.completion"]
    usage: SdkUsage | UnsetType = UNSET


SCHEMAS: dict[str, type[Struct]] = {
    "log10": SdkResponse,
    "log10-wire": CreateChatCompletionResponse,
    "log10-completion": Completion,
}
