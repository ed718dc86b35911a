"""log10's `CreateChatCompletionResponse` on the wire: snake_case.

Source: https://github.com/log10-io/log10ts/blob/v0.4.2/src/models/createchatcompletionresponse.ts
"""

from __future__ import annotations

from chatnorm import Adapter, hookimpl
from chatnorm.dialect import Dialect

from ._log10 import DOCS, RULES

ADAPTER = Dialect("log10-wire", DOCS, response=RULES, sealed=True).adapter()


@hookimpl
def chatnorm_adapter() -> Adapter:
    return ADAPTER
