"""Error bodies: what they say is read, they come back, and other schemas get it in their own form."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import chatnorm
import pytest
from chatnorm import ErrorResponse, extras
from chatnorm.patch import diff
from chatnorm.record import set_fields
from chatnorm.values import equal
from conftest import FIXTURES
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

STATUS: dict[str, int] = json.loads((FIXTURES / "errors.json").read_bytes())
CASES: dict[str, Path] = {
    f"{path.parent.name}/{path.name.partition('.')[0]}": path for path in sorted(FIXTURES.glob("*/*.error.json"))
}
BUILT_IN = sorted(entry.name for entry in distribution("chatnorm").entry_points if entry.group == "chatnorm")
WITH_ERRORS = [name for name in BUILT_IN if chatnorm.adapter(name).error is not None]
#: Schemas whose own error body is `{"error": {…}}`.
CHAT = [name for name in WITH_ERRORS if name not in ("canonical", "cozy")]

every_case = pytest.mark.parametrize("case", CASES)


def read(case: str, status: int | None = None, headers: Mapping[str, str] | None = None) -> ErrorResponse:
    """The error of a fixture, in its own schema."""
    return chatnorm.decode_error(CASES[case].read_bytes(), schema_of(case), status=status, headers=headers)


def schema_of(case: str) -> str:
    return case.partition("/")[0]


def body_of(case: str) -> Any:
    return json.loads(CASES[case].read_bytes())


def assert_same(found: bytes, wanted: Any) -> None:
    assert equal(json.loads(found), wanted), list(diff(json.loads(found), wanted))


def test_every_error_has_a_status() -> None:
    """`errors.json` has the status of every error fixture, and of nothing else."""
    assert STATUS.keys() == CASES.keys()


# --- What is read -------------------------------------------------------------------------------------------

#: case -> kind with its status, kind without, and what the body says.
SAID: dict[str, tuple[str, str | None, dict[str, Any]]] = {
    "chatgpt-api/context_length": (
        "too_large",
        "too_large",
        {
            "message": "This model's maximum context length is 4097 tokens.",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        },
    ),
    "chatgpt-api/rate_limit": (
        "rate_limit",
        "rate_limit",
        {
            "message": "Rate limit reached for requests.",
            "type": "requests",
            "param": None,
            "code": "rate_limit_exceeded",
        },
    ),
    "cozy/detail_brackets_without_code": ("invalid_request", None, {"message": "[sic] what is 'it'?"}),
    "cozy/detail_code_and_extra": (
        "server",
        None,
        {"message": "An unexpected error occurred", "code": "UNEXPECTED_ERROR"},
    ),
    "cozy/detail_code_and_extra_filled": (
        "not_found",
        None,
        {"message": "Partition 'archive' does not exist", "code": "PARTITION_NOT_FOUND"},
    ),
    "cozy/detail_not_found": ("not_found", None, {"message": "Partition 'archive' not found"}),
    "cozy/detail_too_large": ("too_large", None, {"message": "File too large"}),
    "cozy/fastapi_validation": (
        "invalid_request",
        None,
        {"message": "Field required", "param": "body.messages"},
    ),
    "cozy/openai_like": (
        "rate_limit",
        "rate_limit",
        {"message": "Too many requests", "type": "rate_limit_error", "param": None, "code": "429"},
    ),
    "cozy/stack_error_string": ("invalid_request", None, {"message": "code=400, message=Bad Request"}),
    "cozy/stack_json_api": (
        "authentication",
        "authentication",
        {"message": "Expired token", "code": "unauthorized"},
    ),
    "cozy/stack_json_api_empty": ("server", None, {}),
    "openai/error_body_with_status_200": (
        "server",
        "server",
        {"message": "Provider returned error", "code": 502},
    ),
    "openai/error_null_fields": (
        "server",
        None,
        {"message": None, "type": None, "param": None, "code": None},
    ),
    "openai/error_object_without_message": ("server", None, {"code": "internal"}),
    "openai/extra_keys": (
        "rate_limit",
        "rate_limit",
        {"message": "Slow down.", "type": "requests", "param": None, "code": "rate_limit_exceeded"},
    ),
    "openai/insufficient_quota": (
        "billing",
        "billing",
        {
            "message": "You exceeded your current quota, please check your plan and billing details.",
            "type": "insufficient_quota",
            "param": None,
            "code": "insufficient_quota",
        },
    ),
    "openai/invalid_api_key": (
        "authentication",
        "authentication",
        {
            "message": "Incorrect API key provided: sk-ex***mple. See the keys page of your account.",
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_api_key",
        },
    ),
    "openai/invalid_nested_param": (
        "invalid_request",
        "invalid_request",
        {
            "message": "Missing required parameter: 'messages[1].tool_call_id'.",
            "type": "invalid_request_error",
            "param": "messages[1].tool_call_id",
            "code": "missing_required_parameter",
        },
    ),
    "openai/message_empty": (
        "server",
        "server",
        {"message": "", "type": "server_error", "param": None, "code": None},
    ),
    "openai/overloaded": (
        "overloaded",
        "overloaded",
        {
            "message": "The engine is currently overloaded, please try again later.",
            "type": "server_error",
            "param": None,
            "code": "overloaded",
        },
    ),
    "openai/permission": (
        "permission",
        "invalid_request",
        {
            "message": "You are not allowed to use this model in your region.",
            "type": "invalid_request_error",
            "param": None,
            "code": "unsupported_country_region_territory",
        },
    ),
    "openai/vendor_azure_inner_error": (
        "invalid_request",
        "invalid_request",
        {
            "message": "The response was filtered due to the prompt.",
            "type": None,
            "param": "prompt",
            "code": "content_filter",
        },
    ),
    "openai/vendor_code_integer": (
        "not_found",
        "not_found",
        {"message": "No endpoints found for acme/example-9.", "code": 404},
    ),
    "openai/vendor_code_reason_metadata": (
        "invalid_request",
        "invalid_request",
        {"message": "function calling is not supported", "code": 400},
    ),
    "openai/vendor_code_string_of_status": (
        "not_found",
        "not_found",
        {"message": "Resource not found", "code": "404"},
    ),
    "openai/vendor_detail_list": (
        "invalid_request",
        None,
        {"message": "Field required", "param": "body.messages"},
    ),
    "openai/vendor_detail_object": (
        "authentication",
        None,
        {"message": "No token.", "code": "unauthenticated"},
    ),
    "openai/vendor_detail_text": (
        "invalid_request",
        None,
        {"message": "Invalid request. Please check the parameters and try again."},
    ),
    "openai/vendor_error_string": (
        "permission",
        None,
        {"message": "please check the api-key you provided"},
    ),
    "openai/vendor_error_string_with_code": (
        "not_found",
        None,
        {
            "message": "The model example-9 does not exist.",
            "code": "Some requested entity was not found",
        },
    ),
    "openai/vendor_error_string_with_status": (
        "invalid_request",
        "invalid_request",
        {"message": "400 Bad Request"},
    ),
    "openai/vendor_flat_message": (
        "not_found",
        "not_found",
        {
            "message": "Model example-9 does not exist.",
            "type": "not_found_error",
            "param": "model",
            "code": "model_not_found",
        },
    ),
    "openai/vendor_flat_vllm": (
        "invalid_request",
        "invalid_request",
        {
            "message": "max_tokens must be at least 1, got -1.",
            "type": "BadRequestError",
            "param": None,
            "code": 400,
        },
    ),
    "openai/vendor_llamacpp_context": (
        "too_large",
        "too_large",
        {
            "message": "the request exceeds the available context size",
            "type": "exceed_context_size_error",
            "code": 400,
        },
    ),
    "openai/vendor_message_only": ("permission", None, {"message": "Forbidden"}),
}


@pytest.mark.parametrize("case", list(SAID))
def test_what_a_body_says_is_read(case: str) -> None:
    """Message, type, param and code are what the body says, null where it says null, absent where it is silent."""
    error = read(case, STATUS[case])
    found = {name: value for name, value in set_fields(error).items() if name in FIELDS}
    assert equal(found, SAID[case][2])
    assert error.status == STATUS[case]


@pytest.mark.parametrize("case", list(SAID))
def test_the_kind_with_its_status(case: str) -> None:
    """The kind is what a caller can do about it, by the most telling word or else by the status."""
    assert read(case, STATUS[case]).kind == SAID[case][0]


@pytest.mark.parametrize("case", list(SAID))
def test_the_kind_without_a_status(case: str) -> None:
    """Without a status the kind is what the body itself tells, and absent where it tells nothing."""
    error = read(case)
    assert (error.kind or None) == SAID[case][1]
    assert error.status is UNSET


FIELDS = ("message", "type", "param", "code")
KINDS = {
    400: "invalid_request",
    401: "authentication",
    402: "billing",
    403: "permission",
    404: "not_found",
    408: "timeout",
    409: "conflict",
    413: "too_large",
    418: "invalid_request",
    422: "invalid_request",
    429: "rate_limit",
    499: "invalid_request",
    500: "server",
    502: "server",
    503: "overloaded",
    504: "timeout",
    529: "overloaded",
    599: "server",
    200: UNSET,
    302: UNSET,
    0: UNSET,
    600: UNSET,
}


@pytest.mark.parametrize("status", KINDS)
def test_a_status_alone_has_a_kind(status: int) -> None:
    """A body that says nothing has the kind of its status, and none where the status is no error."""
    error = chatnorm.decode_error(b"{}", "openai", status=status)
    assert (error.kind, error.status) == (KINDS[status], status)


@every_case
def test_the_body_is_kept_whole(case: str) -> None:
    """The error keeps the JSON value that came, and its schema."""
    error = read(case)
    assert equal(error.body, body_of(case))
    assert error.schema == schema_of(case)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "20"}, 20),
        ({"Retry-After": "1.5"}, 1.5),
        ({"RETRY-AFTER": " 3 "}, 3),
        ({"retry-after": "0"}, 0),
        ({"retry-after-ms": "800"}, 0.8),
        ({"Retry-After-Ms": "1500", "Retry-After": "9"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, UNSET),
        ({"retry-after": ""}, UNSET),
        ({"retry-after": "soon"}, UNSET),
        ({"x-ratelimit-reset": "20"}, UNSET),
        ({}, UNSET),
        (None, UNSET),
    ],
)
def test_retry_after(headers: dict[str, str] | None, seconds: Any) -> None:
    """`retry_after` is seconds from either header in any case; a date is no number of seconds."""
    error = read("openai/rate_limit", 429, headers)
    assert error.retry_after == seconds
    returned = chatnorm.decode_error(chatnorm.encode_error(error, "canonical"), "canonical")
    assert returned == error


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e400", "-5", "1_0", "٣"])
def test_retry_after_that_is_no_time(value: str) -> None:
    """What is no finite time to wait is not taken for one."""
    for name in ("retry-after", "retry-after-ms"):
        error = read("openai/rate_limit", 429, {name: value})
        assert error.retry_after is UNSET


class Headers(Mapping[str, str]):
    """Headers as HTTP libraries give them: a mapping that is no dict."""

    def __init__(self, *items: tuple[str, str]) -> None:
        self._items = items

    def __getitem__(self, name: str) -> str:
        return next(value for key, value in self._items if key.lower() == name.lower())

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self._items)

    def __len__(self) -> int:
        return len(self._items)


def test_headers_may_be_any_mapping() -> None:
    """Headers need not be a dict."""
    assert read("openai/rate_limit", 429, Headers(("Date", "x"), ("Retry-After", "7"))).retry_after == 7


# --- What is written ----------------------------------------------------------------------------------------


@every_case
def test_the_body_comes_back(case: str) -> None:
    """An error comes back in its own schema as it came, whatever status and headers came with it."""
    for error in (read(case), read(case, STATUS[case], {"retry-after": "1"})):
        assert_same(chatnorm.encode_error(error, schema_of(case)), body_of(case))


@every_case
def test_errors_survive_canonical_json(case: str) -> None:
    """Through canonical JSON, copies and pickles an error is equal, and its body still comes back."""
    error = read(case, STATUS[case], {"retry-after": "1"})
    returned = chatnorm.decode_error(chatnorm.encode_error(error, "canonical"), "canonical")
    for twin in (returned, copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert twin == error
        assert_same(chatnorm.encode_error(twin, schema_of(case)), body_of(case))


def assert_openai_error(body: bytes) -> dict[str, Any]:
    """The body is an error to OpenAI's own types, with all four keys; returns the error object."""
    shared = pytest.importorskip("openai.types.shared")
    whole = json.loads(body)
    assert whole.keys() == {"error"}
    assert {"message", "type", "param", "code"} <= whole["error"].keys()
    shared.ErrorObject.model_validate(whole["error"], strict=True)
    error: dict[str, Any] = whole["error"]
    return error


