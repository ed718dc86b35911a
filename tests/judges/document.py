"""Reading a payload as JSON, more strictly than Python does."""

import json
from collections.abc import Callable
from typing import Any, NoReturn


def read(payload: bytes, number: Callable[[str], float] = float) -> Any:
    """The JSON value of a payload; `number` reads what has a point or an exponent.

    Raises:
        ValueError: it is not UTF-8 or not JSON; NaN and Infinity are not JSON.
    """
    return json.loads(payload.decode(), parse_float=number, parse_constant=_refuse)


def member(path: str, key: str) -> str:
    """The JSON path of one key of the object at `path`."""
    return f"{path}.{key}" if key.isidentifier() else f"{path}[{json.dumps(key)}]"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
