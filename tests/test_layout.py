"""Ordered blocks and the flat message: each is made of the other exactly, and a bad layout loses nothing."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable
from typing import Any

import chatnorm
import pytest
from chatnorm import LayoutItem, Message, Reasoning, ToolCall
from chatnorm.layout import Block, OpaqueBlock, TextBlock, blocks_of, flatten
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

TEXTS = st.sampled_from(["", "a", "Hi. ", "é", "🦀🦀", "\ud83d", "\n"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda below: st.lists(below, max_size=2) | st.dictionaries(TEXTS, below, max_size=2),
    max_leaves=4,
)
REASONING = st.builds(
    Reasoning,
    text=TEXTS | st.none() | st.just(UNSET),
    signature=TEXTS | st.just(UNSET),
    data=TEXTS | st.just(UNSET),
)
CALLS = st.builds(
    ToolCall,
    id=TEXTS | st.just(UNSET),
    function=st.builds(chatnorm.FunctionCall, name=TEXTS, arguments=TEXTS) | st.just(UNSET),
)
BLOCKS = st.lists(st.builds(TextBlock, TEXTS) | REASONING | CALLS | st.builds(OpaqueBlock, JSON), max_size=6)

PLAIN_ORDER: tuple[Block, ...] = (
    Reasoning(text="r"),
    Reasoning(data="d"),
    TextBlock("t"),
    ToolCall(id="1"),
    ToolCall(id="2"),
)


@given(BLOCKS)
@settings(max_examples=400, deadline=None)
def test_blocks_come_back(blocks: list[Block]) -> None:
    """Any blocks, in any order and with empty texts, are those of the message that they make."""
    assert blocks_of(flatten(blocks)) == blocks


@given(BLOCKS)
@settings(max_examples=150, deadline=None)
def test_blocks_come_back_through_canonical_json(blocks: list[Block]) -> None:
    """The message of any blocks has them still after canonical JSON."""
    message = flatten(blocks)
    completion = chatnorm.ChatCompletion(choices=[chatnorm.Choice(message=message)])
    body = chatnorm.encode(completion, "canonical")
    returned = chatnorm.decode(body, "canonical")
    assert returned == completion
    assert blocks_of(returned.choices[0].message) == blocks
    if message.layout is UNSET:
        assert b'"layout"' not in body


@given(BLOCKS)
@settings(max_examples=200, deadline=None)
def test_content_is_all_the_text(blocks: list[Block]) -> None:
    """The content is the texts joined, and null without a text block, even an empty one."""
    texts = [block.text for block in blocks if isinstance(block, TextBlock)]
    message = flatten(blocks)
    assert message.content == ("".join(texts) if texts else None)
    assert message.role == "assistant"


def test_role_is_given() -> None:
    """The role is what the caller says it is."""
    assert flatten([], role="user").role == "user"


def test_the_plain_order_has_no_layout() -> None:
    """Reasoning, one text and tool calls in this order, or any part of it, need no layout."""
    for size in range(len(PLAIN_ORDER) + 1):
        for blocks in itertools.combinations(PLAIN_ORDER, size):
            message = flatten(blocks)
            assert message.layout is UNSET
            assert blocks_of(message) == list(blocks)


def test_any_other_order_has_a_layout() -> None:
    """An order that the plain one does not say is written down, with the spans of the texts."""
    for blocks in itertools.permutations(PLAIN_ORDER, 3):
        order = [PLAIN_ORDER.index(block) for block in blocks]
        kinds = [type(block) for block in blocks]
        plain = kinds == [kind for kind in (Reasoning, TextBlock, ToolCall) for each in kinds if each is kind]
        assert (flatten(blocks).layout is UNSET) == plain, order
    assert flatten([TextBlock("ab"), TextBlock(""), TextBlock("c")]).layout == [
        LayoutItem(type="text", start=0, end=2),
        LayoutItem(type="text", start=2, end=2),
        LayoutItem(type="text", start=2, end=3),
    ]
    assert flatten([OpaqueBlock(None)]).layout == [LayoutItem(type="opaque", block=None)]


def test_spans_count_characters() -> None:
    """Spans count code points, as Python and JSON text do, not bytes."""
    message = flatten([TextBlock("é🦀"), ToolCall(id="1"), TextBlock("x")])
    assert message.content == "é🦀x"
    assert [(item.start, item.end) for item in message.layout if item.type == "text"] == [(0, 2), (2, 3)]


@given(BLOCKS)
@settings(max_examples=100, deadline=None)
def test_an_empty_layout_is_the_plain_order(blocks: list[Block]) -> None:
    """A layout that is an empty list says no more than none, and loses nothing but opaque blocks it never had."""
    blocks = [block for block in blocks if not isinstance(block, OpaqueBlock)]
    message = flatten(blocks)
    message.layout = []
    assert_nothing_lost(message)


# --- Layouts that do not fit --------------------------------------------------------------------------------

NUMBERS: Any = st.sampled_from([-(10**30), -2, -1, 0, 1, 2, 3, 10**30]) | st.just(UNSET)
ANYTHING: Any = NUMBERS | st.sampled_from([None, "", "1", 1.0, True, [], {}])


def layouts(numbers: Any) -> Any:
    return st.lists(
        st.builds(
            LayoutItem,
            type=st.sampled_from(["text", "reasoning", "tool_call", "opaque"]),
            start=numbers,
            end=numbers,
            index=numbers,
            block=JSON | st.just(UNSET),
        ),
        max_size=5,
    )


MESSAGES = st.builds(
    Message,
    content=TEXTS | st.just("Hi.") | st.none() | st.just(UNSET),
    reasoning=st.lists(REASONING, max_size=2) | st.none() | st.just(UNSET),
    tool_calls=st.lists(CALLS, max_size=2) | st.none() | st.just(UNSET),
)


def assert_nothing_lost(message: Message) -> None:
    """The blocks say all the text once, and every piece of reasoning, call and opaque block, in their order."""
    blocks = blocks_of(message)
    text = [block.text for block in blocks if isinstance(block, TextBlock)]
    assert "".join(text) == (message.content or "")
    assert bool(text) == isinstance(message.content, str)
    assert [block for block in blocks if isinstance(block, Reasoning)] == (message.reasoning or [])
    assert [block for block in blocks if isinstance(block, ToolCall)] == (message.tool_calls or [])
    opaque = [item.block for item in message.layout or [] if item.type == "opaque"]
    assert [block.block for block in blocks if isinstance(block, OpaqueBlock)] == opaque


@given(MESSAGES, layouts(NUMBERS))
@settings(max_examples=300, deadline=None)
def test_a_malicious_layout_loses_nothing(message: Message, layout: list[LayoutItem]) -> None:
    """A layout of any spans and places, out of range or negative, raises nothing and hides nothing."""
    message.layout = layout
    assert_nothing_lost(message)


@given(MESSAGES, layouts(ANYTHING))
@settings(max_examples=300, deadline=None)
def test_a_layout_of_wrong_types_loses_nothing(message: Message, layout: list[LayoutItem]) -> None:
    """A layout made by hand of values that are no numbers raises nothing and hides nothing."""
    message.layout = layout
    assert_nothing_lost(message)


@given(MESSAGES)
@settings(max_examples=50, deadline=None)
def test_a_null_layout_is_none(message: Message) -> None:
    """A layout that is null orders nothing."""
    message.layout = None  # type: ignore[assignment]
    assert_nothing_lost(message)


CHANGES: dict[str, Callable[[Message], object]] = {
    "text_edited": lambda message: setattr(message, "content", "short"),
    "text_removed": lambda message: setattr(message, "content", None),
    "text_absent": lambda message: setattr(message, "content", UNSET),
    "text_emptied": lambda message: setattr(message, "content", ""),
    "call_added": lambda message: message.tool_calls.append(ToolCall(id="new")),
    "call_removed": lambda message: message.tool_calls.pop(),
    "calls_absent": lambda message: setattr(message, "tool_calls", UNSET),
    "reasoning_added": lambda message: message.reasoning.insert(0, Reasoning(text="new")),
    "reasoning_removed": lambda message: message.reasoning.clear(),
    "reasoning_null": lambda message: setattr(message, "reasoning", None),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_stale_layout_orders_nothing(change: str) -> None:
    """After an edit that the layout does not know of, the blocks come in plain order, the opaque ones last."""
    message = flatten(
        [ToolCall(id="1"), TextBlock("one "), OpaqueBlock({"x": 1}), Reasoning(text="r"), TextBlock("two")]
    )
    assert type(blocks_of(message)[0]) is ToolCall
    CHANGES[change](message)
    assert_nothing_lost(message)
    order = [Reasoning, TextBlock, ToolCall, OpaqueBlock]
    found = [order.index(type(block)) for block in blocks_of(message)]
    assert found == sorted(found)
    assert found[-1] == 3


def test_an_edit_of_the_same_length_keeps_the_order() -> None:
    """Text that was replaced by as much text keeps its spans; calls and reasoning may be edited in place."""
    message = flatten([TextBlock("one"), ToolCall(id="1"), TextBlock("two")])
    message.content = "ONETWO"
    message.tool_calls[0].id = "2"
    assert blocks_of(message) == [TextBlock("ONE"), ToolCall(id="2"), TextBlock("TWO")]


LAYOUTS_IN_JSON = [
    [],
    [{"type": "text"}],
    [{"type": "text", "start": -1, "end": 99}],
    [{"type": "text", "start": 2, "end": 0}],
    [{"type": "tool_call"}],
    [{"type": "tool_call", "index": 7}],
    [{"type": "reasoning", "index": -1}],
    [{"type": "opaque"}],
    [{"type": "opaque", "block": None}, {"type": "text", "start": 0, "end": 3}],
    [{"type": "text", "start": 0, "end": 3, "index": 9, "unknown": 1}],
    [{"type": "text", "start": 0, "end": 3}] * 2,
    [{"type": "text", "start": start, "end": end} for start, end in ((0, 2), (2, 0), (0, 3))]
    + [{"type": "tool_call", "index": 0}],
]


@pytest.mark.parametrize("layout", LAYOUTS_IN_JSON, ids=json.dumps)
def test_a_layout_from_outside_does_no_harm(layout: Any) -> None:
    """A canonical payload with a bad layout is read, comes back, and encodes elsewhere with all its text."""
    payload = json.loads(chatnorm.encode(chatnorm.ChatCompletion(), "canonical"))
    message = {"role": "assistant", "content": "Hi.", "tool_calls": [{"id": "1"}], "layout": layout}
    payload["choices"] = [{"message": message}]
    record = chatnorm.decode(json.dumps(payload), "canonical")
    assert_nothing_lost(record.choices[0].message)
    assert json.loads(chatnorm.encode(record, "canonical")) == payload
    for schema in ("openai", "cozy", "log10"):
        said = json.loads(chatnorm.encode(copy.deepcopy(record), schema))
        assert said["choices"][0]["message"]["content"] == "Hi."


@pytest.mark.parametrize(
    "item", [{}, {"type": "image"}, {"type": None}, {"type": "text", "start": 1.5}, {"type": "text", "end": None}, 5]
)
def test_a_layout_item_of_no_kind_is_refused(item: Any) -> None:
    """A canonical payload whose layout has an item of no known kind is refused, with its path."""
    payload = {"choices": [{"message": {"content": "Hi.", "layout": [item]}}]}
    with pytest.raises(chatnorm.DecodeError) as error:
        chatnorm.decode(json.dumps(payload), "canonical")
    assert error.value.path.startswith("$.choices[0].message.layout[0]")
