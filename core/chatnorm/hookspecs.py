"""The two hooks. Hooks find and observe; they never convert.

A plugin is a module with an entry point in the group `chatnorm`, named as its adapter:

    [project.entry-points.chatnorm]
    acme = "chatnorm_acme"
"""

from __future__ import annotations

import pluggy

from .codec import Adapter
from .completion import ChatCompletion

__all__ = ["HookSpecs", "hookimpl", "hookspec"]


hookspec = pluggy.HookspecMarker("chatnorm")
hookimpl = pluggy.HookimplMarker("chatnorm")


class HookSpecs:
    """What a plugin may implement."""

    @hookspec(historic=True)
    def chatnorm_adapter(self) -> Adapter:
        """The adapter of this module. Its name must be the entry point's."""
        raise NotImplementedError

    @hookspec
    def chatnorm_decoded(self, completion: ChatCompletion, schema: str) -> None:
        """Called with each whole answer after it was decoded; it may change the record in place.

        For cost, redaction, metrics. With no plugin that has it, decoding does not pay for it.
        """
