"""JSON values: what they are, and when two are the same."""

from __future__ import annotations

from typing import Any, TypeGuard

from msgspec import Struct

__all__ = ["equal", "is_array", "is_object"]


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def is_array(value: Any) -> TypeGuard[list[Any]]:
    """Whether a JSON value is an array."""
    return isinstance(value, list)


def equal(one: Any, other: Any) -> bool:
    """Equality of JSON values: numbers by value and by kind, so 1 is not 1.0. Structs decide themselves."""
    if isinstance(one, Struct):
        return bool(one == other)
    if type(one) is not type(other):
        return False
    if is_object(one):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    if is_array(one):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)
