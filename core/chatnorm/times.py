"""RFC 3339 times <-> Unix seconds, for schemas that write times as text."""

from __future__ import annotations

import re
from datetime import UTC, datetime

__all__ = ["decode_time", "encode_time"]

_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})", re.IGNORECASE
)
_LAST_SECOND = 253402300799  # of the year 9999


def decode_time(text: str) -> int | float | None:
    """Unix seconds of an RFC 3339 time, a float where it has a fraction; None where it is no such time.

    Source: https://www.rfc-editor.org/rfc/rfc3339#section-5.6
    """
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    start, fraction, offset = found.groups()
    try:
        seconds = int(datetime.fromisoformat(f"{start}{offset}".upper()).timestamp())
    except (ValueError, OverflowError):
        return None
    if fraction is None:
        return seconds
    return float(f"{seconds}{fraction}") if seconds >= 0 else seconds + float(fraction)


def encode_time(seconds: float) -> str | None:
    """The RFC 3339 time in UTC of Unix seconds, exactly; None before 1970 and after 9999."""
    whole, _, fraction = repr(seconds).partition(".")
    if not f"{whole}{fraction}".isdigit() or int(whole) > _LAST_SECOND:
        return None
    moment = datetime.fromtimestamp(int(whole), UTC).isoformat()[:19]
    return f"{moment}{fraction and '.'}{fraction}Z"
