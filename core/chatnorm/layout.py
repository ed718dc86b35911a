"""Ordered blocks <-> the flat message.

Block schemas answer with a list of blocks; a canonical message is flat. `flatten` makes the message's fields and,
only where the order says more than the plain one (reasoning, one text, tool calls), a `layout`; `blocks_of` is its
inverse. Adapters of block schemas use these two and nothing else for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from .canonical import with_extras
from .completion import LayoutItem, Message, Reasoning, ToolCall
from .record import extras

__all__ = ["Block", "OpaqueBlock", "TextBlock", "blocks_of", "flatten"]


class TextBlock(Struct, frozen=True):
    """A run of visible text, and the undeclared keys of its block."""

    text: str
    extras: dict[str, Any] = {}


class OpaqueBlock(Struct, frozen=True):
    """A block only its provider understands, as a JSON value; `schema` is whose it is."""

    block: Any
    schema: str | UnsetType = UNSET


Block = TextBlock | Reasoning | ToolCall | OpaqueBlock


def flatten(blocks: Iterable[Block], role: str = "assistant") -> Message:
    """The message whose `blocks_of` are these. Without a text block its `content` is null."""
    texts: list[str] = []
    reasoning: list[Reasoning] = []
    tool_calls: list[ToolCall] = []
    layout: list[LayoutItem] = []
    end = 0
    for block in blocks:
        match block:
            case TextBlock():
                start, end = end, end + len(block.text)
                texts.append(block.text)
                item = LayoutItem(type="text", start=start, end=end)
                layout.append(with_extras(item, block.extras) if block.extras else item)
            case Reasoning():
                layout.append(LayoutItem(type="reasoning", index=len(reasoning)))
                reasoning.append(block)
            case ToolCall():
                layout.append(LayoutItem(type="tool_call", index=len(tool_calls)))
                tool_calls.append(block)
            case OpaqueBlock():
                layout.append(LayoutItem(type="opaque", block=block.block, schema=block.schema))
    return Message(
        role=role,
        content="".join(texts) if texts else None,
        reasoning=reasoning or UNSET,
        tool_calls=tool_calls or UNSET,
        layout=UNSET if _is_plain(layout) else layout,
    )


_PLAIN_ORDER = {"reasoning": 0, "text": 1, "tool_call": 2, "opaque": 3}


def _is_plain(layout: list[LayoutItem]) -> bool:
    order = [_PLAIN_ORDER[item.type] for item in layout]
    return order == sorted(order) and order.count(1) <= 1 and 3 not in order and not any(map(extras, layout))


def blocks_of(message: Message) -> list[Block]:
    """The message's blocks in the order they came.

    A layout that no longer fits the message (its text was edited, a call was added) orders nothing: the blocks come
    in plain order, the opaque ones after them, and nothing is left out.
    """
    content = message.content if isinstance(message.content, str) else None
    reasoning = message.reasoning or []
    tool_calls = message.tool_calls or []
    layout = message.layout or []
    if layout and _fits(layout, content, len(reasoning), len(tool_calls)):
        return [_block(item, content or "", reasoning, tool_calls) for item in layout]
    plain: list[Block] = [*reasoning]
    if content is not None:
        plain.append(TextBlock(content))
    return [*plain, *tool_calls, *(OpaqueBlock(item.block, item.schema) for item in layout if item.type == "opaque")]


def _fits(layout: list[LayoutItem], content: str | None, reasoning: int, tool_calls: int) -> bool:
    spans = [(item.start, item.end) for item in layout if item.type == "text"]
    starts = [0, *(end for _, end in spans)]
    return (
        all(isinstance(start, int) and isinstance(end, int) and start <= end for start, end in spans)
        and [start for start, _ in spans] == starts[:-1]
        and starts[-1] == len(content or "")
        and bool(spans) == (content is not None)
        and [item.index for item in layout if item.type == "reasoning"] == list(range(reasoning))
        and [item.index for item in layout if item.type == "tool_call"] == list(range(tool_calls))
    )


# `_fits` has seen to it that the places are there, which the type checkers cannot know
def _block(item: LayoutItem, content: str, reasoning: list[Reasoning], tool_calls: list[ToolCall]) -> Block:
    match item.type:
        case "text":
            return TextBlock(content[item.start : item.end], extras(item))  # type: ignore[index]
        case "reasoning":
            return reasoning[item.index]  # type: ignore[index]
        case "tool_call":
            return tool_calls[item.index]  # type: ignore[index]
        case "opaque":
            return OpaqueBlock(item.block, item.schema)
