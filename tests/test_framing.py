"""Bytes into frames: server-sent events and JSON lines.

The cases say in their own words what web-platform-tests `eventsource/format-*` and the WHATWG text hold, and
what streams of language models have broken in the field.

Source: https://github.com/web-platform-tests/wpt/tree/master/eventsource
"""

from __future__ import annotations

import itertools
import re
import sys
from types import FrameType
from typing import Any

import pytest
from chatnorm.framing import EventStreamDecoder, FramingError, LineDecoder, encode_event
from hypothesis import given, settings
from hypothesis import strategies as st

BOM = b"\xef\xbb\xbf"
WHOLE = sys.maxsize
CHUNK_SIZES = pytest.mark.parametrize("size", [WHOLE, 1, 3], ids=["whole", "1_byte", "3_bytes"])

Event = tuple[bytes, bytes]


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), min(size, len(body) or 1))]


def feed_all(decoder: EventStreamDecoder | LineDecoder, chunks: list[bytes]) -> list[Any]:
    return [frame for chunk in chunks for frame in decoder.feed(chunk)]


def data(*values: bytes) -> list[Event]:
    return [(b"", value) for value in values]


# name: (body, events by blank lines, events by close)
FORMAT: dict[str, tuple[bytes, list[Event], list[Event]]] = {
    "empty_stream": (b"", [], []),
    "one_event": (b"data: a\n\n", data(b"a"), []),
    "bom_is_dropped": (BOM + b"data: a\n\n", data(b"a"), []),
    "second_bom_is_part_of_a_field_name": (BOM + BOM + b"data: 1\n\ndata: 2\n\n", data(b"2"), []),
    "bom_later_is_part_of_a_field_name": (
        b"data: 1\n\n" + BOM + b"data: 2\n\ndata: 3\n\n",
        data(b"1", b"3"),
        [],
    ),
    "bom_after_a_blank_line_is_no_bom": (b"\n" + BOM + b"data: 1\n\n", [], []),
    "bom_alone_on_its_line": (BOM + b"\ndata: a\n\n", data(b"a"), []),
    "half_a_bom_is_part_of_a_field_name": (BOM[:2] + b"data: 1\n\n", [], []),
    "field_parsing": (
        b"data:\0\ndata:  2\rDATA:5\ndata\0:6\ndata:1\r\0data:7\nda-ta:8\r"
        b"data_9\ndata:3\rdata:\r\n data:32\ndata:4\n\n",
        data(b"\0\n 2\n1\n3\n\n4"),
        [],
    ),
    "one_leading_space_is_dropped": (b"data:a\n\ndata: b\n\ndata:  c\n\n", data(b"a", b"b", b" c"), []),
    "leading_tab_stays": (b"data:\ta\ndata: \tb\n\n", data(b"\ta\n\tb"), []),
    "trailing_space_stays": (b"data: a \n\n", data(b"a "), []),
    "further_colons_stay": (b"data: a: b:c\n\n", data(b"a: b:c"), []),
    "newline_kinds": (b"data:a\r\ndata:b\ndata:c\rdata:d\n\r\ndata:e\r\n\n", data(b"a\nb\nc\nd", b"e"), []),
    "lf": (b"data: a\n\ndata: b\n\n", data(b"a", b"b"), []),
    "crlf": (b"data: a\r\n\r\ndata: b\r\n\r\n", data(b"a", b"b"), []),
    "cr": (b"data: a\r\rdata: b\r\r", data(b"a", b"b"), []),
    "cr_lf_then_cr": (b"data: a\r\n\rdata: b\r\r\n", data(b"a", b"b"), []),
    "cr_ends_a_line_before_a_crlf": (b"data: a\r\r\ndata: b\n\r", data(b"a", b"b"), []),
    "comments": (b":\ndata: a\n: data: b\n:data\ndata: c\n:\n\n", data(b"a\nc"), []),
    "comment_without_a_blank_line": (b": ping\n: ping\ndata: a\n\n", data(b"a"), []),
    "nul_in_data_stays": (b"data: \0a\0\n\n", data(b"\0a\0"), []),
    "data_without_value": (b"data\n\ndata\ndata\n\ndata:\n\n", data(b"", b"\n", b""), []),
    "data_unfinished_without_value": (b"data\n\ndata\ndata\n\ndata:", data(b"", b"\n"), data(b"")),
    "unknown_fields": (b"info: a\ndata: a\ndatas: b\n data: c\nData: d\nfoo\n\n", data(b"a"), []),
    "blank_lines": (b"\n\n\ndata: a\n\n\n\ndata: b\n\n\n", data(b"a", b"b"), []),
    "event_name": (b"event: x\ndata: a\n\n", [(b"x", b"a")], []),
    "event_name_after_data": (b"data: a\nevent:x\n\n", [(b"x", b"a")], []),
    "last_event_name_wins": (b"event: x\nevent: y\ndata: a\n\n", [(b"y", b"a")], []),
    "empty_event_name": (
        b"event: \ndata: a\n\nevent\ndata: b\n\nevent: x\nevent\ndata: c\n\n",
        data(b"a", b"b", b"c"),
        [],
    ),
    "event_name_resets": (b"event: x\ndata: a\n\ndata: b\n\n", [(b"x", b"a"), (b"", b"b")], []),
    "block_without_data_resets_the_event_name": (b"event: x\n\ndata: a\n\n", data(b"a"), []),
    "id_and_retry_alone_are_no_event": (b"id: 1\n\nretry: 10\n\n: c\n\n", [], []),
    "utf_8": (
        "data: ok…🦀\n\nevent: naïve\ndata: é\n\n".encode(),
        [(b"", "ok…🦀".encode()), ("naïve".encode(), "é".encode())],
        [],
    ),
    "invalid_utf_8_passes_through": (b"data: \xff\xc3\n\n", data(b"\xff\xc3"), []),
}

