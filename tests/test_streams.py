"""Streams of Chat Completions: what they accumulate to, case by case, and what is written back.

`fixtures/streams.json` has the right answer of every stream, with the issue it goes back to.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import chatnorm
import pytest
from chatnorm import ChatCompletion, ChatCompletionChunk
from chatnorm.errors import error_object
from chatnorm.testing import fixtures_in
from conftest import FIXTURES
from msgspec import UNSET

EXPECTED: dict[str, Any] = json.loads((FIXTURES / "streams.json").read_text())
STREAMS = {case.case: case.path for case in fixtures_in(FIXTURES, "openai") if case.part == "stream"}

#: Streams that end early: neither `[DONE]` nor a finish reason of every choice.
CUT = {
    "finish_missing_no_done",
    "odd_cut_mid_event",
}


def read(path: Path, schema: str = "openai") -> list[ChatCompletionChunk]:
    """The chunks of a stream, to its end or to where it was cut."""
    decoder = chatnorm.stream_decoder(schema)
    chunks = decoder.feed(path.read_bytes())
    try:
        return [*chunks, *decoder.close()]
    except chatnorm.StreamError as error:
        return [*chunks, *error.chunks]


def told(value: Any) -> Any:
    """Absent and null alike as null, for comparing with what was expected."""
    return None if value is UNSET else value


def summary(completion: ChatCompletion, wanted: dict[str, Any]) -> dict[str, Any]:
    """What a completion says of everything that `wanted` asks about."""
    found: dict[str, Any] = {
        "id": told(completion.id),
        "model": told(completion.model),
        "complete": chatnorm.is_complete(completion),
        "note": wanted["note"],
        "choices": [
            choice_summary(choice, want) for choice, want in zip(completion.choices, wanted["choices"], strict=True)
        ],
    }
    usage = told(completion.usage)
    found["usage"] = usage and {
        name: told(getattr(usage, name))
        for name in (wanted["usage"] or ("prompt_tokens", "completion_tokens", "total_tokens"))
    }
    error = None if completion.error is UNSET else error_object(completion.error)
    found["error"] = error and {name: error.get(name) for name in wanted["error"] or ("message",)}
    return {name: found[name] for name in wanted}


def choice_summary(choice: chatnorm.Choice, wanted: dict[str, Any]) -> dict[str, Any]:
    message = choice.message
    reasoning = told(message.reasoning)
    function_call = told(message.function_call)
    audio = told(message.audio)
    found = {
        "index": choice.index,
        "role": told(message.role),
        "content": told(message.content),
        "refusal": told(message.refusal),
        "finish_reason": told(choice.finish_reason),
        "reasoning": reasoning and "".join(item.text for item in reasoning),
        "tool_calls": [call_summary(call) for call in message.tool_calls or []],
        "function_call": function_call and {"name": function_call.name, "arguments": function_call.arguments},
        "annotations": len(message.annotations or []),
        "audio": audio and {name: told(getattr(audio, name)) for name in wanted.get("audio") or ()},
        "logprobs_tokens": tokens(told(choice.logprobs), "content"),
        "logprobs_refusal_tokens": tokens(told(choice.logprobs), "refusal"),
    }
    return {name: found[name] for name in wanted}


def tokens(logprobs: Any, name: str) -> list[str] | None:
    listed = logprobs and told(getattr(logprobs, name))
    return listed and [token.token for token in listed]


def call_summary(call: chatnorm.ToolCall) -> dict[str, Any]:
    if isinstance(call.custom, chatnorm.CustomToolCall):
        return {
            "id": told(call.id),
            "type": told(call.type),
            "name": call.custom.name,
            "arguments": told(call.custom.input),
        }
    function = call.function
    return {
        "id": told(call.id),
        "type": told(call.type),
        "name": told(function.name),
        "arguments": told(function.arguments),
    }


def test_every_stream_has_its_answer() -> None:
    """Every stream of the fixtures has an expected answer, and every answer a stream."""
    assert EXPECTED.keys() == STREAMS.keys()


@pytest.mark.parametrize("case", sorted(EXPECTED))
def test_a_stream_accumulates_to_its_answer(case: str) -> None:
    """What the chunks of a stream add up to is what its specification says."""
    assert summary(chatnorm.accumulate(read(STREAMS[case])), EXPECTED[case]) == EXPECTED[case]


@pytest.mark.parametrize("case", sorted(STREAMS))
def test_an_accumulated_stream_splits_and_accumulates_again(case: str) -> None:
    """Law 6 holds for what a real stream adds up to."""
    completion = chatnorm.accumulate(read(STREAMS[case]))
    assert chatnorm.accumulate(chatnorm.split(completion)) == completion


@pytest.mark.parametrize("case", sorted(STREAMS))
def test_a_stream_that_ends_early_is_an_error(case: str) -> None:
    """Closing raises for a stream without `[DONE]`, error or finish, and for no other."""
    decoder = chatnorm.stream_decoder("openai")
    decoder.feed(STREAMS[case].read_bytes())
    if case in CUT:
        with pytest.raises(chatnorm.StreamError, match="ends"):
            decoder.close()
    else:
        decoder.close()
