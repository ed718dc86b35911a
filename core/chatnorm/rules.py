"""What a dialect declares of a field, and the valid value that a rule gives for an invalid one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec import UNSET

from .wire import encode_json

__all__ = [
    "IMPOSSIBLE",
    "OPEN",
    "LeftOut",
    "Rule",
    "closed",
    "default_of",
    "forbidden",
    "mender",
    "optional",
    "required",
]


class _Impossible:
    """The default of a required field that cannot be made up: without it the object is left out."""

    def __repr__(self) -> str:
        return "IMPOSSIBLE"


IMPOSSIBLE = _Impossible()

Default = Callable[[Any, int], Any]
"""(object, its place in the list it stands in) -> value"""


class Rule(NamedTuple):
    """What a schema says of one field, where it says other than the canonical form."""

    #: JSON types allowed, null and absent apart; empty: what the canonical form allows.
    types: tuple[Any, ...] = ()
    #: The only values allowed; empty: any.
    words: tuple[str | bool, ...] = ()
    required: bool = False
    nullable: bool = True
    forbidden: bool = False
    #: For a field without a valid value: the value, or a function that derives it; an optional one needs none.
    default: Any = IMPOSSIBLE
    #: Valid words for words that are not.
    near: Mapping[Any, Any] = {}
    #: For lists: which items the schema can hold, and how many there must be.
    fits: Callable[[Any], bool] | None = None
    size: int | None = None


def required(*types: type, default: Any = IMPOSSIBLE, null: bool = False, size: int | None = None) -> Rule:
    """The key must be there; with `null` it may be null; a list may have to have `size` items."""
    return Rule(types=types, required=True, nullable=null, default=default, size=size)


def optional(
    *types: Any, null: bool = True, default: Any = IMPOSSIBLE, fits: Callable[[Any], bool] | None = None
) -> Rule:
    """The key may be missing; without `null` it must not be null."""
    return Rule(types=types, nullable=null, default=default, fits=fits)


def closed(
    *words: str | bool,
    required: bool = False,
    null: bool = False,
    default: Any = IMPOSSIBLE,
    near: Mapping[Any, Any] | None = None,
) -> Rule:
    """Only these values are allowed. `near` gives the valid word for one that is not, `default` for all others."""
    return Rule((), words, required, null, False, default, near or {})


forbidden = Rule(forbidden=True)
"""The schema has no such key."""

OPEN = Rule()
"""The schema says what the canonical form says."""


class LeftOut(Exception):
    """An object lacks what the schema requires and nobody can make up."""


def default_of(rule: Rule, holder: Any, place: int) -> Any:
    """What stands for a value that is missing or cannot be said. Raises: LeftOut where nothing can."""
    if rule.default is not IMPOSSIBLE:
        value = rule.default(holder, place) if callable(rule.default) else rule.default
        if value is not IMPOSSIBLE:
            return value
    if not rule.required:
        return UNSET
    if rule.nullable:
        return None
    raise LeftOut


def mender(rule: Rule, types: tuple[type, ...]) -> Callable[[Any, Any, int], Any]:
    """The function (value, object, place) -> valid value, for a value of none of the `types` or words."""

    def mend(value: Any, holder: Any, place: int) -> Any:
        if rule.words:
            if isinstance(value, str) and value in rule.near:
                return rule.near[value]
        elif value is not None and value is not UNSET:
            if isinstance(value, float) and int in types and value == value and abs(value) != float("inf"):
                return int(value)
            if str in types and not isinstance(value, str):
                return encode_json(value).decode()
        return default_of(rule, holder, place)

    return mend