LANGUAGE_MODELS: dict[str, tuple[bytes, list[Event], list[Event]]] = {
    "no_space_after_the_colon": (b'data:{"a":1}\n\ndata:[DONE]\n\n', data(b'{"a":1}', b"[DONE]"), []),
    "unicode_line_separators_in_json": (
        'data: {"a":"x\u2028y\u2029z\u0085\x0b\x0c\x1c"}\n\n'.encode(),
        data('{"a":"x\u2028y\u2029z\u0085\x0b\x0c\x1c"}'.encode()),
        [],
    ),
    "json_over_several_lines": (b'data: {\ndata:   "a": 1\ndata: }\n\n', data(b'{\n  "a": 1\n}'), []),
    "named_events": (
        b'event: message_start\ndata: {"type":"message_start"}\n\nevent: ping\ndata: {}\n\n',
        [(b"message_start", b'{"type":"message_start"}'), (b"ping", b"{}")],
        [],
    ),
    "named_events_crlf": (
        b"event: message_start\r\ndata: {}\r\n\r\nevent: ping\r\ndata: {}\r\n\r\n",
        [(b"message_start", b"{}"), (b"ping", b"{}")],
        [],
    ),
    "line_ends_mixed": (
        b"data: 1\r\n\r\ndata: 2\n\ndata: 3\r\rdata: 4\n\n",
        data(b"1", b"2", b"3", b"4"),
        [],
    ),
    "emoji": ('data: {"content":"你好🦀"}\n\n'.encode(), data('{"content":"你好🦀"}'.encode()), []),
    "keep_alives": (
        b": PROCESSING\n\n: PROCESSING\n\ndata: {}\n\n:\n\ndata: [DONE]\n\n",
        data(b"{}", b"[DONE]"),
        [],
    ),
    "keep_alive_inside_a_block": (b"event: x\n: keep-alive\ndata: {}\n\n", [(b"x", b"{}")], []),
    "unfinished_after_one_line_end": (b"data: {}\n\ndata: [DONE]\n", data(b"{}"), data(b"[DONE]")),
    "unfinished_within_a_line": (b"data: {}\n\ndata: [DONE]", data(b"{}"), data(b"[DONE]")),
    "unfinished_named_event": (b"event: x\r\ndata: {}\r\n", [], [(b"x", b"{}")]),
    "unfinished_after_cr": (b"data: {}\r", [], data(b"{}")),
    "unfinished_several_lines": (b"data: {\ndata: }", [], data(b"{\n}")),
    "unfinished_block_without_data": (b"data: {}\n\nevent: x\nid: 1", data(b"{}"), []),
    "json_body_of_an_error_is_no_event": (b'{"error":{"message":"no"}}', [], []),
    "events_with_ids": (b"id: 1\ndata: a\n\nid: 2\nevent: x\ndata: b\n\n", [(b"", b"a"), (b"x", b"b")], []),
}


