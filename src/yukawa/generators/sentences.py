"""Reads a sentence that wants decays to be simulated as a plan: who decays to what, in which experiment, how many events."""

import functools
import re
from collections.abc import Sequence

from yukawa.core.errors import InputError
from yukawa.generators import phrases, plans, species, spellings, words
from yukawa.knowledge.parsing.particles import find_particles, particle_table

_EXPERIMENT = {
    "besiii": r"(?<![a-z])bes ?(?:iii|3)?(?![a-z])|(?<![a-z])boss(?![a-z])|bepc|北京谱仪",
    "lhcb": r"lhcb|(?<![a-z])dec ?files?(?![a-z])|(?<![a-z])gauss(?![a-z])",
    "belle2": r"(?<![a-z])belle ?(?:ii|2)?(?![a-z])|basf2|superkekb",
    "fcc": r"(?<![a-z])fcc(?:-?ee)?(?![a-z])|tera-?z", "evtgen": r"evtgen",
}  # fmt: skip
_ARROW = re.compile(
    r"^[\s,)]*+(?:(?:meson|mesons|baryon|boson|介子|重子|粒子)s? )?(?:(?:which|that|then|and|并|再|,) ?)*+"
    r"(?:(?:only|always|then|can|should|will|must|is forced|are forced|forced|going|goes|go|decaying|decayed|decays?|tranistion\w*"
    r"|transitions?|exclusively|衰变|衰變|全部|只) ?)*+"
    r"(?:→|\b(?:in)?to\b|\bin\b(?! )|\binto\b|到|至|成|为|為)\s*(?:both )?",
    re.IGNORECASE,
)
_COUNTS = {
    "two": 2, "three": 3, "four": 4, "a pair of": 2, "2": 2, "3": 3, "4": 4, "两个": 2, "兩個": 2, "三个": 3, "四个": 4, "一对": 2,
    "一對": 2,
}  # fmt: skip
_COUNT = re.compile(rf"(?:^|[\s(,到成为為])({'|'.join(_COUNTS)})\s*(?:x |neutral |charged )?$", re.IGNORECASE)
_SEPARATES = re.compile(
    r"[,;.。，；、]|\b(?:and|with|where|then|followed|after|from|versus|vs|whose|subsequent\w*|while|the)\b|其中|并|且|再|然后|接着"
)
_BOTH = re.compile(
    r"\bc\.? ?c\.?(?![a-z])|\bcharge[- ]conj\w*|\bconjugates?\b|\bboth (?:signs|charges|b\b)|共轭",
    re.IGNORECASE,
)
# A number of events: before the word, after it, or with a factor before what is made ("1e6 J/psi").
_AMOUNT = (
    r"(?<![A-Za-z0-9_.(^])(10\^\{?\d{1,2}\}?|\d{1,12}+(?:,\d{3}){0,4}+(?:\.\d{1,6}+)?(?:e\+?\d{1,2}+)?)"
    r"(?:\s{0,3}(k|m|thousand|million|万|千|百万)(?![a-zA-Z]))?"
)
_EVENTS = (
    re.compile(
        rf"{_AMOUNT}\s{{0,3}}(?:[^\s\d]\S{{0,19}} ){{0,2}}?(?:events?\b|事例|个|decays\b)", re.IGNORECASE
    ),
    re.compile(rf"\bevents?\s{{0,3}}[:=,]?\s{{0,3}}{_AMOUNT}(?!\s{{0,3}}[GM]eV)", re.IGNORECASE),
    re.compile(rf"\bN\s{{0,3}}=\s{{0,3}}{_AMOUNT}"),
    re.compile(rf"{_AMOUNT}(?=\s{{1,3}}[A-Z]|\s{{1,3}}psi|\s{{1,3}}chi)", re.IGNORECASE),
)
_INNER = r"\(\d\w{0,9}\)"  # a bracket of a name, such as that of psi(2S)
_MASS = re.compile(r"(?<=[A-Za-z*])\(\s{0,3}\d[\w.]{0,9}\s{0,3}\)")  # of a name, such as psi(3770)
_FACTORS = {"": 1, "k": 1e3, "thousand": 1e3, "千": 1e3, "万": 1e4, "m": 1e6, "million": 1e6, "百万": 1e6}
_ENERGY = re.compile(r"(?<![\d.])(\d{1,9}+(?:\.\d{1,9}+)?)\s{0,3}(TeV|GeV|MeV)\b", re.IGNORECASE)
_UNITS = {"tev": 1000.0, "gev": 1.0, "mev": 0.001}
_FILE = re.compile(r"(?<![\w./-])[\w./-]+\.dec\b")
# Words that begin another decay, words that give a choice, that end a list, and that mean all of a kind.
_BEGINS = re.compile(r"\b(?:with|where|then|followed|after|from|versus|vs|whose|subsequent\w*|while|which)\b|其中|然后|接着|再")
_INSTEAD = re.compile(r"\bor\b|或|/")
_JOINED = re.compile(r"\band\b|和|与|以及")
_ONE = re.compile(r"\bone\b|一个")
_EVERY = re.compile(r"\b(?:both|each|every|all)\b|两个都|都")
_WORDS = frozenset(
    {
        "a",
        "b",
        "c",
        "d",
        "g",
        "s",
        "t",
        "u",
        "table",
        "system",
        "string",
        "cluster",
        "junction",
        "indep",
        "phasespa",
    }
)
_RESONANCES = frozenset(
    {"J/psi", "psi(2S)", "psi(3770)", "psi(4040)", "psi(4160)", "psi(4415)", "psi(4260)", "vpho"}
)
_STABLE = frozenset({"pi+", "pi-", "K+", "K-", "e+", "e-", "mu+", "mu-", "gamma", "p+", "anti-p-"})
_NICKNAMES = {
    "Ks": "K_S0", "KS": "K_S0", "K_S": "K_S0", "Ks0": "K_S0", "KS0": "K_S0", "K0s": "K_S0", "K0S": "K_S0", "Kl": "K_L0", "KL": "K_L0",
    "K_L": "K_L0", "Kst0": "K*0", "Kstar0": "K*0", "Kst+": "K*+", "Kst-": "K*-", "Dst+": "D*+", "Dst-": "D*-", "Dst0": "D*0",
    "Dstar+": "D*+", "Dstar-": "D*-", "Dstar0": "D*0", "Ds+": "D_s+", "Ds-": "D_s-", "Ds*+": "D_s*+", "Ds*-": "D_s*-",
    "Dsst+": "D_s*+", "Dsst-": "D_s*-", "Lc+": "Lambda_c+", "Lc": "Lambda_c+", "Lb": "Lambda_b0", "Lb0": "Lambda_b0", "Bs": "B_s0",
    "Bs0": "B_s0", "Bd": "B0", "Bu+": "B+", "Bc+": "B_c+", "Bc-": "B_c-", "Jpsi": "J/psi", "psi2S": "psi(2S)", "Psi(2S)": "psi(2S)",
    "psi(3686)": "psi(2S)", "chic0": "chi_c0", "chic1": "chi_c1", "chic2": "chi_c2", "etac": "eta_c", "hc": "h_c",
}  # fmt: skip
_LIKE_PARTICLE = re.compile(
    r"(?<![A-Za-z])(?:[A-Za-z]\w{0,30}(?:[*'+-]{1,4}\w{0,30}){1,6}|[A-Za-z]{1,30}_\w{1,30}|[A-Za-z]\w{0,30}\(\d\w{0,30}\))"
)
_ENDS = re.compile(
    r"[,:;.→。，：()]|\b(?:to|into|where|then|at|in|for|whose|follow\w*|after\w*|while|when|which|that|from|on|by|using)\b|到|衰变"
)
_SHORTEST = 4  # letters of a word for which a name is offered
_ASIDE = re.compile(r"\b(?:at|from|near|above|on)\s+(?:the\s+|an?\s+)?$|在\s*$")
# Names of the newest Review that the tables of generators write otherwise.
_OF_TABLES = {
    "X(3872)": "X_1(3872)",
    "Y(4260)": "psi(4260)",
    "f_0(980)": "f_0",
    "f_0(500)": "sigma_0",
    "f_0(600)": "sigma_0",
}


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
    notes: list[str] = []
    for variant in phrases.lepton_variants(_without_both(plain)):
        found, said = _steps(variant, experiment)
        steps += [step for step in found if step not in steps]
        notes += [note for note in said if note not in notes]
    if _BOTH.search(plain):
        steps, said = _with_conjugates(steps)
        notes += said
    return about(sentence, steps, (*slips, *notes), experiment)


