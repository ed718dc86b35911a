"""Typed decoding that keeps unknown keys, at the speed of typed decoding that drops them.

A `Family` is a set of Structs derived from the canonical ones for one schema: the same attributes under the schema's
key names, once *loose* (every type the canonical form allows) and once *strict* (what the schema itself allows).
Decoding forbids unknown keys; when one comes, the family is derived anew with a slot for it and goes on at full
speed. That is bounded: `MAX_KEYS` undeclared keys an object, `MAX_KEY_LENGTH` characters a key, `MAX_GENERATIONS`
derivations a family. Keys beyond the bounds are kept in an `Overflow`, correctly and slowly.

An object of a strict class is as valid as when it was decoded: assigning to it turns it into its loose class.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from functools import cached_property
from os import urandom
from threading import RLock
from types import UnionType
from typing import Any, Generic, NamedTuple, NoReturn, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import FieldInfo, fields

from .exceptions import DecodeError
from .record import Overflow, R, Record, kind_of
from .values import is_array, is_object

__all__ = [
    "MAX_GENERATIONS",
    "MAX_KEYS",
    "MAX_KEY_LENGTH",
    "Family",
    "Position",
    "Wire",
    "WireField",
    "WireRecord",
    "WireUnion",
    "attach_overflow",
    "decode_object",
    "derive_loose",
    "encode_json",
    "encode_record",
    "is_private_key",
    "is_slot_key",
    "parse_json",
    "private_key",
    "refusal_of",
    "to_builtins",
    "without_unset",
]

MAX_KEYS = 64
MAX_KEY_LENGTH = 64
MAX_GENERATIONS = 128

#: No payload can have a key that begins with it, because no one outside this process knows it.
_PRIVATE = f"chatnorm:{urandom(16).hex()}:"

#: Held while classes are derived: msgspec crashes where two threads are the first to use a class.
_DERIVING = RLock()

_ENCODE_ANY = msgspec.json.Encoder().encode
_DECODE_ANY = msgspec.json.Decoder().decode


def private_key(name: str) -> str:
    """The key of a field that a schema cannot say: it is never written, and no payload has it."""
    return _PRIVATE + name


def is_private_key(key: str) -> bool:
    """Whether `private_key` made the key."""
    return key.startswith(_PRIVATE)


# --- JSON that msgspec does not read or write ---------------------------------------------------------------------


def parse_json(data: bytes | str, schema: str) -> Any:
    """The JSON value of `data`. Escaped lone surrogates, which msgspec refuses, are kept.

    Raises: DecodeError where it is no JSON (NaN and numbers beyond a double included) or is nested too deep.
    """
    try:
        return _DECODE_ANY(data)
    except RecursionError:
        raise DecodeError(schema, "nested too deep") from None
    except (msgspec.DecodeError, UnicodeError) as error:
        if not _has_surrogate(data):
            raise DecodeError(schema, _describe_malformed(data, error)) from None
    import json

    def refuse(number: str) -> NoReturn:
        raise DecodeError(schema, f"{number} is no JSON number, or beyond a double")

    def read_float(text: str) -> float:
        number = float(text)
        return refuse(text) if abs(number) == float("inf") else number

    try:
        return json.loads(data, parse_constant=refuse, parse_float=read_float)
    except RecursionError:
        raise DecodeError(schema, "nested too deep") from None
    except DecodeError:
        raise
    except ValueError as error:
        raise DecodeError(schema, f"no JSON: {error}") from None


def _has_surrogate(data: bytes | str) -> bool:
    """Whether the text escapes a surrogate, or a str holds one."""
    if isinstance(data, str):
        return "\\ud" in data or "\\uD" in data or not data.isascii()
    return b"\\ud" in data or b"\\uD" in data


def _describe_malformed(data: bytes | str, error: Exception) -> str:
    start = data[:200].lstrip()
    if not start:
        return "the body is empty"
    if start[:1] in (b"<", "<"):
        return "the body is HTML or XML, not JSON"
    if start[:5] in (b"data:", "data:") or start[:6] in (b"event:", "event:"):
        return "the body is a stream of server-sent events, not one JSON value"
    return f"no JSON: {error}"


def refusal_of(schema: str, error: Exception) -> DecodeError:
    """msgspec's refusal of a payload, with its path."""
    problem, _, path = str(error).partition(" - at `")
    return DecodeError(schema, problem, path.rstrip("`") or "$")


