"""The commands of `chatnorm`. They need click; `chatnorm.cli` imports them and nothing else does.

Source: https://click.palletsprojects.com/
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from io import BufferedReader
from itertools import chain
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import click
from msgspec import UNSET

import chatnorm

from .exceptions import (
    ChatnormError,
    LossError,
    PluginError,
    StreamError,
    UnknownAdapterError,
    UnsupportedError,
)

if TYPE_CHECKING:
    from .chunk import ChatCompletionChunk
    from .codec import Adapter
    from .completion import ChatCompletion
    from .detection import Detection

__all__ = ["command"]

_BAD_INPUT, _USAGE, _LOSSES = 1, 2, 3

_PIECE = 64 * 2**10
_BOM = b"\xef\xbb\xbf"
_STREAM_STARTS = (b"data:", b"event:", b"id:", b"retry:", b":")
_ENOUGH = 16  # bytes, more than a byte order mark and any of the starts


# --- What goes wrong ----------------------------------------------------------------------------------------


class _Failure(Exception):
    """What ends a command: one line for standard error, and an exit code."""

    def __init__(self, error: ChatnormError | OSError, file: str | None) -> None:
        message = (error.strerror if isinstance(error, OSError) else None) or str(error)
        super().__init__(f"{file}: {message}" if file else message)
        if isinstance(error, LossError):
            self.code = _LOSSES
        elif isinstance(error, UnknownAdapterError | UnsupportedError | OSError):
            self.code = _USAGE
        else:
            self.code = _BAD_INPUT


@contextmanager
def _about(file: str | None) -> Generator[None]:
    """What goes wrong inside is a failure of that file. A closed pipe is left to click, which is quiet."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (ChatnormError, OSError) as error:
        raise _Failure(error, file and _label(file)) from error


def _label(file: str) -> str:
    return "<stdin>" if file == "-" else file


def _say(message: str) -> None:
    click.echo(f"chatnorm: {_printable(message)}", err=True)


def _printable(text: str) -> str:
    """The text on one line: what does not print (line ends, escape sequences, lone surrogates) as in JSON."""
    if text.isprintable():
        return text
    from json import dumps

    return "".join(character if character.isprintable() else dumps(character)[1:-1] for character in text)


def _refuse(what: str, **options: object) -> None:
    """Raises: UsageError where one of the options is given, which does not go with `what`."""
    for name, value in options.items():
        if value:
            raise click.UsageError(f"--{name} does not go with {what}.")


# --- Input and output ---------------------------------------------------------------------------------------


class _Input(NamedTuple):
    """An input as its bytes arrive, what they are (`response`, `stream` or `error`), and in which schema."""

    schema: str
    part: str
    pieces: Iterable[bytes]


def _open(file: str) -> BufferedReader:
    """The file, open until the command ends; `-` is standard input."""
    opened = click.get_current_context().with_resource(click.open_file(file, "rb"))
    return cast("BufferedReader", opened)


def _read(file: str) -> bytes:
    with click.open_file(file, "rb") as opened:
        return cast("bytes", opened.read()).removeprefix(_BOM)


def _recognise(file: str, schema: str | None, parts: Sequence[str]) -> _Input:
    """Which of `parts` a file is, and in which schema. To find a schema all of it is read."""
    pieces = iter(partial(_open(file).read1, _PIECE), b"")
    head = b""
    for piece in pieces:
        head += piece
        if len(head.lstrip()) >= _ENOUGH:
            break
    head = head.removeprefix(_BOM)
    if "stream" in parts and head.lstrip().startswith(_STREAM_STARTS):
        parts = ("stream",)
    if schema is not None:
        return _Input(schema, parts[0], chain([head], pieces))
    body = head + b"".join(pieces)
    found = _detect(body, parts)
    _say_detected(file, found)
    return _Input(found.schema, found.part, [body])


def _detect(body: bytes, parts: Collection[str]) -> Detection:
    """The schema that fits best. Raises: ChatnormError where none does, or several do alike."""
    found = [detection for detection in chatnorm.detect(body) if detection.part in parts]
    best = [detection for detection in found if detection.score == found[0].score]
    if not best:
        raise ChatnormError("no schema fits: name it with --from")
    if len(best) > 1:
        named = ", ".join(f"{detection.schema} ({detection.part})" for detection in best)
        raise ChatnormError(f"several schemas fit alike: {named}: name one with --from")
    return best[0]


