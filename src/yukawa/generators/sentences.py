"""Reads a sentence that wants decays to be simulated as a plan: who decays to what, in which experiment, how many events."""

import re
from collections.abc import Sequence
from dataclasses import replace

from yukawa.core.errors import InputError
from yukawa.generators import (
    charges,
    clauses,
    energies,
    named_models,
    naming,
    phrases,
    plans,
    spellings,
    weights,
)

_BOTH = re.compile(
    r"\bc\.? ?c\.?(?![a-z])|\bcharge[- ]conj\w*|\bconj(?:ugates?)?\b\.?|\bboth (?:\S{1,12} )?(?:signs|charges|charge states|flavou?rs)\b"
    r"|\bboth b\b|共轭",
    re.IGNORECASE,
)
# The other half of a pair in a list: "…, D- the charge conjugate".
_CONJUGATE_HALF = re.compile(
    r"(?:;|\band\b)\s*(?:the )?[^\s;]+ (?:(?:is|as|decays?|goes|to|being|the) ){0,3}(?:charge[- ]conj\w*|conjugates?)\b"
    r"(?: decays?| modes?)?(?=\s*(?:[;.]|$))", re.IGNORECASE,
)  # fmt: skip
# A number of events: before the word, after it, or with a factor before what is made ("1e6 J/psi").
_AMOUNT = (
    r"(?<![A-Za-z0-9_.(^])(10\^\{?\d{1,2}\}?|\d{1,12}+(?:,\d{3}){0,4}+(?:\.\d{1,6}+)?(?:e\+?\d{1,2}+)?)"
    r"(?:\s{0,3}(k|m|thousand|million|万|千|百万)(?![a-zA-Z]))?"
)
_EVENTS = (
    re.compile(
        rf"{_AMOUNT}\s{{0,3}}(?:[^\s\d]\S{{0,19}} ){{0,2}}?(?:ev(?:en)?ts?\b|事例|事件|个|decays\b)",
        re.IGNORECASE,
    ),
    re.compile(rf"\bev(?:en)?ts?\s{{0,3}}[:=,]?\s{{0,3}}{_AMOUNT}(?!\s{{0,3}}[GM]eV)", re.IGNORECASE),
    re.compile(rf"\bN\s{{0,3}}=\s{{0,3}}{_AMOUNT}"),
    re.compile(rf"{_AMOUNT}(?=\s{{1,3}}[A-Z]|\s{{1,3}}psi|\s{{1,3}}chi)", re.IGNORECASE),
)
_MADE = re.compile(r"\b(?:production|produced|pairs?)\b|对产生|产生")
_REMARK = re.compile(r"\(([^()→\d]{1,80})\)")
_INNER = r"\(\d\w{0,9}\)"  # a bracket of a name, such as that of psi(2S)
_WITH_DECAYS = re.compile(rf"\(((?:[^()→]|{_INNER})++→(?:[^()]|{_INNER})*+)\)")
# A daughter in a bracket with its own decay, as descriptors have it: "B+ -> (D0 -> K- pi+) K+"; what is inside is read first.
_DAUGHTER = re.compile(
    rf"(?<=[\s→+\-0-9(\ue001])\(\s{{0,3}}([^\s()→;,]{{1,20}})\s{{0,3}}(→(?:[^()→\ue000]|{_INNER}|\ue000[^\ue000\ue001]*+\ue001)++)\)"
)
_NESTED = 4  # decays inside one another
_BRACKETS = {0xE000: "(", 0xE001: ")"}
# A bracket with the decay of what precedes it, in words: "D0 (going to K- pi+)".
_VERB_IN_BRACKET = re.compile(
    r"\(\s{0,3}(?:(?:which|that|in turn|then|and|it|is|forced|decays?|decaying|decayed|goes|going) ){0,4}(?:in)?to\b"
    r"|\(\s{0,3}(?:再|其中)?衰变(?:到|成|为|至)", re.IGNORECASE
)  # fmt: skip
_MASS = re.compile(r"(?<=[A-Za-z*])\(\s{0,3}\d[\w.]{0,9}\s{0,3}\)")  # of a name, such as psi(3770)
# "one pi0 → …", "one of the pi0 → …", "one → …"; and the other.
_ONE_OF = re.compile(
    r"(?:\bone\b|(?<!另)(?<!另外)一个)\s{0,3}(?:of (?:the(?: two)?|them)\b\s{0,3})?([A-Za-z][^\s;,→()]{0,20})?"
)
_OTHER_OF = re.compile(r"\b(?:the |an)other\b(?: one\b)?|另外?一个")
_SEARCH = re.compile(
    r"\bsearch\w{0,3}\b|\bviolat\w{1,4}\b|\bforbidden\b|\b(?:[BL]N|LF|CP?)V\b|寻找|搜寻|破坏|禁戒",
    re.IGNORECASE,
)
_FACTORS = {"": 1, "k": 1e3, "thousand": 1e3, "千": 1e3, "万": 1e4, "m": 1e6, "million": 1e6, "百万": 1e6}
_RESONANCES = frozenset(
    {"J/psi", "psi(2S)", "psi(3770)", "psi(4040)", "psi(4160)", "psi(4415)", "psi(4260)", "vpho"}
)
_INITIAL = re.compile(r"\bISR\b|\binitial[- ]state radiation\b|初态辐射", re.IGNORECASE)
_PSI_3770, _REACH = 3.773, 0.005  # GeV
_D_MESONS = frozenset({"D0", "anti-D0", "D+", "D-"})


