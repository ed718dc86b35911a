"""The public surface: what `chatnorm` exports, what it says of itself, and what importing it costs."""

from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import chatnorm
import msgspec
import pytest
from chatnorm import exceptions

CORE = Path(chatnorm.__file__).parent
#: What `import chatnorm` must not load: each costs milliseconds that most programs need not spend.
LATE = {
    "argparse",
    "asyncio",
    "click",
    "dataclasses",
    "difflib",
    "hashlib",
    "hypothesis",
    "importlib.metadata",
    "json",
    "logging",
    "pluggy",
    "pytest",
    "socket",
    "ssl",
    "subprocess",
    "syrupy",
    "tempfile",
    "urllib.request",
}
BUILT_IN = sorted(entry.name for entry in distribution("chatnorm").entry_points if entry.group == "chatnorm")


def in_fresh_interpreter(script: str) -> list[str]:
    """What the script prints, line by line, in an interpreter that has loaded nothing of this one's."""
    paths = [str(Path(module.__file__ or "").parents[1]) for module in (chatnorm, msgspec)]
    adapters = importlib.import_module("chatnorm_adapters").__path__[0]
    setup = f"import sys; sys.path[:0] = {[*paths, str(Path(adapters).parent)]!r}\n"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", setup + script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def public_values() -> Iterator[tuple[str, Any]]:
    for name in chatnorm.__all__:
        yield name, getattr(chatnorm, name)


# --- Names --------------------------------------------------------------------------------------------------


def test_all_is_sorted() -> None:
    """`__all__` is sorted and names nothing twice."""
    assert list(chatnorm.__all__) == sorted(set(chatnorm.__all__))


