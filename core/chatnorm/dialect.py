"""Chat Completions with declared differences.

A dialect has the Chat Completions tree under other key names, with other required keys, other places for null and
other closed words. All of it is declared as `Rule`s, by dotted path; this module turns them into Structs that only a
valid payload fits, and `chatnorm.rewriting` makes any other record valid by them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import FieldInfo, fields

from .chunk import ChatCompletionChunk
from .codec import Adapter, ErrorCodec, ResponseCodec, StreamCodec, StreamDecoder, StreamEncoder
from .completion import ChatCompletion, Irregular, Reasoning
from .record import Record, extras
from .rewriting import CANONICAL_ONLY, Rewriter
from .rules import OPEN, Rule
from .wire import (
    Family,
    Position,
    WireField,
    encode_json,
    encode_record,
    parse_json,
    private_key,
    without_unset,
)

__all__ = ["REASONING_ALIAS", "Dialect", "Tree"]

#: The other key under which vendors write reasoning as text. It stays an undeclared key, and is read all the same.
REASONING_ALIAS = "reasoning"


def _either(annotation: Any, other: Any) -> Any:
    return annotation | other


class Tree:
    """One root Struct of a dialect: decoding into it, and encoding any record as the dialect writes it.

    `rename` gives the key of a canonical field. `reasoning` is the key under which the dialect writes reasoning as
    text, if it does. In a `sealed` dialect undeclared keys of other schemas are not written, since its clients drop
    them. `canonical` keeps the canonical-only fields.
    """

    def __init__(
        self,
        schema: str,
        root: type[Record],
        rules: Mapping[str, Rule],
        *,
        rename: Callable[[str], str] = str,
        reasoning: str | None = None,
        sealed: bool = False,
        canonical: bool = False,
        escape: Callable[[str], str] = str,
        unescape: Callable[[str], str] = str,
    ) -> None:
        self.schema = schema
        self._rules = rules
        self._rename = rename
        self._reasoning = reasoning
        self._sealed = sealed
        self._canonical = canonical
        leaves = () if canonical else (*CANONICAL_ONLY, "error")
        self._family = Family(schema, root, self._spell, leaves, sealed, escape, unescape)
        self._holder = "message" if root is ChatCompletion else "delta"
        known = {f"{position.path}.{name}".lstrip(".") for position in self._positions() for name in _names(position)}
        if unknown := rules.keys() - known:
            raise ValueError(f"{schema}: rules for fields that do not exist: {sorted(unknown)}")
        self._whole = root is ChatCompletion
        #: the schema's decoding at full speed: of a payload that keeps its rules and has no key never seen. It changes
        #: as keys are learned, raises any error for another payload, and leaves reasoning a text
        self.decode_strict = self._family.decode_strict
        #: whether messages have been seen that say reasoning under `REASONING_ALIAS`
        self.has_alias = False
        self._fits = self._rule("choices.message.tool_calls").fits if self._whole else None
        self._rewriter = Rewriter(self._family, self._rule, sealed, canonical)
        self._rewrites = self._rewriter.rewrites
        #: JSON of a record that this tree decoded and nobody touched since; None of any other
        self.encode_untouched = self._rewriter.encode_untouched

    def _positions(self) -> list[Position]:
        return self._family.root.walk()

    def _rule(self, path: str) -> Rule:
        return self._rules.get(path, OPEN)

    # --- spelling ---

    def _spell(self, position: Position, info: FieldInfo, strict: Any, loose: Any) -> WireField:
        name = info.name
        if self._canonical:
            return _spell_canonical(position, info, strict)
        if name == "reasoning" and self._reasoning:
            text = str | None | UnsetType
            return WireField(self._reasoning, text, text)
        if name in CANONICAL_ONLY:
            return WireField(private_key(name), info.type | UnsetType, info.type | UnsetType)
        if name == "error":
            return WireField(name, UnsetType, Any)
        rule = self._rule(f"{position.path}.{name}".lstrip("."))
        _, many = position.children.get(name, (None, False))
        value = Any if info.type is Any else without_unset(info.type)
        if rule.types:
            lists = [part for part in get_args(value) if get_origin(part) is list]
            value = Union[tuple(lists[0] if part is list else part for part in rule.types)]  # noqa: UP007 - at run time
        narrow = (list[strict] if many else strict) if strict else value
        wide = (list[loose] if many else loose) if loose else (value if Any in rule.types else _wide(name, info))
        if rule.size is not None:
            narrow = Annotated[narrow, Meta(min_length=rule.size, max_length=rule.size)]
        if rule.words and True not in rule.words:  # msgspec has no Literal[True]
            narrow = Literal[rule.words]
        if rule.forbidden:
            narrow = UnsetType
        elif rule.nullable and info.default is UNSET and narrow is not Any:
            narrow = _either(narrow, None)
        if wide is not Any:
            wide = _either(_either(wide, None), UnsetType)
        must = rule.required or info.default is not UNSET
        if not must and narrow is not Any:
            narrow = _either(narrow, UnsetType)
        return WireField(self._rename(name), narrow, wide, must)

    # --- decoding ---

    def decode(self, data: bytes | str) -> Any:
        """The record of a payload. Raises: DecodeError."""
        try:
            record = self.decode_strict(data)
        except Exception as error:
            record, strict = self._family.recover(data, error, loosely=not self._canonical)
            self._learn()
            if not strict:
                self._put_right(record)
        if self._reasoning or self._fits:
            for choice in record.choices:
                message = choice.message if self._whole else choice.delta
                if message.reasoning is not UNSET or self.has_alias:
                    read_reasoning(message)
                if message.tool_calls and self._fits and not all(map(self._fits, message.tool_calls)):
                    # no type says this rule
                    record.irregular = record.irregular or Irregular(schema=self.schema)
        return record

    def _learn(self) -> None:
        self.decode_strict = self._family.decode_strict
        slots = self._family.slots_at(f"choices.{self._holder}")
        self.has_alias = self._reasoning is not None and REASONING_ALIAS in slots
        self._rewriter.learn_classes()

    def _put_right(self, record: Any) -> None:
        from .irregular import put_right

        patch = put_right(record, self._holder, self.schema)
        record.irregular = Irregular(schema=self.schema, patch=patch or UNSET)

    # --- encoding ---

    def encode(self, record: Any) -> bytes:
        """JSON of the record, valid in this schema; of an irregular record of this very schema, as it came."""
        data = self.encode_untouched(record)
        if data is not None:
            return data
        irregular = record.irregular
        if irregular is not UNSET and irregular.schema == self.schema:
            return self._repeat(record)
        return encode_record(self._rewrites[record.__class__](record, 0))

    @cached_property
    def _repeater(self) -> Rewriter:
        return Rewriter(self._family, lambda path: OPEN)

    def _repeat(self, record: Any) -> bytes:
        data = encode_record(self._repeater.rewrites[record.__class__](record, 0))
        if not record.irregular.patch:
            return data
        from .patch import apply_patch

        return encode_json(apply_patch(parse_json(data, self.schema), record.irregular.patch, lenient=True))

    def rewritten(self, record: Any) -> Any:
        """The record in the classes of this tree, valid in it."""
        return self._rewrites[record.__class__](record, 0)

    def is_own(self, record: Any) -> bool:
        """Whether the record came in this very schema: decoded by this tree, or irregular in it."""
        if record.irregular is not UNSET:
            return bool(record.irregular.schema == self.schema)
        return bool(record.__class__.__schema__ == self.schema)


def read_reasoning(message: Any) -> None:
    """Make a decoded message's text of reasoning, under whichever key it came, the list it is in the canonical form."""
    if message.reasoning.__class__ is str:
        message.reasoning = [Reasoning(text=message.reasoning)]
    elif message.reasoning is UNSET:
        text = extras(message).get(REASONING_ALIAS)
        if text.__class__ is str:
            message.reasoning = [Reasoning(text=text, spelling=REASONING_ALIAS)]


