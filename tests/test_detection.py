"""Which schema a body is in: every fixture is a case, and no bytes at all are too much."""

import json
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import chatnorm
import pytest
from chatnorm import Adapter, ChatCompletion, Detection, ResponseCodec, StreamCodec, detect
from chatnorm.framing import LineDecoder
from chatnorm.registry import Registry
from hypothesis import given
from hypothesis import strategies as st

FIXTURES = Path(__file__).parent / "fixtures"
CASES = {
    f"{path.parent.name}/{path.name.rpartition('.')[0]}": path
    for path in sorted(FIXTURES.glob("*/*"))
    if path.suffixes[-2:] and path.suffixes[-2] in (".response", ".stream", ".error")
}

GENERAL = "openai"
CHAT_COMPLETIONS = {"canonical", "openai", "cozy", "chatgpt-api", "chatgpt-api-stream", "speakeasy"}
CHAT_COMPLETIONS |= {"log10", "log10-wire", "log10-completion"}
#: Schemas whose plain answers are plain answers of the general form too; so are all dialects' streams and errors.
ALIKE = {"chatgpt-api", "speakeasy", "log10-wire"}

#: Cases where another schema comes first, by why it does.
MISSED = {
    "it breaks the rules of its own schema, and then the general form is as likely": """
        chatgpt-api/choice_empty_object.response
        chatgpt-api/choice_without_message.response
        chatgpt-api/odd_model_missing.response
        chatgpt-api/odd_role_function.response
        log10-wire/odd_finish_reason_null.response
        log10-wire/odd_role_developer.response
        speakeasy/odd_model_null.response
        speakeasy/odd_role_tool.response
        speakeasy@1.5.0/choice_empty_object.response
        speakeasy@1.5.0/choice_without_message.response
        speakeasy@1.6.0/choice_without_index_and_message.response
        speakeasy@1.7.1/choice_empty_object.response
        speakeasy@1.7.1/choice_without_message.response
    """,
    "it keeps the rules of chatgpt-api too, which comes first by name": """
        speakeasy/function_call_arguments_only.response
        speakeasy/function_call_name_only.response
        speakeasy/object_any_string.response
        speakeasy/odd_choice_without_index.response
        speakeasy/role_system.response
        speakeasy@1.5.0/choice_without_finish_reason.response
        speakeasy@1.5.0/choice_without_index.response
        speakeasy@1.5.0/role_user.response
        speakeasy@1.7.1/choice_without_finish_reason.response
        speakeasy@2.16.1/odd_function_call_without_arguments.response
    """,
    "it breaks the rules of its own schema and keeps those of another": """
        chatgpt-api/odd_finish_reason_null.response
        log10-wire/odd_object_chunk.response
        speakeasy/odd_created_float.response
    """,
    "it is word for word a chunk of the general form, without the estimated usage that tells them apart": """
        chatgpt-api-stream/odd_detail_usage_from_server.response
        chatgpt-api-stream/odd_detail_usage_missing.response
    """,
    "it has the marks of another schema": """
        log10-wire/unknown_keys_camel_beside_snake.response
        openai/keys_camel_beside_snake.response
        openai/keys_extra_as_object.response
        openai/keys_of_canonical_record.response
        openai/odd_camel_case_only.response
        openai/vendor_detail_text.error
    """,
    "it is an error in nobody's own form": """
        cozy/error_event_first.stream
        cozy/fastapi_validation.error
        cozy/stack_error_string.error
        cozy/stack_json_api.error
        cozy/stack_json_api_two.error
    """,
    "it says nothing, so nothing is detected": """
        cozy/stack_json_api_empty.error
        openai/odd_choices_null.response
        openai/odd_everything_null.response
    """,
}
EXCEPTIONS = {case: reason for reason, cases in MISSED.items() for case in cases.split()}

