"""The judge of chatgpt-api and cozy-client: the TypeScript compiler over the types that they publish.

Every payload becomes a constant of its schema's type, all in one compiler run. Each key stands on a line of
its own, so that the line of a diagnostic is a JSON path. The types are opened: an unknown key is no problem,
for these clients hand on what they received.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .availability import JudgeUnavailable
from .document import member, read
from .packages import CHATGPT, COZY_CLIENT, TYPESCRIPT, install

SCHEMAS = {
    "chatgpt-api": "openai.CreateChatCompletionResponse",
    "chatgpt-api-stream": "CreateChatCompletionStreamResponse",
    "chatgpt-api-stream@chunk": "openai.CreateChatCompletionDeltaResponse",
    "chatgpt-api-stream@message": ("Omit<ChatMessage, 'detail'> & { detail?: CreateChatCompletionStreamResponse }"),
    "cozy": "ChatCompletionResponse",
}

# The mark keeps an array from passing for an object whose keys are all optional.
_PRELUDE = """\
import type { ChatMessage, CreateChatCompletionStreamResponse, openai } from 'chatgpt';
import type { ChatCompletionResponse } from 'cozy-client';
declare const mark: unique symbol;
declare global { interface Array<T> { readonly [mark]: 'array' } }
type Open<T> = T extends unknown[] ? { [K in keyof T]: Open<T[K]> }
  : T extends object ? { [K in keyof T]: Open<T[K]> } & { [k: string]: any; readonly [mark]?: never }
  : T;
"""
_DIAGNOSTIC = re.compile(r"^payloads\.ts\((?P<line>\d+),\d+\): error (?P<message>.*(?:\n .*)*)", re.MULTILINE)
_TSC_TIMEOUT = 300  # seconds


def problems_of_many(cases: Mapping[str, tuple[str, bytes]]) -> dict[str, list[str]]:
    """The problems of each case, every one that the compiler finds.

    Raises:
        JudgeUnavailable: node is absent, or the packages cannot be had.
    """
    found: dict[str, list[str]] = {case: [] for case in cases}
    source = _PRELUDE.splitlines()
    origins: list[tuple[str, str]] = [("", "")] * len(source)
    for case, (schema, payload) in cases.items():
        try:
            value = read(payload)
        except ValueError as error:
            found[case].append(f"$: {error}")
            continue
        source.append(f"export const _{len(source)}: Open<{SCHEMAS[schema]}> =")
        origins.append((case, "$"))
        for line, path in _lines(value, "$"):
            source.append(line)
            origins.append((case, path))
    for number, message in _diagnostics("\n".join(source)):
        case, path = origins[number - 1]
        found[case].append(f"{path}: {message}")
    return found


def _lines(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """A JSON value as TypeScript, each key and each item on its own line, beside its JSON path."""
    match value:
        case dict():
            yield "{", path
            for key, each in value.items():
                here = member(path, key)
                yield f"{json.dumps(key)}:", here
                yield from _lines(each, here)
                yield ",", here
            yield "}", path
        case list():
            yield "[", path
            for index, each in enumerate(value):
                yield from _lines(each, f"{path}[{index}]")
                yield ",", path
            yield "]", path
        case _:
            yield json.dumps(value), path


def _diagnostics(source: str) -> Iterator[tuple[int, str]]:
    """Line number and message of each thing that the compiler says against a source text."""
    packages = install()
    node = shutil.which("node")
    if node is None:
        raise JudgeUnavailable("node is not installed")
    options = {
        "noEmit": True,
        "strict": True,
        "skipLibCheck": True,
        "target": "es2020",
        "moduleResolution": "node",
        "lib": ["es5"],
        "types": [],
        "paths": {
            "chatgpt": [f"{packages.as_posix()}/{CHATGPT}/index.d.ts"],
            "cozy-client": [f"{packages.as_posix()}/{COZY_CLIENT}/ai.d.ts"],
        },
    }
    with TemporaryDirectory() as scratch:
        Path(scratch, "payloads.ts").write_text(source)
        Path(scratch, "tsconfig.json").write_text(json.dumps({"compilerOptions": options}))
        run = subprocess.run(
            [node, packages / TYPESCRIPT / "tsc.js", "--pretty", "false"],
            cwd=scratch,
            capture_output=True,
            text=True,
            timeout=_TSC_TIMEOUT,
        )
    diagnostics = list(_DIAGNOSTIC.finditer(run.stdout))
    # Without a diagnostic to its name, a failed run has judged nothing.
    if run.returncode != 0 and not diagnostics:
        raise RuntimeError(f"the TypeScript compiler failed: {run.stdout}{run.stderr}")
    for diagnostic in diagnostics:
        yield int(diagnostic["line"]), re.sub(r"\n +", " / ", diagnostic["message"])
