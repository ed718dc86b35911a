"""What the three log10 schemas share: the rules of log10ts's zod schemas, which drop every key they do not name.

Source: https://github.com/log10-io/log10ts/blob/v0.4.2/src/models/createchatcompletionresponse.ts and its imports
"""

from __future__ import annotations

from typing import Any

from chatnorm.chat_completions import FINISH_REASONS, derive_id, finish_reason, no_items, place, usage_rules
from chatnorm.rules import Rule, closed, forbidden, optional, required

DOCS = "https://github.com/log10-io/log10ts/blob/v0.4.2/src/models/createchatcompletionresponse.ts"


def _token(path: str) -> dict[str, Rule]:
    return {
        f"{path}.token": required(str),
        f"{path}.logprob": required(int, float),
        f"{path}.bytes": required(list, null=True, default=None),
    }


RULES: dict[str, Rule] = {
    "id": required(str, default=derive_id),
    "object": closed("chat.completion", required=True, default="chat.completion"),
    "created": required(int, default=0),
    "model": optional(Any),
    "system_fingerprint": optional(str, null=False),
    "usage": optional(null=False),
    **usage_rules(int),
    "choices.index": required(int, default=place),
    "choices.finish_reason": finish_reason(*FINISH_REASONS),
    "choices.logprobs": required(null=True, default=None),
    "choices.logprobs.content": required(null=True, default=None),
    **_token("choices.logprobs.content"),
    "choices.logprobs.content.top_logprobs": required(default=no_items),
    **_token("choices.logprobs.content.top_logprobs"),
    "choices.message.content": required(str, null=True, default=None),
    "choices.message.role": closed(
        "system", "user", "assistant", "tool", "function", required=True, default="assistant"
    ),
    "choices.message.tool_calls": optional(null=False),
    "choices.message.tool_calls.id": required(str, default=""),
    "choices.message.tool_calls.type": closed("function", required=True),
    "choices.message.tool_calls.function": required(),
    "choices.message.tool_calls.function.name": required(str),
    "choices.message.tool_calls.function.arguments": required(str, default=""),
    "choices.message.function_call": optional(null=False),
    "choices.message.function_call.name": required(str),
    "choices.message.function_call.arguments": required(str, default=""),
    **dict.fromkeys(
        (
            "service_tier",
            "prompt_logprobs",
            "extra",
            "error",
            "usage.prompt_tokens_details",
            "usage.completion_tokens_details",
            "usage.estimated",
            "choices.logprobs.refusal",
            "choices.message.refusal",
            "choices.message.annotations",
            "choices.message.audio",
            "choices.message.tool_calls.index",
            "choices.message.tool_calls.custom",
        ),
        forbidden,
    ),
}