def read_plan(sentence: str, experiment: str | None = None) -> plans.CardPlan:
    """Read a sentence.

    Args:
        sentence: in English, Chinese or LaTeX, with arrows or words.
        experiment: one of `EXPERIMENTS`; None for the one that the sentence names, or that its resonance belongs to.

    Raises:
        InputError: no decay is named, a charge is missing, or a decay is impossible: which law it breaks.
    """
    plain, slips = _plain(sentence)
    steps: list[plans.DecayStep] = []
    both = bool(_BOTH.search(plain))
    notes: list[str] = []
    variants, letter = _variants(sentence)
    refused: list[plans.UnreadSentence] = []
    for variant in variants:
        try:
            found, said = _steps(variant, experiment, both=both)
        except plans.UnreadSentence as error:
            refused.append(error)
            if not letter or len(refused) == len(variants):
                raise
            continue  # the sentence gives the lepton in other words
        steps = plans.joined_steps(steps, found, len(variants))
        notes += [note for note in said if note not in notes]
    if letter and not refused:
        notes.insert(0, letter)
    if both:
        steps, said = _with_conjugates(steps)
        notes += said
    return about(sentence, steps, (*slips, *notes), experiment)


def _variants(sentence: str) -> tuple[list[str], str]:
    """A sentence in plain words, once for each value of its letters, D(*), l and J, which are modes; and a note on l."""
    found: list[str] = []
    letter = ""
    for one in phrases.star_variants(sentence):
        leptons, letter = phrases.lepton_variants(weights.marked(_without_both(_plain(one)[0])))
        found += [each for lepton in leptons for each in phrases.spin_variants(lepton)]
    return found, letter


def _steps(plain: str, experiment: str | None, *, both: bool) -> tuple[list[plans.DecayStep], list[str]]:
    """The decays of a sentence in plain words."""
    named = naming.named_particles(plain)
    named = clauses.with_beams(named, made=bool(_MADE.search(plain)) or energies.energy_of(plain) is not None)
    decays = clauses.decay_clauses(named)
    if not decays:
        raise plans.NoDecay(
            "the sentence names no decay",
            hint='write, for instance, "psi(2S) -> J/psi pi+ pi-, J/psi -> mu+ mu-"',
        )
    for clause in decays:
        clause.searched = bool(_SEARCH.search(plain))
    steps, notes = charges.resolved_steps(
        decays, both=both or _is_signal(decays[0].parent, experiment or _named(plain))
    )
    _refuse_stray(named, decays, steps)
    sources = [name for each in named if each.aside for name in each.options]
    return charges.with_source(steps, sources, experiment or _experiment(plain, steps)), notes


def _with_conjugates(steps: Sequence[plans.DecayStep]) -> tuple[list[plans.DecayStep], list[str]]:
    """The decays with the conjugate mode of each particle that is its own antiparticle; the antiparticles of others copy theirs."""
    found: list[plans.DecayStep] = []
    notes: list[str] = []
    for step in steps:
        found.append(step)
        other = plans.conjugate_step(step)
        if other.parent == step.parent and not any(
            each.parent == step.parent and plans.same_state(each.daughters, other.daughters) for each in steps
        ):
            found.append(other)
            notes.append(f"the conjugate is a mode of {step.parent} as well: {other}")
    if not notes and all(plans.conjugate_of(step.parent) == step.parent for step in steps):
        notes.append("the conjugate of these decays is the same decays")
    return found, notes


