"""Bad input: whatever the bytes are, they are read exactly or refused with this library's own exceptions."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from importlib.metadata import distribution
from typing import Any

import chatnorm
import pytest
from chatnorm.patch import diff
from chatnorm.stream import ChunkDecoder
from chatnorm.testing import fixtures_in
from chatnorm.values import equal
from conftest import FIXTURES

Place = tuple[str | int, ...]

BUILT_IN = sorted(entry.name for entry in distribution("chatnorm").entry_points if entry.group == "chatnorm")

RICH: dict[str, Any] = {
    "id": "1",
    "object": "chat.completion",
    "created": 7,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hi.",
                "refusal": None,
                "reasoning_content": "because",
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                    {"id": "b", "type": "custom", "custom": {"name": "g", "input": "i"}},
                ],
                "function_call": {"name": "f", "arguments": "{}"},
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {"end_index": 1, "start_index": 0, "url": "u", "title": "t"},
                    }
                ],
                "audio": {"id": "a", "data": "", "expires_at": 7, "transcript": "t"},
            },
            "logprobs": {
                "content": [
                    {
                        "token": "a",
                        "logprob": -0.5,
                        "bytes": [97],
                        "top_logprobs": [{"token": "a", "logprob": 0, "bytes": None}],
                    }
                ],
                "refusal": None,
            },
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "total_tokens": 3,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    },
    "service_tier": "default",
    "system_fingerprint": "fp",
    "prompt_logprobs": [None],
    "extra": "{}",
    "unknown": {"a": [1]},
}
CHUNK: dict[str, Any] = {
    "id": "1",
    "object": "chat.completion.chunk",
    "created": 7,
    "model": "m",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "finish_reason": None}],
}


def in_camel_case(value: Any) -> Any:
    if isinstance(value, dict):
        return {"".join(camel_words(key)): in_camel_case(item) for key, item in value.items()}
    return [in_camel_case(item) for item in value] if isinstance(value, list) else value


def camel_words(key: str) -> Iterator[str]:
    first, *words = key.split("_")
    yield from (first, *(word.title() for word in words))


def chunk_like(payload: dict[str, Any]) -> dict[str, Any]:
    payload = copy.deepcopy(payload)
    payload["object"] = "chat.completion.chunk"
    payload["usage"]["estimated"] = True
    payload["choices"][0]["delta"] = payload["choices"][0].pop("message")
    return payload


def canonical_like() -> dict[str, Any]:
    """Canonical JSON with every field that only it has."""
    payload: dict[str, Any] = json.loads(chatnorm.convert(json.dumps(RICH), "openai", "canonical"))
    payload["choices"][0]["provider_metadata"] = {"acme": 1}
    payload["choices"][0]["message"]["layout"] = [
        {"type": "reasoning", "index": 0},
        {"type": "opaque", "block": {"a": 1}},
        {"type": "text", "start": 0, "end": 3},
        {"type": "tool_call", "index": 0},
        {"type": "tool_call", "index": 1},
    ]
    payload["irregular"] = {"schema": "acme", "patch": [{"op": "remove", "path": "/x"}]}
    payload["error"] = {"kind": "server", "status": 500, "message": "m", "retry_after": 1.5}
    return payload


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def largest_fixture(schema: str) -> Any:
    """The largest payload of a schema this file knows nothing of."""
    bodies = [case.body for case in fixtures_in(FIXTURES, schema) if case.part == "response"]
    return json.loads(max(bodies, key=len))


def rich_payloads() -> dict[str, Any]:
    """One payload with much in it for every built-in schema that has whole answers, and for their versions."""
    detail = chunk_like(RICH)
    known = {
        "canonical": canonical_like(),
        "log10": in_camel_case(RICH),
        "log10-completion": {"organization_id": "o", "kind": "chat", "response": RICH},
        "chatgpt-api-stream": detail,
        **dict.fromkeys(("openai", "cozy", "chatgpt-api", "speakeasy", "log10-wire"), RICH),
    }
    payloads: dict[str, Any] = {}
    for name in BUILT_IN:
        if chatnorm.adapter(name).response is not None and (name in known or (FIXTURES / name).is_dir()):
            payloads[name] = known[name] if name in known else largest_fixture(name)
            if name == "speakeasy":
                payloads |= {f"{name}@{version}": RICH for version in ("1.5.0", "2.16.1")}
    payloads["chatgpt-api-stream message"] = {
        "id": "1",
        "text": "Hi",
        "role": "assistant",
        "parentMessageId": "0",
        "detail": detail,
    }
    return payloads


RICH_PAYLOADS = rich_payloads()
SCHEMAS = [name for name in RICH_PAYLOADS if not set(name) & {" ", "@"}]
STREAMED = [
    name
    for name in BUILT_IN
    if (stream := chatnorm.adapter(name).stream) is not None
    and stream.decoder is not None
    and isinstance(stream.decoder(), ChunkDecoder)
]
WITH_ERRORS = [name for name in BUILT_IN if chatnorm.adapter(name).error is not None]

every_schema = pytest.mark.parametrize("schema", SCHEMAS)
every_stream = pytest.mark.parametrize("schema", STREAMED)


def places_in(value: Any, place: Place = ()) -> Iterator[Place]:
    """The places of all values in a JSON value."""
    yield place
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in below:
        yield from places_in(item, (*place, step))


def replaced(payload: Any, place: Place, value: Any) -> Any:
    """The payload with this value at that place."""
    if not place:
        return value
    payload = copy.deepcopy(payload)
    holder = payload
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    return payload


def removed(payload: Any, place: Place) -> Any:
    """The payload without what is at that place."""
    payload = copy.deepcopy(payload)
    holder = payload
    for step in place[:-1]:
        holder = holder[step]
    del holder[place[-1]]
    return payload


def dotted(place: Place) -> str:
    return ".".join(map(str, place)) or "root"


def assert_refusal(error: pytest.ExceptionInfo[chatnorm.DecodeError], schema: str) -> None:
    assert type(error.value) is chatnorm.DecodeError
    assert error.value.adapter == schema
    assert error.value.path.startswith("$")
    assert str(error.value).startswith(f"{schema}: ")
    assert str(error.value).count("(at $") == 1


def assert_refused(body: bytes | str, schema: str, match: str = "") -> None:
    """Decoding raises a DecodeError that names the schema and a path, and says this."""
    with pytest.raises(chatnorm.DecodeError) as error:
        chatnorm.decode(body, schema)
    assert_refusal(error, schema)
    assert match in str(error.value)


def assert_exact_or_refused(payload: Any, schema: str) -> bool:
    """The payload comes back exactly, through canonical JSON too, or is refused; returns whether it was read."""
    try:
        record = chatnorm.decode(encoded(payload), schema)
    except chatnorm.DecodeError as error:
        refusal = error
    else:
        assert_exact(record, payload, schema)
        return True
    assert refusal.adapter == schema
    assert refusal.path.startswith("$")
    return False


def assert_exact(record: chatnorm.ChatCompletion, payload: Any, schema: str) -> None:
    """The record, and what comes of its canonical JSON, is encoded as the payload."""
    for returned in (record, chatnorm.decode(chatnorm.encode(record, "canonical"), "canonical")):
        assert returned == record
        found = json.loads(chatnorm.encode(returned, schema))
        assert equal(found, payload), list(diff(found, payload))[:3]


# --- Wrong types --------------------------------------------------------------------------------------------

DEEP: list[Any] = [[[[[[[[{"a": [[[]]]}]]]]]]]]
WRONG = (None, True, 1, 1.5, "x", [], {}, DEEP, [None], "", 10**30)


def spoil(name: str, place: Place) -> None:
    payload = RICH_PAYLOADS[name]
    schema = name.split(" ")[0]
    for value in WRONG:
        assert_exact_or_refused(replaced(payload, place, value), schema)
    if place:
        assert_exact_or_refused(removed(payload, place), schema)


@pytest.mark.parametrize("name", RICH_PAYLOADS)
def test_a_wrong_type_is_kept_or_refused(name: str) -> None:
    """A value of the wrong type at any place, or none, comes back exactly or is refused with its path."""
    for place in places_in(RICH_PAYLOADS[name]):
        spoil(name, place)


@pytest.mark.parametrize("name", [name for name in RICH_PAYLOADS if "@" not in name])
def test_whatever_is_read_is_written_in_every_schema(name: str) -> None:
    """What is read of a payload that is wrong at any place can be written in every schema, and read there."""
    payload, schema = RICH_PAYLOADS[name], name.split(" ")[0]
    for place in places_in(payload):
        spoilt = [replaced(payload, place, value) for value in (None, "x", {})]
        for wrong in [*spoilt, *([removed(payload, place)] if place else [])]:
            try:
                record = chatnorm.decode(encoded(wrong), schema)
            except chatnorm.DecodeError:
                continue
            for other in SCHEMAS:
                chatnorm.decode(chatnorm.encode(record, other), other)


@every_schema
def test_the_rich_payload_is_read(schema: str) -> None:
    """The payload that these tests spoil is itself read, and comes back."""
    assert assert_exact_or_refused(RICH_PAYLOADS[schema], schema)


@pytest.mark.parametrize("schema", [name for name in SCHEMAS if name not in ("canonical", "log10")])
def test_the_path_is_where_it_is_wrong(schema: str) -> None:
    """The path of a refusal names the place in the payload as it came."""
    (place,) = [
        place for place in places_in(RICH_PAYLOADS[schema]) if place[-2:] == ("prompt_tokens_details", "cached_tokens")
    ]
    with pytest.raises(chatnorm.DecodeError) as error:
        chatnorm.decode(encoded(replaced(RICH_PAYLOADS[schema], place[:-1], "wrong")), schema)
    assert error.value.path in ("$." + ".".join(map(str, place[:-1])), "$." + ".".join(map(str, place[:-2])))


# --- Not JSON -----------------------------------------------------------------------------------------------

SMALL = {"id": "1é🦀", "object": "x", "created": -1.5e3, "model": None, "choices": [], "y": [True, "\ud83d\ude00"]}
PREFIX = {"log10-completion": b'{"kind":"chat","response":'}


def wrapped(body: bytes, schema: str) -> bytes:
    """The body as the answer inside the envelope of a schema that has one."""
    return PREFIX[schema] + body + b"}" if schema in PREFIX else body


@every_schema
def test_truncated_json_is_refused(schema: str) -> None:
    """A body that is cut at any byte is refused."""
    for text in (json.dumps(SMALL), json.dumps(SMALL, ensure_ascii=False, indent=1)):
        body = wrapped(text.encode("utf-8", "surrogatepass"), schema)
        for end in range(len(body)):
            with pytest.raises(chatnorm.DecodeError) as error:
                chatnorm.decode(body[:end], schema)
            assert (error.value.adapter, error.value.path[0]) == (schema, "$")


BODY = encoded(RICH)
MALFORMED = {
    "empty": (b"", "the body is empty"),
    "whitespace": (b" \r\n\t ", "the body is empty"),
    "html": (b"<html><body>502 Bad Gateway</body></html>", "HTML"),
    "html_after_blank_lines": (b"\n\n  <!DOCTYPE html>", "HTML"),
    "xml": (b'<?xml version="1.0"?><Error/>', "XML"),
    "sse_data": (b"data: " + BODY + b"\n\n", "server-sent events"),
    "sse_event": (b"event: x\ndata: " + BODY + b"\n\n", "server-sent events"),
    "sse_comment": (b": keep-alive\n\ndata: {}\n\n", ""),
    "json_lines": (BODY + b"\n" + BODY, ""),
    "array": (b"[" + BODY + b"]", "array"),
    "string": (encoded(BODY.decode()), "str"),
    "number": (b"7", "int"),
    "float": (b"7.5", "float"),
    "null": (b"null", "null"),
    "true": (b"true", "bool"),
    "byte_order_mark": (b"\xef\xbb\xbf" + BODY, ""),
    "utf_16": (BODY.decode().encode("utf-16"), ""),
    "utf_32": (BODY.decode().encode("utf-32"), ""),
    "trailing_garbage": (BODY + b"x", ""),
    "trailing_nul": (BODY + b"\0", ""),
    "trailing_object": (BODY + b"{}", ""),
    "trailing_comma": (BODY[:-1] + b",}", ""),
    "comment": (b"/* x */" + BODY, ""),
    "single_quotes": (BODY.replace(b'"', b"'"), ""),
    "bare_key": (b"{id:1}", ""),
    "control_character": (BODY.replace(b"Hi.", b"H\ni."), ""),
    "bad_escape": (BODY.replace(b"Hi.", rb"\x"), ""),
    "short_escape": (BODY.replace(b"Hi.", rb"\u12"), ""),
    "leading_zero": (BODY.replace(b'"created": 7', b'"created": 07'), ""),
    "plus": (BODY.replace(b'"created": 7', b'"created": +7'), ""),
    "invalid_utf8": (BODY.replace(b"Hi.", b"\xff"), ""),
    "invalid_utf8_key": (BODY.replace(b'"unknown"', b'"\xff"'), ""),
    "invalid_utf8_unknown": (BODY.replace(b'"a"', b'"\xc3"'), ""),
    "utf8_cut_in_two": (BODY.replace(b"Hi.", "é".encode()[:1]), ""),
    "encoded_surrogate": (BODY.replace(b"Hi.", b"\xed\xa0\xbd"), ""),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", ""),
}


@every_schema
def test_what_is_no_json_object_is_refused(schema: str) -> None:
    """Bytes that are no JSON object are refused, with what they are instead where that can be told."""
    for body, match in MALFORMED.values():
        envelope = schema == "log10-completion" and match in ("array", "str", "int", "float", "null", "bool")
        assert_refused(body, schema, "" if envelope else match)


@every_schema
def test_text_that_is_no_json_object_is_refused(schema: str) -> None:
    """Text is refused where its bytes are."""
    for body, match in MALFORMED.values():
        try:
            text = body.decode()
        except UnicodeDecodeError:
            continue
        envelope = schema == "log10-completion" and match in ("array", "str", "int", "float", "null", "bool")
        assert_refused(text, schema, "" if envelope else match)


@every_schema
@pytest.mark.parametrize("body", [b"{}", b'{"detail":"Not Found"}', b'{"message":"m","code":404}'])
def test_an_object_that_is_no_answer_is_refused(body: bytes, schema: str) -> None:
    """An object without anything of an answer is refused, not read as an empty one."""
    if schema == "chatgpt-api-stream":
        pytest.skip("a chunk needs no choices")
    assert_refused(body, schema)


@pytest.mark.parametrize("schema", ["openai", "cozy", "chatgpt-api", "speakeasy", "log10", "log10-wire"])
@pytest.mark.parametrize("error", [{"message": "m"}, {}, "text", None, 5, []])
def test_an_error_body_is_refused_by_name(schema: str, error: Any) -> None:
    """An error with status 200 is refused with the advice to read it as one."""
    assert_refused(encoded({"error": error}), schema, match="decode_error")


# --- Numbers ------------------------------------------------------------------------------------------------


NO_NUMBERS = (b"NaN", b"Infinity", b"-Infinity", b"9" * 5000, b"-" + b"9" * 5000)
TOO_LARGE = (b"1e400", b"-1e400", b"1e999999999")


@every_schema
def test_a_number_beyond_json_or_a_double_is_refused(schema: str) -> None:
    """NaN, infinities and numbers too large to keep are refused, at known and unknown places."""
    for number in (*NO_NUMBERS, *TOO_LARGE):
        for key in (b"created", b"unknown"):
            assert_refused(wrapped(b'{"choices":[],"%b":%b}' % (key, number), schema), schema)


@every_schema
def test_such_a_number_is_refused_beside_a_lone_surrogate(schema: str) -> None:
    """The slow way, which lone surrogates take, refuses what is no number."""
    for number in NO_NUMBERS:
        body = wrapped(rb'{"choices":[],"x":"\ud83d, and more","y":%b}' % number, schema)
        with pytest.raises(chatnorm.DecodeError) as error:
            chatnorm.decode(body, schema)
        assert error.value.adapter == schema


@every_schema
def test_a_number_beyond_a_double_is_refused_beside_a_lone_surrogate(schema: str) -> None:
    """The slow way refuses what is too large a number."""
    for number in TOO_LARGE:
        assert_refused(wrapped(rb'{"choices":[],"x":"\ud83d, and more","y":%b}' % number, schema), schema)


def test_the_refusal_of_nan_says_so_once() -> None:
    """A refusal names its schema and its path once."""
    assert_refused(rb'{"choices":[],"x":"\ud83d, and more","y":NaN}', "openai")


NUMBERS = ("0", "-0.0", "1.0", "1e2", "1E-7", "1" * 30, "-" + "9" * 300, "1.7976931348623157e308", "5e-324")


@every_schema
def test_a_number_keeps_its_value_and_kind(schema: str) -> None:
    """Numbers a double or an integer can hold come back with value and kind, also beside a lone surrogate."""
    for other in (b"", rb',"z":"\ud83d, and more"'):
        body = wrapped(b'{"choices":[],"x":[%b]%b}' % (",".join(NUMBERS).encode(), other), schema)
        found = inner(json.loads(chatnorm.convert(body, schema, schema)), schema)["x"]
        assert equal(found, [json.loads(number) for number in NUMBERS])


def inner(payload: Any, schema: str) -> Any:
    return payload["response"] if schema in PREFIX else payload


# --- Text ---------------------------------------------------------------------------------------------------


HALVES = (r"\ud83d", r"\ude00", r"a\ud83d\ud83d\ude00", r"\ud83d\u0041", r"\ude00\ud83d")


@every_schema
def test_lone_surrogates_are_kept(schema: str) -> None:
    """Halves of surrogate pairs, as cut emoji leave them, are kept as they are, as values and in keys."""
    holder = "delta" if schema == "chatgpt-api-stream" else "message"
    body = (
        '{"choices":[{"index":0,"HOLDER":{"role":"assistant","content":"TEXT"},"logprobs":null,'
        '"finish_reason":"stop","finishReason":"stop","x":{"TEXT":"TEXT"}}],"yTEXT":1,"z":"padding"}'
    )
    for text in HALVES:
        payload = wrapped(body.replace("HOLDER", holder).replace("TEXT", text).encode(), schema)
        record = chatnorm.decode(payload, schema)
        assert record.choices[0].message.content == json.loads(f'"{text}"')
        assert_exact(record, json.loads(payload), schema)


@every_schema
def test_a_lone_surrogate_at_the_end_is_kept(schema: str) -> None:
    """Half a surrogate pair is kept where hardly anything follows it."""
    body = wrapped(rb'{"choices":[],"x":"\ud83d"}', schema)
    if schema == "log10-completion":
        body = rb'{"response":{"choices":[]},"kind":"\ud83d"}'
    assert equal(json.loads(chatnorm.convert(body, schema, schema)), json.loads(body))


@every_schema
def test_the_last_of_duplicate_keys_counts(schema: str) -> None:
    """Of a key that comes twice the last value counts, at known and unknown places."""
    body = wrapped(b'{"model":5,"choices":null,"x":1,"choices":[],"x":2,"model":"m"}', schema)
    record = chatnorm.decode(body, schema)
    assert (record.model, record.choices, chatnorm.extras(record)) == ("m", [], {"x": 2})


# --- Depth --------------------------------------------------------------------------------------------------

NESTED = {"array": (b"[", b"]"), "object": (b'{"a":', b"}")}
POSITIONS = {
    "unknown": b'{"choices":[],"x":%b}',
    "choices": b'{"choices":%b}',
    "usage": b'{"choices":[],"usage":%b}',
    "extra": b'{"choices":[],"extra":%b}',
    "content": b'{"choices":[{"index":0,"message":{"role":"assistant","content":%b},"finish_reason":"stop"}]}',
    "in_a_message": b'{"choices":[{"index":0,"message":{"role":"assistant","content":"","x":%b}}]}',
    "root": b"%b",
}


def nested(depth: int, kind: str, position: str, schema: str) -> bytes:
    opening, closing = NESTED[kind]
    body = POSITIONS[position] % (opening * depth + (b"1" if kind == "object" else b"") + closing * depth)
    return wrapped(body, schema)


@every_schema
def test_nesting_beyond_all_bounds_is_refused(schema: str) -> None:
    """A hundred thousand levels are refused, wherever they stand, closed or not."""
    for kind, (opening, _) in NESTED.items():
        for position, body in POSITIONS.items():
            assert_refused(nested(100_000, kind, position, schema), schema)
            assert_refused(PREFIX.get(schema, b"") + body.partition(b"%b")[0] + opening * 100_000, schema)


def try_all_depths(kind: str, position: str, schema: str) -> list[bool]:
    return [try_to_decode(nested(depth, kind, position, schema), schema) for depth in range(100, 1_100, 20)]


@pytest.mark.parametrize("schema", ["openai", "log10", "canonical", "log10-completion"])
def test_nesting_near_the_bound_is_read_or_refused(schema: str) -> None:
    """However deep the nesting is, decoding gives a record or a DecodeError, on either side of the bound."""
    for kind in NESTED:
        for position in POSITIONS:
            read = try_all_depths(kind, position, schema)
            assert not read[-1]
            assert read[0] or position not in ("unknown", "in_a_message", "extra")
            assert read == sorted(read, reverse=True)


def try_to_decode(body: bytes, schema: str) -> bool:
    try:
        chatnorm.decode(body, schema)
    except chatnorm.DecodeError:
        return False
    return True


@every_schema
def test_many_unknown_keys_are_read(schema: str) -> None:
    """Twenty thousand unknown keys in one object, and one in each of two thousand, come back."""
    payload = {"choices": [], **{f"key_{number}": number for number in range(20_000)}}
    body = wrapped(encoded(payload), schema)
    assert equal(json.loads(chatnorm.convert(body, schema, schema)), json.loads(body))
    if schema == "chatgpt-api-stream":
        return
    message = {"role": "assistant", "content": ""}
    choices = [{"index": number, "message": {**message, "k" * 80: number}} for number in range(2_000)]
    body = wrapped(encoded({"choices": choices}), schema)
    assert equal(json.loads(chatnorm.convert(body, schema, schema)), json.loads(body))


# --- Errors and residuals -----------------------------------------------------------------------------------

NO_ERRORS = [
    b"",
    b" ",
    b"[]",
    b"null",
    b'"text"',
    b"5",
    b"<html>502</html>",
    b"data: {}\n\n",
    b'{"error":',
    b'{"error":NaN}',
    b'{"error":"\xff"}',
    b'{"error":1e400}',
    b"[" * 100_000,
    b'{"error":' * 100_000,
    b'{"error":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
]


@pytest.mark.parametrize("schema", WITH_ERRORS)
def test_what_is_no_error_body_is_refused(schema: str) -> None:
    """An error body that is no JSON object is refused as bad input is."""
    for body in NO_ERRORS:
        with pytest.raises(chatnorm.DecodeError) as error:
            chatnorm.decode_error(body, schema, status=502)
        assert_refusal(error, schema)


ODD_ERRORS: list[Any] = [
    {},
    {"error": None},
    {"error": []},
    {"error": {}},
    {"error": 5},
    {"error": {"message": 5, "type": [], "code": 1.5, "param": {"a": 1}}},
    {"error": {"code": True}},
    {"errors": []},
    {"errors": [None]},
    {"errors": [{}]},
    {"errors": [{"code": None, "detail": 5}]},
    {"detail": None},
    {"detail": []},
    {"detail": [{}]},
    {"detail": [{"msg": "m", "loc": 5}]},
    {"detail": [{"msg": "m", "loc": [[], {}, None, 1]}]},
    {"detail": "[]: "},
    {"detail": "[" * 1000},
    {"message": None},
    {"code": 10**30},
    {"code": 599, "message": ""},
    {"message": "m", "\ud83d and": 1},
    {"error": {"message": "\ud83d"}, "padding": "at the end"},
]


@pytest.mark.parametrize("schema", [name for name in WITH_ERRORS if name != "canonical"])
def test_an_odd_error_body_comes_back(schema: str) -> None:
    """An error body of any form is read, comes back in its schema, and is an error in the others."""
    for body in ODD_ERRORS:
        error = chatnorm.decode_error(encoded(body), schema)
        assert equal(json.loads(chatnorm.encode_error(error, schema)), body)
        assert chatnorm.decode_error(chatnorm.encode_error(error, "canonical"), "canonical") == error
        for other in WITH_ERRORS:
            assert isinstance(json.loads(chatnorm.encode_error(error, other)), dict)


def test_an_error_code_that_is_true() -> None:
    """A code that is neither text nor an integer is left in the body."""
    error = chatnorm.decode_error(b'{"errors":[{"code":true}]}', "cozy")
    assert chatnorm.decode_error(chatnorm.encode_error(error, "canonical"), "canonical") == error


def test_a_lone_surrogate_in_a_key_of_a_canonical_error() -> None:
    """A canonical error with half a surrogate pair in a key is read or refused."""
    with pytest.raises(chatnorm.DecodeError):
        chatnorm.decode_error(rb'{"\ud83d and more":1,"status":"x"}', "canonical")


@pytest.mark.parametrize("schema", [name for name in SCHEMAS if "@" not in name])
def test_restore_refuses_garbage(schema: str) -> None:
    """Neither garbage for the encoded answer nor for the residual raises anything but DecodeError."""
    record = chatnorm.decode(encoded(RICH), "openai")
    good, residual = chatnorm.encode(record, schema), chatnorm.residual(record, schema)
    assert chatnorm.restore(good, schema, residual) == record
    for body in (b"", b"<html>", b"[]", good[:-1], good + b"x", b"[" * 100_000):
        with pytest.raises(chatnorm.DecodeError):
            chatnorm.restore(body, schema, residual)


RESIDUALS: list[bytes] = [
    b"",
    b"{}",
    b"null",
    b'"x"',
    b"[1]",
    b"[null]",
    b"[{}]",
    b"[[]]",
    b'[{"op":"add"}]',
    b'[{"op":"add","path":"/id"}]',
    b'[{"op":["add"],"path":"/id","value":1}]',
    b'[{"op":"add","path":5,"value":1}]',
    b'[{"op":"add","path":null,"value":1}]',
    b'[{"op":"add","path":"id","value":1}]',
    b'[{"op":"copy","path":"/id","from":"/model"}]',
    b'[{"op":"remove","path":""}]',
    b'[{"op":"remove","path":"/nowhere"}]',
    b'[{"op":"remove","path":"/choices"}]',
    b'[{"op":"remove","path":"/choices/9"}]',
    b'[{"op":"remove","path":"/choices/-"}]',
    b'[{"op":"remove","path":"/choices/x"}]',
    b'[{"op":"remove","path":"/id/0"}]',
    b'[{"op":"replace","path":"/nowhere","value":1}]',
    b'[{"op":"replace","path":"","value":5}]',
    b'[{"op":"replace","path":"","value":[]}]',
    b'[{"op":"replace","path":"/choices","value":5}]',
    b'[{"op":"add","path":"/choices/0","value":5}]',
    b'[{"op":"add","path":"/choices/%b","value":{}}]' % (b"9" * 5000),
    b'[{"op":"add","path":"/usage","value":{"prompt_tokens":"x"}}]',
    b'[{"op":"test","path":"/id","value":5}]',
    b'[{"op":"add","path":"/x","value":NaN}]',
    b'[{"op":"add","path":"/x","value":"\xff"}]',
    b'[{"op":"add","path":"/x","value":' + b"[" * 100_000 + b"]" * 100_000 + b"}]",
    b'[{"op":"add","path":"' + b"/x" * 100_000 + b'","value":1}]',
    b"[" * 100_000,
    b"<html>",
]


@pytest.mark.parametrize("residual", RESIDUALS, ids=lambda residual: residual[:50].decode("latin-1"))
def test_a_bad_residual_is_refused(residual: bytes) -> None:
    """A residual that is none, or not this answer's, is refused with DecodeError and nothing else."""
    with pytest.raises(chatnorm.DecodeError):
        chatnorm.restore(encoded(RICH), "openai", residual)


