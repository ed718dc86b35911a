"""Acme's adapter: the laws over its fixtures, Acme's own rules over whatever is written, and what records look like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import chatnorm
import pytest
import rules
from chatnorm import ChatCompletion, ChatCompletionChunk, ErrorResponse
from chatnorm.testing import AdapterSuite, CanonicalSnapshot, fixtures_in, laws
from chatnorm.testing.strategies import chunks, completions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

FIXTURES = Path(__file__).parent / "fixtures"
CASES = list(fixtures_in(FIXTURES, "acme"))
RESPONSES = {case.case: case.body for case in CASES if case.part == "response"}
STREAMS = {case.case: case.body for case in CASES if case.part == "stream"}
ERRORS = {case.case: case.body for case in CASES if case.part == "error"}

generated = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class TestAcme(AdapterSuite):
    """Every law over every fixture, and through every installed schema."""

    schema = "acme"
    fixtures = FIXTURES


@pytest.fixture
def canonical(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(CanonicalSnapshot)


def read(stream: bytes, schema: str = "acme") -> list[ChatCompletionChunk]:
    """The chunks of a stream, to its end or to where it was cut."""
    decoder = chatnorm.stream_decoder(schema)
    chunks = decoder.feed(stream)
    try:
        return [*chunks, *decoder.close()]
    except chatnorm.StreamError as error:
        return [*chunks, *error.chunks]


def written(chunks: list[ChatCompletionChunk]) -> bytes:
    encoder = chatnorm.stream_encoder("acme")
    return b"".join(map(encoder.feed, chunks)) + encoder.close()


# --- What records look like ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", RESPONSES)
def test_answer(case: str, canonical: SnapshotAssertion) -> None:
    """An answer's record is the one that was read and accepted."""
    assert chatnorm.decode(RESPONSES[case], "acme") == canonical


@pytest.mark.parametrize("case", STREAMS)
def test_stream(case: str, canonical: SnapshotAssertion) -> None:
    """A stream adds up to the record that was read and accepted."""
    assert chatnorm.accumulate(read(STREAMS[case])) == canonical


@pytest.mark.parametrize("case", ERRORS)
def test_error(case: str, canonical: SnapshotAssertion) -> None:
    """An error is the one that was read and accepted."""
    assert chatnorm.decode_error(ERRORS[case], "acme", status=500) == canonical


@pytest.mark.parametrize("case", [case.case for case in CASES if case.part != "error"])
def test_it_is_detected(case: str) -> None:
    """The adapter's `hints` speak for Acme, louder than any other schema's."""
    body = RESPONSES.get(case) or STREAMS[case]
    assert chatnorm.detect(body)[0].schema == "acme"


# --- Law 6: streams agree with whole answers ----------------------------------------------------------------------


@pytest.mark.parametrize("case", sorted(RESPONSES.keys() & STREAMS.keys()))
def test_a_stream_adds_up_to_the_whole_answer(case: str) -> None:
    """A stream and an answer of one name say the same."""
    assert chatnorm.accumulate(read(STREAMS[case])) == chatnorm.decode(RESPONSES[case], "acme")


@pytest.mark.parametrize("case", STREAMS)
def test_only_a_cut_stream_is_incomplete(case: str) -> None:
    """Closing raises for a stream that neither stopped nor failed, and for no other."""
    decoder = chatnorm.stream_decoder("acme")
    decoder.feed(STREAMS[case])
    if case == "odd_cut":
        with pytest.raises(chatnorm.StreamError, match="ends early"):
            decoder.close()
    else:
        decoder.close()


def test_what_is_no_event() -> None:
    """A keep-alive is passed over; what is no JSON ends the stream, with what had arrived."""
    decoder = chatnorm.stream_decoder("acme")
    assert decoder.feed(b": still here\n\ndata:\n\n") == []
    stream = STREAMS["plain_text"].partition(b"\n\n")[0] + b"\n\ndata: {\n\n"
    with pytest.raises(chatnorm.StreamError) as caught:
        decoder.feed(stream)
    assert [chunk.id for chunk in caught.value.chunks] == ["r_01"]


@pytest.mark.parametrize("size", [None, 3])
@pytest.mark.parametrize("case", [case for case in RESPONSES if not case.startswith("odd_")])
def test_a_split_answer_is_a_valid_stream_that_says_it(case: str, size: int | None) -> None:
    """Split, written as Acme's stream and read again, an answer has its texts, thoughts, calls, reason and tokens."""
    completion = chatnorm.decode(RESPONSES[case], "acme")
    stream = written(chatnorm.split(completion, size))
    assert rules.broken_by_stream(stream) == []
    again = chatnorm.accumulate(read(stream))
    said, wanted = again.choices[0], completion.choices[0]
    assert (said.message.content or "") == (wanted.message.content or "")
    assert [thought.text for thought in said.message.reasoning or []] == [
        thought.text for thought in wanted.message.reasoning or []
    ]
    assert said.message.tool_calls == wanted.message.tool_calls
    assert (said.finish_reason or None) == (wanted.finish_reason or None)
    assert (again.usage or None) == (completion.usage or None)