USAGE = {"prompt_tokens": 14, "completion_tokens": 6, "total_tokens": 20}
MESSAGE = {"role": "assistant", "content": "Maps have legends."}
ANSWER: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1690000071,
    "model": "gpt-4-0613",
    "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}],
    "usage": USAGE,
}
CHUNK: dict[str, Any] = {
    **ANSWER,
    "object": "chat.completion.chunk",
    "choices": [{"index": 0, "delta": MESSAGE, "finish_reason": None}],
}
COZY = {
    **ANSWER,
    "model": None,
    "system_fingerprint": None,
    "service_tier": None,
    "prompt_logprobs": None,
    "extra": '{"sources": []}',
}
CAMEL = {
    **ANSWER,
    "choices": [{"index": 0, "message": MESSAGE, "logprobs": None, "finishReason": "stop"}],
    "usage": {"promptTokens": 14, "completionTokens": 6, "totalTokens": 20},
}
WITH_LOGPROBS = [{**ANSWER["choices"][0], "logprobs": None}]
MODERN = {**ANSWER, "choices": [{**WITH_LOGPROBS[0], "message": {**MESSAGE, "refusal": None}}]}
ENVELOPE = {"organization_id": "o", "kind": "chat", "response": {**ANSWER, "choices": WITH_LOGPROBS}}
ESTIMATED = {**CHUNK, "usage": {**USAGE, "estimated": True}}
CHAT_MESSAGE = {"role": "assistant", "id": "1", "parentMessageId": "0", "text": "Maps", "detail": ESTIMATED}
REASONED = {**MESSAGE, "refusal": None, "reasoning_items": [{"text": "Maps?"}]}
ERROR = {"error": {"message": "No.", "type": "invalid_request_error", "param": None, "code": None}}

FOREIGN: dict[str, Any] = {
    "anthropic": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    },
    "anthropic_error": {"type": "error", "error": {"type": "not_found_error", "message": "No such model."}},
    "gemini": {
        "candidates": [{"content": {"parts": [{"text": "Hi"}], "role": "model"}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 3},
        "modelVersion": "m",
    },
    "gemini_error": {"error": {"code": 400, "message": "Bad.", "status": "INVALID_ARGUMENT"}},
    "cohere": {"id": "1", "finish_reason": "COMPLETE", "message": {"role": "assistant", "content": []}},
    "responses": {"id": "resp_1", "object": "response", "created_at": 1, "output": [], "usage": USAGE},
    "ollama": {"model": "m", "message": MESSAGE, "done": True, "response": "Hi"},
    "storage": {"kind": "storage#object", "id": "1"},
    "anything": {"foo": 1},
    "empty": {},
}


def dump(value: Any) -> bytes:
    return json.dumps(value).encode()


@cache
def detected(case: str) -> list[Detection]:
    """What is detected in a case, without the plugins that happen to be installed."""
    schemas = {"canonical", *(schema_of(other) for other in CASES)}
    return [found for found in detect(CASES[case].read_bytes()) if found.schema.partition("@")[0] in schemas]


def schema_of(case: str) -> str:
    return case.partition("/")[0].partition("@")[0]


def first(case: str) -> str:
    """The schema detected first, without its version; empty if there is none."""
    found = detected(case)
    return found[0].schema.partition("@")[0] if found else ""


def is_own(case: str) -> bool:
    """Whether the case's own schema comes first."""
    return first(case) == schema_of(case)


def is_as_good(case: str) -> bool:
    """Whether the general form comes first, and reads the case as its own."""
    alike = schema_of(case) in ALIKE or not case.endswith(".response")
    return alike and first(case) == GENERAL and detected(case)[0].score > 0.4


class TestFixtures:
    @pytest.mark.parametrize("case", CASES)
    def test_schema(self, case: str) -> None:
        """The schema of a fixture comes first, or the general form of which it is a plain answer."""
        assert (is_own(case) or is_as_good(case)) == (case not in EXCEPTIONS), detected(case)[:3]

    def test_part(self) -> None:
        """What comes first is read as what the fixture is; an answer that is one chunk may be read so."""
        for case in CASES:
            kind = case.rpartition(".")[2]
            parts = {kind, "chunk"} if kind == "response" else {kind}
            assert {found.part for found in detected(case)[:1]} <= parts, case

    def test_order_and_range(self) -> None:
        """Scores are from 0 to 1 and fall, ties are in order of names, a schema is named once, with a sentence."""
        for case in CASES:
            found = detected(case)
            assert found == sorted(found, key=lambda each: (-each.score, each.schema)), case
            assert all(0 < each.score <= 1 for each in found), case
            assert len({each.schema.partition("@")[0] for each in found}) == len(found), case
            assert all(each.reason[0] == "A" and each.reason.endswith(".") for each in found), case

    def test_accuracy(self) -> None:
        """Of the fixtures, 9 in 10 are told right and more than 3 in 4 by the schema's own name."""
        assert len(EXCEPTIONS) / len(CASES) < 0.1
        assert sum(map(is_own, CASES)) / len(CASES) > 0.75

    def test_exceptions_exist(self) -> None:
        """Every exception names a fixture, once."""
        assert EXCEPTIONS.keys() <= CASES.keys()
        assert sum(len(cases.split()) for cases in MISSED.values()) == len(EXCEPTIONS)

    def test_canonical_never_wins_on_another(self) -> None:
        """The canonical schema, which reads nearly everything, never comes first on a fixture of another."""
        assert "canonical" not in map(first, CASES)

    @pytest.mark.parametrize("case", [case for case in CASES if case.endswith(".response")])
    def test_canonical_by_its_keys(self, case: str) -> None:
        """Canonical JSON is told by the keys that only it has; without them it is the general form."""
        try:
            completion = chatnorm.decode(CASES[case].read_bytes(), case.partition("/")[0])
        except chatnorm.DecodeError:
            return
        body = chatnorm.encode(completion, "canonical")
        plain = json.loads(body)
        messages = [choice["message"] for choice in plain["choices"]]
        marked = any(key in plain for key in ("provider_metadata", "irregular")) or any(
            key in message for message in messages for key in ("reasoning_items", "layout")
        )
        if "camel" not in case:
            assert (detect(body)[0].schema == "canonical") == marked


