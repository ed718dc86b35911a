"""The entry point of the command line, which needs click: the extra `cli`."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the `chatnorm` command. Without click it says in one line how to get it, and exits with 2."""
    try:
        from .commands import command
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        print("the command line needs click: pip install 'chatnorm[cli]'", file=sys.stderr)
        sys.exit(2)
    command(prog_name="chatnorm")
