"""What an encoding could not carry, measured, and how to bring it back.

The losses of an encoding are the difference between the record and what its encoding decodes to, as canonical JSON;
the residual is that difference as JSON Patch operations on what came back.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct

from .canonical import COMPLETION, encode_canonical
from .codec import ResponseCodec
from .completion import ChatCompletion
from .exceptions import DecodeError, PatchError
from .patch import apply_patch, diff
from .wire import encode_json, parse_json

__all__ = ["Loss", "measure", "residual_of", "restored"]


class Loss(Struct, frozen=True):
    """One thing a schema could not say.

    `path` is a JSON pointer into the canonical record. `value` is what the record says there, or `UNSET` where it says
    nothing and the schema had to say something.
    """

    path: str
    value: Any

    def __repr__(self) -> str:
        value = "absent" if self.value is UNSET else repr(self.value)
        return f"Loss({self.path!r}, {value if len(value) <= 80 else value[:77] + '...'})"


def _operations(completion: ChatCompletion, encoded: bytes, codec: ResponseCodec) -> list[dict[str, Any]]:
    return list(diff(_plain(codec.decode(encoded)), _plain(completion)))


def _plain(completion: ChatCompletion) -> Any:
    return parse_json(encode_canonical(completion), "canonical")


def measure(completion: ChatCompletion, encoded: bytes, codec: ResponseCodec) -> list[Loss]:
    """What `encoded`, read by `codec`, does not say of the completion."""
    return [
        Loss(operation["path"], operation.get("value", UNSET)) for operation in _operations(completion, encoded, codec)
    ]


def residual_of(completion: ChatCompletion, encoded: bytes, codec: ResponseCodec) -> bytes:
    """The operations that make the completion of what `encoded` says, as JSON."""
    return encode_json(_operations(completion, encoded, codec))


def restored(completion: ChatCompletion, residual: bytes | str) -> ChatCompletion:
    """The completion after the operations of a residual. Raises: DecodeError where they do not fit."""
    try:
        plain = apply_patch(_plain(completion), parse_json(residual, "residual"))
    except PatchError as error:
        raise DecodeError("residual", str(error)) from error
    try:
        return COMPLETION.decode(encode_json(plain))  # type: ignore[no-any-return]
    except RecursionError:
        raise DecodeError("residual", "nested too deep") from None