class TestEvidence:
    @pytest.mark.parametrize(
        ("body", "schema", "part"),
        [
            pytest.param(ANSWER, "openai", "response", id="minimal"),
            pytest.param(MODERN, "openai", "response", id="modern"),
            pytest.param(COZY, "cozy", "response", id="cozy_docs"),
            pytest.param({**COZY, "model": "m", "extra": {}}, "cozy", "response", id="cozy_extra_object"),
            pytest.param({**ANSWER, "model": None, "system_fingerprint": None}, "cozy", "response", id="cozy_bare"),
            pytest.param(CAMEL, "log10", "response", id="camel_case"),
            pytest.param(ENVELOPE, "log10-completion", "response", id="envelope"),
            pytest.param({**ENVELOPE, "response": None}, "log10-completion", "response", id="envelope_alone"),
            pytest.param({**ANSWER, "choices": WITH_LOGPROBS, "model": None}, "log10-wire", "response", id="wire"),
            pytest.param(ESTIMATED, "chatgpt-api-stream", "response", id="estimated_chunk"),
            pytest.param(CHAT_MESSAGE, "chatgpt-api-stream", "response", id="chat_message"),
            pytest.param(
                {**ESTIMATED, **ANSWER, "usage": ESTIMATED["usage"]},
                "chatgpt-api",
                "response",
                id="estimated",
            ),
            pytest.param({**ANSWER, "created": 1.5}, "chatgpt-api", "response", id="created_fraction"),
            pytest.param(
                {**ANSWER, "choices": [{"index": 0, "message": REASONED, "finish_reason": "stop"}]},
                "canonical",
                "response",
                id="canonical",
            ),
            pytest.param({**ANSWER, "provider_metadata": {}}, "canonical", "response", id="canonical_metadata"),
            pytest.param({**ANSWER, "x_vendor": 1, "nonce": "n"}, "openai", "response", id="vendor_keys"),
            pytest.param(CHUNK, "openai", "chunk", id="chunk"),
            pytest.param({**CHUNK, "extra": None}, "cozy", "chunk", id="cozy_chunk"),
            pytest.param({**CHUNK, "choices": [], "usage": USAGE}, "openai", "chunk", id="usage_chunk"),
            pytest.param(ERROR, "openai", "error", id="error"),
            pytest.param({"detail": "[CODE]: No.", "extra": {}}, "cozy", "error", id="cozy_error"),
            pytest.param({"kind": "server", "message": "No.", "schema": "cozy"}, "canonical", "error", id="own_error"),
        ],
    )
    def test_first(self, body: Any, schema: str, part: str) -> None:
        """The evidence puts the right schema first, alone."""
        best, *others = detect(dump(body))
        assert (best.schema, best.part) == (schema, part)
        assert all(other.score < best.score for other in others)

    @pytest.mark.parametrize("name", FOREIGN)
    def test_other_providers(self, name: str) -> None:
        """Another provider's body is hardly an answer of any Chat Completions schema."""
        assert all(found.score < 0.3 for found in detect(dump(FOREIGN[name])) if found.schema in CHAT_COMPLETIONS)

    def test_no_rule_that_tells(self) -> None:
        """Schemas that allow the same are equal, and in order of names."""
        found = detect(dump({**ANSWER, "object": "answer"}))
        assert [(each.schema, each.score) for each in found[:2]] == [("chatgpt-api", 0.5), ("speakeasy", 0.5)]

    def test_version_only_where_the_schema_does_not_fit(self) -> None:
        """A version is named where only it fits; else its schema is."""
        older = {**ANSWER, "choices": [{"message": MESSAGE, "finish_reason": "tool_calls"}]}
        assert "speakeasy@1.5.0" in {found.schema for found in detect(dump(older))}
        assert {found.schema for found in detect(dump(ANSWER)) if "speakeasy" in found.schema} == {"speakeasy"}

    def test_reasons(self) -> None:
        """The reason names the keys, the word and the rules that count."""
        reasons = {found.schema: found.reason for found in detect(dump({**COZY, "nonce": 1}))}
        assert reasons["cozy"] == (
            "A response: keeps every rule of the schema; 'nonce' undeclared;"
            " `object` is 'chat.completion'; 'extra' speaks for it."
        )
        assert "irregular, it breaks a rule" in reasons["openai"]
        assert "the general form" in reasons["openai"]
        assert "no rule to break" in reasons["canonical"]

    def test_mark_of_another_counts_against(self) -> None:
        """A key that a schema does not declare and that is another's mark halves the score."""
        scores = {found.schema: found for found in detect(dump({**ANSWER, "provider_metadata": {}}))}
        assert scores["openai"].score < 0.3
        assert "'provider_metadata' speaks for another" in scores["openai"].reason

    def test_text_and_bytes(self) -> None:
        """Text is detected as its UTF-8 is."""
        assert detect(json.dumps(COZY)) == detect(dump(COZY))


