"""The questions the PDG data cannot answer, written by hand, and the checks that they really cannot.

A check is '' (nothing to look up), 'name:X|Y' (no PDG name or description has X or Y), 'prop:S035:regex' (no
entry of that particle matches), 'none:M217:GT' (no value of these data types), 'quantum:S003:I' (not given) or
'decay:S042:p n' (no mode of that particle has these products in any charges, nor an inclusive one covering them).
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from typing import Any

Entry = tuple[str, str]

MADE_UP = "made-up particle"
PROPERTY = "missing property"
DECAY = "missing decay"
FIELD = "other field"
SPELLING = "false spelling"
STATE = "nonexistent state"
CHAT = "chit-chat"

# kind -> [(question, check)]
DEV: dict[str, list[Entry]] = {
    MADE_UP: [
        ("What is the mass of the zorblon?", "name:zorblon"),
        ("zorblon lifetime", "name:zorblon"),
        ("How heavy is the X(9173)?", "name:X(9173)"),
        ("width of X(9173) in MeV", "name:X(9173)"),
        ("What is the lifetime of the Lambda_q+?", "name:Lambda_q"),
        ("branching fraction of Lambda_q+ -> p K- pi+", "name:Lambda_q"),
        ("m(B_z0)?", "name:B_z"),
        ("What is the mean life of the tetraneutrino?", "name:tetraneutrino"),
        ("how long does a flarion live", "name:flarion"),
        ("What is the spin of the quibbon?", "name:quibbon"),
        ("quantum numbers of the Y(12345)", "name:Y(12345)"),
        ("$\\Theta_y(4177)^{++}$ width", "name:Theta_y"),
        ("Please give me the width of the Q_s(2950).", "name:Q_s(2950)"),
        ("What is the mass of the muonino?", "name:muonino"),
        ("full width of the darkeron boson", "name:darkeron"),
        ("mass difference between the zeta(3100) and the J/psi", "name:zeta(3100)"),
        ("mass of the glimmeron in GeV", "name:glimmeron"),
        ("BR(V_b(6400)0 -> J/psi K+ K-)", "name:V_b(6400)"),
        ("How broad is the Z_q(5140)?", "name:Z_q(5140)"),
        ("What is the magnetic moment of the strangelino?", "name:strangelino"),
        ("What is the charge of the hexaquarkon?", "name:hexaquarkon"),
        ("R_c(3333)+ mass", "name:R_c(3333)"),
        ("total decay width of the Φ_t(350)", "name:phi_t"),
        ("What does the PDG say about the mass of the leptigluon?", "name:leptigluon"),
        ("J^PC of the kryptonium(4S)", "name:kryptonium"),
        ("lifetime of the antigravitino-prime baryon", "name:gravitino-prime"),
    ],
    PROPERTY: [
        ("What is the melting point of the tau lepton?", "prop:S035:melt"),
        ("What colour is the W boson?", "prop:S043:colou?r"),
        ("How much does a kilogram of muons cost?", "prop:S004:price|cost"),
        ("Who discovered the J/psi, and in which year?", "prop:M070:discover"),
        ("magnetic moment of the Higgs boson", "prop:S126:magnetic"),
        ("What is the width of the Upsilon_2(1D)?", "none:M177:G"),
        ("mean life of B_c(2S)+", "none:M217:GT"),
        ("What is the lifetime of the $\\Xi_c^{\\prime+}$?", "none:S058:GT"),
        ("full width of the h_b(1P)", "none:M204:G"),
        ("what's the decay width of the B_s star meson", "none:S087:G"),
        ("What is the isospin of the electron?", "quantum:S003:I"),
        ("G-parity of the proton", "quantum:S016:G"),
        ("What is the electrical conductivity of the Omega minus?", "prop:S024:conduct"),
        ("boiling temperature of charmonium J/psi", "prop:M070:boil|temperature"),
        ("charge radius of the B_s0", "prop:S086:radius"),
        ("magnetic moment of the Lambda_c+", "prop:S033:magnetic"),
        ("What is the electric dipole moment of the Xi_cc++?", "prop:S068:dipole"),
        ("how many people work on measuring the D0 lifetime", "prop:S032:people"),
        ("polarizability of the Upsilon(1S)", "prop:M049:polarizab"),
        ("What is the refractive index of the eta prime?", "prop:M002:refract"),
        ("viscosity of the K long", "prop:S013:viscos"),
        ("When was the Lambda_b0 first seen, what date?", "prop:S040:date|first seen"),
    ],
    DECAY: [
        ("What is the branching fraction of Z -> t tbar?", "decay:S044:t tbar"),
        ("BR(tau- -> p K- nu_tau)", "decay:S035:p K- nu_tau"),
        ("How often does the muon decay to a pion and a neutrino?", "decay:S004:pi- nu_mu"),
        ("branching ratio of H -> t tbar", "decay:S126:t tbar"),
        ("upper limit on pi0 -> mu+ mu-", "decay:S009:mu+ mu-"),
        ("What fraction of $\\Lambda$ decays go to $\\Sigma^0 \\gamma$?", "decay:S018:Sigma0 gamma"),
        ("B(B⁰ → Ξ_cc⁺⁺ Ω⁻) = ?", "decay:S042:Xi_cc()++ Omega-"),
        ("branching fraction of phi(1020) -> Omega- pi+", "decay:M004:Omega- pi+"),
        ("What is the branching fraction for K+ -> p pbar pi+?", "decay:S010:p pbar pi+"),
        ("probability of the decay Omega- --> Omega_c0 pi-", "decay:S024:Omega_c()0 pi-"),
        ("W+ -> t bbar branching fraction", "decay:S043:t bbar"),
        ("BR($J/\\psi \\to \\Upsilon(1S) \\gamma$)", "decay:M070:Upsilon(1S) gamma"),
        ("How often does the neutron decay to three electrons?", "decay:S017:e- e+ e-"),
        ("limit on B_s0 -> Xi_c+ Omega-", "decay:S086:Xi_c()+ Omega-"),
        ("how probable is it that the eta decays into eight photons", "decay:S014:8gamma"),
        ("branching fraction of D0 --> J/psi gamma", "decay:S032:J/psi(1S) gamma"),
        ("what's the branching ratio for Sigma0 -> n K0S", "decay:S021:n K0S"),
        ("PDG value of BF(rho(770) -> K+ K- eta)", "decay:M009:K+ K- eta"),
        ("eta_c branching fraction to B+ B-", "decay:M026:B+ B-"),
        ("branching fraction of Upsilon(1S) → t W⁻", "decay:M049:t W-"),
    ],
    FIELD: [
        ("Who sings Strange Charm?", ""),
        ("How do I make quark cheese at home?", ""),
        ("What is the mass of a strange quark star in Paris?", ""),
        ("What is the capital of Mongolia?", ""),
        ("How long does cooked rice keep in the fridge?", ""),
        ("Who painted the Night Watch?", ""),
        ("What is the lifetime of a red blood cell?", ""),
        ("half-life of caffeine in the human body", ""),
        ("What is the width of the Thames at Tower Bridge?", ""),
        ("How does photosynthesis work?", ""),
        ("What is the weight limit for cabin bags on Delta?", ""),
        ("Which party won the 1997 UK general election?", ""),
        ("What is the molar mass of sodium chloride?", ""),
        ("molecular weight of tau protein in kDa", ""),
        ("How do I reverse a linked list in Python?", ""),
        ("What is the default timeout of an AWS Lambda function?", ""),
        ("How far is Proxima Centauri from Earth?", ""),
        ("What is the Hubble constant?", "name:Hubble"),
        ("Who composed the Mass in B minor?", ""),
        ("boiling point of ethanol", ""),
        ("What is the half-life of carbon-14?", "name:carbon-14|14C"),
        ("Which omega-3 foods are best for the heart?", ""),
        ("When does Pi Day take place?", ""),
        ("What is a good branching strategy in git?", ""),
        ("population decay of Detroit since 1950", ""),
        ("How wide is a standard railway gauge?", ""),
    ],
    SPELLING: [
        ("What is the width of the J/phi?", "name:J/phi"),
        ("mass of the Delta(1232)+++", "name:Delta(1232)+++"),
        ("What is the lifetime of the pi++?", "name:pi++"),
        ("K_Q0 mean life", "name:K_Q|K(Q)"),
        ("How heavy is the W0 boson?", "name:W0"),
        ("mass of chi_q1(1P)", "name:chi_q1"),
        ("What is the full width of the $\\Upsilon_g(2Z)$?", "name:Upsilon_g|Upsilon(2Z)"),
        ("quantum numbers of the Xi_tt++", "name:Xi_tt"),
        ("D_y*(2317) width", "name:D_y"),
        ("lifetime of the mu++", "name:mu++"),
    ],
    STATE: [
        ("What is the mass of the psi(9S)?", "name:psi(9S)"),
        ("How heavy is the psi(7770)?", "name:psi(7770)"),
        ("K_7^*(4450) width", "name:K_7|K_7^*(4450)"),
        ("total width of the Upsilon(8S)", "name:Upsilon(8S)"),
        ("What are the J^PC quantum numbers of the chi_b7(4P)?", "name:chi_b7"),
        ("mass of f_9(3880)", "name:f_9"),
        ("Lambda(4444) mass", "name:Lambda(4444)"),
        ("mass of D_s(4010)+ in MeV", "name:D_s(4010)"),
        ("Give me the width of the N(5150).", "name:N(5150)"),
        ("How broad is the eta_c(7S)?", "name:eta_c(7S)"),
    ],
    CHAT: [
        ("Hi there, how are you doing today?", ""),
        ("What is your name?", ""),
        ("Tell me a joke about physicists.", ""),
        ("thanks, that was helpful", ""),
        ("Do you like particle physics?", ""),
        ("Can you write my thesis for me?", ""),
    ],
}
TEST: dict[str, list[Entry]] = {
    MADE_UP: [
        ("mass of the plumbino", "name:plumbino"),
        ("How massive is the gravolepton?", "name:gravolepton"),
        ("What is the mean life of the X_e(6666)?", "name:X_e"),
        ("How wide is the X_e(6666)?", "name:X_e"),
        ("mean lifetime of Xi_q0", "name:Xi_q"),
        ("How likely is the Xi_q0 to decay into p K-?", "name:Xi_q"),
        ("Tell me the rest mass of the C_z+ meson", "name:C_z"),
        ("which mass does the vortexon have", "name:vortexon"),
        ("Would you tell me the lifetime of the neutretto-2?", "name:neutretto"),
        ("what's the bosonium mass", "name:bosonium"),
        ("JPC of the W_c(8123)", "name:W_c(8123)"),
        ("full width of $\\Psi_s(5021)$", "name:Psi_s"),
        ("How large is the spin of the charmeleon?", "name:charmeleon"),
        ("What decay width does the PDG list for the phantomon?", "name:phantomon"),
        ("Please look up the mass of the G_b(9990)0.", "name:G_b(9990)"),
        ("isospin of the kappalon", "name:kappalon"),
        ("how long-lived is the Σ_w⁺", "name:Sigma_w"),
        ("What is the difference in mass between the dilepton-7 and the muon?", "name:dilepton-7"),
        ("How big is the magnetic moment of the heavion?", "name:heavion"),
        ("What charge does the beautron have?", "name:beautron"),
        ("Br(A_q(2121) -> pi+ pi-)?", "name:A_q(2121)"),
        ("Γ(Κ_w⁰ → e⁺ e⁻)/Γ_total", "name:K_w"),
        ("latest PDG mass for the superpion", "name:superpion"),
        ("upper limit for the decay orbiton -> gamma gamma", "name:orbiton"),
        ("M(T_x(7345)) in MeV", "name:T_x"),
        ("What is the measured mass of the nucleonium-9 and its error?", "name:nucleonium"),
        ("How much does the Higgsotron weigh?", "name:Higgsotron"),
        ("J^P of L_b(4242)?", "name:L_b(4242)"),
        ("PDG average for the tauonette lifetime", "name:tauonette"),
        ("Can you give me the width of the H_5(2600)++ along with the uncertainty?", "name:H_5(2600)"),
        ("spin and parity of the E(6060)", "name:E(6060)"),
        ("branching ratio of quarkino to hadrons", "name:quarkino"),
    ],
    PROPERTY: [
        ("What does a gluon taste like?", "prop:G021:taste"),
        ("density of the top quark in kg per cubic metre", "prop:Q007:density"),
        ("How hot is a Higgs boson?", "prop:S126:temperature|hot"),
        ("How many Lambda_b baryons were sold last year?", "prop:S040:sold"),
        ("What was the cost of finding the Omega_c0?", "prop:S047:cost"),
        ("In which laboratory was the phi(1020) discovered?", "prop:M004:laborator|discover"),
        ("Which physicist predicted the eta meson?", "prop:S014:predict"),
        ("width of χ_b1(1P)", "none:M077:G"),
        ("How wide is the chi_b2(2P)?", "none:M081:G"),
        ("full width of the B* meson", "none:S085:G"),
        ("What is the mean life of the Xi_c'0?", "none:S059:GT"),
        ("what's the decay width of Omega_c(2770)0", "none:S053:GT"),
        ("How wide is the h_b(2P)?", "none:M205:G"),
        ("lifetime of the down quark", "none:Q001:GT"),
        ("isospin of the Z boson", "quantum:S044:I"),
        ("What intrinsic parity has the electron neutrino?", "quantum:S001:P"),
        ("G parity of the D0", "quantum:S032:G"),
        ("isospin of the muon", "quantum:S004:I"),
        ("magnetic moment of the J/psi", "prop:M070:magnetic"),
        ("How big is the magnetic moment of the Ξ_c⁰?", "prop:S048:magnetic"),
        ("What is the charge radius of the Omega minus?", "prop:S024:radius"),
        ("electric polarizability of the B+ meson", "prop:S041:polarizab"),
        ("What is the electric dipole moment of the Z?", "prop:S044:electric dipole"),
        ("thermal conductivity of the neutral pion", "prop:S009:conduct"),
        ("hardness of the charged kaon on the Mohs scale", "prop:S010:hardness|mohs"),
        ("On what day of the week does the tau usually decay?", "prop:S035:week"),
        ("What is the escape velocity from a proton?", "prop:S016:escape|velocity"),
        ("What sound does a B meson make?", "prop:S042:sound"),
    ],
    DECAY: [
        ("branching ratio of Z -> H gamma", "decay:S044:H gamma"),
        ("How likely is the tau to decay into a D meson and a neutrino?", "decay:S035:D- nu_tau"),
        (
            "In what fraction of cases does the Higgs boson go to two W bosons and a Z boson?",
            "decay:S126:W+ W- Z",
        ),
        ("Br(mu- -> tau- gamma)?", "decay:S004:tau- gamma"),
        ("What is the best limit on the branching ratio of pi+ -> tau+ nu_tau?", "decay:S008:tau+ nu_tau"),
        ("what percentage of $\\Sigma^-$ decays end up in $\\Xi^- \\gamma$", "decay:S020:Xi- gamma"),
        ("Γ(B_s⁰ → Λ_b⁰ n̄)/Γ_total", "decay:S086:Lambda_b()0 nbar"),
        ("Could you look up the branching fraction for K0S -> D+ e- nu?", "decay:S012:D+ e- nubar_e"),
        ("What is the branching ratio $\\eta \\to K^+ K^-$?", "decay:S014:K+ K-"),
        ("current limit on Xi- -> Omega- gamma", "decay:S022:Omega- gamma"),
        ("W+ --> Upsilon(1S) pi+ branching fraction", "decay:S043:Upsilon(1S) pi+"),
        ("branching ratio of psi(2S) → B⁺ B⁻", "decay:M071:B+ B-"),
        ("upper limit for the decay n -> K+ K- K0S", "decay:S017:K+ K- K0S"),
        ("Has Lambda_c+ -> Xi_cc++ pi- been seen? If not, what is the limit?", "decay:S033:Xi_cc()++ pi-"),
        ("How likely is the neutral pion to decay into nine photons?", "decay:S009:9gamma"),
        ("decay D+ -> Lambda_c+ gamma: branching ratio with error", "decay:S031:Lambda_c()+ gamma"),
        (
            "What has been measured for the branching fraction of the Xi0 into Omega- pi+?",
            "decay:S023:Omega- pi+",
        ),
        (
            "how frequently does omega(782) -> p pbar occur, as a fraction of all omega(782) decays?",
            "decay:M001:p pbar",
        ),
        ("Could you look up the branching fraction for chi_c2(1P) --> D_s+ B-?", "decay:M057:D_s()+ B-"),
        ("Υ(2S) → t t̄ branching fraction", "decay:M052:t tbar"),
        ("Which share of K_L0 decays is K_L0 -> tau+ tau-?", "decay:S013:tau+ tau-"),
        ("Br($t \\to \\Upsilon(1S)\\, s$)?", "decay:Q007:Upsilon(1S) s"),
        (
            "What bound does the PDG quote on the branching fraction of Omega- → Ξ_c⁰ e⁻ ν̄_e?",
            "decay:S024:Xi_c()0 e- nubar_e",
        ),
        ("what percentage of D_s+ decays end up in J/psi rho+", "decay:S034:J/psi(1S) rho(770)+"),
        ("branching ratio of rho(770) to Lambda Lambdabar", "decay:M009:Lambda Lambdabar"),
        ("In what fraction of cases does eta'(958) go to tau+ tau-?", "decay:M002:tau+ tau-"),
    ],
    FIELD: [
        ("Which band recorded the album Top Quark?", ""),
        ("What is a good recipe for charm-bracelet cookies?", ""),
        ("How heavy is a muon detector lorry in Naples?", ""),
        ("What is the longest river in South America?", ""),
        ("At what temperature should I roast a chicken?", ""),
        ("Who wrote Pride and Prejudice?", ""),
        ("How long does a honey bee live?", ""),
        ("What is the biological half-life of ibuprofen?", ""),
        ("How wide is the Strait of Gibraltar?", ""),
        ("What does the mitochondrion do?", ""),
        ("Who was president of France in 1985?", ""),
        ("What is the pH of lemon juice?", ""),
        ("dosage of proton pump inhibitors for adults", ""),
        ("How do I centre a div in CSS?", ""),
        ("What does a lambda expression do in Java?", ""),
        ("How much does the planet Neptune weigh?", ""),
        ("What is the mass of the deuteron?", "name:deuteron"),
        ("lifetime of the uranium-238 nucleus", "name:uranium|238U"),
        ("What is the value of the Planck constant?", "name:Planck"),
        ("Which composer wrote the Gamma Sonata?", ""),
        ("density of liquid mercury", ""),
        ("maximum mass of a neutron star", "name:neutron star"),
        ("What is the Greek letter after pi?", ""),
        ("How many branches does a mature oak tree have?", ""),
        ("What is tooth decay caused by?", ""),
        ("exchange rate of the euro to the dollar today", ""),
        ("How do kaonite crystals form in volcanic rock?", "name:kaonite"),
        ("Who won the football world cup in 2014?", ""),
        ("What is the width of an A4 sheet of paper?", ""),
        ("When is the next total solar eclipse in Spain?", ""),
        ("Which vaccines do I need for Kenya?", ""),
        ("Is the sigma of a normal distribution its variance?", ""),
    ],
    SPELLING: [
        ("mass K_M0", "name:K_M"),
        ("How wide is the phi/J?", "name:phi/J"),
        ("lifetime of Omega+++", "name:Omega+++"),
        ("What is the mean life of the K++?", "name:K++"),
        ("what's the Z+ boson mass", "name:Z+"),
        ("How massive is the h_w(1P)?", "name:h_w"),
        ("What's the total width of the $\\psi_y(2Q)$?", "name:psi_y|psi(2Q)"),
        ("What are the quantum numbers of the Omega_ttb?", "name:Omega_tt"),
        ("B_k*(5747): how large is its decay width?", "name:B_k"),
        ("width of the eta+", "name:eta+"),
        ("Please look up the mass of the Lambda_g(2595)+.", "name:Lambda_g"),
        ("How much does the tau0 weigh?", "name:tau0"),
    ],
    STATE: [
        ("What is the measured mass of the psi(11S) and its error?", "name:psi(11S)"),
        ("mass of psi(8420)", "name:psi(8420)"),
        ("How wide is the K_9(5600)?", "name:K_9"),
        ("Which mass does the Upsilon(12S) have?", "name:Upsilon(12S)"),
        ("JPC of the chi_c6(5P)", "name:chi_c6"),
        ("what's the $a_{11}(4900)$ mass", "name:a_11"),
        ("How massive is the Sigma(5555)?", "name:Sigma(5555)"),
        ("Tell me the rest mass of B_s(7700)0", "name:B_s(7700)"),
        ("What's the total width of the Delta(6120)?", "name:Delta(6120)"),
        ("full width of the eta_b(9S)", "name:eta_b(9S)"),
        ("What is the spin and parity of Xi_b(8800)-", "name:Xi_b(8800)"),
        ("How many MeV is the mass of the rho(6310)?", "name:rho(6310)"),
    ],
    CHAT: [
        ("Good morning!", ""),
        ("Who made you?", ""),
        ("Sing me a song.", ""),
        ("ok, never mind", ""),
        ("What is the meaning of life?", ""),
        ("Are you smarter than my professor?", ""),
        ("Please order me a pizza.", ""),
        ("How was your weekend?", ""),
    ],
}
_WHY = {
    MADE_UP: "no such particle in the PDG data",
    PROPERTY: "the PDG data hold no such property of this particle",
    DECAY: "the PDG data list no such mode of this particle",
    FIELD: "not about the particles the PDG data hold",
    SPELLING: "no particle has this name or charge",
    STATE: "no state of this name in the PDG data",
    CHAT: "no question about particles",
}


def unanswerable_rows(db: sqlite3.Connection, name: str) -> list[dict[str, Any]]:
    """The checked rows of one set.

    Raises:
        ValueError: the PDG data do have something that could answer a question.
    """
    rows: list[dict[str, Any]] = []
    for kind, entries in {"dev": DEV, "test": TEST}[name].items():
        for question, check in entries:
            what, _, rest = check.partition(":")
            if what and (found := _CHECKS[what](db, rest)):
                raise ValueError(f"{question!r} may have an answer: {found}")
            verified = f"; checked: {check}" if check else ""
            row_id = f"{name}-u{len(rows) + 1:03d}"
            rows.append({"id": row_id, "question": question, "kind": kind, "why": _WHY[kind] + verified})
    return rows


def _simple(name: str) -> str:
    """A name without marks that do not tell particles apart."""
    return re.sub(r"[\s_^{}*']|\(\)", "", name).lower()


def _find_name(db: sqlite3.Connection, rest: str) -> list[str]:
    """Names and descriptions that hold the wanted name."""
    texts = [row[0] for row in db.execute("SELECT name FROM pdgitem UNION SELECT name FROM pdgparticle")]
    texts += [row[0] for row in db.execute("SELECT description FROM pdgid")]
    # A short symbol must stand alone, or K_W would be found in 'K_W...' words of other entries.
    wanted = [rf"(?<![a-z0-9]){re.escape(_simple(name))}(?![a-z])" for name in rest.split("|")]
    return [text for text in texts if any(re.search(pattern, _simple(text)) for pattern in wanted)]


def _find_property(db: sqlite3.Connection, rest: str) -> list[str]:
    """Entries of the particle that speak of the property."""
    pdgid, _, pattern = rest.partition(":")
    entries = db.execute(
        "SELECT description FROM pdgid WHERE pdgid LIKE ? AND pdgid NOT LIKE '%.%'", (pdgid + "%",)
    )
    return [row[0] for row in entries if re.search(rf"\b(?:{pattern})", row[0], re.I)]


def _find_values(db: sqlite3.Connection, rest: str) -> list[str]:
    """Values of the given data types."""
    pdgid, _, types = rest.partition(":")
    query = (
        "SELECT d.pdgid FROM pdgdata d JOIN pdgid p ON p.id = d.pdgid_id "
        "WHERE p.parent_pdgid = ? AND p.data_type = ?"
    )
    return [row[0] for data_type in types for row in db.execute(query, (pdgid, data_type))]


def _find_quantum(db: sqlite3.Connection, rest: str) -> list[str]:
    """The quantum number, where the PDG gives it."""
    pdgid, _, which = rest.partition(":")
    column = f"quantum_{which.lower()}"
    return [
        row[0] for row in db.execute(f"SELECT {column} FROM pdgparticle WHERE pdgid = ?", (pdgid,)) if row[0]
    ]


def _find_decay(db: sqlite3.Connection, rest: str) -> list[str]:
    """Modes with these products, whatever their charges, and inclusive modes that would cover them."""
    pdgid, _, products = rest.partition(":")
    wanted: Counter[str] = Counter()
    for product in products.split():
        count = re.match(r"\d+(?=gamma)", product)
        wanted[_base(product.removeprefix(count[0] if count else ""))] += int(count[0]) if count else 1
    found = []
    modes: dict[str, list[sqlite3.Row]] = {}
    query = "SELECT * FROM pdgdecay WHERE pdgid LIKE ? AND is_outgoing"
    for row in db.execute(query, (pdgid + ".%",)):
        modes.setdefault(row["pdgid"], []).append(row)
    for mode, rows in modes.items():
        items: Counter[str] = Counter()
        for row in rows:
            items[_base(row["name"])] += row["multiplier"]
        inclusive = items.keys() & {"anything", "X", "particles"}
        named = Counter({name: count for name, count in items.items() if name not in inclusive})
        if items == wanted or (inclusive and named <= wanted):
            found.append(mode)
    return found


def _base(name: str) -> str:
    """A product without charge, bar and resonance mass."""
    return re.sub(r"\([^)]*\)|bar|[-+0\s_^*']|(?<=K0)[SL]$", "", name) or name


_CHECKS: dict[str, Callable[[sqlite3.Connection, str], list[str]]] = {
    "name": _find_name,
    "prop": _find_property,
    "none": _find_values,
    "quantum": _find_quantum,
    "decay": _find_decay,
}
