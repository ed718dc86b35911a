"""The plugin example as a stranger installs it: both wheels are built and put into an environment of their own.

It needs the network, for what the wheels require; without it the reason is printed and the tests are skipped.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "plugins-example"
FIXTURES = EXAMPLE / "tests" / "fixtures"


def run(*command: str | Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """A command in an environment that knows nothing of this one's packages."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment, check=False)


def output(*command: str | Path) -> str:
    """What a command prints; it must succeed."""
    done = run(*command)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def requirements(wheel: Path, extra: str) -> list[str]:
    """What a wheel requires with an extra and does not without it; all that it requires, with none."""
    with ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = message_from_bytes(archive.read(name))
    found = [Requirement(line) for line in metadata.get_all("Requires-Dist") or []]
    return [
        f"{requirement.name}{requirement.specifier}"
        for requirement in found
        if requirement.name != "chatnorm"
        and (requirement.marker is None or requirement.marker.evaluate({"extra": extra}))
        and (not extra or (requirement.marker is not None and not requirement.marker.evaluate({"extra": ""})))
    ]


def install(python: Path, wanted: list[str]) -> None:
    """Install what others publish; the test is skipped where they cannot be reached."""
    done = run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted)
    if done.returncode != 0:
        reason = f"{', '.join(wanted)} cannot be installed: {done.stderr.strip().splitlines()[-1]}"
        print(reason)
        pytest.skip(reason)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels of chatnorm and of the example, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheels")
    isolation = ["--no-isolation"] if importlib.util.find_spec("hatchling") else []
    for project in (ROOT, EXAMPLE):
        output(sys.executable, "-m", "build", "--wheel", *isolation, "--outdir", folder, project)
    return {path.name.partition("-")[0]: path for path in folder.glob("*.whl")}


@pytest.fixture(scope="module")
def python(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a fresh environment that has both wheels and what they require, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    output(sys.executable, "-m", "venv", folder)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    install(python, sorted({*requirements(wheels["chatnorm"], ""), *requirements(wheels["chatnorm_acme"], "")}))
    output(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", *wheels.values())
    return python


def printed(python: Path, code: str, *arguments: str) -> str:
    """What the code prints in that environment, run in isolation."""
    return output(python, "-I", "-W", "error", "-c", code, *arguments)


def test_the_wheel_is_whole(wheels: dict[str, Path]) -> None:
    """It has the package, its types, its license and one entry point, named as the adapter."""
    with ZipFile(wheels["chatnorm_acme"]) as archive:
        names = archive.namelist()
        (entry_points,) = [archive.read(name).decode() for name in names if name.endswith("entry_points.txt")]
    sources = {f"chatnorm_acme/{path.name}" for path in (EXAMPLE / "src" / "chatnorm_acme").glob("*.py")}
    assert {name for name in names if ".dist-info" not in name} == {*sources, "chatnorm_acme/py.typed"}
    assert entry_points.strip() == "[chatnorm]\nacme = chatnorm_acme"
    assert [name for name in names if name.endswith("licenses/LICENSE")]


def test_what_is_required_is_enough(python: Path) -> None:
    """pip finds nothing missing and nothing in conflict."""
    output(python, "-m", "pip", "check", "--disable-pip-version-check")


def test_the_plugin_is_listed_and_imported_when_asked_for(python: Path) -> None:
    """Its schema stands among the built-in ones before anything of it is imported."""
    found = printed(
        python,
        "import sys, chatnorm\n"
        "names = chatnorm.schemas()\n"
        "assert 'chatnorm_acme' not in sys.modules\n"
        "assert chatnorm.adapter('acme').name == 'acme'\n"
        "assert not [name for name in sys.modules if name.startswith('chatnorm_adapters.')]\n"
        "print(*names)",
    ).split()
    assert "acme" in found
    assert {"canonical", "openai"} <= set(found)


@pytest.mark.parametrize("case", ["plain_text", "parallel_calls", "unknown_keys", "block_unknown"])
def test_an_answer_goes_through_chat_completions_and_back(python: Path, case: str) -> None:
    """Acme's answer becomes one of Chat Completions, and with the residual Acme's answer again."""
    path = FIXTURES / f"{case}.response.json"
    there, back = json.loads(
        printed(
            python,
            "import sys, chatnorm\n"
            "completion = chatnorm.decode(open(sys.argv[1], 'rb').read(), 'acme')\n"
            "there = chatnorm.encode(completion, 'openai')\n"
            "restored = chatnorm.restore(there, 'openai', chatnorm.residual(completion, 'openai'))\n"
            "back = chatnorm.encode(restored, 'acme')\n"
            "sys.stdout.write(f'[{there.decode()},{back.decode()}]')",
            str(path),
        )
    )
    assert there["object"] == "chat.completion"
    assert there["choices"][0]["message"]["content"]
    assert back == json.loads(path.read_bytes())


def test_a_stream_goes_through_chat_completions(python: Path) -> None:
    """Acme's events become chunks that a client of Chat Completions reads."""
    stream = printed(
        python,
        "import sys, chatnorm\n"
        "decoder, encoder = chatnorm.stream_decoder('acme'), chatnorm.stream_encoder('openai')\n"
        "for chunk in decoder.feed(open(sys.argv[1], 'rb').read()) + decoder.close():\n"
        "    sys.stdout.write(encoder.feed(chunk).decode())\n"
        "sys.stdout.write(encoder.close().decode())",
        str(FIXTURES / "plain_text.stream.sse"),
    )
    assert stream.endswith("data: [DONE]\n\n")
    chunks = [json.loads(event.removeprefix("data: ")) for event in stream.split("\n\n")[:-2]]
    texts = [choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]]
    assert "".join(texts) == "Hello."


def test_its_own_tests_pass_where_it_is_installed(python: Path, wheels: dict[str, Path], tmp_path: Path) -> None:
    """The laws and Acme's rules hold for the wheels, with what `chatnorm[testing]` brings."""
    install(python, requirements(wheels["chatnorm"], "testing"))
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(EXAMPLE / "pyproject.toml", tmp_path)
    report = output(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path / "tests")
    assert " passed" in report
    assert "snapshots passed" in report
    origin = printed(python, "import chatnorm, chatnorm_acme; print(chatnorm.__file__, chatnorm_acme.__file__)")
    assert str(ROOT) not in origin
