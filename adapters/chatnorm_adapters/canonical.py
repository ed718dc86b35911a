"""The canonical record's own JSON as a schema: for logs, and between two hops of a gateway."""

from __future__ import annotations

from chatnorm import Adapter, ErrorCodec, ResponseCodec, StreamCodec, hookimpl
from chatnorm.canonical import CHUNK, decode_canonical, decode_error, encode_canonical, encode_error
from chatnorm.stream import ChunkDecoder, ChunkEncoder

ADAPTER = Adapter(
    name="canonical",
    docs="https://github.com/chatnorm/chatnorm/blob/main/docs/design.md#the-record",
    response=ResponseCodec(decode=decode_canonical, encode=encode_canonical),
    stream=StreamCodec(decoder=lambda: ChunkDecoder(CHUNK), encoder=lambda: ChunkEncoder(CHUNK)),
    error=ErrorCodec(decode=decode_error, encode=encode_error),
    hints=(
        "provider_metadata",
        "irregular",
        "patch",
        "choices.provider_metadata",
        "choices.message.reasoning_items",
        "choices.message.layout",
        "choices.delta.reasoning_items",
        "schema",
        "body",
    ),
)


@hookimpl
def chatnorm_adapter() -> Adapter:
    return ADAPTER