def test_a_residual_as_deep_as_can_be_read_is_used_or_refused() -> None:
    """A residual near the bound of nesting restores or is refused."""
    outcomes = set()
    for depth in range(900, 1_000):
        residual = b'[{"op":"add","path":"/choices/0/message/x","value":%b}]' % (b"[" * depth + b"]" * depth)
        try:
            chatnorm.restore(encoded(RICH), "openai", residual)
            outcomes.add("restored")
        except chatnorm.DecodeError:
            outcomes.add("refused")
    assert outcomes == {"restored", "refused"}


# --- Streams ------------------------------------------------------------------------------------------------


def event(payload: Any) -> bytes:
    return b"data: %b\n\n" % (payload if isinstance(payload, bytes) else encoded(payload))


DONE = b"data: [DONE]\n\n"
LAST = {**CHUNK, "choices": [{**CHUNK["choices"][0], "finish_reason": "stop"}]}


@every_stream
@pytest.mark.parametrize(
    "garbage",
    [
        b"x",
        b"<html>",
        b"[DONE",
        b"[done]",
        b"{",
        b"null",
        b"5",
        b'"x"',
        b"[]",
        b"NaN",
        b'{"choices":5}',
        b'{"choices":[null]}',
        b'{"choices":[{"delta":5}]}',
        b'{"id":"\xff","choices":[]}',
        b'{"choices":[],"x":1e400}',
        b"[" * 100_000,
        b'{"choices":[],"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        encoded(CHUNK) + encoded(CHUNK),
    ],
    ids=lambda garbage: garbage[:30].decode("latin-1"),
)
def test_a_garbage_event_raises_with_what_was_read(garbage: bytes, schema: str) -> None:
    """An event that is no chunk raises StreamError, with the chunks that the same bytes held before it."""
    decoder = chatnorm.stream_decoder(schema)
    (first,) = decoder.feed(event(CHUNK))
    with pytest.raises(chatnorm.StreamError) as error:
        decoder.feed(event(CHUNK) + event(CHUNK) + event(garbage) + event(CHUNK))
    assert type(error.value) is chatnorm.StreamError
    assert error.value.adapter == schema
    assert error.value.chunks == (first, first)
    assert isinstance(error.value.__cause__, chatnorm.DecodeError)
    assert decoder.feed(event(CHUNK)) == [first]


