"""Adapters by name: found through entry points, imported one at a time, checked on arrival."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any

from .codec import Adapter
from .exceptions import PluginError, UnknownAdapterError

if TYPE_CHECKING:
    from pluggy import PluginManager

__all__ = ["Registry"]

_GROUP = "chatnorm"


class Registry:
    """The adapters there are. `chatnorm` has one of its own; a test may make others."""

    def __init__(self) -> None:
        self._adapters: dict[str, Adapter] = {}
        self._arrived: list[object] = []
        self._lock = RLock()
        #: The hook of plugins that observe decoded records, or None while there are none.
        self.decoded: Callable[..., Any] | None = None

    @cached_property
    def _manager(self) -> PluginManager:
        from pluggy import PluginManager

        from .hookspecs import HookSpecs

        manager = PluginManager("chatnorm")
        manager.add_hookspecs(HookSpecs)
        manager.hook.chatnorm_adapter.call_historic(result_callback=self._arrived.append)
        return manager

    @cached_property
    def _offers(self) -> dict[str, list[str]]:
        """Entry point -> the distributions that offer it; one shadowed on the path does not count."""
        from importlib.metadata import entry_points

        offers: dict[str, list[str]] = {}
        for entry in entry_points(group=_GROUP):
            offers.setdefault(entry.name, []).append(entry.dist.name if entry.dist else "")
        return offers

    def names(self) -> list[str]:
        """The names of all adapters, sorted, without importing one."""
        return sorted({*self._offers, *(name for name in self._adapters if "@" not in name)})

    def adapter(self, name: str) -> Adapter:
        """The adapter of that name, or of `name@version`; its module is imported when first asked for.

        Raises: UnknownAdapterError, PluginError.
        """
        found = self._adapters.get(name)
        if found is not None:
            return found
        with self._lock:
            base, at, version = name.partition("@")
            adapter = self._adapters.get(base) or self._load(base)
            if at:
                if version not in adapter.versions:
                    raise UnknownAdapterError(name, [base, *(f"{base}@{known}" for known in adapter.versions)])
                adapter = self._adapters[name] = adapter.versions[version]
            return adapter

    def register(self, plugin: object, name: str | None = None) -> Adapter | None:
        """Register a plugin that has no entry point: a module, or an object with the hooks.

        Returns its adapter, or None where it only observes. Raises: PluginError where it is no plugin, or the name of
        its adapter is taken.
        """
        label = name or str(getattr(plugin, "__name__", type(plugin).__name__))

        def register() -> None:
            # under a name no entry point has, or that entry point would count as loaded
            registered = self._manager.register(plugin, f"registered {label} {id(plugin)}")
            if registered is None or not self._manager.get_hookcallers(plugin):
                raise PluginError(label, "it has none of the hooks")
            self._manager.check_pending()

        return self._admit(label, register, lambda taken: taken in self._offers)

    def problems(self) -> list[PluginError]:
        """Load every adapter; one error for each that cannot be loaded."""
        problems: list[PluginError] = []
        for name in self.names():
            try:
                self.adapter(name)
            except PluginError as error:
                problems.append(error)
        return problems

    def _load(self, name: str) -> Adapter:
        offers = self._offers.get(name, [])
        if not offers:
            raise UnknownAdapterError(name, self.names())
        if len(offers) > 1:
            raise PluginError(name, f"the name is taken more than once, by {', '.join(sorted(offers))}")
        adapter = self._admit(
            name, lambda: self._manager.load_setuptools_entrypoints(_GROUP, name), lambda given: given != name, True
        )
        assert adapter is not None
        return adapter

    def _admit(
        self,
        label: str,
        register: Callable[[], object],
        is_refused: Callable[[str], bool],
        must_adapt: bool = False,
    ) -> Adapter | None:
        """Let a plugin in and check what its hook gave; out it goes again if that is not an adapter."""
        with self._lock:
            before = {name for name, _ in self._manager.list_name_plugin()}
            self._arrived.clear()
            try:
                register()
                adapter = self._checked(label, is_refused)
                if adapter is None and must_adapt:
                    raise PluginError(label, "it has no hook chatnorm_adapter")
            except Exception as error:
                for name in {name for name, _ in self._manager.list_name_plugin()} - before:
                    self._manager.unregister(name=name)
                if isinstance(error, PluginError):
                    raise
                raise PluginError(label, f"it cannot be loaded: {error!r}") from error
            if adapter is not None:
                self._adapters[adapter.name] = adapter
            observers = self._manager.hook.chatnorm_decoded
            self.decoded = observers if observers.get_hookimpls() else None
            return adapter

    def _checked(self, label: str, is_refused: Callable[[str], bool]) -> Adapter | None:
        if not self._arrived:
            return None
        given = self._arrived[-1]
        if not isinstance(given, Adapter):
            raise PluginError(label, f"chatnorm_adapter gave {type(given).__name__}, not an Adapter")
        if not given.name or "@" in given.name:
            raise PluginError(label, f"{given.name!r} is no name for an adapter")
        if given.name in self._adapters or is_refused(given.name):
            problem = "is taken" if given.name != label and given.name in self.names() else "is not its entry point's"
            raise PluginError(label, f"the adapter name {given.name!r} {problem}")
        return given