@pytest.mark.parametrize("case", [*FORMAT, *LANGUAGE_MODELS])
@CHUNK_SIZES
def test_events(case: str, size: int) -> None:
    """The events of a body are those of the WHATWG text, however it is cut, and close gives the rest."""
    body, events, unfinished = {**FORMAT, **LANGUAGE_MODELS}[case]
    decoder = EventStreamDecoder()
    assert feed_all(decoder, cut(body, size)) == events
    assert decoder.close() == unfinished


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"data: a\n\n", b"", id="none"),
        pytest.param(b"id: 1\ndata: a\n\n", b"1", id="set"),
        pytest.param(b"data: a\nid:2\n\ndata: b\n\n", b"2", id="persists"),
        pytest.param(b"id: 1\nid: 2\n\n", b"2", id="last_wins"),
        pytest.param(b"id: 1\n\n", b"1", id="block_without_data"),
        pytest.param(b"id: 1\n\nid\n\n", b"", id="reset_without_colon"),
        pytest.param(b"id: 1\n\nid:\ndata: a\n\n", b"", id="reset_with_colon"),
        pytest.param(b"id: 1\n\nid: 2\0\n\n", b"1", id="nul_ignored"),
        pytest.param(b"id: 1\n\nID: 2\n\n", b"1", id="name_is_case_sensitive"),
        pytest.param(b"id: 1\n\nid: 2\ndata: a\n", b"1", id="block_unfinished"),
        pytest.param(b"id: 1\n\ndata: a\nid: 2", b"1", id="line_unfinished"),
    ],
)
@CHUNK_SIZES
def test_last_event_id(body: bytes, expected: bytes, size: int) -> None:
    """The last event id is that of the last block which a blank line ended, and a NUL forbids it."""
    decoder = EventStreamDecoder()
    feed_all(decoder, cut(body, size))
    assert decoder.last_event_id == expected
    decoder.close()
    assert decoder.last_event_id == expected


def test_last_event_id_waits_for_the_blank_line() -> None:
    """An id counts only when its block has ended, so that a reconnection asks for a lost event again."""
    decoder = EventStreamDecoder()
    decoder.feed(b"id: 1\n\nid: 2\ndata: a\n")
    assert decoder.last_event_id == b"1"
    decoder.feed(b"\n")
    assert decoder.last_event_id == b"2"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"data: a\n\n", None, id="none"),
        pytest.param(b"retry: 3000\n\n", 3000, id="set"),
        pytest.param(b"retry:3000\ndata: a\n\nretry: 010\n\n", 10, id="last_wins"),
        pytest.param(b"retry: 3000\nretry\nretry:\n\n", 3000, id="empty"),
        pytest.param(b"retry: 3000\nretry: 1000x\nretry: -1\nretry: 1.5\nretry:  7\n\n", 3000, id="bogus"),
        pytest.param("retry: 3000\nretry: ١\n\n".encode(), 3000, id="digits_are_ascii"),
        pytest.param(b"retry: 3000\nretry: " + b"9" * 5000 + b"\n\n", 3000, id="thousands_of_digits"),
    ],
)
@CHUNK_SIZES
def test_retry(body: bytes, expected: int | None, size: int) -> None:
    """The reconnection time is the last `retry` of ASCII digits alone, in milliseconds."""
    decoder = EventStreamDecoder()
    feed_all(decoder, cut(body, size))
    assert decoder.retry == expected


@CHUNK_SIZES
def test_comments_are_counted(size: int) -> None:
    """Comment lines are no events, and the decoder counts them."""
    decoder = EventStreamDecoder()
    for chunk in cut(b": ping\n\ndata: a\n:\n:ping\r\n\ndata: :\n\n", size):
        decoder.feed(chunk)
    assert decoder.comments == 3


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_an_event_comes_with_its_blank_line(line_end: bytes) -> None:
    """The chunk that ends the blank line returns the event; a CR does not wait for an LF."""
    decoder = EventStreamDecoder()
    for number in range(3):
        value = b"%d" % number
        assert decoder.feed(b"data: " + value + line_end + line_end) == [(b"", value)]
        assert decoder.feed(b"event: x" + line_end + b"data: " + value + line_end + line_end) == [(b"x", value)]
    assert decoder.close() == []