@every_stream
def test_a_wrong_type_in_a_chunk_is_kept_or_refused(schema: str) -> None:
    """A value of the wrong type at any place of a chunk goes back exactly or raises StreamError."""
    payload = chunk_like(RICH)
    del payload["usage"]["estimated"]
    read = 0
    for place in places_in(payload):
        for value in WRONG:
            wrong = replaced(payload, place, value)
            try:
                (chunk,) = chatnorm.stream_decoder(schema).feed(event(wrong))
            except chatnorm.StreamError:
                continue
            sent = chatnorm.stream_encoder(schema).feed(chunk)
            found = json.loads(sent.removeprefix(b"data: "))
            assert equal(found, wrong), list(diff(found, wrong))[:3]
            read += 1
    assert read > 100


@every_stream
def test_an_event_over_the_bound_raises(schema: str) -> None:
    """An event of more than 64 MiB raises StreamError; the chunks before it had been given."""
    decoder = chatnorm.stream_decoder(schema)
    assert len(decoder.feed(event(CHUNK))) == 1
    with pytest.raises(chatnorm.StreamError, match="exceeds") as error:
        decoder.feed(b"data: " + bytes(64 * 2**20))
    assert error.value.adapter == schema
    with pytest.raises(chatnorm.StreamError):
        decoder.feed(event(CHUNK))


