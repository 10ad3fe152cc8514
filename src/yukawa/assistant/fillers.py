"""Words of a question that ask rather than name: an answer may leave them unexplained."""

# Everyday English of asking, telling and looking up. They stay search terms, since a document may be about them.
FILLERS = frozenset(
    """
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

# Words that make another quantity or another thing of what they stand with: 'mass ratio', 'neutron star'.
FOREIGN = frozenset(
    """
    ratio asymmetry sum square squared oscillation mixing polarization polarisation polarizability form factor
    constant parameter cross section temperature density colour color price cost radius diameter spectrum coupling
    angle phase amplitude slope speed velocity star planet sun moon earth date discovery discovered discoverer inventor
    invented history named economy city country music song film atom atomic nucleus molecule ion bomb reactor battery cell
    human person people kinetic critical effective thermal running dark sterile fourth excited mirror shadow hypothetical
    supersymmetric superpartner partner hydrogen helium water gas scientist physicist author collaboration paper
    """.split()
)
