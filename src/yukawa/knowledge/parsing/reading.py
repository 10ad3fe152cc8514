"""A question as it is read: its plain spelling, sentences and mended slips, and the plan that goals make of it."""

import functools
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from yukawa.knowledge.parsing.checks import impossible
from yukawa.knowledge.parsing.clauses import Clause, sentences
from yukawa.knowledge.parsing.coverage import unread
from yukawa.knowledge.parsing.final_state import read_tokens
from yukawa.knowledge.parsing.lexicon import language_of, lexicon, names_in
from yukawa.knowledge.parsing.particles import find_particles
from yukawa.knowledge.parsing.plan import Amount, Filter, Goal, Plan, Span, Thing, Wanted
from yukawa.knowledge.parsing.shares import shares
from yukawa.knowledge.parsing.spelling import plain_ascii
from yukawa.knowledge.parsing.tokens import SourceText, Token, source, tokenise
from yukawa.knowledge.parsing.typos import corrections, is_content, unknown_words, unlikeliness
from yukawa.knowledge.parsing.units import find_unit


@dataclass(frozen=True)
class ReadQuestion:
    """A question cut into sentences.

    Args:
        question: as asked.
        language: 'en', 'zh', 'de', 'fr', 'ja'.
        read: its plain spelling and where that comes from.
        clauses: its sentences; rules mark in them what they use.
        suggestions: (written, meant) of the slips that were mended.
        talk: 'command' or 'small-talk' where it asks for nothing, else ''.
        doubt: how unlikely it is that its slips were meant so; 0 where there are none.
    """

    question: str
    language: str
    read: SourceText
    clauses: tuple[Clause, ...]
    suggestions: tuple[tuple[str, str], ...]
    talk: str
    doubt: int = 0

    def plan(self, goals: Sequence[Goal]) -> Plan:
        """The plan of these goals, with the words that none of them uses and that may change the answer."""
        open_parts = [c for c in self.clauses if goals and c.asks and not c.used]
        open_parts += [
            c for c in self.clauses if goals and c not in open_parts and _explains_only(c, self.clauses)
        ]
        clauses = [c for c in self.clauses if c not in open_parts]
        explains = [t for c in clauses if not c.states for t in c.tokens if t.kind == "explain"]
        left = unread(clauses)
        left += [t for t in explains if t not in left]
        kind = "explanation" if explains else "facts" if goals or _names_facts(self.clauses) else "document"
        placed = tuple(_placed(goal, self.read.span) for goal in goals)
        words = _unread(self.question, self.read, left)
        unanswered = tuple(
            self.question[slice(*self.read.span(c.tokens[0].start, c.tokens[-1].end))] for c in open_parts
        )
        return Plan(
            self.question, placed, words, self.suggestions, impossible(goals), kind, self.language, unanswered
        )  # fmt: skip


def _explains_only(clause: Clause, clauses: Sequence[Clause]) -> bool:
    """'Why do I see a negative number for it?? What is the listed value': a question for reasons beside one for a value."""
    first = next((t for t in clause.tokens if t.kind not in ("mark", "function")), None)
    why = (
        first is not None
        and first.kind == "explain"
        and first.text.lower() in ("why", "how come", "warum", "pourquoi")
    )
    rest = [
        c for c in clauses if c is not clause and c.used and not any(t.kind == "explain" for t in c.tokens)
    ]
    return why and not clause.states and any(c.has_question_word or c.contains(_WANTING) for c in rest)


_WANTING = frozenset("what's whats give value".split())


def read_question(question: str) -> ReadQuestion:
    """Cut `question` into sentences of typed tokens, slips taken for what they are likeliest to be."""
    return next(read_questions(question))


