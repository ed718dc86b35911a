"""Adapters by name: found through entry points, imported one at a time, checked on arrival, refused with the cause."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distribution
from pathlib import Path
from textwrap import dedent
from threading import Barrier
from types import ModuleType, SimpleNamespace

import chatnorm
import pytest
from chatnorm import Adapter, ChatCompletion, PluginError, UnknownAdapterError, api, hookimpl
from chatnorm.registry import Registry

#: Entry point -> module, of the adapters that come with chatnorm.
BUILT_IN = {entry.name: entry.value for entry in distribution("chatnorm").entry_points if entry.group == "chatnorm"}

BODY = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}'

ADAPTER = """
from chatnorm import Adapter, hookimpl

@hookimpl
def chatnorm_adapter():
    return Adapter(name={name!r}, docs="https://example.com/")
"""


class Site:
    """A folder on the path, in which distributions are put by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.modules: set[str] = set()

    def install(self, distribution: str, entry_points: dict[str, str], **modules: str) -> None:
        """Put a distribution there, with entry points (name -> module) and the sources of modules."""
        info = self.path / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        lines = "".join(f"{name} = {module}\n" for name, module in entry_points.items())
        (info / "entry_points.txt").write_text(f"[chatnorm]\n{lines}")
        for module, source in modules.items():
            self.write(module, source)

    def write(self, module: str, source: str) -> None:
        """Write a module, or write it anew."""
        self.modules.add(module)
        (self.path / f"{module}.py").write_text(dedent(source))
        importlib.invalidate_caches()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An empty folder on the path; modules imported from it are forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a module may be written twice within a second
    site = Site(tmp_path)
    yield site
    for module in site.modules:
        sys.modules.pop(module, None)


def refusal(registry: Registry, name: str) -> PluginError:
    """What the registry says of a plugin that it refuses."""
    with pytest.raises(PluginError) as caught:
        registry.adapter(name)
    assert caught.value.name == name
    assert name in str(caught.value)
    return caught.value


