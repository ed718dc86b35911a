"""The same work done by other libraries, through their public functions.

Each path is prepared once, outside of what is timed. That it says the text it was given is checked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, NamedTuple

from measure import Run

__all__ = ["PEERS", "TASKS", "Path", "Peer", "importable", "text_of"]

# litellm fetches the prices of models when it is imported, unless told otherwise
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

#: Task -> what it is.
TASKS = {
    "answer": "OpenAI bytes -> object -> OpenAI bytes",
    "stream": "OpenAI SSE -> chunks",
    "events": "events as JSON -> chunks -> events as JSON",
    "accumulate": "chunks -> answer",
}


class Path(NamedTuple):
    """One way to do a task; it is prepared with an answer's JSON, a stream's frames or its events' JSON."""

    name: str
    prepare: Callable[[Any], Run]


class Peer(NamedTuple):
    """A library, and the module its users import; `paths` is called once it is known to be installed."""

    distribution: str
    module: str
    paths: Callable[[], Mapping[str, list[Path]]]

    def label(self) -> str:
        """Its name and version."""
        return f"{self.distribution} {version(self.distribution)}"


def importable() -> tuple[list[Peer], list[str]]:
    """The peers that are installed, and the names of those that are not."""
    found = [peer for peer in PEERS if find_spec(peer.module.partition(".")[0]) is not None]
    return found, [peer.distribution for peer in PEERS if peer not in found]


def text_of(result: Any) -> str:
    """The text that an answer, or all chunks of a stream, say; of any library."""
    if isinstance(result, bytes | str):
        result = json.loads(result)
    if isinstance(result, list):
        return "".join(text_of(chunk) for chunk in result)
    said = ""
    for choice in _get(result, "choices") or []:
        message = _get(choice, "message") or _get(choice, "delta")
        text = _get(message, "content")
        said += text if isinstance(text, str) else ""
    return said


def _get(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, dict) else getattr(holder, name, None)


# --- openai ------------------------------------------------------------------------------------------------


def _openai() -> Mapping[str, list[Path]]:
    from openai import OpenAI, Stream
    from openai.lib.streaming.chat import ChatCompletionStreamState
    from openai.types.chat import ChatCompletion, ChatCompletionChunk

    http = import_module("httpx2" if int(version("openai").partition(".")[0]) >= 3 else "httpx")
    client = OpenAI(api_key="none")

    def validate(body: bytes) -> Run:
        return lambda: ChatCompletion.model_validate_json(body).model_dump_json(exclude_unset=True)

    def construct(body: bytes) -> Run:
        return lambda: ChatCompletion.construct(**json.loads(body)).to_json(indent=None)

    def stream(frames: list[bytes]) -> Run:
        def run() -> list[ChatCompletionChunk]:
            response = http.Response(200, content=iter(frames), request=http.Request("POST", "https://none.example"))
            return list(Stream(cast_to=ChatCompletionChunk, response=response, client=client))

        return run

    def events_to_events(events: list[bytes]) -> Run:
        def run() -> list[str]:
            chunks = map(ChatCompletionChunk.model_validate_json, events)
            return [chunk.model_dump_json(exclude_unset=True) for chunk in chunks]

        return run

    def accumulate(events: list[bytes]) -> Run:
        chunks = [ChatCompletionChunk.model_validate_json(event) for event in events]

        def run() -> object:
            state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
            for chunk in chunks:
                state.handle_chunk(chunk)
            return state.get_final_completion()

        return run

    return {
        "answer": [
            Path("model_validate_json, model_dump_json", validate),
            Path("construct (as its client does), to_json", construct),
        ],
        "stream": [Path("Stream[ChatCompletionChunk]", stream)],
        "events": [Path("model_validate_json, model_dump_json", events_to_events)],
        "accumulate": [Path("ChatCompletionStreamState", accumulate)],
    }


# --- litellm -----------------------------------------------------------------------------------------------


def _litellm() -> Mapping[str, list[Path]]:
    from litellm import ModelResponse, stream_chunk_builder
    from litellm.types.utils import ModelResponseStream

    def answer(body: bytes) -> Run:
        return lambda: ModelResponse(**json.loads(body)).model_dump_json(exclude_unset=True)

    def events_to_events(events: list[bytes]) -> Run:
        def run() -> list[str]:
            chunks = (ModelResponseStream(**json.loads(event)) for event in events)
            return [chunk.model_dump_json(exclude_unset=True) for chunk in chunks]

        return run

    def accumulate(events: list[bytes]) -> Run:
        chunks = [ModelResponseStream(**json.loads(event)) for event in events]
        return lambda: stream_chunk_builder(list(chunks))

    return {
        "answer": [Path("ModelResponse, model_dump_json", answer)],
        "events": [Path("ModelResponseStream, model_dump_json", events_to_events)],
        "accumulate": [Path("stream_chunk_builder", accumulate)],
    }