def _names(position: Position) -> list[str]:
    return [info.name for info in fields(position.kind)]


def _wide(name: str, info: FieldInfo) -> Any:
    if name == "content" and info.type == str | None | UnsetType:
        return str | list[Any] | dict[str, Any]
    if name == "arguments":
        return str | dict[str, Any]
    return Any if info.type is Any else without_unset(info.type)


def _spell_canonical(position: Position, info: FieldInfo, strict: Any) -> WireField:
    annotation: Any = info.type
    if strict:
        _, many = position.children[info.name]
        annotation = list[strict] if many else strict
        for absent in {type(None), UnsetType}.intersection(get_args(info.type)):
            annotation = _either(annotation, absent)
    if info.name == "model":
        annotation = Any
    must = info.default is not UNSET
    return WireField(info.encode_name, annotation, annotation if annotation is Any else annotation | UnsetType, must)


# --- The adapter of a dialect -------------------------------------------------------------------------------------


class Dialect:
    """A declared dialect; `adapter()` is its adapter. The Structs are derived when first needed."""

    def __init__(
        self,
        name: str,
        docs: str,
        *,
        response: Mapping[str, Rule] | None = None,
        chunk: Mapping[str, Rule] | None = None,
        rename: Callable[[str], str] = str,
        reasoning: str | None = None,
        sealed: bool = False,
        error: ErrorCodec | None = None,
        hints: Sequence[str] = (),
        general: bool = False,
    ) -> None:
        self.name = name
        self._docs = docs
        self._response = response
        self._chunk = chunk
        self._rename = rename
        self._reasoning = reasoning
        self._sealed = sealed
        self._error = error
        self._hints = hints
        self._general = general

    @cached_property
    def response(self) -> Tree:
        """The tree of a whole answer."""
        return self._tree(ChatCompletion, self._response)

    @cached_property
    def chunk(self) -> Tree:
        """The tree of a chunk."""
        return self._tree(ChatCompletionChunk, self._chunk)

    def _tree(self, root: type[Record], rules: Mapping[str, Rule] | None) -> Tree:
        return Tree(
            self.name,
            root,
            rules or {},
            rename=self._rename,
            reasoning=self._reasoning,
            sealed=self._sealed,
        )

    def decode(self, data: bytes | str) -> ChatCompletion:
        """The completion of a payload. Raises: DecodeError."""
        return self.response.decode(data)  # type: ignore[no-any-return]

    def encode(self, completion: ChatCompletion) -> bytes:
        """The completion as this dialect writes it."""
        return self.response.encode(completion)

    def adapter(self, versions: Mapping[str, Adapter] | None = None) -> Adapter:
        """The adapter: what is declared can be read and written."""
        from .errors import chat_error_codec

        return Adapter(
            name=self.name,
            docs=self._docs,
            response=ResponseCodec(decode=self.decode, encode=self.encode) if self._response is not None else None,
            stream=StreamCodec(decoder=self._stream_decoder, encoder=self._stream_encoder)
            if self._chunk is not None
            else None,
            error=self._error or chat_error_codec(self.name),
            versions=versions or {},
            hints=self._hints,
            general=self._general,
        )

    def _stream_decoder(self) -> StreamDecoder:
        from .stream import ChunkDecoder

        return ChunkDecoder(self.chunk)

    def _stream_encoder(self) -> StreamEncoder:
        from .stream import ChunkEncoder

        return ChunkEncoder(self.chunk)