STREAMS = [
    "cozy/extra_object_on_every_chunk.stream",
    "openai/framing_mixed_line_endings.stream",
    "openai/error_chunk.stream",
    "chatgpt-api-stream/message_text_trimmed.stream",
]


class TestStreams:
    @pytest.mark.parametrize("case", STREAMS)
    def test_cut_anywhere(self, case: str) -> None:
        """A stream cut anywhere is detected from its first whole event on, and always by the same schema."""
        data = CASES[case].read_bytes()
        found = [detect(data[:end]) for end in range(len(data) + 1)]
        begun = next(end for end, detections in enumerate(found) if detections)
        assert begun <= data.index(b"data:", 10)
        assert {detections[0].part for detections in found[begun:]} <= {"stream"}
        assert {detections[0].schema for detections in found[begun:]} == {first(case)}

    def test_cut_inside_a_character(self) -> None:
        """A cut inside a UTF-8 character does not matter."""
        chunk = b"data: %b\n\n" % json.dumps(CHUNK).encode()
        assert detect(chunk + "data: é".encode()[:-1]) == detect(chunk)

    def test_unterminated_event(self) -> None:
        """One event without the blank line after it is enough."""
        assert detect(b"data: " + dump(CHUNK))[0].schema == "openai"

    def test_mark_in_a_late_chunk(self) -> None:
        """A mark counts in whichever chunk it comes."""
        data = b"".join(b"data: %b\n\n" % dump(each) for each in (CHUNK, CHUNK, {**CHUNK, "extra": "{}"}))
        assert detect(data)[0].schema == "cozy"


def reads(decode: Callable[[bytes], Any], **more: Any) -> ResponseCodec:
    return ResponseCodec(decode=lambda data: decode(data if isinstance(data, bytes) else data.encode()), **more)


class Adapters:
    """A registry of these adapters alone."""

    def __init__(self, *adapters: Adapter) -> None:
        self._adapters = {adapter.name: adapter for adapter in adapters}

    def names(self) -> list[str]:
        return [*self._adapters]

    def adapter(self, name: str) -> Adapter:
        return self._adapters[name]


class Stream:
    """A stream decoder that notes how much it was given."""

    def __init__(self) -> None:
        self.fed = 0

    def feed(self, data: bytes) -> list[chatnorm.ChatCompletionChunk]:
        self.fed += len(data)
        return []

    def close(self) -> list[chatnorm.ChatCompletionChunk]:
        return []


