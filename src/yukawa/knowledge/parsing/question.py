"""Reads one sentence or question: which particles, which property, which decay, which words remain."""

import functools
import itertools
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from yukawa.knowledge.facts import unique
from yukawa.knowledge.parsing.listed import squeeze
from yukawa.knowledge.parsing.particles import Mention, find_particles, particle_table
from yukawa.knowledge.parsing.properties import find_property
from yukawa.knowledge.parsing.spelling import plain_ascii

# A particle and its decay products are joined by an arrow, or by 'to', 'into' just before a particle.
_INTO = re.compile(
    r"→|\b(?:to|into|via)\b(?=[^¤§→.;]{0,24}¤)|(?:(?<=decays )|(?<=decay )|(?<=decaying ))in(?=(?: an?| the| two| \d)? ?¤)"
)
_MULTIPLICITY = re.compile(r"(?<![\w.])(\d|two|three|four)\s*\(?$")
# A word between two particles that does not merely list them.
_BREAK = re.compile(
    r"\b(?!(?:and|plus|an?|the|with|one|two|three|four|charged|neutral|pairs?|of|another|non-resonant|c\.?c)\b)[A-Za-z]{2,}|[;:?=]"
)
_LISTED = re.compile(r"\b(?:and|or)\b|[,;(/→]")
_COUNTS = {"two": 2, "three": 3, "four": 4}
_PAIR = re.compile(r" pairs?\b")
_PAIR_OF = re.compile(r"\bpairs? of (?:\w+ )?$")
# Products that are not particles, as sources write them.
_OTHER_PRODUCTS = {"hadron": "hadrons", "invisible": "invisible", "anything": "anything"}
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9'_*+-]*|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
# Words that carry no content of their own in questions and statements about physics.
STOPWORDS = frozenset(
    """
    a about above according after again all also although always am among an and any anyone are around as
    ask asked at available be because been before being best between book both brief briefly but by called
    can cannot case certain channel come comes compare computed could current currently data day decay
    decaying decays describe determined did different do does doing done each either encyclopedia equal
    especially established ever exact exactly exist exists experiment experimental experimentally explain
    expected fact far figure find following for found from full further generally get give given gives go
    goes going good got group had has have having he hello help her here hi him his how however i if in into
    is it its itself just keep kind know known latest let like list listed listing literature long look
    looking lookup made make many may me mean means measure measured measurement measurements might mode
    modes modern more most much must my name need newest nice no nominal normal not now number numbers
    numerical obtain of off official often ok on once one only or other our out over own particle particles
    pdg physics please precise precisely present proper provide published question quick quote quoted read
    really recommended reference regarding remind report reported result results review right said same say
    says search see shall she should show so some something state stated such summary table take tell than
    thank thanks that the their them then there these they thing this those through thus to today together
    too typical under up upon us use used using usual usually value values very via want was way we well
    were what whats when where whether which while who whose why will with within without world would write
    year yes you your average edition listings accepted approximately estimate fit evaluation upper lower
    limit limits bound bounds confidence level allowed cite error errors uncertainty uncertainties including
    include symbol call denoted written observed measuring compilation two three four five several live
    lives lived last lasts survive survives persist persists carry carries positive negative nuclear
    magneton magnetons strongly excluded exclude pair pairs states mev gev kev ev units unit
    """.split()
)
Channel: TypeAlias = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """The meaning of a sentence.

    `subjects` are the PDG names the first particle can mean, `channel` the alternatives for each decay
    product, `words` the content words left over, `otherwise` a second reading of a decay.
    """

    plain: str
    mentions: tuple[Mention, ...]
    subjects: tuple[str, ...]
    property: str | None
    channel: tuple[tuple[str, ...], ...]
    words: tuple[str, ...]
    otherwise: tuple[tuple[str, ...], Channel] | None = None

    def keys(self, limit: int = 4096) -> tuple[str, ...]:
        """Claim keys of this reading: equal keys mean the same quantity of the same thing."""
        if not self.subjects or self.property is None:
            return ()
        if self.property == "mass-difference":
            return (
                difference_keys(self.mentions[-2].names, self.mentions[-1].names)
                if len(self.mentions) > 1
                else ()
            )
        if not self.channel and self.property == "branching-fraction":
            named = [_OTHER_PRODUCTS[w] for w in self.words if w in _OTHER_PRODUCTS]
            return tuple(sorted({claim_key(s, self.property, named) for s in self.subjects}))
        if not self.channel:
            return tuple(sorted({claim_key(s, self.property, ()) for s in self.subjects}))
        found: set[str] = set()
        for subjects, channel in ((self.subjects, self.channel), self.otherwise or ((), ())):
            if len(subjects) * math.prod(map(len, channel)) <= limit:
                for subject, products in itertools.product(subjects, itertools.product(*channel)):
                    found.update(_decay_keys(subject, self.property, products))
        return tuple(sorted(found))

    def quantities(self, limit: int = 4096) -> Iterable[tuple[tuple[str, ...], str, tuple[str, ...]]]:
        """What is stated or asked: PDG names of the subjects (particles), property and sorted channel of each quantity it can mean."""
        if not self.subjects or self.property is None:
            return
        if self.property == "mass-difference":
            if len(self.mentions) > 1:
                sides = (as_particles(m.names) for m in self.mentions[-2:])
                yield from (
                    (pair, self.property, ()) for pair in itertools.product(*sides) if pair[0] != pair[1]
                )
            return
        named = tuple(_OTHER_PRODUCTS[w] for w in self.words if w in _OTHER_PRODUCTS)
        if not self.channel:
            products = named if self.property == "branching-fraction" else ()
            yield as_particles(self.subjects), self.property, products
            return
        for subjects, channel in ((self.subjects, self.channel), self.otherwise or ((), ())):
            if len(subjects) * math.prod(map(len, channel)) <= limit:
                for subject, products in itertools.product(subjects, itertools.product(*channel)):
                    if found := of_particle(subject, products):
                        yield (found[0],), self.property, tuple(sorted(found[1]))

    def terms(self) -> list[str]:
        """Search terms: words, `@S035` for particles, `#mass` for the property, `=…` for claim keys."""
        found = list(self.words)
        for mention in self.mentions:
            found += ["@" + i for i in particle_table().identifiers(mention.names)]
        if self.property:
            found.append("#" + self.property)
        found += ["=" + key for key in self.keys(limit=64)]
        return found