def _steps(plain: str, experiment: str | None) -> tuple[list[plans.DecayStep], list[str]]:
    """The decays of a sentence in plain words."""
    named = _with_beams(_named(plain))
    clauses = _clauses(named)
    if not clauses:
        raise plans.UnreadSentence(
            "the sentence names no decay",
            hint='write, for instance, "psi(2S) -> J/psi pi+ pi-, J/psi -> mu+ mu-"',
        )
    steps, notes = plans.resolved_steps(_from_the_first(clauses))
    _refuse_stray(named, clauses, steps)
    sources = [name for each in named if each.aside for name in each.options]
    return plans.with_source(steps, sources, experiment or _experiment(plain, steps)), notes


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
    clauses: Sequence[plans.DecayClause],
    steps: Sequence[plans.DecayStep],
) -> None:
    """Refuse a sentence with a particle that is in no decay: one that was not read would be another chain."""
    read = {id(each) for clause in clauses for each in (clause.parent, *clause.daughters)}
    held = {name for step in steps for name in (step.parent, *step.daughters)}
    held.add(plans.conjugate_of(steps[0].parent))
    for each in named:
        if id(each) not in read and not each.aside and "vpho" not in each.options and held.isdisjoint(each.options):
            raise plans.UnreadSentence(
                f"the sentence names {each.text}, which is in none of its decays: {'; '.join(map(str, steps))}",
                hint='write "A -> B C" for each decay',
            )


