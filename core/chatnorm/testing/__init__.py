"""The checks that every adapter must pass: the laws as functions, as a pytest suite, and over generated records.

    from chatnorm.testing import AdapterSuite

    class TestAcme(AdapterSuite):
        schema = "acme"
        fixtures = Path(__file__).parent / "fixtures"

It needs the extra `testing` (pytest, syrupy, hypothesis).
"""

import pytest

pytest.register_assert_rewrite("chatnorm.testing.laws", "chatnorm.testing.suite")

from .laws import (  # noqa: E402 - after the assertions are made readable
    check_cuts_do_not_matter,
    check_equal_content_is_equal,
    check_losses_are_complete,
    check_nothing_lost_in,
    check_reversible,
    check_settled,
    check_stream_nothing_lost,
    check_streams_agree,
)
from .snapshots import CanonicalSnapshot  # noqa: E402
from .suite import AdapterSuite, Fixture, fixtures_in  # noqa: E402

__all__ = [
    "AdapterSuite",
    "CanonicalSnapshot",
    "Fixture",
    "check_cuts_do_not_matter",
    "check_equal_content_is_equal",
    "check_losses_are_complete",
    "check_nothing_lost_in",
    "check_reversible",
    "check_settled",
    "check_stream_nothing_lost",
    "check_streams_agree",
    "fixtures_in",
]
