"""The rules of Chat Completions itself, for dialects to differ from, and the values that rules derive.

Source: https://platform.openai.com/docs/api-reference/chat/object and the types of the `openai` package
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .completion import CustomToolCall, FunctionCall
from .record import Record, extras, set_fields
from .rules import IMPOSSIBLE, Rule, closed, optional, required
from .values import is_array
from .wire import encode_json

__all__ = [
    "CHUNK",
    "FINISH_REASONS",
    "RESPONSE",
    "derive_id",
    "finish_reason",
    "is_tool_call",
    "no_items",
    "place",
    "usage_rules",
]

FINISH_REASONS = ("stop", "length", "tool_calls", "content_filter", "function_call")

#: Words that say in other words what a closed schema can say. Words that say something else are not here.
_NEAR_FINISH_REASONS: Mapping[Any, str] = {
    "max_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "safety": "content_filter",
    "sensitive": "content_filter",
}


def finish_reason(*words: str, near: Mapping[Any, str] | None = None, null: bool = False) -> Rule:
    """A closed list of finish reasons. What none of them says becomes `length`: not finished, and never `stop`."""
    known = {word: said for word, said in _NEAR_FINISH_REASONS.items() if said in words}
    return closed(*words, required=not null, null=null, default="length", near={**known, **(near or {})})


def derive_id(record: Any, _place: int) -> str:
    """An id for a record that came without one: the same for the same content."""
    from hashlib import sha256

    return f"chatcmpl-{sha256(encode_json(_content(record))).hexdigest()[:32]}"


def _content(value: Any) -> Any:
    """Plain values of a record by attribute, whichever class holds it; its irregularity is none of its content."""
    if isinstance(value, Record):
        fields = {name: _content(item) for name, item in set_fields(value).items() if name != "irregular"}
        return {**fields, "": [[key, item] for key, item in sorted(extras(value).items())]}
    return [_content(item) for item in value] if is_array(value) else value


def place(_record: Any, number: int) -> int:
    """The place in the list, for an `index` that did not come."""
    return number


def no_items(_record: Any, _place: int) -> list[Any]:
    """An empty list, for one that did not come."""
    return []


def _tool_type(call: Any, _place: int) -> Any:
    if isinstance(call.function, FunctionCall):
        return "function"
    return "custom" if isinstance(call.custom, CustomToolCall) else IMPOSSIBLE


def is_tool_call(call: Any) -> bool:
    """Whether a call has what its type says."""
    held, kind = (call.function, FunctionCall) if call.type == "function" else (call.custom, CustomToolCall)
    return isinstance(held, kind)


def _count(name: str) -> Callable[[Any, int], Any]:
    """A count that did not come follows from the two that did; without them it is not made up."""
    prompt, completion, total = _COUNTS

    def derive(usage: Any, _place: int) -> Any:
        counts = {other: getattr(usage, other) for other in _COUNTS if other != name}
        if not all(type(count) in (int, float) and abs(count) < float("inf") for count in counts.values()):
            return IMPOSSIBLE
        if name == total:
            return int(counts[prompt] + counts[completion])
        rest = int(counts[total] - counts[completion if name == prompt else prompt])
        return rest if rest >= 0 else IMPOSSIBLE

    return derive


def usage_rules(*types: type) -> dict[str, Rule]:
    """The three counts, all required, of one of the number types."""
    return {f"usage.{name}": required(*types, default=_count(name)) for name in _COUNTS}


_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")

_DETAILS = {
    "usage.completion_tokens_details": (
        "accepted_prediction_tokens",
        "audio_tokens",
        "reasoning_tokens",
        "rejected_prediction_tokens",
        "text_tokens",
    ),
    "usage.prompt_tokens_details": (
        "audio_tokens",
        "cached_tokens",
        "text_tokens",
        "image_tokens",
        "cache_write_tokens",
    ),
}


def _logprobs(path: str) -> dict[str, Rule]:
    rules: dict[str, Rule] = {}
    for kind in ("content", "refusal"):
        token = f"{path}.{kind}"
        rules |= {
            f"{token}.token": required(str),
            f"{token}.logprob": required(int, float),
            f"{token}.bytes": optional(list),
            f"{token}.top_logprobs": required(default=no_items),
            f"{token}.top_logprobs.token": required(str),
            f"{token}.top_logprobs.logprob": required(int, float),
            f"{token}.top_logprobs.bytes": optional(list),
        }
    return rules


_SHARED: Mapping[str, Rule] = {
    "id": required(str, default=derive_id),
    "created": required(int, default=0),
    "model": required(str, default=""),
    "service_tier": closed("auto", "default", "flex", "scale", "priority", "fast", null=True),
    "choices.index": required(int, default=place),
    **usage_rules(int),
    **{f"{path}.{name}": optional(int) for path, names in _DETAILS.items() for name in names},
    **_logprobs("choices.logprobs"),
}

RESPONSE: Mapping[str, Rule] = {
    **_SHARED,
    "object": closed("chat.completion", required=True, default="chat.completion"),
    "choices.finish_reason": finish_reason(*FINISH_REASONS),
    "choices.message.role": closed("assistant", required=True, default="assistant"),
    "choices.message.tool_calls": optional(fits=is_tool_call),
    "choices.message.tool_calls.id": required(str, default=""),
    "choices.message.tool_calls.type": closed("function", "custom", required=True, default=_tool_type),
    "choices.message.tool_calls.function.name": required(str),
    "choices.message.tool_calls.function.arguments": required(str, default=""),
    "choices.message.tool_calls.custom.name": required(str),
    "choices.message.tool_calls.custom.input": required(str, default=""),
    "choices.message.function_call.name": required(str),
    "choices.message.function_call.arguments": required(str, default=""),
    "choices.message.annotations.type": closed("url_citation", required=True),
    "choices.message.annotations.url_citation": required(),
    "choices.message.annotations.url_citation.end_index": required(int),
    "choices.message.annotations.url_citation.start_index": required(int),
    "choices.message.annotations.url_citation.title": required(str, default=""),
    "choices.message.annotations.url_citation.url": required(str),
    "choices.message.audio.id": required(str),
    "choices.message.audio.data": required(str),
    "choices.message.audio.expires_at": required(int),
    "choices.message.audio.transcript": required(str, default=""),
}

CHUNK: Mapping[str, Rule] = {
    **_SHARED,
    "object": closed("chat.completion.chunk", required=True, default="chat.completion.chunk"),
    "choices.finish_reason": finish_reason(*FINISH_REASONS, null=True),
    "choices.delta.role": closed("developer", "system", "user", "assistant", "tool", null=True),
    "choices.delta.tool_calls.index": required(int, default=place),
    "choices.delta.tool_calls.type": closed("function", "custom", null=True),
    "choices.delta.audio.expires_at": optional(int),
}
