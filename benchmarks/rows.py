"""What is measured: a row is one comparison, with its goal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import chatnorm
import limit
import payloads
import peers
from measure import Ratio, Run, compare, compare_samples
from payloads import LOGPROBS, SMALL, TYPICAL

__all__ = ["Remark", "Row", "own_rows", "peer_rows"]

_SIZES = {"small": SMALL, "typical": TYPICAL, "logprobs": LOGPROBS}
_BLOCK = 4_096
_FRESH = 15
_FRESH_PEERS = 3


class Remark(NamedTuple):
    """Something a group cannot measure."""

    group: str
    name: str


class Row(NamedTuple):
    """One comparison; `measure` takes the number of rounds."""

    group: str
    name: str
    #: The ratio may be so much at most; None: it is told, not judged.
    goal: float | None
    #: What a call costs is given in this unit.
    unit: str
    measure: Callable[[int], Ratio]


def own_rows() -> Iterator[Row]:
    """chatnorm against the limit, against itself on ten times as much, and what importing it costs."""
    yield from _same_schema()
    yield from _conversions()
    yield from _streams()
    yield from _growth()
    yield from _imports()
    yield from _memory()


def _timed(group: str, name: str, goal: float | None, prepare: Callable[[], tuple[Run, Run]]) -> Row:
    """A row of CPU time; subject and reference are prepared when the row's turn comes."""
    return Row(group, name, goal, "µs", lambda rounds: compare(*prepare(), rounds))


# --- 1, 2: whole answers -----------------------------------------------------------------------------------


def _same_schema() -> Iterator[Row]:
    # `convert` gives the very bytes back once they are found valid, so it may cost less than the limit;
    # a program that looks at the record between pays for decoding and encoding
    for group, through in (
        ("1 same schema back, encode(decode(body)) / limit", _decode_and_encode),
        ("1 same schema back, convert(body) / limit", _convert),
    ):
        for name, schema, size, unknown in (
            *((f"openai, {size}", "openai", count, False) for size, count in _SIZES.items()),
            *((f"openai, {size}, 9 unknown keys", "openai", count, True) for size, count in _SIZES.items()),
            *((f"{schema}, small", schema, SMALL, False) for schema in ("cozy", "log10-wire")),
        ):
            yield _timed(group, name, 1.2, partial(_prepare_same, through, schema, size, unknown))


def _prepare_same(through: Callable[[bytes, str], bytes], schema: str, size: int, unknown: bool) -> tuple[Run, Run]:
    body = payloads.answer(schema, size)
    if unknown:
        body = payloads.with_unknown_keys(body)
    if json.loads(through(body, schema)) != json.loads(body):
        raise ValueError(f"{schema} does not come back as it was")
    kind = limit.UNKNOWN if unknown else limit.COMPLETIONS[schema]
    return partial(through, body, schema), limit.round_trip(kind, body)


def _decode_and_encode(body: bytes, schema: str) -> bytes:
    return chatnorm.encode(chatnorm.decode(body, schema), schema)


def _convert(body: bytes, schema: str) -> bytes:
    return chatnorm.convert(body, schema, schema)


def _conversions() -> Iterator[Row]:
    group = "2 another schema / limit of the source"

    def prepare(source: str, target: str, size: int) -> tuple[Run, Run]:
        body = payloads.answer(source, size)
        if peers.text_of(chatnorm.convert(body, source, target)) != peers.text_of(body):
            raise ValueError(f"{source} -> {target} says another text")
        return partial(chatnorm.convert, body, source, target), limit.round_trip(limit.COMPLETIONS[source], body)

    for source, target in (("log10", "openai"), ("openai", "log10"), ("cozy", "log10")):
        for size, count in _SIZES.items():
            yield _timed(group, f"{source} -> {target}, {size}", 1.6, partial(prepare, source, target, count))


# --- 3: streams --------------------------------------------------------------------------------------------


