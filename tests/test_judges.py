"""The judges themselves: each accepts what its tool accepts and refuses what its tool refuses."""

import copy
import json
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import judges
import pytest

FUNCTION = {"arguments": "{}", "name": "f"}
CALL = {"id": "call_1", "type": "function", "function": FUNCTION}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
MESSAGE = {"role": "assistant", "content": "Hi."}
CHOICE = {"index": 0, "message": MESSAGE, "finish_reason": "stop"}
PLAIN = {
    "id": "1",
    "object": "chat.completion",
    "created": 7,
    "model": "m",
    "choices": [CHOICE],
    "usage": USAGE,
}
CALLING = {**PLAIN, "choices": [{**CHOICE, "message": {**MESSAGE, "function_call": FUNCTION}}]}

DELTA = {"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
CHUNK = {"id": "1", "object": "chat.completion.chunk", "created": 7, "model": "m", "choices": [DELTA]}
DETAIL = {**CHUNK, "usage": {**USAGE, "estimated": True}}
TOLD = {
    "id": "1",
    "text": "Hi",
    "role": "assistant",
    "name": "n",
    "delta": "Hi",
    "parentMessageId": "0",
    "conversationId": "c",
    "detail": DETAIL,
}

COZY = {
    **PLAIN,
    "system_fingerprint": "fp",
    "service_tier": "auto",
    "prompt_logprobs": 1,
    "extra": '{"sources": []}',
    "choices": [{**CHOICE, "message": {**MESSAGE, "tool_calls": 1, "function_call": 1}}],
    "usage": {**USAGE, "completion_tokens_details": 1, "prompt_tokens_details": 1},
}

TOP = {"token": "Hi", "logprob": -1, "bytes": [72, 105]}
LOG10 = {
    **PLAIN,
    "system_fingerprint": "fp",
    "choices": [
        {
            **CHOICE,
            "message": {**MESSAGE, "tool_calls": [CALL], "function_call": FUNCTION},
            "logprobs": {"content": [{**TOP, "top_logprobs": [TOP]}]},
        }
    ],
}
COMPLETION = {
    "id": "1",
    "organization_id": "o",
    "kind": "chat",
    "status": "finished",
    "tags": ["t"],
    "request": {},
    "response": LOG10,
    "stacktrace": [{"file": "f", "line": "l", "lineno": 1, "name": "n"}],
    "session_id": "s",
    "duration": 0.5,
    "failure_kind": "k",
    "failure_reason": "r",
}


def camel(value: Any) -> Any:
    """A log10 wire value, or a set of paths in it, under the names of the SDK object."""
    match value:
        case dict():
            return {_camel_word(key): camel(each) for key, each in value.items()}
        case list():
            return [camel(each) for each in value]
        case set():
            return {_camel_word(each) for each in value}
        case _:
            return value


def _camel_word(name: str) -> str:
    return re.sub("_(.)", lambda match: match[1].upper(), name)


def put(payload: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """The payload with one value set."""
    changed = copy.deepcopy(payload)
    parent, last = _parent(changed, path)
    parent[last] = value
    return changed


def cut(payload: dict[str, Any], path: str) -> dict[str, Any]:
    """The payload without one key."""
    changed = copy.deepcopy(payload)
    parent, last = _parent(changed, path)
    del parent[last]
    return changed


def _parent(payload: Any, path: str) -> tuple[Any, str | int]:
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        payload = payload[step]
    return payload, last


def keys(value: Any, path: str = "") -> Iterator[str]:
    """The path of every key of a payload, at any depth."""
    match value:
        case dict():
            for key, each in value.items():
                yield path + key
                yield from keys(each, f"{path}{key}.")
        case list():
            for index, each in enumerate(value):
                yield from keys(each, f"{path}{index}.")


class Keys(NamedTuple):
    """What a schema declares of each key of a payload that has them all."""

    payload: dict[str, Any]
    optional: set[str]
    nullable: set[str]


CONTENT = "choices.0.message.content"
FINISH = "choices.0.finish_reason"
FUNCTION_CALL = "choices.0.message.function_call"
INDEX = "choices.0.index"
ROLE = "choices.0.message.role"
TOKEN = "choices.0.logprobs.content.0"
TOOL_CALLS = "choices.0.message.tool_calls"

BARE_CHOICE = {"usage", INDEX, "choices.0.message", FINISH}
BARE_CALL = {FUNCTION_CALL, f"{FUNCTION_CALL}.arguments", f"{FUNCTION_CALL}.name"}
COZY_ANY = {
    "service_tier",
    "prompt_logprobs",
    TOOL_CALLS,
    FUNCTION_CALL,
    "usage.completion_tokens_details",
    "usage.prompt_tokens_details",
}
LOG10_OPTIONAL = {"model", "system_fingerprint", "usage", TOOL_CALLS, FUNCTION_CALL}
LOG10_NULLABLE = {
    "model",
    CONTENT,
    "choices.0.logprobs",
    "choices.0.logprobs.content",
    f"{TOKEN}.bytes",
    f"{TOKEN}.top_logprobs.0.bytes",
}

KEYS = {
    "chatgpt-api": Keys(PLAIN, BARE_CHOICE, set()),
    "chatgpt-api-stream": Keys(DETAIL, {"choices.0.delta.content"}, {FINISH}),
    "chatgpt-api-stream@chunk": Keys(CHUNK, {"choices.0.delta.content"}, {FINISH}),
    "chatgpt-api-stream@message": Keys(
        TOLD,
        {"name", "delta", "parentMessageId", "conversationId", "detail", "detail.choices.0.delta.content"},
        {f"detail.{FINISH}"},
    ),
    "cozy": Keys(COZY, {"extra", *COZY_ANY}, {"model", "system_fingerprint", *COZY_ANY}),
    "speakeasy@1.5.0": Keys(PLAIN, BARE_CHOICE, set(keys(PLAIN))),
    "speakeasy@1.6.0": Keys(CALLING, {CONTENT, *BARE_CHOICE, *BARE_CALL}, set(keys(CALLING))),
    "speakeasy@1.7.1": Keys(CALLING, {CONTENT, *BARE_CHOICE, *BARE_CALL}, set(keys(CALLING))),
    "speakeasy@2.12.0": Keys(CALLING, {"usage", CONTENT, *BARE_CALL}, set(keys(CALLING))),
    "speakeasy": Keys(CALLING, {"usage", CONTENT, *BARE_CALL}, set(keys(CALLING))),
    "speakeasy@2.16.1": Keys(CALLING, {"usage", FUNCTION_CALL}, set(keys(CALLING))),
    "log10-wire": Keys(LOG10, LOG10_OPTIONAL, LOG10_NULLABLE),
    "log10": Keys(camel(LOG10), camel(LOG10_OPTIONAL), camel(LOG10_NULLABLE)),
    "log10-completion": Keys(
        COMPLETION,
        COMPLETION.keys() - {"organization_id", "kind"} | {f"response.{path}" for path in LOG10_OPTIONAL},
        {f"response.{path}" for path in LOG10_NULLABLE},
    ),
}


class Rule(NamedTuple):
    """A fact about a schema: a payload, and the path where it breaks the rule, None if it is valid."""

    schema: str
    fact: str
    payload: dict[str, Any]
    path: str | None = None


RULES = [
    Rule("openai", "a plain answer is valid", PLAIN),
    Rule("openai", "an unknown key is valid", put(PLAIN, "x_vendor", 1)),
    Rule("openai", "a null content is valid", put(PLAIN, CONTENT, None)),
    Rule("openai", "a null model is refused", put(PLAIN, "model", None), "$.model"),
    Rule("openai", "a missing id is refused", cut(PLAIN, "id"), "$.id"),
    Rule("openai", "a missing message is refused", cut(PLAIN, "choices.0.message"), "$.choices[0].message"),
    Rule("openai", "a number with a point is no count", put(PLAIN, "created", 7.0), "$.created"),
    Rule("openai", "text is no count", put(PLAIN, "usage.total_tokens", "5"), "$.usage.total_tokens"),
    Rule(
        "openai",
        "a finish reason is one of five",
        put(PLAIN, FINISH, "end_turn"),
        "$.choices[0].finish_reason",
    ),
    Rule("openai", "a null finish reason is refused", put(PLAIN, FINISH, None), "$.choices[0].finish_reason"),
    Rule("openai", "a message is the assistant's", put(PLAIN, ROLE, "user"), "$.choices[0].message.role"),
    Rule("openai", "a chunk is no answer", put(PLAIN, "object", "chat.completion.chunk"), "$.object"),
    Rule("openai@chunk", "a chunk is valid", CHUNK),
    Rule("openai@chunk", "a null finish reason is valid", put(CHUNK, FINISH, None)),
    Rule("openai@chunk", "a chunk without choices is valid", put(CHUNK, "choices", [])),
    Rule("openai@chunk", "an answer is no chunk", put(CHUNK, "object", "chat.completion"), "$.object"),
    Rule("openai@chunk", "a missing index is refused", cut(CHUNK, INDEX), "$.choices[0].index"),
    Rule("speakeasy", "an unknown key is valid", put(CALLING, "system_fingerprint", "fp")),
    Rule("speakeasy", "an answer without choices is valid", put(CALLING, "choices", [])),
    Rule("speakeasy", "a null is no choice", put(CALLING, "choices", [None]), "$.choices[0]"),
    Rule("speakeasy", "a missing model is a problem of the whole", cut(CALLING, "model"), "$"),
    Rule("speakeasy", "a fraction is no count", put(CALLING, "created", 1.5), "$.created"),
    Rule("speakeasy", "text is no count", put(CALLING, "created", "12"), "$.created"),
    Rule(
        "speakeasy",
        "a finish reason is one of three",
        put(CALLING, FINISH, "tool_calls"),
        "$.choices[0].finish_reason",
    ),
    Rule("speakeasy", "a tool has no role", put(CALLING, ROLE, "tool"), "$.choices[0].message.role"),
    Rule("speakeasy", "a function has a role", put(CALLING, ROLE, "function")),
    Rule("speakeasy@1.5.0", "any finish reason is valid", put(PLAIN, FINISH, "tool_calls")),
    Rule("speakeasy@1.5.0", "a function has no role", put(PLAIN, ROLE, "function"), "$.choices[0].message.role"),
    Rule("speakeasy@1.6.0", "any finish reason is valid", put(CALLING, FINISH, "tool_calls")),
    Rule("speakeasy@1.6.0", "a function has a role", put(CALLING, ROLE, "function")),
    Rule(
        "speakeasy@1.7.1",
        "a finish reason is one of three",
        put(CALLING, FINISH, "tool_calls"),
        "$.choices[0].finish_reason",
    ),
    Rule(
        "speakeasy@2.16.1",
        "a finish reason is one of three",
        put(CALLING, FINISH, "tool_calls"),
        "$.choices[0].finish_reason",
    ),
    Rule("log10-wire", "an unknown key is valid", put(LOG10, "service_tier", None)),
    Rule("log10-wire", "model is anything", put(LOG10, "model", {"name": None})),
    Rule("log10-wire", "an answer without choices is valid", put(LOG10, "choices", [])),
    Rule(
        "log10-wire",
        "a missing key is a problem of its object",
        cut(LOG10, f"{TOKEN}.bytes"),
        "$.choices[0].logprobs.content[0]",
    ),
    Rule(
        "log10-wire",
        "a tool is a function",
        put(LOG10, f"{TOOL_CALLS}.0.type", "custom"),
        "$.choices[0].message.tool_calls[0].type",
    ),
    Rule(
        "log10-wire",
        "a finish reason is one of five",
        put(LOG10, FINISH, "eos"),
        "$.choices[0].finish_reason",
    ),
    Rule("log10-wire", "a tool has a role", put(LOG10, ROLE, "tool")),
    Rule("log10-wire", "a developer has no role", put(LOG10, ROLE, "developer"), "$.choices[0].message.role"),
    Rule("log10-wire", "a chunk is no answer", put(LOG10, "object", "chat.completion.chunk"), "$.object"),
    Rule("log10-wire", "1.0 is an integer", put(LOG10, "created", 1.0)),
    Rule("log10-wire", "1.5 is no integer", put(LOG10, "created", 1.5), "$.created"),
    Rule("log10-wire", "a log probability is any number", put(LOG10, f"{TOKEN}.logprob", -0.5)),
    Rule("log10-wire", "a negative count is valid", put(LOG10, "usage.total_tokens", -1)),
    Rule(
        "log10",
        "a finish reason is one of five",
        put(camel(LOG10), "choices.0.finishReason", "eos"),
        "$.choices[0].finishReason",
    ),
    Rule("log10", "a developer has no role", put(camel(LOG10), ROLE, "developer"), "$.choices[0].message.role"),
    Rule("log10", "a chunk is no answer", put(camel(LOG10), "object", "chat.completion.chunk"), "$.object"),
    Rule("log10", "a wire answer is refused", LOG10, "$.choices[0].logprobs.content[0]"),
    Rule("log10-completion", "a kind is chat or prompt", put(COMPLETION, "kind", "embedding"), "$.kind"),
    Rule("log10-completion", "a status is one of three", put(COMPLETION, "status", "done"), "$.status"),
    Rule(
        "log10-completion",
        "its response is judged",
        put(COMPLETION, "response.object", "list"),
        "$.response.object",
    ),
    Rule(
        "chatgpt-api",
        "unknown keys are valid at any depth",
        put(put(PLAIN, "x", {"y": [1]}), "choices.0.message.x", None),
    ),
    Rule("chatgpt-api", "any object and finish reason are valid", put(put(PLAIN, "object", "x"), FINISH, "x")),
    Rule("chatgpt-api", "an answer without choices is valid", put(PLAIN, "choices", [])),
    Rule("chatgpt-api", "two choices are valid", put(PLAIN, "choices", [CHOICE, CHOICE])),
    Rule("chatgpt-api", "an array is no choice", put(PLAIN, "choices", [[]]), "$.choices[0]"),
    Rule("chatgpt-api", "a missing model is a problem of the whole", cut(PLAIN, "model"), "$"),
    Rule(
        "chatgpt-api",
        "a null content is a problem of its key",
        put(PLAIN, CONTENT, None),
        "$.choices[0].message.content",
    ),
    Rule("chatgpt-api", "a tool has no role", put(PLAIN, ROLE, "tool"), "$.choices[0].message.role"),
    Rule("chatgpt-api", "text is no number", put(PLAIN, "created", "7"), "$.created"),
    Rule("chatgpt-api", "a fraction is a number", put(PLAIN, "created", 7.5)),
    Rule(
        "chatgpt-api-stream",
        "unknown keys are valid at any depth",
        put(put(DETAIL, "x", 1), "choices.0.delta.x", None),
    ),
    Rule("chatgpt-api-stream", "no choice is refused", put(DETAIL, "choices", []), "$.choices"),
    Rule("chatgpt-api-stream", "two choices are refused", put(DETAIL, "choices", [DELTA, DELTA]), "$.choices"),
    Rule("chatgpt-api-stream", "an answer is no chunk", put(DETAIL, "object", "chat.completion"), "$.object"),
    Rule(
        "chatgpt-api-stream",
        "a usage is an estimate",
        put(DETAIL, "usage.estimated", False),
        "$.usage.estimated",
    ),
    Rule(
        "chatgpt-api-stream",
        "a function has no role",
        put(DETAIL, "choices.0.delta.role", "function"),
        "$.choices[0].delta.role",
    ),
    Rule("chatgpt-api-stream@chunk", "a usage is an unknown key", DETAIL),
    Rule(
        "chatgpt-api-stream@chunk",
        "an answer is no chunk",
        put(CHUNK, "object", "chat.completion"),
        "$.object",
    ),
    Rule("chatgpt-api-stream@message", "unknown keys are valid", put(TOLD, "x", None)),
    Rule("chatgpt-api-stream@message", "a tool has no role", put(TOLD, "role", "tool"), "$.role"),
    Rule(
        "chatgpt-api-stream@message",
        "its detail is judged",
        put(TOLD, "detail.usage.estimated", False),
        "$.detail.usage.estimated",
    ),
    Rule(
        "chatgpt-api-stream@message",
        "an answer is no detail",
        put(TOLD, "detail.object", "chat.completion"),
        "$.detail.object",
    ),
    Rule(
        "cozy",
        "unknown keys are valid at any depth",
        put(put(COZY, "x", 1), "choices.0.message.x", {"y": None}),
    ),
    Rule("cozy", "tool calls are anything", put(COZY, TOOL_CALLS, [CALL])),
    Rule("cozy", "any role and finish reason are valid", put(put(COZY, ROLE, "x"), FINISH, "x")),
    Rule("cozy", "extra is text", put(COZY, "extra", {"sources": []}), "$.extra"),
    Rule("cozy", "text is no number", put(COZY, "usage.total_tokens", "5"), "$.usage.total_tokens"),
]


def encoded(payload: object) -> bytes:
    """The payload as a judge takes it."""
    return json.dumps(payload).encode()


def named(rule: Rule) -> str:
    """The test id of a rule."""
    return f"{rule.schema}: {rule.fact}"


def paths(problems: list[str]) -> set[str]:
    """The JSON paths of problems."""
    return {problem.partition(": ")[0] for problem in problems}


def judged(cases: Mapping[str, tuple[str, bytes]]) -> dict[str, list[str]]:
    """The problems of each case; the test is skipped where a judge has no tools."""
    try:
        return judges.problems_of_many(cases)
    except judges.JudgeUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def compiled() -> dict[str, list[str]]:
    """The verdicts over all rules of the TypeScript schemas, out of one compiler run."""
    rules = [rule for rule in RULES if rule.schema.startswith(("chatgpt-api", "cozy"))]
    return judged({named(rule): (rule.schema, encoded(rule.payload)) for rule in rules})


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_a_judge_finds_the_breach_of_a_rule_and_nothing_else(rule: Rule, request: pytest.FixtureRequest) -> None:
    """A payload is valid, or each of its problems is at the path where it breaks the rule."""
    if rule.schema.startswith(("chatgpt-api", "cozy")):
        problems = request.getfixturevalue("compiled")[named(rule)]
    else:
        problems = judged({"": (rule.schema, encoded(rule.payload))})[""]
    assert paths(problems) == ({rule.path} if rule.path else set()), problems


@pytest.mark.parametrize("schema", KEYS)
def test_a_key_is_required_and_nullable_as_the_schema_declares(schema: str) -> None:
    """A payload with every key is valid; without a key, or with null under it, it is valid as declared."""
    payload, optional, nullable = KEYS[schema]
    verdicts = judged(
        {"": (schema, encoded(payload))}
        | {f"cut {path}": (schema, encoded(cut(payload, path))) for path in keys(payload)}
        | {f"null {path}": (schema, encoded(put(payload, path, None))) for path in keys(payload)}
    )
    assert verdicts[""] == []
    assert {path for path in keys(payload) if not verdicts[f"cut {path}"]} == optional
    assert {path for path in keys(payload) if not verdicts[f"null {path}"]} == nullable


def test_every_schema_is_under_test() -> None:
    """Every judged schema has its keys declared here, but for the openai package's, which are its own."""
    assert KEYS.keys() | {"openai", "openai@chunk"} == judges.JUDGED


def test_cases_of_many_schemas_are_judged_at_once() -> None:
    """The verdicts of mixed cases keep the cases' order, and each is its own payload's."""
    cases = {
        "cozy, bad": ("cozy", encoded(PLAIN)),
        "openai": ("openai", encoded(PLAIN)),
        "log10, bad": ("log10-wire", encoded(PLAIN)),
        "cozy": ("cozy", encoded(COZY)),
    }
    verdicts = judged(cases)
    assert list(verdicts) == list(cases)
    assert [case for case, problems in verdicts.items() if problems] == ["cozy, bad", "log10, bad"]


@pytest.mark.parametrize("schema", ["openai", "log10-wire", "speakeasy"])
@pytest.mark.parametrize("payload", [b"", b"{", b'{"id": NaN}', b'{"id": "\xff"}'])
def test_what_is_not_json_is_a_problem(schema: str, payload: bytes) -> None:
    """A payload that is not JSON has one problem, at the root."""
    assert paths(judges.problems(schema, payload)) == {"$"}


def test_what_is_not_json_is_a_problem_to_the_compiler_too() -> None:
    """A payload that is not JSON has one problem, at the root, and leaves its neighbours alone."""
    verdicts = judged({"bad": ("cozy", b"{"), "good": ("cozy", encoded(COZY))})
    assert paths(verdicts["bad"]) == {"$"}
    assert verdicts["good"] == []


def test_half_a_surrogate_pair_is_text() -> None:
    """A closed schema's tools take a lone surrogate in text, as a key, and never as a word of an enum."""
    payload = put(put(LOG10, CONTENT, "\ud83d"), "\ude00", 1)
    assert judges.problems("log10-wire", encoded(payload)) == []
    assert judges.problems("log10-wire", encoded(put(payload, FINISH, "stop\ud83d"))) != []


def test_a_chunk_is_judged_by_the_chunk_type() -> None:
    """A chunk is valid where the schema's chunk type takes it."""
    assert judges.chunk_problems("openai", encoded(CHUNK)) == []
    assert paths(judges.chunk_problems("openai", encoded(cut(CHUNK, "model")))) == {"$.model"}


def test_schemas_without_a_chunk_type_are_not_asked() -> None:
    """Only the schemas of CHUNK_JUDGED have chunks to judge."""
    assert {"openai", "chatgpt-api-stream"} == judges.CHUNK_JUDGED
    with pytest.raises(KeyError, match="cozy@chunk"):
        judges.chunk_problems("cozy", encoded(CHUNK))


def test_a_schema_without_a_judge_is_named() -> None:
    """The KeyError of an unknown schema names it."""
    with pytest.raises(KeyError, match="no-such-schema"):
        judges.problems("no-such-schema", b"{}")


@pytest.mark.parametrize(
    ("schema", "payload", "unknown"),
    [
        ("log10-wire", LOG10, []),
        ("log10-wire", put(LOG10, "model", {"x": 1}), []),
        ("log10-wire", put(LOG10, "choices.0.logprobs.refusal", None), ["$.choices[0].logprobs.refusal"]),
        ("log10-wire", put(LOG10, f"{TOOL_CALLS}.0.x y", 1), ['$.choices[0].message.tool_calls[0]["x y"]']),
        ("log10", put(camel(LOG10), "system_fingerprint", "fp"), ["$.system_fingerprint"]),
        ("log10-completion", put(COMPLETION, "response.service_tier", "auto"), ["$.response.service_tier"]),
        ("log10-completion", put(COMPLETION, "request.model", "m"), []),
        ("speakeasy", put(PLAIN, TOOL_CALLS, [CALL]), ["$.choices[0].message.tool_calls"]),
        ("speakeasy", put(put(PLAIN, "usage", None), "x", 1), ["$.x"]),
        ("speakeasy@1.5.0", CALLING, ["$.choices[0].message.function_call"]),
        ("speakeasy@1.6.0", CALLING, []),
    ],
)
def test_unknown_keys_of_a_closed_schema_are_told(schema: str, payload: dict[str, Any], unknown: list[str]) -> None:
    """The unknown keys are those that the type of their object does not have, at any depth."""
    assert judges.unknown_keys(schema, encoded(payload)) == unknown


def test_open_schemas_have_no_unknown_keys_to_tell() -> None:
    """Only the schemas of CLOSED tell unknown keys."""
    with pytest.raises(KeyError, match="openai"):
        judges.unknown_keys("openai", encoded(PLAIN))


@pytest.mark.parametrize("schema", [schema for schema in KEYS if schema.startswith("speakeasy")])
def test_a_null_under_a_required_key_makes_the_speakeasy_sdk_warn(schema: str) -> None:
    """Nulls under required keys are told, and those under optional keys are not."""
    payload, optional, _ = KEYS[schema]
    for path in keys(payload):
        warned = [] if path in optional else ["$." + path.replace(".0.", "[0].")]
        assert judges.warned_nulls(schema, encoded(put(payload, path, None))) == warned


def test_only_speakeasy_warns_of_nulls() -> None:
    """A schema that either takes or refuses a null warns of none."""
    with pytest.raises(KeyError, match="log10"):
        judges.warned_nulls("log10", encoded(camel(LOG10)))


def test_a_machine_without_npm_has_no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without npm, and without the packages, the TypeScript judge says what it lacks."""
    monkeypatch.setenv("CHATNORM_JUDGES", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(judges.JudgeUnavailable, match="npm is not installed"):
        judges.problems("cozy", encoded(COZY))


def test_what_npm_says_is_told_and_npm_is_asked_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """When npm fails, its words are the reason, and the next call repeats them without asking again."""
    asked = tmp_path / "asked"
    npm = tmp_path / "npm"
    npm.write_text(f"#!/bin/sh\necho once >> '{asked}'\necho no such host >&2\nexit 1\n")
    npm.chmod(npm.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("CHATNORM_JUDGES", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    for _ in range(2):
        with pytest.raises(judges.JudgeUnavailable, match="no such host"):
            judges.install()
    assert asked.read_text() == "once\n"