def read_questions(question: str) -> Iterator[ReadQuestion]:
    """`question` cut into sentences of typed tokens, once for each of a few ways in which its slips can be meant."""
    language = language_of(question)
    space = (
        " " if language in ("zh", "ja") else ""
    )  # an English name is not read right behind their characters
    names = [(start, end, space + english) for start, end, english in names_in(question, language)]
    said = _neutrinos(question)
    # The dot between Japanese words is a blank: 'ラムダ・バリオン'.
    dots = [(i, i + 1, " ") for i, sign in enumerate(question) if sign == "・"]
    operators = [e for e in _operators(question) if not any(s <= e[0] < t for s, t, _ in said)]
    edits = [
        *names,
        *(dot for dot in dots if not any(s <= dot[0] < t for s, t, _ in names)),
        *operators,
        *said,
        *_blanks(question),
        *_labels(question),
        *_tags(question),
        *_glued(question),
        *_about(question),
        *_ranks(question),
        *shares(question),
    ]
    edits += _compounds(question) if language == "de" else ()
    edits += [
        edit for edit in _shouted(question) if not any(s < edit[1] and edit[0] < e for s, e, _ in edits)
    ]
    read = source(question, edits)
    tokens = tokenise(read.plain, language)
    unknown = unknown_words(tokens)
    found = corrections([t.text for t in unknown], language)
    for chosen in itertools.islice(itertools.product(*found.values()), _WAYS):
        meant = dict(zip(found, chosen, strict=True))
        if meant:
            slips = [(*read.span(t.start, t.end), meant[t.text]) for t in unknown if t.text in meant]
            mended = source(question, [*edits, *slips])
            yield _cut(question, language, mended, tokenise(mended.plain, language), meant)
        else:
            yield _cut(question, language, read, tokens, {})


def _neutrinos(question: str) -> list[tuple[int, int, str]]:
    """'To an electron and how often to a muon (plus neutrinos)': said behind all decays it is said of each."""
    said = _EACH_WITH.search(question)
    if said is None:
        return []
    products = list(_SINGLE_LEPTON.finditer(question, 0, said.start()))
    return (
        [*((m.end(), m.end(), " plus neutrinos") for m in products), (*said.span(), "")] if products else []
    )


_ISH = re.compile(r"(?<=\d)-?ish\b")


def _about(question: str) -> Iterator[tuple[int, int, str]]:
    """'3-ish MeV': a number that is not meant exactly."""
    yield from ((*match.span(), "") for match in _ISH.finditer(question))


_RANK = re.compile(
    r"\b(?:second|third|fourth|fifth)(?P<hyphen>-)(?=(?:most|least|\w{2,20}est)\b)", re.IGNORECASE
)


def _ranks(question: str) -> Iterator[tuple[int, int, str]]:
    """'Third-largest' is two words."""
    yield from ((*match.span("hyphen"), " ") for match in _RANK.finditer(question))


_TIGHT = re.compile(r"(?<![\w/^_→>(-])(?=\w*[0+-]?[A-Za-z])[A-Za-z][A-Za-z0-9+-]{2,20}(?![\w/^_(])")


def _glued(question: str) -> Iterator[tuple[int, int, str]]:
    """'pi0pi0', 'B0B0bar': names that nothing parts."""
    for match in _TIGHT.finditer(question):
        if not _SIGNED.search(match[0]) or _is_name(match[0]):
            continue
        parts = read_tokens(match[0], 0, len(match[0]))
        whole = (
            len(parts) > 1
            and parts[-1].end == len(match[0])
            and all(p.kind == "name" and _is_name(match[0][p.start : p.end]) for p in parts)
        )
        yield from (
            (match.start() + p.start, match.start() + p.start, " ") for p in (parts[1:] if whole else ())
        )


def _is_name(text: str) -> bool:
    return any((m.start, m.end) == (0, len(text)) for m in find_particles(text))


_SIGNED = re.compile(r"[0+-][A-Za-z]")
_EACH_WITH = re.compile(
    r"(?<!\s)\s*\((?:each |both |always )?(?:plus|with|and)(?: the| two| their| respective)*\s+neutrinos?(?: each)?\)"
)
_SINGLE_LEPTON = re.compile(
    r"\b(?:in)?to (?:an? |the )?(?:electrons?|muons?|e|mu)\b(?! ?(?:plus|with|[-+]|(?:and )?(?:an? |the |two |its )?(?:anti)?neutrino))"
)
_WORD = re.compile(r"(?<![\w^_\\])[A-Za-z]{2,}(?![\w^_+*(])")
# In capitals it cannot be seen which particle they name.
_TWO_CASES = frozenset("OMEGA SIGMA LAMBDA DELTA XI PHI PSI UPSILON GAMMA".split())


