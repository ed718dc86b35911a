"""What all tests share: the fixtures' folder, the recorded corpus, and snapshots in canonical JSON."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from chatnorm.testing import CanonicalSnapshot
from hypothesis import settings
from syrupy.assertion import SnapshotAssertion

# what takes long is deriving classes, once; a loaded machine takes longer still
settings.register_profile("chatnorm", deadline=None)
settings.load_profile("chatnorm")

HERE = Path(__file__).parent
FIXTURES = HERE / "fixtures"

sys.path.insert(0, str(HERE))  # `judges` and `support` are packages of the tests


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--corpus", help="folder of recorded traffic; by default the environment's CHATNORM_CORPUS")
    parser.addoption("--generated", type=int, default=300, help="how many generated records to check")


@pytest.fixture(scope="session")
def corpus(pytestconfig: pytest.Config) -> Path:
    """The folder of recorded traffic; tests that want it are skipped without it."""
    folder = pytestconfig.getoption("--corpus") or os.environ.get("CHATNORM_CORPUS")
    if not folder:
        pytest.skip("no corpus of recorded traffic: give --corpus or CHATNORM_CORPUS")
    path = Path(folder)
    if not (path / "MANIFEST.jsonl").is_file():
        pytest.fail(f"{path} is no corpus: it has no MANIFEST.jsonl")
    return path


@pytest.fixture
def canonical(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """A snapshot in canonical JSON."""
    return snapshot.use_extension(CanonicalSnapshot)
