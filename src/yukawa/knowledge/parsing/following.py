"""A question that makes sense only after others: 'are you sure?', 'and e+ e-?', 'its antiparticle's?', 'the difference?'."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from yukawa.knowledge.parsing.channels import read_channel
from yukawa.knowledge.parsing.clauses import Clause
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.plan import Goal, Operation, Plan, Thing, Wanted
from yukawa.knowledge.parsing.reading import placeless
from yukawa.knowledge.parsing.spelling import plain_ascii

# Doubts, and questions for error or source: the answer before, which gives both, is given again.
_AGAIN = re.compile(
    r"(?:(?:really|sure|seriously)|are you (?:really |quite |absolutely )?(?:sure|certain)(?: (?:about|of) (?:that|it|this))?"
    r"|is (?:that|this|it) (?:really |actually )?(?:right|correct|true|certain|exact|precise|reliable)"
    r"|how (?:precise|exact|accurate|certain|reliable|sure|well known|precisely known|well) (?:is|are) (?:that|it|this|you)(?: known)?"
    r"|(?:and |what is |what's |what are |give me )?(?:the |its )?(?:errors?|uncertainty|uncertainties|error bars?|sources?|references?)"
    r"(?: (?:of|for) (?:that|it|this))?"
    r"|where (?:does|do|did) (?:that|it|this|you) (?:number |value )?(?:come from|get (?:that|it|this) from)"
    r"|(?:say (?:that )?again|repeat(?: that)?|once more|says who|according to whom|how do you know(?: that)?)"
    r"|(?:bist du|sind sie) (?:dir |sich )?sicher|sicher|wirklich|stimmt das|(?:es-tu|tu es|etes-vous|vous etes) surs?|vraiment"
    r"|你?确定吗|真的吗|本当(?:ですか)?|確かですか)"
)
_MORE = re.compile(
    r"(?:tell me|show me|give me|i want)? ?(?:some )?more(?: about (?:it|that|this)| details)?|anything else|go on|and what else"
    r"|what else (?:do you know|is known|can you tell me|is there)(?: about (?:it|that|this))?|noch mehr|encore|还有呢"
)
_MARKS = re.compile(r"[?!.,;:…？！。]+")
_NO = frozenset({"no", "nein", "non"})
_LINKS = frozenset("and to into or what about how now for then also".split())
_COMBINED: dict[str, Operation] = {"ratio": "ratio", "difference": "difference", "sum": "sum"}


def last_goals(history: Sequence[Plan]) -> list[Goal]:
    """What the latest question wanted that was more than thanks, a greeting or a command."""
    asked = (found for found in reversed(history) if found.kind not in ("small-talk", "command"))
    return [placeless(goal) for goal in next(asked, Plan("")).goals]


def following(clauses: Sequence[Clause], history: Sequence[Plan]) -> list[Goal]:
    """The goals of a sentence that changes or repeats what was wanted before; its words are marked as used."""
    last = last_goals(history)
    if not last or len(clauses) != 1:
        return []
    clause = clauses[0]
    said = _MARKS.sub(" ", " ".join(t.text for t in clause.tokens)).lower()
    said = " ".join(said.split())
    if _AGAIN.fullmatch(said):
        clause.use(*range(len(clause.tokens)))
        return last
    if _MORE.fullmatch(said):
        clause.use(*range(len(clause.tokens)))
        return list(_overviews(last))
    if said and said.split()[0] in _NO and len(clause.tokens) > 1 and clause.text(1) == ",":
        clause.tokens[0] = replace(clause.tokens[0], kind="aside")  # 'no, of the tau'
    for rule in (_other_products, _antiparticles, _first, _times):
        if found := rule(clause, last):
            return found
    return _combined(clause, history)


def taken_up(clause: Clause, before: Sequence[Goal]) -> list[Goal]:
    """The goals of 'what is the accepted number?', 'has that changed?', which speak of the quantities stated or wanted before."""
    said = " ".join(" ".join(t.text for t in clause.tokens if t.kind != "mark").lower().split())
    said = said if said.isascii() else said.replace(" ", "")
    if (
        before
        and before[-1].operation == "is"
        and len(before[-1].operands) == 2
        and said in ("how much", "and how much", "by how much")
    ):
        clause.use(*range(len(clause.tokens)))
        return [Goal("difference", before[-1].operands)]
    bounds = [i for i in clause.places("qualifier") if clause.tokens[i].value[0] == "bound"]
    own = set(clause.essential) - {*bounds, *clause.places("unit")}
    holds = _HOLDS.fullmatch(said) is not None
    strange = any(t.kind in ("word", "appended") for t in clause.tokens)
    if not before or own or (not holds and (strange or not _NUMBER.search(said))):
        return []
    if any(w.property in ("", "decays", "overview", "class") for goal in before for w in goal.operands):
        return []
    bound = dict(clause.tokens[i].value for i in bounds)
    unit = next((clause.tokens[i].value for i in clause.places("unit")), "")
    clause.use(*range(len(clause.tokens)))
    if holds and "changed" not in said:
        return list(before)
    wanted = [replace(w, qualifiers={**w.qualifiers, **bound}) for goal in before for w in goal.operands]
    if all(goal.operation in ("value", "is") for goal in before):
        return [Goal("value", (w,), unit=unit) for w in wanted]
    return [
        replace(goal, asserted=None, relation=None, unit=unit) for goal in before if goal.operation != "is"
    ]


_HOLDS = re.compile(
    r"(?:do(?:es)? )?(?:the )?(?:pdg|data|experiments?|measurements?) agree(?: with that)?"
    r"|(?:is |was |has |does )?(?:that|this|it|these numbers?|the number)?(?: is| has)?(?: (?:still|really|actually|been|even|about))*"
    r" ?(?:right|correct|true|changed|hold|ok|accurate|up to date)(?: (?:now|today|since|anymore|any more))?|stimmt das(?: noch)?|"
    + "|".join(map(plain_ascii, ("正しいですか", "合っていますか", "本当ですか", "对吗", "对不对", "正确吗")))
)
_NUMBER = re.compile(
    r"\b(?:(?:would|is) it be|do(?:es)? (?:the )?(?:experiments?|data|pdg|nature|review|literature|tables?|listings?)"
    r" (?:say|give|tell|quote|list|have)"
    r"|values?|numbers?|figures?|results?|answer|limits?|measurements?|wert|werte|zahl|valeur"
    r"|chiffre)\b|" + "|".join(map(plain_ascii, ("数值", "値", "值", "给多少", "是多少")))
)


def _overviews(last: Sequence[Goal]) -> Iterator[Goal]:
    things = {
        w.thing.names: w.thing
        for goal in last
        for w in goal.operands
        if not w.thing.names[0].startswith("class:")
    }
    for thing in things.values():
        yield Goal("overview", (Wanted(thing, "overview"),))


def _other_products(clause: Clause, last: Sequence[Goal]) -> list[Goal]:
    """'And e+ e-?', 'to tau+ tau-?' after a decay: the same of another decay."""
    wanted = last[-1].operands[0]
    things = clause.places("thing")
    if (
        wanted.channel is None
        or last[-1].operation != "value"
        or clause.has("property", "class", "channel")
        or not things
    ):
        return []
    ahead = {word for i in range(things[0]) for word in clause.text(i).split()}
    if len(things) < 2 and not ahead & {"to", "into"}:  # else another particle's
        return []
    start, end = clause.tokens[things[0]].start, clause.tokens[things[-1]].end
    channel, read = read_channel(clause.plain, start, end)
    if not channel.products or read < end or not ahead <= _LINKS | {"and", ","}:
        return []
    covered = [i for i, t in enumerate(clause.tokens) if start <= t.start and t.end <= end]
    spans = clause.use(*covered)
    return [
        replace(
            last[-1], operands=(replace(wanted, channel=replace(channel, span=(start, end)), spans=spans),)
        )
    ]


def _antiparticles(clause: Clause, last: Sequence[Goal]) -> list[Goal]:
    """'What is its antiparticle's?', 'and of the antiparticle?': the same of the antiparticle."""
    words = [i for i in clause.places("property") if clause.tokens[i].value == "antiparticle"]
    texts = [clause.text(i) for i in range(len(clause.tokens))]
    owned = bool(words) and (
        clause.text(words[0]).endswith("'s") or "'s" in texts[words[0] :] or {"of", "for"} & set(texts)
    )
    if len(words) != 1 or not owned or len(clause.essential) != 1:
        return []
    spans = clause.use(*words)
    table = particle_table().particles

    def conjugate(thing: Thing) -> Thing:
        return replace(
            thing,
            names=tuple(dict.fromkeys(table[n].conjugate for n in thing.names if n in table)),
            state_given=True,
        )

    wanted = [replace(w, thing=conjugate(w.thing), spans=spans) for w in last[-1].operands]
    return [replace(last[-1], operands=tuple(wanted))] if all(w.thing.names for w in wanted) else []