def _refuse_stray(
    named: Sequence[plans.NamedParticle],
    decays: Sequence[plans.DecayClause],
    steps: Sequence[plans.DecayStep],
) -> None:
    """Refuse a sentence with a particle that is in no decay: one that was not read would be another chain."""
    read = {id(each) for clause in decays for each in (clause.parent, *clause.daughters)}
    held = {name for step in steps for name in (step.parent, *step.daughters)}
    held.add(plans.conjugate_of(steps[0].parent))
    for each in named:
        if (
            each.origin
            and id(each) not in read
            and held.isdisjoint(each.options)
            and each.options != ("Upsilon(4S)",)
        ):
            raise plans.UnreadSentence(
                f"the sentence does not say how {each.text} produces {steps[0].parent}",
                hint=f"begin with the decay of {each.text}",
            )
        if (
            id(each) not in read
            and not each.aside
            and "vpho" not in each.options
            and held.isdisjoint(each.options)
        ):
            raise plans.UnreadSentence(
                f"the sentence names {each.text}, which is in none of its decays: {'; '.join(map(str, steps))}",
                hint='write "A -> B C" for each decay',
            )


def about(
    sentence: str, steps: Sequence[plans.DecayStep], notes: Sequence[str] = (), experiment: str | None = None
) -> plans.CardPlan:
    """The plan of a chain, with what else a sentence says: experiment, events, energy, card, both conjugates."""
    plain, _ = _plain(sentence)
    card = phrases.FILE.search(sentence)
    if energies.spread_of(plain) is not None:
        notes = (*notes, "the energy spread belongs into job options; a card has none")
    if _INITIAL.search(sentence):
        notes = (*notes, "initial-state radiation is made by the program of the collision; a card has none")
    where = experiment or _experiment(sentence, steps)
    steps, said = _at_resonance(steps, energies.energy_of(plain), where)
    notes = (*notes, *said)
    return plans.CardPlan(
        tuple(steps), where, bool(_BOTH.search(plain)), count_of_events(plain.replace(";", ",")),
        energies.energy_of(plain), card[0] if card else "",
        bool(phrases.FREE_HALF.search(sentence)), bool(_SEARCH.search(plain)), phrases.radiates(sentence), tuple(notes),
    )  # fmt: skip


def _at_resonance(
    steps: Sequence[plans.DecayStep], energy: float | None, experiment: str
) -> tuple[list[plans.DecayStep], list[str]]:
    """The decays with the psi(3770) for the e+ e- that make a pair of D at its energy at BESIII, and a note on that."""
    first, *rest = steps
    near = energy is not None and abs(energy - _PSI_3770) < _REACH
    if experiment != "besiii" or first.parent != "vpho" or not near or not {*first.daughters} <= _D_MESONS:
        return list(steps), []
    return [replace(first, parent="psi(3770)"), *rest], [f"{energy:g} GeV: the psi(3770) makes the pair"]


def names_decay(sentence: str) -> bool:
    """Whether a sentence has an arrow or a verb of decay between two particles."""
    return any(each.arrow for each in _mentions(sentence))


def mentioned(sentence: str) -> list[tuple[str, tuple[str, ...]]]:
    """The particles that a sentence names: their words, and the names of EvtGen that these can mean."""
    return [(each.text, each.options) for each in _mentions(sentence)]


def _mentions(sentence: str) -> list[plans.NamedParticle]:
    """The particles of a sentence that need not want a card."""
    try:
        return naming.named_particles(_without_both(_plain(sentence)[0]), strict=False)
    except InputError:  # of a model that is not read
        return naming.named_particles(_without_both(spellings.plain_sentence(sentence)[0]), strict=False)


def names_model(sentence: str) -> bool:
    """Whether a sentence names a decay model."""
    return bool(named_models.models_in(named_models.marked(sentence)))