def about(
    sentence: str, steps: Sequence[plans.DecayStep], notes: Sequence[str] = (), experiment: str | None = None
) -> plans.CardPlan:
    """The plan of a chain, with what else a sentence says: experiment, events, energy, card, both conjugates."""
    plain, _ = _plain(sentence)
    energy, card = _ENERGY.search(plain), _FILE.search(sentence)
    return plans.CardPlan(
        tuple(steps), experiment or _experiment(sentence, steps), bool(_BOTH.search(plain)), count_of_events(plain.replace(";", ",")),
        float(energy[1]) * _UNITS[energy[2].lower()] if energy else None, card[0] if card else "",
        bool(phrases.FREE_HALF.search(sentence)), tuple(notes),
    )  # fmt: skip


def mentioned(sentence: str) -> list[tuple[str, tuple[str, ...]]]:
    """The particles that a sentence names: their words, and the names of EvtGen that these can mean."""
    named = _named(_without_both(_plain(sentence)[0]), strict=False)
    return [(each.text, each.options) for each in named]


def _plain(sentence: str) -> tuple[str, tuple[str, ...]]:
    """A sentence as its particles are looked for in it, and what in it was taken for a slip."""
    plain, slips = spellings.plain_sentence(sentence)
    # Brackets with a chain of their own stand for commas: (J/psi -> mu mu, eta -> gamma gamma).
    plain = re.sub(rf"\(((?:[^()→]|{_INNER})++→(?:[^()]|{_INNER})*+)\)", _listed, plain)
    plain = re.sub(r"\((?=\s*(?:→|to\b)|[^()\s]*+\s[^()]*+\))", " ( ", plain)
    # LaTeX does not need the space.
    plain = re.sub(r"(?<![A-Za-z])p(?=(?:K|pi|Lambda)(?![a-z]))", "p ", plain)
    return plain.replace(",", ";"), slips  # a name ends at a comma: 'nu, tau' are two


def _listed(found: re.Match[str]) -> str:
    """A bracket as a list of decays where it begins with one particle and an arrow, else as it is."""
    first = re.sub(r"\b(?:with|where|and|then|the|here|其中)\b", " ", found[1].partition("→")[0])
    return f", {found[1]}, " if len(first.split()) == 1 else found[0]


def _without_both(plain: str) -> str:
    return _BOTH.sub(lambda found: " " * len(found[0]), plain)


