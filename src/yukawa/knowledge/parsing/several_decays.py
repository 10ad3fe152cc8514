"""Final states that no arrow leads to. Several said of one particle: 'bb and tau tau', 'e nu, mu nu or tau nu' are decays of their own."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from yukawa.knowledge.parsing.channels import read_channel
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.plan import Channel, Span
from yukawa.knowledge.parsing.tokens import Token

_SEPARATOR = re.compile(
    r"(?:(?<!\s)\s+)?,\s*(?:and |or )?|(?<!\s)\s+(?:and|or|und|oder|et|ou)\s+(?:to |into )?"
)
_ALONE = (("hadrons",), ("invisible",))  # final states of one word


def beta(tokens: list[Token]) -> list[Token]:
    """Read 'Energy released in the beta decay of the neutron': the word for the neutron's decay implies its final state."""
    if any(t.kind == "channel" for t in tokens):
        return _named_so(tokens)
    things = [i for i, t in enumerate(tokens) if t.kind == "thing"]
    words = [i for i, t in enumerate(tokens) if t.kind == "property" and t.value == "decays"]
    asked = any(t.kind == "property" and t.value in ("energy-release", "momentum") for t in tokens)
    if not asked or len(things) != 1 or tokens[things[0]].value.names != ("n",) or len(words) != 1:
        return tokens
    word = tokens[words[0]]
    near = range(max(0, words[0] - 2), min(len(tokens), words[0] + 2))
    beside = [i for i in near if tokens[i].text.lower() in ("beta", "-")]
    channel = Channel((("p",), ("e-",), ("nubar_e",)), span=(word.start, word.end))
    found = [t for i, t in enumerate(tokens) if i != words[0] and i not in beside]
    place = found.index(tokens[things[0]]) + 1
    return [*found[:place], replace(word, kind="channel", value=channel, otherwise=()), *found[place:]]


def _named_so(tokens: list[Token]) -> list[Token]:
    """Tokens with 'beta decay' set aside beside a decay that is written out with its electron: 'the beta decay n → p e- nubar'."""
    electrons = {"e-", "e+"}
    beta_like = any(
        {name for names in t.value.products for name in names} & electrons
        for t in tokens
        if t.kind == "channel"
    )
    found = list(tokens)
    for place, (word, decay) in enumerate(itertools.pairwise(tokens)):
        named = word.text.lower() == "beta" and decay.kind == "property" and decay.value == "decays"
        if beta_like and named:
            found[place : place + 2] = [replace(t, kind="aside", otherwise=()) for t in (word, decay)]
    return found


def separated(tokens: list[Token]) -> list[Token]:
    """Tokens in which a final state that joins complete final states of the same particle is several.

    'K+ and pi-' of a B0 is one decay: a part of it does not have the charge of the B0, or is a single product.
    """
    found: list[Token] = []
    for place, token in enumerate(tokens):
        parent = next((t for t in reversed(tokens[:place]) if t.kind == "thing"), None)
        parts = _parts(token, parent) if token.kind == "channel" and parent is not None else []
        found += parts if len(parts) > 1 else [token]
    return _once(found)


def bare(tokens: list[Token]) -> list[Token]:
    """Read 'more often to pi+ pi- than pi0 pi0', 'prefer K+ K- over K_L K_S': products side by side that are compared."""
    compared = any(
        (t.kind == "compare" and t.value[0] == "branching-fraction") or t.kind == "against" for t in tokens
    )
    compared |= any(t.kind == "property" and t.value in ("branching-fraction", "decays") for t in tokens)
    runs = list(_runs(tokens))
    others = sum(t.kind == "channel" for t in tokens)
    own = any(
        t.kind in ("property", "difference-of") and t.value not in ("branching-fraction", "decays")
        for t in tokens
    )
    if not compared or own or len(runs) + others < 2 or not runs:
        return tokens
    found = list(tokens)
    for run in reversed(runs):
        first, last = tokens[run.start], tokens[run.stop - 1]
        channel, end = _of_run(tokens[run.start : run.stop])
        if not channel.products or not end:
            return tokens
        into = run.start and tokens[run.start - 1].text.lower() in ("to", "into", "en", "in", "nach")
        text = " ".join(t.text for t in tokens[run.start : run.stop])
        place = Token("channel", first.start, last.end, text, replace(channel, span=(first.start, last.end)))
        found[run.start - bool(into) : run.stop] = [place]
    prefers = any(t.kind == "compare" and t.text.lower().startswith(("prefer", "favo")) for t in tokens)
    return [replace(t, kind="function") if prefers and t.text.lower() in ("over", "to") else t for t in found]