@pytest.mark.parametrize(
    ("chunks", "events"),
    [
        pytest.param(
            [b"data: a\n\ndata: b\n\n", b"event: x\ndata: c\n\n"],
            [*data(b"a", b"b"), (b"x", b"c")],
            id="several",
        ),
        pytest.param(
            [b"data: a\ndata: b\n\n", b"data: a\n\n\n", b"data: b\n\n"], data(b"a\nb", b"a", b"b"), id="lines"
        ),
        pytest.param([b"x", b"data: a\n\n"], [], id="after_part_of_a_line"),
        pytest.param([b"event: x\n", b"data: a\n\n"], [(b"x", b"a")], id="after_the_event_name"),
        pytest.param([b"data: a\n", b"data: b\n\n"], data(b"a\nb"), id="after_data"),
        pytest.param([b"data\n", b"data: a\n\n"], data(b"\na"), id="after_empty_data"),
        pytest.param([b"event: x\nevent: y\n\n", b"event: x\n\n", b"data: a\n\n"], data(b"a"), id="after_names_alone"),
        pytest.param([b"data: a\r", b"\n\n", b"data: b\n\n"], data(b"a", b"b"), id="cr_then_lf_lf"),
        pytest.param([b"data: a\r\r", b"data: b\n\n", b"\ndata: c\n\n"], data(b"a", b"b", b"c"), id="cr_then_event"),
        pytest.param(
            [b"", b"data: a\r", b"", b"\n", b"", b"data: b\r\n\r", b"", b"\n", b""],
            data(b"a\nb"),
            id="empty_chunks",
        ),
    ],
)
def test_chunks_in_every_state(chunks: list[bytes], events: list[Event]) -> None:
    """A chunk that looks like one whole event is read in the state that the chunks before it left."""
    decoder = EventStreamDecoder()
    assert decoder.feed(b": ping\n\n") == []
    assert feed_all(decoder, chunks) == events


def test_id_counts_when_its_event_comes_in_the_next_chunk() -> None:
    """An id waits for its blank line when a whole event follows it in another chunk."""
    decoder = EventStreamDecoder()
    assert feed_all(decoder, [b"data: a\n\n", b"id: 1\n", b"data: b\n\n"]) == data(b"a", b"b")
    assert decoder.last_event_id == b"1"


def expected_stream(body: bytes) -> tuple[list[Event], list[Event], bytes, int | None]:
    """Read a whole body at once: its events, its unfinished event, the last event id and the retry."""
    lines = re.split(rb"\r\n|\n|\r", body.removeprefix(BOM))
    unfinished = lines.pop()
    ends = [number for number, line in enumerate(lines) if line == b""]
    blocks = [lines[start + 1 : end] for start, end in itertools.pairwise([-1, *ends])]
    last_block = [*lines[ends[-1] + 1 if ends else 0 :], unfinished]

    def fields(block: list[bytes], name: bytes) -> list[bytes]:
        pairs = [re.fullmatch(rb"([^:]*)(?:: ?(.*))?", line, re.DOTALL) for line in block if line]
        return [pair[2] or b"" for pair in pairs if pair and pair[1] == name]

    def event(block: list[bytes]) -> list[Event]:
        values = fields(block, b"data")
        return [([b"", *fields(block, b"event")][-1], b"\n".join(values))] if values else []

    ids = [value for block in blocks for value in fields(block, b"id") if b"\0" not in value]
    retries = [value for value in fields(lines, b"retry") if re.fullmatch(rb"[0-9]{1,18}", value)]
    return (
        [found for block in blocks for found in event(block)],
        event(last_block),
        [b"", *ids][-1],
        int(retries[-1]) if retries else None,
    )


def cut_at(chunks: list[bytes], cuts: list[int]) -> list[bytes]:
    """Cut `chunks` further, at these positions of the whole."""
    lengths = list(itertools.accumulate(map(len, chunks), initial=0))
    positions = sorted({*lengths, *(position for position in cuts if position < lengths[-1])})
    body = b"".join(chunks)
    return [body[start:end] for start, end in itertools.pairwise(positions)]


