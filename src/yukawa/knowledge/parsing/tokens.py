"""Cuts a question into typed tokens: things, decays, properties, amounts, words that compare or combine, and the rest."""

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from yukawa.knowledge.parsing.channels import LONGEST, read_channel
from yukawa.knowledge.parsing.families import find_families
from yukawa.knowledge.parsing.lexicon import Entry, phrases
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.plan import Amount, Span, Thing
from yukawa.knowledge.parsing.spelling import SENTENCE_END, Spelled, plain_ascii, spell
from yukawa.knowledge.parsing.things import find_things
from yukawa.knowledge.parsing.unit_words import NUMBER, find_units, measured_amounts, number_value, unit_after


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of a question.

    Args:
        kind: 'thing', 'channel', 'property', 'class', 'amount', 'unit', 'qualifier', … (the kinds of the lexicon), 'stop'
            at the end of a sentence, 'mark' for other punctuation, 'word' for a word that nothing knows.
        start, end: its place in the plain text.
        text: its characters there.
        value: what it says, by kind.
        otherwise: what else its words can say, likeliest first.
    """

    kind: str
    start: int
    end: int
    text: str
    value: Any = None
    otherwise: tuple[tuple[str, Any], ...] = field(default=(), repr=False)


_PIECE = re.compile(r"[A-Za-z]+(?:'[a-z]{1,2}(?![A-Za-z]))?|\d+(?:\.\d+)?|[^\sA-Za-z\d]")
_DECORATION = frozenset("-_^(){}|[]~")
_STOPS = frozenset("?!;。？！；")
_IDENTIFIER = re.compile(r"(?<![\w.])[BGLMQS]\d{3}[A-Z0-9]{0,7}(?:\.\d{1,3})?(?![\w])")
_YEAR = re.compile(r"(?:19[4-9]\d|20[0-3]\d)$")
# Letters that name a property where a formula follows them, and symbols that no phrase of words spells.
_SYMBOLS: tuple[tuple[re.Pattern[str], str, Any], ...] = tuple(
    (re.compile(pattern), kind, value)
    for pattern, kind, value in (
        (r"(?<![\w^])G(?=\s?\([^→\n]{1,90}→.{1,120}?\)\s?/\s?G\(total\))", "property", "branching-fraction"),
        (r"(?<=\))\s?/\s?G\(total\)", "neutral", None),
        (r"(?<![\w^])[mM](?:ass)?(?=\s?[(\[]\s?[A-Za-z])", "property", "mass"),
        (r"(?<![\w^])tau(?=\s?[(\[]\s?[A-Za-z])", "property", "lifetime"),
        (r"(?<![\w^])mu(?=\s?[(\[]\s?[A-Za-z])", "property", "magnetic-moment"),
        (r"(?<![\w^])Gamma(?:_i)?(?=\s?[(\[][^→\n]{1,90}→.{1,120}?[)\]]\s?/\s?Gamma(?!\s?\((?!tot)))", "property", "branching-fraction"),
        (r"(?<=[)\]])\s?/\s?Gamma(?:_?\(?tot(?:al)?\)?)?(?!\w|\s?\()", "neutral", None),
        (r"^(?:\(?\d{1,2}[a-h]?\)[.:]?(?= )|[问問第例题題演練练習习]{1,2} ?\d{1,2}(?: ?[题題问問])?(?! ?[世代])[.:、]?)", "aside", None),
        (r"(?<![\w^])[mM](?= of\b)", "property", "mass"), (r"(?<![\w/])m ?c ?\^ ?2(?!\w)", "property", "rest-energy"),
        (r"(?<![\w/^*])c ?\^ ?2(?!\w)", "aside", None),
        (r"(?<![\w.:])(?:\d{1,2}(?::\d\d)? ?(?:am|pm|o'clock)|[012]?\d:[0-5]\d)(?![\w:])", "aside", None),
        (r"(?:(?:to|with) )?(?:\d{1,2}|two|three|four|five|six) (?:significant |decimal )?(?:digits?|figures?|places?|decimals?)(?!\w)",
         "aside", None),
        (r"(?<![\w^])Gamma(?:_?(?:tot|total)|_rm tot|_ rm tot| tot)?(?=\s?[(\[=?)]|\s+(?:of|for)\b|\s*$|\s*\?)", "property", "width"),
        (r"(?<![\w^])Gamma_?i\s?/\s?Gamma(?![\w])", "property", "branching-fraction"),
        (r"(?<![\w^])(?:BR|Br|BF|B|mathcal B|mathcalB)(?=\s?[(\[].{0,60}?→)", "property", "branching-fraction"),
        (r"(?<![\w^])(?:BR|Br|BF|B\.?R\.?)(?![\w(])", "property", "branching-fraction"),
        (r"(?<![\w/^*])I\^?G?\s?\(\s?J\^?\s?PC?\s?\)|(?<![\w/^*])IG\(JPC?\)", "property", "quantum-numbers"),
        (r"(?<![\w/^*])J\^?\s?PC?(?![\w/])|(?<![\w/^*])J P C(?![\w/])", "property", "quantum-numbers"),
        (r"(?<![\w/^*])J(?![\w/^*])", "property", "spin"), (r"(?<![\w/^*])I\^G(?! ?\()", "property", "quantum-numbers"),
        (r"(?<![\w/^*])P(?= (?:of|for)\b)", "property", "parity"),
        (r"(?<=isospin )I(?!\w)|(?<=angular momentum )J(?!\w)|(?<=conjugation )C(?!\w)|(?<=parity )[CPG](?!\w)", "neutral", None),
        (r"(?<![\w/^*])I(?=\s?\(\s?[A-Za-z])", "property", "isospin"),
        *((rf"(?:at )?{level} ?% (?:CL|C\.L\.|c\.l\.|confidence level|confidence)(?!\w)", "qualifier", ("confidence", level))
          for level in ("90", "95")),
        (r"(?<![\w/^*])mass\^?2(?!\w)", "qualifier", ("condition", "squared")),
    )
)  # fmt: skip
_FLAVOUR = "(?:up|down|strange|charm|bottom|top)"  # 'the up, down and strange quarks'
_FLAVOURS = re.compile(
    rf"\b{_FLAVOUR}(?=(?:(?:,| and| or| &|, and| plus)(?: the)? {_FLAVOUR}){{1,5}}[- ]quarks?\b)", re.I
)
_QUANTUM_NUMBERS = re.compile(
    r"(?<![\w.^])(?P<spin>\d(?:/2)?)(?P<signs>\^[({ ]?[+-]{1,2}[)}]?|[+-]{2})(?![\w+-])"
)  # '1--', '0^-+'
_CODE = re.compile(r"\s[:#=]*-?\d+$")  # 'MC id 443' is read as a number that stands for a particle
_WIDEST = 90  # characters of a final state that are looked at


@dataclass(frozen=True, slots=True)
class SourceText:
    """A question in plain spelling, after words of it were replaced, with the places it comes from.

    Args:
        spelled: the plain spelling of the question with the replacements.
        starts, ends: for each character of the question with the replacements where its original begins and ends.
    """

    spelled: Spelled
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @property
    def plain(self) -> str:
        """The text that is read."""
        return self.spelled.plain

    def span(self, start: int, end: int) -> Span:
        """The characters of the question that `plain[start:end]` comes from."""
        first, last = self.spelled.span(start, end)
        if first >= last:
            place = self.starts[first] if first < len(self.starts) else (self.ends[-1] if self.ends else 0)
            return place, place
        return self.starts[first], self.ends[last - 1]


def source(question: str, replacements: Iterable[tuple[int, int, str]] = ()) -> SourceText:
    """`question` in plain spelling with each (start, end, text) of `replacements`, which do not overlap, put in place."""
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    done = 0
    for start, end, text in [*sorted(replacements), (len(question), len(question), "")]:
        parts += [question[done:start], text]
        starts += [*range(done, start), *[start] * len(text)]
        ends += [*range(done + 1, start + 1), *[end] * len(text)]
        done = end
    return SourceText(spell("".join(parts)), tuple(starts), tuple(ends))


def tokenise(plain: str, language: str = "en") -> list[Token]:
    """The tokens of a plain text in order; together they cover all but blanks."""
    return _contextual(plain, _resolve(plain, list(_candidates(plain, language))))


# ---- candidates ----------------------------------------------------------------------------------


def _candidates(plain: str, language: str) -> Iterator[Token]:
    """Every reading of every piece of a sentence; they may overlap, and `_resolve` picks among them."""
    pieces = [(m.start(), m.end(), m[0]) for m in _PIECE.finditer(plain)]
    yield from _phrases(plain, pieces, language)
    if "'s" in plain:  # 'the PDG's value'
        owners = ((s, e - 2 * text.endswith("'s"), text.removesuffix("'s")) for s, e, text in pieces)
        yield from _phrases(plain, list(owners), language)
    for pattern, kind, value in _SYMBOLS:
        for match in pattern.finditer(plain):
            yield Token(kind, match.start(), match.end(), match[0], value)
    for match in _FLAVOURS.finditer(plain):
        thing = Thing((match[0][0].lower(),), match[0], match.span())
        yield Token("thing", *match.span(), match[0], thing)
    families = list(find_families(plain))
    yield from (
        Token("class", start, end, plain[start:end], f"family {name}") for start, end, name in families
    )
    things = [
        t
        for t in find_things(plain)
        if not _CODE.search(t.text) and not any(t.span[0] == f[0] for f in families)
    ]
    for thing in things:  # without names it only looks like one known here, such as the Z'
        yield Token("thing" if thing.names else "word", *thing.span, plain[slice(*thing.span)], thing)
    for match in _QUANTUM_NUMBERS.finditer(plain):
        yield Token("jpc", *match.span(), match[0], match["spin"] + "^" + match["signs"].strip("^({ })"))
    yield from _amounts(plain, [thing.span for thing in things], language)
    yield from (Token("unit", start, end, plain[start:end], unit) for start, end, unit in find_units(plain))
    names = {thing.span for thing in things}  # 'B105721' is a B_1(5721)0
    for match in (m for m in _IDENTIFIER.finditer(plain) if m.span() not in names):
        yield Token("identifier", match.start(), match.end(), match[0], match[0])
    yield from _rest(pieces)


def _rest(pieces: Sequence[tuple[int, int, str]]) -> Iterator[Token]:
    for start, end, text in pieces:
        if text[0].isalnum() and text.endswith("'s"):
            yield Token("word", start, end - 2, text[:-2])
            yield Token("function", end - 2, end, "'s")
        elif text[0].isalnum():
            yield Token("word", start, end, text)
        elif text in _STOPS or text == ".":
            yield Token("stop", start, end, text)
        elif text == "→":
            yield Token("arrow", start, end, text)
        else:
            yield Token("mark", start, end, text)


class _Node(dict[str, "_Node"]):
    """A node of the tree of phrases."""

    __slots__ = ("meanings",)

    def __init__(self) -> None:
        super().__init__()
        self.meanings: tuple[tuple[str, Any], ...] = ()


def pieces_of(phrase: str) -> list[str]:
    """The pieces of a phrase as they are compared: small letters, without hyphens and brackets."""
    return [p for p in (m[0].lower() for m in _PIECE.finditer(phrase)) if p not in _DECORATION]


@functools.lru_cache(maxsize=8)
def _by_beginning(language: str) -> dict[str, list[Entry]]:
    """The phrases of a language by their first piece."""
    found: dict[str, list[Entry]] = {}
    for entry in phrases(language):
        first = next(m[0] for m in _PIECE.finditer(entry[2]) if m[0] not in _DECORATION)
        found.setdefault(first.lower(), []).append(entry)
    return found


@functools.lru_cache(maxsize=1024)
def _tree(language: str, first: str) -> _Node | None:
    """What may follow a first piece; made when a text has it, since most of the lexicon is never looked at."""
    entries = _by_beginning(language).get(first, ())
    root = _Node()
    for kind, value, phrase in entries:
        node = root
        for piece in pieces_of(phrase)[1:]:
            node = node.setdefault(piece, _Node())
        if (kind, value) not in node.meanings:
            node.meanings += ((kind, value),)
    return root if entries else None


def _phrases(plain: str, pieces: Sequence[tuple[int, int, str]], language: str) -> Iterator[Token]:
    """The longest phrase of the lexicon that begins at each piece."""
    kept = [(start, end, text.lower()) for start, end, text in pieces if text not in _DECORATION]
    for first in range(len(kept)):
        node, position, best = _tree(language, kept[first][2]), first, None
        while node is not None:
            if node.meanings:
                best = position, node.meanings
            position += 1
            node = node.get(kept[position][2]) if position < len(kept) else None
        if best is not None:
            start, end = kept[first][0], kept[best[0]][1]
            (kind, value), *others = best[1]
            yield Token(kind, start, end, plain[start:end], value, tuple(others))


def _amounts(plain: str, things: Sequence[Span], language: str) -> Iterator[Token]:
    comma = language in ("de", "fr")  # '3,097 GeV'
    yield from (Token("amount", s, e, plain[s:e], own) for s, e, own in measured_amounts(plain, comma=comma))
    for match in NUMBER.finditer(plain):
        value = number_value(match[0].replace(",", ".") if comma else match[0])
        if value is None:
            continue
        unit, end = unit_after(plain, match.end())
        counts = any(first < end < last for first, last in things)  # '1000 K+' counts kaons
        if unit and (counts or (unit == "年" and _YEAR.fullmatch(match[0]))):
            unit, end = None, match.end()
        text = plain[match.start() : end]
        if unit is None and _YEAR.fullmatch(match[0]):
            meant = ("year", match[0])
            yield Token(
                "qualifier", *match.span(), text, meant, (("amount", Amount(value, "", match.span())),)
            )
        else:
            yield Token("amount", match.start(), end, text, Amount(value, unit or "", (match.start(), end)))


# ---- choosing ------------------------------------------------------------------------------------


_RANK = {
    "identifier": 0, "aside": 0, "jpc": 1, "property": 1, "constant": 1, "unit": 1, "amount": 2, "mode": 2, "thing": 3, "word": 9,
    "mark": 9, "stop": 9, "arrow": 9,
}  # fmt: skip


_HOW_MANY = ("多少", "几", "何")


def _resolve(plain: str, candidates: list[Token]) -> list[Token]:
    """Tokens that do not overlap: from left to right the longest at each place."""

    def rank(token: Token) -> int:
        asked = token.kind == "unit" and plain[: token.start].rstrip().endswith(_HOW_MANY)
        return (
            0 if asked or _is_flavour(token) else _RANK.get(token.kind, 4)
        )  # '多少玻尔磁子' asks for no constant

    candidates.sort(key=lambda t: (t.start, -t.end, rank(t)))
    found: list[Token] = []
    position = 0
    for token in candidates:
        if token.start < position:
            continue
        found.append(token)
        position = token.end
    return [replace(t, kind="mark") if t.kind == "stop" and _enclosed(plain, t) else t for t in found]


def _is_flavour(token: Token) -> bool:
    return token.kind == "thing" and token.text.lower() in _FLAVOUR and len(token.text) > 1


def _enclosed(plain: str, stop: Token) -> bool:
    """Whether a stop ends a bracket or a short form such as 'ex.', so that the sentence continues behind it."""
    closed = plain[stop.end : stop.end + 1] in ")]" and stop.end < len(plain)
    return closed or (stop.text == "." and not SENTENCE_END.match(plain, stop.start))


_DECAY_WORDS = frozenset(
    "branching-fraction cp-asymmetry partial-width momentum energy-release partial-lifetime decays".split()
)


def _contextual(plain: str, tokens: list[Token]) -> list[Token]:
    """Tokens with final states read where an arrow or a verb of decay leads to one."""
    found: list[Token] = []
    place = 0
    speaks_of_decay = any(
        (t.kind == "property" and t.value in _DECAY_WORDS) or t.kind in ("into", "arrow") for t in tokens
    )
    wide = any(t.kind == "property" and t.value == "width" for t in tokens)
    while place < len(tokens):
        token = tokens[place]
        if token.kind == "into-before" and _before(plain, found, token, tokens[place + 1 :]):
            place += 1
            continue
        of_thing = wide and place > 0 and tokens[place - 1].kind == "thing"  # 'width of the Z to mu+ mu-'
        channel = _channel(plain, tokens, place, speaks_of_decay or of_thing)
        if channel is None:
            found.append(token)
            place += 1
            continue
        found.append(channel)
        while place < len(tokens) and tokens[place].start < channel.end:
            place += 1
    return found


_TOPIC = frozenset(plain_ascii(c) for c in "がは")
_IN = frozenset(plain_ascii(word) for word in ("で", "では", "において", "のうち"))


def _is_topic(found: Sequence[Token], place: int) -> bool:
    """Whether products may follow here: 'π0が', 'π0の崩壊で', '… になる割合と'."""
    before = found[place - 1] if place else None
    of_decay = before is not None and before.kind == "property" and before.value in _DECAY_WORDS
    further = (
        before is not None
        and (before.kind == "channel" or of_decay)
        and any(t.kind == "channel" for t in found[:place])
    )
    return found[place].text in _TOPIC or (
        found[place].text in _AND if further else of_decay and found[place].text in _IN
    )


_AND = frozenset(plain_ascii(word) for word in ("と", "、", "および"))


def _before(plain: str, found: list[Token], verb: Token, after: Sequence[Token]) -> bool:
    """Replace the products before a Japanese verb of decay by a final state."""
    sentence = max((i for i, t in enumerate(found) if t.kind == "stop"), default=-1)
    topic = next((i for i in range(len(found) - 1, sentence, -1) if _is_topic(found, i)), None)
    if topic is None and after and after[0].kind == "class":  # 'K+ K- に崩壊する meson'
        topic = sentence
    if topic is None or topic + 1 >= len(found):
        return False
    start = found[topic + 1].start
    channel, end = read_channel(plain, start, verb.start)
    if not channel.products or plain[end : verb.start].strip():
        return False
    del found[topic + 1 :]
    found.append(
        Token("channel", start, verb.end, plain[start : verb.end], replace(channel, span=(start, end)))
    )
    return True


_AT_REST = re.compile(r",? with (?:the|an?) [^,.?]{1,25} (?:initially )?at rest")  # no product
_IN_DECAY = re.compile(r"in (?:the )?[\w*+()/-]+ (?:beta[ -])?decays?\b")  # 'the electron in muon decay'
_NEXT_QUESTION = re.compile(r"[,:] ?(?:and )?(?:what|how|which|find|calculate|compute)\b", re.IGNORECASE)
_REST_FRAME = re.compile(r"in (?:the|its) (?:[\w*+-]{1,20} )?rest[- ]frame")
_OF = ("in", "for", "to", "of", "zu", "von", "bei")
_LEADS = frozenset({"to", "into", "in", "via", "as", "zu", "nach", "en", "vers"})
_ARTICLE = re.compile(r"(?:exactly |just |only |a final state of |the final state |final state )?")


def _channel(plain: str, tokens: Sequence[Token], place: int, speaks_of_decay: bool) -> Token | None:
    """The final state that the token at `place` leads to."""
    token = tokens[place]
    if not _leads_to_products(plain, tokens, place, speaks_of_decay):
        return None
    start = token.end
    while plain[start : start + 1] == " ":
        start += 1
    if token.kind != "arrow" and (skipped := _ARTICLE.match(plain, start)):
        start = skipped.end()
    near = tokens[place : place + LONGEST]  # no further letters are read
    if not _names_follow(near, start, plain) and token.kind != "arrow":
        return None
    others = (
        t.start
        for t in near
        if t.start > start
        and (
            (t.kind == "qualifier" and t.value[0] in ("experiment", "year"))
            or (t.kind == "property" and t.value in _DECAY_WORDS and not plain.endswith(" x ", 0, t.start))
            or t.text.startswith("s'il")
        )
    )
    ends = [_sentence_end(plain, start), *others, *_owner_of_property(near)]
    ends += [
        match.start() for end in (_AT_REST, _NEXT_QUESTION) for match in [end.search(plain, start)] if match
    ]
    channel, end = read_channel(plain, start, min(ends))
    if not channel.products:
        return None
    channel = replace(channel, products=_pairs(channel.products, plain[start:end]), span=(start, end))
    return Token("channel", token.start, end, plain[token.start : end], channel)


def _owner_of_property(tokens: Sequence[Token]) -> Iterator[int]:
    """Where 'and the K+ lifetime' begins behind a final state: a thing with a property of its own is not a product."""
    for before, thing, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if thing.kind == "thing" and after.kind == "property" and after.value not in _DECAY_WORDS:
            yield thing.start if before.kind != "function" else before.start


def _leads_to_products(plain: str, tokens: Sequence[Token], place: int, speaks_of_decay: bool) -> bool:
    """Whether a final state may follow: behind an arrow, a verb of decay, or a preposition where decays are spoken of."""
    token = tokens[place]
    word = token.text.lower()
    last = word.split()[-1] if word.split() else ""
    if token.kind == "arrow":
        return True
    if word in _OF and [t.kind for t in tokens[place + 1 : place + 3]] == ["thing", "arrow"]:
        return False  # 'the photon energy in Sigma0 → Lambda gamma'
    if word == "in" and (_REST_FRAME.match(plain, token.start) or _IN_DECAY.match(plain, token.start)):
        return False
    verb = token.kind == "into" or any(kind == "into" for kind, _ in token.otherwise)
    subject = word not in ("give", "gives") or any(t.kind in ("thing", "class") for t in tokens[:place])
    if verb and subject and (last in _LEADS or last == "between" or word in _GIVING or not word.isascii()):
        return True
    if (
        word in _LEADS
        and token.kind in ("function", "into", "neutral")
        and (speaks_of_decay or word == "into")
    ):
        return word == "into" or any(t.kind in ("thing", "class") for t in tokens[:place])
    if word == "to" and place and tokens[place - 1].kind == "thing":  # 'Higgs to invisible' and nothing more
        if any(t.kind in ("ratio", "difference-of") or t.text.startswith("coupling") for t in tokens[:place]):
            return False  # 'of the proton to the electron', 'coupling of the Higgs to the top'
        end = _sentence_end(plain, token.end)
        channel, read = read_channel(plain, token.end + 1, end)
        return bool(channel.products) and read >= end
    return False


_PAIRED = re.compile(
    r"(?i:muons|electrons|leptons|taus|quarks|photons|gluons|bosons|myonen|elektronen|photonen)$"
)


_UNCOUNTED = re.compile(r"(?<!two )(?<!2 )(?<!three )(?<!3 )neutrinos$", re.IGNORECASE)


def _pairs(products: tuple[tuple[str, ...], ...], text: str) -> tuple[tuple[str, ...], ...]:
    """'To muons', 'to b quarks': a plural alone is a particle and its antiparticle; beside a lepton 'neutrinos' are two."""
    table = particle_table().particles
    if _UNCOUNTED.search(text) and sum("nu_e" in product for product in products) == 1:
        return (*products, products[-1])
    if len(products) != 1 or not _PAIRED.search(text) or any(name not in table for name in products[0]):
        return products
    both = tuple(dict.fromkeys([*products[0], *(table[name].conjugate for name in products[0])]))
    return (both, both)


_GIVING = frozenset("giving produce produces yield yields gives give become becomes".split())


def _sentence_end(plain: str, start: int) -> int:
    end = min(len(plain), start + _WIDEST)
    stops = [stop.start() for p in (SENTENCE_END, _QUESTION) if (stop := p.search(plain, start, end))]
    return min(stops, default=end)


# 'Lambda → p pi-, what's its Q value?'
_QUESTION = re.compile(r", (?:what|which|how|who|is|are|does|do)(?!\w)")


def _names_follow(tokens: Sequence[Token], start: int, plain: str) -> bool:
    """Whether there is a product within a few words behind `start`."""
    for token in tokens:
        if token.start < start:
            continue
        if token.kind in ("thing", "class", "channel"):
            return True
        if token.kind in ("number", "amount") or token.text.lower() in _BEFORE_PRODUCTS:
            continue
        channel, end = read_channel(plain, start, min(len(plain), start + 40))
        return bool(channel.products) and end > start + 1
    return False


_BEFORE_PRODUCTS = frozenset("a an the two charged neutral pair one".split())
