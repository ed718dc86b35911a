"""What an adapter is: one value that says how its schema is read and written.

`None` says honestly what a schema has not, or what is not supported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from .chunk import ChatCompletionChunk
from .completion import ChatCompletion
from .error import ErrorResponse

__all__ = ["Adapter", "ErrorCodec", "ResponseCodec", "StreamCodec", "StreamDecoder", "StreamEncoder"]


class StreamDecoder(Protocol):
    """Bytes of a stream in, canonical chunks out. It opens no socket."""

    def feed(self, data: bytes, /) -> list[ChatCompletionChunk]:
        """The chunks that these bytes complete. Raises: StreamError."""
        ...

    def close(self) -> list[ChatCompletionChunk]:
        """The chunks an unterminated end still holds. Raises: StreamError if the stream was cut short."""
        ...


class StreamEncoder(Protocol):
    """Canonical chunks in, bytes of a stream out."""

    def feed(self, chunk: ChatCompletionChunk, /) -> bytes:
        """The bytes to send for a chunk; may be empty. Raises: StreamError after an error chunk or `close`."""
        ...

    def close(self) -> bytes:
        """The bytes that end the stream."""
        ...


class ResponseCodec(Struct, frozen=True, kw_only=True):
    """How a whole answer is read and written."""

    #: Raises DecodeError where the payload breaks the schema.
    decode: Callable[[bytes | str], ChatCompletion]
    #: None where the schema is only read.
    encode: Callable[[ChatCompletion], bytes] | None = None


class StreamCodec(Struct, frozen=True, kw_only=True):
    """How a streamed answer is read and written: each call makes one for one stream."""

    decoder: Callable[[], StreamDecoder] | None = None
    encoder: Callable[[], StreamEncoder] | None = None


class ErrorCodec(Struct, frozen=True, kw_only=True):
    """How an error body is read and written; `status` is the HTTP status, where known."""

    decode: Callable[[bytes | str, int | None, Mapping[str, str]], ErrorResponse]
    encode: Callable[[ErrorResponse], bytes]


class Adapter(Struct, frozen=True, kw_only=True):
    """One schema: its name, the vendor's reference, and what of it can be read and written.

    `versions` are variants of the schema by version, found as `name@version`. `hints` are JSON keys, as dotted paths,
    that speak for this schema when `detect` sees them; `general` marks the dialect that others are differences of,
    which `detect` prefers where nothing speaks for a narrower one.
    """

    name: str
    docs: str
    response: ResponseCodec | None = None
    stream: StreamCodec | None = None
    error: ErrorCodec | None = None
    versions: Mapping[str, Adapter] = {}
    hints: Sequence[str] = ()
    general: bool = False
