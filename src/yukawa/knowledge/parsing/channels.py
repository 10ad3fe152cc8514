"""Decays: a final state in any notation as a `Channel`, one canonical form for modes, and which mode is meant."""

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from yukawa.knowledge.parsing.final_state import StateToken, meaning, normal, read_tokens, title
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.plan import Channel
from yukawa.knowledge.parsing.spelling import plain_ascii

Product = tuple[str, ...]  # PDG names that a product can mean, or one literal
LONGEST, _STEPS = 400, 8


@dataclass(frozen=True, slots=True)
class Mode:
    """A decay mode as facts hold it.

    Args:
        channel: names of the products of the first step, sorted, repeated by multiplicity: PDG names of states,
            names of families ('K^*(892)', 'pi', 'lepton+'), and literals ('anything', '(K- pi+)(S-wave)').
        qualifiers: 'steps' (further steps of a chain) and 'condition' (what tells it from like modes), where there are any.
    """

    channel: tuple[str, ...]
    qualifiers: Mapping[str, str]


def canonical(description: str) -> Mode:
    """The mode that a source describes, such as 'D0 --> K^*(892)- pi+ , K^*()- --> K0S pi-'.

    Whatever a question writes for the same mode gets the same channel and qualifiers from `read_channel` and `mode`.
    """
    text = plain_ascii(description)
    arrow = text.find("→")
    channel, end = read_channel(text, arrow + 1, len(text), strict=False)
    conditions = [*channel.conditions, *pair_condition(text[: max(arrow, 0)])]
    if rest := normal(text[end:]).strip(",."):
        conditions.append(rest)
    return mode(Channel(channel.products, channel.steps, tuple(conditions), channel.inclusive))


def pair_condition(before: str) -> tuple[str, ...]:
    """The condition ('of p n',) where two nucleons precede an arrow, as in 'p n → pi+ pi0'; else ()."""
    pair = _NUCLEONS.search(before)
    return ("of " + " ".join(sorted(pair.groups())),) if pair else ()


_NUCLEONS = re.compile(r"(?<![A-Za-z0-9])([pn]) ?([pn]) *$")


def mode(channel: Channel) -> Mode:
    """The canonical form of a channel."""
    qualifiers = {}
    if channel.steps:
        steps = [f"{parent} → {' '.join(_names(products))}" for parent, products in channel.steps]
        qualifiers["steps"] = "; ".join(steps)
    if channel.conditions:
        qualifiers["condition"] = "; ".join(sorted(set(channel.conditions)))
    return Mode(tuple(_names(channel.products)), qualifiers)


def channel_key(subject: str, channel: Channel) -> str:
    """One text for a decay: equal for equal decays in whatever notation they were written."""
    found = mode(channel)
    return " | ".join([subject, " ".join(found.channel), *(f"{k}: {v}" for k, v in found.qualifiers.items())])


def _names(products: Sequence[Product]) -> list[str]:
    return sorted(canonical_product(product) for product in products)


def canonical_product(product: Product) -> str:
    """One name for a product: its only state, its family, all its states with '|', or the literal."""
    return title(tuple(sorted(product))) if product[0] in particle_table().particles else product[0]


# ---- from tokens to a channel ---------------------------------------------------------------------


def read_channel(text: str, start: int, end: int, *, strict: bool = True) -> tuple[Channel, int]:
    """The final state that begins at `text[start]`, a plain text, and one past its last character.

    Args:
        text: a plain text, as `plain_ascii` makes it.
        start: where the products begin.
        end: where they end at the latest.
        strict: stop before a step whose decaying particle is not among the products, which is another decay; read at most
            `LONGEST` characters and `_STEPS` arrows.
    """
    tokens = read_tokens(text, start, min(end, start + LONGEST) if strict else end)
    if strict and (arrows := [place for place, token in enumerate(tokens) if token.kind == "arrow"][_STEPS:]):
        tokens = tokens[: arrows[0]]
    parts = _parts(tokens)
    if strict:
        while len(parts) > 1 and not _is_chain(parts):
            kept = [token for token in tokens if token.start < parts[-1].start]
            if len(kept) == len(tokens):  # the last part is a bracket that no comma begins
                break
            tokens = kept
            parts = _parts(tokens)
    conditions = tuple(dict.fromkeys(c for part in parts for state in part.chain for c in state.conditions))
    products = parts[0].chain[0].products
    steps = _steps(parts)
    last = tokens[-1].end if tokens else start
    inclusive = any(product == ("anything",) for product in products)
    return Channel(
        tuple(products), tuple(steps), conditions, inclusive, (tokens[0].start if tokens else start, last)
    ), last


