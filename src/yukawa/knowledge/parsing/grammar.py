"""Reads a question into a typed plan, or says which of its words it cannot use."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from yukawa.knowledge.parsing.checks import fits, impossible, unreadable
from yukawa.knowledge.parsing.clauses import Clause, Context, sentences
from yukawa.knowledge.parsing.coverage import unread
from yukawa.knowledge.parsing.lexicon import language_of, names_in
from yukawa.knowledge.parsing.particles import find_particles
from yukawa.knowledge.parsing.plan import Amount, Filter, Goal, Plan, Span, Thing, Wanted
from yukawa.knowledge.parsing.rules import goals_of
from yukawa.knowledge.parsing.spelling import plain_ascii
from yukawa.knowledge.parsing.tokens import Source, Token, source, tokenise
from yukawa.knowledge.parsing.typos import corrections, is_content, unknown_words
from yukawa.knowledge.parsing.wanted import Contradiction, only_named


def plan(question: str, history: Sequence[Plan] = ()) -> Plan:
    """The plan of a question.

    Args:
        question: as asked, in any notation.
        history: plans of the questions before, the latest last: 'and its width?', 'in GeV?' refer to them.

    Returns:
        A plan; only a `complete` one may be executed. Its `unread` or `problem` says what stands in the way.
    """
    if problem := unreadable(question):
        return Plan(question, problem=problem)
    language = language_of(question)
    read, tokens, suggestions = _read(question, language)
    clauses = list(sentences(read.plain, tokens, language))
    if kind := _talk(question, tokens):
        return Plan(question, kind=kind, language=language)
    context = Context([_placed(g, _nowhere) for p in history[-1:] for g in p.goals])
    try:
        goals = _goals(clauses, context)
    except Contradiction as error:
        return Plan(question, problem=f"two kinds of value are wanted at once: {error}", language=language)
    explains = [t for c in clauses for t in c.tokens if t.kind == "explain"]
    left = unread(clauses)
    left += [t for t in explains if t not in left]
    kind = "explanation" if explains else "facts" if goals or _names_facts(clauses) else "document"
    placed = tuple(_placed(g, read.span) for g in goals)
    return Plan(
        question, placed, _unread(question, read, left), suggestions, impossible(goals), kind, language
    )


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


def _read(question: str, language: str) -> tuple[Source, list[Token], tuple[tuple[str, str], ...]]:
    """The question as it is read, its tokens, and the slips that were mended."""
    edits = list(names_in(question, language))
    edits += _operators(question)
    read = source(question, edits)
    tokens = tokenise(read.plain, language)
    if language != "en":
        return read, tokens, ()
    unknown = unknown_words(tokens)
    meant = corrections([t.text for t in unknown])
    if not meant:
        return read, tokens, ()
    for token in unknown:
        if token.text in meant:
            edits.append((*read.span(token.start, token.end), meant[token.text]))
    read = source(question, edits)
    suggestions = tuple((written, right) for written, right in meant.items() if is_content(right))
    return read, tokenise(read.plain, language), suggestions


def _goals(clauses: Sequence[Clause], context: Context) -> list[Goal]:
    goals: list[Goal] = []
    named: list[tuple[Clause, list[Wanted]]] = []
    for clause in clauses:
        known = Context(goals or context.goals, bool(goals), [w for _, wanted in named for w in wanted])
        _sets_aside(clause, goals)
        found = [] if clause.used else _in_unit(clause, known, goals)
        if not found and not goals and (things := only_named(clause)):
            named.append((clause, things))
        elif found and not goals:
            _use_named(named, found)
        if known.replaced and goals:
            goals.pop()
        goals += [goal for goal in found if not any(_same(goal, other) for other in goals)]
    return goals


def _sets_aside(clause: Clause, goals: Sequence[Goal]) -> None:
    """Use up a sentence that only says which kind of value is not meant: 'not the pole mass'."""
    negations, qualifiers = clause.places("negation"), clause.places("qualifier")
    if len(negations) != 1 or not qualifiers or clause.has("thing", "channel", "amount"):
        return
    said = [clause.tokens[i].value for i in qualifiers]
    wanted = [w.qualifiers for g in goals for w in g.operands]
    if all(any(q.get(key, value) != value for q in wanted) for key, value in said):
        clause.use(*negations, *qualifiers, *clause.places("property"))


def _in_unit(clause: Clause, context: Context, goals: list[Goal]) -> list[Goal]:
    """The goals of a sentence, in the unit that it names; a unit alone is that of the goal before."""
    units = clause.places("unit")
    unit = clause.tokens[units[0]].value if len(units) == 1 else ""
    found = goals_of(clause, context)
    if not unit:
        return found
    if found:
        clause.use(*units)
        fitting = [g for g in found if fits(g, unit)]  # 'the width in eV' beside a lifetime
        return [replace(g, unit=unit) if g in fitting or not fitting else g for g in found]
    if not clause.essential[1:] and context.goals:
        clause.use(*units)
        if not goals:
            return [replace(context.goals[-1], unit=unit)]
        goals[-1] = replace(goals[-1], unit=unit)
    return []


def _use_named(named: Sequence[tuple[Clause, list[Wanted]]], goals: Sequence[Goal]) -> None:
    """Mark the things of earlier sentences that a goal is about, with what qualifies them there."""
    wanted = {w.thing.span for g in goals for w in g.operands}
    for clause, things in named:
        if any(w.thing.span in wanted for w in things):
            clause.use(*[i for i, t in enumerate(clause.tokens) if t.kind in ("thing", "code", "qualifier")])


def _same(goal: Goal, other: Goal) -> bool:
    """Whether two goals want the same, said twice."""

    def key(g: Goal) -> object:
        wanted = [
            (
                w.thing.names,
                w.property,
                w.channel and w.channel.products,
                dict(w.qualifiers),
                w.other and w.other.names,
                w.name,
                w.factor,
            )
            for w in g.operands
        ]
        return (
            g.operation,
            wanted,
            g.order,
            g.unit,
            g.relation,
            g.asserted and str(g.asserted),
            len(g.filters),
        )

    return key(goal) == key(other)


_OPERATOR = re.compile(r"(?<=\S\s)(?P<word>plus|minus)\b(?=\s+(?P<next>\S[^?.!;]{0,40}))", re.IGNORECASE)
_CHARGE_OF = re.compile(
    r"(?:lifetime|mass|width|decay|life|charge|spin|baryon|hyperon|meson|boson|and|or|to|is|live|have)\b|\W",
    re.IGNORECASE,
)


def _operators(question: str) -> list[tuple[int, int, str]]:
    """'Plus' and 'minus' between quantities, where they are not charges: 'the mass of the tau minus that of the muon'."""
    found = []
    for match in _OPERATOR.finditer(question):
        if _CHARGE_OF.match(match["next"]) and not re.match("mass(es)? of", match["next"]):
            continue
        words = match["next"].split()
        word, french = match["word"].lower(), _FRENCH.match(match["next"])
        named = words[0].lower() in _NEXT
        if _DECAYS.search(question):  # here it is a charge, or joins products
            joins = word == "plus" and not _charged(question[: match.start()].split()[-1])
            if not named and joins and find_particles(plain_ascii(words[0])):
                found.append((*match.span("word"), "and"))
            continue
        if named or french or find_particles(plain_ascii(words[0])):
            added = "davantage" if french else "added to"
            found.append((*match.span("word"), added if word == "plus" else "reduced by"))
    return found


def _charged(name: str) -> bool:
    """Whether there is a state of positive charge by this name."""
    plain = plain_ascii(name) + "+"
    return any(m.end == len(plain) for m in find_particles(plain))


_DECAYS = re.compile(r"→|->|\\to\b|\bdecays?\b|\binto\b|branching|\bBR\b|\bfraction\b", re.IGNORECASE)
_NEXT = frozenset("the a an that its mass der die das dem des le la les un une l'".split())
_FRENCH = re.compile(
    r"(?:lour|massi|légè|lege|large|étroi|etroi|grand|petit|longtemps|élev|stable|cour|long)"
)


# ---- places in the question ----------------------------------------------------------------------


def _unread(question: str, read: Source, tokens: Sequence[Token]) -> tuple[tuple[str, Span], ...]:
    """The words of unread tokens as the question writes them, neighbours together."""
    spans: list[Span] = []
    for token in sorted(tokens, key=lambda t: t.start):
        start, end = read.span(token.start, token.end)
        if spans and not question[spans[-1][1] : start].strip():
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return tuple((question[start:end], (start, end)) for start, end in spans)


def _nowhere(start: int, end: int) -> Span:
    return 0, 0


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
    )  # fmt: skip
