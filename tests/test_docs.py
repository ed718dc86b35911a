"""The documents say what is so: snippets run, the table of schemas is the adapters' own, quotes are verbatim."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import chatnorm
import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BUILT_IN = [name for name in chatnorm.schemas() if chatnorm.adapter(name).docs and name != "acme"]
TABLE = re.compile(r"(<!-- schemas: [^>]*-->\n).*?(<!-- /schemas -->)", re.DOTALL)


def snippets(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)


def table() -> str:
    """The README's table, from the adapters themselves."""
    rows = ["| schema | complete | stream | error | versions |", "|---|---|---|---|---|"]
    for name in BUILT_IN:
        adapter = chatnorm.adapter(name)
        response, stream = adapter.response, adapter.stream
        cells = (
            f"[`{name}`]({adapter.docs})",
            directions(response is not None, response is not None and response.encode is not None),
            directions(
                stream is not None and stream.decoder is not None, stream is not None and stream.encoder is not None
            ),
            directions(adapter.error is not None, adapter.error is not None),
            ", ".join(f"`@{version}`" for version in adapter.versions) or "–",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def directions(reads: bool, writes: bool) -> str:
    return {(True, True): "reads, writes", (True, False): "reads", (False, True): "writes"}.get((reads, writes), "–")


def test_the_table_of_schemas_is_the_adapters_own(pytestconfig: pytest.Config) -> None:
    """The README lists every built-in schema with what its adapter supports; `--snapshot-update` writes it."""
    text = README.read_text()
    wanted = TABLE.sub(lambda found: found[1] + table() + found[2], text)
    if pytestconfig.getoption("--snapshot-update", default=False) and text != wanted:
        README.write_text(wanted)
        text = wanted
    assert text == wanted


def test_the_readme_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """The README's Python, run from top to bottom, raises nothing and prints a stream's events."""
    scope: dict[str, object] = {}
    for snippet in snippets(README, "python"):
        exec(compile(snippet, str(README), "exec"), scope)
    assert capsys.readouterr().out.startswith('data: {"id":')


def test_the_readme_command_converts() -> None:
    """The conversion that the README shows first prints a valid OpenAI answer."""
    (console,) = snippets(README, "console")
    command = shlex.split(console.splitlines()[0].removeprefix("$ "))
    arguments = command[command.index(".venv/bin/chatnorm") + 1 :]
    done = subprocess.run(
        [sys.executable, "-c", "from chatnorm.cli import main; main()", *arguments],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    completion = chatnorm.decode(done.stdout, "openai")
    assert completion.irregular is chatnorm.completion.UNSET
    assert completion.choices[0].message.content


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_quotes_are_verbatim(path: Path) -> None:
    """A code block under `<!-- from FILE -->` stands in that file, word for word."""
    for source, quoted in re.findall(
        r"<!-- from (\S+?) -->\n```\w*\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE
    ):
        assert quoted.strip() in (ROOT / source).read_text(), source


@pytest.mark.parametrize("path", [README, *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    """A link to a file of the project leads to one."""
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), target