def _streams() -> Iterator[Row]:
    group = "3 OpenAI SSE -> chunks -> SSE / limit of the events"

    def prepare(count: int, in_blocks: bool) -> tuple[Run, Run]:
        events = payloads.events(count)
        frames = list(payloads.event_stream(events))
        feeds = _blocks(b"".join(frames)) if in_blocks else frames
        sent: list[bytes] = []
        _through(feeds, sent.append)
        if [*map(_value, sent)] != [*map(_value, frames)]:
            raise ValueError("the stream does not come back as it was")
        return partial(_through, feeds, len), limit.round_trip_each(limit.CHUNK, events)

    for count in (300, 2_000):
        yield _timed(group, f"{count:,} events, one a feed", 1.9, partial(prepare, count, False))
        yield _timed(group, f"{count:,} events, 4 KiB blocks", 1.9, partial(prepare, count, True))


def _value(frame: bytes) -> object:
    """What an event says, whatever the order of its keys."""
    return json.loads(frame[6:]) if frame.startswith(b"data: {") else frame


def _through(feeds: list[bytes], send: Callable[[bytes], object]) -> None:
    """Do what a gateway does: send on what comes, one event at a time."""
    decoder, encoder = chatnorm.stream_decoder("openai"), chatnorm.stream_encoder("openai")
    for feed in feeds:
        for chunk in decoder.feed(feed):
            send(encoder.feed(chunk))
    for chunk in decoder.close():
        send(encoder.feed(chunk))
    send(encoder.close())


def _blocks(data: bytes, size: int = _BLOCK) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def _decoded(feeds: list[bytes]) -> Iterator[chatnorm.ChatCompletionChunk]:
    decoder = chatnorm.stream_decoder("openai")
    for feed in feeds:
        yield from decoder.feed(feed)
    yield from decoder.close()


# --- 4: growth ---------------------------------------------------------------------------------------------


def _growth() -> Iterator[Row]:
    group = "4 ten times as much / once"

    def grown(prepare: Callable[[int], Run], size: int) -> tuple[Run, Run]:
        return prepare(10 * size), prepare(size)

    for name, prepare, size in (
        ("decode 20,000 events", _decoding, 2_000),
        ("accumulate 20,000 chunks", _accumulating, 2_000),
        ("split into 10,000 chunks", _splitting, 1_000),
        ("one event of 4 MB in 1 KiB pieces", _big_event, 400_000),
        ("one tool call in 10,000 pieces", _tool_call, 1_000),
    ):
        yield _timed(group, name, 11.0, partial(grown, prepare, size))


def _decoding(count: int) -> Run:
    feeds = list(payloads.event_stream(payloads.events(count)))
    return lambda: sum(1 for _ in _decoded(feeds))


def _accumulating(count: int) -> Run:
    return partial(chatnorm.accumulate, list(_decoded(list(payloads.event_stream(payloads.events(count))))))


def _splitting(count: int) -> Run:
    message = chatnorm.Message(role="assistant", content=payloads.prose(4 * count))
    completion = chatnorm.ChatCompletion(id="x", choices=[chatnorm.Choice(message=message, finish_reason="stop")])
    return partial(chatnorm.split, completion, 4)


def _big_event(size: int) -> Run:
    pieces = _blocks(b"".join(payloads.event_stream([payloads.big_event(size)])), 1_024)

    return lambda: sum(1 for _ in _decoded(pieces))


def _tool_call(count: int) -> Run:
    feeds = list(payloads.event_stream(payloads.argument_events(count)))
    return lambda: chatnorm.accumulate(_decoded(feeds))


# --- 6, 7: in fresh interpreters ---------------------------------------------------------------------------

_IMPORT_NEEDED = "import msgspec, pluggy"


def _imports() -> Iterator[Row]:
    group = f"6 first use / {_IMPORT_NEEDED}"
    for name, before, code, goal in (
        ("import chatnorm", "", "import chatnorm", 1.4),
        ('then adapter("cozy")', "import chatnorm", "chatnorm.adapter('cozy')", None),
        (
            "then the first cozy answer",
            "import chatnorm, payloads; body = payloads.answer('cozy', 1023); chatnorm.adapter('cozy')",
            "chatnorm.convert(body, 'cozy', 'cozy')",
            None,
        ),
    ):
        run = partial(_compare_fresh, (before, code), ("", _IMPORT_NEEDED), _FRESH)
        yield Row(group, name, goal, "ms", run)


