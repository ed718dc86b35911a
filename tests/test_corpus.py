"""The laws over recorded traffic of Chat Completions vendors. Without the corpus these tests are skipped by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import chatnorm
import judges
import pytest
from chatnorm.testing import AdapterSuite, laws

APIS = ("openai-chat", "azure-openai-chat")
TARGETS = [name for name in AdapterSuite.schemas_through() if "@" not in name or name == "speakeasy@1.5.0"]
JUDGED = sorted(set(TARGETS) & judges.JUDGED - {"openai"})

#: Recorded bodies with status 200 that are no answer, and what is wrong with each.
NO_ANSWER = {
    "66c2afaf92dd": "an error body",
    "907202bcffe3": "an answer wrapped in another API's envelope",
    "cffdfa484430": "an answer wrapped in another API's envelope",
    "6f59fe1576f8": "an error body",
    "7b01e1fb9e54": "an error body",
    "ee7e745be4c9": "an error body",
}


def items(corpus: Path, mode: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    for api in APIS:
        for path in sorted((corpus / "items" / api).glob(f"*/{mode}/*.json")):
            yield path, json.loads(path.read_text())


def answers(corpus: Path) -> Iterator[tuple[Path, bytes]]:
    for path, item in items(corpus, "complete"):
        body = json.dumps(item["response"]).encode()
        if path.stem in NO_ANSWER:
            with pytest.raises(chatnorm.DecodeError):
                chatnorm.decode(body, "openai")
            print(f"{path.stem}: {NO_ANSWER[path.stem]}")
        else:
            yield path, body


def test_recorded_answers_come_back(corpus: Path) -> None:
    """Laws 1, 6 and 8 hold for every recorded answer."""
    failures: dict[str, str] = {}
    seen = 0
    for path, body in answers(corpus):
        seen += 1
        with collected(failures, path):
            laws.check_nothing_lost_in(body, "openai")
            completion = chatnorm.decode(body, "openai")
            laws.check_equal_content_is_equal(completion)
            laws.check_streams_agree(completion, 7)
    assert failures == {}
    assert seen > 2000


@pytest.mark.parametrize("target", TARGETS)
def test_recorded_answers_go_through_every_schema(corpus: Path, target: str) -> None:
    """Laws 3, 4 and 5 hold for every recorded answer through every schema."""
    failures: dict[str, str] = {}
    for path, body in answers(corpus):
        with collected(failures, path):
            completion = chatnorm.decode(body, "openai")
            laws.check_settled(completion, target)
            laws.check_losses_are_complete(completion, target)
            laws.check_reversible(body, "openai", target)
    assert failures == {}


def test_recorded_answers_are_valid_elsewhere(corpus: Path) -> None:
    """Law 2: every recorded answer, written in another schema, is accepted by its judge."""
    cases: dict[str, tuple[str, bytes]] = {}
    for path, body in answers(corpus):
        completion = chatnorm.decode(body, "openai")
        for target in JUDGED:
            cases[f"{path.stem} -> {target}"] = (target, chatnorm.encode(completion, target))
    try:
        problems = judges.problems_of_many(cases)
    except judges.JudgeUnavailable as error:
        pytest.skip(str(error))
    assert {case: found for case, found in problems.items() if found} == {}


def test_recorded_streams_come_back(corpus: Path) -> None:
    """Laws 1, 6, 7 and 8 hold for every recorded stream."""
    failures: dict[str, str] = {}
    seen = 0
    for path, item in items(corpus, "stream"):
        seen += 1
        stream = item["body"].encode()
        with collected(failures, path):
            laws.check_stream_nothing_lost(stream, "openai")
            if len(stream) < 30_000:
                laws.check_cuts_do_not_matter(stream, "openai", steps=(7,))
            completion = accumulated(stream)
            laws.check_streams_agree(completion)
            laws.check_equal_content_is_equal(completion)
    assert failures == {}
    assert seen > 1400


def accumulated(stream: bytes) -> chatnorm.ChatCompletion:
    decoder = chatnorm.stream_decoder("openai")
    chunks = decoder.feed(stream)
    try:
        chunks += decoder.close()
    except chatnorm.StreamError as error:
        chunks += error.chunks
    return chatnorm.accumulate(chunks)


def test_recorded_errors_come_back(corpus: Path) -> None:
    """Law 1 holds for every recorded error body that is a JSON object."""
    failures: dict[str, str] = {}
    for path, item in items(corpus, "error"):
        if not isinstance(item.get("response"), dict):
            print(f"{path.stem}: no JSON object")
            continue
        body = json.dumps(item["response"]).encode()
        with collected(failures, path):
            error = chatnorm.decode_error(body, "openai", status=item["status"], headers=item["headers"])
            assert error.status == item["status"]
            assert error.kind
            laws.check_same_json(chatnorm.encode_error(error, "openai"), body)
    assert failures == {}


class collected:
    """Note a failure under its item's name and go on."""

    def __init__(self, failures: dict[str, str], path: Path) -> None:
        self._failures = failures
        self._name = f"{path.parents[1].name}/{path.stem}"

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, AssertionError | chatnorm.ChatnormError):
            return False
        self._failures[self._name] = str(error)[:300]
        return True
