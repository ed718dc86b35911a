"""Whether a payload is valid in a schema, said by the schema's own tools and without chatnorm.

The judge of `openai` is the openai package's response types; of chatgpt-api and cozy-client, the TypeScript
compiler over the types they publish; of Speakeasy and log10, a strict Struct family after their sources.

A schema's name is the adapter's. After an `@` stands a release (`speakeasy@1.5.0`), another object that the
schema has (`chatgpt-api-stream@message`), or `chunk`, one piece of its stream.
"""

from collections.abc import Mapping

from . import closed, openai, typescript
from .availability import JudgeUnavailable
from .closed import unknown_keys, warned_nulls
from .packages import install

__all__ = [
    "CHUNK_JUDGED",
    "CLOSED",
    "JUDGED",
    "JudgeUnavailable",
    "chunk_problems",
    "install",
    "problems",
    "problems_of_many",
    "unknown_keys",
    "warned_nulls",
]

_JUDGES = (closed, openai, typescript)

JUDGED = frozenset(schema for judge in _JUDGES for schema in judge.SCHEMAS)
CHUNK_JUDGED = frozenset(name.removesuffix("@chunk") for name in JUDGED if name.endswith("@chunk"))
CLOSED = frozenset(closed.SCHEMAS)


def problems(schema: str, payload: bytes) -> list[str]:
    """What makes a payload invalid, one line each with its JSON path; nothing for a valid payload.

    Raises:
        KeyError: no judge has this schema.
        JudgeUnavailable: the judge's tools are not on this machine and cannot be had.
    """
    return problems_of_many({"": (schema, payload)})[""]


def problems_of_many(cases: Mapping[str, tuple[str, bytes]]) -> dict[str, list[str]]:
    """The problems of each case, `id: (schema, payload)`; one compiler run judges every TypeScript case.

    Raises:
        KeyError: no judge has a case's schema.
        JudgeUnavailable: a judge's tools are not on this machine and cannot be had.
    """
    if unjudged := {schema for schema, _ in cases.values()} - JUDGED:
        raise KeyError(*sorted(unjudged))
    found: dict[str, list[str]] = {}
    for judge in _JUDGES:
        if own := {case: each for case, each in cases.items() if each[0] in judge.SCHEMAS}:
            found |= judge.problems_of_many(own)
    return {case: found[case] for case in cases}


def chunk_problems(schema: str, chunk: bytes) -> list[str]:
    """What makes one stream chunk (the JSON of one `data:`) invalid; the schemas are `CHUNK_JUDGED`.

    Raises:
        KeyError: the schema has no type for chunks.
        JudgeUnavailable: the judge's tools are not on this machine and cannot be had.
    """
    return problems(f"{schema}@chunk", chunk)
