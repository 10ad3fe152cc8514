"""Text of others made harmless: reasoning taken out of replies, control tokens and delimiters out of passages."""

import re
import unicodedata

_NAMES = r"(?:think(?:ing)?|thought|reason(?:ing)?|reflection|analysis|scratchpad)"
_OPEN = re.compile(rf"<\|?{_NAMES}\|?>|\[THINK\]|<\|channel\|>analysis<\|message\|>", re.IGNORECASE)
_CLOSE = re.compile(rf"</{_NAMES}>|<\|/?end_?of_?{_NAMES}\|>|\[/THINK\]|<\|end\|>", re.IGNORECASE)
# Tokens that chat templates give a meaning: <|im_start|>, <s>, [INST], <<SYS>>, <start_of_turn>, and our own delimiter.
_CONTROL = re.compile(
    r"<[|｜][^<>|｜\n]{1,60}[|｜]>|</?s>|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|IMG|THINK)\]|<</?SYS>>"
    r"|<(?:start_of_turn|end_of_turn|bos|eos|pad|unk|mask|endoftext|eot_id|begin_of_text|end_of_text|tool_call|tool_response|tools)>"
    r"|</(?:tool_call|tool_response|tools)>|<\s{0,8}/?\s{0,8}passage|\[/?(?:BOS|EOS)\]",
    re.IGNORECASE,
)
_BRACKETS = str.maketrans("<>[]|", "‹›⟦⟧¦")
# Look-alikes of the characters that delimiters are made of; a letter or sign of physics is not among them.
_LOOKALIKES = str.maketrans("＜＞［］｜／〈〉⟨⟩《》﹤﹥∣ǀ", "<>[]|/<><><><>||")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef]"
)
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


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
    """A passage or question as it may be put into a prompt: no control token, no delimiter and no character that hides one.

    What is neutralised stays readable: '<|im_start|>' becomes '‹¦im_start¦›'.
    """
    text = _CONTROL_CHARACTERS.sub(" ", _INVISIBLE.sub("", text))
    if not text.isascii():
        plain = "".join(map(_plain, text))
        if _CONTROL.search(plain):
            text = plain
    return _CONTROL.sub(lambda match: match[0].translate(_BRACKETS), text)


def _plain(character: str) -> str:
    if "\uff01" <= character <= "\uff5e":  # full-width letters and signs
        return unicodedata.normalize("NFKC", character)
    return character.translate(_LOOKALIKES)