def _shouted(question: str) -> list[tuple[int, int, str]]:
    """The words of a question typed in capitals, in lower case."""
    words = list(_WORD.finditer(question))
    loud = [m for m in words if m[0].isupper()]
    if len(loud) < _LOUD or 3 * len(loud) < 2 * len(words):
        return []
    return [(m.start(), m.end(), m[0].lower()) for m in loud if m[0] not in _TWO_CASES]


_LOUD = 3  # words in capitals
_WAYS = 8  # of meaning the slips of a question


def _cut(
    question: str, language: str, read: SourceText, tokens: list[Token], meant: Mapping[str, str]
) -> ReadQuestion:
    clauses = tuple(sentences(read.plain, tokens, language))
    suggestions = tuple((written, right) for written, right in meant.items() if is_content(right, language))
    doubt = sum(unlikeliness(written.lower(), right) for written, right in meant.items())
    return ReadQuestion(question, language, read, clauses, suggestions, _talk(question, tokens), doubt)


def placeless(goal: Goal) -> Goal:
    """The goal without its places, which are those of another question."""
    return _placed(goal, lambda start, end: (0, 0))


_COMMAND = re.compile(r"\s*/[A-Za-z?]\w{0,30}(?:\s|$)")
_FACTS = frozenset(
    {"thing", "property", "class", "constant", "channel", "identifier", "code", "difference-of", "measured"}
)
_SERIOUS = _FACTS | {"explain", "word", "unit", "amount"}


def _talk(question: str, tokens: Sequence[Token]) -> str:
    """'command' for '/help', 'small-talk' for thanks and greetings that ask nothing; else ''."""
    if _COMMAND.match(question):
        return "command"
    talks = any(t.kind == "talk" or ("talk", None) in t.otherwise for t in tokens)
    serious = any(t.kind in _SERIOUS for t in tokens)
    return "small-talk" if talks and not serious else ""


def _names_facts(clauses: Sequence[Clause]) -> bool:
    """Whether anything in the question is such as facts are about."""
    return any(t.kind in _FACTS for c in clauses for t in c.tokens)


def _compounds(question: str) -> Iterator[tuple[int, int, str]]:
    """'Protonenmasse', 'Tauzerfall', 'Quarkmassen': a German noun of a thing and what is asked of it are read apart."""
    things, nouns = _parts_of_compounds()
    for match in _GERMAN_WORD.finditer(question):
        word = plain_ascii(match[0]).lower()
        tail = next((noun for noun in nouns if word.endswith(noun)), "")
        head = word.removesuffix(tail)
        if tail and any(_is_thing(head.removesuffix(joint), things) for joint in ("", "s", "en")):
            place = match.end() - len(tail)
            yield place, place, " "


_GERMAN_WORD = re.compile(r"(?<![\w-])[^\W\d_]{7,}(?!\w)")


@functools.lru_cache(maxsize=1)
def _parts_of_compounds() -> tuple[frozenset[str], tuple[str, ...]]:
    """The German words for kinds of things, and for what is asked of them, the longest first."""
    single = [(kind, phrase) for kind, _, phrase in lexicon("de").entries if phrase.isalpha()]
    nouns = {p for kind, p in single if kind in ("property", "difference-of") and len(p) > _SHORT}
    return frozenset(p for kind, p in single if kind == "class"), tuple(sorted(nouns, key=len, reverse=True))


_SHORT = 3  # letters


def _is_thing(word: str, things: frozenset[str]) -> bool:
    return word in things or any((m.start, m.end) == (0, len(word)) for m in find_particles(word))


_BLANK = re.compile(
    r"(?P<ahead>^\s*(?:the |an? )?)?(?:_{2,}|\.{4,}|…|\[\s+\]|\(\s+\)|\(\s*\?\s*\))(?= ?(?P<unit>[^\W\d_][^\s.?!;,]{0,60})?)",
    re.IGNORECASE,
)


