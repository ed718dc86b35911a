"""The judge of `openai`: the openai package's response types, validated in pydantic's strict mode.

The package's clients construct without validating, so its types judge and not its behaviour.
Source: https://github.com/openai/openai-python/tree/main/src/openai/types/chat
"""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from .availability import JudgeUnavailable
from .document import member, read

if TYPE_CHECKING:
    from pydantic import BaseModel

SCHEMAS = ("openai", "openai@chunk")


def problems_of_many(cases: Mapping[str, tuple[str, bytes]]) -> dict[str, list[str]]:
    """The problems of each case, every one that pydantic finds."""
    return {case: _problems(schema, payload) for case, (schema, payload) in cases.items()}


def _problems(schema: str, payload: bytes) -> list[str]:
    model = _types()[schema]
    from pydantic import ValidationError

    try:
        read(payload)
        model.model_validate_json(payload, strict=True)
    except ValidationError as error:
        return [f"{_path(each['loc'])}: {each['msg']}" for each in error.errors(include_url=False)]
    except ValueError as error:
        return [f"$: {error}"]
    return []


@cache
def _types() -> dict[str, type["BaseModel"]]:
    try:
        from openai.types.chat import ChatCompletion, ChatCompletionChunk
    except ModuleNotFoundError as error:
        raise JudgeUnavailable(f"the openai package is not installed: {error}") from error
    return {"openai": ChatCompletion, "openai@chunk": ChatCompletionChunk}


def _path(location: tuple[int | str, ...]) -> str:
    path = "$"
    for step in location:
        path = f"{path}[{step}]" if isinstance(step, int) else member(path, step)
    return path
