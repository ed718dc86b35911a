"""What every fixture is in the canonical form, as files to read; each is an input of the schema `canonical`."""

from __future__ import annotations

from pathlib import Path

import chatnorm
import pytest
from chatnorm.testing import Fixture, fixtures_in, laws
from conftest import FIXTURES
from syrupy.assertion import SnapshotAssertion
from test_laws import REFUSED, SCHEMAS
from test_streams import read

ALL = [case for schema in SCHEMAS for case in fixtures_in(FIXTURES, schema)]
RESPONSES = [case for case in ALL if case.part == "response" and case.case not in REFUSED.get(case.schema, ())]
STREAMS = [case for case in ALL if case.part == "stream"]
WRITTEN = sorted((Path(__file__).parent / "__snapshots__" / "test_snapshots").glob("*.json"))


@pytest.mark.parametrize("fixture", RESPONSES, ids=str)
def test_response(fixture: Fixture, canonical: SnapshotAssertion) -> None:
    """An answer is the record it was."""
    assert chatnorm.decode(fixture.body, fixture.schema) == canonical


@pytest.mark.parametrize("fixture", STREAMS, ids=str)
def test_stream(fixture: Fixture, canonical: SnapshotAssertion) -> None:
    """A stream adds up to the record it did."""
    assert chatnorm.accumulate(read(fixture.path, fixture.schema)) == canonical


@pytest.mark.parametrize("fixture", [case for case in ALL if case.part == "error"], ids=str)
def test_error(fixture: Fixture, canonical: SnapshotAssertion) -> None:
    """An error body says what it said."""
    assert chatnorm.decode_error(fixture.body, fixture.schema) == canonical


@pytest.mark.parametrize(
    "path", [path for path in WRITTEN if not path.name.startswith("test_error")], ids=lambda path: path.stem
)
def test_a_snapshot_is_an_input(path: Path) -> None:
    """Law 1 for `canonical`: each snapshot decodes and comes back."""
    laws.check_nothing_lost_in(path.read_bytes(), "canonical")