def _first(clause: Clause, last: Sequence[Goal]) -> list[Goal]:
    """'And the lightest?', 'which is the most likely one?' after a choice or a list."""
    places = clause.places("most")
    goal = last[-1]
    if goal.operation not in ("which", "list") or len(places) != 1 or len(clause.essential) != 1:
        return []
    name, direction = clause.tokens[places[0]].value
    order = (name or (goal.order[0] if goal.order else ""), direction)
    if not order[0]:
        return []
    clause.use(*places)
    return [replace(goal, order=order, most=1)]


def _times(clause: Clause, last: Sequence[Goal]) -> list[Goal]:
    """'Twice that?', 'half of it?'."""
    places = clause.places("factor")
    if len(places) != 1 or len(clause.essential) != 1 or last[-1].operation != "value":
        return []
    spans = clause.use(*places)
    factor = float(clause.tokens[places[0]].value)
    wanted = tuple(replace(w, factor=w.factor * factor, spans=spans) for w in last[-1].operands)
    return [replace(last[-1], operation="multiple", operands=wanted)]


def _combined(clause: Clause, history: Sequence[Plan]) -> list[Goal]:
    """'And the ratio of the two?', 'what is the difference?' after two values."""
    places = clause.places(*_COMBINED)
    if len(places) != 1 or len(clause.essential) != 1:
        return []
    values = [
        w
        for found in history
        for goal in found.goals
        if goal.operation == "value"
        for w in placeless(goal).operands
    ]
    if len(values) < 2:
        return []
    clause.use(*places)
    return [Goal(_COMBINED[clause.tokens[places[0]].kind], tuple(values[-2:]))]