@every_stream
def test_a_closed_stream_refuses_bytes(schema: str) -> None:
    """After `close` every feed raises StreamError, also of nothing."""
    decoder = chatnorm.stream_decoder(schema)
    decoder.feed(event(LAST) + DONE)
    assert decoder.close() == []
    for data in (b"", event(CHUNK), b"x"):
        with pytest.raises(chatnorm.StreamError, match="closed") as error:
            decoder.feed(data)
        assert error.value.adapter == schema
    assert decoder.close() == []


@every_stream
def test_a_truncated_stream_raises_with_what_was_read(schema: str) -> None:
    """A stream cut at any byte gives a prefix of its chunks, and raises StreamError unless it had finished."""
    events = [event(CHUNK), event(CHUNK), event(LAST)]
    stream = b"".join(events) + DONE
    whole = chatnorm.stream_decoder(schema).feed(stream)
    finished = len(b"".join(events)) - 2
    for end in range(len(stream) + 1):
        decoder = chatnorm.stream_decoder(schema)
        chunks = decoder.feed(stream[:end])
        try:
            chunks += decoder.close()
            raised = False
        except chatnorm.StreamError as error:
            chunks += error.chunks
            raised = True
        assert chunks == whole[: len(chunks)]
        done_at_end = end == finished or end in (len(b"".join(events)) - 1, len(b"".join(events)))
        complete = done_at_end or end >= len(stream) - 2
        if raised:
            assert not complete, end
        else:
            assert end >= finished, end
            assert len(chunks) == 3