TOKENS = st.sampled_from(
    [
        *(b"\n", b"\n\n", b"\r", b"\r\n", b"\r\n\r\n", b" ", b"x", b"\0", b"5"),
        *(b"data", b"data:", b"data: ", b'data: {"a":1}\n\n', b"event", b"event: ", b"event: x\ndata: "),
        *(b"data: b\n\n", b"event: y\ndata: c\n\n", b"data: d\r\n\r\n", b"event: z\n"),
        *(b"id", b"id: 7", b"retry: 12", b":", b": ping"),
        *(BOM, BOM[:1], "🦀".encode(), "\u2028".encode(), "\u0085".encode(), b"\xff"),
    ]
)
BODIES = st.lists(TOKENS, max_size=8).map(b"".join)
CHUNKS = st.tuples(st.lists(BODIES, max_size=5), st.lists(st.integers(0, 120), max_size=5)).map(
    lambda drawn: cut_at(drawn[0], drawn[1])
)


@given(CHUNKS)
@settings(max_examples=500, deadline=None)
def test_any_cut_gives_the_events_of_the_whole(chunks: list[bytes]) -> None:
    """Any body under any cut gives what a parser that has the whole body gives."""
    decoder = EventStreamDecoder()
    events = feed_all(decoder, chunks)
    last_event_id, retry = decoder.last_event_id, decoder.retry
    assert (events, decoder.close(), last_event_id, retry) == expected_stream(b"".join(chunks))


def feed_until_refused(decoder: EventStreamDecoder | LineDecoder, chunks: list[bytes]) -> tuple[list[Any], bool]:
    frames: list[Any] = []
    try:
        for chunk in chunks:
            frames += decoder.feed(chunk)
        frames += decoder.close()
    except FramingError:
        return frames, True
    return frames, False


@given(CHUNKS, st.integers(1, 30))
@settings(max_examples=300, deadline=None)
def test_any_cut_meets_the_bound_at_the_same_event(chunks: list[bytes], bound: int) -> None:
    """What the bound refuses, and what comes before, does not depend on where the body is cut."""
    body = b"".join(chunks)
    for kind in (EventStreamDecoder, LineDecoder):
        byte_by_byte = feed_until_refused(kind(bound), cut(body, 1))
        assert feed_until_refused(kind(bound), chunks) == byte_by_byte
        assert feed_until_refused(kind(bound), [body]) == byte_by_byte


@CHUNK_SIZES
def test_bound_on_one_line(size: int) -> None:
    """A line of as many bytes as the bound passes; one byte more raises and closes the decoder."""
    decoder = EventStreamDecoder(16)
    assert feed_all(decoder, cut(b"data: 0123456789\n\n" * 3, size)) == data(b"0123456789") * 3
    with pytest.raises(FramingError, match="an event exceeds 16 bytes"):
        feed_all(decoder, cut(b"data: 0123456789a", size))
    with pytest.raises(FramingError, match="closed"):
        decoder.feed(b"data: a\n\n")
    assert decoder.close() == []


def test_bound_on_a_whole_event() -> None:
    """An event over the bound raises even when it needs no buffer, as it does byte by byte."""
    decoder = EventStreamDecoder(16)
    assert decoder.feed(b"data: a\n\n") == data(b"a")
    with pytest.raises(FramingError, match="an event exceeds 16 bytes"):
        decoder.feed(b"data: 0123456789a\n\n")
    assert not any([decoder._line, decoder._data])


@CHUNK_SIZES
def test_bound_on_many_lines(size: int) -> None:
    """Data lines of one event count together."""
    decoder = EventStreamDecoder(100)
    with pytest.raises(FramingError, match="an event exceeds 100 bytes"):
        feed_all(decoder, cut(b"data: 01234567\n" * 20, size))
    assert not any([decoder._line, decoder._data])


@CHUNK_SIZES
def test_what_is_not_held_does_not_count(size: int) -> None:
    """A stream may be longer than the bound: comments, ids and finished events hold nothing."""
    decoder = EventStreamDecoder(32)
    body = b": ping\n" * 20 + b"id: 5\n" * 20 + b"data: a\n\n" * 20
    assert feed_all(decoder, cut(body, size)) == data(b"a") * 20
    assert decoder.comments == 20


