"""The npm packages whose types judge, fetched once into a cache folder.

Of each tarball only the declarations (and the compiler) are unpacked: no dependency is installed and no
script runs. The folder is `$CHATNORM_JUDGES`, or `chatnorm-judges` in the user's cache folder.
"""

import os
import shutil
import subprocess
import tarfile
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from .availability import JudgeUnavailable

_MEMBERS = {
    "chatgpt@5.2.5": ("build/index.d.ts",),
    "cozy-client@60.21.2": ("types/models/ai.d.ts",),
    "typescript@5.4.5": (
        "lib/tsc.js",
        "lib/lib.es5.d.ts",
        "lib/lib.decorators.d.ts",
        "lib/lib.decorators.legacy.d.ts",
    ),
}
_NPM_TIMEOUT = 180  # seconds

CHATGPT, COZY_CLIENT, TYPESCRIPT = _MEMBERS


def install() -> Path:
    """The folder that has the packages, fetched unless it is there; in it each has a folder `name@version`.

    Raises:
        JudgeUnavailable: npm is absent or fails; it is asked once in a process.
    """
    cache_folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chatnorm-judges"
    outcome = _outcome(Path(os.environ.get("CHATNORM_JUDGES") or cache_folder).absolute())
    if isinstance(outcome, JudgeUnavailable):
        raise outcome
    return outcome


@cache
def _outcome(parent: Path) -> Path | JudgeUnavailable:
    folder = parent / "+".join(_MEMBERS)
    if folder.is_dir():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        return JudgeUnavailable("npm is not installed")
    parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=parent) as scratch:
        try:
            _fetch(npm, Path(scratch))
        except (OSError, subprocess.SubprocessError) as error:
            reason = getattr(error, "stderr", None) or error
            return JudgeUnavailable(f"npm could not fetch {', '.join(_MEMBERS)}: {reason}")
        # Renaming is atomic: of processes that fetch at once the first wins, and the rest use its folder.
        try:
            (Path(scratch) / "unpacked").rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    return folder


def _fetch(npm: str, scratch: Path) -> None:
    subprocess.run(
        [npm, "pack", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", *_MEMBERS],
        cwd=scratch,
        check=True,
        capture_output=True,
        text=True,
        timeout=_NPM_TIMEOUT,
    )
    for package, members in _MEMBERS.items():
        target = scratch / "unpacked" / package
        target.mkdir(parents=True)
        with tarfile.open(scratch / f"{package.replace('@', '-')}.tgz") as tarball:
            for name in members:
                source = tarball.extractfile(f"package/{name}")
                if source is None:
                    raise FileNotFoundError(f"{package} has no {name}")
                (target / Path(name).name).write_bytes(source.read())
