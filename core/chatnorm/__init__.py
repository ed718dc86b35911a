"""Pandoc for chat completions: every provider's answer in one canonical form, and back, losing nothing.

completion = chatnorm.decode(body, "cozy")
chatnorm.encode(completion, "openai")
"""

import typing as _typing

from .api import (
    adapter,
    convert,
    decode,
    decode_error,
    encode,
    encode_error,
    losses,
    register,
    residual,
    restore,
    schemas,
    stream_decoder,
    stream_encoder,
)
from .chunk import ChatCompletionChunk, ChunkChoice
from .codec import Adapter, ErrorCodec, ResponseCodec, StreamCodec, StreamDecoder, StreamEncoder
from .completion import (
    Annotation,
    Audio,
    ChatCompletion,
    Choice,
    CompletionTokensDetails,
    CustomToolCall,
    FunctionCall,
    Irregular,
    LayoutItem,
    Logprobs,
    Message,
    PromptTokensDetails,
    Reasoning,
    TokenLogprob,
    ToolCall,
    TopLogprob,
    UrlCitation,
    Usage,
)
from .error import ErrorResponse
from .exceptions import (
    ChatnormError,
    DecodeError,
    LossError,
    PatchError,
    PluginError,
    StreamError,
    UnknownAdapterError,
    UnsupportedError,
)
from .record import extras

if _typing.TYPE_CHECKING:
    from .accumulation import accumulate, is_complete, split
    from .canonical import with_extras
    from .detection import Detection, detect
    from .hookspecs import hookimpl
    from .loss import Loss

#: What is imported when first used: name -> module.
_LATER = {
    "Detection": "detection",
    "Loss": "loss",
    "accumulate": "accumulation",
    "detect": "detection",
    "hookimpl": "hookspecs",
    "is_complete": "accumulation",
    "split": "accumulation",
    "with_extras": "canonical",
}

__all__ = [
    "Adapter",
    "Annotation",
    "Audio",
    "ChatCompletion",
    "ChatCompletionChunk",
    "ChatnormError",
    "Choice",
    "ChunkChoice",
    "CompletionTokensDetails",
    "CustomToolCall",
    "DecodeError",
    "Detection",
    "ErrorCodec",
    "ErrorResponse",
    "FunctionCall",
    "Irregular",
    "LayoutItem",
    "Logprobs",
    "Loss",
    "LossError",
    "Message",
    "PatchError",
    "PluginError",
    "PromptTokensDetails",
    "Reasoning",
    "ResponseCodec",
    "StreamCodec",
    "StreamDecoder",
    "StreamEncoder",
    "StreamError",
    "TokenLogprob",
    "ToolCall",
    "TopLogprob",
    "UnknownAdapterError",
    "UnsupportedError",
    "UrlCitation",
    "Usage",
    "accumulate",
    "adapter",
    "convert",
    "decode",
    "decode_error",
    "detect",
    "encode",
    "encode_error",
    "extras",
    "hookimpl",
    "is_complete",
    "losses",
    "register",
    "residual",
    "restore",
    "schemas",
    "split",
    "stream_decoder",
    "stream_encoder",
    "with_extras",
]


def __getattr__(name: str) -> _typing.Any:
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f".{module}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
