"""The command line: every command, option and exit code, on small payloads written here."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chatnorm
import click
import pytest
from chatnorm.cli import main
from chatnorm.commands import command
from chatnorm.registry import Registry
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

SCRIPT = Path(sys.executable).with_name("chatnorm")

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}

COZY: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "m",
    "system_fingerprint": None,
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "Héllo 🦀"}, "finish_reason": "stop"},
    ],
    "usage": USAGE,
    "extra": '{"sources": []}',
}

#: Says nothing that `openai` cannot, and two things that `speakeasy` cannot.
OPENAI: dict[str, Any] = {
    "id": "chatcmpl-2",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi", "refusal": None},
            "finish_reason": "stop",
        },
    ],
    "usage": USAGE,
    "service_tier": "default",
}

ERROR = {"detail": "[RATE_LIMITED]: Slow down", "extra": {}}

BOM = b"\xef\xbb\xbf"


def encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def event(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    chunk = {
        "id": "chatcmpl-3",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    }
    return b"data: %b\n\n" % encoded(chunk)


DONE = b"data: [DONE]\n\n"
BEGIN = event({"role": "assistant", "content": "Hé"}) + event({"content": "llo"})
STREAM = BEGIN + event({}, "stop") + DONE


def run(*arguments: str | Path, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(command, list(map(str, arguments)), input=stdin, prog_name="chatnorm")


def done(*arguments: str | Path, stdin: bytes = b"") -> bytes:
    """What the command writes to standard output; it says nothing else and exits with 0."""
    result = run(*arguments, stdin=stdin)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout_bytes


def failed(code: int, *arguments: str | Path, stdin: bytes = b"") -> str:
    """The one line the command writes to standard error, without its prefix; it writes nothing else."""
    result = run(*arguments, stdin=stdin)
    assert (result.exit_code, result.stdout_bytes) == (code, b"")
    prefix, separator, line = result.stderr.partition("chatnorm: ")
    assert (prefix, separator, line.count("\n")) == ("", "chatnorm: ", 1)
    return line.rstrip("\n")


def refused(*arguments: str | Path) -> str:
    """What a usage error says."""
    result = run(*arguments)
    assert (result.exit_code, result.stdout_bytes) == (2, b"")
    return result.stderr


def pieces(stream: bytes) -> list[Any]:
    """The JSON values of a stream's events."""
    events = stream.decode().split("\n\n")
    assert events.pop() == ""
    return [json.loads(data) for each in events if (data := each.removeprefix("data: ")) != "[DONE]"]