@functools.lru_cache(maxsize=512)
def read(text: str) -> Reading:
    """Read `text` (a sentence or a question, any notation)."""
    plain = plain_ascii(text)
    mentions = tuple(find_particles(plain))
    masked = _masked(plain, mentions)
    property_name, masked = find_property(masked)
    subjects, channel, otherwise = _decay(masked, mentions, property_name == "branching-fraction")
    if (
        property_name == "mass"
        and len(mentions) == 2
        and not _LISTED.search(masked, mentions[0].end, mentions[1].start)
    ):
        property_name = "mass-difference"
    if property_name is None and channel:
        property_name = "branching-fraction"
    if property_name not in {"branching-fraction", "momentum", "partial-width"}:
        channel, otherwise = (), None
    return Reading(plain, mentions, subjects, property_name, channel, _words(masked), otherwise)


def difference_keys(first: Iterable[str], second: Iterable[str]) -> tuple[str, ...]:
    """Claim keys of the difference of two masses, whichever is named first: `|mass-difference|K+,K0`."""
    sides = [{squeeze(_as_particle(name)) for name in names} for names in (first, second)]
    pairs = itertools.product(*sides)
    return tuple(
        sorted({f"|mass-difference|{','.join(sorted(pair))}" for pair in pairs if pair[0] != pair[1]})
    )


def as_particles(names: Iterable[str]) -> tuple[str, ...]:
    """The particles of `names`, an antiparticle by its particle, each once."""
    return unique(map(_as_particle, names))


def _as_particle(name: str) -> str:
    particle = particle_table().particles[name]
    return particle.conjugate if particle.is_antiparticle else name


def decay_keys(
    subjects: Iterable[str], property_name: str, products: Sequence[str], limit: int = 64
) -> tuple[str, ...]:
    """Claim keys of a decay whose products are written as in a table, where `pi+-`, `mu` and `rho` mean several states."""
    alternatives = [_alternatives(product) for product in products]
    count = 1
    for names in alternatives:
        count *= len(names)
    if count > limit:
        alternatives = [(product,) for product in products]
    found = {
        key for subject in subjects for chosen in itertools.product(*alternatives)
        for key in _decay_keys(subject, property_name, chosen)
    }  # fmt: skip
    return tuple(sorted(found))


@functools.lru_cache(maxsize=2048)
def _alternatives(product: str) -> tuple[str, ...]:
    if product in particle_table().particles:
        return (product,)
    plain = plain_ascii(product)
    mentions = find_particles(plain)
    whole = len(mentions) == 1 and squeeze(plain[mentions[0].start : mentions[0].end]) == squeeze(plain)
    return mentions[0].names if whole else (product,)


