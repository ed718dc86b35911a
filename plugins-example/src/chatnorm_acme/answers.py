"""Acme's whole answers: ordered blocks, a time as text, and tokens that leave cached ones out.

Source: https://acme.example/docs/answers (Acme is invented; a real adapter names the vendor's reference here)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from chatnorm import (
    ChatCompletion,
    ChatCompletionChunk,
    Choice,
    FunctionCall,
    PromptTokensDetails,
    Reasoning,
    ToolCall,
    Usage,
    extras,
    with_extras,
)
from chatnorm.chat_completions import derive_id
from chatnorm.layout import Block, OpaqueBlock, TextBlock, blocks_of, flatten
from chatnorm.times import decode_time, encode_time
from chatnorm.values import is_object
from chatnorm.wire import Wire, WireRecord, WireUnion, decode_object, encode_json, encode_record
from msgspec import UNSET, Meta, UnsetType, field

NAME = "acme"


# --- Wire types ---------------------------------------------------------------------------------------------------

Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Text(WireRecord, kw_only=True, gc=False):
    """What the user sees."""

    kind: Literal["text"] = "text"
    text: str


class Thought(WireRecord, kw_only=True, gc=False):
    """What the model thought. `seal` vouches for it when it is sent back."""

    kind: Literal["thought"] = "thought"
    text: str
    seal: str | UnsetType | None = UNSET


class Call(WireRecord, kw_only=True, gc=False):
    """A tool that the client is to run. `arguments` is an object, not its text."""

    kind: Literal["call"] = "call"
    call_id: str
    tool: str
    arguments: dict[str, Any]


class Tokens(WireRecord, kw_only=True, gc=False):
    """Tokens used. `in` leaves out those of `in_cached`; both were read."""

    input: Count = field(name="in")
    in_cached: Count | UnsetType | None = UNSET
    out: Count


class Head(WireRecord, kw_only=True, gc=False):
    """What Acme says before the model says anything. `created_at` is RFC 3339."""

    response_id: str
    model_name: str
    created_at: str
    #: Where the model ran. Chat Completions knows nothing like it.
    region: str | UnsetType | None = UNSET


class Answer(Head, kw_only=True, gc=False):
    """A whole answer. `stopped_by` is null while the model is at work; clients must take words they do not know."""

    output: list[dict[str, Any]]
    stopped_by: str | None
    tokens: Tokens | UnsetType | None = UNSET


_ANSWER = Wire(NAME, Answer)
_BLOCKS: WireUnion[Text | Thought | Call] = WireUnion(NAME, "kind", {"text": Text, "thought": Thought, "call": Call})

# --- Words --------------------------------------------------------------------------------------------------------

_FINISH_REASON: Mapping[str, str] = {
    "end": "stop",
    "limit": "length",
    "call": "tool_calls",
    "filter": "content_filter",
}
_STOPPED_BY: Mapping[str, str] = {
    **{reason: word for word, reason in _FINISH_REASON.items()},
    "function_call": "call",
}

# --- Decoding -----------------------------------------------------------------------------------------------------


def decode_answer(data: bytes | str) -> ChatCompletion:
    answer = _ANSWER.decode(data)
    completion = decode_head(answer)
    reason, own_word = decode_stop(answer.stopped_by)
    completion.choices = [Choice(index=0, message=flatten(map(decode_block, answer.output)), finish_reason=reason)]
    if answer.tokens is not UNSET:
        completion.usage = decode_tokens(answer.tokens)
    return keep(completion, own_word)


def decode_head(head: Head) -> ChatCompletion:
    """A completion without choices. A time that would be written otherwise is kept as it came."""
    seconds = decode_time(head.created_at)
    same = seconds is not None and encode_time(seconds) == head.created_at
    own = {"region": head.region} | ({} if same else {"created_at": head.created_at})
    completion = ChatCompletion(
        id=head.response_id,
        object="chat.completion",
        created=UNSET if seconds is None else seconds,
        model=head.model_name,
    )
    return with_extras(keep(completion, own), extras(head))


def decode_stop(word: str | None) -> tuple[str | None, dict[str, Any]]:
    """The finish reason, and the word itself where the reason would be written otherwise."""
    if word is None:
        return None, {}
    reason = _FINISH_REASON.get(word, word)
    return reason, {} if _STOPPED_BY.get(reason, reason) == word else {"stopped_by": word}


def decode_tokens(tokens: Tokens | None) -> Usage | None:
    if tokens is None:
        return None
    read = tokens.input + (tokens.in_cached or 0)
    usage = Usage(prompt_tokens=read, completion_tokens=tokens.out, total_tokens=read + tokens.out)
    if tokens.in_cached is not UNSET:
        usage.prompt_tokens_details = PromptTokensDetails(cached_tokens=tokens.in_cached)
    return with_extras(usage, extras(tokens))


def decode_block(value: Any) -> Block:
    """The block of a value. One of no known kind, or that breaks the rules of its kind, is opaque."""
    block = _BLOCKS.decode_value(value)
    match block:
        case Text():
            return TextBlock(block.text, extras(block))
        case Thought():
            return with_extras(Reasoning(text=block.text, signature=block.seal), extras(block))
        case Call():
            return with_extras(decode_call(block), extras(block))
        case None:
            return OpaqueBlock(value, NAME)


def decode_call(call: Call) -> ToolCall:
    arguments = encode_json(call.arguments).decode()
    return ToolCall(id=call.call_id, type="function", function=FunctionCall(name=call.tool, arguments=arguments))


# --- Encoding -----------------------------------------------------------------------------------------------------


def encode_answer(completion: ChatCompletion) -> bytes:
    """Acme has one choice: the first."""
    choice = completion.choices[0] if completion.choices else Choice()
    answer = Answer(
        response_id=completion.id or derive_id(completion, 0),
        model_name=encode_model(completion),
        created_at=encode_created(completion),
        region=encode_region(completion),
        output=encode_blocks(blocks_of(choice.message)),
        stopped_by=encode_stop(completion, choice.finish_reason),
        tokens=encode_tokens(completion.usage),
    )
    return encode_record(with_extras(answer, extras(completion)))


def encode_head(chunk: ChatCompletionChunk) -> Head:
    return Head(
        response_id=chunk.id or derive_id(chunk, 0),
        model_name=encode_model(chunk),
        created_at=encode_created(chunk),
        region=encode_region(chunk),
    )


def encode_model(record: ChatCompletion | ChatCompletionChunk) -> str:
    return record.model if isinstance(record.model, str) else ""


def encode_created(record: ChatCompletion | ChatCompletionChunk) -> str:
    """The time as it came, as long as it says the same. The epoch stands for a time nobody knows."""
    seconds = record.created if isinstance(record.created, int | float) else None
    came = kept(record).get("created_at")
    if isinstance(came, str) and repr(decode_time(came)) == repr(seconds):
        return came
    return (None if seconds is None else encode_time(seconds)) or "1970-01-01T00:00:00Z"


def encode_region(record: ChatCompletion | ChatCompletionChunk) -> str | UnsetType | None:
    region = kept(record).get("region", UNSET)
    return region if region is None or isinstance(region, str) else UNSET


def encode_stop(record: ChatCompletion | ChatCompletionChunk, reason: str | UnsetType | None) -> str | None:
    """The word as it came, as long as it says the same. Words of other schemas stay what they are."""
    if not isinstance(reason, str):
        return None
    came = kept(record).get("stopped_by")
    if isinstance(came, str) and decode_stop(came)[0] == reason:
        return came
    return _STOPPED_BY.get(reason, reason)


def encode_tokens(usage: Usage | UnsetType | None) -> Tokens | UnsetType | None:
    """Absent where a count is missing: it is not made up."""
    if not isinstance(usage, Usage):
        return usage
    details = usage.prompt_tokens_details
    cached = details.cached_tokens if isinstance(details, PromptTokensDetails) else UNSET
    read, hit, out = count(usage.prompt_tokens), count(cached), count(usage.completion_tokens)
    if read is None or out is None:
        return UNSET
    if hit is None or hit > read:
        tokens = Tokens(input=read, in_cached=None if cached is None else UNSET, out=out)
    else:
        tokens = Tokens(input=read - hit, in_cached=hit, out=out)
    return with_extras(tokens, extras(usage))


def count(number: float | UnsetType | None) -> int | None:
    """A number as Acme counts, or None where it is none."""
    return int(number) if isinstance(number, int | float) and 0 <= number < 2**63 and number % 1 == 0 else None


def encode_blocks(blocks: Iterable[Block]) -> list[Any]:
    """The output. Left out is what Acme has no block for, and what was opaque to another schema."""
    output: list[Any] = []
    for place, block in enumerate(blocks):
        match block:
            case TextBlock():
                output.append(with_extras(Text(text=block.text), block.extras))
            case Reasoning():
                if isinstance(block.text, str):
                    output.append(with_extras(Thought(text=block.text, seal=block.signature), extras(block)))
            case ToolCall():
                if (call := encode_call(block, place)) is not None:
                    output.append(with_extras(call, extras(block)))
            case OpaqueBlock():
                if block.schema == NAME and is_object(block.block):
                    output.append(block.block)
    return output


def encode_call(call: ToolCall, place: int) -> Call | None:
    """None where Acme cannot say it: no function, or arguments that are no JSON object."""
    function = call.function
    if not isinstance(function, FunctionCall) or not function.name:
        return None
    arguments = decode_object(function.arguments, NAME) if function.arguments else {}
    if arguments is None:
        return None
    number = call.index if isinstance(call.index, int) else place
    return Call(call_id=call.id or f"call_{number}", tool=function.name, arguments=arguments)


# --- What Acme alone knows ----------------------------------------------------------------------------------------


def kept(record: ChatCompletion | ChatCompletionChunk) -> dict[str, Any]:
    """What `keep` kept."""
    own = (record.provider_metadata or {}).get(NAME)
    return own if is_object(own) else {}


def keep(completion: ChatCompletion, own: Mapping[str, Any]) -> ChatCompletion:
    """The completion, with what Chat Completions has no place for added in `provider_metadata`."""
    said = {key: value for key, value in own.items() if value is not UNSET}
    if said:
        completion.provider_metadata = {NAME: kept(completion) | said}
    return completion
