"""Making a record valid in a schema, by functions generated from its rules.

For each class that stands at a place of the tree, one function is generated when the first object of it comes: it
returns the object itself where it is valid as it is, and else builds a valid one in a class of the schema. Walking the
rules at run time would cost more than reading the JSON, and so would checking what another schema's strict classes
already vouch for; the generated code does neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import FieldInfo, fields

from .completion import Reasoning
from .record import Record, extras
from .rules import IMPOSSIBLE, OPEN, LeftOut, Rule, default_of, mender
from .wire import Family, Position, derive_loose, is_private_key

__all__ = ["CANONICAL_ONLY", "Rewriter"]

#: Fields of the canonical Structs that Chat Completions has no key for.
CANONICAL_ONLY = frozenset({"reasoning", "layout", "provider_metadata", "patch", "irregular"})

_NULL = type(None)
_ABSENT = frozenset((_NULL, UnsetType))
_MAX_CLASSES = 1024

Rewrite = Callable[[Any, int], Any]
"""(object, its place in the list it stands in) -> the object, a valid one, or UNSET where there is none."""


class Rewriter:
    """All the generated functions of one tree of a schema."""

    def __init__(
        self, family: Family, rule_of: Callable[[str], Rule], sealed: bool = False, canonical: bool = False
    ) -> None:
        self.family = family
        self.rule_of = rule_of
        self.sealed = sealed
        self.canonical = canonical
        #: what the generated code refers to, by name
        self.scope: dict[str, Any] = {
            "UNSET": UNSET,
            "LeftOut": LeftOut,
            "reasoning_text": _reasoning_text,
            "error_object": _error_object,
            "is_finite": _is_finite,
            "JSON": msgspec.json.Encoder().encode,
        }
        self._counter = count()
        self._constants: dict[type, str] = {}
        self.places: dict[str, _Place] = {}
        for number, position in enumerate(family.root.walk()):
            self.places[position.path] = _Place(self, position, number)
        #: class of a root -> the function that makes it as the schema can say it
        self.rewrites: Mapping[type, Rewrite] = self.places[""].rewrites
        self._generation = -1
        self._numbers = {position.path: number for number, position in enumerate(reversed(family.root.walk()))}
        #: JSON of a record that this schema decoded and nobody touched since; None of any other
        self.encode_untouched = self._compile_untouched()

    def _compile_untouched(self) -> Callable[[Any], bytes | None]:
        """The function that writes a record if all its objects are of this generation's strict classes."""
        lines = ["def encode_untouched(n):", "    if n.__class__ is not V0: return None"]

        def visit(position: Position, holder: str, indent: str) -> None:
            for name, (child, many) in position.children.items():
                if self.rule_of(child.path).forbidden:
                    continue
                number = self._numbers[child.path]
                held, item = f"x{number}", f"i{number}"
                lines.append(f"{indent}{held} = {holder}.{name}")
                if many:
                    lines.append(f"{indent}if {held}:")
                    lines.append(f"{indent}    for {item} in {held}:")
                    lines.append(f"{indent}        if {item}.__class__ is not V{number}: return None")
                    visit(child, item, f"{indent}        ")
                else:
                    lines.append(f"{indent}if {held} is not UNSET and {held} is not None:")
                    lines.append(f"{indent}    if {held}.__class__ is not V{number}: return None")
                    visit(child, held, f"{indent}    ")

        visit(self.family.root, "n", "    ")
        lines.append("    try: return JSON(n)")
        lines.append("    except UnicodeEncodeError: return None")
        label = f"<chatnorm {self.family.schema} untouched>"
        self.learn_classes()
        exec(compile("\n".join(lines), label, "exec"), self.scope)
        return self.scope["encode_untouched"]  # type: ignore[no-any-return]

    def learn_classes(self) -> None:
        """Know the strict classes of the family's newest generation."""
        if self._generation == self.family.generation:
            return
        self._generation = self.family.generation
        for path, number in self._numbers.items():
            self.scope[f"V{number}"] = self.family.verified[path]

    def number(self) -> int:
        """A number no variable of the generated code has yet."""
        return next(self._counter)

    def constant(self, cls: type[Record]) -> str:
        """The name of a class in the generated code."""
        if cls not in self._constants:
            if len(self._constants) >= _MAX_CLASSES:
                self._constants.clear()
            name = self._constants[cls] = f"CLASS{self.number()}"
            self.scope[name] = cls
        return self._constants[cls]


class _Known(NamedTuple):
    """What a strict class vouches for of a field: its types, its words where they are closed, its Struct."""

    types: frozenset[Any]
    words: frozenset[Any] | None
    record: type[Record] | None


