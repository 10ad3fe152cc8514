"""The words of a final state: names, counts, groups, conditions, arrows; read as far as they make sense."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from yukawa.knowledge.parsing.listed import squeeze
from yukawa.knowledge.parsing.particles import mention_at, particle_table

Kind = Literal["name", "count", "join", "or", "comma", "arrow", "condition", "pair", "group"]

_SPACE = re.compile(r"[\s&~]+")
_CHARGE = r"(?:\+\+|--|\+-|-\+|\+|-(?![A-Za-z]{3,}))"
# A symbol that the particle table does not know, such as 'D_sJ(2457)+', 'h-', 'X_u', 'Theta(1540)+', 'D_CP(+1)'.
_SYMBOL = re.compile(
    r"(?![A-Za-z]{12})(?P<base>[A-Za-z]{1,9})(?P<rest>(?:[_^]\{?[A-Za-z0-9*']+\}?|\*+|'+|\([\d.]+[A-Z]?\)|\(CP\([+-]1\)\)|\([+-]1\)|\([+-]\)|\(\*\)"
    r"|_?\([mn]?[SPD]\)|\(\)|\(\d ?, ?\d ?, ?\dS\)|\(\d{4}/\d{4}\)|\(\d[+-]{2}\)|-odd|\^)*(?:"
    + _CHARGE
    + r"|0(?![\d.]))?)(?![A-Za-z]{3})"
)
_BARE_SYMBOLS = frozenset(
    "h X U q qbar psi lepton leptons particle hadron gluon Theta chi Z_c EFF NR a".split()
)
_LONG_SYMBOLS = frozenset("lepton particle hadron Theta Sigma kappa Upsilon Lambda Xi Omega Delta nu".split())
_COUNT = re.compile(
    r"(?P<at_least>>= ?)?(?P<number>\d{1,2})(?![\d.]| ?%)(?!-(?:body|prong|wave))(?= ?[A-Za-z(\[])|>=(?= ?[A-Za-z(])"
)
_NUMBERS = {
    "a": 1, "an": 1, "the": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "single": 1, "another": 1,
    "ein": 1, "eine": 1, "einen": 1, "einem": 1, "einer": 1, "zwei": 2, "drei": 3, "vier": 4, "un": 1, "une": 1, "deux": 2,
    "trois": 3, "quatre": 4, "dos": 2, "tres": 3, "cuatro": 4, "due": 2, "tre": 3, "quattro": 4, "uno": 1, "una": 1,
    "一": 1, "两": 2, "二": 2, "三": 3, "四": 4,
    "1 つの": 1, "2 つの": 2, "3 つの": 3, "4 つの": 4, "一つの": 1, "二つの": 2, "三つの": 3, "四つの": 4,
}  # fmt: skip
_NUMBER_WORD = re.compile(
    rf"(?P<word>{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})(?:(?<=[一两二三四の])[个個]? ?|(?<![一两二三四]) )"
)
_PAIR_OF = re.compile(
    r"(?:an? |one |ein(?:em|en)? |une )?(?:pairs? of|paires? de|paar von|paar|par de|coppia di) ",
    re.IGNORECASE,
)
_PAIR = re.compile(r"(?: |-)?(?:pairs?|paare?n?|paires?|pares?|对|対)(?![A-Za-z])", re.IGNORECASE)
_JOIN = re.compile(
    r"(?:and|plus|und|et|y|e|with an?|with|mit|avec|con)(?= )|以及|[和与與及と加]|\+(?=[ A-Za-z(>])",
    re.IGNORECASE,
)
_OR = re.compile(r"or(?= )|oder(?= )|ou(?= )|/|或")
_CHARGED = re.compile(
    r"(?:charged|neutral|positive|negative|(?:geladen|neutral|positiv|negativ)e[nrsm]?) (?=[A-Za-z])",
    re.IGNORECASE,
)
# Products that are not particles, as sources write them; on the right one name for each.
_OPEN = {
    "anything": "anything", "X": "anything", "everything": "anything", "inclusive": "anything", "hadrons": "hadrons",
    "invisible": "invisible", "invisibles": "invisible", "invisibly": "invisible", "neutrals": "neutrals", "neut.": "neutrals",
    "charged": "charged", "baryons": "baryons", "hadron": "hadrons", "positronium": "positronium", "charmless": "charmless",
    "(particles)-": "particles-", "exclusive modes": "exclusive modes", "bodies": "bodies", "light boson": "light boson",
    "Dark Photon": "dark photon", "dark photon": "dark photon", "anti-deutron": "antideuteron", "antideutron": "antideuteron",
    "antideuteron": "antideuteron", "b-baryon": "b-baryon", "ALP": "ALP", "leptons": "leptons", "pi's": "pi's",
    "hydrogen-atom": "hydrogen-atom", "semileptonic": "semileptonic", "prongs": "prongs", "Hadronen": "hadrons",
    "charmed modes": "charmed modes", "(pi mu atom)": "(pi mu atom)", "anomalous gamma": "anomalous gamma",
    "virtual gamma": "virtual gamma", "light hadrons": "light hadrons", "Sum of 100 exclusive modes": "100 exclusive modes",
    "Sum of 26 exclusive modes": "26 exclusive modes", "Xbar": "Xbar", "(X)": "(anything)",
}  # fmt: skip
_OPEN_WORD = re.compile(
    "(?:" + "|".join(re.escape(w) for w in sorted(_OPEN, key=len, reverse=True)) + r")(?![A-Za-z0-9_^'*(+-])"
)
_LAST = r"(?= *(?:$|[,;)\]→?.!]|anything|\d-body|pairs?\b))"  # the word ends what it tells apart
# Words that tell one mode from another, and what they are called in a canonical channel.
_CONDITIONS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"(?:\+|and|or|plus)? ?c\. ?c\.?(?![A-Za-z])|\+ ?cc\b", "c.c."),
        (r"(?:\+|and|or|plus)? ?(?:its |the )?charge[ -]conjugates?(?: modes?| states?)?\b", "c.c."),
        (r"([SPDFGHI])[- ]?waves?\b", r"\1-wave"),
        (r"\(? ?(?:non[- ]?res(?:onant)?\b\.?|NR\b(?!\())", "nonresonant"),
        (r"([SLI]) ?= ?(-?\d(?:/2)?)", r"\1=\2"),
        (r"(?:with )?helicity ?= ?(\d/2)", r"helicity=\1"),
        (r"(longitudinal|parallel|perpendicular) helicities", r"\1"),
        (r"(\d)[- ]body\b", r"\1-body"),
        (r"(?:``|\"|'')? ?(\d)[- ]prongs?\b(?:''|\")?", r"\1-prong"),
        (rf"(total|direct|scalar|vector|non-axial vector|transverse|longitudinal|CP-averaged|nu-free|resonant){_LAST}", r"\1"),
        (r"(?i:(neutral|charged|unaccounted)) (?:decay )?modes\b", r"\1 modes"),
        (rf"(at (?:Z|p pbar|p p)|charmless|Familon|INT|DE|SD|DCS){_LAST}", r"\1"),
        (r"SD[*^]*([+-])(INT)?(?=\)|$)", r"SD\1\2"),
        (r"SD[*^]*([+-]) ?\+ ?SD[*^]*[+-]INT", r"SD\1+SD\1INT"),
        (r"via DCS|/[23](?= *$)|Resonant(?= \()", r"\g<0>"),
        (r"(?:no open-bottom|including semileptonic)", r"\g<0>"),
    )
)  # fmt: skip
_ANY_CONDITION = re.compile("|".join(f"(?:{pattern.pattern})" for pattern, _ in _CONDITIONS))
_ABOUT_NAMES = re.compile(
    r"(?P<kind>via |no[ -]|non[- ]+|not |ex\. ?|excl\. ?|excluding |without |ignoring |including |in D0 → |one )(?=[A-Za-z])"
)
_KINDS = {
    "ex.": "ex",
    "excl.": "ex",
    "excluding": "ex",
    "no": "non",
    "no-": "non",
    "non-": "non",
    "without": "non",
}
# Limits on masses and energies: 'm(K+ K-) < 1.1 GeV', '675 < mass(mu mu) < 875 MeV', 'E_gamma > 10 MeV'.
_QUANTITY = r"(?:(?:m|mass|E|T|p)(?: ?\((?:[^()]|\([^()]{0,40}\)){1,40}\)| ?[_^*][A-Za-z*^]{1,20}+|\b)|q\^?(?:\*\*)?2)"
_NUMBER = r"(?:\d{1,20}+(?:\.\d{1,20}+)?|\.\d{1,20}+)(?: ?[kMG]?eV(?:/c)?(?:\^?2)?)?"
_LIMIT = re.compile(
    rf"(?:{_NUMBER} ?<=? ?{_QUANTITY}(?: ?<=? ?{_NUMBER})?|{_QUANTITY} ?[<>]=? ?{_NUMBER}|[a-zN] ?>= ?\d)"
)
_CHOICE = re.compile(r"(?:with )?[a-zN] ?= ?[a-z](?: ?(?:,|;|or) ?[a-z'=]{1,20}+){0,8}(?=[);]|$)[^)]*")
_POLARISED = re.compile(r"\((?:\(?(parallel|perp)\)?|0)\)")
_TIMES = re.compile(r"[x/] ?B\(")
_TAG = re.compile(r" ?\((D|D\^?\*|s|0|NR|\[[^()\]]{1,20}\] ?GeV)\)(\*{2,}[+\-0]{0,1}|\^?[*+\-0]{1,2})?")
_GROUP_SIGN = re.compile(r"(?:\+-|-\+|\+|-|0)(?![A-Za-z0-9])|[_^]0?\^?\*?(?:\(0\))?[\^*+\-0()]*")
_BRACKETS = {"(": ")", "[": "]"}
_TWO = re.compile(r"di-?(?P<one>muon|electron|photon|pion|kaon|tau|boson)s?(?![A-Za-z])")
_SHORT = re.compile("gamma|mu|tau|pi|eta|rho|phi|nu|[KDB]bar|[bctpq]bar|Lambda|[KDBWZHepbctglnqsud]")
# Families that sources name and the particle table does not have.
FAMILIES = {
    "lepton+": ("e+", "mu+"), "lepton-": ("e-", "mu-"), "lepton": ("e+", "e-", "mu+", "mu-"),
    "h+": ("K+", "pi+"), "h-": ("K-", "pi-"),
    "N": ("n", "p"), "Nbar": ("nbar", "pbar"), "nu": ("nu_e", "nu_mu", "nu_tau"), "nubar": ("nubar_e", "nubar_mu", "nubar_tau"),
    "neutrino": ("nu_e", "nu_mu", "nu_tau", "nubar_e", "nubar_mu", "nubar_tau"),
}  # fmt: skip
_ALIKE = {
    "l": "lepton", "l+": "lepton+", "l-": "lepton-", "l+-": "lepton", "l-+": "lepton", "lepton+-": "lepton", "lepton-+": "lepton",
    "ell": "lepton", "ell+": "lepton+", "ell-": "lepton-",
    "nulepton": "nu", "nul": "nu", "nuell": "nu", "nubarlepton": "nubar", "nubarl": "nubar", "nubarell": "nubar",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StateToken:
    """One piece of a final state: its kind, its place, and what it says."""

    kind: Kind
    start: int
    end: int
    label: str = ""
    names: tuple[str, ...] = ()
    count: int = 1
    inner: tuple[StateToken, ...] = ()


def read_tokens(text: str, start: int, end: int) -> list[StateToken]:
    """The tokens of `text[start:end]`, a plain text, up to the first that has no meaning in a final state.

    Words that only join ('and', a comma, a count) are dropped where nothing follows them.
    """
    found: list[StateToken] = []
    position = start
    while position < end:
        if space := _SPACE.match(text, position, end):
            position = space.end()
            continue
        read = next(_candidates(text, position, end, found), None)
        if read is None or (found and read[0].kind == found[-1].kind == "arrow"):
            break
        found += read
        position = read[-1].end
        if len(found) > _OF_TWO and found[-2].kind == "or" and _divides(found[-3], found[-1]):
            del found[-2:]
            break
    while found and found[-1].kind in {"join", "or", "comma", "count", "arrow"}:
        found.pop()
    return found


def _divides(one: StateToken, other: StateToken) -> bool:
    """'K+ K- / K- pi+', 'e nu / mu nu': where no product can be this or that, one decay is divided by another."""
    neutrinos = [all(name.startswith("nu") for name in token.names) for token in (one, other)]
    return bool(one.names) and (
        one.names == other.names or (neutrinos[0] != neutrinos[1] and bool(other.names))
    )


_OF_TWO = 2  # tokens ahead of the second of two alternatives


def _candidates(
    text: str, position: int, end: int, before: Sequence[StateToken]
) -> Iterator[list[StateToken]]:
    """What can be read at `position`, the likeliest first."""
    character = text[position]
    if character == "→":
        yield [StateToken("arrow", position, position + 1)]
    if character in ",;" and before:
        yield [StateToken("comma", position, position + 1)]
    if before and (tagged := _tag(text, position, end, before)):
        yield tagged
    if character in _BRACKETS and (bracketed := _bracket(text, position, end)):
        yield bracketed
    if condition := _condition(text, position, end):
        yield [condition]
    if count := _count(text, position, end):
        yield [count]
    apart = text.find(" / ", position, end)  # no name goes across it
    if character != "/" and (names := _names(text, position, end if apart < 0 else apart)):
        yield names
    if before and (word := _joining(text, position, end)):
        yield [word]


def _joining(text: str, position: int, end: int) -> StateToken | None:
    for kind, pattern in (("pair", _PAIR), ("join", _JOIN), ("or", _OR)):
        if match := pattern.match(text, position, end):
            label = "+" if match[0] == "+" else ""
            return StateToken(kind, position, match.end(), label)  # type: ignore[arg-type]
    return None


def _condition(text: str, position: int, end: int) -> StateToken | None:
    if times := _TIMES.match(text, position, end):
        close = _closing(text, times.end() - 1, end)
        if close is None:
            return None
        return StateToken("condition", position, close + 1, normal(text[position : close + 1]))
    for pattern, name in _CONDITIONS if _ANY_CONDITION.match(text, position, end) else ():
        if match := pattern.match(text, position, end):
            return StateToken("condition", position, match.end(), match.expand(name))
    for pattern in (_LIMIT, _CHOICE):
        if match := pattern.match(text, position, end):
            return StateToken("condition", position, match.end(), normal(match[0].replace("mass(", "m(")))
    if match := _ABOUT_NAMES.match(text, position, end):
        return _about_names(text, match, end)
    return None


def _about_names(text: str, match: re.Match[str], end: int) -> StateToken | None:
    """'ex. K0, omega', 'via Dbar0', 'non-phi', 'no rho0': the word and the names it speaks of, sorted."""
    tokens = read_tokens(text, match.end(), end)
    kind = match["kind"].strip()
    if kind == "one" and not any(t.kind == "arrow" for t in tokens):
        return None
    enclosed = text[match.start() - 1 : match.start()] in ("(", "[")
    if not enclosed and kind != "one":
        wide = kind == "via"
        names = [t for t in tokens if t.kind != "count"]
        tokens = names[
            : next((i for i, t in enumerate(names) if t.kind not in ("name", "or")), len(names))
            if wide
            else 1
        ]
        if len(names) > 2 and names[1].kind == "or":
            tokens = names[:3]
    if not tokens or tokens[0].kind not in ("name", "group", "condition"):
        return None
    label = _KINDS.get(kind, kind) + " " + normal_tokens(tokens)
    return StateToken("condition", match.start(), tokens[-1].end, label)


def _count(text: str, position: int, end: int) -> StateToken | None:
    if match := _COUNT.match(text, position, end):
        at_least = ">=" if match[0].startswith(">=") else ""
        return StateToken("count", position, match.end(), at_least, count=int(match["number"] or 1))
    if match := _PAIR_OF.match(text, position, end):
        return StateToken("count", position, match.end(), "pair", count=2)
    if match := _CHARGED.match(text, position, end):
        return StateToken("count", position, match.end()) if mention_at(text, match.end()) else None
    match = _NUMBER_WORD.match(text, position, end)
    if match is None or (match["word"] == "a" and text[match.end() : match.end() + 2] in ("q ", "q(")):
        return None
    return StateToken("count", position, match.end(), count=_NUMBERS[match["word"]])


def _names(text: str, position: int, end: int) -> list[StateToken] | None:
    """A particle, a symbol, an open product such as 'anything', or names without a space between them."""
    symbol = _symbol(text, position, end)
    mention = mention_at(text, position)
    if mention and mention.end <= end and (symbol is None or mention.end >= symbol.end):
        return [StateToken("name", position, mention.end, text[position : mention.end], mention.names)]
    if match := _OPEN_WORD.match(text, position, end):
        return [StateToken("name", position, match.end(), match[0])]
    if (two := _TWO.match(text, position, end)) and (one := mention_at(two["one"], 0)):
        token = StateToken("name", position, two.end(), two["one"], one.names)
        return [token, StateToken("pair", two.end(), two.end())]
    if glued := _glued(text, position, end):
        return glued
    if symbol:
        return [symbol]
    return None


def _symbol(text: str, position: int, end: int) -> StateToken | None:
    match = _SYMBOL.match(text, position, end)
    if match is None:
        return None
    label = _ALIKE.get(squeeze(match[0]), match[0])
    if label in FAMILIES:
        return StateToken("name", position, match.end(), label, FAMILIES[label])
    if not match["rest"] and match["base"] not in _BARE_SYMBOLS:
        return None
    if len(match["base"]) > 5 and match["base"].removesuffix("bar") not in _LONG_SYMBOLS:
        return None
    return StateToken("name", position, match.end(), label)


def _glued(text: str, position: int, end: int) -> list[StateToken] | None:
    """'mumu', 'KK', 'Kpi', 'pK-': short names written as one word, the last perhaps with its charge."""
    word = _GLUED.match(text, position, end)
    if word is None:
        return None
    parts = [m[0] for m in _SHORT.finditer(word["names"])]
    alike = len(set(parts)) == 1
    plain = not word["charge"]
    if len(parts) < 2 or "".join(parts) != word["names"]:
        return None
    if plain and not alike and all(len(p) == 1 and p.islower() for p in parts):  # an ordinary word, 'be'
        return None
    parts[-1] += word["charge"]
    names = particle_table().spellings.names
    found, place = [], position
    for number, part in enumerate(parts):
        label = _ALIKE.get(part, part)
        states = FAMILIES.get(label) or names.get(label) or ()
        if alike and plain and number % 2:  # 'bb' is a quark and an antiquark
            states = tuple(sorted({*states, *(particle_table().particles[n].conjugate for n in states)}))
        found.append(StateToken("name", place, place + len(part), part, states))
        place += len(part)
    return found


_GLUED = re.compile(
    r"(?P<names>[A-Za-z]{2,12})"
    r"(?P<charge>\+\+|--|\+-|-\+|\+|0(?=[ ),.;?]|$)|-(?![A-Za-z]{3,}(?<!mu)(?<!pi))|)(?![0-9_^'*(])(?(charge)|(?![A-Za-z]))"
)


# ---- brackets -------------------------------------------------------------------------------------


def _closing(text: str, opening: int, end: int) -> int | None:
    """Where the bracket opened at `opening` closes."""
    depth = 0
    for position in range(opening, end):
        depth += (text[position] in "([") - (text[position] in ")]")
        if depth == 0:
            return position
    return None


def _bracket(text: str, position: int, end: int) -> list[StateToken] | None:
    """A group with its tag ('(K- pi+)(S-wave)', '(5pi)-'), the products of a plain bracket, or conditions."""
    close = _closing(text, position, end)
    if close is None:
        return None
    inner = read_tokens(text, position + 1, close)
    if not inner or text[inner[-1].end : close].strip(" .;"):
        return None
    if all(token.kind in ("condition", "comma", "join") for token in inner):
        inner = [token for token in inner if token.kind == "condition"]
        return [*inner[:-1], StateToken("condition", inner[-1].start, close + 1, inner[-1].label)]
    return [StateToken("group", position, close + 1, "", inner=tuple(inner))]


def _tag(text: str, position: int, end: int, before: Sequence[StateToken]) -> list[StateToken] | None:
    """What a bracket just before says of itself: a new last token replaces it by following it."""
    last = before[-1]
    if last.kind != "group":
        if last.kind == "name" and last.end == position and (match := _POLARISED.match(text, position, end)):
            return [StateToken("condition", position, match.end(), f"polarisation={match[1] or 0}")]
        return None
    match = _TAG.match(text, position, end)
    if match:
        return [StateToken("condition", position, match.end(), "tag:" + squeeze(match[0]).replace("-", ""))]
    if last.end == position and (match := _GROUP_SIGN.match(text, position, end)):
        return [StateToken("condition", position, match.end(), "tag:" + squeeze(match[0]))]
    if text[position] == "(" and (inner := _bracket(text, position, end)) and inner[-1].kind == "condition":
        return [StateToken("condition", position, inner[-1].end, "tag:" + ",".join(t.label for t in inner))]
    if match := re.compile(r"([SPDF])[- ]?wave\b").match(text, position, end):
        return [StateToken("condition", position, match.end(), f"tag:{match[1]}-wave")]
    return None


# ---- names for what was read ----------------------------------------------------------------------


@functools.lru_cache(maxsize=4096)
def title(names: tuple[str, ...]) -> str:
    """One name for a set of states: its only member, its family ('K^*(892)', 'pi+-', 'lepton+'), or all with '|'."""
    if len(names) == 1:
        return names[0]
    wanted = tuple(sorted(names))
    for family, members in FAMILIES.items():
        if members == wanted:
            return family
    table = particle_table()
    for name in sorted(names, key=lambda n: (table.particles[n].is_antiparticle, len(n), n)):
        bare = name.rstrip("+-0") if not name.endswith("_0") else name
        for family in (bare + "+-", bare, _BARE_BAR.sub(r"\1bar", bare), bare + "0"):
            if not family.endswith("bar+-") and states(family) == wanted:
                return family
    return "|".join(wanted)


_BARE_BAR = re.compile(r"^([A-Za-z]+)(?<!bar)")


@functools.lru_cache(maxsize=8192)
def states(label: str) -> tuple[str, ...]:
    """The PDG names that one product of a stored channel can mean; () for a literal such as 'anything'."""
    table = particle_table()
    if label in table.particles:
        return (label,)
    if label in FAMILIES:
        return FAMILIES[label]
    if "|" in label:
        return tuple(sorted(label.split("|")))
    found = mention_at(label, 0)
    return tuple(sorted(found.names)) if found and found.end == len(label) else ()


def meaning(token: StateToken) -> tuple[str, ...]:
    """What a product can mean: PDG names, or one literal in the form in which literals are compared."""
    if token.names:
        return tuple(sorted(token.names))
    squeezed = "(*)".join(squeeze(part) for part in token.label.split("(*)"))  # 'D^(*)' is D or D^*
    literal = _OPEN.get(token.label) or squeezed
    return states(literal) or (literal,)


def product_title(token: StateToken) -> str:
    """The name under which a product is stored and compared."""
    means = meaning(token)
    return title(means) if means[0] in particle_table().particles else means[0]


def normal(text: str) -> str:
    """A text with its particle names in one spelling and without spaces, to compare conditions."""
    parts, position = [], 0
    while position < len(text):
        mention = mention_at(text, position) if text[position].isalpha() else None
        if mention:
            parts.append(title(tuple(sorted(mention.names))))
            position = mention.end
        else:
            parts.append(text[position])
            position += 1
    return re.sub(r"[\s^_{}]|\(\)|\*\*", "", "".join(parts))


def normal_tokens(tokens: Iterable[StateToken]) -> str:
    """The products of `tokens`, sorted, with what else they hold, as one text."""
    names: list[str] = []
    rest: list[str] = []
    for token in tokens:
        if token.kind == "name":
            names.append(product_title(token))
        elif token.kind == "group":
            names.append("(" + normal_tokens(token.inner) + ")")
        elif token.kind == "count" and (token.count > 1 or token.label):
            names.append(f"{token.label}{token.count}")
        elif token.kind in ("condition", "arrow"):
            rest.append(token.label or "→")
    return " ".join([*sorted(names), *rest])
