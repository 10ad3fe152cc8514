"""Whether a model answers: one real request, small enough for any service, with the time it took."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from yukawa.core.errors import ModelError
from yukawa.llm.base import Capabilities, ChatModel, CutReply, GenerationOptions, Message

TOKENS = 32
# In the form of the assistant's prompts, which a model that only quotes understands too.
_QUESTION = [
    Message(
        "user",
        '<passage id="1">\nThe muon is a charged lepton.\n</passage>\nQuestion: What is the muon? Be brief.',
    )
]


@dataclass(frozen=True, slots=True)
class Probe:
    """What a model did with one short question.

    Attributes:
        text: the beginning of its answer, of at most `TOKENS` tokens.
        first_s: seconds until the first words came; they hold the loading of a model in this process.
        seconds: the whole.
        tokens_per_second: after the first words, a piece of the stream counted as a token; None for a single piece.
        capabilities: what the model can do.
    """

    text: str
    first_s: float
    seconds: float
    tokens_per_second: float | None
    capabilities: Capabilities


async def probe(model: ChatModel) -> Probe:
    """Ask a model a question and measure the answer.

    Raises:
        InputError: its settings lack something.
        ModelError: it cannot be reached, failed, or answered without a word.
    """
    begun = time.perf_counter()
    pieces: list[str] = []
    first = begun
    async for piece in _until_cut(model):
        first = first if pieces else time.perf_counter()
        pieces.append(piece)
    ended = time.perf_counter()
    text = "".join(pieces).strip()
    if not text:
        raise ModelError(
            f"model {model.name!r} answered without a word within {TOKENS} tokens",
            hint="a model that reasons first needs a larger max_tokens in its row",
        )
    rate = (len(pieces) - 1) / (ended - first) if len(pieces) > 1 and ended > first else None
    return Probe(text, first - begun, ended - begun, rate, await model.capabilities())


async def _until_cut(model: ChatModel) -> AsyncIterator[str]:
    """The pieces of the answer; it may well be cut at the limit."""
    try:
        async for piece in model.stream(_QUESTION, GenerationOptions(max_tokens=TOKENS)):
            yield piece
    except CutReply:
        return
