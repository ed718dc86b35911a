"""Chunks -> completion, and completion -> chunks.

What accumulation does, by field:

- Choices and their parts go by `index`; a choice without one is number 0.
- Texts (`content`, `refusal`, reasoning, arguments, audio) are joined piece by piece, byte for byte. Halves of a
  surrogate pair that came in two pieces become the character they are.
- A tool call is continued by its id, else by its index, else it is the latest. A new id at an index that already has
  one starts another call. A name or id sent again is not appended.
- Log probabilities and annotations are appended. Usage is what was said last and is not null, field by field.
- `id`, `model` and `created`: the first that is not empty. All else: the last that is not null.
- An undeclared key keeps its last value that is not null; one that says the reasoning, its whole text.
- A finish reason of `""` is none. Without one the choice did not finish: it is never `stop` for want of a word.
- An error ends it: what had arrived is kept beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import takewhile
from typing import Any

from msgspec import UNSET, UnsetType

from .canonical import COMPLETION, with_extras
from .chunk import ChatCompletionChunk, ChunkChoice
from .completion import (
    Audio,
    ChatCompletion,
    Choice,
    CustomToolCall,
    FunctionCall,
    Logprobs,
    Message,
    Reasoning,
    TokenLogprob,
    ToolCall,
)
from .patch import apply_patch, diff
from .record import R, Record, extras, kind_of
from .wire import decode_object, encode_json, encode_record, parse_json

__all__ = ["Accumulator", "WholeCalls", "accumulate", "is_complete", "split"]

_EMPTY = (None, UNSET, "")


def accumulate(chunks: Iterable[ChatCompletionChunk]) -> ChatCompletion:
    """The completion that the chunks of one stream add up to. See this module for the rules."""
    accumulator = Accumulator()
    for chunk in chunks:
        accumulator.add(chunk)
    return accumulator.completion()


def is_complete(completion: ChatCompletion) -> bool:
    """Whether the answer came whole: no error, and every choice has a finish reason.

    Tool calls of an answer that is not complete may be cut anywhere and are not safe to run.
    """
    return completion.error is UNSET and all(choice.finish_reason not in _EMPTY for choice in completion.choices)


class _Text:
    """A text that comes in pieces; absent and null until a piece comes."""

    __slots__ = ("_buffer", "_null", "empty")

    def __init__(self) -> None:
        self._buffer: StringIO | None = None
        self._null = False

    def add(self, piece: str | UnsetType | None) -> None:
        if isinstance(piece, str):
            if self._buffer is None:
                self._buffer = StringIO(newline="")
            self._buffer.write(piece)
        elif piece is None:
            self._null = True

    def value(self) -> str | UnsetType | None:
        if self._buffer is None:
            return None if self._null else UNSET
        return _whole_characters(self._buffer.getvalue())

    def __bool__(self) -> bool:
        return self._buffer is not None and self._buffer.tell() > 0


def _whole_characters(text: str) -> str:
    """The text with surrogate pairs that came in halves joined; a half without its other stays."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return text


class _Rest:
    """Of one object: the last value that is not null, for the fields and undeclared keys nothing else takes."""

    __slots__ = ("_extras", "_fields", "_names")

    def __init__(self, kind: type[Record], taken: frozenset[str]) -> None:
        self._names = [name for name in kind.__struct_fields__ if name not in taken]
        self._fields: dict[str, Any] = {}
        self._extras: dict[str, Any] = {}

    def add(self, record: Record) -> None:
        for name in self._names:
            value = getattr(record, name)
            if value is not UNSET and (value is not None or name not in self._fields):
                self._fields[name] = value
        if record.__extras__ or record.__overflows__:
            for key, value in extras(record).items():
                if value is not None or key not in self._extras:
                    self._extras[key] = value

    def say_again(self, reasoning: list[Reasoning] | UnsetType | None) -> None:
        """Give the undeclared key that said the pieces of the reasoning its whole text."""
        if isinstance(reasoning, list):
            for key in self._extras.keys() & {item.spelling for item in reasoning}:
                self._extras[key] = "".join(item.text for item in reasoning if isinstance(item.text, str))

    def fill(self, record: R) -> R:
        """The record with all of it; fields it does not have are left out."""
        for name, value in self._fields.items():
            if name in record.__struct_fields__:
                setattr(record, name, value)
        return with_extras(record, self._extras) if self._extras else record


