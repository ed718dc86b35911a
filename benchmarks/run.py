"""chatnorm beside the limit and beside its peers: a table of ratios, measured side by side in one run.

python benchmarks/run.py --only openai
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from importlib.metadata import version
from itertools import chain
from typing import Any

import peers
from measure import Ratio
from rows import Remark, Row, own_rows, peer_rows

_HEAD = f"{'':66} {'median':>7} {'p10':>7}  {'goal':12} {'subject':>12} {'reference':>12}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table. Returns 1 with `--check` if a goal was missed, else 0."""
    options = _options(arguments)
    found, missing = peers.importable() if options.peers else ([], [])
    environment = _environment(found, missing)
    print(" · ".join(f"{name} {value}" for name, value in environment.items()))
    results: list[dict[str, Any]] = []
    over: list[str] = []
    group = ""
    for row in _chosen(options.only, found):
        if row.group != group:
            group = row.group
            print(f"\n{group}\n  {_HEAD}")
        if isinstance(row, Remark):
            print(f"  {row.name}")
            continue
        ratio = row.measure(options.rounds)
        print(f"  {row.name:66} {_cells(row, ratio)}", flush=True)
        if row.goal is not None and ratio.median > row.goal:
            over.append(f"{row.group}: {row.name}")
        told = {"group": row.group, "name": row.name, "goal": row.goal, "unit": row.unit}
        results.append({**told, **ratio._asdict()})
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"environment": environment, "rows": results}, file, indent=1, ensure_ascii=False)
    print(f"\n{len(over)} over their goal" + "".join(f"\n  {name}" for name in over))
    return 1 if options.check and over else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--rounds", type=int, default=100, help="rounds of a comparison at most (default 100)")
    add("--only", metavar="PATTERN", default="", help="only rows whose group or name has this in it")
    add("--peers", action=argparse.BooleanOptionalAction, default=True, help="those that are installed")
    add("--json", metavar="FILE", help="write the numbers to this file too")
    add("--check", action="store_true", help="exit with 1 if a goal is missed")
    return parser.parse_args(arguments)


def _environment(found: list[peers.Peer], missing: list[str]) -> dict[str, str]:
    environment = {"Python": platform.python_version(), "msgspec": version("msgspec")}
    environment["machine"] = platform.machine()
    if found:
        environment["peers"] = ", ".join(peer.label() for peer in found)
    if missing:
        environment["not installed"] = ", ".join(missing)
    return environment


def _chosen(pattern: str, found: list[peers.Peer]) -> Iterator[Row | Remark]:
    """The rows that the pattern names."""
    for row in chain(own_rows(), peer_rows(found)):
        if fnmatchcase(f"{row.group} {row.name}".lower(), f"*{pattern.lower()}*"):
            yield row


def _cells(row: Row, ratio: Ratio) -> str:
    mark = "" if row.goal is None else f"≤ {row.goal:<5} {'PASS' if ratio.median <= row.goal else 'over'}"
    costs = " ".join(f"{f'{cost:,.1f} {row.unit}':>12}" for cost in (ratio.subject, ratio.reference))
    return f"{ratio.median:7.2f} {ratio.low:7.2f}  {mark:12} {costs}"


if __name__ == "__main__":
    sys.exit(main())
