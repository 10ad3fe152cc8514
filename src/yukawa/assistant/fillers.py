"""Words of a question that ask rather than name: an answer may leave them unexplained."""

from __future__ import annotations

import re

from yukawa.knowledge.language import read

# Everyday English of asking, telling and looking up. They stay search terms, since a document may be about them.
FILLERS = frozenset(
    """
    passes passe until vs versus analysis units
    disintegrate disintegrates disintegrating turning sit sits relative total level ruled strongest published exclusion
    setting settings monte carlo detector design thesis lab writing preparing lecture slide homework exam boson fermion
    scalar pseudoscalar vector axial isosinglet isodoublet isotriplet singlet doublet triplet narrow broad short-lived
    long-lived short long positively negatively rest weigh mass heavy light baryon meson lepton quark state
    resonance hundred thousand million even odd uncertainty wide lived way beam apart away exclude excluded seek sought
    reliable trustworthy authoritative commonly textbook physical brief latest newest student colleague friend today
    produced produce occur occurs proceeds proceed
    actual actually adopt adopted agree agreed apart approximate assign assigned assume assuming attribute believed
    belong belongs best-known booklet calculate calculated carried certainly characterise characterised characterize
    characterized claim claims clear clearly common complete concerning concise consider considered contain contains
    context correct correspond corresponding corresponds curious decayed define defined definite derive derived
    detail details determine determining directly display easily easy end ending ends entries entry enumerate
    estimated evaluate even event events every example exhibit exhibits experiments express expressed extract
    extracted figures final finally fine first free fully furnish general handbook happen happening happens hold
    holds idea ideal identify important inform information instance interested interesting involved involving issue
    kindly likely magnitude main major manner matter maybe measures mention mentioned merely minute moment moreover
    namely natural naturally nature nearly necessary new next note noted notice nowadays observe obtained obviously
    offer officially order ordinary original otherwise outline page part particular parts pay perhaps point-like
    possess possesses possible possibly practical practice precision presently pretty previously prior probably
    problem process product products properties property put quantify quantity quickly quite quotes quoting rare
    rarely rather reach real reality reason recall recent recommend recommends record recorded records refer regard
    related relating relevant remember require respect respective response retrieve return right-hand rough roughly
    route routine sake sample scientific second seem seems seen sense set short shown shows simple simply single
    situation size small so-called sort sound source specific specified specify stand standard stands start stating
    still straight strictly strong student study subject suggest summarise summarize supply sure system tabulate
    tabulated taken takes taking talk talking teach tend tends term terms text textbook things think third thought
    time times told total try trying turn turns type types typically undergo undergoes understand update updated
    useful user versus view walk whatsoever whichever whole wonder wondering work works worth yet youd
    """.split()
)

_YEAR = re.compile(r"(?:19|20)\d\d$")
_CLAUSE = re.compile(r"(?<=[.!?;:,])\s+")


def is_filler(word: str) -> bool:
    """Whether `word` says nothing of what is asked; a year tells which edition is wished for."""
    return word in FILLERS or word + "s" in FILLERS or _YEAR.match(word) is not None


def focus(question: str) -> str:
    """`question` from its first clause on that names a particle or a property, without 'I am preparing a talk;'."""
    clauses = _CLAUSE.split(question)
    first = next((i for i, c in enumerate(clauses) if (reading := read(c)).mentions or reading.property), 0)
    return " ".join(clauses[first:])


# Words that make another quantity or another thing of what they stand with: 'mass ratio', 'neutron star'.
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