class _Call:
    """One tool call, or the legacy function call (which has neither id nor type)."""

    __slots__ = ("arguments", "custom", "function", "id", "input", "name", "rest")

    def __init__(self) -> None:
        self.id: str | UnsetType | None = UNSET
        self.name: str | UnsetType | None = UNSET
        self.arguments = _Text()
        self.input = _Text()
        self.function: _Rest | None = None
        self.custom: _Rest | None = None
        self.rest = _Rest(ToolCall, frozenset(("index", "id", "function", "custom")))

    def add(self, call: ToolCall) -> None:
        self.id = _first(self.id, call.id)
        self.rest.add(call)
        if isinstance(call.function, FunctionCall):
            self.add_function(call.function)
        if isinstance(call.custom, CustomToolCall):
            if self.custom is None:
                self.custom = _Rest(CustomToolCall, frozenset(("name", "input")))
            self.custom.add(call.custom)
            self.name = _first(self.name, call.custom.name)
            self.input.add(call.custom.input)

    def add_function(self, function: FunctionCall) -> None:
        if self.function is None:
            self.function = _Rest(FunctionCall, frozenset(("name", "arguments")))
        self.function.add(function)
        self.name = _first(self.name, function.name)
        self.arguments.add(function.arguments)

    def function_call(self) -> FunctionCall:
        assert self.function is not None
        return self.function.fill(FunctionCall(name=self.name, arguments=self.arguments.value()))

    def tool_call(self) -> ToolCall:
        call = ToolCall(id=self.id)
        if self.function is not None:
            call.function = self.function_call()
        if self.custom is not None:
            call.custom = self.custom.fill(CustomToolCall(name=self.name, input=self.input.value()))
        return self.rest.fill(call)


def _first(held: Any, said: Any) -> Any:
    """The first that is not empty; while all are, the last that was said."""
    return said if held in _EMPTY and (said is not UNSET) else held


class _Calls:
    """The tool calls of a message."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_id: dict[str, _Call] = {}
        self._by_index: dict[int, _Call] = {}
        self._said: Any = UNSET

    def add(self, calls: list[ToolCall] | None) -> None:
        if calls is None:
            self._said = None if self._said is UNSET else self._said
            return
        self._said = []
        for call in calls:
            self._find(call).add(call)

    def _find(self, call: ToolCall) -> _Call:
        index = call.index if isinstance(call.index, int) else None
        found: _Call | None
        if call.id and (found := self._by_id.get(call.id)) is not None:
            return found
        found = self._by_index.get(index) if index is not None else (self._calls[-1] if self._calls else None)
        if found is None or (call.id and found.id not in _EMPTY):
            found = _Call()
            self._calls.append(found)
        if call.id:
            self._by_id[call.id] = found
        if index is not None:
            self._by_index[index] = found
        return found

    def value(self) -> list[ToolCall] | UnsetType | None:
        return [call.tool_call() for call in self._calls] if self._said == [] else self._said


class _Thoughts:
    """The reasoning of a message: pieces of one index, or without one, belong together."""

    def __init__(self) -> None:
        self._items: list[tuple[_Text, _Text, _Rest]] = []
        self._by_index: dict[int, tuple[_Text, _Text, _Rest]] = {}
        self._said: Any = UNSET

    def add(self, items: list[Reasoning] | None) -> None:
        if items is None:
            self._said = None if self._said is UNSET else self._said
            return
        self._said = []
        for item in items:
            if isinstance(item.index, int):
                found = self._by_index.get(item.index)
            else:
                found = self._items[-1] if self._items else None
            if found is None:
                found = _Text(), _Text(), _Rest(Reasoning, frozenset(("index", "text", "summary")))
                self._items.append(found)
                if isinstance(item.index, int):
                    self._by_index[item.index] = found
            text, summary, rest = found
            text.add(item.text)
            summary.add(item.summary)
            rest.add(item)

    def value(self) -> list[Reasoning] | UnsetType | None:
        if self._said != []:
            return self._said  # type: ignore[no-any-return]
        return [rest.fill(Reasoning(text=text.value(), summary=summary.value())) for text, summary, rest in self._items]


class _Sound:
    """Audio in pieces, each base64 of its own."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._transcript = _Text()
        self._id: Any = UNSET
        self._rest = _Rest(Audio, frozenset(("id", "data", "transcript")))

    def add(self, audio: Audio) -> None:
        self._id = _first(self._id, audio.id)
        if isinstance(audio.data, str):
            self._pieces.append(audio.data)
        self._transcript.add(audio.transcript)
        self._rest.add(audio)

    def value(self) -> Audio:
        audio = Audio(id=self._id, transcript=self._transcript.value())
        if self._pieces:
            audio.data = _join_base64(self._pieces)
        return self._rest.fill(audio)


