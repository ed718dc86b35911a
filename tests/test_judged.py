"""Law 2: every answer of the fixtures, written in every schema, is accepted by that schema's own tools."""

from __future__ import annotations

import chatnorm
import judges
import pytest
from chatnorm.testing import AdapterSuite, fixtures_in
from conftest import FIXTURES
from test_laws import REFUSED, SCHEMAS

TARGETS = sorted(set(AdapterSuite.schemas_through()) & judges.JUDGED)


def base(schema: str) -> str:
    return schema.partition("@")[0]


def test_every_pair_is_valid() -> None:
    """Whatever schema an answer comes from, its judge accepts what is written in another.

    A closed schema gets no key that its clients drop, and Speakeasy no null that its SDK warns of.
    """
    cases: dict[str, tuple[str, bytes]] = {}
    for schema in SCHEMAS:
        for fixture in fixtures_in(FIXTURES, schema):
            if fixture.part != "response" or fixture.case in REFUSED.get(schema, ()):
                continue
            completion = chatnorm.decode(fixture.body, schema)
            for target in TARGETS:
                if base(target) != base(schema):
                    cases[f"{fixture} -> {target}"] = (target, chatnorm.encode(completion, target))
    assert len(cases) > 4000
    try:
        problems = judges.problems_of_many(cases)
    except judges.JudgeUnavailable as error:
        pytest.skip(str(error))
    for case, (target, payload) in cases.items():
        if target in judges.CLOSED:
            problems[case] += judges.unknown_keys(target, payload)
        if base(target) == "speakeasy":
            problems[case] += judges.warned_nulls(target, payload)
    assert {case: found for case, found in problems.items() if found} == {}


def test_every_stream_is_valid() -> None:
    """A stream of OpenAI chunks, or of cozy's, written for chatgpt-api and a stream of cozy's for OpenAI, is valid."""
    cases: dict[str, tuple[str, bytes]] = {}
    for source, target in (
        ("openai", "chatgpt-api-stream"),
        ("cozy", "chatgpt-api-stream"),
        ("cozy", "openai"),
    ):
        for fixture in fixtures_in(FIXTURES, source):
            if fixture.part == "stream":
                for number, data in enumerate(written(fixture.body, source, target)):
                    cases[f"{fixture} -> {target} #{number}"] = (f"{target}@chunk", data)
    try:
        problems = judges.problems_of_many(cases)
    except judges.JudgeUnavailable as error:
        pytest.skip(str(error))
    assert {case: found for case, found in problems.items() if found} == {}


def written(stream: bytes, source: str, target: str) -> list[bytes]:
    """The JSON of each chunk of a converted stream, up to an error."""
    decoder, encoder = chatnorm.stream_decoder(source), chatnorm.stream_encoder(target)
    out: list[bytes] = []
    for chunk in decoder.feed(stream):
        if chunk.error:
            break
        out.append(encoder.feed(chunk))
    return chatnorm.testing.laws.events(b"".join(out))