def _refuse_overflow(value: Any) -> Any:
    raise _Slow


class _Slow(Exception):
    """A record that msgspec cannot write alone."""


_ENCODE_RECORD = msgspec.json.Encoder(enc_hook=_refuse_overflow).encode


def encode_record(record: Any) -> bytes:
    """JSON of a record under the key names of the classes that hold it."""
    try:
        return _ENCODE_RECORD(record)
    except (_Slow, UnicodeEncodeError):
        return encode_json(to_builtins(record))


def encode_json(value: Any) -> bytes:
    """JSON of plain values; strings with lone surrogates, which msgspec refuses, are escaped."""
    try:
        return _ENCODE_ANY(value)
    except UnicodeEncodeError:
        import json

        return json.dumps(_finite(value), separators=(",", ":"), allow_nan=False).encode()


def _finite(value: Any) -> Any:
    """The value with null for what JSON has no number for, as msgspec writes it."""
    if is_object(value):
        return {key: _finite(item) for key, item in value.items()}
    if is_array(value):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value


def to_builtins(value: Any) -> Any:
    """Plain JSON values of a record, under the key names of the classes that hold it; overflowing keys included."""
    if isinstance(value, Record):
        cls = value.__class__
        plain = {
            key: to_builtins(item)
            for name, key in zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True)
            if (item := getattr(value, name)) is not UNSET and item.__class__ is not Overflow
        }
        if cls.__overflows__:
            overflow = value.overflow  # type: ignore[attr-defined]
            if isinstance(overflow, Overflow):
                for key, item in overflow.values.items():
                    if (written := cls.__escape__(key)) not in cls.__struct_encode_fields__:
                        plain[written] = item
        return plain
    if is_array(value):
        return [to_builtins(item) for item in value]
    if isinstance(value, Struct):
        return msgspec.to_builtins(value)
    return value


# --- Positions and families ---------------------------------------------------------------------------------------


class WireField(NamedTuple):
    """How a schema writes one field of a canonical Struct."""

    key: str
    strict: Any
    loose: Any
    required: bool = False


class Position:
    """One place of a record where a Struct stands: `choices.message` of a completion."""

    def __init__(self, path: str, kind: type[Record], leaves: Container[str] = ()) -> None:
        self.path = path
        self.kind = kind
        #: field -> the position below it, and whether the field is a list of it.
        self.children: dict[str, tuple[Position, bool]] = {}
        for info in fields(kind):
            child, many = _record_in(info.type)
            if child is not None and info.name not in leaves:
                below = Position(f"{path}.{info.name}".lstrip("."), child, leaves)
                self.children[info.name] = (below, many)

    def walk(self) -> list[Position]:
        """This position and all below it, the deepest first."""
        below = [position for child, _ in self.children.values() for position in child.walk()]
        return [*below, self]


def _record_in(annotation: Any) -> tuple[type[Record] | None, bool]:
    for part in get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,):
        if isinstance(part, type) and issubclass(part, Record):
            return part, False
        if get_origin(part) is list and isinstance(item := get_args(part)[0], type) and issubclass(item, Record):
            return item, True
    return None, False


