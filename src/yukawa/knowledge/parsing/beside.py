"""Sentences beside a question in which nothing is asked: whether they change it, or only tell of the one who asks."""

from collections.abc import Set

from yukawa.knowledge.parsing.asides import FIRST_PERSON
from yukawa.knowledge.parsing.bearing import VALUES
from yukawa.knowledge.parsing.clauses import MEANINGFUL, Clause
from yukawa.knowledge.parsing.excuses import ASSUMING
from yukawa.knowledge.parsing.lexicon import is_notation, is_physics
from yukawa.knowledge.parsing.tokens import Token

# Words that ask for something, or say how it is meant.
WANTING = ASSUMING | {"want", "need", "only", "means", "meant", "wants", "wanted", "needs"}
POLITE = frozenset("please kindly now then and could can would you bitte".split())
# What people say of themselves beside their question; a threshold or a final state is more than that.
_MILD = ("property", "qualifier", "thing", "amount", "unit", "factor")


def outside(clause: Clause, known: Set[str]) -> list[Token]:
    """A sentence that takes no part in any goal; one that only states something of the things asked about adds nothing."""
    words = [t for t in clause.tokens if t.kind == "word"]
    if found := directions(clause):
        return found
    asker = (clause.contains(FIRST_PERSON) or _at_work(clause)) and not clause.contains(WANTING)
    mild = ("class", "explain", *(_MILD if asker else ()))
    meaningful = [t for t in clause.tokens if t.kind in MEANINGFUL and t.kind not in mild]
    pointed = any(t.kind == "factor" for t in meaningful) and clause.contains(
        (*_POINTING, *VALUES)
    )  # 'Half of that.'
    if (
        {t.kind for t in meaningful} <= {"thing", "factor"}
        and not pointed
        and not clause.contains(_CONDITIONING)
    ):
        meaningful = [t for t in meaningful if t.kind == "thing" and not known & set(t.value.names)]
    meaningful += [t for t in clause.tokens if t.kind in ("compare", "most") and t.value[0]]
    if [t.text.lower() for t in meaningful] == ["no"] and clause.text(0) == "no":
        meaningful = []  # 'no hurry'
    subject = words[:1] and meaningful[:1] and words[0].start < meaningful[0].start
    tells = asker or (subject and not clause.contains(WANTING) and not clause.contains(VALUES))
    tells = tells and not any(is_physics(t.text) or t.text.lower() in _SELECTING for t in words)
    if tells and all(t.kind == "negation" for t in meaningful):
        meaningful = []  # 'Chemist here, never opened the PDG before.', 'The forum search gave nothing useful.'
    if meaningful:
        return meaningful
    first = clause.text(0).split()[0]
    if not asker and (first in _FURTHER or (first in _ASKING and words)):
        return words  # 'Also the capital of France.', 'Who said so?'
    return [] if asker else [t for t in words if is_physics(t.text) or is_notation(t.text)]


_POINTING = ("that", "it", "this")
_CONDITIONING = WANTING | set(
    "in at inside through on into by near if when unless with without under for as like using use given let take not no".split()
)


def directions(clause: Clause) -> list[Token]:
    """'Rather for the excited one.', 'Ignore the newest experiment.': what says how the question is meant, and not how to reply."""
    said = [i for i, t in enumerate(clause.tokens) if t.kind != "mark" and t.text.lower() not in POLITE]
    first = clause.text(said[0]).split()[0] if said else ""
    content = [clause.tokens[i] for i in said if clause.tokens[i].kind in ("word", "neutral", *MEANINGFUL)]
    if first in _SELECTING and len(said) > 1 and not clause.contains(FIRST_PERSON):
        return content
    if first in _CORRECTING or clause.contains(("means", "meant")):
        return [t for t in content if t.kind != "negation"]
    return (
        [t for t in content if t.kind == "word" and t.text.lower() not in _REPLIES] if first == "only" else []
    )


_CORRECTING = frozenset("rather instead except correction better".split())
_SELECTING = frozenset(
    "ignore neglect exclude include omit discard drop skip disregard use take consider restrict limit count apply trust accept"
    " multiply divide double triple halve square add subtract round say treat let picture fix".split()
)
_REPLIES = frozenset("number value answer figure result line sentence word words reply digits".split())


def _at_work(clause: Clause) -> bool:
    """'Hi all, writing up a cosmic ray lab.', 'chemist here': a participle without a subject, and who is here, speak of the asker."""
    first = next((i for i, t in enumerate(clause.tokens) if t.kind in ("word", *MEANINGFUL)), None)
    if first is None or clause.tokens[first].kind != "word":
        return False
    here = next((i for i, t in enumerate(clause.tokens[:_PRESENTED]) if t.text.lower() == "here"), 0)
    apart = here + 1 == len(clause.tokens) or clause.text(here + 1) in (",", "-", ":")
    return clause.text(first).endswith("ing") or (here > first and apart)


_PRESENTED = 5  # words


_ASKING = frozenset("who whom whose where when why wer wo wann warum qui quand pourquoi".split())
_FURTHER = frozenset("also additionally furthermore moreover ausserdem aussi".split())
