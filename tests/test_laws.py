"""The laws over every fixture of every built-in schema, through every schema."""

from __future__ import annotations

import chatnorm
import pytest
from chatnorm.testing import AdapterSuite, fixtures_in
from conftest import FIXTURES

#: Bodies that are JSON and no answer: `decode` says so.
REFUSED = {
    "openai": ("odd_choices_null", "odd_everything_null"),
}


class FixtureSuite(AdapterSuite):
    """The suite over this project's fixtures, without the bodies that are no answer."""

    fixtures = FIXTURES

    @classmethod
    def cases(cls) -> list:
        return [case for case in super().cases() if case.case not in REFUSED.get(cls.schema, ())]


SCHEMAS = sorted(folder.name for folder in FIXTURES.iterdir() if folder.is_dir())

for _schema in SCHEMAS:
    _name = "Test" + "".join(part.title() for part in _schema.replace("@", "-").replace(".", "_").split("-"))
    globals()[_name] = type(_name, (FixtureSuite,), {"schema": _schema, "__doc__": f"The laws of {_schema}."})


def test_every_schema_has_fixtures() -> None:
    """Every schema but `canonical`, whose inputs are the snapshots, has a folder of fixtures."""
    assert {name.partition("@")[0] for name in SCHEMAS} == set(chatnorm.schemas()) - {"canonical", "acme"}


@pytest.mark.parametrize(("schema", "case"), [(schema, case) for schema, cases in REFUSED.items() for case in cases])
def test_a_body_that_is_no_answer_is_refused(schema: str, case: str) -> None:
    """A body without choices is refused with the schema and a path, and lists no empty answer."""
    (body,) = (each.body for each in fixtures_in(FIXTURES, schema) if (each.case, each.part) == (case, "response"))
    with pytest.raises(chatnorm.DecodeError, match="choices") as caught:
        chatnorm.decode(body, schema)
    assert caught.value.adapter == schema