def count_of_events(sentence: str) -> int | None:
    """How many events a sentence wants: "100k events", "events: 5000", "1e6 J/psi"; None if it does not say."""
    plain = _MASS.sub(lambda found: "_" * len(found[0]), sentence)
    for pattern in _EVENTS:
        for found in pattern.finditer(plain):
            if pattern is not _EVENTS[-1] or found[2] or re.search(r"[e^]", found[1], re.IGNORECASE):
                return _number(found[1], found[2] or "")
    return None


def _number(digits: str, factor: str) -> int:
    if "^" in digits:
        return int(10 ** int(re.sub(r"\D", "", digits.partition("^")[2])))
    return round(float(digits.replace(",", "")) * _FACTORS[factor.lower()])


def _experiment(sentence: str, steps: Sequence[plans.DecayStep]) -> str:
    for name, pattern in _EXPERIMENT.items():
        if re.search(pattern, sentence, re.IGNORECASE):
            return name
    first = steps[0].parent
    return "besiii" if first in _RESONANCES else "evtgen"


# ---- particles -----------------------------------------------------------------------------------


@functools.cache
def _generator_names() -> dict[str, str]:
    """Names of EvtGen by those of the PDG: the shortest of a Monte Carlo number, which the tables decay."""
    numbered = particle_table().numbers
    names: dict[str, str] = {}
    for name, each in sorted(species.known_species().items(), key=lambda row: (len(row[0]), row[0])):
        pdg = numbered.get(each.number)
        if pdg is not None:
            names.setdefault(pdg, name)
    return names | {
        "p": "p+",
        "pbar": "anti-p-",
        "n": "n0",
        "nbar": "anti-n0",
        "f_0(980)0": "f_0",
        "chi_c1(3872)": "X_1(3872)",
    }


def _places(plain: str) -> list[tuple[int, int, tuple[str, ...]]]:
    """Where particles are named, and the names of EvtGen that each can mean."""
    places: list[tuple[int, int, tuple[str, ...]]] = []
    for word in re.finditer(r"[^\s,;]+", plain):
        name = word[0].strip(".:")
        bare = re.sub(r"^anti-?", "anti-", name)
        # Lambda_c- is the antiparticle of which the table's name begins with anti-.
        usual = (name, bare, f"anti-{name}") if name[-1:] in ("+", "-") else (name, bare)
        right = next(
            (each for each in usual if each in species.known_species() and each not in _WORDS), _NICKNAMES.get(name, "")
        )
        if right:
            places.append((word.start(), word.start() + len(name), (_OF_TABLES.get(right, right),)))
    taken = {at for start, end, _ in places for at in range(start, end)}
    names = _generator_names()
    for mention in find_particles(plain):
        if mention.start in taken or plain[mention.start : mention.end] == "N":  # a nucleon, or a heavy neutrino
            continue
        options = tuple(dict.fromkeys(names[name] for name in mention.names if name in names))
        if all(name.startswith("nu_") for name in options) and plain[mention.start : mention.end].rstrip(
            "s"
        ) in ("nu", "neutrino"):
            options += tuple(f"anti-{name}" for name in options)
        if options:
            places.append((mention.start, mention.end, options))
    return sorted(places)


def _named(plain: str, *, strict: bool = True) -> list[plans.NamedParticle]:
    """The particles of a sentence with what stands between them; `strict` refuses what is not read."""
    places = _places(plain)
    free = {start for start, end, _ in places if phrases.FREE.match(plain, end)}
    plain = _without_free(plain, places)
    if strict:
        phrases.refuse_wishes(plain)
    found: list[plans.NamedParticle] = []
    last = 0
    for start, end, options in places:
        gap = plain[last:start]
        each = plans.NamedParticle(options, plain[start:end])
        if found:
            _behind(found[-1], gap)
        if strict:
            decayed = any(each.arrow or each.opens for each in found)  # before, a sentence says what it likes
            _refuse_unknown(gap, decayed or "→" in gap, decayed and not found[-1].arrow)
        count = _COUNT.search(gap.rstrip() + (" " if gap.endswith(" ") else ""))
        each.count = _COUNTS[count[1].lower()] if count else 1
        each.aside = bool(_ASIDE.search(gap)) or start in free
        each.apart = bool(_SEPARATES.search(gap)) or not found
        each.begins, each.joined = bool(_BEGINS.search(gap)), bool(_JOINED.search(gap))
        each.single = bool(_ONE.search(gap))
        each.instead, each.every = bool(_INSTEAD.search(gap)), bool(_EVERY.search(gap))
        each.either = "+-" in each.text or "-+" in each.text
        found.append(each)
        last = end
    if strict and found:
        _refuse_behind(found[-1], plain[last:])
    return found


