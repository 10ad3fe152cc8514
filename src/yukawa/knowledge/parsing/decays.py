"""Finds decays in a question: who decays, into what, and the words that say so."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from yukawa.knowledge.parsing.channels import pair_condition, read_channel
from yukawa.knowledge.parsing.modes import charge_problem
from yukawa.knowledge.parsing.particles import Mention, find_particles
from yukawa.knowledge.parsing.plan import Channel, Span, Thing
from yukawa.knowledge.parsing.spelling import SENTENCE_END, Spelled, spell

LONGEST_PROSE = 2_000  # characters
# What comes between the decaying particle and its products, the particle names masked by '¤'.
_ARROW = re.compile(r"→")
_TO = re.compile(
    r"\b(?:(?:in)?to|via|in|as|en|au|vers|nach|zu|verso) (?=\S)|(?<![A-Za-z])(?:到|至|为|為|成|产生) ?",
    re.IGNORECASE,
)
# Japanese names the products before the verb: 'Zのe+e-への崩壊', 'ZがμμにΔ崩壊する'.
_BEFORE_VERB = re.compile(r"[のがは] ?(?=[^。?？]{1,80}(?:への?|に) ?崩壊)")
_SPEAKS_OF_DECAYS = re.compile(
    r"\b(?:decay|disintegrat|branching|zerf(?:a|ae)ll|zerleg|desint|desintegr|decad|decai|decae|goes?\b|going\b|went\b|turns?\b|turning"
    r"|ends? up|ending up|becom|annihilat|transition|uebergang|ubergang|transform|convert|break|fraction\b|mode|channel|kanal|canal)"
    r"|衰变|衰變|崩壊|分支比|分岐比",
    re.IGNORECASE,
)
_AFTER_PRODUCTS = re.compile(r" ?(?:への?|に) ?崩壊(?:する)?")
# What may precede an arrow where the question looks for the decaying particle.
_SOUGHT = re.compile(
    r"(?:^|what|which|who|whatever|that|particles?|mesons?|baryons?|hadrons?|states?|\?)[\s(:]*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Decay:
    """A decay as a question names it.

    Args:
        subject: what decays; None where the question looks for it ('which particles decay to mu+ mu-').
        channel: the final state; its span is in the question.
        span: the characters from the word or arrow that joins both to the end of the products.
        explicit: whether an arrow or a word for decays says that this is one; a mere 'to' between particles may compare them.
        problem: why it cannot be, such as a charge that is not conserved; '' if nothing is wrong.
    """

    subject: Thing | None
    channel: Channel
    span: Span
    explicit: bool
    problem: str = ""


def find_decays(text: str) -> list[Decay]:
    """The decays that `text` (a question in any notation and language read here) names, in order.

    In a text longer than `LONGEST_PROSE`, which is neither a question nor a sentence, none are looked for.
    """
    if len(text) > LONGEST_PROSE:
        return []
    spelled = spell(text)
    plain = spelled.plain
    mentions = find_particles(plain)
    masked = _masked(plain, mentions)
    found: list[Decay] = []
    done = 0
    for start, end, explicit in _joints(masked):
        if start < done or not _may_follow(masked, start, explicit):
            continue
        limit = _limit(plain, end)
        channel, last = read_channel(plain, end, limit)
        if not channel.products and not channel.conditions:
            continue
        if tail := _AFTER_PRODUCTS.match(plain, last):
            last = tail.end()
        subject = _subject(mentions, start, done)
        if subject is None and not explicit:
            continue
        problem = _arrow_problem(plain, masked, mentions, start) if masked[start] == "→" else ""
        found.append(_decay(text, spelled, subject, channel, (start, last), explicit, problem))
        done = last
    return found


def _masked(plain: str, mentions: Sequence[Mention]) -> str:
    characters = list(plain)
    for mention in mentions:
        characters[mention.start : mention.end] = "¤" * (mention.end - mention.start)
    return "".join(characters)


def _joints(masked: str) -> list[tuple[int, int, bool]]:
    """Where products may begin: (start and end of the arrow or word, whether it surely speaks of a decay)."""
    speaks = _SPEAKS_OF_DECAYS.search(masked) is not None
    found = [(m.start(), m.end(), True) for m in _ARROW.finditer(masked)]
    if not found:
        found = [(m.start(), m.end(), speaks) for m in _TO.finditer(masked)]
    found += [(m.start(), m.end(), True) for m in _BEFORE_VERB.finditer(masked)]
    return sorted(found)


def _may_follow(masked: str, start: int, explicit: bool) -> bool:
    """A mere 'to' joins a decay only just after the name of a particle."""
    return explicit or masked[:start].rstrip().endswith("¤")


def _limit(plain: str, start: int) -> int:
    end = SENTENCE_END.search(plain, start)
    return end.start() if end else len(plain)


def _subject(mentions: Sequence[Mention], before: int, after: int) -> Mention | None:
    return next((m for m in reversed(mentions) if after <= m.start and m.end <= before), None)


def _arrow_problem(plain: str, masked: str, mentions: Sequence[Mention], start: int) -> str:
    """Why what is just before an arrow does not decay: no known name, or two particles that react."""
    before = masked[:start].rstrip()
    if not before.endswith("¤"):
        if _SOUGHT.search(before) or before.endswith(")"):
            return ""
        return f"what decays is not a particle known here: '{plain[:start].split()[-1]}'"
    last = [m for m in mentions if m.end <= start][-2:]
    if (
        len(last) == 2
        and not plain[last[0].end : last[1].start].strip()
        and not set(last[0].names) & set(last[1].names)
    ):
        return (
            ""
            if pair_condition(plain[:start])
            else "two particles before the arrow are a reaction, not a decay"
        )
    return ""


def _decay(
    text: str,
    spelled: Spelled,
    subject: Mention | None,
    channel: Channel,
    place: Span,
    explicit: bool,
    problem: str,
) -> Decay:
    """Make a decay of its parts, with places in the question instead of the plain text."""
    thing = None
    if subject is not None:
        span = spelled.span(subject.start, subject.end)
        thing = Thing(subject.names, text[slice(*span)], span, subject.charge_given)
    if thing and not problem and not pair_condition(spelled.plain[: place[0]]):
        problem = charge_problem(thing.names, channel)
    conditions = channel.conditions + pair_condition(spelled.plain[: place[0]])
    moved = Channel(
        channel.products, channel.steps, conditions, channel.inclusive, spelled.span(*channel.span)
    )
    return Decay(thing, moved, spelled.span(*place), explicit, problem)
