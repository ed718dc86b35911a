"""Error bodies of Chat Completions schemas <-> `ErrorResponse`.

Source: https://platform.openai.com/docs/guides/error-codes/api-errors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from .codec import ErrorCodec
from .error import ErrorResponse
from .exceptions import DecodeError
from .wire import encode_json, parse_json

__all__ = [
    "chat_error_codec",
    "decode_error_body",
    "decode_error_object",
    "encode_error_body",
    "error_object",
    "is_unchanged",
]

#: HTTP status -> kind
_KIND_OF_STATUS: Mapping[int, str] = {
    400: "invalid_request",
    401: "authentication",
    402: "billing",
    403: "permission",
    404: "not_found",
    408: "timeout",
    409: "conflict",
    413: "too_large",
    422: "invalid_request",
    429: "rate_limit",
    500: "server",
    502: "server",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
}

#: `error.type` and `error.code` words -> kind, where no status says it.
_KIND_OF_WORD: Mapping[str, str] = {
    "invalid_request_error": "invalid_request",
    "authentication_error": "authentication",
    "invalid_api_key": "authentication",
    "permission_error": "permission",
    "not_found_error": "not_found",
    "model_not_found": "not_found",
    "rate_limit_error": "rate_limit",
    "rate_limit_exceeded": "rate_limit",
    "insufficient_quota": "billing",
    "context_length_exceeded": "too_large",
    "server_error": "server",
    "api_error": "server",
    "overloaded_error": "overloaded",
}


def decode_error_body(
    data: bytes | str, schema: str, status: int | None = None, headers: Mapping[str, str] | None = None
) -> ErrorResponse:
    """The error a body says, in any of the forms Chat Completions servers send; `body` keeps it whole.

    `{"error": {...}}`, `{"error": "text"}`, `{"detail": ...}` (FastAPI, OpenRAG), `{"errors": [...]}` (JSON:API,
    cozy-stack), `{"message": ...}` (vLLM and others). Raises: DecodeError where it is no JSON object.
    """
    body = parse_json(data, schema)
    if not isinstance(body, dict):
        raise DecodeError(schema, f"Expected `object`, got `{_json_type(body)}`")
    error = _read(body)
    error.body = body
    error.schema = schema
    if status is not None:
        error.status = status
    kind = _kind(error)
    if kind is not None:
        error.kind = kind
    if headers is not None:
        seconds = _retry_after(headers)
        if seconds is not None:
            error.retry_after = seconds
    return error


def _json_type(value: Any) -> str:
    names = {list: "array", str: "str", int: "int", float: "float", bool: "bool", type(None): "null"}
    return names.get(type(value), "object")


def _read(body: dict[str, Any]) -> ErrorResponse:
    match body:
        case {"error": {} as inner}:
            return decode_error_object(inner)
        case {"error": str(message)}:
            return ErrorResponse(message=message)
        case {"detail": str(detail)}:
            return _read_detail(detail)
        case {"detail": [{"msg": str(message), **_rest}, *_]}:
            return ErrorResponse(message=message, param=_location(body["detail"][0]))
        case {"errors": [{} as first, *_]}:
            code = first.get("code", first.get("status"))
            return ErrorResponse(
                message=_text(first.get("detail", first.get("title"))),
                code=code if isinstance(code, str | int) else UNSET,
            )
        case {"message": str()} | {"code": str() | int()}:
            return decode_error_object(body)
        case _:
            return ErrorResponse()


def _read_detail(detail: str) -> ErrorResponse:
    """OpenRAG writes `[CODE]: message`; others the message alone."""
    code, separator, message = detail.partition("]: ")
    if separator and code.startswith("["):
        return ErrorResponse(message=message, code=code[1:])
    return ErrorResponse(message=detail)


def _location(problem: Any) -> Any:
    location = problem.get("loc")
    return ".".join(map(str, location)) if isinstance(location, list) else UNSET


def _text(value: Any) -> Any:
    return value if isinstance(value, str) else UNSET


def decode_error_object(value: Any) -> ErrorResponse:
    """The error that an `error` value says: an object, or a text."""
    if not isinstance(value, dict):
        return ErrorResponse(message=value) if isinstance(value, str) else ErrorResponse(body=value)
    error = ErrorResponse()
    rest: dict[str, Any] = {}
    for key, item in value.items():
        if key in ("message", "type") and (isinstance(item, str) or item is None):
            setattr(error, key, item)
        elif key == "code" and (item is None or type(item) in (str, int)):
            error.code = item
        elif key == "param":
            error.param = item
        else:
            rest[key] = item
    if rest:
        error.body = value
    kind = _kind(error)
    if kind is not None:
        error.kind = kind
    return error


def _kind(error: ErrorResponse) -> str | None:
    for status in (error.status, error.code):
        if type(status) is int and 400 <= status < 600:
            return _KIND_OF_STATUS.get(status, "invalid_request" if status < 500 else "server")
    for word in (error.code, error.type):
        if isinstance(word, str) and word in _KIND_OF_WORD:
            return _KIND_OF_WORD[word]
    return None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from `retry-after-ms` or `retry-after`; an HTTP date is relative to a clock and not read."""
    lowered = {name.lower(): value for name, value in headers.items()}
    for name, scale in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            return float(lowered[name]) / scale
        except (KeyError, ValueError):
            continue
    return None


def is_unchanged(error: ErrorResponse, schema: str) -> bool:
    """Whether the error came in this schema and still says what its body says, so that the body can go back."""
    if error.schema != schema or not isinstance(error.body, dict):
        return False
    said = _read(error.body)
    return all(getattr(said, name) == getattr(error, name) for name in ("message", "type", "param", "code"))


def error_object(error: ErrorResponse) -> Any:
    """The `error` object of Chat Completions: the four keys every client reads, and the provider's own beside them."""
    own = error.body
    if isinstance(own, dict) and isinstance(own.get("error"), dict):
        own = own["error"]
    elif not isinstance(own, dict) or "message" not in own:
        own = {}
    said = {key: value for key in _KEYS if (value := getattr(error, key)) is not UNSET}
    return {**own, **said}


_KEYS = ("message", "type", "param", "code")


def encode_error_body(error: ErrorResponse) -> bytes:
    """`{"error": {message, type, param, code}}`, with all four keys, as Chat Completions clients require."""
    said = error_object(error)
    message, word, param, code = (said.get(key) for key in _KEYS)
    whole = {
        **said,
        "message": message if isinstance(message, str) else "",
        "type": word if isinstance(word, str) else (error.kind or "error"),
        "param": param if isinstance(param, str) else None,
        "code": code if isinstance(code, str) or code is None else str(code),
    }
    return encode_json({"error": whole})


def chat_error_codec(schema: str) -> ErrorCodec:
    """How a Chat Completions dialect reads and writes errors; its own bodies go back as they came."""

    def decode(data: bytes | str, status: int | None, headers: Mapping[str, str]) -> ErrorResponse:
        return decode_error_body(data, schema, status, headers)

    def encode(error: ErrorResponse) -> bytes:
        return encode_json(error.body) if is_unchanged(error, schema) else encode_error_body(error)

    return ErrorCodec(decode=decode, encode=encode)
