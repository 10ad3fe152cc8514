"""How well a passage supports an answer to a question: the quantity in question must be the one stated."""

import re
from dataclasses import dataclass

from yukawa.knowledge import Hit
from yukawa.knowledge.parsing import Reading, claim_key, particle_table, read

# An answer is given from this support on. Chosen on the development questions by benchmarks/threshold.py.
THRESHOLD = 0.7
# What a question about a particle and nothing more is answered with.
OVERVIEW = ("quantum-numbers", "mass", "lifetime", "width", "main-decay-modes")

# Properties that sources state under claim keys: a fact without the key of the question is about something else.
STATED = frozenset(
    {"mass", "width", "lifetime", "branching-fraction", "quantum-numbers", "main-decay-modes", "half-life"}
)

# Everyday English of asking and looking up. They stay search terms, since a document may be about them.
FILLERS = frozenset(
    """
    actual actually adopt adopted agree agreed analysis apart approximate assign assigned assume assuming
    attribute authoritative away axial baryon beam believed belong belongs best-known booklet boson brief
    broad calculate calculated carlo carried certainly characterise characterised characterize characterized
    claim claims clear clearly colleague common commonly complete concerning concise consider considered
    contain contains context correct correspond corresponding corresponds curious decayed define defined
    definite derive derived design detail details detector determine determining directly disintegrate
    disintegrates disintegrating display doublet easily easy end ending ends entries entry enumerate
    estimated evaluate even event events every exam example exclude excluded exclusion exhibit exhibits
    experiments express expressed extract extracted fermion figures final finally fine first free friend
    fully furnish general handbook happen happening happens hold holds homework hundred idea ideal identify
    important inform information instance interested interesting involved involving isodoublet isosinglet
    isotriplet issue kindly lab latest lecture lepton level light likely lived long long-lived magnitude
    main major manner mass matter maybe measures mention mentioned merely meson million minute moment monte
    moreover namely narrow natural naturally nature nearly necessary negatively new newest next note noted
    notice nowadays observe obtained obviously occur occurs odd offer officially order ordinary original
    otherwise outline page part particular parts passe passes pay perhaps physical point-like positively
    possess possesses possible possibly practical practice precision preparing presently pretty previously
    prior probably problem proceed proceeds process produce produced product products properties property
    pseudoscalar published put quantify quantity quark quickly quite quotes quoting rare rarely rather reach
    real reality reason recall recent recommend recommends record recorded records refer regard related
    relating relative relevant reliable remember require resonance respect respective response rest retrieve
    return right-hand rough roughly route routine ruled sake sample scalar scientific second seek seem seems
    seen sense set setting settings short short-lived shown shows simple simply single singlet sit sits
    situation size slide small so-called sort sought sound source specific specified specify stand standard
    stands start state stating still straight strictly strong strongest student study subject suggest
    summarise summarize supply sure system tabulate tabulated taken takes taking talk talking teach tend
    tends term terms text textbook thesis things think third thought thousand time times today told total
    triplet trustworthy try trying turn turning turns type types typically uncertainty undergo undergoes
    understand units until update updated useful user vector versus view vs walk way weigh whatsoever
    whichever whole wide wonder wondering work works worth writing yet youd
    """.split()
)
# Words that turn the word beside them into another quantity or thing: 'mass ratio', 'neutron star'.
FOREIGN = frozenset(
    """
    charged neutral heavy ratio asymmetry sum square squared oscillation mixing polarization polarisation polarizability form factor
    constant parameter cross section temperature density colour color price cost radius diameter spectrum coupling
    angle phase amplitude slope speed velocity star planet sun moon earth date discovery discovered discoverer inventor
    invented history named economy city country music song film atom atomic nucleus molecule ion bomb reactor battery cell
    human person people kinetic critical effective thermal running dark sterile fourth excited mirror shadow hypothetical
    supersymmetric superpartner partner hydrogen helium water gas scientist physicist author collaboration paper
    """.split()
)

_YEAR = re.compile(r"(?:19|20)\d\d$")
_CLAUSE = re.compile(r"(?<=[.!?;:,])\s+")
_NAME_LIKE = re.compile(r"\b[a-z]*[A-Z][a-z]*[A-Z0-9][A-Za-z0-9]*\b|(?<=[a-z,] )[A-Z][a-z]+\b")
_MENTION, _PROPERTY, _WORD, _ADJACENT = 1.5, 1.5, 1.0, 2.0
_LEFT_OVER, _LEFT_OVER_FOREIGN = 0.16, 0.6
_WRONG_QUANTITY = 0.4


@dataclass(frozen=True, slots=True)
class Supported:
    """A hit with its support from 0 to 1 and its rank among equals (larger is better)."""

    hit: Hit
    support: float
    rank: float


def is_filler(word: str) -> bool:
    """Whether `word` says nothing about the subject of a question; a year names the edition."""
    return word in FILLERS or word + "s" in FILLERS or _YEAR.match(word) is not None


def focus(question: str) -> str:
    """`question` from its first clause on that names a particle or a property, without 'I am preparing a talk;'."""
    clauses = _CLAUSE.split(question)
    first = next((i for i, c in enumerate(clauses) if (reading := read(c)).mentions or reading.property), 0)
    return " ".join(clauses[first:])