def without_unset(annotation: Any) -> Any:
    """The annotation less null and absent: `str` of `str | None | UnsetType`."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    parts = tuple(part for part in get_args(annotation) if part not in (type(None), UnsetType))
    return Union[parts]  # noqa: UP007 - built at run time


Spelling = Callable[[Position, FieldInfo, Any, Any], WireField]
"""(position, field, strict class below or None, loose class below or None) -> how the field is written."""


class Family:
    """The derived classes of one schema for one root Struct, their decoders, and what they have learned.

    `leaves` are fields whose Structs stay as they are. In a `sealed` family no undeclared key is valid, so only the
    loose classes get slots for them. `escape` gives the wire key of an undeclared key, `unescape`
    the reverse, where a schema must tell them from its own (only `canonical` does).
    """

    def __init__(
        self,
        schema: str,
        root: type[Record],
        spell: Spelling,
        leaves: Container[str] = (),
        sealed: bool = False,
        escape: Callable[[str], str] = str,
        unescape: Callable[[str], str] = str,
    ) -> None:
        self.schema = schema
        self._sealed = sealed
        self.root = Position("", root, leaves)
        self._spell = spell
        self.escape = escape
        self._unescape = unescape
        self.generation = 0
        self._slots = 0
        #: path -> undeclared key -> attribute of its slot
        self._learned: dict[str, dict[str, str]] = {position.path: {} for position in self.root.walk()}
        #: path -> how many slots the classes of this generation have
        self._held: dict[str, int] = {}
        #: path -> declared key -> field name
        self.declared: dict[str, dict[str, str]] = {}
        #: path -> how each field is written
        self.spelled: dict[str, dict[str, WireField]] = {}
        #: path -> the loose class without learned slots
        self.plain: dict[str, type[Record]] = {}
        #: path -> the strict class of this generation
        self.verified: dict[str, type[Record]] = {}
        #: Decoding into the strict classes. Raises: any error, for `recover` to make something of.
        self.decode_strict: Callable[[bytes | str], Any]
        self._decode_loose: Callable[[bytes | str], Any]
        self._loose: dict[str, type[Record]] = {}
        with _DERIVING:
            self._derive()

    def _derive(self) -> None:
        """Derive the classes of every place that has learned a key, or has one below it that has."""
        derived: set[str] = set()
        for position in self.root.walk():
            path = position.path
            below = {name: child.path for name, (child, _) in position.children.items()}
            slots = self._learned[path]
            if path in self.verified and derived.isdisjoint(below.values()) and len(slots) == self._held[path]:
                continue
            derived.add(path)
            self._held[path] = len(slots)
            classes = {name: (self.verified[child], self._loose[child]) for name, child in below.items()}
            spelled = {
                info.name: self._spell(position, info, *classes.get(info.name, (None, None)))
                for info in fields(position.kind)
            }
            if path not in self.plain:
                self.spelled[path] = spelled
                self.declared[path] = {spelling.key: name for name, spelling in spelled.items()}
                self.plain[path] = derive_loose(self.schema, position.kind, spelled, {}, self.escape)
            loose = self._loose[path] = derive_loose(self.schema, position.kind, spelled, slots, self.escape)
            base = self.plain[path] if self._sealed else loose
            self.verified[path] = _derive_strict(base, spelled, (self.schema, path))
        roots = self.verified[""], self._loose[""]
        decode_strict, decode_loose = (msgspec.json.Decoder(root).decode for root in roots)
        # only now, because msgspec crashes where two threads are the first to use a class
        self._roots = roots
        self.decode_strict, self._decode_loose = decode_strict, decode_loose
        self.generation += 1

    def slots_at(self, path: str) -> Mapping[str, str]:
        """The undeclared keys learned at a place, as they are learned: key -> attribute."""
        return self._learned[path]

    def recover(self, data: bytes | str, error: Exception, loosely: bool = True) -> tuple[Any, bool]:
        """What `decode_strict` refused with `error`: the record, and whether it keeps the schema's own rules.

        Raises: DecodeError where the strict classes, and if `loosely` the loose ones, cannot hold it.
        """
        if (
            loosely
            and isinstance(error, msgspec.ValidationError)
            and (self._sealed or "unknown field" not in str(error))
        ):
            try:
                return self._decode_loose(data), False
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                pass
        tree = parse_json(data, self.schema)
        hidden = self._learn(tree)
        strict_root, loose_root = self._roots
        ways = [(strict_root, True), (loose_root, False)][: 1 + loosely]
        for cls, strict in ways[1:] if hidden and self._sealed else ways:
            try:
                record = msgspec.convert(tree, cls)
            except (msgspec.ValidationError, UnicodeError, RecursionError) as refusal:
                error = refusal
                continue
            for path, values in hidden:
                record = _attach(record, path, values)
            return record, strict
        raise refusal_of(self.schema, error) from None

    def _learn(self, tree: Any) -> list[tuple[tuple[str | int, ...], dict[str, Any]]]:
        """Make slots for the undeclared keys of `tree`; take those that get none out of it, by place."""
        hidden: list[tuple[tuple[str | int, ...], dict[str, Any]]] = []
        with _DERIVING:
            # what has none of the objects below the root is another schema's, and its keys are not worth a slot
            worth = not self.root.children or (
                is_object(tree) and any(self.declared[""].get(key) in self.root.children for key in tree)
            )
            found = self._visit(self.root, tree, (), hidden, worth)
            if found:
                self._derive()
        return hidden

    def _visit(
        self,
        position: Position,
        tree: Any,
        place: tuple[str | int, ...],
        hidden: list[tuple[tuple[str | int, ...], dict[str, Any]]],
        worth: bool,
    ) -> bool:
        if not is_object(tree):
            return False
        declared = self.declared[position.path]
        learned = self._learned[position.path]
        found = False
        without_slot: dict[str, Any] = {}
        for key in [key for key in tree if key not in declared]:
            own = self._unescape(key)
            if own in learned and self.escape(own) == key:
                continue
            if worth and own not in learned and self.escape(own) == key and self._learnable(key, learned):
                self._slots += 1
                learned[own] = f"extra_{self._slots}"
                found = True
            else:
                without_slot[own] = tree.pop(key)
        if without_slot:
            hidden.append((place, without_slot))
        for key, name in declared.items():
            if name in position.children and key in tree:
                child, many = position.children[name]
                below = tree[key]
                if many and is_array(below):
                    for number, item in enumerate(below):
                        found |= self._visit(child, item, (*place, name, number), hidden, worth)
                elif not many:
                    found |= self._visit(child, below, (*place, name), hidden, worth)
        return found

    def _learnable(self, key: str, learned: Mapping[str, str]) -> bool:
        return self.generation < MAX_GENERATIONS and len(learned) < MAX_KEYS and is_slot_key(key)


def is_slot_key(key: str) -> bool:
    """Whether a Struct field can have this key: msgspec writes them unescaped, and holds them as UTF-8."""
    return len(key) <= MAX_KEY_LENGTH and not any(
        character in '"\\' or character < " " or "\ud800" <= character <= "\udfff" for character in key
    )


def derive_loose(
    schema: str,
    kind: type[Record],
    spelled: Mapping[str, WireField],
    slots: Mapping[str, str],
    escape: Callable[[str], str],
    overflows: bool = False,
) -> type[Record]:
    """A loose class of `kind` in a schema, with the spelled keys and with slots (undeclared key -> attribute)."""
    declared: list[Any] = [
        (name, spelling.loose, msgspec.field(default=UNSET, name=spelling.key)) for name, spelling in spelled.items()
    ]
    undeclared: list[Any] = [
        (attribute, Any, msgspec.field(default=UNSET, name=escape(key))) for key, attribute in slots.items()
    ]
    if overflows:
        undeclared.append(("overflow", Any, msgspec.field(default=UNSET, name=private_key("overflow"))))
    return msgspec.defstruct(  # type: ignore[return-value]
        kind.__name__,
        declared + undeclared,
        bases=(kind,),
        namespace={
            "__canonical__": kind,
            "__schema__": schema,
            "__extras__": {attribute: key for key, attribute in slots.items()},
            "__overflows__": overflows,
            "__escape__": staticmethod(escape),
        },
        module=kind.__module__,
        kw_only=True,
        gc=False,
        forbid_unknown_fields=True,
    )


def _derive_strict(loose: type[Record], spelled: Mapping[str, WireField], place: tuple[str, str]) -> type[Record]:
    def __setattr__(self: Any, name: str, value: Any) -> None:
        Struct.__setattr__(self, "__class__", loose)
        Struct.__setattr__(self, name, value)

    declared: list[Any] = [
        (name, spelling.strict, msgspec.field(name=spelling.key))
        if spelling.required
        else (name, spelling.strict, msgspec.field(default=UNSET, name=spelling.key))
        for name, spelling in spelled.items()
    ]
    return msgspec.defstruct(  # type: ignore[return-value]
        loose.__name__,
        declared,
        bases=(loose,),
        namespace={
            "__setattr__": __setattr__,
            "__verified__": place,
            "__strict__": {name: spelling.strict for name, spelling in spelled.items()},
        },
        module=loose.__module__,
        kw_only=True,
        gc=False,
        forbid_unknown_fields=True,
    )


def _attach(record: Record, place: Sequence[str | int], values: dict[str, Any]) -> Record:
    """The record with an `Overflow` of `values` on the object at `place`."""
    if not place:
        return attach_overflow(record, values)
    *above, last = place
    holder: Any = record
    for step in above:
        holder = holder[step] if isinstance(step, int) else getattr(holder, step)
    if isinstance(last, int):
        holder[last] = attach_overflow(holder[last], values)
    else:
        # the holder stays what it is: only its child gets another class
        Struct.__setattr__(holder, last, attach_overflow(getattr(holder, last), values))
    return record


def attach_overflow(record: R, values: dict[str, Any]) -> R:
    """The record with undeclared keys that have no slot."""
    cls: type[Any] = record.__class__
    if cls.__verified__:
        cls = cls.__mro__[1]  # the loose class: an object that has an overflow is never as it was
    holder: Any = _OVERFLOWING.get(cls)
    if holder is None:
        if len(_OVERFLOWING) >= 1024:
            _OVERFLOWING.clear()
        holder = _OVERFLOWING[cls] = msgspec.defstruct(
            cls.__name__,
            [("overflow", Any, msgspec.field(default=UNSET, name=private_key("overflow")))],
            bases=(cls,),
            namespace={"__canonical__": kind_of(cls), "__overflows__": True},
            module=cls.__module__,
            kw_only=True,
            gc=False,
        )
    filled: dict[str, Any] = {name: getattr(record, name) for name in cls.__struct_fields__}
    return holder(**filled, overflow=Overflow(values))  # type: ignore[no-any-return]


_OVERFLOWING: dict[type[Any], type[Any]] = {}


# --- An adapter's own Structs ---------------------------------------------------------------------------------------


class WireRecord(Record, kw_only=True, gc=False):
    """The base of an adapter's own Structs. Undeclared keys are written as they are; see `chatnorm.extras`."""

    @staticmethod
    def __escape__(key: str) -> str:
        return key


