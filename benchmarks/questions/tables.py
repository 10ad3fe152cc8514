"""What the question maker chooses by hand: fame, mass differences, English final states, exclusions."""

from __future__ import annotations

# How often a particle is asked about: everything else counts 1.
FAME = {
    12: "S003 S004 S035 S043 S044 S126 Q007 Q005 Q004 S008 S009 S010 S011 S012 S013 S014 M002 M009 M001 "
    "M004 S016 S017 S018 S031 S032 S034 S041 S042 S086 S091 M070 M071 M049 S033 S040 M176",
    6: "Q001 Q002 Q003 M014 M003 M018 M061 M062 S019 S020 S021 S022 S023 S024 B033 B061 M026 M055 M056 "
    "M057 M059 M052 M048 M047 M053 M144 S045 S048 S068 S069 S070 S047 S063 M210 M207 B104 S074 M172 "
    "M171 B172 B186 M074 S085 S087",
    3: "M005 M010 M011 M036 M008 M013 M012 B037 B038 B043 B049 B119 B102 M121 M173 M204 M195 M268 M092 "
    "M093 S026 S062 B063 B062 M174 M072 M073 M193 M181 M189 S058 S059 S053 B146 M187 M186 M253 M254 "
    "M252 B179",
}  # fmt: skip
WEIGHT = {pdgid: weight for weight, ids in FAME.items() for pdgid in ids.split()}
# Decays every physicist has looked up once.
ICONIC = set(
    "S035.1 S035.2 S035.12 S035.16 S044.1 S044.2 S044.8 S044.9 S044.7 S044.6 S043.1 S043.2 S043.5 "
    "S043.8 S126.1 S126.2 S126.3 S126.4 S126.5 S126.6 S126.8 S008.2 S009.1 S009.2 S009.6 S014.1 "
    "S014.2 S014.3 S010.1 S010.2 S010.11 S010.20 S012.1 S012.2 S013.1 S013.2 S013.5 S013.6 S032.1 "
    "S032.5 S042.5 S042.137 S086.15 S041.184 S041.10 M070.1 M070.2 M070.81 M070.50 M071.13 M049.1 "
    "M049.3 S018.1 S018.2 S019.1 S019.2 S024.1 S033.4 M004.1 M004.2 M001.1 M001.7 M002.6 M009.4 "
    "S034.7 S034.89 S031.20 M055.1 M062.1 M061.2 S004.5 S004.6 S035.31 S035.32 S035.35 S042.7 "
    "S013.43 S013.8 S012.3 S032.28 S044.13 S041.183 S042.6 S086.130 Q007.3 Q007.9".split()
)
# Mass differences with the two particles they are about; the PDG's descriptions are too varied to take apart.
DIFFERENCES = {
    "S043MDZ": "Z|W", "S009D": "pi+|pi0", "S011DM": "K0|K+", "S013D": "K(L)0|K(S)0", "S032DM": "D+|D0",
    "M061DM": "D^*(2007)0|D0", "M062MD": "D^*(2010)+|D+", "M062DM": "D^*(2010)+|D0", "S034DM": "D_s()+|D+",
    "S074DM": "D_s^*()+|D_s()+", "M172DM": "D_s0^*(2317)+|D_s()+", "M173DM": "D_s1(2460)+|D_s()+",
    "M173MD": "D_s1(2460)+|D_s^*()+", "M121DN": "D_s1(2536)+|D^*(2010)+", "M121DP": "D_s1(2536)+|D^*(2007)0",
    "S042DM": "B0|B+", "S087DM": "B_s^*|B_s()0", "S091A01": "B_c()+|B_s()0",
    "M176DM": "chi_c1(3872)|J/psi(1S)", "M052A00": "Upsilon(2S)|Upsilon(1S)",
    "M048DM2": "Upsilon(3S)|Upsilon(2S)", "M077A00": "chi_b1(1P)|Upsilon(1S)",
    "M080M2": "chi_b1(2P)|chi_b0(2P)", "M081M2": "chi_b2(2P)|chi_b1(2P)", "S017D": "n|p",
    "S021D1": "Sigma-|Sigma0", "S021DL": "Sigma0|Lambda", "S020D": "Sigma-|Sigma+", "S020DL": "Sigma-|Lambda",
    "S023D": "Xi-|Xi0", "B119D": "Lambda_c(2595)+|Lambda_c()+", "B102D": "Lambda_c(2625)+|Lambda_c()+",
    "B104D0": "Sigma_c(2455)0|Lambda_c()+", "B104D++": "Sigma_c(2455)++|Lambda_c()+",
    "B104D13": "Sigma_c(2455)++|Sigma_c(2455)0", "S048D": "Xi_c()0|Xi_c()+",
    "S053D": "Omega_c(2770)0|Omega_c()0", "S069DML": "Xi_b()-|Lambda_b()0", "S069DM": "Xi_b()-|Xi_b()0",
    "S063A00": "Omega_b()-|Xi_b()-", "S040DM2": "Lambda_b()0|B+", "B151D": "Lambda_c(2880)+|Lambda_c()+",
    "B188A00": "Lambda_b(6152)0|Lambda_b(6146)0", "S070DMN": "Xi_b()0|Lambda_b()0",
}  # fmt: skip
# Final states in English, by their products.
ENGLISH_FINAL = {
    "gamma gamma": "two photons", "gamma gamma gamma": "three photons", "e+ e-": "an electron-positron pair",
    "mu+ mu-": "a muon pair", "tau+ tau-": "a pair of tau leptons", "pi+ pi-": "two charged pions",
    "pi0 pi0": "two neutral pions", "pi0 pi0 pi0": "three neutral pions",
    "pi+ pi- pi0": "three pions, two of them charged", "K+ K-": "two charged kaons",
    "p pbar": "a proton and an antiproton", "b bbar": "a pair of bottom quarks",
    "c cbar": "a charm quark pair", "e+ nu": "an electron and a neutrino", "mu+ nu": "a muon and a neutrino",
    "tau+ nu": "a tau and a neutrino", "mu+ nu_mu": "a muon and a neutrino",
    "e+ nu_e": "an electron and a neutrino", "tau+ nu_tau": "a tau lepton and a neutrino",
    "Z gamma": "a Z boson and a photon", "p pi-": "a proton and a pion",
    "n pi0": "a neutron and a neutral pion", "p pi0": "a proton and a neutral pion",
    "n pi+": "a neutron and a pion", "hadrons": "hadrons", "invisible": "invisible particles",
    "e- gamma": "an electron and a photon", "mu- gamma": "a muon and a photon", "mu- mu+ mu-": "three muons",
    "e- e+ e-": "three electrons", "e- nubar_e nu_tau": "an electron and two neutrinos",
    "mu- nubar_mu nu_tau": "a muon and two neutrinos", "pi- nu_tau": "a pion and a neutrino",
    "pi- pi0 nu_tau": "a charged pion, a neutral pion and a neutrino",
    "e+ e- gamma": "an electron-positron pair and a photon", "pi+ pi0": "a charged and a neutral pion",
    "J/psi(1S) pi+ pi-": "a J/psi and two charged pions", "gamma J/psi(1S)": "a J/psi and a photon",
    "Lambda K-": "a Lambda and a kaon", "Lambda pi-": "a Lambda and a charged pion",
    "Lambda pi0": "a Lambda and a neutral pion", "K- pi+": "a kaon and a charged pion",
    "pi0 nu nubar": "a neutral pion and two neutrinos", "pi+ nu nubar": "a charged pion and two neutrinos",
    "D0 Dbar0": "two neutral D mesons", "B+ B-": "two charged B mesons", "B0 Bbar0": "two neutral B mesons",
    "K+ mu+ mu-": "a charged kaon and two muons", "D0 pi+": "a neutral D and a pion",
    "e+- mu-+": "an electron and a muon of opposite charge", "4gamma": "four photons",
    "pi0 gamma": "a neutral pion and a photon", "eta gamma": "an eta and a photon",
    "eta pi+ pi-": "an eta and two charged pions",
}  # fmt: skip
TEXT_PRODUCTS = {
    "rho0", "rho+", "rho-", "omega", "eta_c", "D^*()-", "D^*()+", "invisible", "hadrons", "pi-+", "mu-+", "tau-+",
    "e-+", "e+-", "mu+-", "K^*()0", "K^*()+", "Dbar^*()0", "Kbar^*()0", "eta^'()",
}  # fmt: skip
# Here the PDG's "fractions" are ratios to another mode or hold a production rate: no plain question has them as answer.
NOT_FRACTIONS = set("S047 S068 S065 S069 S070 S063 S091 S051 B179".split())