_ALWAYS_ABSENT = frozenset((UnsetType,))


def _known(cls: type[Record]) -> Mapping[str, _Known]:
    if cls.__verified__ is None:
        return {}
    known: dict[str, _Known] = {}
    keys = dict(zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True))
    for name, annotation in cls.__strict__.items():
        types: set[Any] = set()
        words: frozenset[Any] | None = None
        record: type[Record] | None = None
        for part in get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,):
            if get_origin(part) is Annotated:
                part = get_args(part)[0]
            held = get_args(part)[0] if get_origin(part) is list else part
            if get_origin(part) is Literal:
                words = frozenset(get_args(part))
                types.add(str)
            else:
                types.add(get_origin(part) or part)
            if isinstance(held, type) and issubclass(held, Record):
                record = held
        if is_private_key(keys[name]):
            types = {UnsetType}  # no payload has it, and setting it touches the object
        elif name == "reasoning":
            types.discard(str)  # a text is made a list when it is decoded, which touches the object
        known[name] = _Known(frozenset(types), words, record)
    return known


class _Field(NamedTuple):
    info: FieldInfo
    rule: Rule
    #: said in no way: forbidden, or canonical only
    unsayable: bool


class _Place:
    """The code for one place of the tree, by the class of the object that comes."""

    def __init__(self, rewriter: Rewriter, position: Position, number: int) -> None:
        self._rewriter = rewriter
        self._family = rewriter.family
        self._position = position
        path = position.path
        self._place = (self._family.schema, path)
        self._keys = {name: key for key, name in self._family.declared[path].items()}
        self._scope = rewriter.scope
        self._number = number
        self._fields: list[_Field] = []
        for info in fields(position.kind):
            name = info.name
            rule = rewriter.rule_of(f"{path}.{name}".lstrip("."))
            private = name in CANONICAL_ONLY and is_private_key(self._keys[name])
            self._fields.append(_Field(info, rule, rule.forbidden or private))
        self.rewrites = _Rewrites(self._compile)
        for field in self._fields:
            self._prepare(field)

    def _name(self, role: str, field: str) -> str:
        """The global name of what the code for a field refers to."""
        return f"{role}{self._number}_{field}"

    def _prepare(self, field: _Field) -> None:
        (info, rule, unsayable), scope = field, self._scope
        name = info.name
        if unsayable:
            return
        if name in self._position.children:
            child, many = self._position.children[name]
            below = self._rewriter.places[child.path].rewrites
            each = _each(below, rule)
            scope[self._name("rewrites", name)] = below
            scope[self._name("each", name)] = each
            scope[self._name("missing", name)] = _missing(rule)
            scope[self._name("mend", name)] = _mend_child(rule, each if many else None, below)
            scope[self._name("fits", name)] = rule.fits
        elif rule is not OPEN and Any not in rule.types:
            types = rule.types or _json_types(info.type)
            absent = {value for value, allowed in ((None, rule.nullable), (UNSET, not rule.required)) if allowed}
            good = frozenset((*rule.words, *absent) if rule.words else (*types, *map(type, absent)))
            bad = frozenset(_ABSENT - {*map(type, absent)})
            scope[self._name("good", name)] = good if rule.words or types else bad
            scope[self._name("mend", name)] = mender(rule, types)

    def _has_same_keys(self, cls: type[Record]) -> bool:
        """Whether objects of the class are written under this schema's keys."""
        if cls.__overflows__ or (self._rewriter.sealed and cls.__extras__):
            return False
        keys = dict(zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True))
        declared = self._family.declared[self._position.path]
        return all(
            keys[field.info.name] == self._keys[field.info.name]
            for field in self._fields
            if self._rewriter.canonical or (not field.unsayable and field.info.name != "reasoning")
        ) and all(
            keys[attribute] == self._family.escape(key) and keys[attribute] not in declared
            for attribute, key in cls.__extras__.items()
        )

    def _compile(self, cls: type[Record]) -> Rewrite:
        name = f"rewrite{self._rewriter.number()}"
        lines = [f"def {name}(n, i):"]
        self.write(cls, "n", "i", "r", "    ", lines)
        lines.append("    return r")
        label = f"<chatnorm {self._family.schema} {self._position.path or 'root'} of {cls.__verified__}>"
        exec(compile("\n".join(lines), label, "exec"), self._scope)
        return self._scope.pop(name)  # type: ignore[no-any-return]

    def write(self, cls: type[Record], n: str, i: str, result: str, indent: str, lines: list[str]) -> None:
        """Write the statements that rewrite the object `n`, number `i` of its list, into the variable `result`.

        The objects below it are rewritten in the same statements where the class vouches for theirs.
        """
        here = cls.__verified__ == self._place
        same = here or self._has_same_keys(cls)
        known = _known(cls)
        tests: list[str] = []
        arguments: list[str] = []
        for field in self._fields:
            name = field.info.name
            knowledge = known.get(name)
            never = knowledge is not None and knowledge.types == _ALWAYS_ABSENT
            if field.unsayable:
                if not never:
                    tests.append(f"{n}.{name} is UNSET")
            elif name in self._position.children:
                if not never or self._scope[self._name("missing", name)]:
                    expected = None if knowledge is None else knowledge.record
                    self._write_child(field, expected, n, i, indent, lines, tests, arguments)
            elif name in ("reasoning", "error") and not self._rewriter.canonical:
                if not never:
                    tests.append(f"{n}.{name} is UNSET")
                    call = f"reasoning_text({n})" if name == "reasoning" else f"error_object({n}.error)"
                    arguments.append(f"{name}={call}")
            elif not never or field.rule.required:
                self._write_value(field, knowledge, here, n, i, tests, arguments)
        home, carried = self._home(cls, n)
        built = f"{result} = {self._rewriter.constant(home)}({', '.join([*arguments, *carried])})"
        if same:
            lines.append(f"{indent}if {' and '.join(tests) or 'True'}: {result} = {n}")
            lines.append(f"{indent}else:")
            indent += "    "
        if "mend" in built:
            lines += [f"{indent}try: {built}", f"{indent}except LeftOut: {result} = UNSET"]
        else:
            lines.append(f"{indent}{built}")

    def _write_child(
        self,
        field: _Field,
        expected: type[Record] | None,
        n: str,
        i: str,
        indent: str,
        lines: list[str],
        tests: list[str],
        arguments: list[str],
    ) -> None:
        name, rule = field.info.name, field.rule
        child, many = self._position.children[name]
        place = self._rewriter.places[child.path]
        unique = self._rewriter.number()
        old, new, item, at, one = (f"{role}{unique}" for role in ("old", "new", "item", "at", "one"))
        missing = self._scope[self._name("missing", name)]
        lines.append(f"{indent}{old} = {new} = {n}.{name}")
        lines.append(f"{indent}if {old} is not UNSET and {old} is not None:")
        inner = f"{indent}    "
        if many and (expected is None or rule.fits or rule.size is not None or place.is_leaf()):
            lines.append(f"{inner}{new} = {self._name('each', name)}({old})")
        elif many and expected is not None:
            kind = self._rewriter.constant(expected)
            changed = f"changed{unique}"
            lines.append(f"{inner}{new} = []; {changed} = False")
            lines.append(f"{inner}for {at}, {item} in enumerate({old}):")
            lines.append(f"{inner}    if {item}.__class__ is {kind}:")
            place.write(expected, item, at, one, f"{inner}        ", lines)
            lines.append(f"{inner}    else: {one} = {self._name('rewrites', name)}[{item}.__class__]({item}, {at})")
            lines.append(f"{inner}    if {one} is not {item}: {changed} = True")
            lines.append(f"{inner}    if {one} is not UNSET: {new}.append({one})")
            lines.append(f"{inner}if not {changed}: {new} = {old}")
            lines.append(f"{inner}elif not {new}: {new} = UNSET")
        else:
            rewrites = self._name("rewrites", name)
            call = f"{new} = {rewrites}[{old}.__class__]({old}, 0)"
            if expected is None:
                lines.append(f"{inner}{call}")
            else:
                lines.append(f"{inner}if {old}.__class__ is {self._rewriter.constant(expected)}:")
                place.write(expected, old, "0", new, f"{inner}    ", lines)
                lines.append(f"{inner}else: {call}")
        tests.append(f"{new} is {old}")
        if missing:
            absent = self._name("missing", name)
            tests.append(f"{old}.__class__ not in {absent}")
            if rule.size is not None:
                tests.append(f"len({old}) == {rule.size}")
            mend = f"{self._name('mend', name)}({n}, {i})"
            arguments.append(f"{name}={new} if {new}.__class__ not in {absent} else {mend}")
        else:
            arguments.append(f"{name}={new}")

    def is_leaf(self) -> bool:
        """Whether no Structs stand below; such objects are many and small, and one call for a list serves them all."""
        return not self._position.children

    def _write_value(
        self,
        field: _Field,
        knowledge: _Known | None,
        here: bool,
        n: str,
        i: str,
        tests: list[str],
        arguments: list[str],
    ) -> None:
        name, rule = field.info.name, field.rule
        good = self._name("good", name)
        if good not in self._scope or here or self._vouches(knowledge, field):
            arguments.append(f"{name}={n}.{name}")
            return
        if rule.words:
            test = f" in {good}"
        elif rule.types or _json_types(field.info.type):
            test = f".__class__ in {good}"
        else:
            test = f".__class__ not in {good}"
        # what was decoded has no number that JSON lacks
        may_be_infinite = knowledge is None and not rule.words and float in self._scope[good]
        finite = "{} and is_finite({})" if may_be_infinite else "{}"
        tests.append(finite.format(f"{n}.{name}{test}", f"{n}.{name}"))
        test = finite.format(f"(v := {n}.{name}){test}", "v")
        arguments.append(f"{name}=v if {test} else {self._name('mend', name)}(v, {n}, {i})")

    def _vouches(self, knowledge: _Known | None, field: _Field) -> bool:
        """Whether the strict class that holds a value already lets no invalid one in."""
        good = self._scope.get(self._name("good", field.info.name))
        if knowledge is None or good is None or Any in knowledge.types:
            return False
        if not field.rule.words:
            if field.rule.types or _json_types(field.info.type):
                return bool(knowledge.types <= good)
            return not knowledge.types & good
        absent = {value for value, kind in ((None, _NULL), (UNSET, UnsetType)) if kind in knowledge.types}
        return knowledge.words is not None and bool(knowledge.words | absent <= good)

    def _home(self, cls: type[Record], n: str) -> tuple[type[Record], list[str]]:
        """The class to build objects of `cls` in, and the arguments for undeclared keys that may come along."""
        path = self._position.path
        declared = self._family.declared[path]
        slots: dict[str, str] = {}
        if not self._rewriter.sealed:
            slots = {key: name for name, key in cls.__extras__.items() if self._family.escape(key) not in declared}
        overflows = cls.__overflows__ and not self._rewriter.sealed
        home = self._family.plain[path]
        if slots or overflows:
            spelled = self._family.spelled[path]
            home = derive_loose(
                self._family.schema, self._position.kind, spelled, slots, self._family.escape, overflows
            )
        return home, [f"{name}={n}.{name}" for name in (*slots.values(), *(["overflow"] if overflows else []))]


