"""Writes the Modelfile by which Ollama runs a GGUF file, with a template that writes what the model's own writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from yukawa.core.errors import InputError
from yukawa.training.chat import Messages, render

_SYSTEM, _ASKED, _SAID = "Sentinel one", "Sentinel two", "Sentinel three"
_CONTEXT = 8192  # tokens; more costs memory that a laptop may not have


@dataclass(frozen=True)
class Turns:
    """A chat template taken to pieces: each turn is written the same in any place.

    Attributes:
        begin: what a conversation begins with.
        around: of each role, what precedes its words and what follows them.
        prompt: how a reply begins.
        system: the words of the system where a conversation has none; empty if there are none.
    """

    begin: str
    around: dict[str, tuple[str, str]]
    prompt: str
    system: str = ""

    def write(self, messages: Messages) -> str:
        """The text of a conversation that a reply is to follow."""
        turns = list(messages)
        if self.system and turns[0]["role"] != "system":
            turns.insert(0, {"role": "system", "content": self.system})
        pieces = [self.around[turn["role"]] for turn in turns]
        words = (
            before + turn["content"] + after for turn, (before, after) in zip(turns, pieces, strict=True)
        )
        return self.begin + "".join(words) + self.prompt


def take_apart(tokenizer: Any, template: str) -> Turns:
    """The pieces of a chat template, seen in small conversations and tried on longer ones.

    Raises:
        InputError: it writes a turn differently according to its neighbours, so that no pieces would do.
    """

    def text(*messages: dict[str, str], prompt: bool = False) -> str:
        return render(tokenizer, template, messages, prompt=prompt)[0]

    system, asked, said = (
        {"role": role, "content": words}
        for role, words in (("system", _SYSTEM), ("user", _ASKED), ("assistant", _SAID))
    )
    one, two, three = text(asked), text(asked, said), text(asked, said, asked)
    around = {"assistant": _split(_rest(two, one), _SAID), "user": _split(_rest(three, two), _ASKED)}
    front = _front(one, around["user"])
    begin, default = front, ""
    written = _with_system(text, system, asked, around["user"])
    if written is not None:
        bos = tokenizer.bos_token or ""
        if around["user"][0].startswith(bos):  # it begins every turn, not the conversation
            bos = ""
        begin = bos if front.startswith(bos) and written[0].startswith(bos) else ""
        if front.startswith(written[0]) and front.endswith(written[1]) and len(front) > len(begin):
            default = front[len(written[0]) : len(front) - len(written[1])]
        elif front != begin and written[0].startswith(front):
            begin = front
        around["system"] = (written[0].removeprefix(begin), written[1])
    turns = Turns(begin, around, _rest(text(asked, prompt=True), one), default)
    for tried in _trials(written is not None):
        if turns.write(tried) != text(*tried, prompt=True):
            raise _not_piecewise()
    return turns


def modelfile(
    weights: str, turns: Turns | None, *, ends: Sequence[str], context: int, adds_begin: str = ""
) -> str:
    """The text of a Modelfile.

    Args:
        weights: name of the GGUF file beside it.
        turns: pieces of the chat template; None for a model without one.
        ends: texts of the tokens that end a reply.
        context: of the model, in tokens; at most 8,192 are set.
        adds_begin: the token that llama.cpp itself puts before every text; empty if it puts none.

    Raises:
        InputError: a piece cannot be written in a template of Ollama.
    """
    lines = [f"FROM ./{weights}"]
    if turns is None:
        lines.append('TEMPLATE """{{ .Prompt }}"""')
    else:
        lines.append(f'TEMPLATE """{_go(turns, adds_begin)}"""')
        if turns.system:
            lines.append(f'SYSTEM """{turns.system}"""')
    lines += [f'PARAMETER stop "{_plain(end)}"' for end in ends]
    lines.append(f"PARAMETER num_ctx {min(context, _CONTEXT)}")
    return "\n".join(lines) + "\n"


def _go(turns: Turns, adds_begin: str) -> str:
    """The pieces as a template of Go, in which white space counts."""
    begin = turns.begin.removeprefix(adds_begin) if adds_begin else turns.begin
    roles = [
        f'eq .Role "{role}" }}}}{_plain(before)}{{{{ .Content }}}}{_plain(after)}'
        for role, (before, after) in turns.around.items()
    ]
    return (
        f"{_plain(begin)}{{{{ range .Messages }}}}{{{{ if {'{{ else if '.join(roles)}{{{{ end }}}}{{{{ end }}}}"
        f"{_plain(turns.prompt)}"
    )


def _plain(text: str) -> str:
    if "{{" in text or '"""' in text or "}}" in text:
        raise InputError(f"Ollama would read {text!r} of the chat template as a command")
    return text


def _rest(longer: str, shorter: str) -> str:
    if not longer.startswith(shorter):
        raise _not_piecewise()
    return longer[len(shorter) :]


def _split(text: str, words: str) -> tuple[str, str]:
    before, found, after = text.partition(words)
    if not found:
        raise _not_piecewise()
    return before, after


def _front(text: str, around: tuple[str, str]) -> str:
    """What precedes the first turn of a user."""
    turn = f"{around[0]}{_ASKED}{around[1]}"
    if not text.endswith(turn):
        raise _not_piecewise()
    return text.removesuffix(turn)


def _with_system(
    text: Any, system: dict[str, str], asked: dict[str, str], around: tuple[str, str]
) -> tuple[str, str] | None:
    """What precedes and follows the words of the system; None if the template refuses such a turn or omits it."""
    try:
        whole = text(system, asked)
    except InputError:
        return None
    if _SYSTEM not in whole:
        return None
    return _split(_front(whole, around), _SYSTEM)


def _trials(system: bool) -> list[list[dict[str, str]]]:
    """Conversations, with a system and without, of one turn and of several."""
    turns = [
        {"role": role, "content": words}
        for role, words in (
            ("user", "What is p_T?"),
            ("assistant", "It is\n\ntransverse."),
            ("user", "Thanks, and eta?"),
        )
    ]
    bare = [turns[:1], turns]
    told = [[{"role": "system", "content": "Be brief.\nBe right."}, *one] for one in bare]
    return [*bare, *told] if system else bare


def _not_piecewise() -> InputError:
    return InputError(
        "the chat template writes a turn differently according to its place, which Ollama's templates cannot follow",
        hint="llama.cpp's server runs the template itself, which lies in the GGUF file",
    )
