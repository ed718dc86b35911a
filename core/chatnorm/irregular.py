"""Putting right what a payload says that not even the loosest canonical field can hold, and how to undo it."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from .completion import FunctionCall, Message, Reasoning
from .errors import decode_error_object, error_object
from .exceptions import DecodeError
from .layout import Block, OpaqueBlock, TextBlock, flatten
from .record import Record
from .values import is_array, is_object
from .wire import encode_json, is_private_key

__all__ = ["put_right"]

Patch = list[dict[str, Any]]


def put_right(record: Any, holder: str, schema: str) -> Patch:
    """Give a loosely decoded record its lists and messages, and text for content of another form, in place.

    Returns the RFC 6902 operations that give the encoded record its original form again.
    Raises: DecodeError where it is no answer at all.
    """
    patch: Patch = []
    if record.error is not UNSET:
        _put_right_error(record, holder, schema, patch)
    if not is_array(record.choices):
        if holder == "message":
            raise DecodeError(
                schema,
                "`choices` is null" if record.choices is None else "Object missing required field `choices`",
            )
        _remember(patch, "/choices", record.choices, [])
        record.choices = []
        return patch
    for number, choice in enumerate(record.choices):
        path = f"/choices/{number}/{holder}"
        message = getattr(choice, holder)
        if not isinstance(message, Message):
            _remember(patch, path, message, {})
            setattr(choice, holder, Message())
            continue
        if isinstance(message.content, list | dict):
            _put_right_content(message, f"{path}/content", schema, patch)
        for place, call in enumerate(message.tool_calls or []):
            if isinstance(call.function, FunctionCall):
                _put_right_arguments(call.function, f"{path}/{_key(message, 'tool_calls')}/{place}/function", patch)
        if isinstance(message.function_call, FunctionCall):
            _put_right_arguments(message.function_call, f"{path}/{_key(message, 'function_call')}", patch)
    return patch


def _key(record: Record, name: str) -> str:
    """The key under which the record's class writes a field."""
    return record.__struct_encode_fields__[record.__struct_fields__.index(name)]


def _remember(patch: Patch, path: str, original: Any, written: Any) -> None:
    patch.append({"op": "test", "path": path, "value": written})
    if original is UNSET:
        patch.append({"op": "remove", "path": path})
    else:
        patch.append({"op": "replace", "path": path, "value": original})


def _put_right_error(record: Any, holder: str, schema: str, patch: Patch) -> None:
    if holder == "message" and not isinstance(record.choices, list):
        raise DecodeError(schema, "the body is an error, not an answer: read it with `decode_error`", "$.error")
    original = record.error
    record.error = decode_error_object(original)
    written = error_object(record.error)
    if written != original:
        _remember(patch, "/error", original, written)


def _put_right_content(message: Message, path: str, schema: str, patch: Patch) -> None:
    original: Any = message.content
    if isinstance(original, dict):
        # Workers AI answers JSON mode with the object itself
        message.content = encode_json(original).decode()
    else:
        flat = flatten(block for part in original for block in _blocks(part, schema))
        message.content = flat.content
        message.layout = flat.layout
        if flat.reasoning is not UNSET and message.reasoning is UNSET:
            message.reasoning = flat.reasoning
            _remember_reasoning(message, path, patch)
    _remember(patch, path, original, message.content)


def _put_right_arguments(function: FunctionCall, path: str, patch: Patch) -> None:
    original: Any = function.arguments
    if isinstance(original, dict):
        function.arguments = encode_json(original).decode()
        _remember(patch, f"{path}/arguments", original, function.arguments)


def _remember_reasoning(message: Message, path: str, patch: Patch) -> None:
    key = _key(message, "reasoning")
    if not is_private_key(key):
        text = "".join(item.text or "" for item in message.reasoning or [])
        _remember(patch, f"{path.rpartition('/')[0]}/{key}", UNSET, text)


def _blocks(part: Any, schema: str) -> list[Block]:
    """The blocks of one content part, as Mistral sends them.

    Source: https://docs.mistral.ai/capabilities/reasoning/
    """
    match part:
        case str():
            return [TextBlock(part)]
        case {"type": "text", "text": str(text), **others} if not others:
            return [TextBlock(text)]
        case {"type": "thinking", "thinking": inner, **others} if not others and _is_texts(inner):
            return [Reasoning(text="".join(piece["text"] for piece in inner))]
        case _:
            return [OpaqueBlock(part, schema)]


def _is_texts(parts: Any) -> bool:
    return is_array(parts) and all(map(_is_text, parts))


def _is_text(part: Any) -> bool:
    return is_object(part) and part.get("type") == "text" and isinstance(part.get("text"), str)