class TestWork:
    """Detection does a bounded number of things."""

    def test_answer_is_decoded_once_by_each(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An answer that keeps the rules is decoded once by an adapter, whatever its versions and streams are."""
        seen: list[bytes] = []
        openai = chatnorm.adapter("openai")
        assert openai.response is not None
        decode = openai.response.decode

        def decoded(data: bytes) -> ChatCompletion:
            seen.append(data)
            return decode(data)

        counting = Adapter(name="a", docs="", response=reads(decoded), stream=openai.stream, versions={"1": openai})
        monkeypatch.setattr("chatnorm.detection.REGISTRY", Adapters(counting))
        assert [found.schema for found in detect(dump(ANSWER))] == ["a"]
        assert seen.count(dump(ANSWER)) == 1
        assert len(seen) == 2, "and what bare JSON it takes for its own"

    def test_versions_are_tried_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A body that the schema does not read is tried once by each version."""
        seen: list[bytes] = []

        def refuse(data: bytes) -> ChatCompletion:
            seen.append(data)
            raise chatnorm.DecodeError("a", "no")

        version = Adapter(name="a@1", docs="", response=reads(refuse))
        versions = {"1": version, "2": version}
        adapter = Adapter(name="a", docs="", response=reads(refuse), versions=versions)
        monkeypatch.setattr("chatnorm.detection.REGISTRY", Adapters(adapter))
        assert detect(dump(ANSWER)) == []
        assert seen.count(dump(ANSWER)) == 3

    def test_stream_is_read_to_a_bound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of a stream 64 KiB are read, once."""
        stream = Stream()
        adapter = Adapter(name="a", docs="", stream=StreamCodec(decoder=lambda: stream))
        monkeypatch.setattr("chatnorm.detection.REGISTRY", Adapters(adapter))
        detect(b"data: %b\n\n" % dump(CHUNK) * 2000)
        assert 64 * 2**10 <= stream.fed < 65 * 2**10

    def test_observers_are_not_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is decoded to find out is not shown to the plugins that observe decoded records."""
        registry = Registry()
        monkeypatch.setattr(registry, "decoded", lambda **_: pytest.fail("an observer was told"))
        monkeypatch.setattr("chatnorm.detection.REGISTRY", registry)
        assert detect(dump(ANSWER))


class Plugin:
    """A plugin that offers whatever it is given for an adapter."""

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter

    @chatnorm.hookimpl
    def chatnorm_adapter(self) -> Any:
        return self._adapter


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    registry = Registry()
    monkeypatch.setattr("chatnorm.detection.REGISTRY", registry)
    return registry


class TestPlugins:
    def offer(self, registry: Registry, **what: Any) -> None:
        registry.register(Plugin(Adapter(docs="", **{"name": "zeta", **what})), "zeta")

    def test_mark_of_a_plugin(self, registry: Registry) -> None:
        """A third party's dialect is told by its marks, and is behind the general form without them."""
        self.offer(registry, response=chatnorm.adapter("openai").response, hints=("x_zeta",))
        assert detect(dump({**ANSWER, "x_zeta": 1}))[0].schema == "zeta"
        scores = {found.schema: found.score for found in detect(dump(ANSWER))}
        assert scores["openai"] == max(scores.values()) > scores["zeta"] == scores["chatgpt-api"]

    def test_reading_anything_is_no_evidence(self, registry: Registry) -> None:
        """An adapter that takes everything for an answer, and does not give it back, comes last."""
        self.offer(registry, response=reads(lambda _: ChatCompletion(), encode=lambda _: b"{}"))
        scores = {found.schema: found for found in detect(dump(ANSWER))}
        assert list(scores)[-1] == "zeta"
        assert "does not encode back" in scores["zeta"].reason

    @pytest.mark.parametrize("error", [ValueError, RecursionError, KeyError, AssertionError])
    def test_adapter_that_raises(self, registry: Registry, error: type[Exception]) -> None:
        """An adapter that raises whatever it likes is one that cannot read the body."""

        def fail(*_: Any) -> Any:
            raise error

        self.offer(
            registry,
            response=ResponseCodec(decode=fail),
            stream=StreamCodec(decoder=fail),
            error=chatnorm.ErrorCodec(decode=fail, encode=fail),
        )
        for body in (dump(ANSWER), dump(ERROR), b"data: %b\n\n" % dump(CHUNK)):
            assert detect(body)[0].schema == "openai"

    def test_adapter_that_cannot_be_loaded(self, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
        """An adapter that cannot be loaded is passed over."""
        load = registry.adapter

        def adapter(name: str) -> Adapter:
            if name == "cozy":
                raise chatnorm.PluginError(name, "it is broken")
            return load(name)

        monkeypatch.setattr(registry, "adapter", adapter)
        assert "cozy" not in {found.schema for found in detect(dump(COZY))}

    def test_lines_of_json(self, registry: Registry) -> None:
        """A stream of JSON lines is read by the adapter that has one, and so is one line of it."""
        self.offer(registry, stream=StreamCodec(decoder=Lines))
        line = dump(CHUNK) + b"\n"
        assert [(found.schema, found.part) for found in detect(line * 3)] == [("zeta", "stream")]
        assert ("zeta", "chunk") in {(found.schema, found.part) for found in detect(line)}


class Lines:
    """A stream of JSON lines, each a chunk."""

    def __init__(self) -> None:
        self._lines = LineDecoder()

    def feed(self, data: bytes) -> list[chatnorm.ChatCompletionChunk]:
        return [self._chunk(line) for line in self._lines.feed(data)]

    def close(self) -> list[chatnorm.ChatCompletionChunk]:
        return [self._chunk(line) for line in self._lines.close()]

    def _chunk(self, line: bytes) -> chatnorm.ChatCompletionChunk:
        value = json.loads(line)
        return chatnorm.ChatCompletionChunk(id=value["id"], choices=[chatnorm.ChunkChoice()])


DEEP = 100_000
NESTED = 500

#: Few keys, so that no schema learns thousands of them.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.just("chat.completion"),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choices", "message", "delta", "content", "usage", "error", "detail", "object", "x", "extra"]
            ),
            below,
            max_size=5,
        )
    ),
    max_leaves=12,
)