# --- any-llm -----------------------------------------------------------------------------------------------


def _any_llm() -> Mapping[str, list[Path]]:
    from any_llm.types.completion import ChatCompletion, ChatCompletionChunk

    def answer(body: bytes) -> Run:
        return lambda: ChatCompletion.model_validate_json(body).model_dump_json(exclude_unset=True)

    def events_to_events(events: list[bytes]) -> Run:
        def run() -> list[str]:
            chunks = map(ChatCompletionChunk.model_validate_json, events)
            return [chunk.model_dump_json(exclude_unset=True) for chunk in chunks]

        return run

    return {
        "answer": [Path("its ChatCompletion, model_dump_json", answer)],
        "events": [Path("its ChatCompletionChunk, model_dump_json", events_to_events)],
    }


# --- llm-rosetta -------------------------------------------------------------------------------------------


def _rosetta() -> Mapping[str, list[Path]]:
    from llm_rosetta import OpenAIChatConverter

    converter = OpenAIChatConverter()

    def answer(body: bytes) -> Run:
        def run() -> bytes:
            said = converter.response_from_provider(json.loads(body))
            return _dumped(converter.response_to_provider(said))

        return run

    def events_to_events(events: list[bytes]) -> Run:
        def run() -> list[bytes]:
            source, target = converter.create_stream_context(), converter.create_stream_context()
            out: list[bytes] = []
            for event in events:
                for said in converter.stream_response_from_provider(json.loads(event), context=source):
                    written = converter.stream_response_to_provider(said, context=target)
                    chunks = written if isinstance(written, list) else [written]
                    out += [_dumped(chunk) for chunk in chunks if chunk]
            return out

        return run

    return {
        "answer": [Path("OpenAIChatConverter, json", answer)],
        "events": [Path("OpenAIChatConverter, json", events_to_events)],
    }


# --- llm-babel ---------------------------------------------------------------------------------------------


def _babel() -> Mapping[str, list[Path]]:
    from llm_transform.registry import (
        END_EMIT,
        canonical_json,
        stream_encode_step,
        stream_step,
        translate_response,
    )

    name = "openai-chat"

    def answer(body: bytes) -> Run:
        return lambda: canonical_json(translate_response(name, name, json.loads(body)))

    def events_to_events(events: list[bytes]) -> Run:
        def run() -> list[str]:
            source: Any = {}
            target: Any = {}
            out: list[str] = []
            for event in events:
                step = stream_step(name, source, json.loads(event))
                source = step["state"]
                for emit in step["emit"]:
                    written = stream_encode_step(name, target, emit)
                    target = written["state"]
                    out += map(canonical_json, written["events"])
            return [*out, *map(canonical_json, stream_encode_step(name, target, END_EMIT)["events"])]

        return run

    return {
        "answer": [Path("translate_response, json", answer)],
        "events": [Path("stream_step, stream_encode_step, json", events_to_events)],
    }


# --- linguafranca ------------------------------------------------------------------------------------------


def _linguafranca() -> Mapping[str, list[Path]]:
    from linguafranca import FormatName, collect_response_stream_json, convert_response_json

    name = FormatName.OPENAI_CHAT_COMPLETIONS

    def answer(body: bytes) -> Run:
        def run() -> bytes:
            return _dumped(convert_response_json(json.loads(body), source_format=name, target_format=name).value)

        return run

    def accumulate(events: list[bytes]) -> Run:
        chunks = [json.loads(event) for event in events]
        return lambda: collect_response_stream_json(chunks, format_name=name).value

    return {
        "answer": [Path("convert_response_json, json", answer)],
        "accumulate": [Path("collect_response_stream_json", accumulate)],
    }


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


PEERS = (
    Peer("openai", "openai", _openai),
    Peer("litellm", "litellm", _litellm),
    Peer("any-llm-sdk", "any_llm", _any_llm),
    Peer("llm-rosetta", "llm_rosetta", _rosetta),
    Peer("llm-babel", "llm_transform.registry", _babel),
    Peer("martian-linguafranca", "linguafranca", _linguafranca),
)
