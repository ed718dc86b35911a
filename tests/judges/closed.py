"""The judge of the closed schemas, those that drop every key their types do not know: Speakeasy and log10.

Their packages are on no registry, so a strict Struct family stands for each.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec.inspect import Field, ListType, StructType, Type, UnionType, type_info

from . import log10, speakeasy
from .document import member, read

SCHEMAS: dict[str, type[msgspec.Struct]] = speakeasy.SCHEMAS | log10.SCHEMAS


def problems_of_many(cases: Mapping[str, tuple[str, bytes]]) -> dict[str, list[str]]:
    """The first problem of each case; unknown keys are none, for the real tools drop them silently."""
    return {case: _problems(schema, payload) for case, (schema, payload) in cases.items()}


def unknown_keys(schema: str, payload: bytes) -> list[str]:
    """The JSON paths of the keys that a closed schema's type does not know, in the payload's order.

    Raises:
        KeyError: the schema is not closed.
        ValueError: the payload is not JSON.
    """
    return [path for path, field, _ in _keys(schema, payload) if field is None]


def warned_nulls(schema: str, payload: bytes) -> list[str]:
    """The JSON paths of the nulls that Speakeasy's SDK keeps but warns of: those under required keys.

    Raises:
        KeyError: the schema is not Speakeasy's.
        ValueError: the payload is not JSON.
    """
    if schema not in speakeasy.SCHEMAS:
        raise KeyError(schema)
    keys = _keys(schema, payload)
    return [path for path, field, value in keys if field is not None and field.required and value is None]


def _problems(schema: str, payload: bytes) -> list[str]:
    try:
        value = _read(schema, payload)
    except ValueError as error:
        return [f"$: {error}"]
    try:
        msgspec.convert(value, SCHEMAS[schema], strict=True)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        return [f"{path.strip('`') or '$'}: {message}"]
    return []


def _read(schema: str, payload: bytes) -> Any:
    value = read(payload, log10.number if schema in log10.SCHEMAS else float)
    # msgspec refuses half a surrogate pair, the real tools take it: a "?" stands in for it.
    return json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))


def _keys(schema: str, payload: bytes) -> Iterator[tuple[str, Field | None, Any]]:
    return _keys_within(type_info(SCHEMAS[schema]), _read(schema, payload), "$")


def _keys_within(shape: Type, value: Any, path: str) -> Iterator[tuple[str, Field | None, Any]]:
    match shape, value:
        case UnionType(types=shapes), _:
            for each in shapes:
                yield from _keys_within(each, value, path)
        case ListType(item_type=item), list():
            for index, each in enumerate(value):
                yield from _keys_within(item, each, f"{path}[{index}]")
        case StructType(fields=fields), dict():
            known = {field.encode_name: field for field in fields}
            for key, each in value.items():
                field, here = known.get(key), member(path, key)
                yield here, field, each
                if field is not None:
                    yield from _keys_within(field.type, each, here)