@every_case
def test_openai_accepts_a_foreign_error(case: str) -> None:
    """Every error of another schema is an OpenAI error with all four keys, and says the same message."""
    error = read(case, STATUS[case])
    error.schema = "elsewhere"
    said = assert_openai_error(chatnorm.encode_error(error, "openai"))
    assert said["message"] == (error.message or "")
    if error.code not in (UNSET, None):
        assert said["code"] == str(error.code)
    if isinstance(error.type, str):
        assert said["type"] == error.type


@every_case
def test_every_schema_takes_every_error(case: str) -> None:
    """An error of any schema is written in any other, settles there, and says message and code."""
    error = read(case, STATUS[case])
    for schema in WITH_ERRORS:
        body = chatnorm.encode_error(error, schema)
        again = chatnorm.decode_error(body, schema, status=STATUS[case])
        assert (again.message or "") == (error.message or "")
        if error.code and schema != schema_of(case):
            assert str(again.code) == str(error.code)
        assert_same(chatnorm.encode_error(again, schema), json.loads(body))


TEXT = st.sampled_from(["", "m", "é🦀", "\ud83d and more", '"', "[x]: y"])
VALUES: dict[str, Any] = {
    "kind": st.sampled_from(["server", "billing", "unheard_of"]) | st.just(UNSET),
    "status": st.sampled_from([200, 429, 599]) | st.just(UNSET),
    "message": TEXT | st.none() | st.just(UNSET),
    "type": TEXT | st.none() | st.just(UNSET),
    "param": TEXT | st.none() | st.just(UNSET) | st.just(["a", 1]) | st.just({"x": None}),
    "code": TEXT | st.integers() | st.none() | st.just(UNSET),
    "retry_after": st.sampled_from([0, 1.5]) | st.just(UNSET),
    "body": st.sampled_from(
        [UNSET, None, 5, "x", [], {}, {"error": 5}, {"error": {"message": 5, "own": 1}}, {"message": "b"}]
    ),
    "schema": st.sampled_from(["openai", "cozy", "acme", ""]) | st.just(UNSET),
}


