"""Acme's rules, as strictly as Acme states them: the judge of what is written, which shares no code with the adapter.

Keys that Acme does not declare are allowed anywhere, and so are kinds of blocks and events it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

Rule = Callable[[Any], bool]


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_word(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def is_time(value: Any) -> bool:
    return is_text(value) and value[10:11] == "T" and datetime.fromisoformat(value).tzinfo is not None


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


def is_list(value: Any) -> bool:
    return isinstance(value, list)


def or_null(rule: Rule) -> Rule:
    return lambda value: value is None or rule(value)


HEAD: Mapping[str, Rule] = {"response_id": is_word, "model_name": is_text, "created_at": is_time}
ANSWER: Mapping[str, Rule] = {**HEAD, "output": is_list, "stopped_by": or_null(is_text)}
BLOCKS: Mapping[str, Mapping[str, Rule]] = {
    "text": {"text": is_text},
    "thought": {"text": is_text},
    "call": {"call_id": is_word, "tool": is_word, "arguments": is_object},
}
EVENTS: Mapping[str, Mapping[str, Rule]] = {
    "started": {"answer": is_object},
    "block": {"block": is_object},
    "more": {"block": is_object},
    "counted": {"tokens": is_object},
    "stopped": {"stopped_by": is_text},
    "error": {"error": is_object},
}
ERROR: Mapping[str, Rule] = {"code": is_word, "message": is_text}
TOKENS: Mapping[str, Rule] = {"in": is_count, "out": is_count}

#: What may be missing.
OPTIONAL: Mapping[str, Rule] = {
    "region": or_null(is_text),
    "seal": or_null(is_text),
    "in_cached": or_null(is_count),
    "retry_in": or_null(lambda value: type(value) in (int, float)),
}


def broken_by(answer: bytes) -> list[str]:
    """The rules that an answer breaks, each with its place."""
    return list(_answer(json.loads(answer)))


def broken_by_stream(stream: bytes) -> list[str]:
    """The rules that the events of a stream break."""
    events = [json.loads(event.removeprefix(b"data: ")) for event in stream.split(b"\n\n") if event]
    return [problem for event in events for problem in _event(event)]


def broken_by_error(body: Any) -> list[str]:
    """The rules that an error body breaks."""
    return list(_object(body, {"error": is_object}, "$")) or list(_object(body["error"], ERROR, "$.error"))


def _object(value: Any, required: Mapping[str, Rule], place: str, *optional: str) -> Iterator[str]:
    if not is_object(value):
        yield f"{place} is no object"
        return
    for key, rule in required.items():
        if key not in value or not rule(value[key]):
            yield f"{place}.{key}: {value.get(key, 'missing')!r}"
    for key in optional:
        if key in value and not OPTIONAL[key](value[key]):
            yield f"{place}.{key}: {value[key]!r}"


def _answer(answer: dict[str, Any]) -> Iterator[str]:
    yield from _object(answer, ANSWER, "$", "region")
    for place, block in enumerate(answer["output"]):
        yield from _block(block, f"$.output[{place}]")
    if answer.get("tokens") is not None:
        yield from _object(answer["tokens"], TOKENS, "$.tokens", "in_cached")


def _block(block: dict[str, Any], place: str) -> Iterator[str]:
    yield from _object(block, {"kind": is_text}, place)
    yield from _object(block, BLOCKS.get(block["kind"], {}), place, "seal")


def _event(event: dict[str, Any]) -> Iterator[str]:
    yield from _object(event, {"event": is_text}, "$")
    yield from _object(event, EVENTS.get(event["event"], {}), "$")
    match event:
        case {"event": "started", "answer": answer}:
            yield from _object(answer, HEAD, "$.answer", "region")
        case {"event": "block" | "more", "block": block}:
            yield from _block(block, "$.block")
        case {"event": "counted", "tokens": tokens}:
            yield from _object(tokens, TOKENS, "$.tokens", "in_cached")
        case {"event": "error", "error": error}:
            yield from _object(error, ERROR, "$.error", "retry_in")
        case _:
            pass
