"""Snapshots in canonical JSON: one file a case, which decodes back and is itself an input."""

from __future__ import annotations

from typing import Any

import msgspec
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

import chatnorm
from chatnorm.wire import encode_record

__all__ = ["CanonicalSnapshot"]


class CanonicalSnapshot(SingleFileSnapshotExtension):
    """`snapshot.use_extension(CanonicalSnapshot)`: completions, chunks and lists of them as indented JSON."""

    file_extension = "json"
    _write_mode = WriteMode.TEXT

    def serialize(self, data: Any, **_: Any) -> str:
        """The JSON of a record, or of a list of records, indented by two."""
        if isinstance(data, list):
            written = b"[%b]" % b",".join(map(self._encode, data))
        else:
            written = self._encode(data)
        return msgspec.json.format(written, indent=2).decode() + "\n"

    def _encode(self, record: Any) -> bytes:
        if isinstance(record, chatnorm.ChatCompletion):
            return chatnorm.encode(record, "canonical")
        if isinstance(record, chatnorm.ChatCompletionChunk):
            from chatnorm.canonical import CHUNK

            return CHUNK.encode(record)
        return encode_record(record)