def wanted_keys(question: Reading) -> frozenset[str]:
    """Claim keys that a passage must state to answer `question`; none if it asks in words only."""
    keys = question.keys()
    if (
        not keys
        and question.subjects
        and question.property is None
        and not question.words
        and len(question.mentions) == 1
    ):
        keys = tuple(claim_key(s, name, ()) for s in question.subjects for name in OVERVIEW)
    return frozenset(keys)


def judge(question: Reading, hit: Hit) -> Supported:
    """The support `hit` gives.

    A passage that states the very quantity in question supports fully, less for each word of the question it
    leaves unexplained. A fact of a data source that states another quantity supports hardly. A passage in
    free words supports as far as it covers what the question names; likeness of meaning helps what a person taught.
    """
    keys, stated = wanted_keys(question), frozenset(hit.keys)
    passage, asked = read(hit.text), read(hit.question) if hit.question else None
    words = {w for r in (passage, asked) if r for w in r.words if not w[0].isdigit()} | set(_label_words(hit))
    left = [w for w in question.words if w not in words and not is_filler(w)]
    foreign = [
        w for w in left if w in question.adjacent or w in FOREIGN or any(c.isdigit() or c == "_" for c in w)
    ]
    penalty = _LEFT_OVER_FOREIGN * len(foreign) + _LEFT_OVER * (len(left) - len(foreign))
    penalty += sum(_LEFT_OVER_FOREIGN for a in question.aspects if a.lower() not in hit.text.lower())
    common = keys & stated
    if common:
        agreement = len(common) / len(keys | stated)
        # Sentences name a mode twice, in two notations; more arrows mean a chain through other states.
        chain = 0.4 if passage.plain.count("→") > 2 else 0.0
        return Supported(hit, max(0.0, 1.0 - penalty), _rank(hit, agreement) - chain)
    covered = _coverage(question, passage, asked, words)
    if hit.kind != "data":
        likeness = min(1.0, max(0.0, hit.similarity) / 0.6)
        if any(name in left for name in names(question)):
            covered, likeness = covered * _WRONG_QUANTITY, 0.0
        return Supported(
            hit, max(covered, 0.6 * covered + 0.4 * likeness) if covered > 0 else 0.0, _rank(hit, 0.0)
        )
    if _other_quantity(question, keys, stated, passage):
        return Supported(hit, covered * _WRONG_QUANTITY, _rank(hit, 0.0))
    return Supported(hit, max(0.0, covered - penalty), _rank(hit, 0.0))


def names(question: Reading) -> frozenset[str]:
    """Words of `question` that are written as names ('KEKB', 'Beijing'): another name is another thing."""
    found = (word.lower() for word in _NAME_LIKE.findall(question.plain))
    return frozenset(word for word in found if word in question.words)


def _other_quantity(
    question: Reading, keys: frozenset[str], stated: frozenset[str], passage: Reading
) -> bool:
    """Whether a fact that shares no claim key with the question states something other than the question asks."""
    if (keys or question.channel) and question.property in STATED:
        return not _same_decays(question, stated)
    if question.property is not None and not question.subjects:  # 'its lifetime' alone names nothing
        return bool(stated) or not question.words
    return passage.property is not None and passage.property != question.property


def best(question: Reading, hits: list[Hit]) -> list[Supported]:
    """All hits by support, then rank, best first; what a correction replaces follows behind it."""
    judged = sorted((judge(question, hit) for hit in hits), key=lambda s: (-round(s.support, 2), -s.rank))
    replaced: set[str] = set()
    for one in judged:
        if one.hit.kind == "correction" and one.support >= THRESHOLD:
            replaced |= set(one.hit.attributes.get("supersedes", ()))
    return [s for s in judged if s.hit.item_id not in replaced]


def sentence_support(question: str, sentence: str) -> float:
    """Share of what `question` names that `sentence` states; how the quoting model chooses its words."""
    passage = read(sentence)
    return _coverage(read(focus(question)), passage, None, set(passage.words))


def _coverage(question: Reading, passage: Reading, asked: Reading | None, words: set[str]) -> float:
    table = particle_table()
    named = {i for r in (passage, asked) if r for m in r.mentions for i in table.identifiers(m.names)}
    total = matched = 0.0
    for mention in question.mentions:
        total += _MENTION
        matched += _MENTION * bool(named & set(table.identifiers(mention.names)))
    if question.property:
        total += _PROPERTY
        matched += _PROPERTY * any(
            r is not None and r.property == question.property for r in (passage, asked)
        )
    for word in question.words:
        if word not in words and is_filler(word):
            continue
        weight = _ADJACENT if word in question.adjacent else _WORD
        total += weight
        matched += weight * (word in words)
    return matched / total if total else 0.0


def _same_decays(question: Reading, stated: frozenset[str]) -> bool:
    """Whether both speak of decays of one particle, whose products the question gives in words ('hadrons')."""
    if question.property not in {"branching-fraction", "partial-width"} or question.channel:
        return False
    prefixes = {claim_key(s, question.property, ()) for s in question.subjects}
    return bool(question.words) and any(key.rsplit("|", 1)[0] + "|" in prefixes for key in stated)


def _rank(hit: Hit, agreement: float) -> float:
    taught = 0.5 if hit.kind != "data" else 0.0
    preferred = 1.0 if hit.attributes.get("preferred", True) else 0.0
    return 2 * taught + agreement + 0.5 * preferred + 0.2 * hit.score


def _label_words(hit: Hit) -> tuple[str, ...]:
    return read(hit.provenance.source).words if hit.kind != "data" else ()
