"""The `CreateChatCompletionResponse` of the npm package `chatgpt` (transitive-bullshit/chatgpt-api, 5.2).

The client hands the parsed body on untouched, so keys its type does not know travel too.

Source: https://github.com/transitive-bullshit/chatgpt-api/blob/bf66500/src/types.ts#L358-L445
"""

from __future__ import annotations

from chatnorm import Adapter, hookimpl
from chatnorm.chat_completions import derive_id, usage_rules
from chatnorm.dialect import Dialect
from chatnorm.rules import closed, optional, required

ADAPTER = Dialect(
    "chatgpt-api",
    "https://github.com/transitive-bullshit/chatgpt-api/blob/bf66500/src/types.ts#L358-L445",
    response={
        "id": required(str, default=derive_id),
        "object": required(str, default="chat.completion"),
        "created": required(int, float, default=0),
        "model": required(str, default=""),
        "usage": optional(null=False),
        **usage_rules(int, float),
        "choices.index": optional(int, float, null=False),
        "choices.finish_reason": optional(str, null=False),
        "choices.message.role": closed("system", "user", "assistant", required=True, default="assistant"),
        "choices.message.content": required(str, default=""),
    },
    reasoning="reasoning_content",
    hints=("usage.estimated",),
).adapter()


@hookimpl
def chatnorm_adapter() -> Adapter:
    return ADAPTER