class TestAnyBytes:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b" ",
            b"null",
            b'"text"',
            b"[]",
            b"{}",
            b"\xff\xfe\x00",
            b"\x00" * 64,
            b"<!doctype html><html></html>",
            b"event: ping\n\n",
            b": comment\n\n" * 50,
            b"data: [DONE]\n\n",
            b"data: nonsense\n\n",
            b'{"choices":[',
            b'{"choices":[],"id":1e999}',
            b"[" * DEEP,
            b'{"a":' * DEEP,
            b"data: " + b"[" * DEEP + b"\n\n",
            b'{"a":' * NESTED + b"1" + b"}" * NESTED,
            "\ud800",
            b'{"foo":"\\ud800"}',
        ],
        ids=lambda body: repr(body[:24]),
    )
    def test_nothing(self, body: bytes | str) -> None:
        """What is no answer of anybody is detected as nothing."""
        assert detect(body) == []

    @pytest.mark.parametrize("value", ["[" * NESTED + "]" * NESTED, '{"a":' * NESTED + "1" + "}" * NESTED])
    @pytest.mark.parametrize("body", ['{"choices":%s}', '{"choices":[{"message":%s}]}', '{"error":%s}', '{"extra":%s}'])
    def test_deep(self, body: str, value: str) -> None:
        """Deep nesting in any place raises nothing."""
        assert all(found.score < 0.5 for found in detect(body % value))

    def test_as_deep_as_can_be_read(self) -> None:
        """Nesting just short of what can be parsed raises nothing in what comes after parsing."""
        for depth in range(sys.getrecursionlimit() - 200, sys.getrecursionlimit()):
            assert detect(b'{"x":' * depth + b"1" + b"}" * depth) == []

    @given(st.binary(max_size=200) | st.text(max_size=50))
    def test_arbitrary_bytes(self, body: bytes | str) -> None:
        """No bytes and no text raise."""
        assert isinstance(detect(body), list)

    @given(JSON, st.sampled_from([b"%b", b"data: %b\n\n", b"%b\n%b"]))
    def test_arbitrary_json(self, value: Any, frame: bytes) -> None:
        """No JSON raises, alone or in a stream, and what is found is found again."""
        body = frame.replace(b"%b", dump(value))
        assert detect(body) == detect(body)

    @given(st.sampled_from([COZY, CAMEL, ENVELOPE, CHAT_MESSAGE, ERROR, MODERN, CHUNK]), st.data())
    def test_any_value_in_place_of_another(self, body: Any, data: st.DataObject) -> None:
        """A payload of which one part is something else raises nothing."""
        changed = json.loads(json.dumps(body))
        holder: Any = changed
        while True:
            key = data.draw(st.sampled_from([*holder] if isinstance(holder, dict) else [*range(len(holder))]))
            below = holder[key]
            if not isinstance(below, dict | list) or not below or data.draw(st.booleans()):
                break
            holder = below
        holder[key] = data.draw(JSON)
        assert all(0 < found.score <= 1 for found in detect(dump(changed)))