W = TypeVar("W", bound=WireRecord)


class Wire(Generic[W]):
    """How an adapter's own Struct is read: spelled as declared, undeclared keys kept, at the speed of typed decoding.

    A field whose default is `UNSET` may be missing; any other must be there, a `Literal` that tells kinds apart too.
    """

    def __init__(self, schema: str, kind: type[W]) -> None:
        self._schema = schema
        self._kind = kind

    @cached_property
    def _family(self) -> Family:
        return Family(self._schema, self._kind, _spell)

    def decode(self, data: bytes | str) -> W:
        """The record of a JSON text. Raises: DecodeError."""
        try:
            return cast("W", self._family.decode_strict(data))
        except Exception as error:
            return cast("W", self._family.recover(data, error, loosely=False)[0])

    def decode_value(self, value: Any) -> W:
        """The record of a JSON value. Raises: DecodeError."""
        try:
            return cast("W", msgspec.convert(value, self._family.verified[""]))
        except (msgspec.ValidationError, UnicodeError, RecursionError) as error:
            return cast("W", self._family.recover(encode_json(value), error, loosely=False)[0])


def _spell(_: Position, info: FieldInfo, strict: Any, loose: Any) -> WireField:
    return WireField(info.encode_name, _below(info.type, strict), _below(info.type, loose), info.default is not UNSET)