def _blanks(question: str) -> Iterator[tuple[int, int, str]]:
    """'The lifetime of the neutron is about ___ s': a gap marks what is asked, in the unit behind it."""
    for match in _BLANK.finditer(question):
        if match["ahead"] is not None:
            yield (*match.span(), "which particle")
        else:
            if lives := _LIVES.search(question, 0, match.start()):
                yield (*lives.span(), " has a lifetime of ")
            unit = bool(match["unit"]) and find_unit(match["unit"]) is not None
            yield (*match.span(), "in" if unit else "what")


_LIVES = re.compile(
    r"\s(?:lives?|lasts?|survives?)(?: for)?(?= (?:about |around |approximately |roughly |some )?$)",
    re.IGNORECASE,
)
_LABEL = re.compile(r"(?P<before>^|[?.]?[\s,;:])\(?(?P<mark>[a-fA-F]|[1-6])[).:](?=\s)")
_ASKS = re.compile(
    r"(?<!\s)\s*(?:what|which|how|who|why|when|where|is|are|does|do|find|give|calculate|compute|list|name|state)\b",
    re.IGNORECASE,
)
_LABELS = ("abcdef", "ABCDEF", "123456")


def _labels(question: str) -> Iterator[tuple[int, int, str]]:
    """'Which is the heaviest: (a) e (b) mu (c) tau?': the letters that number choices, read as 'or'."""
    labels = list(_LABEL.finditer(question))
    for row in _LABELS:
        found = [match for match in labels if match["mark"] in row]
        if len(found) < 2 or not row.startswith("".join(match["mark"] for match in found)):
            continue
        if any(_ASKS.match(question, match.end()) for match in found):  # parts of an exercise
            yield from ((match.end("before"), match.end(), "") for match in found)
        else:
            yield from ((*match.span(), " or " if i else ": ") for i, match in enumerate(found))
        return


_TAG = re.compile(
    r"(?:[.;]\s*is (?:that|this|it) (?:really )?(?:right|correct|true)"
    r"|,\s*(?:(?:is that )?(?:right|correct|true)|[a-z]{2,5}n['’]?t (?:it|they)|am I right|or not))\s*\?+\s*$", re.IGNORECASE,
)  # fmt: skip
_SENTENCE = re.compile(r"(?:.*[.?!;]\s+)?", re.DOTALL)


def _tags(question: str) -> Iterator[tuple[int, int, str]]:
    """'The pi0 decays to two photons, doesn't it?': a statement of which a verdict is wanted."""
    if tag := _TAG.search(question):
        start = _SENTENCE.match(question, 0, tag.start())
        assert start is not None  # noqa: S101  # it matches nothing at all, too
        if not question[start.end() :].lower().startswith(tuple(_ASKING)):
            yield start.end(), start.end(), "true or false: "
            yield *tag.span(), "."


_ASKING = (
    "is ",
    "are ",
    "does ",
    "do ",
    "has ",
    "have ",
    "was ",
    "can ",
    "true",
    "what",
    "which",
    "how",
    "who",
)
_OPERATOR = re.compile(r"(?<=\S\s)(?P<word>plus|minus)\b(?=\s+(?P<next>\S[^?.!;]{0,40}))", re.IGNORECASE)
_CHARGE_OF = re.compile(
    r"(?:lifetime|mass|width|decay|life|charge|spin|baryon|hyperon|meson|boson|and|or|to|is|live|have)\b|\W",
    re.IGNORECASE,
)