def _compare_fresh(subject: tuple[str, str], reference: tuple[str, str], most: int, rounds: int) -> Ratio:
    """CPU milliseconds of two pieces of code, each after another, in a fresh interpreter each time."""
    for code in (subject, reference):
        _fresh_time(*code)
    rounds = min(rounds, most)
    return compare_samples([(_fresh_time(*subject), _fresh_time(*reference)) for _ in range(rounds)])


def _fresh_time(before: str, code: str) -> float:
    clock = "from time import process_time_ns as now; start = now()"
    return _fresh(f"{before}\n{clock}\n{code}\nprint((now() - start) / 1e6)")[0]


def _fresh(script: str) -> list[float]:
    """The numbers that a script prints in an interpreter of its own, which finds these modules."""
    path = os.pathsep.join(filter(None, (str(Path(__file__).parent), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": path}
    said = subprocess.check_output([sys.executable, "-c", script], env=environment, text=True)
    return [float(number) for number in said.split()]


def _memory() -> Iterator[Row]:
    group = "7 memory"

    def live(size: int, _rounds: int) -> Ratio:
        own = _fresh(f"import memory; print(memory.live_chatnorm({size}))")
        return compare_samples([(own[0], _fresh(f"import memory; print(memory.live_limit({size}))")[0])])

    def accumulated(_rounds: int) -> Ratio:
        peak, text = _fresh("import memory; print(*memory.accumulated(100_000))")
        return compare_samples([(peak / 1e3, text / 1e3)])

    def new_keys(_rounds: int) -> Ratio:
        many = _fresh("import memory; print(memory.resident_after_new_keys(100_000))")
        few = _fresh("import memory; print(memory.resident_after_new_keys(1_000))")
        return compare_samples([(many[0] / 1e3, few[0] / 1e3)])

    for size, count in _SIZES.items():
        yield Row(group, f"one live answer, {size} / limit's Structs", None, "B", partial(live, count))
    yield Row(group, "peak while 100,000 chunks are accumulated / their text", None, "kB", accumulated)
    yield Row(group, "RSS after 100,000 answers with ever new keys / after 1,000", 1.1, "kB", new_keys)


# --- 5: peers ----------------------------------------------------------------------------------------------


def peer_rows(found: list[peers.Peer]) -> Iterator[Row | Remark]:
    """Each peer against chatnorm on the same work, and a remark for each task it has no public function for.

    They come last: what they import stays in the process, and the garbage collector walks it.
    """
    for peer in found:
        yield Row(
            "5 import / import chatnorm",
            peer.label(),
            None,
            "ms",
            partial(_compare_fresh, ("", f"import {peer.module}"), ("", "import chatnorm"), _FRESH_PEERS),
        )
    paths = {peer: peer.paths() for peer in found}
    for task, meaning in peers.TASKS.items():
        for label, given, own in _tasks(task):
            group = f"5 {meaning}{label} / chatnorm"
            for peer in found:
                for path in paths[peer].get(task, []):
                    name = f"{peer.label()}: {path.name}"
                    yield _timed(group, name, None, partial(_against, path, given, own))
                if not paths[peer].get(task):
                    yield Remark(group, f"{peer.label()}: has no such path")


def _against(path: peers.Path, given: bytes | list[bytes], own: Run) -> tuple[Run, Run]:
    run = path.prepare(given)
    if peers.text_of(run()) != peers.text_of(own()):
        raise ValueError(f"{path.name} says another text than chatnorm")
    return run, own


def _tasks(task: str) -> Iterator[tuple[str, bytes | list[bytes], Run]]:
    """Of a task: payloads by label, what a path is given, and chatnorm doing it."""
    if task == "answer":
        for size, count in _SIZES.items():
            body = payloads.answer("openai", count)
            yield f", {size}", body, partial(_decode_and_encode, body, "openai")
        return
    events = payloads.events(300)
    frames = list(payloads.event_stream(events))
    if task == "stream":
        yield ", 300 events", frames, lambda: list(_decoded(frames))
    elif task == "events":
        yield ", 300 events", events, partial(_as_json, frames)
    else:
        yield ", 300 chunks", events, partial(chatnorm.accumulate, list(_decoded(frames)))


def _as_json(frames: list[bytes]) -> list[bytes]:
    """The JSON of the chunks that go through chatnorm, which reads and writes the frames too."""
    sent: list[bytes] = []
    _through(frames, sent.append)
    return [event[6:-2] for event in sent[:-1]]