def _runs(tokens: Sequence[Token]) -> Iterator[range]:
    """The stretches of two things or more side by side, or of one with the word for a pair behind it; none with what decays."""
    start: int | None = None
    for place, token in enumerate([*tokens, Token("mark", 0, 0, "")]):
        counts = (
            (token.kind == "number" or _is_count(token))
            and place + 1 < len(tokens)
            and tokens[place + 1].kind == "thing"
        )
        if (token.kind == "thing" and len(token.text) < _NAME) or counts:
            start = place if start is None else start
            continue
        if start is not None:
            pair = token.text.lower() in ("pair", "pairs")
            if token.kind == "channel":
                start += place - start  # what decays is not a product
            if pair or place - start > 1:
                yield range(start, place + pair)
        start = None


_NAME = 30  # letters


def _is_count(token: Token) -> bool:
    return token.kind == "amount" and token.text in "23456"


def _of_run(tokens: Sequence[Token]) -> tuple[Channel, bool]:
    """The final state that things side by side, or a pair of one, mean; whether all of it was read."""
    table = particle_table().particles
    if tokens[-1].kind != "thing" and len(tokens) == 2:
        names: tuple[str, ...] = tokens[0].value.names
        both = tuple(dict.fromkeys([*names, *(table[n].conjugate for n in names if n in table)]))
        return Channel((both, both)), True
    text = " ".join(t.text for t in tokens)
    channel, end = read_channel(text, 0, len(text))
    return channel, end == len(text)


def _once(tokens: list[Token]) -> list[Token]:
    """'Invisibly, i.e. into neutrinos': the same final state in other words."""
    invisible = any(
        (t.kind == "channel" and t.value.products == (("invisible",),))
        or (t.kind, t.value) == ("mode", "invisible")
        for t in tokens
    )

    def repeats(place: int, token: Token) -> bool:
        """Whether a channel behind 'i.e.' only repeats an invisible final state."""
        said = place and tokens[place - 1].text.lower().rstrip(",") in (
            "i.e.",
            "i.e",
            "ie",
            "that is",
            "meaning",
        )
        products = token.value.products if token.kind == "channel" else ((),)
        return bool(said and invisible and all(names and names[0].startswith("nu") for names in products))

    return [replace(t, kind="aside") if repeats(i, t) else t for i, t in enumerate(tokens)]


def _parts(token: Token, parent: Token) -> list[Token]:
    """The final states listed behind one parent, with the conjunctions between them; none if any is read only in part."""
    whole: Channel = token.value
    if whole.conditions or whole.inclusive:
        return []
    again = re.compile(re.escape(parent.text) + r"\s*→\s*")  # 'W → e nu, W → mu nu'
    text = token.text[whole.span[0] - token.start :] if token.start <= whole.span[0] else token.text
    start = token.end - len(text)
    parts: list[Token] = []
    for first, last in _between(text):
        first = said.end() if (said := again.match(text, first)) else first
        channel, end = read_channel(text, first, last)
        if channel.steps or text[end:last].strip() or not _complete(channel, parent.value.names):
            return []
        span = (start + first, start + last)
        if all(channel.products != other.value.products for other in parts if other.kind == "channel"):
            if parts:
                between = (parts[-1].end, span[0])
                parts.append(
                    Token(
                        "join",
                        *between,
                        text[between[0] - start : first].strip(),
                        "or" if "or" in text else "and",
                    )
                )
            parts.append(Token("channel", *span, text[first:last], replace(channel, span=span)))
    if parts:  # with the verb or arrow before it
        parts[0] = replace(parts[0], start=token.start, text=token.text[: parts[0].end - token.start])
    return parts


def _between(text: str) -> Iterator[Span]:
    """The stretches of a text between its commas and conjunctions."""
    first = 0
    for match in _SEPARATOR.finditer(text):
        yield first, match.start()
        first = match.end()
    yield first, len(text)


def _complete(channel: Channel, parents: Sequence[str]) -> bool:
    """Whether it can be all that one of the parents decays to: two products or more, and its charge."""
    if channel.products in [(alone,) for alone in _ALONE]:
        return True
    table = particle_table().particles
    sums = {0.0}
    for names in channel.products:
        charges = {table[n].charge for n in names if n in table} - {None}
        if not charges:
            return False
        sums = {round(s + c, 2) for s in sums for c in charges if c is not None}
    wanted = {round(c, 2) for n in parents if n in table and (c := table[n].charge) is not None}
    return len(channel.products) > 1 and bool(sums & wanted)