def fresh(code: str) -> str:
    """What the code prints in an interpreter of its own."""
    run = subprocess.run([sys.executable, "-c", dedent(code)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


# --- Found and imported -------------------------------------------------------------------------------------------


def test_built_ins_come_in_by_entry_points() -> None:
    """The adapters of chatnorm are found as those of strangers are, and no other way."""
    assert "openai" in BUILT_IN
    assert BUILT_IN.keys() <= set(chatnorm.schemas())
    for name, module in BUILT_IN.items():
        assert chatnorm.adapter(name) is importlib.import_module(module).ADAPTER
        assert chatnorm.adapter(name).name == name


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_one_adapter_asked_for_is_one_adapter_imported(name: str) -> None:
    """Of the modules of adapters only the one asked for is imported; those of two adapters begin with `_`."""
    printed = fresh(
        f"""
        import sys, chatnorm
        def adapters():
            return [module for module in sys.modules if module.startswith("chatnorm_adapters.") and "._" not in module]
        assert not adapters()
        assert {name!r} in chatnorm.schemas()
        assert not adapters()
        chatnorm.adapter({name!r})
        print(*adapters())
        """
    )
    assert printed == BUILT_IN[name]


def test_names_are_listed_without_importing(site: Site) -> None:
    """A module that cannot even be imported is listed."""
    site.install("a-broken", {"broken": "a_broken"}, a_broken="raise RuntimeError")
    assert "broken" in Registry().names()
    assert "a_broken" not in sys.modules


def test_names_are_sorted_and_without_versions() -> None:
    """`speakeasy@1.5.0` is found by name but not listed."""
    registry = Registry()
    registry.adapter("speakeasy@1.5.0")
    assert registry.names() == sorted(registry.names())
    assert not [name for name in registry.names() if "@" in name]


def test_a_plugin_is_found_by_its_entry_point(site: Site) -> None:
    """A distribution with an entry point and a hook is all that a plugin needs."""
    site.install("a-good", {"good": "a_good"}, a_good=ADAPTER.format(name="good"))
    registry = Registry()
    assert registry.adapter("good").name == "good"
    assert registry.adapter("good") is registry.adapter("good")
    assert registry.problems() == []


def test_one_distribution_may_bring_several_adapters(site: Site) -> None:
    """Each has an entry point and a module of its own, and comes alone."""
    site.install(
        "a-pair",
        {"left": "a_left", "right": "a_right"},
        a_left=ADAPTER.format(name="left"),
        a_right=ADAPTER.format(name="right"),
    )
    assert Registry().adapter("left").name == "left"
    assert "a_right" not in sys.modules


def test_a_distribution_shadowed_on_the_path_does_not_count(
    site: Site, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same distribution found twice, as with an editable install over a wheel, is no second one."""
    site.install("a-good", {"good": "a_good"}, a_good=ADAPTER.format(name="good"))
    second = tmp_path_factory.mktemp("second")
    monkeypatch.syspath_prepend(second)
    Site(second).install("a-good", {"good": "a_good"}, a_good=ADAPTER.format(name="good"))
    assert Registry().adapter("good").name == "good"


def test_other_groups_are_other_peoples(site: Site) -> None:
    """Entry points of other groups are not looked at."""
    site.install("a-good", {"good": "a_good"}, a_good=ADAPTER.format(name="good"))
    info = site.path / "a_good-1.0.dist-info" / "entry_points.txt"
    info.write_text("[console_scripts]\nscript = a_good\n" + info.read_text())
    registry = Registry()
    assert "script" not in registry.names()
    assert registry.adapter("good").name == "good"


# --- Unknown names and versions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("openia", "there is no adapter 'openia'. Did you mean 'openai'"),
        ("OpenAI", "there is no adapter 'OpenAI'. Did you mean 'openai'"),
        ("speakeasy@1.5", "there is no adapter 'speakeasy@1.5'. Did you mean 'speakeasy@1.5.0'"),
    ],
)
def test_an_unknown_name_gets_did_you_mean(name: str, message: str) -> None:
    """The closest names are named."""
    with pytest.raises(UnknownAdapterError) as caught:
        Registry().adapter(name)
    assert str(caught.value).startswith(message)
    assert caught.value.name == name


def test_a_name_like_no_other_gets_all_there_are() -> None:
    """Where none is close, all names are listed; the error is a LookupError too."""
    with pytest.raises(LookupError, match=r"there are: .*canonical.*openai"):
        Registry().adapter("zzzzzzzz")


def test_a_plugin_is_suggested_too(site: Site) -> None:
    """«Did you mean» knows the names of plugins it has not imported."""
    site.install("a-good", {"marvellous": "a_good"}, a_good="raise RuntimeError")
    with pytest.raises(UnknownAdapterError, match="'marvellous'"):
        Registry().adapter("marvelous")


def test_versions_are_found_by_name() -> None:
    """`name@version` is a variant of the schema, the same object each time."""
    registry = Registry()
    versions = registry.adapter("speakeasy").versions
    assert "1.5.0" in versions
    for version, adapter in versions.items():
        assert registry.adapter(f"speakeasy@{version}") is adapter
        assert adapter.name == f"speakeasy@{version}"


def test_a_version_asked_for_first_imports_its_schema() -> None:
    """The schema need not be asked for before one of its versions."""
    assert Registry().adapter("speakeasy@2.16.1").name == "speakeasy@2.16.1"


@pytest.mark.parametrize("name", ["openai@1", "nobody@1", "@1.5.0"])
def test_a_version_nobody_has_is_unknown(name: str) -> None:
    """Neither a version of a schema without versions, nor one of no schema."""
    with pytest.raises(UnknownAdapterError) as caught:
        Registry().adapter(name)
    assert caught.value.name in (name, name.partition("@")[0])


def test_an_empty_version_is_unknown() -> None:
    """`openai@` is no name."""
    with pytest.raises(UnknownAdapterError):
        Registry().adapter("openai@")


def test_a_version_of_a_schema_without_versions_gets_the_schema_suggested() -> None:
    """The message names something that works."""
    with pytest.raises(UnknownAdapterError, match="Did you mean 'openai'"):
        Registry().adapter("openai@1")


# --- Refused ------------------------------------------------------------------------------------------------------


def test_a_module_that_fails_on_import_is_refused_with_the_cause(site: Site) -> None:
    """What the module raised is the cause, untouched."""
    site.install("a-broken", {"broken": "a_broken"}, a_broken="raise ZeroDivisionError('on import')")
    error = refusal(Registry(), "broken")
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert "on import" in str(error)


def test_a_module_that_is_not_there_is_refused_with_the_cause(site: Site) -> None:
    """So is an entry point without its module."""
    site.install("a-broken", {"broken": "a_missing"})
    assert isinstance(refusal(Registry(), "broken").__cause__, ModuleNotFoundError)


def test_a_hook_that_raises_is_refused_with_the_cause(site: Site) -> None:
    """What the hook raised is the cause, untouched."""
    site.install(
        "a-broken",
        {"broken": "a_broken"},
        a_broken="""
        from chatnorm import hookimpl

        @hookimpl
        def chatnorm_adapter():
            raise ZeroDivisionError("in the hook")
        """,
    )
    error = refusal(Registry(), "broken")
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert "in the hook" in str(error)


@pytest.mark.parametrize(("given", "kind"), [("None", None), ("'broken'", "str"), ("{}", "dict")])
def test_a_hook_that_gives_no_adapter_is_refused(site: Site, given: str, kind: str | None) -> None:
    """The message says what it gave; None is as good as no hook."""
    site.install(
        "a-broken",
        {"broken": "a_broken"},
        a_broken=f"""
        from chatnorm import hookimpl

        @hookimpl
        def chatnorm_adapter():
            return {given}
        """,
    )
    problem = f"gave {kind}, not an Adapter" if kind else "has no hook chatnorm_adapter"
    assert problem in refusal(Registry(), "broken").problem


def test_an_adapter_named_otherwise_than_its_entry_point_is_refused(site: Site) -> None:
    """`adapter(name)` would find what calls itself something else."""
    site.install("a-other", {"other": "a_other"}, a_other=ADAPTER.format(name="mine"))
    assert refusal(Registry(), "other").problem == "the adapter name 'mine' is not its entry point's"


def test_an_adapter_that_takes_the_name_of_another_is_refused(site: Site) -> None:
    """A plugin does not get in under the name of a built-in."""
    site.install("a-other", {"other": "a_other"}, a_other=ADAPTER.format(name="openai"))
    registry = Registry()
    assert refusal(registry, "other").problem == "the adapter name 'openai' is taken"
    assert registry.adapter("openai") is not None


@pytest.mark.parametrize("name", ["", "other@2"])
def test_a_name_that_is_none_is_refused(site: Site, name: str) -> None:
    """`@` separates the version, and nothing has no name."""
    site.install("a-other", {"other": "a_other"}, a_other=ADAPTER.format(name=name))
    assert "is no name for an adapter" in refusal(Registry(), "other").problem


def test_a_module_without_the_hook_is_refused(site: Site) -> None:
    """A function of the right name without `@hookimpl` is no hook."""
    site.install("a-empty", {"empty": "a_empty"}, a_empty="def chatnorm_adapter(): raise AssertionError")
    assert refusal(Registry(), "empty").problem == "it has no hook chatnorm_adapter"


def test_a_hook_with_wrong_parameters_is_refused_with_the_cause(site: Site) -> None:
    """pluggy's message names the parameter."""
    site.install(
        "a-broken",
        {"broken": "a_broken"},
        a_broken="""
        from chatnorm import hookimpl

        @hookimpl
        def chatnorm_adapter(colour):
            raise AssertionError
        """,
    )
    assert "colour" in str(refusal(Registry(), "broken"))


def test_a_name_two_distributions_offer_is_refused_by_name(site: Site) -> None:
    """Neither wins: both are named, and neither is imported."""
    site.install("a-first", {"contested": "a_first"}, a_first=ADAPTER.format(name="contested"))
    site.install("a-second", {"contested": "a_second"}, a_second=ADAPTER.format(name="contested"))
    registry = Registry()
    assert refusal(registry, "contested").problem == "the name is taken more than once, by a-first, a-second"
    assert not sys.modules.keys() & {"a_first", "a_second"}
    assert registry.adapter("openai") is not None


def test_a_refused_plugin_leaves_nothing_behind(site: Site) -> None:
    """It is unregistered, its observer with it, and other adapters work before and after."""
    site.install(
        "a-broken",
        {"broken": "a_broken"},
        a_broken="""
        from chatnorm import hookimpl

        @hookimpl
        def chatnorm_adapter():
            raise ValueError

        @hookimpl
        def chatnorm_decoded(completion, schema):
            raise AssertionError("the observer of a refused plugin was called")
        """,
    )
    registry = Registry()
    assert registry.adapter("openai") is not None
    refusal(registry, "broken")
    assert registry.decoded is None
    assert registry.adapter("log10") is not None
    assert registry.decoded is None
    assert [error.name for error in registry.problems()] == ["broken"]


def test_an_entry_point_that_only_observes_leaves_nothing_behind(site: Site) -> None:
    """Refused for want of an adapter, it does not observe either."""
    site.install(
        "a-observer",
        {"observer": "a_observer"},
        a_observer="""
        from chatnorm import hookimpl

        @hookimpl
        def chatnorm_decoded(completion, schema):
            raise AssertionError
        """,
    )
    registry = Registry()
    refusal(registry, "observer")
    assert registry.decoded is None


def test_a_refused_plugin_is_tried_again(site: Site) -> None:
    """Once its module is repaired it is found, without a new registry."""
    site.install("a-broken", {"broken": "a_broken"}, a_broken="raise RuntimeError")
    registry = Registry()
    refusal(registry, "broken")
    refusal(registry, "broken")
    site.write("a_broken", ADAPTER.format(name="broken"))
    assert registry.adapter("broken").name == "broken"
    assert registry.problems() == []


def test_a_hook_that_raised_once_is_tried_again(site: Site) -> None:
    """The module stays imported; its hook is called anew."""
    site.install(
        "a-broken",
        {"broken": "a_broken"},
        a_broken="""
        from chatnorm import Adapter, hookimpl

        calls = []

        @hookimpl
        def chatnorm_adapter():
            calls.append(1)
            if len(calls) == 1:
                raise OSError("not yet")
            return Adapter(name="broken", docs="https://example.com/")
        """,
    )
    registry = Registry()
    refusal(registry, "broken")
    assert registry.adapter("broken").name == "broken"


def test_a_module_without_the_hook_is_tried_again(site: Site) -> None:
    """A hook that was forgotten is found when it is there."""
    site.install("a-empty", {"empty": "a_empty"}, a_empty="")
    registry = Registry()
    refusal(registry, "empty")
    sys.modules.pop("a_empty")
    site.write("a_empty", ADAPTER.format(name="empty"))
    assert registry.adapter("empty").name == "empty"


# --- Registered by hand -------------------------------------------------------------------------------------------


class Plugin:
    """An adapter without an entry point."""

    def __init__(self, name: str) -> None:
        self.own = Adapter(name=name, docs="https://example.com/")

    @hookimpl
    def chatnorm_adapter(self) -> Adapter:
        return self.own


def test_a_plugin_is_registered_by_hand() -> None:
    """`register` gives its adapter, which is then found and listed as any other."""
    registry, plugin = Registry(), Plugin("mine")
    assert registry.register(plugin) is plugin.own
    assert registry.adapter("mine") is plugin.own
    assert "mine" in registry.names()


def test_a_module_is_registered_by_hand(site: Site) -> None:
    """A module with the hook is a plugin too."""
    site.write("a_module", ADAPTER.format(name="mine"))
    registry = Registry()
    registry.register(importlib.import_module("a_module"))
    assert registry.adapter("mine").name == "mine"


@pytest.mark.parametrize("taken", ["openai", "mine"])
def test_registering_a_taken_name_is_refused(taken: str) -> None:
    """Whether an entry point has it, imported or not, or another plugin; the first stays."""
    registry = Registry()
    first = registry.register(Plugin("mine"))
    with pytest.raises(PluginError, match=f"the adapter name '{taken}' is taken"):
        registry.register(Plugin(taken), "second")
    assert registry.adapter("mine") is first
    assert registry.adapter("openai") is chatnorm.adapter("openai")


def test_registering_twice_is_refused() -> None:
    """The same object is no second plugin, and stays the first."""
    registry, plugin = Registry(), Plugin("mine")
    registry.register(plugin)
    with pytest.raises(PluginError):
        registry.register(plugin)
    assert registry.adapter("mine") is plugin.own


@pytest.mark.parametrize("plugin", [None, object(), ModuleType("empty"), SimpleNamespace(chatnorm_adapter=1)])
def test_registering_what_is_no_plugin_is_refused(plugin: object) -> None:
    """An object without the hooks is refused, and not taken for an observer."""
    with pytest.raises(PluginError):
        Registry().register(plugin)


def test_registering_a_misspelt_hook_is_refused() -> None:
    """A hook that nothing ever calls is a mistake."""

    class Misspelt:
        @hookimpl
        def chatnorm_adaptor(self) -> Adapter:
            raise AssertionError

    with pytest.raises(PluginError, match="chatnorm_adaptor"):
        Registry().register(Misspelt())


def test_a_plugin_need_not_be_hashable() -> None:
    """A dataclass is one: it compares by value, and has no hash. The registry works on after it."""

    class Observer:
        __hash__ = None  # type: ignore[assignment]

        @hookimpl
        def chatnorm_decoded(self, completion: ChatCompletion, schema: str) -> None:
            raise AssertionError

    registry = Registry()
    assert registry.register(Observer()) is None
    assert registry.adapter("openai") is not None


def test_the_name_of_an_observer_hides_no_adapter() -> None:
    """An observer called `openai` leaves the adapter of that name what it is."""
    registry = Registry()
    registry.register(Observer(), "openai")
    assert registry.adapter("openai").name == "openai"


# --- Observers ----------------------------------------------------------------------------------------------------


class Observer:
    """Remembers what it was called with, and marks the record."""

    def __init__(self) -> None:
        self.seen: list[tuple[ChatCompletion, str]] = []

    @hookimpl
    def chatnorm_decoded(self, completion: ChatCompletion, schema: str) -> None:
        self.seen.append((completion, schema))
        completion.service_tier = "observed"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry of its own behind the public functions."""
    registry = Registry()
    monkeypatch.setattr(api, "REGISTRY", registry)
    return registry


def test_an_observer_sees_each_decoded_answer_and_may_change_it(registry: Registry) -> None:
    """It is called with the completion, which it may change in place, and the schema."""
    observer = Observer()
    assert registry.register(observer) is None
    completion = chatnorm.decode(BODY, "openai")
    assert completion.service_tier == "observed"
    assert [(seen is completion, schema) for seen, schema in observer.seen] == [(True, "openai")]
    chatnorm.convert(BODY, "log10", "cozy")
    assert [schema for _, schema in observer.seen] == ["openai", "log10"]


def test_losses_and_residuals_are_not_observed(registry: Registry) -> None:
    """What an encoding is measured with is nobody's answer."""
    observer = Observer()
    registry.register(observer)
    completion = chatnorm.decode(BODY, "openai")
    chatnorm.losses(completion, "log10")
    residual = chatnorm.residual(completion, "log10")
    assert chatnorm.restore(chatnorm.encode(completion, "log10"), "log10", residual) == completion
    assert len(observer.seen) == 1


def test_no_observer_costs_nothing() -> None:
    """With none installed there is no hook to call, whatever adapters were loaded."""
    registry = Registry()
    assert registry.decoded is None
    registry.adapter("openai")
    registry.register(Plugin("mine"))
    assert registry.decoded is None
    registry.register(Observer())
    assert registry.decoded is not None


def test_the_built_in_adapters_do_not_observe() -> None:
    """Installed alone, chatnorm calls no hook on decoding."""
    printed = fresh(
        f"""
        import chatnorm
        from chatnorm.api import REGISTRY
        for name in {sorted(BUILT_IN)!r}:
            chatnorm.adapter(name)
        print(REGISTRY.decoded)
        """
    )
    assert printed == "None"


def test_what_an_observer_raises_comes_out(registry: Registry) -> None:
    """An observer may refuse an answer."""

    class Refusing:
        @hookimpl
        def chatnorm_decoded(self, completion: ChatCompletion, schema: str) -> None:
            raise PermissionError(schema)

    registry.register(Refusing())
    with pytest.raises(PermissionError, match="openai"):
        chatnorm.decode(BODY, "openai")


# --- Threads ------------------------------------------------------------------------------------------------------


def test_many_threads_that_ask_first_get_the_same_adapter(site: Site) -> None:
    """The module is imported once, its hook called once, and every thread gets the one object."""
    source = """
    import time
    from chatnorm import Adapter, hookimpl

    time.sleep(0.05)
    calls = []

    @hookimpl
    def chatnorm_adapter():
        calls.append(1)
        return Adapter(name="slow", docs="https://example.com/")
    """
    site.install("a-slow", {"slow": "a_slow"}, a_slow=source)
    registry, threads = Registry(), 16
    barrier = Barrier(threads)

    def ask(_: int) -> tuple[Adapter, Adapter]:
        barrier.wait()
        return registry.adapter("slow"), registry.adapter("speakeasy@1.5.0")

    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(ask, range(threads)))
    assert {id(adapter) for adapter, _ in found} == {id(registry.adapter("slow"))}
    assert {id(version) for _, version in found} == {id(registry.adapter("speakeasy@1.5.0"))}
    assert sys.modules["a_slow"].calls == [1]


def test_a_plugin_may_ask_for_another_adapter_on_import(site: Site) -> None:
    """An adapter built on another one loads it while it is itself being loaded."""
    registry = Registry()
    site.install(
        "a-built",
        {"built": "a_built"},
        a_built="""
        from chatnorm import Adapter, hookimpl
        import a_registry

        BASE = a_registry.registry.adapter("openai")

        @hookimpl
        def chatnorm_adapter():
            return Adapter(name="built", docs="https://example.com/", response=BASE.response)
        """,
        a_registry="",
    )
    importlib.import_module("a_registry").registry = registry  # type: ignore[attr-defined]
    assert registry.adapter("built").response is registry.adapter("openai").response
