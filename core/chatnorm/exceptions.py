"""What this library raises.

ChatnormError
├─ UnknownAdapterError    no adapter has that name
├─ PluginError            an adapter could not be loaded, or is not one
├─ UnsupportedError       the adapter exists, and its schema has no such part
├─ DecodeError            a payload breaks its schema
├─ PatchError             a JSON Patch does not fit
├─ LossError              strict encoding met a loss
└─ StreamError            a stream was cut, over a bound, or already closed
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .chunk import ChatCompletionChunk
    from .loss import Loss

__all__ = [
    "ChatnormError",
    "DecodeError",
    "LossError",
    "PatchError",
    "PluginError",
    "StreamError",
    "UnknownAdapterError",
    "UnsupportedError",
]


class ChatnormError(Exception):
    """The base of every exception that this library raises on purpose."""


class UnknownAdapterError(ChatnormError, LookupError):
    """No adapter has that name; `known` are the names there are."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name = name
        self.known = tuple(known)
        message = f"there is no adapter {name!r}"
        if close := _closest(name, self.known):
            message += f". Did you mean {' or '.join(map(repr, close))}?"
        else:
            message += f"; there are: {', '.join(self.known)}"
        super().__init__(message)

    def __reduce__(self) -> tuple[type[UnknownAdapterError], tuple[str, tuple[str, ...]]]:
        return type(self), (self.name, self.known)


def _closest(name: str, known: Sequence[str]) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(name.lower(), known, n=2, cutoff=0.5)


class PluginError(ChatnormError):
    """The plugin `name` could not be loaded or is no adapter; `__cause__` is what it raised."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        self.problem = problem
        super().__init__(f"adapter plugin {name!r}: {problem}")

    def __reduce__(self) -> tuple[type[PluginError], tuple[str, str]]:
        return type(self), (self.name, self.problem)


class UnsupportedError(ChatnormError):
    """The schema `adapter` has no `part`: `response`, `stream`, `error`, or one direction of them."""

    def __init__(self, adapter: str, part: str) -> None:
        self.adapter = adapter
        self.part = part
        super().__init__(f"schema {adapter!r} has no {part}")

    def __reduce__(self) -> tuple[type[UnsupportedError], tuple[str, str]]:
        return type(self), (self.adapter, self.part)


class DecodeError(ChatnormError, ValueError):
    """A payload breaks the schema `adapter`; `path` is where, as a JSON path (`$.choices[0].index`)."""

    def __init__(self, adapter: str, problem: str, path: str = "$") -> None:
        self.adapter = adapter
        self.problem = problem
        self.path = path
        super().__init__(f"{adapter}: {problem} (at {path})")

    def __reduce__(self) -> tuple[type[DecodeError], tuple[str, str, str]]:
        return type(self), (self.adapter, self.problem, self.path)


class PatchError(ChatnormError, ValueError):
    """A JSON Patch does not fit the document it is applied to."""


class LossError(ChatnormError):
    """Strict encoding into `adapter` met `losses`."""

    def __init__(self, adapter: str, losses: Sequence[Loss]) -> None:
        self.adapter = adapter
        self.losses = tuple(losses)
        named = ", ".join(loss.path for loss in self.losses[:5])
        more = f" and {len(self.losses) - 5} more" if len(self.losses) > 5 else ""
        super().__init__(f"{adapter} cannot say {named}{more}")

    def __reduce__(self) -> tuple[type[LossError], tuple[str, tuple[Loss, ...]]]:
        return type(self), (self.adapter, self.losses)


class StreamError(ChatnormError):
    """A stream was cut, grew over a bound, broke its schema, or was already closed.

    `chunks` had been read from the same bytes before it happened and were not handed out yet.
    """

    def __init__(self, adapter: str, problem: str, chunks: Sequence[ChatCompletionChunk] = ()) -> None:
        self.adapter = adapter
        self.problem = problem
        self.chunks = tuple(chunks)
        super().__init__(f"{adapter}: {problem}")

    def __reduce__(self) -> tuple[type[StreamError], tuple[str, str, tuple[ChatCompletionChunk, ...]]]:
        return type(self), (self.adapter, self.problem, self.chunks)