# --- Law 2: valid out ---------------------------------------------------------------------------------------------


@generated
@given(completions())
def test_any_record_becomes_a_valid_answer(completion: ChatCompletion) -> None:
    """Laws 2 to 5 hold for whatever record comes in."""
    assert rules.broken_by(chatnorm.encode(completion, "acme")) == []
    laws.check_settled(completion, "acme")
    laws.check_losses_are_complete(completion, "acme")
    encoded = chatnorm.encode(completion, "acme")
    assert chatnorm.restore(encoded, "acme", chatnorm.residual(completion, "acme")) == completion


@generated
@given(st.lists(chunks(), max_size=4))
def test_any_chunks_become_valid_events(pieces: list[ChatCompletionChunk]) -> None:
    """Law 2 for streams: no event breaks Acme's rules, until an error ends the stream."""
    encoder = chatnorm.stream_encoder("acme")
    for chunk in pieces:
        assert rules.broken_by_stream(encoder.feed(chunk)) == []
        if chunk.error is not chatnorm.ChatCompletion().error:
            with pytest.raises(chatnorm.StreamError):
                encoder.feed(chunk)
            break


def message(**fields: Any) -> bytes:
    return json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", **fields}}]}).encode()


def called(arguments: Any, **function: Any) -> dict[str, Any]:
    return {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments, **function}}


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ('{"a": 1}', {"a": 1}),
        ("", {}),
        ("[1]", None),
        ("7", None),
        ('{"a": 1', None),
        ('{"a": NaN}', None),
        ("[" * 100_000, None),
    ],
)
def test_arguments_are_an_object_or_the_call_is_left_out(arguments: str, wanted: Any) -> None:
    """No arguments are an empty object; what is no object is not made one, and is a loss."""
    completion = chatnorm.decode(message(content="t", tool_calls=[called(arguments)]), "canonical")
    output = json.loads(chatnorm.encode(completion, "acme"))["output"]
    calls = [block["arguments"] for block in output if block["kind"] == "call"]
    assert calls == ([] if wanted is None else [wanted])
    if wanted is None:
        assert any("/tool_calls" in loss.path for loss in chatnorm.losses(completion, "acme"))


ODD: dict[str, dict[str, Any]] = {
    "nothing": {"choices": []},
    "two_choices": {"choices": [{"message": {"content": "a"}}, {"message": {"content": "b"}}]},
    "numbers": {"created": 1e300, "model": 7, "id": "", "usage": {"prompt_tokens": -1, "completion_tokens": 0.5}},
    "cached_over_prompt": {
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 9}}
    },
    "metadata": {"provider_metadata": {"acme": {"region": 1, "created_at": 2, "stopped_by": []}}},
    "metadata_that_says_otherwise": {
        "created": 5,
        "provider_metadata": {"acme": {"created_at": "2025-11-02T09:15:00Z", "stopped_by": "end"}},
        "choices": [{"message": {"content": "a"}, "finish_reason": "length"}],
    },
    "undeclared_named_as_acmes": {"output": 1, "tokens": 2, "response_id": None, "usage": {"in": "x", "out": None}},
    "opaque_to_others": {
        "choices": [
            {"message": {"content": None, "layout": [{"type": "opaque", "block": {"kind": "text", "text": 1}}]}}
        ]
    },
}


@pytest.mark.parametrize("case", ODD)
def test_odd_records_become_valid_answers(case: str) -> None:
    """Records that another schema or a careless hand made are written validly."""
    completion = chatnorm.decode(json.dumps({"choices": [], **ODD[case]}).encode(), "canonical")
    assert rules.broken_by(chatnorm.encode(completion, "acme")) == []
    laws.check_settled(completion, "acme")
    laws.check_losses_are_complete(completion, "acme")


@pytest.mark.parametrize("case", ["time_with_offset", "stopped_by_word_of_chat_completions"])
def test_what_a_record_says_is_written_not_what_was_kept(case: str) -> None:
    """A time or a stop word that was kept is written only as long as the record still says the same."""
    completion = chatnorm.decode(RESPONSES[case], "acme")
    completion.created = 0
    completion.choices[0].finish_reason = "length"
    answer = json.loads(chatnorm.encode(completion, "acme"))
    assert (answer["created_at"], answer["stopped_by"]) == ("1970-01-01T00:00:00Z", "limit")