def _join_base64(pieces: list[str]) -> str:
    """One base64 text; pieces padded in the middle are of bytes that were encoded apart."""
    if not any(piece.endswith("=") for piece in pieces[:-1]):
        return "".join(pieces)
    from binascii import Error, a2b_base64, b2a_base64

    try:
        return b2a_base64(b"".join(map(a2b_base64, pieces)), newline=False).decode()
    except Error:
        return "".join(pieces)


_MESSAGE = frozenset(
    (
        "role",
        "content",
        "refusal",
        "reasoning",
        "tool_calls",
        "function_call",
        "annotations",
        "audio",
        "provider_metadata",
    )
)


class _Choice:
    """One of the answers."""

    def __init__(self) -> None:
        self.role: Any = UNSET
        self.content = _Text()
        self.refusal = _Text()
        self.thoughts = _Thoughts()
        self.calls = _Calls()
        self.function_call: _Call | None = None
        self.annotations: Any = UNSET
        self.sound: _Sound | None = None
        self.logprobs: dict[str, list[TokenLogprob] | None] | UnsetType | None = UNSET
        self.logprobs_rest = _Rest(Logprobs, frozenset(("content", "refusal")))
        self.finish_reason: Any = UNSET
        self.metadata: Any = UNSET
        self.rest = _Rest(ChunkChoice, frozenset(("index", "delta", "logprobs", "finish_reason")))
        self.message_rest = _Rest(Message, _MESSAGE)

    def add(self, choice: ChunkChoice) -> None:
        delta = choice.delta
        if delta.content is not UNSET:
            self.content.add(delta.content)
        if delta.role:
            self.role = delta.role if self.role is UNSET else self.role
        if delta.refusal is not UNSET:
            self.refusal.add(delta.refusal)
        if delta.reasoning is not UNSET:
            self.thoughts.add(delta.reasoning)
        if delta.tool_calls is not UNSET:
            self.calls.add(delta.tool_calls)
        if isinstance(delta.function_call, FunctionCall):
            if self.function_call is None:
                self.function_call = _Call()
            self.function_call.add_function(delta.function_call)
        elif delta.function_call is None:
            self.message_rest.add(Message(function_call=None))
        if delta.annotations is not UNSET:
            self.annotations = _appended(self.annotations, delta.annotations)
        if isinstance(delta.audio, Audio):
            if self.sound is None:
                self.sound = _Sound()
            self.sound.add(delta.audio)
        if delta.provider_metadata is not UNSET:
            self.metadata = {**(self.metadata or {}), **delta.provider_metadata}
        self.message_rest.add(delta)
        if choice.logprobs is not UNSET:
            self._add_logprobs(choice.logprobs)
        if choice.finish_reason:
            self.finish_reason = choice.finish_reason
        elif choice.finish_reason is not UNSET and self.finish_reason is UNSET:
            self.finish_reason = None
        self.rest.add(choice)

    def _add_logprobs(self, logprobs: Logprobs | None) -> None:
        if logprobs is None:
            self.logprobs = None if self.logprobs is UNSET else self.logprobs
            return
        held = self.logprobs = self.logprobs or {}
        for name, said in (("content", logprobs.content), ("refusal", logprobs.refusal)):
            if said is not UNSET:
                held[name] = _appended(held.get(name, UNSET), said)
        self.logprobs_rest.add(logprobs)

    def choice(self, index: int) -> Choice:
        message = Message(
            role="assistant" if self.role is UNSET else self.role,
            content=self.content.value(),
            refusal=self.refusal.value(),
            reasoning=self.thoughts.value(),
            tool_calls=self.calls.value(),
            annotations=self.annotations,
            provider_metadata=self.metadata,
        )
        if self.function_call is not None:
            message.function_call = self.function_call.function_call()
        if self.sound is not None:
            message.audio = self.sound.value()
        self.message_rest.say_again(message.reasoning)
        choice = Choice(index=index, message=self.message_rest.fill(message), finish_reason=self.finish_reason)
        if isinstance(self.logprobs, dict):
            choice.logprobs = self.logprobs_rest.fill(Logprobs(**self.logprobs))
        else:
            choice.logprobs = self.logprobs
        return self.rest.fill(choice)


