"""Memory of one thing, measured in an interpreter that does nothing else: `rows` starts one for each."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from os import sysconf
from sys import getsizeof

import chatnorm
import limit
import msgspec
import payloads

__all__ = ["accumulated", "live_chatnorm", "live_limit", "resident_after_new_keys"]

_LIVE = 1_000


def live_chatnorm(size: int) -> float:
    """Bytes of one decoded `openai` answer of so many bytes of JSON."""
    return _live(lambda body: chatnorm.decode(body, "openai"), size)


def live_limit(size: int) -> float:
    """Bytes of the same in the limit's Structs."""
    return _live(msgspec.json.Decoder(limit.COMPLETIONS["openai"]).decode, size)


def _live(decode: Callable[[bytes], object], size: int) -> float:
    body = payloads.answer("openai", size)
    held = [decode(body)]
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    held += [decode(body) for _ in range(_LIVE)]
    after, _ = tracemalloc.get_traced_memory()
    return (after - before) / _LIVE


def accumulated(count: int) -> tuple[int, int]:
    """Peak bytes while a stream of so many chunks is decoded and accumulated, and bytes of its text."""
    events = payloads.events(1_000)
    chatnorm.accumulate(_chunks(iter(events)))
    tracemalloc.start()
    completion = chatnorm.accumulate(_chunks(events[1 + number % 997] for number in range(count)))
    _, peak = tracemalloc.get_traced_memory()
    return peak, getsizeof(completion.choices[0].message.content)


def _chunks(events: Iterator[bytes]) -> Iterator[chatnorm.ChatCompletionChunk]:
    decoder = chatnorm.stream_decoder("openai")
    for event in payloads.event_stream(events):
        yield from decoder.feed(event)


def resident_after_new_keys(count: int) -> int:
    """Bytes of memory in use after so many answers came, each with a key that no other has."""
    body = payloads.answer("openai", payloads.SMALL)
    for number in range(count):
        chatnorm.convert(payloads.with_new_key(body, number), "openai", "openai")
    with open("/proc/self/statm", "rb") as statm:
        return int(statm.read().split()[1]) * sysconf("SC_PAGESIZE")
