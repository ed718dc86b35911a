"""The laws, one function each: it returns nothing, or raises AssertionError with the difference.

They are those of `docs/design.md`; law 2 (valid out) needs the vendor's own tools and is the tests' business.
"""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterable
from typing import Any

import chatnorm
from chatnorm.framing import EventStreamDecoder
from chatnorm.patch import apply_patch, diff
from chatnorm.values import equal

__all__ = [
    "check_cuts_do_not_matter",
    "check_equal_content_is_equal",
    "check_losses_are_complete",
    "check_nothing_lost_in",
    "check_reversible",
    "check_same_json",
    "check_settled",
    "check_stream_nothing_lost",
    "check_streams_agree",
    "events",
]


def _json(data: bytes | str) -> Any:
    return json.loads(data)


def _same(found: Any, wanted: Any, what: str) -> None:
    assert equal(found, wanted), f"{what}: {list(diff(found, wanted))[:10]}"


def check_same_json(found: bytes | str, wanted: bytes | str) -> None:
    """Two texts are the same JSON value: numbers by value and by kind, keys in any order."""
    _same(_json(found), _json(wanted), "not the same JSON")


def check_nothing_lost_in(body: bytes | str, schema: str) -> None:
    """Law 1: a payload comes back from its own schema as the same JSON value."""
    back = chatnorm.encode(chatnorm.decode(body, schema), schema)
    _same(_json(back), _json(body), f"{schema} does not come back")
    _same(_json(chatnorm.convert(body, schema, schema)), _json(body), f"{schema} is not converted into itself")


def check_settled(completion: chatnorm.ChatCompletion, schema: str) -> None:
    """Law 3: encoding, decoding and encoding again changes nothing more."""
    once = chatnorm.encode(completion, schema)
    again = chatnorm.encode(chatnorm.decode(once, schema), schema)
    _same(_json(again), _json(once), f"{schema} is not settled")


def check_losses_are_complete(completion: chatnorm.ChatCompletion, schema: str) -> None:
    """Law 4: the losses are exactly the places where the record and what its encoding says differ."""
    said = chatnorm.decode(chatnorm.encode(completion, schema), schema)
    found, wanted = (_json(chatnorm.encode(record, "canonical")) for record in (said, completion))
    named = {loss.path for loss in chatnorm.losses(completion, schema)}
    assert named == {operation["path"] for operation in diff(found, wanted)}
    assert (said == completion) == (not named), f"equality and losses disagree: {named}"


def check_reversible(body: bytes | str, source: str, target: str) -> None:
    """Law 5: through any schema, with the residual, the record and the payload come back exactly."""
    completion = chatnorm.decode(body, source)
    encoded = chatnorm.encode(completion, target)
    residual = chatnorm.residual(completion, target)
    restored = chatnorm.restore(encoded, target, residual)
    assert restored == completion, f"{source} -> {target}: the record does not come back"
    _same(_json(chatnorm.encode(restored, source)), _json(body), f"{source} -> {target} does not bring it back")
    foreign = _json(chatnorm.encode(chatnorm.decode(encoded, target), "canonical"))
    patched = apply_patch(foreign, _json(residual))
    _same(
        patched,
        _json(chatnorm.encode(completion, "canonical")),
        "the residual is no JSON Patch of canonical JSON",
    )


def check_streams_agree(completion: chatnorm.ChatCompletion, size: int | None = None) -> None:
    """Law 6: splitting a record into a stream and accumulating it gives the record."""
    chunks = chatnorm.split(completion, size)
    assert chatnorm.accumulate(chunks) == completion


def check_stream_nothing_lost(stream: bytes, schema: str) -> None:
    """Law 1 for streams: every event comes back as the same JSON value."""
    decoder, encoder = chatnorm.stream_decoder(schema), chatnorm.stream_encoder(schema)
    chunks = [*decoder.feed(stream), *_closed(decoder)]
    written = b"".join(encoder.feed(chunk) for chunk in chunks)
    found, wanted = (list(map(_json, events(data))) for data in (written, stream))
    _same(found, wanted, f"{schema} stream does not come back")


def _closed(decoder: chatnorm.StreamDecoder) -> Iterable[chatnorm.ChatCompletionChunk]:
    try:
        return decoder.close()
    except chatnorm.StreamError as error:
        return error.chunks


def events(stream: bytes) -> list[bytes]:
    """The JSON of each event of a stream; `[DONE]`, keep-alives and an event cut short are none."""
    frames = EventStreamDecoder()
    found = [data for _, data in frames.feed(stream) if data and data != b"[DONE]"]
    return found + [data for _, data in frames.close() if data.endswith(b"}")]


def check_cuts_do_not_matter(stream: bytes, schema: str, *, steps: Iterable[int] = (1, 3, 64)) -> None:
    """Law 7: fed whole, byte by byte or in pieces, a stream gives the same chunks and the same end."""
    whole = _outcome(stream, schema, len(stream) or 1)
    for step in steps:
        assert _outcome(stream, schema, step) == whole, f"fed {step} bytes at a time"


def _outcome(stream: bytes, schema: str, step: int) -> tuple[list[chatnorm.ChatCompletionChunk], str]:
    decoder = chatnorm.stream_decoder(schema)
    chunks: list[chatnorm.ChatCompletionChunk] = []
    try:
        for start in range(0, len(stream), step):
            chunks += decoder.feed(stream[start : start + step])
        chunks += decoder.close()
    except chatnorm.StreamError as error:
        return [*chunks, *error.chunks], str(error)
    return chunks, ""


def check_equal_content_is_equal(completion: chatnorm.ChatCompletion) -> None:
    """Law 8: copies, pickles and the canonical JSON's record are equal, and so are their canonical JSONs."""
    written = chatnorm.encode(completion, "canonical")
    for twin in (
        copy.copy(completion),
        copy.deepcopy(completion),
        pickle.loads(pickle.dumps(completion)),
        chatnorm.decode(written, "canonical"),
    ):
        assert twin == completion
        _same(_json(chatnorm.encode(twin, "canonical")), _json(written), "an equal record is written otherwise")
