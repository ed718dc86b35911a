"""The functions users call. Each finds its adapters by name and does the one thing it is named for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from .codec import Adapter, ResponseCodec, StreamDecoder, StreamEncoder
from .completion import ChatCompletion
from .error import ErrorResponse
from .exceptions import LossError, UnsupportedError
from .registry import Registry

if TYPE_CHECKING:
    from .loss import Loss

__all__ = [
    "REGISTRY",
    "adapter",
    "convert",
    "decode",
    "decode_error",
    "encode",
    "encode_error",
    "losses",
    "register",
    "residual",
    "restore",
    "schemas",
    "stream_decoder",
    "stream_encoder",
]

REGISTRY = Registry()


def adapter(name: str) -> Adapter:
    """The adapter of a schema, by name or `name@version`. Only its own module is imported.

    Raises: UnknownAdapterError, PluginError.
    """
    return REGISTRY.adapter(name)


def schemas() -> list[str]:
    """The names of all schemas, sorted, without importing an adapter."""
    return REGISTRY.names()


def register(plugin: object, name: str | None = None) -> Adapter | None:
    """Register a plugin that is not installed: a module or object with the hooks of `chatnorm.hookspecs`.

    Raises: PluginError.
    """
    return REGISTRY.register(plugin, name)


def _response(schema: str) -> ResponseCodec:
    codec = REGISTRY.adapter(schema).response
    if codec is None:
        raise UnsupportedError(schema, "whole answers")
    return codec


class _Decoders(dict[str, Callable[[bytes | str], ChatCompletion]]):
    """Schema -> its decoding function, so that a call costs one look-up."""

    def __missing__(self, schema: str) -> Callable[[bytes | str], ChatCompletion]:
        self[schema] = decode = _response(schema).decode
        return decode


class _Encoders(dict[str, Callable[[ChatCompletion], bytes]]):
    """Schema -> its encoding function, so that a call costs one look-up."""

    def __missing__(self, schema: str) -> Callable[[ChatCompletion], bytes]:
        encode = _response(schema).encode
        if encode is None:
            raise UnsupportedError(schema, "encoding: it is only read")
        self[schema] = encode
        return encode


_DECODERS = _Decoders()
_ENCODERS = _Encoders()


def _encode_text(text: str) -> bytes:
    """UTF-8 of JSON text; half of a surrogate pair, which UTF-8 cannot hold, as JSON escapes it."""
    return text.encode(errors="backslashreplace")


def decode(body: bytes | str, schema: str) -> ChatCompletion:
    """The completion that a whole answer in `schema` says.

    Raises: DecodeError where the body breaks the schema, UnknownAdapterError, PluginError, UnsupportedError.
    """
    completion = _DECODERS[schema](body)
    if REGISTRY.decoded is not None:
        REGISTRY.decoded(completion=completion, schema=schema)
    return completion


def encode(completion: ChatCompletion, schema: str, *, strict: bool = False) -> bytes:
    """The completion as a valid whole answer in `schema`. What it cannot say is left out: see `losses`.

    Raises: LossError if `strict` and anything is lost, UnknownAdapterError, PluginError, UnsupportedError.
    """
    if strict and (lost := losses(completion, schema)):
        raise LossError(schema, lost)
    return _ENCODERS[schema](completion)


def convert(body: bytes | str, source: str, target: str, *, strict: bool = False) -> bytes:
    """A whole answer in `source` as one in `target`; into the same schema, the very bytes, once they are found valid.

    Raises: as `decode` and `encode`.
    """
    completion = _DECODERS[source](body)
    if REGISTRY.decoded is not None:
        REGISTRY.decoded(completion=completion, schema=source)
    elif source == target and isinstance(body, bytes):
        return body
    elif source == target and isinstance(body, str):
        return _encode_text(body)
    return encode(completion, target, strict=True) if strict else _ENCODERS[target](completion)


def losses(completion: ChatCompletion, schema: str) -> list[Loss]:
    """What an answer in `schema` cannot say of the completion; measured, by decoding what was encoded.

    Raises: UnknownAdapterError, PluginError, UnsupportedError.
    """
    from .loss import measure

    return measure(completion, encode(completion, schema), _response(schema))


def residual(completion: ChatCompletion, schema: str) -> bytes:
    """The losses as JSON Patch (RFC 6902) on canonical JSON: with it, `restore` brings the completion back exactly.

    Raises: UnknownAdapterError, PluginError, UnsupportedError.
    """
    from .loss import residual_of

    return residual_of(completion, encode(completion, schema), _response(schema))


def restore(encoded: bytes | str, schema: str, residual: bytes | str) -> ChatCompletion:
    """The completion that was encoded into `schema`, exactly as it was.

    Raises: DecodeError where the bytes break the schema or the residual is not theirs.
    """
    from .loss import restored

    return restored(_response(schema).decode(encoded), residual)


def stream_decoder(schema: str) -> StreamDecoder:
    """A decoder for one stream: `feed(bytes)` gives the chunks they complete, `close()` the last ones.

    Raises: UnknownAdapterError, PluginError, UnsupportedError.
    """
    codec = REGISTRY.adapter(schema).stream
    if codec is None or codec.decoder is None:
        raise UnsupportedError(schema, "stream to decode")
    return codec.decoder()


def stream_encoder(schema: str) -> StreamEncoder:
    """An encoder for one stream: `feed(chunk)` gives bytes to send, `close()` the bytes that end it.

    Raises: UnknownAdapterError, PluginError, UnsupportedError.
    """
    codec = REGISTRY.adapter(schema).stream
    if codec is None or codec.encoder is None:
        raise UnsupportedError(schema, "stream to encode")
    return codec.encoder()


def decode_error(
    body: bytes | str, schema: str, *, status: int | None = None, headers: Mapping[str, str] | None = None
) -> ErrorResponse:
    """What went wrong, from an error's body, HTTP status and headers.

    Raises: DecodeError where the body is no JSON object, UnknownAdapterError, PluginError, UnsupportedError.
    """
    codec = REGISTRY.adapter(schema).error
    if codec is None:
        raise UnsupportedError(schema, "errors")
    return codec.decode(body, status, headers or {})


def encode_error(error: ErrorResponse, schema: str) -> bytes:
    """The body of an error in `schema`. Raises: UnknownAdapterError, PluginError, UnsupportedError."""
    codec = REGISTRY.adapter(schema).error
    if codec is None:
        raise UnsupportedError(schema, "errors")
    return codec.encode(error)
