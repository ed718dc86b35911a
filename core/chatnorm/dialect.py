"""Chat Completions with declared differences.

A dialect has the Chat Completions tree under other key names, with other required keys, other places for null and
other closed words. All of it is declared as `Rule`s, by dotted path; this module turns them into Structs that only a
valid payload fits, and into functions that make any record valid. The functions are generated, one for each place of
the tree, because walking rules at run time would cost more than reading the JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from operator import is_
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import FieldInfo, fields

from .chunk import ChatCompletionChunk
from .codec import Adapter, ErrorCodec, ResponseCodec, StreamCodec, StreamDecoder, StreamEncoder
from .completion import ChatCompletion, Irregular, Reasoning
from .record import Record, extras
from .wire import (
    Family,
    Position,
    WireField,
    derive_loose,
    encode_json,
    encode_record,
    is_private_key,
    parse_json,
    private_key,
    without_unset,
)

__all__ = ["CANONICAL_ONLY", "IMPOSSIBLE", "REASONING_ALIAS", "Dialect", "Rule", "Tree", "closed", "forbidden", "optional", "required"]

#: Fields of the canonical Structs that Chat Completions has no key for.
CANONICAL_ONLY = frozenset({"reasoning", "layout", "provider_metadata", "patch", "irregular"})
#: The other key under which vendors write reasoning as text. It stays an undeclared key, and is read all the same.
REASONING_ALIAS = "reasoning"


class _Impossible:
    """The default of a required field that cannot be made up: without it the object is left out."""

    def __repr__(self) -> str:
        return "IMPOSSIBLE"


IMPOSSIBLE = _Impossible()

Default = Callable[[Any, int], Any]
"""(object, its place in the list it stands in) -> value"""


class Rule(NamedTuple):
    """What a schema says of one field, where it says other than the canonical form."""

    #: JSON types allowed, null and absent apart; empty: what the canonical form allows.
    types: tuple[Any, ...] = ()
    #: The only values allowed; empty: any.
    words: tuple[str | bool, ...] = ()
    required: bool = False
    nullable: bool = True
    forbidden: bool = False
    #: For a field without a valid value: the value, or a function that derives it; an optional one needs none.
    default: Any = IMPOSSIBLE
    #: Valid words for words that are not.
    near: Mapping[Any, Any] = {}
    #: For lists: which items the schema can hold, and how many there must be.
    fits: Callable[[Any], bool] | None = None
    count: int | None = None


def required(*types: type, default: Any = IMPOSSIBLE, null: bool = False, count: int | None = None) -> Rule:
    """The key must be there; with `null` it may be null; a list may have to have `count` items."""
    return Rule(types=types, required=True, nullable=null, default=default, count=count)


def optional(
    *types: Any, null: bool = True, default: Any = IMPOSSIBLE, fits: Callable[[Any], bool] | None = None
) -> Rule:
    """The key may be missing; without `null` it must not be null."""
    return Rule(types=types, nullable=null, default=default, fits=fits)


def closed(
    *words: str | bool,
    required: bool = False,
    null: bool = False,
    default: Any = IMPOSSIBLE,
    near: Mapping[Any, Any] | None = None,
) -> Rule:
    """Only these values are allowed. `near` gives the valid word for one that is not, `default` for all others."""
    return Rule((), words, required, null, False, default, near or {})


forbidden = Rule(forbidden=True)
"""The schema has no such key."""

_OPEN = Rule()


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
        self._aliases = _Aliases()
        self._encode = _compile(self._family, self._rule, sealed, canonical)
        self._repeat: Callable[[Any], Any] | None = None

    def _positions(self) -> list[Position]:
        return self._family.root.walk()

    def _rule(self, path: str) -> Rule:
        return self._rules.get(path, _OPEN)

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
            value = Union[rule.types]  # noqa: UP007 - built at run time
        narrow = (list[strict] if many else strict) if strict else value  # type: ignore[valid-type]
        wide = (list[loose] if many else loose) if loose else (value if Any in rule.types else _wide(name, info))  # type: ignore[valid-type]
        if rule.count is not None:
            narrow = Annotated[narrow, Meta(min_length=rule.count, max_length=rule.count)]
        if rule.words and True not in rule.words:  # msgspec has no Literal[True]
            narrow = Literal[rule.words]
        if rule.forbidden:
            narrow = UnsetType
        elif rule.nullable and info.default is UNSET and narrow is not Any:
            narrow = narrow | None
        if wide is not Any:
            wide = wide | None | UnsetType
        must = rule.required or info.default is not UNSET
        if not must and narrow is not Any:
            narrow = narrow | UnsetType
        return WireField(self._rename(name), narrow, wide, must)

    # --- decoding ---

    def decode(self, data: bytes | str) -> Any:
        """The record of a payload. Raises: DecodeError."""
        family = self._family
        try:
            record = family.decode_strict(data)
        except Exception as error:
            record, strict = family.recover(data, error, loosely=not self._canonical)
            if not strict:
                self._put_right(record)
        if self._reasoning:
            aliases = self._aliases
            for choice in record.choices:
                message = choice.message if self._holder == "message" else choice.delta
                if message.reasoning.__class__ is str:
                    message.reasoning = [Reasoning(text=message.reasoning)]
                elif (alias := aliases[message.__class__]) is not None and message.reasoning is UNSET:
                    text = getattr(message, alias)
                    if text.__class__ is str:
                        message.reasoning = [Reasoning(text=text, spelling=REASONING_ALIAS)]
        return record

    def _put_right(self, record: Any) -> None:
        from .irregular import put_right

        record.irregular = Irregular(schema=self.schema, patch=put_right(record, self._holder, self.schema))

    # --- encoding ---

    def encode(self, record: Any) -> bytes:
        """JSON of the record, valid in this schema; of an irregular record of this very schema, as it came."""
        irregular = record.irregular
        if irregular is UNSET or irregular.schema != self.schema:
            return encode_record(self._encode(record))
        if self._repeat is None:
            self._repeat = _compile(self._family, lambda path: _OPEN, False, False)
        data = encode_record(self._repeat(record))
        if irregular.patch:
            from .patch import apply_patch

            data = encode_json(apply_patch(parse_json(data, self.schema), irregular.patch, lenient=True))
        return data

    def canonical(self, record: Any) -> Any:
        """The record in the classes of this tree, with nothing repeated as it came."""
        return self._encode(record)

    def is_own(self, record: Any) -> bool:
        """Whether the record is an irregular one of this very schema, which goes back as it came."""
        return record.irregular is not UNSET and record.irregular.schema == self.schema

    def is_verified(self, record: Any) -> bool:
        """Whether the record was decoded by this tree and its root was not touched since."""
        return record.__class__.__verified__ == (self.schema, "")


class _Aliases(dict[type, str | None]):
    """Class of a message -> its slot for the undeclared key `reasoning`, as which many vendors write reasoning."""

    def __missing__(self, cls: type[Record]) -> str | None:
        if len(self) >= 1024:
            self.clear()
        self[cls] = alias = next((name for name, key in cls.__extras__.items() if key == REASONING_ALIAS), None)
        return alias


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
        annotation = list[strict] if many else strict  # type: ignore[valid-type]
        if info.default is UNSET:
            annotation = annotation | None | UnsetType
    if info.name == "model":
        annotation = Any
    must = info.default is not UNSET
    return WireField(info.encode_name, annotation, annotation if annotation is Any else annotation | UnsetType, must)


# --- Generated encoding -------------------------------------------------------------------------------------------


class _LeftOut(Exception):
    """An object lacks what the schema requires and nobody can make up."""


class _Kinds(dict[type, int]):
    """Class -> 2: verified by this schema at this place; 1: same key names, so valid if its values are; 0: neither."""

    def __init__(self, family: Family, position: Position, sealed: bool, kept: frozenset[str]) -> None:
        self._family = family
        self._position = position
        self._sealed = sealed
        self._kept = kept

    def __missing__(self, cls: type[Record]) -> int:
        self[cls] = verdict = self._judge(cls)
        return verdict

    def _judge(self, cls: type[Record]) -> int:
        path = self._position.path
        if cls.__verified__ == (self._family.schema, path):
            return 2
        if cls.__overflows__ or (self._sealed and cls.__extras__):
            return 0
        keys = dict(zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True))
        declared = self._family.declared[path]
        same = all(keys[name] == key for key, name in declared.items() if name in self._kept)
        free = all(
            keys[attribute] == self._family.escape(key) and keys[attribute] not in declared
            for attribute, key in cls.__extras__.items()
        )
        return 1 if same and free else 0


class _Homes(dict[type, Callable[..., Record]]):
    """Class -> the generated function that rebuilds its objects in a class of this schema."""

    def __init__(self, build: Callable[[type[Record]], Callable[..., Record]]) -> None:
        self._build = build

    def __missing__(self, cls: type[Record]) -> Callable[..., Record]:
        if len(self) >= 1024:
            self.clear()
        self[cls] = home = self._build(cls)
        return home


_NULL = type(None)


_NULL = type(None)
_ABSENT = frozenset((_NULL, UnsetType))


def _compile(
    family: Family, rule_of: Callable[[str], Rule], sealed: bool, canonical: bool
) -> Callable[[Any], Any]:
    """The function that makes a record valid by the rules, reusing every object that already is."""
    encoders: dict[str, Callable[..., Any]] = {}
    for position in family.root.walk():
        encoders[position.path] = _Place(family, position, rule_of, sealed, canonical, encoders).compile()
    return encoders[""]


class _Place:
    """The code for one place of the tree, as it is put together."""

    def __init__(
        self,
        family: Family,
        position: Position,
        rule_of: Callable[[str], Rule],
        sealed: bool,
        canonical: bool,
        encoders: Mapping[str, Callable[..., Any]],
    ) -> None:
        self.family = family
        self.position = position
        self.sealed = sealed
        self.spelled = {name: key for key, name in family.declared[position.path].items()}
        kept = frozenset(self.spelled if canonical else self.spelled.keys() - CANONICAL_ONLY)
        self.scope: dict[str, Any] = {
            "UNSET": UNSET,
            "ABSENT": _ABSENT,
            "KINDS": _Kinds(family, position, sealed, kept),
            "HOMES": _Homes(self.compile_home),
            "LeftOut": _LeftOut,
            "error_object": _error_object,
            "reasoning_text": _reasoning_text,
        }
        #: statements that encode the children; tests that nothing changed; arguments of the rebuilt object
        self.before: list[str] = []
        self.tests: list[str] = []
        self.checks: list[str] = []
        self.arguments: list[str] = []
        self.passed = ["n", "i"]
        for info in fields(position.kind):
            name = info.name
            rule = rule_of(f"{position.path}.{name}".lstrip("."))
            if rule.forbidden or (name not in kept and not (name == "reasoning" and self.writes_reasoning())):
                self.checks.append(f"n.{name} is UNSET")
            elif name in position.children:
                child, many = position.children[name]
                encode = encoders[child.path]
                self.child(name, rule, _each(encode, family, child, rule) if many else encode)
            elif name in ("reasoning", "error") and not canonical:
                self.checks.append(f"n.{name} is UNSET")
                self.arguments.append(
                    "reasoning=reasoning_text(n)" if name == "reasoning" else "error=error_object(n.error)"
                )
            elif rule is _OPEN or Any in rule.types:
                self.arguments.append(f"{name}=n.{name}")
            else:
                self.value(name, rule, info)

    def writes_reasoning(self) -> bool:
        return not is_private_key(self.spelled["reasoning"])

    def child(self, name: str, rule: Rule, encode: Callable[..., Any]) -> None:
        self.passed.append(f"new_{name}")
        self.before.append(f"old_{name} = new_{name} = n.{name}")
        self.before.append(f"if old_{name}.__class__ not in ABSENT: new_{name} = encode_{name}(old_{name})")
        self.tests.append(f"new_{name} is old_{name}")
        self.scope[f"encode_{name}"] = encode
        wanted = rule.required or rule.default is not IMPOSSIBLE
        missing = frozenset(([UnsetType] if wanted else []) + ([] if rule.nullable else [_NULL]))
        if rule.count is not None:
            self.checks.append(f"len(old_{name}) == {rule.count}")
        if not missing:
            self.arguments.append(f"{name}=new_{name}")
            return
        self.scope[f"missing_{name}"] = missing
        self.scope[f"mend_{name}"] = _mend_child(rule, encode)
        self.checks.append(f"old_{name}.__class__ not in missing_{name}")
        self.arguments.append(f"{name}=new_{name} if new_{name}.__class__ not in missing_{name} else mend_{name}(n, i)")

    def value(self, name: str, rule: Rule, info: FieldInfo) -> None:
        types = rule.types or _json_types(info.type)
        absent = {value for value, allowed in ((None, rule.nullable), (UNSET, not rule.required)) if allowed}
        if rule.words:
            self.scope[f"good_{name}"] = frozenset((*rule.words, *absent))
            test = f"in good_{name}"
            held = f"n.{name}"
        elif types:
            self.scope[f"good_{name}"] = frozenset((*types, *map(type, absent)))
            test = f".__class__ in good_{name}"
            held = f"n.{name}"
        else:
            self.scope[f"good_{name}"] = _ABSENT - {type(value) for value in absent}
            test = f".__class__ not in good_{name}"
            held = f"n.{name}"
        space = "" if test.startswith(".") else " "
        self.scope[f"mend_{name}"] = _mend(rule, types)
        self.checks.append(f"{held}{space}{test}")
        self.arguments.append(f"{name}=v if (v := {held}){space}{test} else mend_{name}(v, n, i)")

    def label(self) -> str:
        return f"<chatnorm {self.family.schema} {self.position.path or 'root'}>"

    def compile(self) -> Callable[..., Any]:
        valid = f"(kind == 2 or kind and {' and '.join(self.checks)})" if self.checks else "kind"
        body = "\n    ".join(
            [
                "def encode(n, i=0):",
                *self.before,
                "kind = KINDS[n.__class__]",
                f"if {' and '.join([*self.tests, valid])}: return n",
                f"try: return HOMES[n.__class__]({', '.join(self.passed)})",
                "except LeftOut: return UNSET",
            ]
        )
        exec(compile(body, self.label(), "exec"), self.scope)
        return self.scope["encode"]  # type: ignore[no-any-return]

    def compile_home(self, cls: type[Record]) -> Callable[..., Record]:
        """The constructor call that rebuilds objects of `cls`, with the undeclared keys that may come along."""
        path = self.position.path
        declared = self.family.declared[path]
        slots: dict[str, str] = {}
        if not self.sealed:
            slots = {
                key: name for name, key in cls.__extras__.items() if self.family.escape(key) not in declared
            }
        overflows = cls.__overflows__ and not self.sealed
        home = self.family.plain[path]
        if slots or overflows:
            home = derive_loose(
                self.position.kind, self.family.spelled[path], slots, self.family.escape, overflows
            )
        carried = [f"{name}=n.{name}" for name in (*slots.values(), *(["overflow"] if overflows else []))]
        source = f"lambda {', '.join(self.passed)}: HOME({', '.join([*self.arguments, *carried])})"
        code = compile(source, self.label(), "eval")
        return eval(code, {**self.scope, "HOME": home})  # type: ignore[no-any-return]


def _each(
    encode: Callable[..., Any], family: Family, position: Position, rule: Rule
) -> Callable[[list[Any]], Any]:
    """Encoding of a list: the same list if nothing in it changed, absent if nothing of it can be said."""
    leaf = not position.children
    fits = rule.fits

    def encode_each(items: list[Any]) -> Any:
        if leaf and {*map(type, items)} == {family.verified[position.path]}:
            return items
        encoded = [encode(item, place) for place, item in enumerate(items)]
        if all(map(is_, encoded, items)) and (fits is None or all(map(fits, items))):
            return items
        kept = [item for item in encoded if item is not UNSET and (fits is None or fits(item))]
        return kept if kept or not items else UNSET

    if rule.count is None:
        return encode_each

    def encode_some(items: list[Any]) -> Any:
        some = encode_each(items[: rule.count] if len(items) > rule.count else items)
        return some if some is not UNSET and len(some) == rule.count else UNSET

    return encode_some


def _json_types(annotation: Any) -> tuple[type, ...]:
    if annotation is Any:
        return ()
    parts = get_args(annotation) or (annotation,)
    return tuple(get_origin(part) or part for part in parts if part not in _ABSENT)


def _default(rule: Rule, holder: Any, place: int) -> Any:
    if rule.default is not IMPOSSIBLE:
        value = rule.default(holder, place) if callable(rule.default) else rule.default
        if value is not IMPOSSIBLE:
            return value
    if not rule.required:
        return UNSET
    if rule.nullable:
        return None
    raise _LeftOut


def _mend_child(rule: Rule, encode: Callable[..., Any]) -> Callable[[Any, int], Any]:
    def mend(holder: Any, place: int) -> Any:
        value = _default(rule, holder, place)
        return value if value is UNSET or value is None else encode(value)

    return mend


def _mend(rule: Rule, types: tuple[type, ...]) -> Callable[[Any, Any, int], Any]:
    def mend(value: Any, holder: Any, place: int) -> Any:
        if rule.words:
            if isinstance(value, str) and value in rule.near:
                return rule.near[value]
        elif value is not None and value is not UNSET:
            if isinstance(value, float) and int in types and value == value and abs(value) != float("inf"):
                return int(value)
            if str in types and not isinstance(value, str):
                return encode_json(value).decode()
        return _default(rule, holder, place)

    return mend


def _reasoning_text(message: Any) -> Any:
    """Reasoning as one text; what is no text (signatures, encrypted data) cannot be said so.

    Nothing where an undeclared key that comes along says it already.
    """
    items = message.reasoning
    if not isinstance(items, list):
        return items
    texts = [item.text for item in items if isinstance(item.text, str)]
    text = "".join(texts) if texts else UNSET
    spelled = {item.spelling for item in items} - {UNSET}
    if spelled and any(text == value for key, value in extras(message).items() if key in spelled):
        return UNSET
    return text


def _error_object(error: Any) -> Any:
    from .errors import error_object

    return UNSET if error is UNSET else error_object(error)


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
        )

    def _stream_decoder(self) -> StreamDecoder:
        from .stream import ChunkDecoder

        return ChunkDecoder(self.chunk)

    def _stream_encoder(self) -> StreamEncoder:
        from .stream import ChunkEncoder

        return ChunkEncoder(self.chunk)