def claim_key(subject: str, property_name: str, products: Iterable[str]) -> str:
    """The key of a claim: `S035:1|branching-fraction|nu_tau,pi-` for tau- → pi- nu_tau."""
    particle = particle_table().particles[subject]
    # Quarks' thirds are omitted: no two charge states of a quark share an identifier.
    charge = abs(round(particle.charge)) if particle.charge is not None and particle.charge % 1 == 0 else 0
    return (
        f"{particle.identifiers[0]}:{charge}|{property_name}|{','.join(sorted(squeeze(p) for p in products))}"
    )


def _decay_keys(subject: str, property_name: str, products: Sequence[str]) -> Iterable[str]:
    """Keys of subject → products, written for the particle and not the antiparticle; charge is conserved."""
    if found := of_particle(subject, products):
        yield claim_key(found[0], property_name, found[1])


def of_particle(subject: str, products: Sequence[str]) -> tuple[str, Sequence[str]] | None:
    """Subject and products of a decay, turned to that of the particle; None if it does not conserve charge."""
    table = particle_table().particles
    particle = table[subject]
    charges = [table[p].charge for p in products if p in table]
    known = [c for c in charges if c is not None]
    if (
        particle.charge is not None
        and len(known) == len(products)
        and abs(sum(known) - particle.charge) > 0.01
    ):
        return None
    if particle.is_antiparticle:
        subject, products = particle.conjugate, [table[p].conjugate if p in table else p for p in products]
    return subject, products


def _masked(plain: str, mentions: Sequence[Mention]) -> str:
    """`plain` with every particle name replaced by as many `¤`, so that word patterns cannot match inside names."""
    characters = list(plain)
    for mention in mentions:
        characters[mention.start : mention.end] = "¤" * (mention.end - mention.start)
    return "".join(characters)


def _decay(
    masked: str, mentions: Sequence[Mention], speaks_of_decays: bool
) -> tuple[tuple[str, ...], Channel, tuple[tuple[str, ...], Channel] | None]:
    """The decaying particle and its products, and another reading of the same words if there is one."""
    if not mentions:
        return (), (), None
    split = next((m.end() for m in _INTO.finditer(masked) if mentions[0].end <= m.start()), None)
    if split is None:
        if "→" in masked:  # an arrow behind a name that is not known leaves no subject
            return (), (), None
        if not speaks_of_decays or len(mentions) < 2:
            return mentions[0].names, (), None
        # 'J/psi e+ e- branching fraction' or 'e+ e- branching fraction of the J/psi': what exists decides.
        last = (mentions[-1].names, _products(masked, mentions[:-1]))
        return mentions[0].names, _products(masked, mentions[1:]), last
    before = [m for m in mentions if m.end <= split]
    after = [m for m in mentions if m.start >= split]
    cascade = masked.find("→", split)
    if cascade > 0:  # the first step names the mode
        after = [m for m in after if m.start < cascade]
    if not before or not after:
        return mentions[0].names, (), None
    return before[-1].names, _products(masked, _contiguous(masked, after)), None


def _contiguous(masked: str, mentions: Sequence[Mention]) -> Sequence[Mention]:
    """The mentions up to the first that is not joined to the one before: products are listed together."""
    for position, (one, following) in enumerate(itertools.pairwise(mentions), start=1):
        if _BREAK.search(masked, one.end, following.start):
            return mentions[:position]
    return mentions


def _products(masked: str, mentions: Sequence[Mention]) -> tuple[tuple[str, ...], ...]:
    """Alternatives for each decay product; '2 pi+', 'two photons' and 'a muon pair' count twice."""
    products: list[tuple[str, ...]] = []
    for mention in mentions:
        multiplicity = _MULTIPLICITY.search(masked, max(0, mention.start - 12), mention.start)
        count = (_COUNTS.get(multiplicity[1]) or int(multiplicity[1])) if multiplicity else 1
        pair = _PAIR.match(masked, mention.end) and not masked.endswith("¤-", 0, mention.start)
        if pair or _PAIR_OF.search(masked, max(0, mention.start - 24), mention.start):
            products.append(tuple(particle_table().particles[name].conjugate for name in mention.names))
        products += [mention.names] * min(count, 9)
    return tuple(products)


def _words(masked: str) -> tuple[str, ...]:
    """Content words, lower case and singular."""
    words = []
    for match in _WORD.finditer(masked):
        word = _stem(match[0].strip("'+-*_").lower())
        if len(word) > 1 and word not in STOPWORDS and match[0].lower() not in STOPWORDS:
            words.append(word)
    return tuple(words)


def _stem(word: str) -> str:
    if word.endswith("'s"):
        word = word[:-2]
    if len(word) > 3 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
