"""JSON Patch (RFC 6902): the difference of two JSON values, and applying it.

Source: https://www.rfc-editor.org/rfc/rfc6902
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .exceptions import PatchError
from .values import equal, is_array, is_object

__all__ = ["apply_patch", "diff"]


def diff(found: Any, wanted: Any, path: str = "") -> Iterator[dict[str, Any]]:
    """The RFC 6902 operations that make `wanted` of `found`."""
    if is_object(found) and is_object(wanted):
        for key in found:
            if key not in wanted:
                yield {"op": "remove", "path": f"{path}/{_pointer(key)}"}
        for key, value in wanted.items():
            below = f"{path}/{_pointer(key)}"
            if key not in found:
                yield {"op": "add", "path": below, "value": value}
            else:
                yield from diff(found[key], value, below)
    elif is_array(found) and is_array(wanted) and len(found) == len(wanted):
        for place, (one, other) in enumerate(zip(found, wanted, strict=True)):
            yield from diff(one, other, f"{path}/{place}")
    elif not equal(found, wanted):
        yield {"op": "replace", "path": path, "value": wanted}


def _pointer(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def apply_patch(document: Any, operations: Any, lenient: bool = False) -> Any:
    """The document after the `test`, `add`, `remove` and `replace` operations; it may be changed in place.

    `lenient` skips an operation whose place is gone, and the one after a `test` that fails.
    Raises: PatchError where an operation is none, does not fit, or a `test` fails.
    """
    if not is_array(operations):
        raise PatchError("a patch is a list of operations")
    skipped = False
    for operation in operations:
        if skipped:
            skipped = False
            continue
        try:
            document = _apply(document, operation)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            if not lenient:
                raise PatchError(f"{operation!r} does not fit: {error}") from None
            skipped = is_object(operation) and operation.get("op") == "test"
    return document


def _apply(document: Any, operation: dict[str, Any]) -> Any:
    kind, path = operation["op"], operation["path"]
    if kind not in ("test", "add", "remove", "replace"):
        raise ValueError(f"unknown operation {kind!r}")
    value = None if kind == "remove" else operation["value"]
    if path == "":
        if kind == "remove":
            raise ValueError("the whole document cannot be removed")
        if kind == "test" and not equal(document, value):
            raise ValueError("the test fails")
        return document if kind == "test" else value
    if not path.startswith("/"):
        raise ValueError(f"{path!r} is no JSON pointer")
    *above, last = (part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/"))
    holder: Any = document
    for step in above:
        holder = holder[_index(step, holder)] if is_array(holder) else holder[step]
    if is_array(holder):
        _apply_to_list(holder, kind, last, value)
    elif kind == "add":
        holder[last] = value
    elif kind == "test":
        if not equal(holder[last], value):
            raise ValueError("the test fails")
    elif kind == "replace":
        holder[last]
        holder[last] = value
    else:
        del holder[last]
    return document


def _index(step: str, holder: list[Any]) -> int:
    if not step.isascii() or not step.isdigit() or (step != "0" and step.startswith("0")):
        raise ValueError(f"{step!r} is no index")
    place = int(step)
    if place >= len(holder):
        raise IndexError(f"there is no item {place}")
    return place


def _apply_to_list(holder: list[Any], kind: str, last: str, value: Any) -> None:
    if kind == "add":
        holder.insert(len(holder) if last in ("-", str(len(holder))) else _index(last, holder), value)
        return
    place = _index(last, holder)
    if kind == "test":
        if not equal(holder[place], value):
            raise ValueError("the test fails")
    elif kind == "replace":
        holder[place] = value
    else:
        del holder[place]
