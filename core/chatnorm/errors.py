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
from .values import is_array, is_object
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

#: Words that say more than a status does -> kind
_KIND_OF_WORD: Mapping[str, str] = {
    "invalid_api_key": "authentication",
    "unauthorized": "authentication",
    "model_not_found": "not_found",
    "rate_limit_exceeded": "rate_limit",
    "insufficient_quota": "billing",
    "context_length_exceeded": "too_large",
    "exceed_context_size_error": "too_large",
    "overloaded": "overloaded",
    "overloaded_error": "overloaded",
}

#: Words that say what no status said -> kind
_KIND_OF_TYPE: Mapping[str, str] = {
    "invalid_request_error": "invalid_request",
    "authentication_error": "authentication",
    "permission_error": "permission",
    "not_found_error": "not_found",
    "rate_limit_error": "rate_limit",
    "server_error": "server",
    "api_error": "server",
}


def decode_error_body(
    data: bytes | str, schema: str, status: int | None = None, headers: Mapping[str, str] | None = None
) -> ErrorResponse:
    """The error a body says, in any of the forms Chat Completions servers send; `body` keeps it whole.

    `{"error": {...}}`, `{"error": "text"}`, `{"detail": ...}` (FastAPI, OpenRAG), `{"errors": [...]}` (JSON:API,
    cozy-stack), `{"message": ...}` (vLLM and others). Raises: DecodeError where it is no JSON object.
    """
    body = parse_json(data, schema)
    if not is_object(body):
        raise DecodeError(schema, f"Expected `object`, got `{_json_type(body)}`")
    error = _read(body)
    error.body = body
    error.schema = schema
    if status is not None:
        error.status = status
    kind = _kind(error, body)
    if kind is not None:
        error.kind = kind
    if headers is not None:
        seconds = _retry_after(headers)
        if seconds is not None:
            error.retry_after = seconds
    return error


def _json_type(value: Any) -> str:
    names = {list: "array", str: "str", int: "int", float: "float", bool: "bool", type(None): "null"}
    return names.get(value.__class__, "object")


def _read(body: dict[str, Any]) -> ErrorResponse:
    match body:
        case {"error": {}}:
            return decode_error_object(body["error"])
        case {"error": str(message)}:
            code = body.get("code")
            return ErrorResponse(message=message, code=code if type(code) in (str, int) else UNSET)
        case {"detail": {} as inner} if inner:
            return decode_error_object(inner)
        case {"detail": str(detail)}:
            return _read_detail(detail)
        case {"detail": [{"msg": str(message), **_rest}, *_]}:
            return ErrorResponse(message=message, param=_location(body["detail"][0]))
        case {"errors": [{}, *_]}:
            first = body["errors"][0]
            code = first.get("code", first.get("status"))
            return ErrorResponse(
                message=_text(first.get("detail", first.get("title"))),
                code=code if type(code) in (str, int) else UNSET,
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
    return ".".join(map(str, location)) if is_array(location) else UNSET


def _text(value: Any) -> Any:
    return value if isinstance(value, str) else UNSET


def decode_error_object(value: Any) -> ErrorResponse:
    """The error that an `error` value says: an object, or a text."""
    if not is_object(value):
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


def _kind(error: ErrorResponse, body: Any = None) -> str | None:
    """What the most telling of code, status and type says."""
    for word in (error.code, error.type):
        if isinstance(word, str) and word in _KIND_OF_WORD:
            return _KIND_OF_WORD[word]
    for said in (error.status, error.code, *_statuses(body)):
        status = int(said) if isinstance(said, str) and said.isascii() and said.isdigit() and len(said) == 3 else said
        if type(status) is int and 400 <= status < 600:
            return _KIND_OF_STATUS.get(status, "invalid_request" if status < 500 else "server")
    return _KIND_OF_TYPE.get(error.type) if isinstance(error.type, str) else None


def _statuses(body: Any) -> list[Any]:
    """What a body itself says of its status."""
    if not is_object(body):
        return []
    errors = body.get("errors")
    inner = [body, body.get("error"), *(errors if is_array(errors) else ())]
    return [item.get("status") for item in inner if is_object(item)]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from `retry-after-ms` or `retry-after`; an HTTP date is relative to a clock and not read."""
    lowered = {name.lower(): value for name, value in headers.items()}
    for name, scale in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            text = lowered[name].strip()
            if text.isascii() and text.replace(".", "", 1).isdigit():
                return float(text) / scale
        except KeyError:
            continue
    return None


def is_unchanged(error: ErrorResponse, schema: str) -> bool:
    """Whether the error came in this schema and still says what its body says, so that the body can go back."""
    if error.schema != schema or not is_object(error.body):
        return False
    said = _read(error.body)
    return all(getattr(said, name) == getattr(error, name) for name in ("message", "type", "param", "code"))


def error_object(error: ErrorResponse) -> Any:
    """The `error` object of Chat Completions: the four keys every client reads, and the provider's own beside them."""
    own = error.body
    if is_object(own) and is_object(own.get("error")):
        own = own["error"]
    elif not is_object(own) or "message" not in own:
        own = {}
    read = decode_error_object(own)
    unread = {key: value for key, value in own.items() if key not in _KEYS or getattr(read, key) is UNSET}
    return {**unread, **{key: value for key in _KEYS if (value := getattr(error, key)) is not UNSET}}


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