class _Rewrites(dict[type, Rewrite]):
    """Class -> the function generated for it; bounded, since it can always be generated again."""

    def __init__(self, compile_for: Callable[[type[Record]], Rewrite]) -> None:
        self._compile_for = compile_for

    def __missing__(self, cls: type[Record]) -> Rewrite:
        if len(self) >= _MAX_CLASSES:
            self.clear()
        self[cls] = rewrite = self._compile_for(cls)
        return rewrite


def _each(rewrites: Mapping[type, Rewrite], rule: Rule) -> Callable[[list[Any]], Any]:
    """Rewriting of a list: the same list if nothing in it changed, absent if nothing of it can be said."""
    fits, wanted = rule.fits, rule.size

    def each(items: list[Any]) -> Any:
        place = 0
        for item in items:
            if rewrites[item.__class__](item, place) is not item:
                break
            place += 1
        else:
            if (fits is None or all(map(fits, items))) and (wanted is None or len(items) == wanted):
                return items
        rewritten = items[:place] + [
            rewrites[item.__class__](item, number) for number, item in enumerate(items[place:], place)
        ]
        kept = [item for item in rewritten if item is not UNSET and (fits is None or fits(item))]
        if wanted is not None:
            return kept[:wanted] if len(kept) >= wanted else UNSET
        return kept if kept or not items else UNSET

    return each