def _say_detected(file: str, found: Detection) -> None:
    _say(f"{_label(file)}: read as {found.schema} ({found.part}): {found.reason}")


def _chunks(payload: _Input) -> Iterator[ChatCompletionChunk]:
    """The chunks of a stream as they come. Raises: StreamError, after those that had arrived."""
    decoder = chatnorm.stream_decoder(payload.schema)
    try:
        for piece in payload.pieces:
            yield from decoder.feed(piece)
        yield from decoder.close()
    except StreamError as error:
        yield from error.chunks
        raise


def _completion(file: str, schema: str | None) -> ChatCompletion:
    """The completion in a file, which holds a whole answer or a stream of one."""
    with _about(file):
        payload = _recognise(file, schema, ("response", "stream"))
        if payload.part == "stream":
            return chatnorm.accumulate(_chunks(payload))
        return chatnorm.decode(b"".join(payload.pieces), payload.schema)


class _Output:
    """Where a command writes: a file, made when the first bytes come, or standard output for `-`."""

    def __init__(self, file: str) -> None:
        self._name = file
        self._file: IO[bytes] | None = None

    def write(self, data: bytes) -> None:
        with _about("<stdout>" if self._name == "-" else self._name):
            if self._file is None:
                self._file = click.get_current_context().with_resource(click.open_file(self._name, "wb"))
            self._file.write(data)
            self._file.flush()

    def write_json(self, data: bytes, pretty: bool = False) -> None:
        self.write((_indented(data) if pretty else data.strip()) + b"\n")

    def write_value(self, value: object) -> None:
        from .wire import encode_json, to_builtins

        self.write_json(encode_json(to_builtins(value)))

    def write_table(self, rows: Sequence[Sequence[str]]) -> None:
        """Lines with their columns aligned."""
        shown = [[_printable(cell) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
        for row in shown:
            self.write(f"{'  '.join(map(str.ljust, row, widths)).rstrip()}\n".encode())


def _indented(data: bytes) -> bytes:
    from msgspec import DecodeError
    from msgspec.json import format

    try:
        return format(data, indent=2)
    except DecodeError:  # an escaped lone surrogate, which msgspec refuses
        import json

        return json.dumps(json.loads(data), indent=2).encode()


def _text(value: object) -> str:
    """A value of the canonical JSON, on one line."""
    from .wire import encode_json

    return "(absent)" if value is UNSET else _printable(encode_json(value).decode())


# --- Options ------------------------------------------------------------------------------------------------

F = TypeVar("F", bound=Callable[..., Any])


def _known(_context: click.Context, _option: click.Parameter, schema: str | None) -> str | None:
    """The name of a schema that exists. Raises: UnknownAdapterError, PluginError."""
    if schema is not None:
        chatnorm.adapter(schema)
    return schema


def _complete(_context: click.Context, _option: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in chatnorm.schemas() if name.startswith(incomplete)]


def _schema(flag: str, name: str, description: str, required: bool = False) -> Callable[[F], F]:
    return click.option(
        flag,
        name,
        metavar="SCHEMA",
        required=required,
        callback=_known,
        shell_complete=_complete,
        help=description,
    )


_PATH = click.Path(allow_dash=True)

_from = _schema("--from", "source", "The schema of FILE. Without it the likeliest is taken, and said on stderr.")
_to = _schema("--to", "target", "The schema to write.", required=True)
_file = click.argument("file", type=_PATH, default="-")
_output = click.option("-o", "--output", type=_PATH, default="-", help="The file to write instead of standard output.")
_pretty = click.option("--pretty", is_flag=True, help="Indent the JSON by 2.")


def _json(description: str) -> Callable[[F], F]:
    return click.option("--json", "as_json", is_flag=True, help=description)


# --- The commands -------------------------------------------------------------------------------------------


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _about(None):
                return super().invoke(ctx)
        except _Failure as failure:
            _say(str(failure))
            ctx.exit(failure.code)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="chatnorm")
def command() -> None:
    """Pandoc for chat completions: any provider's answer as any other's.

    Without FILE, or with `-`, standard input is read. A stream of server-sent events is told from a whole
    answer by how it begins.

    \b
    Exit codes:
      0  done
      1  an input breaks its schema, a stream was cut, or `diff` found differences
      2  the command cannot be run so: unknown schema, missing file, nothing to convert to
      3  something is lost, with --strict or --check

    \b
    Shell completion, in the start-up file of the shell:
      bash  eval "$(_CHATNORM_COMPLETE=bash_source chatnorm)"
      zsh   eval "$(_CHATNORM_COMPLETE=zsh_source chatnorm)"
      fish  _CHATNORM_COMPLETE=fish_source chatnorm | source
    """


@command.command()
@_from
@_to
@_file
@_output
@click.option("--stream", is_flag=True, help="FILE is a stream, whatever it begins with.")
@click.option("--accumulate", is_flag=True, help="FILE is a stream; write the whole answer it adds up to.")
@click.option("--split", is_flag=True, help="FILE is a whole answer; write it as a stream.")
@click.option("--error", is_flag=True, help="FILE is the body of an error.")
@click.option("--status", type=click.IntRange(100, 599), help="The HTTP status of the error; implies --error.")
@click.option("--lines", is_flag=True, help="FILE has one answer a line; write one a line. Bad lines are reported.")
@click.option("--strict", is_flag=True, help="Fail with 3 rather than lose anything. Whole answers only.")
@click.option("--residual", type=_PATH, help="Write there what is lost, for `restore`. Whole answers only.")
@_pretty
def convert(
    source: str | None,
    target: str,
    file: str,
    output: str,
    stream: bool,
    accumulate: bool,
    split: bool,
    error: bool,
    status: int | None,
    lines: bool,
    strict: bool,
    residual: str | None,
    pretty: bool,
) -> None:
    """Convert an answer, a stream or an error into another schema."""
    error = error or status is not None
    whole_only: Mapping[str, object] = {"strict": strict, "residual": residual}
    if lines:
        _refuse("--lines", stream=stream, accumulate=accumulate, split=split, pretty=pretty, residual=residual)
    if split:
        _refuse("--split", stream=stream, accumulate=accumulate, error=error, pretty=pretty, **whole_only)
    if error:
        _refuse("an error", stream=stream, accumulate=accumulate, **whole_only)
    _refuse_same_file(file, output)
    if split:
        parts: Sequence[str] = ("response",)
    elif stream or accumulate:
        parts = ("stream",)
    else:
        parts = ("error",) if error else ("response", "stream", "error")
    out = _Output(output)
    with _about(file):
        if lines:
            _convert_lines(file, source, target, out, parts, status, strict)
            return
        payload = _recognise(file, source, parts)
        if payload.part == "stream" and not accumulate:
            _refuse("a stream", pretty=pretty, **whole_only)
            _convert_stream(payload, target, out)
        elif payload.part == "stream":
            _accumulate(payload, lambda arrived: _write_whole(arrived, target, out, strict, residual, pretty))
        elif payload.part == "error":
            _refuse("an error", **whole_only)
            out.write_json(_convert_error(b"".join(payload.pieces), payload.schema, target, status), pretty)
        else:
            completion = chatnorm.decode(b"".join(payload.pieces), payload.schema)
            if split:
                _split(completion, target, out)
            else:
                _write_whole(completion, target, out, strict, residual, pretty)


def _refuse_same_file(file: str, output: str) -> None:
    if "-" not in (file, output) and os.path.exists(output) and os.path.exists(file) and os.path.samefile(file, output):
        raise click.UsageError("The output would overwrite the input.")


def _convert_error(body: bytes, source: str, target: str, status: int | None) -> bytes:
    return chatnorm.encode_error(chatnorm.decode_error(body, source, status=status), target)


def _write_whole(
    completion: ChatCompletion, target: str, out: _Output, strict: bool, residual: str | None, pretty: bool
) -> None:
    out.write_json(chatnorm.encode(completion, target, strict=strict), pretty)
    if residual is not None:
        _Output(residual).write_json(chatnorm.residual(completion, target))


def _split(completion: ChatCompletion, target: str, out: _Output) -> None:
    encoder = chatnorm.stream_encoder(target)
    for chunk in chatnorm.split(completion):
        out.write(encoder.feed(chunk))
    out.write(encoder.close())


def _convert_stream(payload: _Input, target: str, out: _Output) -> None:
    """Write the stream as it comes. One that was cut gets no end, so that its reader sees the cut too."""
    encoder = chatnorm.stream_encoder(target)
    for chunk in _chunks(payload):
        out.write(encoder.feed(chunk))
    out.write(encoder.close())


def _accumulate(payload: _Input, write: Callable[[ChatCompletion], None]) -> None:
    """Write the answer of a stream. Raises: StreamError, after what had arrived was written."""
    from .accumulation import Accumulator

    accumulator = Accumulator()
    arrived = False
    cut: StreamError | None = None
    try:
        for chunk in _chunks(payload):
            accumulator.add(chunk)
            arrived = True
    except StreamError as error:
        if not arrived:
            raise
        cut = error
    write(accumulator.completion())
    if cut is not None:
        raise cut


def _convert_lines(
    file: str,
    source: str | None,
    target: str,
    out: _Output,
    parts: Sequence[str],
    status: int | None,
    strict: bool,
) -> None:
    """Convert each line. A bad one is reported; the exit code is then 1, or 3 if all of them were losses."""
    whole = [part for part in parts if part != "stream"]
    said: tuple[str, str] | None = None
    codes: set[int] = set()
    numbered = enumerate(_open(file), 1)
    out.write(b"")  # no lines make an empty file, not none
    for number, line in numbered:
        body = line.removeprefix(_BOM) if number == 1 else line
        if not body.strip():
            continue
        place = f"{_label(file)}:{number}"
        try:
            with _about(place):
                schema, part = source, whole[0]
                if schema is None:
                    found = _detect(body, whole)
                    schema, part = found.schema, found.part
                    if said != (schema, part):
                        said = schema, part
                        _say_detected(place, found)
                if part == "error":
                    _refuse("an error", strict=strict)
                    converted = _convert_error(body, schema, target, status)
                else:
                    converted = chatnorm.convert(body, schema, target, strict=strict)
        except _Failure as failure:
            if failure.code == _USAGE:
                raise
            _say(str(failure))
            codes.add(failure.code)
        else:
            out.write_json(converted)
    if codes:
        click.get_current_context().exit(min(codes))


@command.command()
@_schema("--from", "source", "The schema of FILE.", required=True)
@click.option("--residual", type=_PATH, required=True, help="What `convert --residual` wrote.")
@_to
@_file
@_output
@_pretty
def restore(source: str, residual: str, target: str, file: str, output: str, pretty: bool) -> None:
    """Bring back the original of what `convert --residual` converted."""
    with _about(residual):
        patch = _read(residual)
    with _about(file):
        completion = chatnorm.restore(_read(file), source, patch)
        _Output(output).write_json(chatnorm.encode(completion, target), pretty)


@command.command()
@_from
@_to
@_file
@_output
@click.option("--check", is_flag=True, help="Exit with 3 if anything is lost.")
@_json("Write a JSON array of {path, value}; an absent value has no key.")
def losses(source: str | None, target: str, file: str, output: str, check: bool, as_json: bool) -> None:
    """List what an answer, or a stream of one, says and the target schema cannot.

    Each line has the JSON pointer into the canonical record and the value there.
    """
    completion = _completion(file, source)
    with _about(file):
        found = chatnorm.losses(completion, target)
    out = _Output(output)
    if as_json:
        out.write_value(found)
    elif found:
        for loss in found:
            out.write(f"{_printable(loss.path)}  {_text(loss.value)}\n".encode())
    else:
        out.write(b"nothing is lost\n")
    if check and found:
        click.get_current_context().exit(_LOSSES)


@command.command()
@click.argument("files", metavar="[FILE]...", type=_PATH, nargs=-1)
@_output
@_json("Write a JSON array of {file, schema, part, score, reason}.")
def detect(files: Sequence[str], output: str, as_json: bool) -> None:
    """Say which schemas each FILE may be in, the likeliest first."""
    found: list[tuple[str, Detection]] = []
    code = 0
    for file in files or ("-",):
        try:
            with _about(file):
                detections = chatnorm.detect(_read(file))
                if not detections:
                    raise ChatnormError("no schema fits")
        except _Failure as failure:
            _say(str(failure))
            code = max(code, failure.code)
        else:
            found += [(file, detection) for detection in detections]
    out = _Output(output)
    if as_json:
        out.write_value([{"file": file, **_fields(detection)} for file, detection in found])
    else:
        rows = [
            (file, detection.schema, detection.part, f"{detection.score:.2f}", detection.reason)
            for file, detection in found
        ]
        out.write_table(rows if len(files) > 1 else [row[1:] for row in rows])
    click.get_current_context().exit(code)


def _fields(detection: Detection) -> dict[str, Any]:
    return {name: getattr(detection, name) for name in ("schema", "part", "score", "reason")}


@command.command()
@_output
@_json("Write a JSON array, one object a schema.")
def schemas(output: str, as_json: bool) -> None:
    """List the schemas, and which parts of each can be decoded, encoded, or both.

    Versions are named as in `speakeasy@1.5.0`. A plugin that cannot be loaded is reported, and the exit code
    is then 1.
    """
    adapters: list[Adapter] = []
    code = 0
    for name in chatnorm.schemas():
        try:
            adapters.append(chatnorm.adapter(name))
        except PluginError as error:
            _say(str(error))
            code = _BAD_INPUT
    out = _Output(output)
    if as_json:
        out.write_value(
            [
                {
                    "name": adapter.name,
                    **_directions(adapter),
                    "versions": list(adapter.versions),
                    "docs": adapter.docs,
                }
                for adapter in adapters
            ]
        )
    else:
        rows = [
            (
                adapter.name,
                *map(_mark, _directions(adapter).values()),
                ", ".join(adapter.versions) or "-",
                adapter.docs,
            )
            for adapter in adapters
        ]
        out.write_table([("SCHEMA", "RESPONSE", "STREAM", "ERROR", "VERSIONS", "DOCS"), *rows])
    click.get_current_context().exit(code)


def _directions(adapter: Adapter) -> dict[str, dict[str, bool]]:
    """part -> whether the adapter decodes and encodes it"""
    response, stream, error = adapter.response, adapter.stream, adapter.error
    return {
        "response": {
            "decode": response is not None,
            "encode": response is not None and response.encode is not None,
        },
        "stream": {
            "decode": stream is not None and stream.decoder is not None,
            "encode": stream is not None and stream.encoder is not None,
        },
        "error": {"decode": error is not None, "encode": error is not None},
    }


def _mark(directions: Mapping[str, bool]) -> str:
    able = [direction for direction, is_able in directions.items() if is_able]
    return "both" if len(able) == 2 else "".join(able) or "-"


@command.command()
@click.argument("a", type=_PATH)
@click.argument("b", type=_PATH)
@_schema("--from", "source", "The schema of A, and of B where --from-b does not say otherwise.")
@_schema("--from-b", "source_b", "The schema of B.")
@_output
def diff(a: str, b: str, source: str | None, source_b: str | None, output: str) -> None:
    """Compare two answers, or streams of them, as canonical JSON.

    Each line has the JSON pointer of a difference, the value in A and the value in B. The exit code is 1 if
    there are any. Without --from the likeliest schema of each is taken, and said on stderr.
    """
    from .canonical import encode_canonical
    from .patch import diff
    from .wire import parse_json

    one, other = (
        parse_json(encode_canonical(_completion(file, schema)), "canonical")
        for file, schema in ((a, source), (b, source_b or source))
    )
    # each direction has the values of one side, at the same places
    ours, theirs = (
        {operation["path"]: operation.get("value", UNSET) for operation in operations}
        for operations in (diff(other, one), diff(one, other))
    )
    out = _Output(output)
    for path, value in theirs.items():
        out.write(f"{_printable(path)}  {_text(ours[path])}  {_text(value)}\n".encode())
    click.get_current_context().exit(_BAD_INPUT if theirs else 0)