Write = Callable[[str, bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


@pytest.fixture
def detected(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes `chatnorm.detect` find given (schema, part, score), whatever the body."""

    def pretend(*found: tuple[str, Any, float]) -> None:
        detections = [chatnorm.Detection(*each, reason=f"looks like {each[0]}") for each in found]
        monkeypatch.setattr(chatnorm, "detect", lambda body: detections)

    return pretend


class TestConvert:
    def test_file(self, write: Write) -> None:
        """An answer is written in the other schema as UTF-8, on one line that ends."""
        body = done("convert", "--from", "cozy", "--to", "openai", write("a.json", encoded(COZY)))
        assert body == chatnorm.convert(encoded(COZY), "cozy", "openai") + b"\n"
        assert "Héllo 🦀".encode() in body

    @pytest.mark.parametrize("arguments", [(), ("-",)], ids=["no_file", "dash"])
    def test_standard_input(self, arguments: tuple[str, ...]) -> None:
        """Without a file, or with a dash, standard input is read."""
        body = done("convert", "--from", "cozy", "--to", "openai", *arguments, stdin=encoded(COZY))
        assert json.loads(body)["id"] == "chatcmpl-1"

    def test_version_of_a_schema(self) -> None:
        """A schema may be named with its version."""
        body = done("convert", "--from", "openai", "--to", "speakeasy@1.5.0", stdin=encoded(OPENAI))
        assert json.loads(body)["choices"][0]["message"] == {"role": "assistant", "content": "Hi"}

    def test_output_file(self, tmp_path: Path) -> None:
        """With -o the answer goes to a file and standard output stays empty."""
        out = tmp_path / "out.json"
        assert done("convert", "--from", "cozy", "--to", "openai", "-o", out, stdin=encoded(COZY)) == b""
        assert json.loads(out.read_bytes())["id"] == "chatcmpl-1"

    def test_output_file_is_not_made_in_vain(self, tmp_path: Path) -> None:
        """A conversion that fails leaves the output file as it was."""
        out = tmp_path / "out.json"
        failed(1, "convert", "--from", "cozy", "--to", "openai", "-o", out, stdin=b"{")
        assert not out.exists()

    def test_output_over_input(self, write: Write) -> None:
        """The output cannot be the input, which a stream would lose."""
        path = write("a.sse", STREAM)
        assert "overwrite" in refused("convert", "--from", "openai", "--to", "cozy", "-o", path, path)
        assert path.read_bytes() == STREAM

    def test_output_folder_missing(self, tmp_path: Path) -> None:
        """An output file that cannot be made is named, with code 2."""
        out = tmp_path / "no" / "out.json"
        message = failed(2, "convert", "--from", "cozy", "--to", "openai", "-o", out, stdin=encoded(COZY))
        assert message == f"{out}: No such file or directory"

    def test_byte_order_mark(self) -> None:
        """A byte order mark before the JSON is skipped."""
        assert done("convert", "--from", "cozy", "--to", "cozy", stdin=BOM + encoded(COZY))[:1] == b"{"

    def test_pretty(self) -> None:
        """--pretty indents the JSON by 2 and changes no value."""
        body = done("convert", "--from", "cozy", "--to", "cozy", "--pretty", stdin=encoded(COZY))
        assert body.startswith(b'{\n  "id": "chatcmpl-1",\n')
        assert body.endswith(b"\n}\n")
        assert "Héllo 🦀".encode() in body
        assert json.loads(body) == COZY

    def test_pretty_lone_surrogate(self) -> None:
        """--pretty keeps half a surrogate pair, escaped."""
        answer = encoded(COZY).replace("🦀".encode(), b"\\ud83e")
        body = done("convert", "--from", "cozy", "--to", "cozy", "--pretty", stdin=answer)
        assert json.loads(body)["choices"][0]["message"]["content"] == "Héllo \ud83e"

    def test_bad_input(self, write: Write) -> None:
        """A body that breaks its schema gives one line with file and place, and code 1."""
        path = write("a.json", encoded({**COZY, "choices": [7]}))
        message = failed(1, "convert", "--from", "cozy", "--to", "openai", path)
        assert message.startswith(f"{path}: cozy: ")
        assert message.endswith("(at $.choices[0])")

    def test_missing_file(self) -> None:
        """A missing file is named, with code 2."""
        assert failed(2, "convert", "--from", "cozy", "--to", "openai", "no.json") == (
            "no.json: No such file or directory"
        )

    @pytest.mark.parametrize("option", ["--from", "--to"])
    def test_unknown_schema(self, option: str) -> None:
        """An unknown schema is code 2 and gets a suggestion, before any input is read."""
        schemas = {"--from": "cozy", "--to": "openai", option: "opnai"}
        message = failed(2, "convert", *(word for pair in schemas.items() for word in pair), "no.json")
        assert message == "there is no adapter 'opnai'. Did you mean 'openai'?"

    def test_unsupported_part(self) -> None:
        """A part that a schema has not is code 2."""
        message = failed(2, "convert", "--from", "openai", "--to", "speakeasy", stdin=STREAM)
        assert message == "<stdin>: schema 'speakeasy' has no stream to encode"

    def test_message_stays_on_one_line(self, write: Write) -> None:
        """What does not print is escaped in messages, so that no input can break or steer the terminal."""
        path = write("a\n\x1b[2J.json", b"{")
        assert "a\\n\\u001b[2J.json: " in failed(1, "convert", "--from", "cozy", "--to", "openai", path)

    def test_strict(self) -> None:
        """--strict writes nothing and exits with 3 where something would be lost."""
        arguments = ("convert", "--from", "openai", "--strict", "--to")
        message = failed(3, *arguments, "speakeasy", stdin=encoded(OPENAI))
        assert message == "<stdin>: speakeasy cannot say /choices/0/message/refusal, /service_tier"
        assert json.loads(done(*arguments, "openai", stdin=encoded(OPENAI))) == OPENAI

    def test_split(self) -> None:
        """--split writes a whole answer as a stream, which adds up to it again."""
        stream = done("convert", "--from", "openai", "--to", "cozy", "--split", stdin=encoded(OPENAI))
        assert stream.endswith(DONE)
        assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in pieces(stream)[:-1]) == "Hi"
        whole = done("convert", "--from", "cozy", "--to", "openai", "--accumulate", stdin=stream)
        assert json.loads(whole) == OPENAI

    @pytest.mark.parametrize(
        ("options", "refusal"),
        [
            (("--lines", "--pretty"), "--pretty does not go with --lines"),
            (("--lines", "--stream"), "--stream does not go with --lines"),
            (("--lines", "--accumulate"), "--accumulate does not go with --lines"),
            (("--lines", "--split"), "--split does not go with --lines"),
            (("--lines", "--residual", "r"), "--residual does not go with --lines"),
            (("--split", "--accumulate"), "--accumulate does not go with --split"),
            (("--split", "--strict"), "--strict does not go with --split"),
            (("--error", "--stream"), "--stream does not go with an error"),
            (("--status", "500", "--strict"), "--strict does not go with an error"),
            (("--status", "42"), "42 is not in the range"),
        ],
    )
    def test_options_that_exclude_each_other(self, options: tuple[str, ...], refusal: str) -> None:
        """Options that do not go together are a usage error, with code 2."""
        assert refusal in refused("convert", "--from", "cozy", "--to", "openai", *options)

    def test_target_is_required(self) -> None:
        """Without --to there is a usage error that names it."""
        assert "--to" in refused("convert", "--from", "cozy")


class TestStream:
    def test_stream(self) -> None:
        """Server-sent events are known by their beginning and become events of the target."""
        stream = done("convert", "--from", "openai", "--to", "cozy", stdin=STREAM)
        assert stream.endswith(DONE)
        assert [chunk["choices"][0]["delta"].get("content") for chunk in pieces(stream)] == [
            "Hé",
            "llo",
            None,
        ]

    @pytest.mark.parametrize(
        "start", [BOM, b": ping\n\n", b"\n\nid: 1\n", b"event: message\n", b"retry: 10\n", BOM + b"\r\n:\r\n"]
    )
    def test_starts(self, start: bytes) -> None:
        """A stream may begin with a byte order mark, a comment, blank lines or any field."""
        assert done("convert", "--from", "openai", "--to", "openai", stdin=start + STREAM) == STREAM

    def test_forced(self) -> None:
        """--stream reads as a stream what does not begin like one."""
        body = b"x-unknown: field\n" + STREAM
        assert done("convert", "--from", "openai", "--to", "openai", "--stream", stdin=body) == STREAM

    def test_longer_than_a_piece(self) -> None:
        """A stream of several read pieces comes out whole."""
        body = event({"content": "word "}) * 1000 + STREAM
        assert len(body) > 2 * 64 * 2**10
        assert len(pieces(done("convert", "--from", "openai", "--to", "cozy", stdin=body))) == 1003

    def test_live(self, tmp_path: Path) -> None:
        """What a piece of the stream says is written before the next piece is read."""
        out = tmp_path / "out.sse"
        arriving = [BEGIN, STREAM.removeprefix(BEGIN)]
        written: list[bytes] = []

        class Live(io.RawIOBase):
            def readable(self) -> bool:
                return True

            def readinto(self, buffer: Any) -> int:
                written.append(out.read_bytes() if out.exists() else b"")
                data = arriving.pop(0) if arriving else b""
                buffer[: len(data)] = data
                return len(data)

        arguments = ["convert", "--from", "openai", "--to", "openai", "-o", str(out)]
        result = CliRunner().invoke(command, arguments, input=io.BufferedReader(Live()))
        assert result.exit_code == 0
        assert written == [b"", BEGIN, STREAM.removesuffix(DONE)]

    def test_truncated(self) -> None:
        """Of a stream that was cut, all that had arrived is written, without an end, before code 1."""
        result = run("convert", "--from", "openai", "--to", "cozy", stdin=BEGIN)
        assert result.exit_code == 1
        assert [chunk["choices"][0]["delta"]["content"] for chunk in pieces(result.stdout_bytes)] == [
            "Hé",
            "llo",
        ]
        assert result.stderr.startswith("chatnorm: <stdin>: openai: the stream ends early")

    def test_truncated_without_blank_line(self) -> None:
        """The event that a cut stream had not ended is written too."""
        result = run("convert", "--from", "openai", "--to", "cozy", stdin=BEGIN.removesuffix(b"\n\n"))
        assert result.exit_code == 1
        assert len(pieces(result.stdout_bytes)) == 2

    def test_broken_event(self) -> None:
        """An event that is no JSON ends the stream after what came before it, in the same piece too."""
        result = run("convert", "--from", "openai", "--to", "cozy", stdin=BEGIN + b"data: {\n\n" + DONE)
        assert result.exit_code == 1
        assert len(pieces(result.stdout_bytes)) == 2

    def test_error_inside(self) -> None:
        """An error inside a stream is written into the stream, and the exit code is 0."""
        body = BEGIN + b'data: {"error": {"message": "gone", "type": "server_error", "code": null}}\n\n'
        stream = done("convert", "--from", "openai", "--to", "cozy", stdin=body)
        assert pieces(stream)[-1]["error"]["message"] == "gone"
        assert DONE not in stream

    @pytest.mark.parametrize("option", ["--pretty", "--strict"])
    def test_whole_answers_only(self, option: str) -> None:
        """Options for whole answers are a usage error where the input turns out to be a stream."""
        result = run("convert", "--from", "openai", "--to", "cozy", option, stdin=STREAM)
        assert (result.exit_code, result.stdout_bytes) == (2, b"")
        assert f"{option} does not go with a stream" in result.stderr


class TestAccumulate:
    def test_whole_answer(self) -> None:
        """--accumulate writes the answer that a stream adds up to."""
        body = done("convert", "--from", "openai", "--to", "cozy", "--accumulate", stdin=STREAM)
        assert json.loads(body)["choices"][0] == {
            "index": 0,
            "message": {"role": "assistant", "content": "Héllo"},
            "finish_reason": "stop",
        }

    def test_options_of_whole_answers(self) -> None:
        """--accumulate goes with --strict and --pretty."""
        arguments = ("convert", "--from", "openai", "--accumulate", "--strict", "--pretty", "--to")
        assert done(*arguments, "canonical", stdin=STREAM).startswith(b'{\n  "id"')
        assert "openai cannot say" not in failed(3, *arguments, "cozy", stdin=STREAM)

    def test_truncated(self) -> None:
        """Of a stream that was cut, the answer so far is written before code 1."""
        result = run("convert", "--from", "openai", "--to", "cozy", "--accumulate", stdin=BEGIN)
        assert result.exit_code == 1
        assert json.loads(result.stdout_bytes)["choices"][0]["message"]["content"] == "Héllo"
        assert "the stream ends early" in result.stderr

    def test_nothing_arrived(self) -> None:
        """Of a stream in which nothing came, no answer is made up."""
        message = failed(1, "convert", "--from", "openai", "--to", "cozy", "--accumulate", stdin=b": ping\n\n")
        assert "the stream ends early" in message


class TestError:
    def test_error(self) -> None:
        """--error converts the body of an error."""
        body = done("convert", "--from", "cozy", "--to", "openai", "--error", stdin=encoded(ERROR))
        assert json.loads(body)["error"]["message"] == "Slow down"
        assert json.loads(body)["error"]["code"] == "RATE_LIMITED"

    def test_status(self) -> None:
        """--status says what the body does not, and implies --error."""
        body = done("convert", "--from", "cozy", "--to", "canonical", "--status", 429, stdin=encoded(ERROR))
        assert (json.loads(body)["status"], json.loads(body)["kind"]) == (429, "rate_limit")

    def test_pretty(self) -> None:
        """An error can be indented too."""
        body = done("convert", "--from", "cozy", "--to", "cozy", "--error", "--pretty", stdin=encoded(ERROR))
        assert body.startswith(b'{\n  "detail"')


class TestLines:
    ARGUMENTS = ("convert", "--from", "openai", "--lines", "--to")

    def test_lines(self) -> None:
        """Each line with an answer becomes one line; blank lines and CR LF do not matter."""
        body = done(*self.ARGUMENTS, "openai", stdin=BOM + encoded(OPENAI) + b"\r\n\n" + encoded(OPENAI))
        assert body == (encoded(OPENAI) + b"\n") * 2

    def test_bad_line(self, write: Write) -> None:
        """A bad line is reported with its number, the others come out, and the exit code is 1."""
        path = write("log.jsonl", b"\n".join([encoded(OPENAI), b"", b"{", encoded(OPENAI), b"[]"]))
        result = run(*self.ARGUMENTS, "openai", path)
        assert result.exit_code == 1
        assert result.stdout_bytes == (encoded(OPENAI) + b"\n") * 2
        assert [line.split(": ")[1] for line in result.stderr.splitlines()] == [f"{path}:3", f"{path}:5"]

    def test_strict(self) -> None:
        """With --strict a line that would lose something is reported, with code 3 unless another is bad."""
        plain = {key: value for key, value in OPENAI.items() if key != "service_tier"}
        plain["choices"] = [{**OPENAI["choices"][0], "message": {"role": "assistant", "content": "Hi"}}]
        lines = [encoded(OPENAI), encoded(plain)]
        result = run(*self.ARGUMENTS, "speakeasy", "--strict", stdin=b"\n".join(lines))
        assert (result.exit_code, result.stdout_bytes.count(b"\n")) == (3, 1)
        assert result.stderr.startswith("chatnorm: <stdin>:1: speakeasy cannot say ")
        result = run(*self.ARGUMENTS, "speakeasy", "--strict", stdin=b"\n".join([*lines, b"{"]))
        assert (result.exit_code, result.stdout_bytes.count(b"\n")) == (1, 1)

    def test_errors(self) -> None:
        """With --error each line is the body of an error."""
        body = done("convert", "--from", "cozy", "--to", "cozy", "--lines", "--error", stdin=encoded(ERROR))
        assert json.loads(body) == ERROR

    def test_no_lines(self, tmp_path: Path) -> None:
        """A log without lines makes an output file without lines."""
        out = tmp_path / "out.jsonl"
        assert done(*self.ARGUMENTS, "cozy", "-o", out) == b""
        assert out.read_bytes() == b""

    def test_unsupported_part(self) -> None:
        """What no line can be converted to is said once."""
        body = (encoded(ERROR) + b"\n") * 3
        message = failed(2, "convert", "--from", "cozy", "--to", "log10-completion", "--lines", "--error", stdin=body)
        assert message == "<stdin>:1: schema 'log10-completion' has no errors"

    def test_schema_of_each_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without --from each line has its own schema, and each change of it is said."""

        def detect(body: bytes) -> list[chatnorm.Detection]:
            part: Any = "error" if b"detail" in body else "response"
            return [chatnorm.Detection("cozy" if b"sources" in body else "openai", part, 0.9, "sure")]

        monkeypatch.setattr(chatnorm, "detect", detect)
        lines = [OPENAI, OPENAI, COZY, ERROR]
        result = run("convert", "--to", "openai", "--lines", stdin=b"\n".join(map(encoded, lines)))
        assert (result.exit_code, result.stdout_bytes.count(b"\n")) == (0, 4)
        assert result.stderr.splitlines() == [
            "chatnorm: <stdin>:1: read as openai (response): sure",
            "chatnorm: <stdin>:3: read as cozy (response): sure",
            "chatnorm: <stdin>:4: read as openai (error): sure",
        ]


class TestDetectedSchema:
    def test_likeliest(self, detected: Callable[..., None]) -> None:
        """Without --from the likeliest schema is taken, and standard error says which and why."""
        detected(("cozy", "response", 0.9), ("openai", "response", 0.8))
        result = run("convert", "--to", "openai", stdin=encoded(COZY))
        assert result.stdout_bytes == chatnorm.convert(encoded(COZY), "cozy", "openai") + b"\n"
        assert result.stderr == "chatnorm: <stdin>: read as cozy (response): looks like cozy\n"

    def test_real(self) -> None:
        """`detect` itself finds the schema of an answer that has marks of one."""
        result = run("convert", "--to", "openai", stdin=encoded(COZY))
        assert result.exit_code == 0
        assert "read as cozy (response)" in result.stderr

    def test_error(self, detected: Callable[..., None]) -> None:
        """A body that is likeliest an error is converted as one."""
        detected(("cozy", "error", 0.9), ("openai", "response", 0.8))
        result = run("convert", "--to", "openai", stdin=encoded(ERROR))
        assert json.loads(result.stdout_bytes)["error"]["message"] == "Slow down"

    def test_error_cannot_be_strict(self, detected: Callable[..., None]) -> None:
        """Options for whole answers are a usage error where the body turns out to be an error's."""
        detected(("cozy", "error", 0.9))
        result = run("convert", "--to", "openai", "--strict", stdin=encoded(ERROR))
        assert (result.exit_code, result.stdout_bytes) == (2, b"")
        assert "--strict does not go with an error" in result.stderr

    def test_stream(self, detected: Callable[..., None]) -> None:
        """A stream is not taken for anything else, however likely."""
        detected(("cozy", "chunk", 1.0), ("cozy", "response", 0.9), ("openai", "stream", 0.8))
        result = run("convert", "--to", "openai", stdin=STREAM)
        assert (result.exit_code, result.stdout_bytes) == (0, STREAM)

    def test_wanted_part(self, detected: Callable[..., None]) -> None:
        """--split and --error take the likeliest schema of their part."""
        detected(("openai", "stream", 1.0), ("openai", "response", 0.9), ("cozy", "error", 0.8))
        assert run("convert", "--to", "openai", "--split", stdin=encoded(OPENAI)).stdout_bytes.endswith(DONE)
        body = run("convert", "--to", "openai", "--error", stdin=encoded(ERROR)).stdout_bytes
        assert json.loads(body)["error"]["message"] == "Slow down"

    def test_ambiguous(self, detected: Callable[..., None]) -> None:
        """Equal best scores are code 1, with the candidates."""
        detected(("cozy", "response", 0.9), ("openai", "response", 0.9), ("log10", "response", 0.8))
        assert failed(1, "convert", "--to", "openai", stdin=encoded(OPENAI)) == (
            "<stdin>: several schemas fit alike: cozy (response), openai (response): name one with --from"
        )

    def test_none(self, detected: Callable[..., None]) -> None:
        """A body that fits no schema, or is a chunk alone, is code 1."""
        detected(("openai", "chunk", 0.9))
        assert failed(1, "convert", "--to", "openai", stdin=b"{}") == ("<stdin>: no schema fits: name it with --from")


class TestRestore:
    def test_restore(self, tmp_path: Path, write: Write) -> None:
        """With the residual the original comes back exactly through a schema that cannot say all of it."""
        out, residual = tmp_path / "out.json", tmp_path / "residual.json"
        original = write("a.json", encoded(OPENAI))
        arguments = ("--from", "openai", "--to", "speakeasy", "--residual", residual, "-o", out)
        assert done("convert", *arguments, original) == b""
        assert "refusal" not in json.loads(out.read_bytes())["choices"][0]["message"]
        back = ("restore", "--from", "speakeasy", "--residual", residual, "--to", "openai")
        assert done(*back, out) == encoded(OPENAI) + b"\n"
        assert done(*back, "--pretty", stdin=BOM + out.read_bytes()).startswith(b'{\n  "id"')

    def test_stream(self, tmp_path: Path) -> None:
        """What a stream adds up to has a residual too."""
        residual = tmp_path / "residual.json"
        arguments = ("--from", "openai", "--to", "speakeasy", "--accumulate", "--residual", residual)
        whole = done("convert", *arguments, stdin=STREAM)
        back = done("restore", "--from", "speakeasy", "--residual", residual, "--to", "canonical", stdin=whole)
        assert back == done("convert", "--from", "openai", "--to", "canonical", "--accumulate", stdin=STREAM)

    def test_residual_of_another(self, write: Write) -> None:
        """A residual that does not fit is code 1."""
        residual = write("residual.json", b'[{"op": "remove", "path": "/nowhere"}]')
        arguments = ("--from", "openai", "--residual", residual, "--to", "openai")
        assert "residual: " in failed(1, "restore", *arguments, stdin=encoded(OPENAI))

    def test_missing_residual(self) -> None:
        """A missing residual is named, not the answer, with code 2."""
        arguments = ("--from", "openai", "--residual", "no.json", "--to", "openai")
        assert failed(2, "restore", *arguments, stdin=encoded(OPENAI)) == "no.json: No such file or directory"


class TestLosses:
    ARGUMENTS = ("losses", "--from", "openai", "--to")

    def test_lines(self) -> None:
        """Each loss is a line: its place and the value there."""
        assert done(*self.ARGUMENTS, "speakeasy", stdin=encoded(OPENAI)) == (
            b'/choices/0/message/refusal  null\n/service_tier  "default"\n'
        )

    def test_absent(self) -> None:
        """What the target had to make up is shown as absent."""
        assert done(*self.ARGUMENTS, "cozy", stdin=encoded(OPENAI)) == b"/system_fingerprint  (absent)\n"

    def test_nothing(self) -> None:
        """Where nothing is lost, it says so."""
        assert done(*self.ARGUMENTS, "openai", "--check", stdin=encoded(OPENAI)) == b"nothing is lost\n"

    def test_json(self) -> None:
        """--json writes an array, in which an absent value has no key."""
        assert json.loads(done(*self.ARGUMENTS, "speakeasy", "--json", stdin=encoded(OPENAI))) == [
            {"path": "/choices/0/message/refusal", "value": None},
            {"path": "/service_tier", "value": "default"},
        ]
        assert json.loads(done(*self.ARGUMENTS, "cozy", "--json", stdin=encoded(OPENAI))) == [
            {"path": "/system_fingerprint"}
        ]
        assert done(*self.ARGUMENTS, "openai", "--json", stdin=encoded(OPENAI)) == b"[]\n"

    def test_check(self) -> None:
        """--check lists the losses and exits with 3."""
        result = run(*self.ARGUMENTS, "cozy", "--check", stdin=encoded(OPENAI))
        assert (result.exit_code, result.stdout_bytes) == (3, b"/system_fingerprint  (absent)\n")

    def test_stream(self) -> None:
        """Of a stream, the losses of the answer it adds up to are listed."""
        assert done(*self.ARGUMENTS, "canonical", stdin=STREAM) == b"nothing is lost\n"

    def test_one_line_each(self) -> None:
        """A key or value with line ends, escape sequences or lone surrogates stays on its line."""
        answer = encoded({**OPENAI, "a\nb": "\x7f\u2028c"}).replace(b'"Hi"', b'"Hi","d":"\\ud800"')
        assert done(*self.ARGUMENTS, "speakeasy", stdin=answer).splitlines() == [
            b"/choices/0/message/refusal  null",
            b'/choices/0/message/d  "\\ud800"',
            b'/service_tier  "default"',
            b'/a\\nb  "\\u007f\\u2028c"',
        ]

    def test_output_file(self, tmp_path: Path) -> None:
        """With -o the list goes to a file."""
        out = tmp_path / "losses.txt"
        assert done(*self.ARGUMENTS, "openai", "-o", out, stdin=encoded(OPENAI)) == b""
        assert out.read_bytes() == b"nothing is lost\n"

    def test_bad_input(self) -> None:
        """A body that breaks its schema, or a stream that was cut, is code 1."""
        assert failed(1, *self.ARGUMENTS, "cozy", stdin=b"[]").startswith("<stdin>: openai: ")
        assert "the stream ends early" in failed(1, *self.ARGUMENTS, "cozy", stdin=BEGIN)


class TestDetect:
    def test_table(self, detected: Callable[..., None]) -> None:
        """Each candidate is a line with schema, part, score and reason."""
        detected(("openai", "response", 0.9), ("log10-wire", "response", 0.25))
        assert done("detect", stdin=b"{}").decode().splitlines() == [
            "openai      response  0.90  looks like openai",
            "log10-wire  response  0.25  looks like log10-wire",
        ]

    def test_several_files(self, detected: Callable[..., None], write: Write) -> None:
        """With several files each line begins with the file, and one that cannot be read is reported."""
        detected(("openai", "response", 0.9))
        path = write("a.json", b"{}")
        result = run("detect", path, "no.json", path)
        assert result.exit_code == 2
        assert result.stdout == f"{path}  openai  response  0.90  looks like openai\n" * 2
        assert result.stderr == "chatnorm: no.json: No such file or directory\n"

    def test_odd_file_names(self, detected: Callable[..., None], write: Write) -> None:
        """A file whose name holds a line end stays on one line of the table, with its columns aligned."""
        detected(("openai", "response", 0.9))
        lines = done("detect", write("a\nb", b"{}"), write("a", b"{}")).decode().splitlines()
        assert [line.index("  openai  ") for line in lines] == [lines[0].index("a\\nb") + 4] * 2

    def test_json(self, detected: Callable[..., None], write: Write) -> None:
        """--json writes one array for all files."""
        detected(("openai", "response", 0.9))
        path = write("a.json", b"{}")
        found = {"schema": "openai", "part": "response", "score": 0.9, "reason": "looks like openai"}
        body = done("detect", "--json", path, "-", stdin=b"{}")
        assert json.loads(body) == [{"file": str(path), **found}, {"file": "-", **found}]

    def test_none(self, detected: Callable[..., None]) -> None:
        """A body that fits no schema is code 1."""
        detected()
        assert failed(1, "detect", stdin=b"{}") == "<stdin>: no schema fits"

    def test_real(self) -> None:
        """The first line of the table is the likeliest schema."""
        assert done("detect", stdin=encoded(COZY)).split()[:2] == [b"cozy", b"response"]


class TestSchemas:
    def test_table(self) -> None:
        """Each schema has a line: what of its parts can be done, its versions and its reference."""
        header, *lines = (line.split(maxsplit=4) for line in done("schemas").decode().splitlines())
        assert header[:4] == ["SCHEMA", "RESPONSE", "STREAM", "ERROR"]
        rows = {line[0]: line[1:] for line in lines}
        assert list(rows) == chatnorm.schemas()
        assert rows["openai"][:3] == ["both", "both", "both"]
        assert rows["log10-completion"][:3] == ["both", "-", "-"]
        assert rows["speakeasy"][3].startswith("1.5.0, 1.6.0, ")
        assert rows["speakeasy"][3].endswith(chatnorm.adapter("speakeasy").docs)

    def test_json(self) -> None:
        """--json writes an array with the same."""
        rows = {row["name"]: row for row in json.loads(done("schemas", "--json"))}
        assert rows["speakeasy"] == {
            "name": "speakeasy",
            "response": {"decode": True, "encode": True},
            "stream": {"decode": False, "encode": False},
            "error": {"decode": True, "encode": True},
            "versions": ["1.5.0", "1.6.0", "1.7.1", "2.12.0", "2.16.1"],
            "docs": chatnorm.adapter("speakeasy").docs,
        }

    def test_plugins(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A schema that is only read is marked so; a broken plugin is reported, with code 1."""
        metadata = tmp_path / "acme-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text("[chatnorm]\nacme = acme_broken\nzeta = acme_zeta\n")
        (tmp_path / "acme_broken.py").write_text("raise RuntimeError('out of order')\n")
        (tmp_path / "acme_zeta.py").write_text(
            "from chatnorm import Adapter, ResponseCodec, StreamCodec, hookimpl\n"
            "@hookimpl\n"
            "def chatnorm_adapter():\n"
            "    response, stream = ResponseCodec(decode=len), StreamCodec(encoder=dict)\n"
            "    return Adapter(name='zeta', docs='https://zeta.example', response=response, stream=stream)\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr("chatnorm.api.REGISTRY", Registry())
        result = run("schemas")
        assert result.exit_code == 1
        assert result.stderr.startswith("chatnorm: adapter plugin 'acme': it cannot be loaded: ")
        assert "out of order" in result.stderr
        assert result.stdout.splitlines()[-1].split() == [
            "zeta", "decode", "encode", "-", "-", "https://zeta.example"
        ]  # fmt: skip
        assert "openai" in result.stdout
        message = failed(1, "convert", "--from", "acme", "--to", "openai")
        assert message.startswith("adapter plugin 'acme': ")


class TestDiff:
    def test_equal(self, write: Write) -> None:
        """Answers that say the same are equal, whatever the order of keys and the space between them."""
        one = write("a.json", encoded(OPENAI))
        other = write("b.json", json.dumps(dict(reversed(OPENAI.items())), indent=4).encode())
        assert done("diff", "--from", "openai", one, other) == b""

    def test_different(self, write: Write) -> None:
        """Each difference is a line: its place, the first value and the second; the exit code is 1."""
        changed = {key: value for key, value in OPENAI.items() if key != "service_tier"}
        one = write("a.json", encoded(OPENAI))
        result = run("diff", "--from", "openai", one, "-", stdin=encoded({**changed, "model": "M", "é": [1.0]}))
        assert (result.exit_code, result.stderr) == (1, "")
        assert result.stdout.splitlines() == [
            '/service_tier  "default"  (absent)',
            '/model  "m"  "M"',
            "/é  (absent)  [1.0]",
        ]

    def test_numbers(self, write: Write) -> None:
        """A number of another kind is another value."""
        one = write("a.json", encoded({**COZY, "created": 1}))
        other = write("b.json", encoded({**COZY, "created": 1.0}))
        assert run("diff", "--from", "cozy", one, other).stdout == "/created  1  1.0\n"

    def test_two_schemas(self, tmp_path: Path, write: Write) -> None:
        """--from-b gives the second answer a schema of its own, so that a conversion can be checked."""
        one, other = write("a.json", encoded(OPENAI)), tmp_path / "b.json"
        done("convert", "--from", "openai", "--to", "log10", "-o", other, one)
        result = run("diff", "--from", "openai", "--from-b", "log10", one, other)
        assert result.stdout.splitlines() == [
            '/service_tier  "default"  (absent)',
            "/choices/0/message/refusal  null  (absent)",
            "/choices/0/logprobs  (absent)  null",
        ]

    def test_stream(self, tmp_path: Path, write: Write) -> None:
        """A stream is compared as the answer it adds up to."""
        stream, whole = write("a.sse", STREAM), tmp_path / "b.json"
        done("convert", "--from", "openai", "--to", "canonical", "--accumulate", "-o", whole, stream)
        assert done("diff", "--from", "openai", "--from-b", "canonical", stream, whole) == b""

    def test_detected(self, detected: Callable[..., None], write: Write) -> None:
        """Without --from each file's likeliest schema is taken, and said."""
        detected(("openai", "response", 0.9))
        path = write("a.json", encoded(OPENAI))
        result = run("diff", path, path)
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == f"chatnorm: {path}: read as openai (response): looks like openai\n" * 2

    def test_bad_input(self, write: Write) -> None:
        """The file that breaks its schema is named, with code 1."""
        one, other = write("a.json", encoded(OPENAI)), write("b.json", b"{")
        assert failed(1, "diff", "--from", "openai", one, other).startswith(f"{other}: openai: ")
        assert failed(2, "diff", "--from", "openai", one, "no.json") == "no.json: No such file or directory"


class TestHelp:
    @pytest.mark.parametrize("name", ["", *sorted(command.commands)])
    def test_help(self, name: str) -> None:
        """Every command explains itself, with -h and with --help, and every option has a description."""
        arguments = [name] if name else []
        text = done(*arguments, "--help").decode()
        assert text.startswith(f"Usage: chatnorm {name}".rstrip())
        assert text == done(*arguments, "-h").decode()
        parameters = (command.commands[name] if name else command).params
        assert all(option.help for option in parameters if isinstance(option, click.Option))

    def test_exit_codes_and_completion(self) -> None:
        """The first help text has the exit codes and how to enable completion in each shell."""
        text = done("--help").decode()
        for line in (
            "Exit codes:",
            "bash_source chatnorm",
            "zsh_source chatnorm",
            "fish_source chatnorm | source",
        ):
            assert line in text

    def test_version(self) -> None:
        """--version says the version of the distribution."""
        from importlib.metadata import version

        assert done("--version").decode() == f"chatnorm, version {version('chatnorm')}\n"

    @pytest.mark.parametrize(
        ("arguments", "incomplete", "found"),
        [
            (["convert", "--from"], "log10", ["log10", "log10-completion", "log10-wire"]),
            (["losses", "--to"], "op", ["openai"]),
            (["diff", "--from-b"], "speak", ["speakeasy"]),
            (["restore", "--from"], "nothing", []),
            ([], "sch", ["schemas"]),
        ],
    )
    def test_completion(self, arguments: list[str], incomplete: str, found: list[str]) -> None:
        """Shells complete the names of commands and schemas."""
        shell = ShellComplete(command, {}, "chatnorm", "_CHATNORM_COMPLETE")
        assert [item.value for item in shell.get_completions(arguments, incomplete)] == found

    def test_completion_script(self) -> None:
        """The variable that the help names makes the command print the script of a shell."""
        result = CliRunner().invoke(command, [], prog_name="chatnorm", env={"_CHATNORM_COMPLETE": "zsh_source"})
        assert result.output.startswith("#compdef chatnorm")


class TestMain:
    def test_without_click(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """Without click one line says what to install, and the exit code is 2."""
        monkeypatch.delitem(sys.modules, "chatnorm.commands")
        monkeypatch.setitem(sys.modules, "click", None)
        with pytest.raises(SystemExit) as exit:
            main()
        assert exit.value.code == 2
        assert capsys.readouterr() == (
            "",
            "the command line needs click: pip install 'chatnorm[cli]'\n",
        )

    def test_without_another_module(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Only the lack of click is explained so."""
        monkeypatch.setitem(sys.modules, "chatnorm.commands", None)
        with pytest.raises(ModuleNotFoundError, match=r"chatnorm\.commands"):
            main()

    def test_imports(self) -> None:
        """Neither click nor an adapter nor the converters are imported before they are needed."""
        code = (
            "import sys, chatnorm.cli; assert 'click' not in sys.modules; import chatnorm.commands;"
            "print(*(name for name in sys.modules if name.startswith('chatnorm')))"
        )
        loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
        assert not {"chatnorm_adapters", "chatnorm.wire", "chatnorm.detection", "chatnorm.loss"} & {*loaded.split()}

    def test_installed_command(self) -> None:
        """The installed command converts standard input to standard output."""
        result = subprocess.run(
            [SCRIPT, "convert", "--from", "cozy", "--to", "openai"],
            input=encoded(COZY),
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
        )
        assert (result.returncode, result.stderr) == (0, b"")
        assert result.stdout == chatnorm.convert(encoded(COZY), "cozy", "openai") + b"\n"

    def test_closed_pipe(self) -> None:
        """A reader that goes away ends the command without a word."""
        with subprocess.Popen([SCRIPT, "schemas"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode != 0