def _below(annotation: Any, derived: Any) -> Any:
    """The annotation with its Struct replaced by the derived one."""
    if derived is None:
        return annotation
    if get_origin(annotation) in (Union, UnionType):
        return Union[tuple(_below(part, derived) for part in get_args(annotation))]  # noqa: UP007 - at run time
    if get_origin(annotation) is list:
        return list[_below(get_args(annotation)[0], derived)]  # type: ignore[misc] # pyright: ignore
    return derived if _is_record(annotation) else annotation


def _is_record(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Record)


class WireUnion(Generic[W]):
    """Objects of several kinds that one key tells apart: blocks of an answer, events of a stream."""

    def __init__(self, schema: str, key: str, kinds: Mapping[str, type[W]]) -> None:
        self._key = key
        self._wires = {word: Wire(schema, kind) for word, kind in kinds.items()}

    def decode_value(self, value: Any) -> W | None:
        """The record of a JSON value, or None where it is of no known kind or breaks the rules of its kind."""
        word = value.get(self._key) if is_object(value) else None
        wire = self._wires.get(word) if isinstance(word, str) else None
        try:
            return None if wire is None else wire.decode_value(value)
        except DecodeError:
            return None


def decode_object(text: str, schema: str) -> dict[str, Any] | None:
    """The JSON object that a text is, the arguments of a tool call for one, or None where it is anything else."""
    try:
        value = parse_json(text, schema)
    except DecodeError:
        return None
    return value if is_object(value) else None
