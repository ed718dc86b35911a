"""What a judge raises when its tools cannot be had."""


class JudgeUnavailable(Exception):
    """A judge cannot work on this machine; the message says what it lacks."""