@dataclass
class _State:
    """The products of one decay and the conditions on them; `inner` are those within groups."""

    products: list[Product] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    inner: list[tuple[Product, str]] = field(default_factory=list)
    before_plus: int = 0  # products

    def without_conjugates(self) -> None:
        """Of 'mu+ e- + mu- e+' keep the first half: the second is its charge conjugate."""
        first, second = self.products[: self.before_plus], self.products[self.before_plus :]
        turned = sorted(map(_conjugates, first))
        if len(first) > 1 and turned == sorted(tuple(sorted(p)) for p in second) != sorted(map(tuple, first)):
            self.products, self.labels = first, self.labels[: self.before_plus]
            self.conditions.append("c.c.")

    def named(self) -> list[tuple[Product, str]]:
        """All products with the names they were written with."""
        return [*zip(self.products, self.labels, strict=True), *self.inner]

    def add(self, product: Product, label: str, count: int = 1) -> None:
        self.products += [product] * count
        self.labels += [label] * count


@dataclass
class _Part:
    """States joined by arrows; a chain has one part for each of its steps."""

    start: int
    chain: list[_State] = field(default_factory=lambda: [_State()])


def _parts(tokens: Sequence[StateToken]) -> list[_Part]:
    """Group the tokens of a final state into parts, each a chain of states joined by arrows."""
    parts = [_Part(tokens[0].start if tokens else 0)]
    waiting: StateToken | None = None  # a count
    union = False
    for number, token in enumerate(tokens):
        state = parts[-1].chain[-1]
        if token.kind == "count":
            waiting = token if waiting is None or token.count > 1 or token.label else waiting
            continue
        if token.kind == "name":
            _add_name(state, token, waiting, union)
        elif token.kind == "group":
            tag = tokens[number + 1].label[4:] if _is_tag(tokens, number + 1) else None
            _add_group(parts, token, waiting, tag)
        elif token.kind == "condition" and not token.label.startswith("tag:"):
            state.conditions.append(token.label)
        elif token.kind == "pair" and state.products and not _are_pair(state.products):
            state.add(_conjugates(state.products[-1]), state.labels[-1])
        elif token.kind == "arrow":
            parts[-1].chain.append(_State())
        elif token.kind == "join" and token.label:
            state.before_plus = len(state.products)
        elif token.kind == "comma" and _arrow_follows(tokens, number + 1):
            parts.append(_Part(token.start))
        waiting, union = None, token.kind == "or"
    for part in parts:
        for state in part.chain:
            state.without_conjugates()
    return parts


def _is_tag(tokens: Sequence[StateToken], number: int) -> bool:
    return number < len(tokens) and tokens[number].label.startswith("tag:")


def _arrow_follows(tokens: Sequence[StateToken], number: int) -> bool:
    following = next((t.kind for t in tokens[number:] if t.kind in ("comma", "arrow")), None)
    return following == "arrow"


def _are_pair(products: Sequence[Product]) -> bool:
    return len(products) > 1 and _conjugates(products[-1]) == tuple(sorted(products[-2]))


def _conjugates(product: Product) -> Product:
    particles = particle_table().particles
    return tuple(sorted(particles[n].conjugate if n in particles else n for n in product))


def _add_name(state: _State, token: StateToken, waiting: StateToken | None, union: bool) -> None:
    meant = meaning(token)
    if union and state.products:
        both = {*state.products[-1], *meant}
        known = both <= particle_table().particles.keys()
        state.products[-1] = tuple(sorted(both)) if known else ("|".join(sorted(both)),)
    elif waiting is None:
        state.add(meant, token.label)
    elif waiting.label == "pair":
        state.add(meant, token.label)
        state.add(_conjugates(meant), token.label)
    elif waiting.label:
        state.add((f"{waiting.label}{waiting.count} {canonical_product(meant)}",), token.label)
    else:
        state.add(meant, token.label, waiting.count)


