"""One interface to any language model: `open_model` a row of `yukawa.toml`, then `chat` or `stream`."""

from yukawa.llm.base import Capabilities, ChatModel, Message, Reply, TokenLogprob, open_model, structured
from yukawa.llm.sync import SyncChat

__all__ = [
    "Capabilities",
    "ChatModel",
    "Message",
    "Reply",
    "SyncChat",
    "TokenLogprob",
    "open_model",
    "structured",
]