def _missing(rule: Rule) -> frozenset[type]:
    wanted = rule.required or rule.default is not IMPOSSIBLE
    return frozenset(([UnsetType] if wanted else []) + ([] if rule.nullable else [_NULL]))


def _mend_child(
    rule: Rule, each: Callable[[list[Any]], Any] | None, rewrites: Mapping[type, Rewrite]
) -> Callable[[Any, int], Any]:
    def mend(holder: Any, place: int) -> Any:
        value = default_of(rule, holder, place)
        if value is UNSET or value is None:
            return value
        return each(value) if each is not None else rewrites[value.__class__](value, 0)

    return mend


def _is_finite(value: Any) -> bool:
    """Whether JSON has the number; true of what is no number."""
    return value.__class__ is not float or abs(value) < float("inf")


def _json_types(annotation: Any) -> tuple[type, ...]:
    if annotation is Any:
        return ()
    parts = get_args(annotation) or (annotation,)
    return tuple(get_origin(part) or part for part in parts if part not in _ABSENT)


def _reasoning_text(message: Any) -> Any:
    """Reasoning as one text; what is no text (signatures, encrypted data) cannot be said so.

    Nothing where an undeclared key that comes along says it already.
    """
    items: list[Reasoning] | str | UnsetType | None = message.reasoning
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
