"""log10's `Completion`: the envelope in which an answer is logged, with the request and its context.

The envelope stays in `provider_metadata["log10-completion"]`. One that logs a call which failed or is still running
has no `response`, and makes a completion without choices.

Source: https://github.com/log10-io/log10ts/blob/v0.4.2/src/models/completion.ts
"""

from __future__ import annotations

from typing import Any

from chatnorm import Adapter, ChatCompletion, DecodeError, ResponseCodec, hookimpl
from chatnorm.dialect import Dialect
from chatnorm.record import set_fields
from chatnorm.values import is_object
from chatnorm.wire import encode_json, parse_json

from ._log10 import RULES

_NAME = "log10-completion"
_DOCS = "https://github.com/log10-io/log10ts/blob/v0.4.2/src/models/completion.ts"
_RESPONSE = Dialect(_NAME, _DOCS, response=RULES, sealed=True)

#: What the envelope requires, for answers that were never logged.
_ENVELOPE = {"organization_id": "", "kind": "chat"}


def decode_response(data: bytes | str) -> ChatCompletion:
    envelope = parse_json(data, _NAME)
    if not is_object(envelope):
        raise DecodeError(_NAME, "Expected `object`")
    if not envelope.keys() & {"response", "organization_id", "kind"}:
        raise DecodeError(_NAME, "no envelope: it has neither `response` nor `organization_id` nor `kind`")
    response = envelope.pop("response", None) if envelope.get("response") is not None else None
    completion = ChatCompletion() if response is None else _decode_inner(response)
    completion.provider_metadata = {_NAME: envelope}
    return completion


def _decode_inner(response: Any) -> ChatCompletion:
    try:
        return _RESPONSE.decode(encode_json(response))
    except DecodeError as error:
        raise DecodeError(_NAME, error.problem, f"$.response{error.path.removeprefix('$')}") from None


def encode_response(completion: ChatCompletion) -> bytes:
    metadata = completion.provider_metadata or {}
    envelope = metadata.get(_NAME)
    whole: dict[str, Any] = dict(envelope) if is_object(envelope) else dict(_ENVELOPE)
    if not (
        completion.choices == [] and set_fields(completion).keys() <= {"choices", "provider_metadata"} and envelope
    ):
        whole["response"] = parse_json(_RESPONSE.encode(completion), _NAME)
    return encode_json(whole)


ADAPTER = Adapter(
    name=_NAME,
    docs=_DOCS,
    response=ResponseCodec(decode=decode_response, encode=encode_response),
    hints=("organization_id", "response.choices", "failure_kind"),
)


@hookimpl
def chatnorm_adapter() -> Adapter:
    return ADAPTER