@given(st.builds(ErrorResponse, **VALUES))
@settings(max_examples=150, deadline=None)
def test_any_error_is_an_openai_error_elsewhere(error: ErrorResponse) -> None:
    """Whatever an error says, what is written for `openai` is valid unless it came from there so."""
    if error.schema == "openai" and isinstance(error.body, dict):
        error.schema = "acme"
    assert_openai_error(chatnorm.encode_error(error, "openai"))
    for schema in WITH_ERRORS:
        assert isinstance(json.loads(chatnorm.encode_error(error, schema)), dict)


@given(st.builds(ErrorResponse, **VALUES))
@settings(max_examples=150, deadline=None)
def test_any_error_survives_canonical_json(error: ErrorResponse) -> None:
    """Any error is equal after canonical JSON."""
    assert chatnorm.decode_error(chatnorm.encode_error(error, "canonical"), "canonical") == error


# --- Edits --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("case", [case for case in CASES if schema_of(case) in CHAT])
def test_an_edit_is_written_and_not_what_the_body_said(case: str, name: str) -> None:
    """A field changed to another value is what goes out, in the schema of the body and in others."""
    error = read(case, STATUS[case])
    setattr(error, name, "edited")
    for schema in (schema_of(case), "openai", "chatgpt-api"):
        said = assert_openai_error(chatnorm.encode_error(error, schema))
        assert said[name] == "edited"
        for other in FIELDS:
            if other != name and isinstance(getattr(error, other), str):
                assert said[other] == getattr(error, other)


