"""What the npm package `chatgpt` (transitive-bullshit/chatgpt-api, 5.2) makes of a stream, and the stream's chunks.

A whole answer is a `CreateChatCompletionStreamResponse`: one chunk with estimated usage. The package keeps the *last*
chunk there and the text beside it, in `ChatMessage.text`, with the chunk as `ChatMessage.detail`. Both forms are read.
Written is the chunk alone, with the whole text as its `delta.content`, which its type allows; a `ChatMessage` goes back
as one, and `chatgpt-api-stream@message` writes one always.

Source: https://github.com/transitive-bullshit/chatgpt-api/blob/bf66500/src/types.ts#L59-L103 and #L193-L208
"""

from __future__ import annotations

from copy import copy
from typing import Any

from chatnorm import (
    Adapter,
    ChatCompletion,
    ChatCompletionChunk,
    Choice,
    ChunkChoice,
    Message,
    ResponseCodec,
    StreamCodec,
    StreamEncoder,
    Usage,
    extras,
    hookimpl,
    with_extras,
)
from chatnorm.chat_completions import derive_id, place, usage_rules
from chatnorm.dialect import Dialect
from chatnorm.record import set_fields
from chatnorm.rules import closed, optional, required
from chatnorm.stream import ChunkEncoder
from chatnorm.values import is_object
from chatnorm.wire import encode_json, parse_json
from msgspec import UNSET

_NAME = "chatgpt-api-stream"
_DOCS = "https://github.com/transitive-bullshit/chatgpt-api/blob/bf66500/src/types.ts#L95-L103"


def _one_choice(_chunk: Any, _place: int) -> list[ChunkChoice]:
    return [ChunkChoice()]


def _no_usage(_chunk: Any, _place: int) -> Usage:
    return Usage(prompt_tokens=0, completion_tokens=0, total_tokens=0, estimated=True)


_DELTA = {
    "id": required(str, default=derive_id),
    "object": closed("chat.completion.chunk", required=True, default="chat.completion.chunk"),
    "created": required(int, float, default=0),
    "model": required(str, default=""),
    "choices": required(size=1, default=_one_choice),
    "choices.index": required(int, float, default=place),
    "choices.finish_reason": required(str, null=True, default=None),
    "choices.delta.role": closed("user", "assistant", "system", required=True, default="assistant"),
    "choices.delta.content": optional(str, null=False),
}
_ESTIMATED = {
    **_DELTA,
    "usage": required(default=_no_usage),
    **usage_rules(int, float),
    "usage.estimated": closed(True, required=True, default=True),
}

_DETAIL = Dialect(_NAME, _DOCS, chunk=_ESTIMATED, reasoning="reasoning_content")
_CHUNKS = Dialect(_NAME, _DOCS, chunk=_DELTA, reasoning="reasoning_content")


# --- Whole answers ------------------------------------------------------------------------------------------------


def decode_response(data: bytes | str) -> ChatCompletion:
    value = parse_json(data, _NAME)
    if not (is_object(value) and is_object(value.get("detail"))):
        return decode_detail(_DETAIL.chunk.decode(data))
    detail = value.pop("detail")
    completion = decode_detail(_DETAIL.chunk.decode(encode_json(detail)))
    kept: dict[str, Any] = {"message": value}
    if isinstance(text := value.get("text"), str) and completion.choices:
        message = completion.choices[0].message
        kept["delta"] = {} if message.content is UNSET else {"content": message.content}
        message.content = text
    completion.provider_metadata = {_NAME: kept}
    return completion


def decode_detail(chunk: ChatCompletionChunk) -> ChatCompletion:
    """The completion that a chunk says alone; its text is the last piece only."""
    fields = set_fields(chunk)
    fields.pop("obfuscation", None)
    fields["choices"] = [_decode_choice(choice) for choice in chunk.choices]
    completion = ChatCompletion(**fields)
    undeclared = extras(chunk)
    if chunk.obfuscation is not UNSET:
        undeclared["obfuscation"] = chunk.obfuscation
    return with_extras(completion, undeclared) if undeclared else completion


def _decode_choice(choice: ChunkChoice) -> Choice:
    fields = set_fields(choice)
    decoded = Choice(message=fields.pop("delta"), **fields)
    return with_extras(decoded, undeclared) if (undeclared := extras(choice)) else decoded