def _plain(sentence: str) -> tuple[str, tuple[str, ...]]:
    """A sentence as its particles are looked for in it, and what in it was taken for a slip.

    Raises:
        InputError: it names a decay model that is not known, or whose arguments are not read.
    """
    plain, slips = spellings.plain_sentence(named_models.marked(phrases.without_radiation(sentence)))
    plain = _VERB_IN_BRACKET.sub("(→ ", plain)
    for _ in range(_NESTED):
        plain = _DAUGHTER.sub(_as_daughter, plain)
    plain = plain.translate(_BRACKETS)
    # Brackets with a chain of their own stand for commas: (J/psi -> mu mu, eta -> gamma gamma).
    plain = _WITH_DECAYS.sub(_listed, plain)
    plain = _REMARK.sub(_without_remark, plain)
    plain = re.sub(r"\((?=\s*(?:→|to\b)|[^()\s]*+\s[^()]*+\)|[A-Za-z]{3})", " ( ", plain)
    # LaTeX does not need the space.
    plain = re.sub(r"(?<![A-Za-z])p(?=(?:K|pi|Lambda)(?![a-z]))", "p ", plain)
    return _with_other(plain).replace(",", ";"), slips  # a name ends at a comma: 'nu, tau' are two


def _as_daughter(found: re.Match[str]) -> str:
    """A daughter with its decay behind it; as it is where the sentence named it before, and says here how it decays."""
    if found[1] in found.string[: found.start()]:
        return found[0]
    return f" {found[1]} \ue000{found[2]}\ue001 "


def _listed(found: re.Match[str]) -> str:
    """A bracket as a list of decays where it begins with one particle and an arrow, else as it is."""
    first = re.sub(r"\b(?:with|where|and|then|the|here|其中)\b", " ", found[1].partition("→")[0])
    return f", {found[1]}, " if len(first.split()) == 1 else found[0]


def _without_remark(found: re.Match[str]) -> str:
    """Nothing for a bracket with words beside the decay, such as (hadronic tau); one with nothing but particles is a decay."""
    text = found[1]
    remark = phrases.known_words(text) or not naming.named_particles(text, strict=False)
    return " " if remark and not _BOTH.search(text) and not phrases.has_wish(text) else found[0]


def _with_other(plain: str) -> str:
    """A sentence with a mark and its name for "the other" of two, where it also says what "one" of them does."""
    one = _ONE_OF.search(plain)
    if one is None or not _OTHER_OF.search(plain):
        return plain
    name = one[1] if one[1] and naming.named_particles(one[1], strict=False) else ""
    if not name:
        before = naming.named_particles(plain[: one.start()], strict=False)
        if not before:
            return plain
        name = before[-1].text
        plain = f"{plain[: one.start()]} one {name} {plain[one.start(1) :] if one[1] else plain[one.end() :]}"
    parts = _OTHER_OF.split(plain)
    again = (part if part.lstrip().startswith(name) else f" {name} {part}" for part in parts[1:])
    return parts[0] + "".join(f" {phrases.OTHER} {part.lstrip()}" for part in again)


def _without_both(plain: str) -> str:
    for pattern in (_CONJUGATE_HALF, _BOTH):
        plain = pattern.sub(lambda found: " " * len(found[0]), plain)
    return plain


def count_of_events(sentence: str) -> int | None:
    """How many events a sentence wants: "100k events", "events: 5000", "1e6 J/psi"; None if it does not say.

    Raises:
        InputError: none, or a part of one.
    """
    plain = _MASS.sub(lambda found: "_" * len(found[0]), sentence)
    for pattern in _EVENTS:
        for found in pattern.finditer(plain):
            if pattern is not _EVENTS[-1] or found[2] or re.search(r"[e^]", found[1], re.IGNORECASE):
                return _number(found[1], found[2] or "")
    return None


def _number(digits: str, factor: str) -> int:
    if "^" in digits:
        return int(10 ** int(re.sub(r"\D", "", digits.partition("^")[2])))
    wanted = float(digits.replace(",", "")) * _FACTORS[factor.lower()]
    if wanted < 1 or abs(wanted - round(wanted)) > 1e-9 * wanted:
        raise InputError(f"{digits}{factor} is not a whole number of events", hint="write 1 or more")
    return round(wanted)


def _experiment(sentence: str, steps: Sequence[plans.DecayStep]) -> str:
    return _named(sentence) or ("besiii" if steps[0].parent in _RESONANCES else "evtgen")


def _named(sentence: str) -> str:
    """The experiment that a sentence names, '' if it names none."""
    return next((name for name, pattern in phrases.EXPERIMENTS.items() if pattern.search(sentence)), "")


def _is_signal(parent: plans.NamedParticle, experiment: str) -> bool:
    """Whether a first particle without a charge is the signal of an experiment, whose cards hold its conjugate as well."""
    beauty = all(name.removeprefix("anti-").startswith("B") for name in parent.options)
    return experiment in ("lhcb", "fcc") or (experiment == "belle2" and beauty)
