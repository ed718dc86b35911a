"""The base of every canonical Struct: equality by content, a readable repr, copies, pickles and extras.

A decoded record may be an instance of a *derived* class: a subclass that `chatnorm.wire` made for one schema,
with the schema's key names and with slots for the undeclared keys it has met. Nothing of that shows: two records
with the same content are equal, whichever classes hold it, and a pickle names only the public class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from msgspec import UNSET, Struct

from .values import equal

__all__ = ["Overflow", "Record", "extras", "kind_of", "set_fields"]

R = TypeVar("R", bound="Record")


class Overflow:
    """Undeclared keys of one object that found no slot: too many, too long, or too late to learn.

    It is deliberately no type msgspec can write, so that encoding a record that holds one stops in `enc_hook`
    and takes the slow path, while all other records pay nothing for the possibility.
    """

    __slots__ = ("values",)

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values


class Record(Struct, kw_only=True, gc=False):
    """One object of the canonical form. Absent is `msgspec.UNSET`, null is `None`."""

    #: The public class behind a derived one; absent on the public class itself.
    __canonical__: ClassVar[type[Record]]
    #: Of a derived class: the schema it was made for.
    __schema__: ClassVar[str | None] = None
    #: Of a derived class: attribute -> undeclared key it holds.
    __extras__: ClassVar[Mapping[str, str]] = {}
    #: Of a derived class: whether it has a slot for an `Overflow`.
    __overflows__: ClassVar[bool] = False
    #: Of a strict class: the schema, and the path in it, whose rules its objects keep.
    __verified__: ClassVar[tuple[str, str] | None] = None
    #: Of a strict class: the types its schema allows, by field.
    __strict__: ClassVar[Mapping[str, Any]] = {}

    @staticmethod
    def __escape__(key: str) -> str:
        """The key under which an overflowing undeclared key is written."""
        from .canonical import escape

        return escape(key)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record):
            return NotImplemented
        kind = kind_of(self)
        if kind is not kind_of(other):
            return False
        return all(equal(getattr(self, name), getattr(other, name)) for name in kind.__struct_fields__) and (
            equal(extras(self), extras(other))
        )

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        parts = [f"{name}={value!r}" for name, value in set_fields(self).items()]
        if undeclared := extras(self):
            parts.append(f"extras={undeclared!r}")
        return f"{kind_of(self).__name__}({', '.join(parts)})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        undeclared = extras(self)
        return [*set_fields(self).items(), *([("extras", undeclared)] if undeclared else [])]

    def __reduce__(self) -> tuple[Callable[..., Record], tuple[Any, ...]]:
        return _rebuild, (kind_of(self), set_fields(self), extras(self))


def _rebuild(kind: type[R], fields: dict[str, Any], undeclared: dict[str, Any]) -> R:
    from .canonical import with_extras

    record = kind(**fields)
    return with_extras(record, undeclared) if undeclared else record


def kind_of(record: R | type[R]) -> type[R]:
    """The public class of a record or of a class derived from one: `ChatCompletion`, `Message`, ..."""
    cls: type[R] = record if isinstance(record, type) else record.__class__
    return getattr(cls, "__canonical__", cls)


def set_fields(record: Record) -> dict[str, Any]:
    """The declared fields that are not absent, by attribute name."""
    return {name: value for name in kind_of(record).__struct_fields__ if (value := getattr(record, name)) is not UNSET}


def extras(record: Record) -> dict[str, Any]:
    """The keys that a payload had in this object and its schema does not declare, with their JSON values.

    The dict is made anew on each call; `with_extras` returns a record with other ones.
    """
    found: dict[str, Any] = {}
    for attribute, key in record.__extras__.items():
        value = getattr(record, attribute)
        if value is not UNSET:
            found[key] = value
    if record.__overflows__:
        overflow = record.overflow  # type: ignore[attr-defined]
        if isinstance(overflow, Overflow):
            found.update(overflow.values)
    return found
