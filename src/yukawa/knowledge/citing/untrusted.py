"""Text of others made harmless: reasoning taken out of replies, control tokens and delimiters out of passages."""

import re

from yukawa.llm.control import without_control

_NAMES = r"(?:think(?:ing)?|thought|reason(?:ing)?|reflection|analysis|scratchpad)"
_OPEN = re.compile(rf"<\|?{_NAMES}\|?>|\[THINK\]|<\|channel\|>analysis<\|message\|>", re.IGNORECASE)
_CLOSE = re.compile(rf"</{_NAMES}>|<\|/?end_?of_?{_NAMES}\|>|\[/THINK\]|<\|end\|>", re.IGNORECASE)
_PASSAGE = re.compile(r"<\s{0,8}/?\s{0,8}passage", re.IGNORECASE)  # our own delimiter


def without_reasoning(reply: str) -> str:
    """A model's reply without its reasoning blocks; one that never ends takes everything after it along.

    A block that began in the prompt ends the reasoning with its closing mark alone.
    """
    kept: list[str] = []
    position = 0
    while opened := _OPEN.search(reply, position):
        kept.append(_after_closing(reply[position : opened.start()]))
        closed = _CLOSE.search(reply, opened.end())
        if closed is None:
            return "".join(kept).strip()
        position = closed.end()
    kept.append(_after_closing(reply[position:]))
    return "".join(kept).strip()


def _after_closing(text: str) -> str:
    closings = list(_CLOSE.finditer(text))
    return text[closings[-1].end() :] if closings else text


def harmless(text: str) -> str:
    """A passage or question as it may be put into a prompt: no control token, no delimiter of ours and no character that hides one."""
    return without_control(text, _PASSAGE)