def _appended(held: Any, said: Any) -> Any:
    """The list with what was said appended; null and absent until a list comes."""
    if said is None:
        return None if held is UNSET else held
    if isinstance(held, list):
        held += said
        return held
    return list(said)


_ROOT = frozenset(
    (
        "id",
        "object",
        "created",
        "model",
        "choices",
        "usage",
        "obfuscation",
        "error",
        "patch",
        "provider_metadata",
        "irregular",
    )
)


class Accumulator:
    """A completion as it grows; it holds the text that came and a constant amount beside it."""

    def __init__(self) -> None:
        self._id: Any = UNSET
        self._model: Any = UNSET
        self._created: Any = UNSET
        self._usage: Any = UNSET
        self._choices: dict[int, _Choice] = {}
        self._rest = _Rest(ChatCompletionChunk, _ROOT)
        self._metadata: Any = UNSET
        self._error: Any = UNSET
        self._patch: list[dict[str, Any]] | UnsetType = UNSET

    def add(self, chunk: ChatCompletionChunk) -> None:
        """Take the next chunk of the stream."""
        if self._id in _EMPTY:
            self._id = _first(self._id, chunk.id)
        if self._model in _EMPTY:
            self._model = _first(self._model, chunk.model)
        if not self._created and chunk.created is not UNSET:
            self._created = chunk.created
        for choice in chunk.choices:
            index = int(choice.index) if isinstance(choice.index, int | float) else 0
            held = self._choices.get(index)
            if held is None:
                held = self._choices[index] = _Choice()
            held.add(choice)
        if chunk.usage is not UNSET:
            self._usage = _merged(self._usage, chunk.usage)
        if chunk.provider_metadata is not UNSET:
            self._metadata = {**(self._metadata or {}), **chunk.provider_metadata}
        if chunk.error is not UNSET:
            self._error = chunk.error
        if chunk.patch is not UNSET:
            self._patch = chunk.patch
        self._rest.add(chunk)

    def completion(self) -> ChatCompletion:
        """The completion so far. Raises: DecodeError where a chunk's `patch` does not fit."""
        completion = self._rest.fill(
            ChatCompletion(
                id=self._id,
                object="chat.completion",
                created=self._created,
                model=self._model,
                choices=[self._choices[index].choice(index) for index in sorted(self._choices)],
                usage=self._usage,
                error=self._error,
                provider_metadata=self._metadata,
            )
        )
        if self._patch is UNSET:
            return completion
        plain = parse_json(encode_record(COMPLETION.rewritten(completion)), "canonical")
        return COMPLETION.decode(encode_json(apply_patch(plain, self._patch)))  # type: ignore[no-any-return]


def _merged(held: Any, said: Any) -> Any:
    """Usage, or its details, with each field that was said and is not null replaced."""
    if said is None or said is UNSET:
        return said if held is UNSET else held
    if not isinstance(held, Record):
        return said
    fields: dict[str, Any] = {}
    for name in kind_of(said).__struct_fields__:
        old, new = getattr(held, name), getattr(said, name)
        if isinstance(new, Record):
            fields[name] = _merged(old, new)
        else:
            fields[name] = old if new is UNSET or (new is None and old is not UNSET) else new
    merged = kind_of(said)(**fields)
    undeclared = extras(held)
    undeclared.update({key: value for key, value in extras(said).items() if value is not None or key not in undeclared})
    return with_extras(merged, undeclared) if undeclared else merged


class WholeCalls:
    """Tool calls that come in pieces, for streams that send them whole; each is given out once, with its index."""

    def __init__(self) -> None:
        self._accumulator = Accumulator()
        self._given = 0

    def add(self, pieces: list[ToolCall]) -> list[ToolCall]:
        """The calls that these pieces complete: their arguments are a JSON object, which nothing can follow."""
        if not pieces:
            return []
        delta = Message(tool_calls=pieces)
        self._accumulator.add(ChatCompletionChunk(choices=[ChunkChoice(index=0, delta=delta)]))
        if not any(_arguments(piece).rstrip().endswith("}") for piece in pieces):
            return []
        return self._give(list(takewhile(_is_whole, self._held())))

    def rest(self) -> list[ToolCall]:
        """The calls not given out yet, when no more pieces come."""
        return self._give(self._held())

    def _held(self) -> list[ToolCall]:
        choices = self._accumulator.completion().choices
        return (choices[0].message.tool_calls or [])[self._given :] if choices else []

    def _give(self, calls: list[ToolCall]) -> list[ToolCall]:
        for index, call in enumerate(calls, self._given):
            call.index = index
        self._given += len(calls)
        return calls


