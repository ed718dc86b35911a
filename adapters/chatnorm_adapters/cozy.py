"""cozy-client's `models.ai.ChatCompletionResponse`, and the stream and errors of OpenRAG behind it.

cozy-client hands the body on untouched. `extra` is JSON text by its type and up to OpenRAG 2.2; OpenRAG 2.3 sends an
object, which goes back as one, and which other sources' answers get as text.

Source: https://github.com/cozy/cozy-client/blob/df821a0/packages/cozy-client/src/models/ai.js
Source: https://github.com/linagora/openrag/blob/02555f2/docs/content/docs/documentation/API.mdx
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatnorm import Adapter, ErrorCodec, ErrorResponse, Usage, hookimpl
from chatnorm.chat_completions import derive_id, place, usage_rules
from chatnorm.dialect import Dialect
from chatnorm.errors import decode_error_body, is_unchanged
from chatnorm.rules import optional, required
from chatnorm.wire import encode_json


def decode_error(data: bytes | str, status: int | None, headers: Mapping[str, str]) -> ErrorResponse:
    return decode_error_body(data, "cozy", status, headers)


def encode_error(error: ErrorResponse) -> bytes:
    """`{"detail": "[CODE]: message", "extra": {}}`, or `{"detail": message}` without a code.

    Source: https://github.com/linagora/openrag error_handlers.py @ 04be027
    """
    if is_unchanged(error, "cozy"):
        return encode_json(error.body)
    message = error.message or ""
    if error.code:
        return encode_json({"detail": f"[{error.code}]: {message}", "extra": {}})
    return encode_json({"detail": message})


def _no_usage(_completion: Any, _place: int) -> Usage:
    return Usage(prompt_tokens=0, completion_tokens=0, total_tokens=0)


ADAPTER = Dialect(
    "cozy",
    "https://github.com/cozy/cozy-client/blob/df821a0/packages/cozy-client/src/models/ai.js",
    response={
        "id": required(str, default=derive_id),
        "created": required(int, float, default=0),
        "model": required(str, null=True, default=None),
        "object": required(str, default="chat.completion"),
        "system_fingerprint": required(str, null=True, default=None),
        "choices.finish_reason": required(str, default="length"),
        "choices.index": required(int, float, default=place),
        "choices.message.content": required(str, default=""),
        "choices.message.role": required(str, default="assistant"),
        "usage": required(default=_no_usage),
        **usage_rules(int, float),
        "extra": optional(str, null=False),
    },
    chunk={},
    reasoning="reasoning_content",
    error=ErrorCodec(decode=decode_error, encode=encode_error),
    hints=("extra",),
).adapter()


@hookimpl
def chatnorm_adapter() -> Adapter:
    return ADAPTER