@every_stream
def test_an_unterminated_last_event_is_read(schema: str) -> None:
    """A last event without its blank line is read at the end, also where the end comes too early."""
    (last,) = chatnorm.stream_decoder(schema).feed(event(LAST))
    decoder = chatnorm.stream_decoder(schema)
    assert decoder.feed(event(LAST)[:-2]) == []
    assert decoder.close() == [last]
    decoder = chatnorm.stream_decoder(schema)
    (chunk,) = decoder.feed(event(CHUNK))
    assert decoder.feed(event(CHUNK)[:-2]) == []
    with pytest.raises(chatnorm.StreamError, match="early") as error:
        decoder.close()
    assert error.value.chunks == (chunk,)


@every_stream
def test_an_empty_stream_raises(schema: str) -> None:
    """A stream without any event is one that ended early."""
    for data in (b"", b": ping\n\n", b"\n\n", b"data:\n\n"):
        decoder = chatnorm.stream_decoder(schema)
        assert decoder.feed(data) == []
        with pytest.raises(chatnorm.StreamError, match="early"):
            decoder.close()


@pytest.mark.parametrize("schema", [name for name in STREAMED if name != "canonical"])
@pytest.mark.parametrize("error", [{"message": "m", "code": 503}, "text", {}, None, 5])
def test_data_after_an_error_event(error: Any, schema: str) -> None:
    """An error event is a chunk with an error; it ends the stream, and what still comes is read all the same."""
    decoder = chatnorm.stream_decoder(schema)
    before, failed, after = decoder.feed(event(CHUNK) + event({"error": error}) + event(CHUNK))
    assert isinstance(failed.error, chatnorm.ErrorResponse)
    assert before == after
    assert decoder.feed(event(CHUNK)) == [before]
    assert decoder.close() == []
    whole = chatnorm.accumulate([before, failed])
    assert whole.error == failed.error
    assert whole.choices[0].message.content == "Hi"


@every_stream
def test_an_emoji_cut_in_two_events(schema: str) -> None:
    """The halves of a surrogate pair in two events are kept apart, and are one character when accumulated."""
    assert_halves_are_kept(schema, ', "x": "some more"')


@every_stream
def test_an_emoji_cut_in_two_events_at_the_end(schema: str) -> None:
    """Halves are kept where the text is the last thing in the event, as it is in many streams."""
    assert_halves_are_kept(schema, "")


def assert_halves_are_kept(schema: str, more: str) -> None:
    text = '{"choices": [{"index": 0, "delta": {"role": "assistant", "content": "HALF"}}]MORE}'
    decoder, encoder = chatnorm.stream_decoder(schema), chatnorm.stream_encoder(schema)
    chunks: list[chatnorm.ChatCompletionChunk] = []
    for half in (r"\ud83d", r"\ude00"):
        data = event(text.replace("HALF", half).replace("MORE", more).encode())
        chunks += decoder.feed(data)
        assert json.loads(encoder.feed(chunks[-1])[6:]) == json.loads(data[6:])
    assert chatnorm.accumulate(chunks).choices[0].message.content == "😀"