def test_a_changed_chunk_is_written_as_changed() -> None:
    """What a hook took out of a chunk does not come back with the event it was read from."""
    chunks = read(STREAMS["two_texts"])
    for chunk in chunks:
        for choice in chunk.choices:
            if choice.delta.content:
                choice.delta.content = "*"
    stream = written(chunks)
    assert stream.count(b'"*"') == 3
    assert b"One" not in stream
    assert b"Tw" not in stream


# --- Streams of other schemas -------------------------------------------------------------------------------------


def test_calls_in_pieces_are_sent_whole() -> None:
    """Parallel calls whose arguments come in pieces leave as one event each, as soon as they are whole."""
    pieces = [
        {"role": "assistant", "content": "Let me"},
        {"content": " see."},
        {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"x": {}'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]},
        {"tool_calls": [{"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": ""}}]},
    ]
    stream = b"".join(
        b"data: %b\n\n" % json.dumps({"id": "i", "choices": [{"index": 0, "delta": delta}]}).encode()
        for delta in pieces
    )
    stream += b'data: {"id":"i","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}\n\n'
    stream += b'data: {"id":"i","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
    encoder = chatnorm.stream_encoder("acme")
    events = [encoder.feed(chunk) for chunk in read(stream, "openai")]
    assert [event.count(b"data: ") for event in events] == [2, 1, 0, 0, 1, 0, 2, 1]
    found = chatnorm.accumulate(read(b"".join(events)))
    assert found.choices[0].message.content == "Let me see."
    assert [call.id for call in found.choices[0].message.tool_calls or []] == ["a", "b"]
    assert rules.broken_by_stream(b"".join(events)) == []


def test_calls_without_ids_stay_apart() -> None:
    """A call that came without an id gets one from its place, as Acme wants one."""
    calls = [{"index": place, "function": {"name": "f", "arguments": "{}"}} for place in (0, 1)]
    stream = b"".join(
        b"data: %b\n\n" % json.dumps({"id": "i", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}).encode()
        for call in calls
    )
    found = chatnorm.accumulate(read(written(read(stream, "openai"))))
    assert [call.id for call in found.choices[0].message.tool_calls or []] == ["call_0", "call_1"]


def test_acmes_stream_becomes_one_of_chat_completions() -> None:
    """Calls keep their places, which clients of Chat Completions put pieces together by."""
    encoder = chatnorm.stream_encoder("openai")
    stream = b"".join(map(encoder.feed, read(STREAMS["parallel_calls"]))) + encoder.close()
    found = chatnorm.accumulate(read(stream, "openai"))
    wanted = chatnorm.decode(RESPONSES["parallel_calls"], "acme")
    assert found.choices[0].message.content == "Looking."
    assert found.choices[0].message.tool_calls == wanted.choices[0].message.tool_calls
    assert found.choices[0].finish_reason == "tool_calls"


# --- Errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "schema", "code"),
    [
        (b'{"error": {"message": "m", "type": "rate_limit_error", "code": null}}', "openai", "slow_down"),
        (b'{"detail": "[MODEL_GONE]: m"}', "cozy", "broken"),
        (b"{}", "openai", "broken"),
    ],
)
def test_errors_of_others_get_acmes_words(body: bytes, schema: str, code: str) -> None:
    """An error of another schema is written with the keys and the words that Acme has."""
    error = chatnorm.decode_error(body, schema)
    encoded = chatnorm.encode_error(error, "acme")
    assert rules.broken_by_error(json.loads(encoded)) == []
    assert json.loads(encoded)["error"]["code"] == code


def test_an_error_says_what_to_do() -> None:
    """Acme's words become kinds, and `retry_in` is seconds."""
    error = chatnorm.decode_error(ERRORS["slow_down"], "acme", status=429)
    assert isinstance(error, ErrorResponse)
    assert (error.kind, error.retry_after, error.message) == ("rate_limit", 2.5, "Too many requests.")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"{}", "$"),
        (b"[]", "$"),
        (b'{"response_id":"r","model_name":"m","created_at":"t","output":null,"stopped_by":null}', "$.output"),
        (
            b'{"response_id":"r","model_name":"m","created_at":"t","output":[],"stopped_by":"end","tokens":{"in":-1,"out":1}}',
            "$.tokens.in",
        ),
    ],
)
def test_no_answer_is_refused_with_the_place(body: bytes, path: str) -> None:
    """A payload that is no answer of Acme raises DecodeError, with where."""
    with pytest.raises(chatnorm.DecodeError) as caught:
        chatnorm.decode(body, "acme")
    assert (caught.value.adapter, caught.value.path) == ("acme", path)
