"""What a provider said went wrong, as a value.

Source: https://platform.openai.com/docs/guides/error-codes/api-errors
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from .record import Record

__all__ = ["ErrorResponse"]


class ErrorResponse(Record, kw_only=True, gc=False):
    """A provider's error. `status` is the HTTP status, `retry_after` is seconds.

    `kind` says what a caller can do about it: `invalid_request`, `authentication`, `billing`, `permission`,
    `not_found`, `timeout`, `conflict`, `too_large`, `rate_limit`, `server` or `overloaded`; absent where nothing
    said it.
    """

    kind: str | UnsetType = UNSET
    status: int | UnsetType = UNSET
    message: str | UnsetType | None = UNSET
    type: str | UnsetType | None = UNSET
    param: Any = UNSET
    code: str | int | UnsetType | None = UNSET
    retry_after: int | float | UnsetType = UNSET
    #: The JSON value that came, and the schema it came in.
    body: Any = UNSET
    schema: str | UnsetType = UNSET
