"""What a reasoning model says to itself before it answers: `<think>` blocks, which are not part of the answer."""

from collections.abc import Iterable, Iterator

_OPEN, _CLOSE = "<think>", "</think>"


def without_thoughts(text: str) -> str:
    """The answer alone.

    A block that is not closed reaches to the end, where the reply was cut. A block that is closed and never opened
    reaches back to the beginning: some chat templates open it in the prompt.
    """
    text = text[text.rfind(_CLOSE) + len(_CLOSE) :] if _unopened(text) else text
    return "".join(visible([text])).strip()


def visible(pieces: Iterable[str]) -> Iterator[str]:
    """The pieces of a streamed answer without its thoughts, wherever the pieces are cut.

    What could be the beginning of a mark is held back until it is clear.
    """
    held, mark = "", _OPEN
    for piece in pieces:
        held += piece
        while mark in held:
            before, _, held = held.partition(mark)
            if mark == _OPEN and before:
                yield before
            mark = _CLOSE if mark == _OPEN else _OPEN
        keep = next(size for size in range(len(mark) - 1, -1, -1) if held.endswith(mark[:size]))
        ready, held = held[: len(held) - keep], held[len(held) - keep :]
        if mark == _OPEN and ready:
            yield ready
    if held and mark == _OPEN:
        yield held


def _unopened(text: str) -> bool:
    """Whether a block is closed that was not opened."""
    return _CLOSE in text and text.rfind(_OPEN, 0, text.find(_CLOSE)) < 0