@pytest.mark.parametrize("name", chatnorm.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """Every name of `__all__` can be imported from `chatnorm`, also as the first thing done with it."""
    assert getattr(chatnorm, name) is not None
    assert name in dir(chatnorm)


def test_every_late_name_is_public() -> None:
    """What is imported when first used is in `__all__`, and comes from the module it is said to come from."""
    for name, module in chatnorm._LATER.items():
        assert name in chatnorm.__all__
        assert getattr(importlib.import_module(f"chatnorm.{module}"), name) is getattr(chatnorm, name)


def test_late_names_in_a_fresh_interpreter() -> None:
    """Each name of `__all__` is there in an interpreter that has used none before it."""
    script = "import chatnorm\nfor name in chatnorm.__all__[::-1]: getattr(chatnorm, name)\nprint('all')"
    assert in_fresh_interpreter(script) == ["all"]
    assert in_fresh_interpreter("from chatnorm import *\nprint(accumulate.__module__)") == ["chatnorm.accumulation"]


def test_a_name_that_is_not_there() -> None:
    """Any other name is an AttributeError, as for every module."""
    for name in ("nonsense", "parse", "_nonsense", "__nonsense__"):
        with pytest.raises(AttributeError, match=name):
            getattr(chatnorm, name)


def test_no_other_name_is_public() -> None:
    """A fresh `chatnorm` shows nothing beside `__all__` and its own modules."""
    names = in_fresh_interpreter("import chatnorm\nprint(*dir(chatnorm), sep='\\n')")
    modules = {module.name for module in pkgutil.iter_modules(chatnorm.__path__)}
    assert {name for name in names if not name.startswith("_")} - modules - set(chatnorm.__all__) == set()


def test_every_public_value_is_exported() -> None:
    """Every class and function of this library that the package holds is in `__all__`."""
    for name, value in vars(chatnorm).items():
        module = getattr(value, "__module__", None)
        if not name.startswith("_") and isinstance(module, str) and module.startswith("chatnorm"):
            assert name in chatnorm.__all__


def test_no_module_bears_the_name_of_a_function() -> None:
    """No module of the core has the name of a public value, which importing it would hide."""
    modules = {module.name for module in pkgutil.iter_modules([str(CORE)])}
    assert not modules & set(chatnorm.__all__)
    assert {"api", "completion", "wire"} <= modules


def test_importing_every_module_hides_nothing() -> None:
    """With every module of the core imported, each public name still is what it was."""
    script = """
import importlib, pkgutil, chatnorm
before = {name: getattr(chatnorm, name) for name in chatnorm.__all__}
for module in pkgutil.iter_modules(chatnorm.__path__):
    if module.name not in ("testing", "commands", "cli"):
        importlib.import_module(f"chatnorm.{module.name}")
print(*(name for name in before if getattr(chatnorm, name) is not before[name]))
"""
    assert in_fresh_interpreter(script) == [""]


def core_modules() -> list[str]:
    return [module.name for module in pkgutil.iter_modules([str(CORE)]) if module.name != "testing"]


@pytest.mark.parametrize("name", core_modules())
def test_every_module_says_what_it_exports(name: str) -> None:
    """Every module has a docstring and an `__all__` without duplicates whose names exist."""
    pytest.importorskip("click")
    module = importlib.import_module(f"chatnorm.{name}")
    assert module.__doc__ is not None
    assert sorted(set(module.__all__), key=str.lower) == sorted(module.__all__, key=str.lower)
    for exported in module.__all__:
        assert hasattr(module, exported)


# --- Docstrings ---------------------------------------------------------------------------------------------


def is_sentence(line: str) -> bool:
    """Whether a line begins as a sentence does, and ends as one."""
    return bool(re.match(r"[A-Z`\"]", line)) and line.endswith((".", ":", "?"))


def own_methods(value: type) -> Iterator[Any]:
    for name, member in vars(value).items():
        if not name.startswith("_") and inspect.isfunction(member):
            yield member


@pytest.mark.parametrize("name", chatnorm.__all__)
def test_every_public_value_says_what_it_is(name: str) -> None:
    """Every public class and function, and every method of one, has a docstring that begins with a sentence."""
    value = getattr(chatnorm, name)
    documented = [value, *own_methods(value)] if isinstance(value, type) else [value]
    for each in documented:
        if name == "hookimpl":
            continue  # pluggy's own marker
        text = vars(each).get("__doc__") if isinstance(each, type) else each.__doc__
        assert text, each
        first = inspect.cleandoc(text).partition("\n\n")[0].replace("\n", " ")
        assert is_sentence(first.partition(". ")[0].rstrip(".") + "."), first
        assert is_sentence(first), first


@pytest.mark.parametrize(
    "name", [name for name, value in public_values() if inspect.isfunction(value) and name != "hookimpl"]
)
def test_every_public_function_says_what_it_raises(name: str) -> None:
    """A function that finds an adapter by name names the exceptions it may raise, and they exist."""
    function = getattr(chatnorm, name)
    raised = re.findall(r"\b[A-Z]\w+Error\b", function.__doc__ or "")
    for error in raised:
        assert issubclass(getattr(chatnorm, error), exceptions.ChatnormError)
    if "schema" in inspect.signature(function).parameters:
        assert "Raises:" in (function.__doc__ or "")
        assert raised or "as `decode`" in (function.__doc__ or "")


def test_public_functions_are_typed() -> None:
    """Every parameter and result of every public function has an annotation."""
    for name, value in public_values():
        if inspect.isfunction(value):
            parameters = inspect.signature(value).parameters.values()
            assert all(parameter.annotation is not parameter.empty for parameter in parameters), name
            assert value.__annotations__.get("return") is not None, name
    assert (CORE / "py.typed").is_file()


# --- Exceptions ---------------------------------------------------------------------------------------------

RAISED: list[chatnorm.ChatnormError] = [
    chatnorm.ChatnormError("m"),
    chatnorm.UnknownAdapterError("opnai", ["openai", "cozy"]),
    chatnorm.UnknownAdapterError("x", []),
    chatnorm.PluginError("acme", "broken"),
    chatnorm.UnsupportedError("acme", "stream to decode"),
    chatnorm.DecodeError("openai", "Expected `int`", "$.created"),
    chatnorm.DecodeError("openai", "no JSON"),
    chatnorm.PatchError("it does not fit"),
    chatnorm.LossError("log10", [chatnorm.Loss(f"/{number}", [number]) for number in range(7)]),
    chatnorm.LossError("log10", [chatnorm.Loss("/x", msgspec.UNSET)]),
    chatnorm.StreamError("openai", "cut", [chatnorm.ChatCompletionChunk(id="1")]),
    chatnorm.StreamError("openai", "cut"),
]


def exception_classes() -> set[type[BaseException]]:
    return {
        value
        for value in vars(exceptions).values()
        if isinstance(value, type) and issubclass(value, BaseException) and value.__module__ == exceptions.__name__
    }


def test_every_exception_is_public() -> None:
    """Every exception class is exported, and this file pickles one of each."""
    assert {error.__name__ for error in exception_classes()} == set(exceptions.__all__) <= set(chatnorm.__all__)
    assert {type(error) for error in RAISED} == exception_classes()


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_exceptions_pickle(error: chatnorm.ChatnormError) -> None:
    """An exception is the same after a pickle: its class, what it says, and its attributes."""
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        returned = pickle.loads(pickle.dumps(error, protocol))
        assert type(returned) is type(error)
        assert str(returned) == str(error)
        assert returned.args == error.args
        assert vars(returned) == vars(error)


def drawn_tree() -> dict[str, str]:
    """The tree in the docstring of `exceptions`: class -> the one above it."""
    lines = (exceptions.__doc__ or "").splitlines()
    above: dict[str, str] = {}
    branch: list[tuple[int, str]] = []
    for line in lines:
        found = re.match(r"([ │├└─]*)(\w+(?:Error|Exception))\b", line)
        if found:
            depth = len(found[1])
            branch = [(each, name) for each, name in branch if each < depth]
            above[found[2]] = branch[-1][1] if branch else ""
            branch.append((depth, found[2]))
    return above


def test_the_tree_of_exceptions_is_drawn() -> None:
    """The tree in the docstring of `exceptions` has every class, under the class it inherits from."""
    classes = exception_classes()
    real = {
        error.__name__: next((base.__name__ for base in error.__bases__ if base in classes), "") for error in classes
    }
    assert drawn_tree() == real
    assert drawn_tree()["DecodeError"] == "ChatnormError"


def test_exceptions_are_what_callers_expect() -> None:
    """Bad input is a ValueError, and an unknown name a LookupError, for callers that know no chatnorm."""
    assert issubclass(chatnorm.DecodeError, ValueError)
    assert issubclass(chatnorm.PatchError, ValueError)
    assert issubclass(chatnorm.UnknownAdapterError, LookupError)
    assert all(issubclass(error, chatnorm.ChatnormError) for error in exception_classes())


# --- What importing costs -----------------------------------------------------------------------------------


def loaded_after(script: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after the script."""
    return set(in_fresh_interpreter(f"{script}\nprint(*sys.modules, sep='\\n')"))


def test_import_loads_little() -> None:
    """`import chatnorm` loads none of the modules that cost time, nor any adapter."""
    loaded = loaded_after("import chatnorm")
    assert "chatnorm.api" in loaded
    assert loaded & LATE == set()
    assert {name for name in loaded if name.startswith("chatnorm_")} == set()
    allowed = {"msgspec", "chatnorm"}
    theirs = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names)
    assert theirs - allowed <= {"typing_extensions", "__main__"}


def test_records_load_little() -> None:
    """Records, exceptions and extras are used without loading anything late."""
    script = (
        "import chatnorm\n"
        "record = chatnorm.with_extras(chatnorm.ChatCompletion(id='1'), {'x': 1})\n"
        "assert chatnorm.extras(record) and repr(record) and record == record\n"
    )
    loaded = loaded_after(script)
    assert loaded & LATE == set()
    assert {name for name in loaded if name.startswith("chatnorm_")} == set()


@pytest.mark.parametrize("schema", BUILT_IN)
def test_one_adapter_loads_one_module(schema: str) -> None:
    """Asking for one adapter loads its module and those it is made of, and no other schema's."""
    loaded = loaded_after(f"import chatnorm\nchatnorm.schemas()\nchatnorm.adapter({schema!r})")
    entries = {
        entry.name: entry.value.partition(":")[0]
        for entry in distribution("chatnorm").entry_points
        if entry.group == "chatnorm"
    }
    own = {entries[schema]}
    assert {module for module in entries.values() if module in loaded} == own
    assert loaded & {"asyncio", "click", "pytest", "hypothesis", "syrupy", "difflib"} == set()


def test_names_load_no_adapter() -> None:
    """Listing the schemas imports none of them."""
    loaded = loaded_after("import chatnorm\nassert chatnorm.schemas()")
    assert {name for name in loaded if name.startswith("chatnorm_")} == set()


def test_the_core_imports_no_adapter() -> None:
    """No module of the core imports the adapters, not even when asked for something."""
    for path in CORE.rglob("*.py"):
        code = path.read_text("utf-8")
        assert not re.search(r"^\s*(from|import) chatnorm_adapters", code, re.MULTILINE), path.name


def test_the_package_is_a_module() -> None:
    """`chatnorm` is an ordinary package whose lazy names do not replace its class."""
    assert type(chatnorm) is types.ModuleType