def test_events_before_the_bound_are_not_lost() -> None:
    """Events that a chunk completes before one over the bound are returned; the next call raises, once."""
    body = b"data: a\n\nevent: x\ndata: b\n\ndata: " + b"x" * 100
    decoder = EventStreamDecoder(50)
    assert decoder.feed(body) == [(b"", b"a"), (b"x", b"b")]
    with pytest.raises(FramingError, match="an event exceeds 50 bytes"):
        decoder.feed(b"data: c\n\n")
    with pytest.raises(FramingError, match="closed"):
        decoder.feed(b"data: c\n\n")
    decoder = EventStreamDecoder(50)
    decoder.feed(body)
    with pytest.raises(FramingError, match="an event exceeds 50 bytes"):
        decoder.close()
    assert decoder.close() == []


def test_closed_event_stream_refuses_bytes() -> None:
    """After close a feed raises, and closing again returns nothing."""
    decoder = EventStreamDecoder()
    decoder.feed(b"data: a\n\ndata: b")
    assert decoder.close() == data(b"b")
    assert decoder.close() == []
    for chunk in (b"", b"data: c\n\n", b"data: c\r\n\r\n"):
        with pytest.raises(FramingError, match="closed"):
            decoder.feed(chunk)


def bytes_handled(decoder: EventStreamDecoder | LineDecoder, chunks: list[bytes]) -> int:
    """Feed `chunks` and return the bytes in all the bytes objects whose methods the decoder called."""
    handled = 0

    def count(_frame: FrameType, event: str, function: Any) -> None:
        nonlocal handled
        owner = getattr(function, "__self__", None)
        if event == "c_call" and isinstance(owner, bytes | bytearray):
            handled += len(owner)

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        for chunk in chunks:
            decoder.feed(chunk)
    finally:
        sys.setprofile(before)
    return handled


