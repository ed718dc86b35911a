"""log10's `CreateChatCompletionResponse` as its TypeScript SDK holds it: camelCase.

Source: https://github.com/log10-io/log10ts/blob/v0.4.2/docs/models/createchatcompletionresponse.md
"""

from __future__ import annotations

from chatnorm import Adapter, hookimpl
from chatnorm.dialect import Dialect

from ._log10 import DOCS, RULES


def camel_case(name: str) -> str:
    first, *words = name.split("_")
    return first + "".join(word.title() for word in words)


ADAPTER = Dialect(
    "log10",
    DOCS,
    response=RULES,
    rename=camel_case,
    sealed=True,
    hints=("systemFingerprint", "choices.finishReason", "usage.promptTokens", "choices.message.toolCalls"),
).adapter()


@hookimpl
def chatnorm_adapter() -> Adapter:
    return ADAPTER
