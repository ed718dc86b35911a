"""The laws as a pytest suite: subclass it, name a schema and a folder of fixtures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest

import chatnorm

from . import laws

__all__ = ["AdapterSuite", "Fixture", "fixtures_in"]


class Fixture(NamedTuple):
    """A file `<case>.<part>.<suffix>`: part is `response`, `stream` or `error`."""

    schema: str
    case: str
    part: str
    path: Path

    @property
    def body(self) -> bytes:
        """The payload."""
        return self.path.read_bytes()

    def __str__(self) -> str:
        return f"{self.schema}-{self.case}"


def fixtures_in(folder: Path, schema: str) -> Iterator[Fixture]:
    """The fixtures of one schema, sorted: those of `folder/<schema>/`, or of `folder` itself where it has none."""
    own = folder / schema
    for path in sorted((own if own.is_dir() else folder).iterdir()):
        case, _, rest = path.name.partition(".")
        part, _, suffix = rest.partition(".")
        if part in ("response", "stream", "error") and suffix in ("json", "sse", "jsonl", "bin"):
            yield Fixture(schema, case, part, path)


class AdapterSuite:
    """Every law over every fixture, and through every installed schema."""

    #: The schema, as `chatnorm.adapter` knows it.
    schema: ClassVar[str]
    #: The folder of its fixtures.
    fixtures: ClassVar[Path]
    #: The schemas to go through and back; by default every one that encodes whole answers.
    through: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def cases(cls) -> list[Fixture]:
        """The fixtures; a subclass may leave some out."""
        return list(fixtures_in(cls.fixtures, cls.schema))

    @classmethod
    def schemas_through(cls) -> list[str]:
        """The schemas of `through`, or all there are."""
        if cls.through:
            return list(cls.through)
        names = [
            name
            for schema in chatnorm.schemas()
            for name in (schema, *(f"{schema}@{version}" for version in chatnorm.adapter(schema).versions))
        ]
        return [
            name
            for name in names
            if (response := chatnorm.adapter(name).response) is not None and response.encode is not None
        ]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test a fixture; pytest calls this hook on the class."""
        cases = self.cases()
        for part in ("response", "stream", "error"):
            if part in metafunc.fixturenames:
                chosen = [case for case in cases if case.part == part]
                metafunc.parametrize(part, chosen, ids=[case.case for case in chosen])

    def completion(self, response: Fixture) -> chatnorm.ChatCompletion:
        """The record of a fixture."""
        return chatnorm.decode(response.body, self.schema)

    def test_nothing_lost_in(self, response: Fixture) -> None:
        """Law 1: the payload comes back."""
        laws.check_nothing_lost_in(response.body, self.schema)

    def test_equal_content_is_equal(self, response: Fixture) -> None:
        """Law 8: copies, pickles and canonical JSON are equal."""
        laws.check_equal_content_is_equal(self.completion(response))

    @pytest.mark.parametrize("size", [None, 3])
    def test_streams_agree(self, response: Fixture, size: int | None) -> None:
        """Law 6: split and accumulated, the record is the same."""
        laws.check_streams_agree(self.completion(response), size)

    def test_settled(self, response: Fixture) -> None:
        """Law 3: in every schema, a second encoding changes nothing."""
        for target in self.schemas_through():
            laws.check_settled(self.completion(response), target)

    def test_losses_are_complete(self, response: Fixture) -> None:
        """Law 4: for every schema, the losses are the difference."""
        for target in self.schemas_through():
            laws.check_losses_are_complete(self.completion(response), target)

    def test_reversible(self, response: Fixture) -> None:
        """Law 5: with the residual, the payload comes back through every schema."""
        for target in self.schemas_through():
            laws.check_reversible(response.body, self.schema, target)

    def test_stream_nothing_lost(self, stream: Fixture) -> None:
        """Law 1: every event of the stream comes back."""
        laws.check_stream_nothing_lost(stream.body, self.schema)

    def test_cuts_do_not_matter(self, stream: Fixture) -> None:
        """Law 7: any cut of the stream gives the same chunks."""
        laws.check_cuts_do_not_matter(stream.body, self.schema)

    def test_error_comes_back(self, error: Fixture) -> None:
        """Law 1: the error body comes back."""
        body: Any = error.body
        decoded = chatnorm.decode_error(body, self.schema)
        laws.check_same_json(chatnorm.encode_error(decoded, self.schema), body)