SIZE = 4 * 2**20


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"data: " + b"x" * SIZE + b"\n\n", id="one_line"),
        pytest.param(b"data: " + b"x" * SIZE + b"\r\n\r\n", id="one_line_crlf"),
        pytest.param((b"data: " + b"x" * 1018 + b"\n") * (SIZE // 1024) + b"\n", id="many_lines"),
        pytest.param((b"data: " + b"x" * 100 + b"\n\n") * (SIZE // 108), id="many_events"),
    ],
)
def test_event_stream_is_linear(body: bytes) -> None:
    """Four mebibytes in pieces of one kibibyte are searched a fixed number of times, in one buffer."""
    decoder = EventStreamDecoder()
    line = decoder._line
    assert len(body) / 2 < bytes_handled(decoder, cut(body, 1024)) < 12 * len(body)
    assert decoder._line is line


def test_lines_are_linear() -> None:
    """A line of four mebibytes in pieces of one kibibyte is searched a fixed number of times."""
    body = b"x" * SIZE + b"\n"
    decoder = LineDecoder()
    line = decoder._line
    assert len(body) / 2 < bytes_handled(decoder, cut(body, 1024)) < 6 * len(body)
    assert decoder._line is line


def test_nothing_is_held_between_events() -> None:
    """A stream without end leaves no byte behind in the decoder."""
    decoder = EventStreamDecoder()
    assert len(feed_all(decoder, cut(b"id: 1\nevent: x\ndata: a\ndata: b\n\n: ping\n\n" * 100, 7))) == 100
    assert not any([decoder._line, decoder._data, decoder._event, decoder._id, decoder._held])


@pytest.mark.parametrize(
    ("value", "event", "wire"),
    [
        pytest.param(b'{"a":1}', b"", b'data: {"a":1}\n\n', id="data"),
        pytest.param(b"{}", b"ping", b"event: ping\ndata: {}\n\n", id="named"),
        pytest.param(b"", b"", b"data: \n\n", id="empty"),
        pytest.param(b"a\nb\r\nc\rd\n", b"", b"data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n", id="several_lines"),
        pytest.param("x\u2028y".encode(), b"", "data: x\u2028y\n\n".encode(), id="line_separator_is_no_line_end"),
    ],
)
def test_encode_event(value: bytes, event: bytes, wire: bytes) -> None:
    """An event is written with the space after the colon, which some clients want, and one field per line."""
    assert encode_event(value, event) == wire


@pytest.mark.parametrize("event", [b"x\ndata: y", b"x\r", b"\n"])
def test_event_name_cannot_hold_a_line_end(event: bytes) -> None:
    """A line end in an event name raises, so that no field can be smuggled in."""
    with pytest.raises(FramingError, match="line end"):
        encode_event(b"{}", event)


@given(st.lists(st.tuples(st.binary(max_size=6).map(lambda b: re.sub(rb"[\r\n]", b"", b)), BODIES), max_size=4))
@settings(max_examples=200, deadline=None)
def test_encoded_events_decode_to_themselves(events: list[Event]) -> None:
    """What is encoded reads back, with every line end of the data an LF."""
    decoder = EventStreamDecoder()
    decoded = decoder.feed(b"".join(encode_event(value, event) for event, value in events))
    assert decoded == [(event, re.sub(rb"\r\n|\r", b"\n", value)) for event, value in events]


@pytest.mark.parametrize(
    ("body", "lines", "unfinished"),
    [
        pytest.param(b"", [], [], id="empty_stream"),
        pytest.param(b"{}\n[]\n", [b"{}", b"[]"], [], id="lf"),
        pytest.param(b"{}\r\n[]\r\n", [b"{}", b"[]"], [], id="crlf"),
        pytest.param(b'{"a":\r1}\n', [b'{"a":\r1}'], [], id="cr_inside_stays"),
        pytest.param(b"\n\r\n{}\n\n\n[]\n\r\n", [b"{}", b"[]"], [], id="empty_lines"),
        pytest.param(b"{}\n[]", [b"{}"], [b"[]"], id="unfinished"),
        pytest.param(b"{}\n[]\r", [b"{}"], [b"[]"], id="unfinished_with_cr"),
        pytest.param(b"{}\n\r", [b"{}"], [], id="unfinished_empty"),
        pytest.param('"你好🦀\u2028\u0085"\n'.encode(), ['"你好🦀\u2028\u0085"'.encode()], [], id="unicode"),
    ],
)
@CHUNK_SIZES
def test_lines(body: bytes, lines: list[bytes], unfinished: list[bytes], size: int) -> None:
    """JSON lines end at LF alone, lose a CR before it, and empty ones are left out."""
    decoder = LineDecoder()
    assert feed_all(decoder, cut(body, size)) == lines
    assert decoder.close() == unfinished
    assert decoder.close() == []
    with pytest.raises(FramingError, match="closed"):
        decoder.feed(b"{}\n")


@given(st.lists(st.lists(st.sampled_from([b"{}", b"\n", b"\r", b"\r\n", b" "])).map(b"".join)))
@settings(max_examples=200, deadline=None)
def test_any_cut_gives_the_lines_of_the_whole(chunks: list[bytes]) -> None:
    """JSON lines under any cut are the lines of the whole."""
    decoder = LineDecoder()
    lines = feed_all(decoder, chunks)
    body = b"".join(chunks)
    assert lines + decoder.close() == [found for found in re.sub(rb"\r(\n|\Z)", rb"\1", body).split(b"\n") if found]


@CHUNK_SIZES
def test_bound_on_a_json_line(size: int) -> None:
    """A line of as many bytes as the bound passes; one byte more raises after the lines before, once."""
    decoder = LineDecoder(8)
    assert feed_all(decoder, cut(b"01234567\n" * 3, size)) == [b"01234567"] * 3
    with pytest.raises(FramingError, match="a line exceeds 8 bytes"):
        feed_all(decoder, cut(b"012345678", size))
    with pytest.raises(FramingError, match="closed"):
        decoder.feed(b"{}\n")
    assert decoder.close() == []


def test_lines_before_the_bound_are_not_lost() -> None:
    """Lines that one chunk completes before a line over the bound are returned; the next call raises."""
    for body in (b"{}\n[]\n012345678\n{}\n", b"{}\n[]\n012345678"):
        decoder = LineDecoder(8)
        assert decoder.feed(body) == [b"{}", b"[]"]
        with pytest.raises(FramingError, match="a line exceeds 8 bytes"):
            decoder.close()
