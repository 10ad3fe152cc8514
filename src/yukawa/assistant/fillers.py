"""Words of a question that ask rather than name: an answer may leave them unexplained."""

from __future__ import annotations

import re

from yukawa.knowledge.parsing import read

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

_YEAR = re.compile(r"(?:19|20)\d\d$")
_CLAUSE = re.compile(r"(?<=[.!?;:,])\s+")


def is_filler(word: str) -> bool:
    """Whether `word` says nothing about the subject of a question; a year names the edition."""
    return word in FILLERS or word + "s" in FILLERS or _YEAR.match(word) is not None


def focus(question: str) -> str:
    """`question` from its first clause on that names a particle or a property, without 'I am preparing a talk;'."""
    clauses = _CLAUSE.split(question)
    first = next((i for i, c in enumerate(clauses) if (reading := read(c)).mentions or reading.property), 0)
    return " ".join(clauses[first:])


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