def _refuse_behind(before: plans.NamedParticle, gap: str) -> None:
    """Refuse what may be a daughter behind the last particle, and a decay to what is no particle."""
    _refuse_unknown(gap, False, False)
    arrow = _ARROW.match(gap)
    if arrow:
        rest = _SEPARATES.split(gap[arrow.end() :], maxsplit=1)[0].strip()
        raise plans.UnreadSentence(
            f'what {before.text} decays to ("{rest[:60]}") names no particle', hint="write, for instance, e+ e- or mu+ mu-"
        )
    first = _ENDS.split(gap, maxsplit=1)[0]
    _refuse_unknown(first, True, True)


def _behind(before: plans.NamedParticle, gap: str) -> None:
    """Note what follows a particle: an arrow, a bracket."""
    inner = gap.replace("(", " ").replace(")", " ")
    arrow = _ARROW.match(inner.lstrip() if "(" in gap else inner)
    before.opens = "(" in gap
    before.closes = gap.count(")")
    before.arrow = bool(arrow) and not _SEPARATES.match(inner.strip()[:1] or "x")


def _without_free(plain: str, places: Sequence[tuple[int, int, tuple[str, ...]]]) -> str:
    """A sentence without the words that leave a particle to the decay table."""
    for _, end, _ in places:
        words_ = phrases.FREE.match(plain, end)
        if words_:
            plain = plain[:end] + " " * (words_.end() - end) + plain[words_.end() :]
    return plain


def _refuse_unknown(gap: str, between: bool, inside: bool) -> None:
    """Refuse what may be a particle that is not known, and between particles each word that may alter what is meant."""
    if _FILE.search(gap):
        gap = _FILE.sub(" ", gap)
    for pattern in _EXPERIMENT.values():
        gap = re.sub(pattern, " ", gap, flags=re.IGNORECASE)
    like = _LIKE_PARTICLE.search(gap)
    others = [] if like or not between else list(phrases.unread_words(_ENERGY.sub(" ", gap)))
    if not like and not others:
        return
    unknown = like[0] if like else others[0]
    if like or re.fullmatch(r"[A-Z]", unknown) or (inside and not _ENDS.search(gap)):
        # What looks like a particle is one that is missing; another word may be one that the grammar does not know.
        near = _slip_of(unknown)
        raise (InputError if like else plans.UnreadSentence)(
            f"the sentence names {unknown}, which is not a particle of the tables",
            hint=f"write {near}" if near else "",
        )
    raise plans.UnreadSentence(
        f'what "{" ".join(others)}" between two particles means is not read', hint='write "A -> B C, B -> D E"'
    )


def _slip_of(word: str) -> str:
    """The one particle of the Review for which a word is a slip of the pen; '' if there is none, or if the word is short."""
    if len(word) < _SHORTEST:
        return ""
    found = {name for name in (*_generator_names().values(), *_NICKNAMES) if words.is_slip(word, name)}
    return found.pop() if len(found) == 1 else ""


def _with_beams(named: list[plans.NamedParticle]) -> list[plans.NamedParticle]:
    """The particles with a virtual photon for the e+ e- that collide first."""
    names = {name for each in named[:2] for name in each.options}
    if len(named) < 3 or not named[1].arrow or names != {"e+", "e-"}:
        return named
    return [plans.NamedParticle(("vpho",), "e+ e-", arrow=True, apart=True), *named[2:]]


# ---- clauses -------------------------------------------------------------------------------------