def encode_response(completion: ChatCompletion) -> bytes:
    kept = (completion.provider_metadata or {}).get(_NAME)
    if not is_object(kept) or not is_object(kept.get("message")):
        return _DETAIL.chunk.encode(encode_detail(completion))
    return _encode_message(completion, kept["message"], kept.get("delta"))


def encode_message(completion: ChatCompletion) -> bytes:
    """Always the `ChatMessage` form, as the package returns it."""
    kept = (completion.provider_metadata or {}).get(_NAME)
    if is_object(kept) and is_object(kept.get("message")):
        return _encode_message(completion, kept["message"], kept.get("delta"))
    return _encode_message(completion, None, {})


def _encode_message(completion: ChatCompletion, message: dict[str, Any] | None, delta: Any) -> bytes:
    """The message around its detail; the text is beside the detail, whose own delta stays what it was."""
    chunk = encode_detail(completion)
    whole = {"role": "assistant", "text": ""} if message is None else dict(message)
    if chunk.choices and is_object(delta):
        choice = chunk.choices[0]
        text = choice.delta.content
        choice.delta = _with_content(choice.delta, delta.get("content", UNSET))
        whole["text"] = text if isinstance(text, str) else ""
    detail = parse_json(_DETAIL.chunk.encode(chunk), _NAME)
    whole["detail"] = detail
    if message is None:
        whole["id"] = detail["id"]
    return encode_json(whole)


def _with_content(message: Message, content: Any) -> Message:
    changed = Message(**{**set_fields(message), "content": content})
    return with_extras(changed, undeclared) if (undeclared := extras(message)) else changed


def encode_detail(completion: ChatCompletion) -> ChatCompletionChunk:
    """The chunk that an answer makes; the dialect's rules leave the first of its choices."""
    fields = set_fields(completion)
    fields["choices"] = [_encode_choice(choice) for choice in completion.choices]
    undeclared = extras(completion)
    if isinstance(undeclared.get("obfuscation"), str):
        fields["obfuscation"] = undeclared.pop("obfuscation")
    chunk = ChatCompletionChunk(**fields)
    return with_extras(chunk, undeclared) if undeclared else chunk


def _encode_choice(choice: Choice) -> ChunkChoice:
    fields = set_fields(choice)
    encoded = ChunkChoice(delta=fields.pop("message"), **fields)
    return with_extras(encoded, undeclared) if (undeclared := extras(choice)) else encoded


# --- Streams ------------------------------------------------------------------------------------------------------


class DeltaEncoder:
    """Chunks as the package's type wants them: one choice in each, with its role.

    Usage that comes in a chunk without choices is sent once more with the last finish reason, because the package
    ignores chunks without choices.
    """

    def __init__(self) -> None:
        self._events = ChunkEncoder(_CHUNKS.chunk)
        self._last = ChunkChoice(index=0)

    def feed(self, chunk: ChatCompletionChunk) -> bytes:
        """The events of a chunk, one for each choice; none for a chunk that says nothing the type can."""
        if chunk.error is not UNSET or _CHUNKS.chunk.is_own(chunk) or len(chunk.choices) == 1:
            self._last = chunk.choices[-1] if chunk.choices else self._last
            return self._events.feed(chunk)
        if not chunk.choices and not isinstance(chunk.usage, Usage):
            return b""
        choices = chunk.choices or [
            ChunkChoice(index=self._last.index, delta=Message(), finish_reason=self._last.finish_reason)
        ]
        events: list[bytes] = []
        for choice in choices:
            single = copy(chunk)
            single.choices = [choice]
            events.append(self._events.feed(single))
        return b"".join(events)

    def close(self) -> bytes:
        """`[DONE]`; nothing after an error."""
        return self._events.close()


def _stream_encoder() -> StreamEncoder:
    return DeltaEncoder()


_STREAM = _CHUNKS.adapter()

ADAPTER = Adapter(
    name=_NAME,
    docs=_DOCS,
    response=ResponseCodec(decode=decode_response, encode=encode_response),
    stream=StreamCodec(decoder=_STREAM.stream.decoder if _STREAM.stream else None, encoder=_stream_encoder),
    error=_STREAM.error,
    versions={
        "message": Adapter(
            name=f"{_NAME}@message",
            docs=_DOCS,
            response=ResponseCodec(decode=decode_response, encode=encode_message),
        )
    },
    hints=("usage.estimated", "detail.choices", "parentMessageId"),
)


@hookimpl
def chatnorm_adapter() -> Adapter:
    return ADAPTER
