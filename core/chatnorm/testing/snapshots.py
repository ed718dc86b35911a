"""Snapshots in canonical JSON: one file a case, which decodes back and is itself an input."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import fields
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

import chatnorm
from chatnorm.canonical import CHUNK, COMPLETION
from chatnorm.values import is_array, is_object
from chatnorm.wire import Position, to_builtins

__all__ = ["CanonicalSnapshot"]


class CanonicalSnapshot(SingleFileSnapshotExtension):
    """`snapshot.use_extension(CanonicalSnapshot)`: completions, chunks and lists of them as indented JSON."""

    file_extension = "json"
    _write_mode = WriteMode.TEXT

    def serialize(self, data: Any, **_: Any) -> str:
        """The JSON of a record, or of a list of records, indented by two."""
        plain = [_plain(record) for record in data] if is_array(data) else _plain(data)
        text = json.dumps(plain, indent=2, ensure_ascii=False)
        try:
            text.encode()
        except UnicodeEncodeError:  # half of a surrogate pair
            text = json.dumps(plain, indent=2)
        return text + "\n"


def _plain(record: Any) -> Any:
    if isinstance(record, chatnorm.ChatCompletion):
        return _ordered(to_builtins(COMPLETION.rewritten(record)))
    if isinstance(record, chatnorm.ChatCompletionChunk):
        return _ordered(to_builtins(CHUNK.rewritten(record)))
    return _ordered(to_builtins(record))


def _ordered(value: Any) -> Any:
    """Canonical keys in the order of their Structs, then all others by name, whichever order they were learned in."""
    if is_object(value):
        return {key: _ordered(value[key]) for key in sorted(value, key=lambda key: (_ORDER.get(key, len(_ORDER)), key))}
    return [_ordered(item) for item in value] if is_array(value) else value


_ORDER: dict[str, int] = {}
for _position in reversed(Position("", chatnorm.ChatCompletion).walk()):
    for _info in fields(_position.kind):
        _ORDER.setdefault(_info.encode_name, len(_ORDER))
