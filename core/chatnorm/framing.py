"""Byte streams cut into frames: server-sent events and JSON lines, without I/O.

A decoder takes the bytes as they arrive and returns the frames they complete. Bytes cut anywhere give the
same frames, no byte is searched again when more arrive, and every buffer is bounded.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
Source: https://github.com/ndjson/ndjson-spec
"""

from __future__ import annotations

__all__ = ["EventStreamDecoder", "FramingError", "LineDecoder", "encode_event"]

_LF = 0x0A  # `0x0A in data` costs an eighth of `b"\n" in data`
_CR = 0x0D
_BOM = b"\xef\xbb\xbf"
_RETRY_DIGITS = 18  # int() refuses thousands of digits; this many milliseconds are thirty million years


class FramingError(ValueError):
    """A stream cannot be cut any further: a frame is over its bound, or the decoder is closed."""


class EventStreamDecoder:
    """Server-sent events out of the bytes of one stream.

    Lines end at CR LF, LF or CR, never at U+2028 or U+0085, which JSON may hold. Data are not decoded:
    invalid UTF-8 passes through.

    Attributes:
        last_event_id: the `id` of the last block that a blank line ended, for `Last-Event-ID`; it persists.
        retry: the reconnection time asked for, in milliseconds; `None` until the stream gives one.
        comments: comment lines seen so far; providers send them as keep-alives.
    """

    def __init__(self, max_event_bytes: int = 64 * 2**20) -> None:
        """Open a decoder that holds at most `max_event_bytes` bytes of an unfinished event."""
        self.last_event_id = b""
        self.retry: int | None = None
        self.comments = 0
        self._bound = max_event_bytes
        self._line = bytearray()  # the unfinished line; only new bytes are ever searched
        self._data: bytes | bytearray | None = None  # unfinished; a bytearray from two lines on
        self._event = b""
        self._id: bytes | None = None
        self._held = 0  # bytes in _line and _data
        self._started = False  # the first line, which may begin with a BOM, is over
        self._after_cr = False  # an LF that comes next belongs to the line end before
        self._idle = False  # between two blocks, with nothing held
        self._closed = ""  # why, once closed

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        r"""Return the events that `data` completes, in order, as `(event name, data)`.

        The name is `b""` where the stream gives none (a browser says «message»); lines of data are joined by
        `\n`. A block without a data field is no event.

        Raises:
            FramingError: an event exceeds the bound, or the decoder is closed. Events completed before
                the one over the bound are returned first; the next call raises.
        """
        if _CR in data or self._after_cr:
            data = self._normalise(data)
        if self._idle and len(data) <= self._bound:  # most chunks are one whole event
            line, _, rest = data.partition(b"\n")
            event = line.removeprefix(b"event: ")
            if event != line:
                line, _, rest = rest.partition(b"\n")
            else:
                event = b""
            value = line.removeprefix(b"data: ")
            if rest == b"\n" and value != line:
                return [(event, value)]
        if self._closed:
            reason, self._closed = self._closed, "closed"
            raise FramingError(reason)
        if self._held + len(data) <= self._bound:
            return self._feed_lines(data)
        return self._feed_bounded(data)

    def close(self) -> list[tuple[bytes, bytes]]:
        """End the stream and return its last event if no blank line ended it; closing again returns nothing.

        WHATWG drops such an event, but real streams end without the last blank line. Whether its data are
        whole is for the caller to see. It does not move `last_event_id`.

        Raises:
            FramingError: an event exceeded the bound and no call has raised yet.
        """
        reason, self._closed = self._closed, "closed"
        if reason == "closed":
            return []
        if reason:
            raise FramingError(reason)
        last_event_id = self.last_event_id
        events = self._feed_lines(b"\n\n")
        self.last_event_id = last_event_id
        self._idle = False
        return events

    def _normalise(self, data: bytes) -> bytes:
        """Return `data` with every line end an LF; a CR LF cut in two counts once."""
        if not data:
            return data
        ends_in_cr = data[-1] == _CR
        if self._after_cr:
            data = data.removeprefix(b"\n")
        self._after_cr = ends_in_cr
        data = data.replace(b"\r\n", b"\n")
        return data.replace(b"\r", b"\n") if _CR in data else data

    def _feed_lines(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Take lines ended by LF alone, in whatever state; the one implementation of the event stream."""
        events: list[tuple[bytes, bytes]] = []
        lines = _split(self._line, data)
        if lines and not self._started:
            lines[0] = lines[0].removeprefix(_BOM)
            self._started = True
        held, event = self._data, self._event
        for line in lines:
            if not line:
                if held is not None:
                    events.append((event, held if isinstance(held, bytes) else bytes(held)))
                    held = None
                event = b""
                if self._id is not None:
                    self.last_event_id, self._id = self._id, None
            elif (value := line.removeprefix(b"data: ")) != line:
                held = value if held is None else _join(held, value)
            elif (value := line.removeprefix(b"event: ")) != line:
                event = value
            else:
                field, _, value = line.partition(b":")
                value = value.removeprefix(b" ")
                if field == b"data":
                    held = value if held is None else _join(held, value)
                elif field == b"event":
                    event = value
                else:
                    self._set(field, value)
        self._data, self._event = held, event
        self._held = len(self._line) + len(held or b"")
        self._idle = self._started and not (self._line or event or held is not None or self._id is not None)
        return events

    def _set(self, field: bytes, value: bytes) -> None:
        """Note a field that is no part of an event; a comment has no name, and an unknown name is ignored."""
        if not field:
            self.comments += 1
        elif field == b"id" and 0 not in value:
            self._id = value
        elif field == b"retry" and value.isdigit() and len(value) <= _RETRY_DIGITS:
            self.retry = int(value)

    def _feed_bounded(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Take bytes that may exceed the bound, never more at once than there is room for."""
        events: list[tuple[bytes, bytes]] = []
        position = 0
        while position < len(data):
            end = position + max(1, self._bound - self._held)
            events += self._feed_lines(data[position:end])
            position = end
            if self._held > self._bound:
                self._line.clear()
                self._data = None
                reason = f"an event exceeds {self._bound} bytes"
                self._closed = reason if events else "closed"
                if not events:
                    raise FramingError(reason)
                break
        return events


class LineDecoder:
    """JSON lines (NDJSON) out of the bytes of one stream.

    Lines end at LF; a CR before it is dropped, and so are empty lines.
    """

    def __init__(self, max_line_bytes: int = 64 * 2**20) -> None:
        """Open a decoder that holds at most `max_line_bytes` bytes of an unfinished line."""
        self._bound = max_line_bytes
        self._line = bytearray()  # the unfinished line; only new bytes are ever searched
        self._closed = ""  # why, once closed

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes, in order, without their ends.

        Raises:
            FramingError: a line exceeds the bound, or the decoder is closed. Lines completed before
                the one over the bound are returned first; the next call raises.
        """
        if self._closed:
            reason, self._closed = self._closed, "closed"
            raise FramingError(reason)
        may_exceed = len(self._line) + len(data) > self._bound
        lines = _split(self._line, data)
        if may_exceed:
            lines = self._within_bound(lines)
        return [text for line in lines if (text := line.removesuffix(b"\r"))]

    def close(self) -> list[bytes]:
        """End the stream and return its last line if no LF ended it; closing again returns nothing.

        Raises:
            FramingError: a line exceeded the bound and no call has raised yet.
        """
        reason, self._closed = self._closed, "closed"
        if reason and reason != "closed":
            raise FramingError(reason)
        line = bytes(self._line).removesuffix(b"\r")
        self._line.clear()
        return [line] if line else []

    def _within_bound(self, lines: list[bytes]) -> list[bytes]:
        """Return the lines before the first one over the bound, and close the decoder if there is one."""
        for count, line in enumerate([*lines, self._line]):
            if len(line) > self._bound:
                self._line.clear()
                reason = f"a line exceeds {self._bound} bytes"
                self._closed = reason if count else "closed"
                if not count:
                    raise FramingError(reason)
                return lines[:count]
        return lines


def encode_event(data: bytes, event: bytes = b"") -> bytes:
    r"""Return one server-sent event; data of several lines take several fields, and read back joined by `\n`.

    Raises:
        FramingError: the event name holds a line end, which would start a field of its own.
    """
    if _LF in data or _CR in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\ndata: ")
    if not event:
        return b"data: %b\n\n" % data
    if _LF in event or _CR in event:
        raise FramingError(f"an event name holds a line end: {event!r}")
    return b"event: %b\ndata: %b\n\n" % (event, data)


def _split(line: bytearray, data: bytes) -> list[bytes]:
    """Return the lines that `data` completes; the unfinished one stays in `line`, never searched again."""
    lines = data.split(b"\n")
    rest = lines.pop()
    if lines and line:
        line += lines[0]
        lines[0] = bytes(line)
        line.clear()
    line += rest
    return lines


def _join(data: bytes | bytearray, value: bytes) -> bytearray:
    """Return `data` with one more line, extended in place from the second on: many lines stay linear."""
    if not isinstance(data, bytearray):
        data = bytearray(data)
    data += b"\n"
    data += value
    return data
