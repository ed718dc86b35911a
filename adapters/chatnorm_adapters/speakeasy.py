"""The `CreateChatCompletionResponse` of Speakeasy's Python SDK `openai-python`, package `gpt`.

One documented type, five shapes: what it links to changed between 1.5.0 and 2.16.1. `speakeasy` is 2.12.0; the others
are `speakeasy@1.5.0` and so on. The SDK drops keys it does not know and nulls of optional keys. A payload may also be
the SDK's own object, or its wrapper `operations.CreateChatCompletionResponse`.

Source: https://github.com/speakeasy-sdks/openai-python-sdk/blob/45a1ca3/docs/models/shared/createchatcompletionresponse.md
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatnorm import Adapter, ChatCompletion, DecodeError, FunctionCall, ResponseCodec, hookimpl
from chatnorm.chat_completions import derive_id, finish_reason, place, usage_rules
from chatnorm.dialect import Dialect
from chatnorm.rules import IMPOSSIBLE, Rule, closed, forbidden, optional, required
from chatnorm.values import is_array
from chatnorm.wire import encode_json

_DOCS = "https://github.com/speakeasy-sdks/openai-python-sdk/blob/{}/docs/models/shared/createchatcompletionresponse.md"

_UNKNOWN = dict.fromkeys(
    (
        "system_fingerprint",
        "service_tier",
        "prompt_logprobs",
        "extra",
        "error",
        "usage.prompt_tokens_details",
        "usage.completion_tokens_details",
        "usage.estimated",
        "choices.logprobs",
        "choices.message.refusal",
        "choices.message.tool_calls",
        "choices.message.annotations",
        "choices.message.audio",
    ),
    forbidden,
)

_BASE: Mapping[str, Rule] = {
    **_UNKNOWN,
    "id": required(str, default=derive_id),
    "object": required(str, default="chat.completion"),
    "created": required(int, default=0),
    "model": required(str, default=""),
    **usage_rules(int),
}


def _only_function_call(message: Any, _place: int) -> Any:
    """The one function of a message with one tool call, said in the older way; more than one cannot be."""
    calls: list[Any] = message.tool_calls or []
    if len(calls) == 1 and isinstance(calls[0].function, FunctionCall) and message.function_call is not None:
        return calls[0].function
    return IMPOSSIBLE


_CALLED = {"tool_calls": "function_call", "content_filter": "length"}
_FINISH = finish_reason("stop", "length", "function_call", near=_CALLED)
_FUNCTION_CALL: Mapping[str, Rule] = {
    "choices.message.role": closed("system", "user", "assistant", "function", required=True, default="assistant"),
    "choices.message.function_call": optional(default=_only_function_call),
}

_V1_5_0: Mapping[str, Rule] = {
    **_BASE,
    "choices.index": optional(int),
    "choices.message.role": closed("system", "user", "assistant", required=True, default="assistant"),
    "choices.message.content": required(str, default=""),
    "choices.message.function_call": forbidden,
}
_V1_6_0: Mapping[str, Rule] = {**_BASE, "choices.index": optional(int), **_FUNCTION_CALL}
_V1_7_1: Mapping[str, Rule] = {
    **_V1_6_0,
    "choices.finish_reason": _FINISH._replace(required=False, nullable=True, default=IMPOSSIBLE),
}
_V2_12_0: Mapping[str, Rule] = {
    **_V1_6_0,
    "choices.finish_reason": _FINISH,
    "choices.index": required(int, default=place),
}
_V2_16_1: Mapping[str, Rule] = {
    **_V2_12_0,
    "choices.message.content": required(str, default=""),
    "choices.message.function_call.name": required(str),
    "choices.message.function_call.arguments": required(str, default=""),
}

_DEFAULT = "2.12.0"
_VERSIONS: Mapping[str, tuple[str, Mapping[str, Rule]]] = {
    "1.5.0": ("06cd9f3", _V1_5_0),
    "1.6.0": ("ec753fe", _V1_6_0),
    "1.7.1": ("f1cd0ba", _V1_7_1),
    "2.12.0": ("45a1ca3", _V2_12_0),
    "2.16.1": ("d6550fb", _V2_16_1),
}


def _version(name: str, commit: str, rules: Mapping[str, Rule]) -> Adapter:
    dialect = Dialect(name, _DOCS.format(commit), response=rules, sealed=True)

    def decode(data: Any) -> ChatCompletion:
        return dialect.decode(data if isinstance(data, bytes | str) else encode_json(_fields(data, name)))

    adapter = dialect.adapter()
    return Adapter(
        name=name,
        docs=adapter.docs,
        response=ResponseCodec(decode=decode, encode=dialect.encode),
        error=adapter.error,
    )


def _fields(value: Any, schema: str) -> Any:
    """Plain values of an SDK object: attributes are wire names, enums are strings, None is an absent key."""
    inner = getattr(value, "create_chat_completion_response", value)
    if inner is None:
        raise DecodeError(schema, "the SDK's wrapper holds no answer: the call failed")
    return _plain(inner, schema)


def _plain(value: Any, schema: str) -> Any:
    if isinstance(value, str):
        return str(getattr(value, "value", value))
    if value is None or isinstance(value, bool | int | float):
        return value
    if is_array(value):
        return [_plain(item, schema) for item in value]
    if not hasattr(value, "__dict__"):
        raise DecodeError(schema, f"{type(value).__name__} is neither JSON nor an object of the SDK")
    return {name: _plain(item, schema) for name, item in value.__dict__.items() if item is not None}


def _adapters() -> Adapter:
    versions = {
        version: _version(f"speakeasy@{version}", commit, rules) for version, (commit, rules) in _VERSIONS.items()
    }
    default = _version("speakeasy", *_VERSIONS[_DEFAULT])
    return Adapter(
        name=default.name,
        docs=default.docs,
        response=default.response,
        error=default.error,
        versions=versions,
    )


ADAPTER = _adapters()


@hookimpl
def chatnorm_adapter() -> Adapter:
    return ADAPTER
