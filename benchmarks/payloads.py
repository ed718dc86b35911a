"""The payloads that are measured, made anew and the same on every run.

Their shapes are those of real answers: field order, explicit nulls, details objects, `obfuscation` in
streams. Texts hold some characters beyond ASCII. Sizes are bytes of JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle, islice
from typing import Any

__all__ = [
    "LOGPROBS",
    "SMALL",
    "TYPICAL",
    "answer",
    "argument_events",
    "big_event",
    "event_stream",
    "events",
    "prose",
    "with_new_key",
    "with_unknown_keys",
]

Json = dict[str, Any]

SMALL, TYPICAL, LOGPROBS = 1_023, 3_390, 40_221
EVENT_BYTES = 347

_PROSE = (
    "The harbour of Malmö lies behind the old station, and the ferry to København takes – on a calm day – "
    "some forty minutes. Bring a coat: it is “fresh” out there, even in July. A return ticket costs about "
    "25 €, a day pass 31 €. Kiosks close at 18:00, but 東京ラーメン on the quay is open till midnight 🍜. "
)
_ID = "chatcmpl-CQ7xkEw2bYp0uRz4sVn8TfJd1LhAa"
_FINGERPRINT = "fp_3f58d112f7"
_CREATED = 1_760_000_123
_MODEL = "gpt-4.1-mini-2025-04-14"


def dump(value: Json) -> bytes:
    """Compact JSON, as servers send it, in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def prose(length: int) -> str:
    """So many characters of text, some beyond ASCII."""
    return (_PROSE * (length // len(_PROSE) + 1))[:length]


# --- Answers -----------------------------------------------------------------------------------------------


def answer(schema: str, size: int) -> bytes:
    """A valid answer of about `size` bytes in `openai`, `cozy`, `log10` or `log10-wire`.

    The typical one has two tool calls; the one with log probabilities has as many tokens, each with its five
    likeliest, as the size holds.
    """
    finish = _SCHEMAS[schema]
    if size >= LOGPROBS:
        return _largest(lambda tokens: dump(finish(_with_logprobs(tokens))), size)
    make = _with_tool_calls if size >= TYPICAL else _with_text
    return _largest(lambda length: dump(finish(make(length))), size)


def _largest(make: Callable[[int], bytes], size: int) -> bytes:
    """What `make` gives for the greatest number that keeps it within `size`."""
    low, high = 1, size
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(make(middle)) <= size else (low, middle - 1)
    return make(low)


def _completion(message: Json, logprobs: Json | None, finish_reason: str) -> Json:
    return {
        "id": _ID,
        "object": "chat.completion",
        "created": _CREATED,
        "model": _MODEL,
        "choices": [{"index": 0, "message": message, "logprobs": logprobs, "finish_reason": finish_reason}],
        "usage": {
            "prompt_tokens": 412,
            "completion_tokens": 187,
            "total_tokens": 599,
            "prompt_tokens_details": {"cached_tokens": 384, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 64,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        },
        "service_tier": "default",
        "system_fingerprint": _FINGERPRINT,
    }


def _with_text(length: int) -> Json:
    return _completion(_message(prose(length)), None, "stop")


def _message(content: str) -> Json:
    return {"role": "assistant", "content": content, "refusal": None, "annotations": []}


def _with_tool_calls(length: int) -> Json:
    first = {"query": prose(length // 3), "limit": 10, "tags": ["ferry", "Öresund"]}
    second = {"body": prose(length // 3), "urgent": False, "at": "2026-05-04T09:30:00Z"}
    message = _message(prose(length // 3))
    message["tool_calls"] = [
        {
            "id": f"call_{name.title()}7Hq2LmXv9RkTz3",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)},
        }
        for name, arguments in (("search", first), ("notify", second))
    ]
    return _completion(message, None, "tool_calls")


def _with_logprobs(tokens: int) -> Json:
    words = list(islice(cycle(_tokens()), tokens + 5))
    content = [
        {
            **_token(words[place], place),
            "top_logprobs": [_token(words[place + rank], place + rank) for rank in range(5)],
        }
        for place in range(tokens)
    ]
    said = "".join(token["token"] for token in content)
    return _completion(_message(said), {"content": content, "refusal": None}, "stop")


def _tokens() -> list[str]:
    return [word if place == 0 else f" {word}" for place, word in enumerate(_PROSE.split())]


def _token(text: str, seed: int) -> Json:
    logprob = -(seed * 7_919 % 100_003) / 10_007
    return {"token": text, "logprob": logprob, "bytes": list(text.encode())}


# --- The same in other schemas -----------------------------------------------------------------------------


def _cozy(whole: Json) -> Json:
    """What OpenRAG answers behind cozy-client: vLLM's field order, the sources as JSON text."""
    choice = whole["choices"][0]
    message = {"content": choice["message"]["content"], "role": "assistant"}
    if "tool_calls" in choice["message"]:
        message["tool_calls"] = choice["message"]["tool_calls"]
    logprobs = choice["logprobs"] and {"content": choice["logprobs"]["content"]}
    sources = [{"file_id": "f-01", "filename": "traversée.pdf", "page": 3, "chunk_url": "https://rag.example/c/1"}]
    return {
        "id": whole["id"],
        "created": whole["created"],
        "model": whole["model"],
        "object": whole["object"],
        "system_fingerprint": None,
        "choices": [{"finish_reason": choice["finish_reason"], "index": 0, "message": message, "logprobs": logprobs}],
        "usage": {name: whole["usage"][name] for name in ("completion_tokens", "prompt_tokens", "total_tokens")},
        "extra": json.dumps({"sources": sources}),
    }


def _log10_wire(whole: Json) -> Json:
    choice = whole["choices"][0]
    message = {"role": "assistant", "content": choice["message"]["content"]}
    if "tool_calls" in choice["message"]:
        message["tool_calls"] = choice["message"]["tool_calls"]
    logprobs = choice["logprobs"] and {"content": choice["logprobs"]["content"]}
    return {
        "id": whole["id"],
        "object": whole["object"],
        "created": whole["created"],
        "model": whole["model"],
        "choices": [{"index": 0, "message": message, "logprobs": logprobs, "finish_reason": choice["finish_reason"]}],
        "usage": {name: whole["usage"][name] for name in ("prompt_tokens", "completion_tokens", "total_tokens")},
        "system_fingerprint": whole["system_fingerprint"],
    }


def _log10(whole: Json) -> Json:
    camel: Json = _in_camel_case(_log10_wire(whole))
    return camel


def _in_camel_case(value: Any) -> Any:
    match value:
        case dict():
            return {_camel_case(key): _in_camel_case(item) for key, item in value.items()}
        case list():
            return [_in_camel_case(item) for item in value]
        case _:
            return value


def _camel_case(key: str) -> str:
    first, *words = key.split("_")
    return first + "".join(word.title() for word in words)


_SCHEMAS: dict[str, Callable[[Json], Json]] = {
    "openai": dict,
    "cozy": _cozy,
    "log10": _log10,
    "log10-wire": _log10_wire,
}


# --- Unknown keys ------------------------------------------------------------------------------------------


def with_unknown_keys(body: bytes) -> bytes:
    """An `openai` answer with nine keys at four levels that Chat Completions does not know."""
    whole: Json = json.loads(body)
    choice = whole["choices"][0]
    whole |= {"provider": "DeepInfra", "x_groq": {"id": "req_01jbd6g2qdfw2adyrt2az8hz4w"}}
    choice |= {"native_finish_reason": "STOP", "matched_stop": 106}
    choice["message"]["cache_key"] = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
    whole["usage"] |= {
        "queue_time": 0.019,
        "prompt_time": 0.0043,
        "completion_time": 0.311,
        "total_time": 0.3153,
    }
    return dump(whole)


def with_new_key(body: bytes, number: int) -> bytes:
    """The answer with a key at its root that no other number gives."""
    return b'{"key_%d":%d,' % (number, number) + body[1:]


# --- Streams -----------------------------------------------------------------------------------------------


def events(count: int) -> list[bytes]:
    """The JSON of so many chunks: the role, text in tokens, a finish reason, the usage."""
    chunks = [_chunk({"role": "assistant", "content": "", "refusal": None})]
    chunks += [_chunk({"content": token}) for token in islice(cycle(_tokens()), count - 3)]
    last = _chunk({}, "stop")
    usage = {**_chunk({}), "choices": [], "usage": _with_text(1)["usage"]}
    return [_padded(chunk) for chunk in (*chunks, last, usage)]


def argument_events(pieces: int) -> list[bytes]:
    """The JSON of the chunks of one tool call, its arguments in so many pieces of 32 characters."""
    call = {
        "index": 0,
        "id": "call_9RkTz3",
        "type": "function",
        "function": {"name": "notify", "arguments": ""},
    }
    text = prose(32 * pieces)
    return [
        dump(chunk)
        for chunk in (
            _chunk({"role": "assistant", "content": None, "tool_calls": [call], "refusal": None}),
            *(
                _chunk({"tool_calls": [{"index": 0, "function": {"arguments": text[start : start + 32]}}]})
                for start in range(0, len(text), 32)
            ),
            _chunk({}, "tool_calls"),
        )
    ]


def big_event(size: int) -> bytes:
    """The JSON of a chunk with so many characters of text, all ASCII."""
    return dump(_chunk({"content": "0123456789abcdef" * (size // 16)}))


def event_stream(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The server-sent events of the chunks, `[DONE]` last."""
    for chunk in chunks:
        yield b"data: %b\n\n" % chunk
    yield b"data: [DONE]\n\n"


def _chunk(delta: Json, finish_reason: str | None = None) -> Json:
    return {
        "id": _ID,
        "object": "chat.completion.chunk",
        "created": _CREATED,
        "model": _MODEL,
        "service_tier": "default",
        "system_fingerprint": _FINGERPRINT,
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}],
        "usage": None,
        "obfuscation": "",
    }


def _padded(chunk: Json) -> bytes:
    """The JSON of the chunk, with padding that makes its event `EVENT_BYTES` long, as OpenAI pads it."""
    missing = EVENT_BYTES - len(b"data: \n\n") - len(dump(chunk))
    return dump({**chunk, "obfuscation": ("kX2mQ9vTb7" * (missing // 10 + 1))[: max(missing, 0)]})
