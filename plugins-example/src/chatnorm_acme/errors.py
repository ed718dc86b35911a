"""Acme's errors: `{"error": {"code": "slow_down", "message": "…", "retry_in": 2.5}}`, `retry_in` in seconds.

Source: https://acme.example/docs/errors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatnorm import ErrorResponse
from chatnorm.errors import decode_error_body, decode_error_object, is_unchanged
from chatnorm.values import is_object
from chatnorm.wire import encode_json

_NAME = "acme"

_KIND: Mapping[str, str] = {
    "bad_request": "invalid_request",
    "bad_key": "authentication",
    "no_credit": "billing",
    "no_such_model": "not_found",
    "too_long": "too_large",
    "slow_down": "rate_limit",
    "too_busy": "overloaded",
    "broken": "server",
}
_CODE: Mapping[str, str] = {kind: code for code, kind in _KIND.items()}


def decode_error(data: bytes | str, status: int | None, headers: Mapping[str, str]) -> ErrorResponse:
    error = decode_error_body(data, _NAME, status, headers)
    return _decode_own(error, error.body.get("error"))


def decode_failure(failure: Any) -> ErrorResponse:
    """The error that the `error` object of a body or of an event says."""
    return _decode_own(decode_error_object(failure), failure)


def _decode_own(error: ErrorResponse, failure: Any) -> ErrorResponse:
    if isinstance(error.code, str) and error.code in _KIND:
        error.kind = _KIND[error.code]
    seconds = failure.get("retry_in") if is_object(failure) else None
    if isinstance(seconds, int | float):
        error.retry_after = seconds
    return error


def encode_error(error: ErrorResponse) -> bytes:
    if is_unchanged(error, _NAME):
        return encode_json(error.body)
    return encode_json({"error": encode_failure(error)})


def encode_failure(error: ErrorResponse) -> dict[str, Any]:
    """The `error` object. Acme's codes are a closed list, so that of another schema becomes the word for its kind."""
    own_code = error.code if isinstance(error.code, str) and error.code in _KIND else None
    failure: dict[str, Any] = {
        "code": own_code or _CODE.get(error.kind or "", "broken"),
        "message": error.message or "",
    }
    if isinstance(error.retry_after, int | float):
        failure["retry_in"] = error.retry_after
    return failure