def _operators(question: str) -> list[tuple[int, int, str]]:
    """'Plus' and 'minus' between quantities, where they are not charges: 'the mass of the tau minus that of the muon'."""
    found = []
    for match in _OPERATOR.finditer(question):
        quantity = _QUANTITY.match(match["next"])
        if _CHARGE_OF.match(match["next"]) and not quantity:
            continue
        words = _STATE.sub("", match["next"]).split() or [""]
        word, french = match["word"].lower(), _compared().match(plain_ascii(match["next"]))
        named = words[0].lower() in _NEXT
        if _DECAYS.search(question) and not quantity:  # here it is a charge, or joins products
            joins = word == "plus" and not _charged(question[: match.start()].split()[-1])
            if not named and joins and find_particles(plain_ascii(words[0])):
                found.append((*match.span("word"), "and"))
            continue
        if quantity or named or french or find_particles(plain_ascii(words[0])):
            added = _MORE.strip() if french else "added to"
            found.append((*match.span("word"), added if word == "plus" else "reduced by"))
    return found


def _charged(name: str) -> bool:
    """Whether there is a state of positive charge by this name."""
    plain = plain_ascii(name) + "+"
    return any(m.end == len(plain) for m in find_particles(plain))


_DECAYS = re.compile(r"→|->|\\to\b|\bdecays?\b|\binto\b|branching|\bBR\b|\bfraction\b", re.IGNORECASE)
_NEXT = frozenset(
    "the a an that its mass twice half two three four 2 3 4 der die das dem des le la les un une l'".split()
)
_QUANTITY = re.compile(
    r"(?:the |that |its )?(?:(?:BR|BF|Br|B|m|M|Γ)\s?[([]|(?:branching|mass(?:es)? of|width of|lifetime of)\b)|that\b"
    r"|(?:der |die |la |le )?(?:[Mm]asse|[Bb]reite|[Ll]ebensdauer|largeur|durée de vie) (?:des|der|vom|von|du|de)\b"
)
_STATE = re.compile(
    r"(?:(?:neutral|charged|positive|negative|positively|negatively|anti)\s+)+", re.IGNORECASE
)
_MORE = "davantage "  # what French compares with is written with this word in the lexicon: 'plus' also adds


@functools.lru_cache(maxsize=1)
def _compared() -> re.Pattern[str]:
    """The French words that 'plus' compares with."""
    said = (phrase.partition(_MORE)[2] for _, _, phrase in lexicon("fr").entries if _MORE in phrase)
    return re.compile(rf"(?:{'|'.join(sorted({words.split()[0] for words in said}))})(?!\w)", re.IGNORECASE)


# ---- places in the question ----------------------------------------------------------------------


def _unread(question: str, read: SourceText, tokens: Sequence[Token]) -> tuple[tuple[str, Span], ...]:
    """The words of unread tokens as the question writes them, neighbours together."""
    spans: list[Span] = []
    for token in sorted(tokens, key=lambda t: t.start):
        start, end = read.span(token.start, token.end)
        if spans and not question[spans[-1][1] : start].strip():
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return tuple((question[start:end], (start, end)) for start, end in spans)


def _placed(goal: Goal, move: Callable[[int, int], Span]) -> Goal:
    """The goal with all its places moved."""

    def place(span: Span) -> Span:
        return move(*span) if span[1] > span[0] else (0, 0)

    def thing(found: Thing) -> Thing:
        return replace(found, span=place(found.span))

    def wanted(found: Wanted) -> Wanted:
        channel = replace(found.channel, span=place(found.channel.span)) if found.channel else None
        return replace(
            found, thing=thing(found.thing), channel=channel, other=thing(found.other) if found.other else None,
            spans=tuple(place(s) for s in found.spans),
        )  # fmt: skip

    def amount(found: Amount) -> Amount:
        return replace(found, span=place(found.span))

    def threshold(found: Filter) -> Filter:
        """The condition with its place in the question as it was typed."""
        limit = found.amount
        moved = (
            amount(limit)
            if isinstance(limit, Amount)
            else wanted(limit)
            if isinstance(limit, Wanted)
            else limit
        )
        return replace(found, amount=moved, span=place(found.span))

    return replace(
        goal, operands=tuple(wanted(w) for w in goal.operands), filters=tuple(threshold(f) for f in goal.filters),
        asserted=amount(goal.asserted) if isinstance(goal.asserted, Amount) else goal.asserted, spans=tuple(place(s) for s in goal.spans),
        per=wanted(goal.per) if goal.per else None,
    )  # fmt: skip
