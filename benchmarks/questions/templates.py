"""The phrasings of the answerable questions: one list for tuning, another, disjoint one for the test.

Placeholders: {p} the particle; {the} the particle with its article where English wants one; {sym} a symbol
inside a formula; {u} the PDG's unit; {D} a whole decay; {F} a final state; {a}, {b} the two particles of a
mass difference ({na}, {nb} without article, {sa}, {sb} as symbols). A leading style list restricts a phrasing
to the spellings it reads well with.
"""

from __future__ import annotations

SYMBOLS = "ascii latex unicode"
WORDS = "english"
ANY = "ascii latex unicode english pdg"
NOT_PDG = "ascii latex unicode english"
NOT_WORDS = "ascii latex unicode pdg"

# property -> [(styles, phrasing)]; the template id is "<set>-<property>-<number>".
DEV: dict[str, list[tuple[str, str]]] = {
    "mass": [
        (ANY, "{p} mass"),
        (ANY, "What is the mass of {the}?"),
        (SYMBOLS, "m({sym})?"),
        (ANY, "how heavy is {the}?"),
        (NOT_PDG, "mass of {the} in {u}"),
        (ANY, "Could you tell me the mass of {the}, please?"),
        (ANY, "What value does the PDG give for the mass of {the}?"),
        (WORDS, "What's the {p}'s mass?"),
        (ANY, "Give me the current world average of the {p} mass."),
        (ANY, "I need the mass of {the} with its uncertainty"),
    ],
    "width": [
        (ANY, "{p} width"),
        (ANY, "What is the width of {the}?"),
        (ANY, "How broad is {the}?"),
        (SYMBOLS, "Gamma({sym}) total width"),
        (ANY, "total decay width of {the}"),
        (ANY, "Please give me the full width of {the}"),
        (ANY, "what is the natural width of {the}, with error?"),
        (NOT_PDG, "{the} width in {u}?"),
    ],
    "lifetime": [
        (ANY, "{p} lifetime"),
        (ANY, "What is the lifetime of {the}?"),
        (WORDS, "how long does a {p} live"),
        (ANY, "mean life of {the}"),
        (SYMBOLS, "tau({sym})=?"),
        (ANY, "After what time does {the} decay on average?"),
        (ANY, "Could I have the measured mean lifetime of {the}?"),
    ],
    "branching": [
        (SYMBOLS, "BR({D})"),
        (ANY, "branching fraction of {D}"),
        (ANY, "What is the branching fraction for {D}?"),
        (ANY, "How often does {the} decay to {F}?"),
        (NOT_PDG, "What fraction of {p} decays go to {F}?"),
        (ANY, "probability of the decay {D}"),
        (SYMBOLS, "B({D}) = ?"),
        (ANY, "what's the branching ratio for {D}"),
        (ANY, "{p} branching fraction to {F}"),
        (ANY, "Please give the measured branching fraction of the decay {D}."),
        (NOT_WORDS, "PDG value of BF({D})"),
        (ANY, "how probable is it that {the} decays into {F}"),
    ],
    "limit": [
        (ANY, "What is the upper limit on {D}?"),
        (SYMBOLS, "limit on BR({D})"),
        (NOT_WORDS, "How strongly is {D} excluded? I want the branching fraction limit."),
        (ANY, "experimental upper bound on the branching fraction of {D}"),
    ],
    "quantum:JPC": [(ANY, "J^PC of {the}"), (ANY, "What are the J^PC quantum numbers of {the}?")],
    "quantum:JP": [(ANY, "What is the spin-parity of {the}?"), (NOT_PDG, "spin and parity of {the}")],
    "quantum:J": [(ANY, "What is the spin of {the}?"), (ANY, "which spin does {the} carry")],
    "quantum:P": [(ANY, "Is the parity of {the} positive or negative?")],
    "quantum:I": [(ANY, "What isospin does {the} have?")],
    "quantum:C": [(ANY, "what is the C-parity of {the}?")],
    "quantum:charge": [(ANY, "What is the electric charge of {the}?")],
    "quantum:all": [(ANY, "quantum numbers of {the}")],
    "difference": [
        (ANY, "mass difference between {a} and {b}"),
        (SYMBOLS, "m({sa}) - m({sb})"),
        (ANY, "How much heavier is {a} than {b}?"),
        (ANY, "What is the {na} – {nb} mass splitting?"),
    ],
    "moment": [
        (ANY, "magnetic moment of {the}"),
        (ANY, "What is the magnetic moment of {the}, and how well is it known?"),
        (ANY, "{p} magnetic moment in nuclear magnetons"),
    ],
    "anomaly": [
        (WORDS, "g-2 of the {p}"),
        (WORDS, "What is the anomalous magnetic moment (g-2)/2 of the {p}?"),
    ],
}
TEST: dict[str, list[tuple[str, str]]] = {
    "mass": [
        (ANY, "mass of {p}"),
        (ANY, "mass {p}"),
        (ANY, "what's the {p} mass"),
        (ANY, "How massive is {the}?"),
        (WORDS, "How much does the {p} weigh?"),
        (ANY, "Which mass does {the} have?"),
        (ANY, "Please look up the mass of {the}."),
        (ANY, "What is the measured mass of {the} and its error?"),
        (ANY, "latest PDG mass for {the}"),
        (SYMBOLS, "M({sym}) in {u}"),
        (ANY, "Tell me the rest mass of {the}"),
        (ANY, "How many {u} is the mass of {the}?"),
    ],
    "width": [
        (ANY, "width of {p}"),
        (ANY, "How wide is {the}?"),
        (ANY, "full width of {the}"),
        (ANY, "What's the total width of {the}?"),
        (ANY, "What decay width does the PDG list for {the}?"),
        (SYMBOLS, "What is Γ({sym}), the full width?"),
        (ANY, "{p}: how large is its decay width?"),
        (ANY, "Can you give me the width of {the} along with the uncertainty?"),
        (NOT_PDG, "{p} decay width ({u})"),
    ],
    "lifetime": [
        (ANY, "lifetime of {p}"),
        (ANY, "What is the mean life of {the}?"),
        (ANY, "How long does {the} live?"),
        (WORDS, "what is the average lifetime of a {p}"),
        (ANY, "{p} mean lifetime"),
        (ANY, "how long-lived is {the}"),
        (ANY, "Would you tell me the lifetime of {the} and its error?"),
        (NOT_PDG, "PDG average for the {p} lifetime"),
    ],
    "branching": [
        (ANY, "branching ratio of {D}"),
        (NOT_WORDS, "{D} branching fraction"),
        (SYMBOLS, "Br({D})?"),
        (ANY, "How likely is {the} to decay into {F}?"),
        (ANY, "In what fraction of cases does {the} go to {F}?"),
        (NOT_PDG, "what percentage of {p} decays end up in {F}"),
        (SYMBOLS, "Γ({D})/Γ_total"),
        (NOT_WORDS, "What is the branching ratio {D}?"),
        (ANY, "What has been measured for the branching fraction of {the} into {F}?"),
        (ANY, "Could you look up the branching fraction for {D}?"),
        (NOT_WORDS, "how frequently does {D} occur, as a fraction of all {p} decays?"),
        (ANY, "decay {D}: branching ratio with error"),
        (NOT_WORDS, "Which share of {p} decays is {D}?"),
    ],
    "limit": [
        (ANY, "current limit on {D}"),
        (ANY, "upper limit for the decay {D}"),
        (ANY, "What is the best limit on the branching ratio of {D}?"),
        (ANY, "What bound does the PDG quote on the branching fraction of {D}?"),
        (NOT_WORDS, "Has {D} been seen? If not, what is the limit?"),
    ],
    "quantum:JPC": [(ANY, "JPC of {the}"), (ANY, "Which J^{PC} does {the} have?")],
    "quantum:JP": [(ANY, "what is the spin and parity of {the}"), (ANY, "J^P of {the}?")],
    "quantum:J": [(ANY, "How large is the spin of {the}?"), (ANY, "{p} spin")],
    "quantum:P": [(ANY, "What intrinsic parity has {the}?")],
    "quantum:I": [(ANY, "isospin of {the}")],
    "quantum:C": [(ANY, "charge-conjugation parity C of {the}")],
    "quantum:charge": [(ANY, "what charge does {the} have?")],
    "quantum:all": [(ANY, "What are the quantum numbers of {the}?"), (ANY, "I^G(J^PC) of {the}")],
    "difference": [
        (ANY, "{na} {nb} mass difference"),
        (ANY, "What is the difference in mass between {a} and {b}?"),
        (SYMBOLS, "Δm = M({sa}) − M({sb})"),
        (ANY, "by how much does the mass of {a} exceed that of {b}"),
    ],
    "moment": [
        (ANY, "{p} magnetic moment"),
        (ANY, "How big is the magnetic moment of {the}?"),
        (ANY, "What does the PDG say about the magnetic dipole moment of {the}?"),
    ],
    "anomaly": [
        (WORDS, "anomalous magnetic moment of the {p}"),
        (WORDS, "What is the measured (g-2)/2 for the {p}?"),
    ],
}