def _is_whole(call: ToolCall) -> bool:
    return decode_object(_arguments(call), "canonical") is not None


def _arguments(call: ToolCall) -> str:
    function = call.function
    return (function.arguments or "") if isinstance(function, FunctionCall) else ""


# --- The inverse --------------------------------------------------------------------------------------------------


def split(completion: ChatCompletion, size: int | None = None) -> list[ChatCompletionChunk]:
    """The chunks of a stream that accumulate to exactly this completion.

    Texts come in pieces of `size` characters, or whole. The role comes first, the finish reason last, and the usage in
    a chunk of its own. What chunks cannot say is in the last one's `patch`.
    """
    chunks = list(_split(completion, size))
    found = parse_json(encode_record(COMPLETION.rewritten(accumulate(chunks))), "canonical")
    wanted = parse_json(encode_record(COMPLETION.rewritten(completion)), "canonical")
    if patch := list(diff(found, wanted)):
        chunks[-1].patch = patch
    return chunks


def _split(completion: ChatCompletion, size: int | None) -> Iterator[ChatCompletionChunk]:
    first = _chunk(completion)
    for name in ("service_tier", "system_fingerprint", "prompt_logprobs", "extra", "provider_metadata"):
        setattr(first, name, getattr(completion, name))
    if undeclared := extras(completion):
        first = with_extras(first, undeclared)
    first.choices = [
        ChunkChoice(index=choice.index, delta=Message(role=choice.message.role)) for choice in completion.choices
    ]
    yield first
    for choice in completion.choices:
        for delta in _deltas(choice.message, size):
            chunk = _chunk(completion)
            chunk.choices = [ChunkChoice(index=choice.index, delta=delta)]
            yield chunk
        last = ChunkChoice(
            index=choice.index,
            logprobs=choice.logprobs,
            finish_reason=choice.finish_reason,
            provider_metadata=choice.provider_metadata,
        )
        chunk = _chunk(completion)
        chunk.choices = [with_extras(last, undeclared) if (undeclared := extras(choice)) else last]
        yield chunk
    if completion.usage is not UNSET or completion.error is not UNSET:
        chunk = _chunk(completion)
        chunk.usage = completion.usage
        chunk.error = completion.error
        yield chunk


def _chunk(completion: ChatCompletion) -> ChatCompletionChunk:
    return ChatCompletionChunk(
        id=completion.id,
        object="chat.completion.chunk",
        created=completion.created,
        model=completion.model,
    )


def _deltas(message: Message, size: int | None) -> Iterator[Message]:
    for place, item in enumerate(message.reasoning or []):
        for text in _pieces(item.text, size):
            yield Message(reasoning=[Reasoning(index=place, text=text)])
        yield Message(reasoning=[_relabelled(item, index=place, text=UNSET)])
    for name in ("content", "refusal"):
        for text in _pieces(getattr(message, name), size):
            yield Message(content=text) if name == "content" else Message(refusal=text)
    for place, call in enumerate(message.tool_calls or []):
        yield Message(tool_calls=[_relabelled(call, index=place)])
    rest = Message(
        content=None if message.content is None else UNSET,
        refusal=None if message.refusal is None else UNSET,
        reasoning=message.reasoning if not message.reasoning else UNSET,
        tool_calls=message.tool_calls if not message.tool_calls else UNSET,
        function_call=message.function_call,
        annotations=message.annotations,
        audio=message.audio,
        layout=message.layout,
        provider_metadata=message.provider_metadata,
    )
    if undeclared := extras(message):
        yield with_extras(rest, undeclared)
    elif rest != Message():
        yield rest


def _pieces(text: str | UnsetType | None, size: int | None) -> Iterator[str]:
    if isinstance(text, str):
        step = size or len(text) or 1
        for start in range(0, len(text) or 1, step):
            yield text[start : start + step]


def _relabelled(record: R, **changes: Any) -> R:
    """A copy of the record with some fields changed, its undeclared keys kept."""
    kind = kind_of(record)
    values: dict[str, Any] = {name: getattr(record, name) for name in kind.__struct_fields__}
    return with_extras(kind(**{**values, **changes}), extras(record))