def _clauses(named: list[plans.NamedParticle]) -> list[plans.DecayClause]:
    found: list[plans.DecayClause] = []
    at = 0
    while at < len(named):
        if named[at].arrow or (named[at].opens and found):
            at = _clause(named, at, found, nested=named[at].opens)
        else:
            at += 1
    for clause in found:
        _refuse_two_in_one(clause)
        _refuse_uncounted(clause)
    return [each for each in found if each.daughters and not _is_collision(each)]


def _refuse_uncounted(clause: plans.DecayClause) -> None:
    """Refuse "phi -> kaons", which does not say how many."""
    for each in clause.daughters:
        if re.fullmatch(r"[A-Za-z]{3,}s", each.text) and each.count == 1:
            raise plans.UnreadSentence(
                f"the sentence does not say how many {each.text} {clause.parent.text} decays to",
                hint="write two of them, or their charges",
            )


def _is_collision(clause: plans.DecayClause) -> bool:
    """Whether e+ e- make one particle, or two taus, which the program of the collision hands to EvtGen."""
    taus = all({"tau+", "tau-"} & set(each.options) for each in clause.daughters)
    return clause.parent.options == ("vpho",) and (len(clause.daughters) == 1 or taus)


def _refuse_two_in_one(clause: plans.DecayClause) -> None:
    """Refuse "K- pi+ and K+ K-", which may be one decay or two."""
    each = list(dict.fromkeys(map(id, clause.daughters)))
    joined = {id(daughter) for daughter in clause.daughters if daughter.joined}
    for at, daughter in enumerate(each):
        if daughter in joined and at > 1 and at < len(each) - 1:
            raise plans.UnreadSentence(
                f'whether "and" joins daughters or decays of {clause.parent.text} is not certain',
                hint='leave "and" out between daughters, and write "or" between modes',
            )


def _from_the_first(clauses: Sequence[plans.DecayClause]) -> list[plans.DecayClause]:
    """The decays with the one first whose parent no other produces: 'chi_c0 -> K K after psi(2S) -> gamma chi_c0'."""

    def produced(clause: plans.DecayClause) -> bool:
        """Whether a daughter of another decay can be what decays here."""
        own = set(clause.parent.options)
        return any(
            own & set(each.options) for other in clauses if other is not clause for each in other.daughters
        )

    return sorted(clauses, key=produced) if produced(clauses[0]) else list(clauses)


def _clause(
    named: list[plans.NamedParticle], at: int, found: list[plans.DecayClause], *, nested: bool
) -> int:
    """Read a parent and its daughters, and what is decayed inside; give the place behind it."""
    clause = plans.DecayClause(named[at])
    found.append(clause)
    at += 1
    while at < len(named):
        each = named[at]
        if each.aside and not each.arrow and not each.opens:
            at += 1
            continue
        if each.opens:
            clause.daughters.append(each)
            at = _clause(named, at, found, nested=True)
            if nested and named[at - 1].closes > 1:
                named[at - 1].closes -= 1
                return at
            continue
        if each.arrow:
            again = not _STABLE & set(each.options) and any(
                set(each.options) & set(other.options) for other in clause.daughters
            )
            if (each.apart or again) and clause.daughters:
                return at
            return _chained(named, at, clause, found)
        if each.begins and clause.daughters:  # in no decay
            at += 1
            continue
        if each.instead and clause.daughters:
            clause = plans.DecayClause(clause.parent, instead=True)
            found.append(clause)
        clause.daughters += [each] * each.count
        at += 1
        if nested and each.closes:
            return at
    return at


def _chained(
    named: list[plans.NamedParticle], at: int, clause: plans.DecayClause, found: list[plans.DecayClause]
) -> int:
    """`A -> B c -> d e c`: the second arrow shows what became of B beside what stays."""
    clause.daughters.append(named[at])
    below: list[plans.DecayClause] = []
    end = _clause(named, at, below, nested=False)
    first, *rest = below
    for number, candidate in enumerate(clause.daughters):
        others = [each for other, each in enumerate(clause.daughters) if other != number]
        left = list(first.daughters)
        for other in others:
            match = next((each for each in left if set(each.options) & set(other.options)), None)
            if match is None:
                break
            left.remove(match)
        else:
            if left and others:
                first = plans.DecayClause(candidate, left)
                break
    found += [first, *rest]
    return end
