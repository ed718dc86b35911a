"""Acme for chatnorm: the adapter that the entry point `acme` names.

Source: https://acme.example/docs (Acme is invented; a real adapter names the vendor's reference here)
"""

from __future__ import annotations

from chatnorm import Adapter, ErrorCodec, ResponseCodec, StreamCodec, StreamDecoder, StreamEncoder, hookimpl
from chatnorm.stream import EventDecoder, EventEncoder

from .answers import NAME, decode_answer, encode_answer
from .errors import decode_error, encode_error
from .events import AnswerReader, AnswerWriter

__all__ = ["ADAPTER", "chatnorm_adapter"]


def stream_decoder() -> StreamDecoder:
    return EventDecoder(NAME, AnswerReader().decode_event, AnswerWriter().encode_events)


def stream_encoder() -> StreamEncoder:
    return EventEncoder(NAME, AnswerWriter().encode_events)


ADAPTER = Adapter(
    name=NAME,
    docs="https://acme.example/docs",
    response=ResponseCodec(decode=decode_answer, encode=encode_answer),
    stream=StreamCodec(decoder=stream_decoder, encoder=stream_encoder),
    error=ErrorCodec(decode=decode_error, encode=encode_error),
    hints=("response_id", "output.kind", "stopped_by"),
)


@hookimpl
def chatnorm_adapter() -> Adapter:
    return ADAPTER
