"""Speakeasy's own objects as payloads: read by attribute, enums as words, None as an absent key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum

import chatnorm
import pytest


class FinishReason(str, Enum):  # noqa: UP042 - as the SDK declares it
    STOP = "stop"


@dataclass
class Message:
    role: str
    content: str | None = None
    function_call: object = None


@dataclass
class Choice:
    finish_reason: FinishReason
    index: int
    message: Message


@dataclass
class Answer:
    choices: list[Choice]
    created: int
    id: str
    model: str
    object: str
    usage: object = None


@dataclass
class Wrapper:
    content_type: str
    status_code: int
    create_chat_completion_response: Answer | None


ANSWER = Answer([Choice(FinishReason.STOP, 0, Message("assistant", "Hi."))], 7, "a1", "m", "chat.completion")


@pytest.mark.parametrize("payload", [ANSWER, Wrapper("application/json", 200, ANSWER)], ids=["answer", "wrapper"])
def test_an_object_of_the_sdk_is_read(payload: object) -> None:
    """The SDK's object, or its wrapper, is the answer that its JSON is, and converts into any schema."""
    plain = {
        "choices": [{"finish_reason": "stop", "index": 0, "message": {"role": "assistant", "content": "Hi."}}],
        "created": 7,
        "id": "a1",
        "model": "m",
        "object": "chat.completion",
    }
    assert chatnorm.decode(payload, "speakeasy") == chatnorm.decode(json.dumps(plain), "speakeasy")  # type: ignore[arg-type]
    assert json.loads(chatnorm.convert(payload, "speakeasy", "speakeasy")) == plain  # type: ignore[arg-type]


def test_a_failed_call_of_the_sdk_is_refused() -> None:
    """A wrapper without an answer, or an object of another kind, is a DecodeError."""
    with pytest.raises(chatnorm.DecodeError, match="failed"):
        chatnorm.decode(Wrapper("application/json", 500, None), "speakeasy")  # type: ignore[arg-type]
    with pytest.raises(chatnorm.DecodeError):
        chatnorm.decode(object(), "speakeasy")  # type: ignore[arg-type]