@pytest.mark.parametrize("case", [case for case in CASES if schema_of(case) == "cozy"])
def test_an_edit_is_written_for_cozy(case: str) -> None:
    """A message or code changed is what goes out in cozy's own form."""
    error = read(case, STATUS[case])
    error.message = "edited"
    body = json.loads(chatnorm.encode_error(error, "cozy"))
    assert body["detail"] == (f"[{error.code}]: edited" if error.code else "edited")
    error.code = "NEW"
    assert json.loads(chatnorm.encode_error(error, "cozy")) == {"detail": "[NEW]: edited", "extra": {}}


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("empty", [None, UNSET], ids=["null", "absent"])
def test_an_edit_that_takes_away_is_not_undone(name: str, empty: Any) -> None:
    """A field made null or absent is not filled again from the body that came."""
    error = read("openai/vendor_flat_message", 404)
    before = getattr(error, name)
    setattr(error, name, empty)
    for schema in ("openai", "chatgpt-api"):
        said = assert_openai_error(chatnorm.encode_error(error, schema))
        assert said[name] != before


def test_an_edit_keeps_the_keys_of_the_vendor() -> None:
    """What else the error object had stays beside an edited field."""
    error = read("openai/extra_keys", 429)
    error.message = "edited"
    said = assert_openai_error(chatnorm.encode_error(error, "openai"))
    assert said["retry_after_seconds"] == 3


