"""Which schema is this: the adapters that can read a body, ranked by what speaks for each.

Nothing here knows a provider: every adapter reads the body, and its score is the sum of

- fit: 0.5 if the body keeps every rule of the schema, 0.25 if it is read but breaks one, 0.2 if the schema
  has no rule to break; of a stream, in proportion to its chunks. It shrinks by the share of undeclared keys,
  and by half if the record does not encode back to the same JSON. An error counts by how far the schema
  would write it so;
- marks: 0.4 to 0.45 for keys of the body that the adapter's `hints` name. Those of the general form count
  only where no other schema's mark is;
- 0.05 if the adapter is `general`: of schemas that fit equally, the one that the others vary comes first.

An undeclared key that is another schema's mark halves it. Below 0.3 a body can be read, and little more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from msgspec import UNSET, Struct

from .api import REGISTRY
from .codec import Adapter, ResponseCodec, StreamCodec
from .error import ErrorResponse
from .exceptions import DecodeError, PluginError, StreamError
from .framing import EventStreamDecoder, LineDecoder
from .record import Record, extras, set_fields
from .values import equal
from .wire import encode_json, parse_json

__all__ = ["Detection", "detect"]

Part = Literal["response", "chunk", "stream", "error"]

#: Bytes of a stream that are looked at.
_HEAD = 64 * 2**10

#: A schema that takes this for regular has no rules: it lacks everything that any of them could require.
_BARE = b'{"choices":[]}'

#: One chunk as a stream of server-sent events, and of JSON lines.
_FRAMES = (b"data: %b\n\n", b"%b\n")

#: Fields that say nothing of the answer.
_SILENT = {"choices", "provider_metadata"}


class Detection(Struct, frozen=True):
    """A schema that a body may be in: `score` is from 0 to 1, `reason` a sentence that names the evidence."""

    schema: str
    part: Part
    score: float
    reason: str


class _Reading(NamedTuple):
    """What an adapter makes of a body: `undeclared` keys are dotted paths, `word` is what `object` says."""

    schema: str
    part: Part
    fit: float
    reason: str
    regular: bool = False
    undeclared: Sequence[str] = ()
    word: str | None = None


def detect(body: bytes | str) -> list[Detection]:
    """The schemas that a body may be in, the likeliest first; none if no adapter can read it.

    The body is a whole answer, one chunk, an error, or the beginning of a stream, cut anywhere after its
    first event, of which 64 KiB are looked at. A version of a schema is listed only where the schema itself
    does not fit. An adapter that cannot be loaded is passed over. Nothing raises, whatever the bytes are.
    """
    data = body.encode(errors="surrogatepass") if isinstance(body, str) else body
    value = _parsed(data)
    adapters = list(_adapters())
    if value.__class__ is dict:
        keys = {*_keys(value)}
        readings = [(adapter, _read_body(adapter, data, value)) for adapter in adapters]
    else:
        head = data[:_HEAD]
        keys = {key for event in _events(head) for key in _keys(_parsed(event))}
        readings = [(adapter, _read_stream(adapter.name, adapter.stream, head)) for adapter in adapters]
    marks = {hint for adapter in adapters if not adapter.general for hint in adapter.hints if hint in keys}
    found = [_judged(adapter, reading, keys, marks) for adapter, reading in readings if reading is not None]
    return sorted(found, key=lambda detection: (-detection.score, detection.schema))


def _adapters() -> Iterator[Adapter]:
    for name in REGISTRY.names():
        try:
            yield REGISTRY.adapter(name)
        except PluginError:
            continue


def _judged(adapter: Adapter, reading: _Reading, keys: set[str], marks: set[str]) -> Detection:
    """The reading and the marks that speak for it or, among its undeclared keys, for another schema."""
    own = [] if adapter.general and marks else [hint for hint in adapter.hints if hint in keys]
    foreign = sorted(marks.intersection(reading.undeclared).difference(own))
    score = reading.fit
    reason = reading.reason
    if reading.word is not None and "object" in keys:
        reason += f"; `object` is {reading.word[:40]!r}"
    if own:
        score += 0.45 - 0.05 / len(own)
        reason += f"; {_listed(own)} {'speaks' if len(own) == 1 else 'speak'} for it"
    if adapter.general:
        score += 0.05
        reason += "; the general form"
    if foreign:
        score /= 2
        reason += f"; {_listed(foreign)} {'speaks' if len(foreign) == 1 else 'speak'} for another"
    return Detection(reading.schema, reading.part, round(score, 3), f"{reason}.")


# --- Reading ------------------------------------------------------------------------------------------------
# An adapter is other people's code, here on bytes it was not made for: if it raises, it cannot read them.


def _read_body(adapter: Adapter, data: bytes, value: dict[str, Any]) -> _Reading | None:
    """One JSON object: an answer or a chunk, whichever fits better, or else an error."""
    whole = _read_response(adapter, data, value)
    if whole is not None and whole.regular:
        return whole
    versions = [_read_response(version, data, value) for version in adapter.versions.values()]
    readings = [whole, *versions, _read_chunk(adapter.name, adapter.stream, value)]
    found = [reading for reading in readings if reading is not None]
    if not found:
        return _read_error(adapter, data, value)
    return max(found, key=lambda reading: (reading.regular, reading.fit))


def _read_response(adapter: Adapter, data: bytes, value: dict[str, Any]) -> _Reading | None:
    codec = adapter.response
    completions = _decoded(codec, data)
    reading = _fit(adapter.name, "response", completions, _decoded(codec, _BARE))
    if codec is None or codec.encode is None or reading is None:
        return reading
    try:
        same = equal(_parsed(codec.encode(completions[0])), value)
    except Exception:
        same = False
    if same:
        return reading
    reason = f"{reading.reason}; it does not encode back to the same JSON"
    return reading._replace(fit=reading.fit / 2, reason=reason)


def _decoded(codec: ResponseCodec | None, data: bytes) -> list[Any]:
    try:
        return [] if codec is None else [codec.decode(data)]
    except Exception:
        return []


def _read_chunk(schema: str, codec: StreamCodec | None, value: dict[str, Any]) -> _Reading | None:
    try:
        data = encode_json(value)
    except RecursionError:
        return None
    for frame in _FRAMES:
        if chunks := _fed(codec, frame % data):
            return _fit(schema, "chunk", chunks, _fed(codec, frame % _BARE))
    return None


def _read_stream(schema: str, codec: StreamCodec | None, head: bytes) -> _Reading | None:
    bare = [chunk for frame in _FRAMES for chunk in _fed(codec, frame % _BARE)]
    return _fit(schema, "stream", _fed(codec, head), bare)


def _fed(codec: StreamCodec | None, data: bytes) -> list[Any]:
    """The chunks at the beginning of a stream, up to where it was cut or breaks the schema."""
    if codec is None or codec.decoder is None:
        return []
    try:
        decoder = codec.decoder()
        return list(decoder.feed(data) or decoder.close())
    except StreamError as error:
        return list(error.chunks)
    except Exception:
        return []


def _fit(schema: str, part: Part, records: list[Any], bare: list[Any]) -> _Reading | None:
    """How well records fit the schema, which reads `_BARE` as `bare`; None if they are no answer at all."""
    regular = [record for record in records if record.irregular is UNSET]
    answers = any(record.choices or (part == "stream" and record.error is not UNSET) for record in records)
    if not regular and not answers:
        return None
    has_rules = not any(record.irregular is UNSET for record in bare)
    says_something = answers or any(set_fields(record).keys() - _SILENT for record in records)
    share = len(regular) / len(records)
    fit = 0.25 + 0.25 * share if has_rules and says_something else 0.1 + 0.1 * share
    keys = [key for record in records for key in _walk(record, "")]
    undeclared = [path for path, is_declared in keys if not is_declared]
    fit *= 1 - len(undeclared) / len(keys)
    word = next((record.object for record in records if isinstance(record.object, str)), None)
    reason = f"A {part}" if part != "stream" else f"A stream ({len(records)} of its chunks)"
    if len(regular) < len(records):
        breaking = "it breaks" if len(records) == 1 else f"{len(records) - len(regular)} break"
        reason += f": irregular, {breaking} a rule of its schema"
    else:
        reason += ": keeps every rule of the schema" if has_rules else ": the schema has no rule to break"
    if undeclared:
        reason += f"; {_listed(sorted({*undeclared}))} undeclared"
    return _Reading(schema, part, fit, reason, len(regular) == len(records), undeclared, word)


def _walk(record: Record, path: str) -> Iterator[tuple[str, bool]]:
    """The dotted path of each key of a record, and whether it is declared."""
    for key in extras(record):
        yield f"{path}{key}", False
    for name, value in set_fields(record).items():
        yield f"{path}{name}", True
        for item in _items(value):
            if isinstance(item, Record):
                yield from _walk(item, f"{path}{name}.")


def _read_error(adapter: Adapter, data: bytes, value: dict[str, Any]) -> _Reading | None:
    """An error fits as far as the schema itself would have written it with the same keys."""
    if adapter.error is None:
        return None
    try:
        error = adapter.error.decode(data, None, {})
        said = {name: getattr(error, name) for name in ("kind", "message", "type", "param", "code")}
        if all(said[name] is UNSET for name in ("kind", "message", "code")):
            return None
        written = {*_keys(_parsed(adapter.error.encode(ErrorResponse(**said))))}
    except Exception:
        return None
    keys = {*_keys(value)}
    same = len(keys & written)
    fit = 0.1 + 0.4 * (same / max(len(keys | written), 1)) ** 2
    if any(record.irregular is UNSET for record in _decoded(adapter.response, _BARE)):
        fit /= 5  # a schema without rules
    reason = f"An error with {same} of the {len(written)} keys the schema writes, and {len(keys) - same} more"
    return _Reading(adapter.name, "error", fit, reason)


# --- Keys ---------------------------------------------------------------------------------------------------


def _parsed(data: bytes) -> Any:
    try:
        return parse_json(data, "detection")
    except DecodeError:
        return None


def _events(head: bytes) -> list[bytes]:
    """The events or lines at the beginning of a stream, the last of them maybe cut."""
    frames, lines = EventStreamDecoder(), LineDecoder()
    events = [data for _, data in [*frames.feed(head), *frames.close()]]
    return events or [*lines.feed(head), *lines.close()]


def _keys(value: Any, depth: int = 4) -> Iterator[str]:
    """The keys of a JSON value as dotted paths through objects and lists, at most `depth` levels of them."""
    for item in _items(value):
        if item.__class__ is dict:
            for key, below in item.items():
                yield key
                if depth > 1:
                    yield from (f"{key}.{path}" for path in _keys(below, depth - 1))


def _items(value: Any) -> list[Any]:
    return value if value.__class__ is list else [value]


def _listed(keys: Sequence[str]) -> str:
    named = ", ".join(repr(key[:40]) for key in keys[:3])
    return f"{named} and {len(keys) - 3} more" if len(keys) > 3 else named