def _add_group(parts: list[_Part], group: StateToken, waiting: StateToken | None, tag: str | None) -> None:
    """A bracket: products that are counted together, a step, or one literal with a tag, a charge or a single name."""
    inner = _parts(group.inner)
    first = inner[0].chain[0]
    state = parts[-1].chain[-1]
    count = waiting.count if waiting else 1
    if tag is None and group.inner[0].kind == "arrow":
        parts[-1].chain += inner[0].chain[1:]
    elif tag is None and len(inner[0].chain) > 1 and len(first.products) == 1:
        parts += inner
    elif tag is None and (count > 1 or len(first.products) > 1 or any(t.kind == "or" for t in group.inner)):
        for product, label in list(zip(first.products, first.labels, strict=True)) * count:
            state.add(product, label)
        state.conditions += first.conditions
    else:
        channel, _ = _joined(inner)
        text = " ".join(mode(channel).channel + tuple(mode(channel).qualifiers.values()))
        if tag is not None:
            tag = tag if tag[:1] in "+-_^" or tag == "0" else tag if tag.startswith("(") else f"({tag})"
        label = f"{count if count > 1 else ''}({text}){tag or ''}"
        state.add((label,), label)
        state.inner += first.named()


def _joined(parts: Sequence[_Part]) -> tuple[Channel, int]:
    conditions = tuple(c for part in parts for state in part.chain for c in state.conditions)
    return Channel(tuple(parts[0].chain[0].products), tuple(_steps(parts)), conditions), 0


# ---- chains ---------------------------------------------------------------------------------------


def _steps(parts: Sequence[_Part]) -> list[tuple[str, tuple[Product, ...]]]:
    """Each further step: who decays, and into what."""
    found: list[tuple[str, tuple[Product, ...]]] = []
    for before, after in itertools.pairwise(parts[0].chain):
        found.append(_difference(before.products, after.products))
    known = _known(parts[:1])
    for part in parts[1:]:
        decaying = part.chain[0]
        name = " ".join(_names(_parents(known, decaying) or decaying.products))
        for state in part.chain[1:]:
            found.append((name, tuple(state.products)))
            name = " ".join(_names(state.products))
        known += _known([part])
    return found


def _known(parts: Sequence[_Part]) -> list[tuple[Product, str]]:
    return [named for part in parts for state in part.chain for named in state.named()]


def _is_chain(parts: Sequence[_Part]) -> bool:
    """Whether whatever decays in the last part is among the products before it."""
    return _parents(_known(parts[:-1]), parts[-1].chain[0]) is not None


def _difference(before: Sequence[Product], after: Sequence[Product]) -> tuple[str, tuple[Product, ...]]:
    """'gamma f_0(1500) → gamma K+ K-' is 'f_0(1500) → K+ K-': what both sides share does not decay."""
    left, right = Counter(_names(before)), Counter(_names(after))
    common = left & right
    parents = sorted((left - common).elements()) or sorted(left.elements())
    kept = right - common
    products = []
    for product in after:
        if kept[canonical_product(product)]:
            kept[canonical_product(product)] -= 1
            products.append(product)
    return " ".join(parents), tuple(products)


_BRACKET = re.compile(r"\([^()]*\)|\}|\{")
_SIGN = re.compile(r"(?:\+\+|--|\+-|-\+|[+\-0])$")


def _parents(known: Sequence[tuple[Product, str]], decaying: _State) -> list[Product] | None:
    """The products that decay in a step, which may be written short: 'K^*+' for 'K^*(892)+'; None for others."""
    found = [_parent(known, *named) for named in decaying.named()]
    parents = [product for product in found if product is not None]
    return parents if parents and len(parents) == len(found) else None


def _parent(known: Sequence[tuple[Product, str]], product: Product, label: str) -> Product | None:
    if any(product == other for other, _ in known):
        return product
    for shorten in (_short, _shorter, _shortest):
        for other, written in known:
            if shorten(written) == shorten(label):
                return other
    return None


def _short(label: str) -> str:
    """A name less its mass, and less the charge where there is none to compare."""
    return re.sub(r"[\^_ ]", "", _BRACKET.sub("", label))


def _shorter(label: str) -> str:
    return _SIGN.sub("", _short(label)) if not re.search(r"[a-z]0$", label) else _short(label)


def _shortest(label: str) -> str:
    return re.sub(r"bar|\*|'|\d|J", "", _SIGN.sub("", _short(label)))