def test_an_edit_undone_is_the_body_again() -> None:
    """An error changed and changed back goes out as it came."""
    error = read("openai/extra_keys", 429)
    message, error.message = error.message, "edited"
    error.message = message
    assert_same(chatnorm.encode_error(error, "openai"), body_of("openai/extra_keys"))


# --- Errors as values ---------------------------------------------------------------------------------------


def test_a_status_of_canonical_json_counts() -> None:
    """The status that a canonical error has is not replaced by that of the answer it came in; a missing one is."""
    for body, status in (('{"status":429}', 429), ("{}", 500)):
        assert chatnorm.decode_error(body, "canonical", status=500).status == status


def test_unknown_keys_of_a_canonical_error_come_back() -> None:
    """A canonical error keeps keys that it does not declare, as every canonical record does."""
    body = {"kind": "server", "message": "m", "unknown": {"a": 1}}
    error = chatnorm.decode_error(json.dumps(body), "canonical")
    assert extras(error) == {"unknown": {"a": 1}}
    assert_same(chatnorm.encode_error(error, "canonical"), body)


@pytest.mark.parametrize(
    "body", ['{"status":"429"}', '{"message":5}', '{"code":1.5}', '{"retry_after":"1"}', '{"kind":null}']
)
def test_a_wrong_type_in_a_canonical_error_is_refused(body: str) -> None:
    """A canonical error with a value of the wrong type is refused, with its path."""
    with pytest.raises(chatnorm.DecodeError) as error:
        chatnorm.decode_error(body, "canonical")
    assert error.value.adapter == "canonical"
    assert error.value.path.startswith("$.")


def test_a_schema_without_errors_says_so() -> None:
    """A schema that has no error bodies refuses to read and write them by name."""
    without = [name for name in BUILT_IN if name not in WITH_ERRORS]
    assert "log10-completion" in without
    for schema in without:
        with pytest.raises(chatnorm.UnsupportedError, match="no error"):
            chatnorm.decode_error(b"{}", schema)
        with pytest.raises(chatnorm.UnsupportedError, match="no error"):
            chatnorm.encode_error(ErrorResponse(), schema)
