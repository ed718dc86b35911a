"""OpenAI Chat Completions, the dialect all others are differences of.

Source: https://platform.openai.com/docs/api-reference/chat/object
"""

from __future__ import annotations

from chatnorm import Adapter, hookimpl
from chatnorm.chat_completions import CHUNK, RESPONSE
from chatnorm.dialect import Dialect

ADAPTER = Dialect(
    "openai",
    "https://platform.openai.com/docs/api-reference/chat/object",
    response=RESPONSE,
    chunk=CHUNK,
    reasoning="reasoning_content",
    hints=("choices.message.refusal", "choices.message.annotations", "choices.message.tool_calls", "service_tier"),
    general=True,
).adapter()


@hookimpl
def chatnorm_adapter() -> Adapter:
    return ADAPTER
