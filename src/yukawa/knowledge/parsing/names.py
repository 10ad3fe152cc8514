"""Names that people use for particles beside the PDG's own: short, English, of other languages, of event generators."""

# A family or one state, on the right a PDG name or a PDG name less its charge. Charges may follow both.
SHORT = {
    "rho": "rho(770)", "omega": "omega(782)", "phi": "phi(1020)", "K^*": "K^*(892)", "K^*(892)": "K^*(892)",
    "eta^'": "eta^'(958)0", "etaprime": "eta^'(958)0", "Delta": "Delta(1232)", "D_s^*": "D_s^*", "B^*": "B^*",
    "J/psi": "J/psi(1S)", "Upsilon": "Upsilon(1S)", "psi'": "psi(2S)", "psi(3686)": "psi(2S)", "psi(3685)": "psi(2S)",
    "eta_c": "eta_c(1S)", "eta_c'": "eta_c(2S)", "eta_b": "eta_b(1S)", "h_c": "h_c(1P)", "h_b": "h_b(1P)",
    "chi_c0": "chi_c0(1P)", "chi_c1": "chi_c1(1P)", "chi_c2": "chi_c2(1P)", "chi_c2p": "chi_c2(3930)",
    "chi_b0": "chi_b0(1P)", "chi_b1": "chi_b1(1P)", "chi_b2": "chi_b2(1P)", "f_0": "f_0(980)0", "a_1": "a_1(1260)",
    "a_0": "a_0(980)", "f_1": "f_1(1285)0", "f_2": "f_2(1270)0", "a_2": "a_2(1320)", "b_1": "b_1(1235)", "h_1": "h_1(1170)0",
    "D_s0^*": "D_s0^*(2317)", "Sigma_c": "Sigma_c(2455)", "Z_c": "T_c_cbar_1(3900)", "T_cc": "T_c_c(3875)",
    "Z_c(3900)": "T_c_cbar_1(3900)", "Z_c(4020)": "T_c_cbar(4020)", "Zc(4020)": "T_c_cbar(4020)", "Z_c(4430)": "T_c_cbar_1(4430)",
    "Z(4430)": "T_c_cbar_1(4430)", "Y(4260)": "psi(4230)", "Y(4230)": "psi(4230)",
    "Lc": "Lambda_c", "Lb": "Lambda_b", "Y(1S)": "Upsilon(1S)", "Y(2S)": "Upsilon(2S)", "Y(3S)": "Upsilon(3S)",
    "Y(4S)": "Upsilon(4S)", "Upsilon(5S)": "Upsilon(10860)", "Upsilon(6S)": "Upsilon(11020)",
    "Sigma^*": "Sigma(1385)", "Xi^*": "Xi(1530)", "Roper": "N(1440)", "B_d": "B0",
    # The lowest state of its quantum numbers, as event generators and older papers write it.
    "K_0^*": "K_0^*(1430)", "K_1": "K_1(1270)", "K_1^'": "K_1(1400)", "K_2^*": "K_2^*(1430)", "K_2": "K_2(1770)",
    "K_3^*": "K_3^*(1780)", "K_4^*": "K_4^*(2045)", "K^'*": "K^*(1410)", "K^''*": "K^*(1680)", "kappa": "K_0^*(700)",
    "kapa": "K_0^*(700)", "D_0^*": "D_0^*(2300)", "D_1": "D_1(2420)", "D_1^'": "D_1(2430)", "D_2^*": "D_2^*(2460)",
    "D_s1": "D_s1(2460)", "D_s1^'": "D_s1(2536)", "D_s2^*": "D_s2^*(2573)", "D_s2(2573)": "D_s2^*(2573)",
    "B_1": "B_1(5721)", "B_2^*": "B_2^*(5747)",
    "B_s1": "B_s1(5830)", "B_s2^*": "B_s2^*(5840)", "Sigma_c^*": "Sigma_c(2520)", "Xi_c^*": "Xi_c(2645)",
    "Omega_c^*": "Omega_c(2770)", "Xi_b^*": "Xi_b(5945)", "Lambda_c(2593)": "Lambda_c(2595)", "sigma_0": "f_0(500)0",
    "f_0(600)": "f_0(500)0", "f_1^'": "f_1(1420)0", "f_2^'": "f_2^'(1525)0", "h_1^'": "h_1(1415)0",
    "eta(2S)": "eta(1295)0", "omega(2S)": "omega(1420)0", "pi(2S)": "pi(1300)", "rho(2S)": "rho(1450)", "rho(3S)": "rho(1700)",
    "a_4(2040)": "a_4(1970)", "Higgs": "H",
}  # fmt: skip

# Words in lower case and without spaces, accents or hyphens; on the right as in `SHORT`.
ENGLISH = {
    "photon": "gamma", "gluon": "g", "electron": "e", "positron": "e+", "muon": "mu", "antimuon": "mu+", "antielectron": "e+",
    "tauon": "tau", "taulepton": "tau", "taon": "tau", "antitau": "tau+", "antitaulepton": "tau+", "antitauon": "tau+",
    "higgs": "H", "higgsboson": "H", "wboson": "W", "zboson": "Z0", "zedboson": "Z0", "electronneutrino": "nu_e", "eneutrino": "nu_e",
    "muonneutrino": "nu_mu", "muneutrino": "nu_mu",
    "muantineutrino": "nubar_mu", "eantineutrino": "nubar_e",
    "tauneutrino": "nu_tau", "electronantineutrino": "nubar_e", "muonantineutrino": "nubar_mu",
    "tauantineutrino": "nubar_tau", "antielectronneutrino": "nubar_e", "antimuonneutrino": "nubar_mu",
    "antitauneutrino": "nubar_tau",
    "upquark": "u", "downquark": "d", "strangequark": "s", "charmquark": "c", "charmedquark": "c",
    "bottomquark": "b", "beautyquark": "b", "bquark": "b", "cquark": "c", "topquark": "t", "squark": "",
    "uquark": "u", "dquark": "d", "tquark": "t", "quarktop": "t", "antitopquark": "tbar", "antibottomquark": "bbar",
    "anticharmquark": "cbar", "antistrangequark": "sbar", "antiupquark": "ubar", "antidownquark": "dbar", "antitop": "tbar",
    "proton": "p", "antiproton": "pbar", "neutron": "n", "antineutron": "nbar", "pion": "pi", "kaon": "K", "antikaon": "Kbar",
    "kshort": "K(S)0", "klong": "K(L)0", "lambda0": "Lambda0", "lambdabaryon": "Lambda", "lambdahyperon": "Lambda",
    "sigmabaryon": "Sigma", "sigmahyperon": "Sigma", "cascade0": "Xi0", "cascade-": "Xi-",
    "cascadebaryon": "Xi", "cascadehyperon": "Xi", "xibaryon": "Xi", "xihyperon": "Xi",
    "omegabaryon": "Omega", "omegahyperon": "Omega", "omegameson": "omega(782)", "deltabaryon": "Delta(1232)",
    "jpsi": "J/psi(1S)", "phimeson": "phi(1020)", "rhomeson": "rho(770)", "etameson": "eta", "neutrino": "nu",
    "antineutrino": "nubar", "sigmameson": "f_0(500)0", "kappameson": "K_0^*(700)", "nucleon": "N",
    "strangeb": "B_s", "charmedb": "B_c", "charmedlambda": "Lambda_c", "beautylambda": "Lambda_b", "bottomlambda": "Lambda_b",
}  # fmt: skip
_QUARKS = {"top": "t", "bottom": "b", "beauty": "b", "charm": "c", "strange": "s", "up": "u", "down": "d"}
ENGLISH |= {f"{word}antiquark": quark + "bar" for word, quark in _QUARKS.items()}
del ENGLISH["squark"]  # a squark is not the s quark

GERMAN = {
    "elektron": "e", "elektronen": "e", "elektrons": "e", "positronen": "e+", "myon": "mu", "myonen": "mu", "myons": "mu",
    "antimyon": "mu+", "tauonen": "tau", "neutronen": "n", "protonen": "p", "protons": "p", "neutrons": "n", "pionen": "pi",
    "kaonen": "K", "photonen": "gamma", "gluonen": "g", "higgsbosons": "H", "higgsteilchen": "H", "zbosons": "Z0",
    "wbosons": "W", "wbosonen": "W", "zbosonen": "Z0", "elektronneutrino": "nu_e", "myonneutrino": "nu_mu", "antiprotonen": "pbar",
    "elektronantineutrino": "nubar_e", "antineutronen": "nbar", "topquarks": "t", "bottomquarks": "b", "charmquarks": "c",
}  # fmt: skip
ROMANCE = {
    # French, Spanish, Portuguese, Italian; accents are gone
    "electron": "e", "elettrone": "e", "elettroni": "e", "eletron": "e", "positone": "e+", "positrone": "e+", "positon": "e+",
    "muone": "mu", "muoni": "mu", "muones": "mu", "protone": "p", "protoni": "p", "protones": "p", "neutrone": "n", "neutroni": "n",
    "neutrones": "n", "foton": "gamma", "fotone": "gamma", "fotoni": "gamma", "gluone": "g", "pione": "pi", "pioni": "pi",
    "piones": "pi", "kaone": "K", "kaones": "K", "electrones": "e", "antiprotone": "pbar", "antineutrone": "nbar",
    "bosonz": "Z0", "bosonw": "W", "bosonh": "H", "bosonhiggs": "H", "bosondehiggs": "H", "bosonedihiggs": "H", "bosonez": "Z0",
    "bosonew": "W", "bosonedehiggs": "H", "quarkbottom": "b", "quarkcharm": "c", "quarkstrange": "s", "quarkup": "u",
    "quarkdown": "d", "quarkt": "t", "quarkb": "b", "quarkc": "c", "leptontau": "tau", "leptonetau": "tau",
    "neutrinoelectronique": "nu_e", "neutrinomuonique": "nu_mu", "neutrinotauique": "nu_tau", "neutrinodumuon": "nu_mu",
    "neutrinoelettronico": "nu_e", "neutrinomuonico": "nu_mu", "neutrinotauonico": "nu_tau", "neutrinoelectronico": "nu_e",
    "antineutrinoelectronique": "nubar_e", "tauone": "tau",
}  # fmt: skip

# Chinese (both scripts) and Japanese, each replaced by an English word before anything else is read.
EAST_ASIAN = {
    "质子": "proton", "質子": "proton", "陽子": "proton", "プロトン": "proton", "反质子": "antiproton", "反質子": "antiproton",
    "反陽子": "antiproton", "中子": "neutron", "中性子": "neutron", "反中子": "antineutron", "反中性子": "antineutron",
    "电子": "electron", "電子": "electron", "正电子": "positron", "正電子": "positron", "陽電子": "positron",
    "缪子": "muon", "渺子": "muon", "緲子": "muon", "μ子": "muon", "µ子": "muon", "ミューオン": "muon", "ミュー粒子": "muon",
    "ミュオン": "muon", "μ粒子": "muon", "反μ子": "antimuon", "陶子": "tau lepton", "τ子": "tau lepton", "タウ粒子": "tau lepton",
    "タウレプトン": "tau lepton", "タウ": "tau lepton", "光子": "photon", "フォトン": "photon", "胶子": "gluon", "膠子": "gluon",
    "グルーオン": "gluon", "中微子": "neutrino", "微中子": "neutrino", "ニュートリノ": "neutrino", "反中微子": "antineutrino",
    "反ニュートリノ": "antineutrino", "电子中微子": "electron neutrino", "電子ニュートリノ": "electron neutrino",
    "μ子中微子": "muon neutrino", "缪子中微子": "muon neutrino", "ミューニュートリノ": "muon neutrino", "τ子中微子": "tau neutrino",
    "希格斯玻色子": "Higgs boson", "希格斯粒子": "Higgs boson", "希格斯": "Higgs", "希格斯玻色": "Higgs", "上帝粒子": "Higgs boson",
    "ヒッグス粒子": "Higgs boson", "ヒッグスボソン": "Higgs boson", "ヒッグス": "Higgs", "玻色子": " boson", "ボソン": " boson",
    "ボース粒子": " boson", "介子": " meson", "中間子": " meson", "重子": " baryon", "バリオン": " baryon", "超子": " hyperon",
    "轻子": " lepton", "輕子": " lepton", "レプトン": " lepton", "夸克": " quark", "クォーク": " quark", "クオーク": " quark",
    "顶夸克": "top quark", "頂夸克": "top quark", "トップクォーク": "top quark", "底夸克": "bottom quark", "ボトムクォーク": "bottom quark",
    "粲夸克": "charm quark", "チャームクォーク": "charm quark", "奇异夸克": "strange quark", "奇夸克": "strange quark",
    "ストレンジクォーク": "strange quark", "上夸克": "up quark", "アップクォーク": "up quark", "下夸克": "down quark",
    "ダウンクォーク": "down quark", "π介子": "pion", "K介子": "kaon", "パイ中間子": "pion", "パイオン": "pion", "π中間子": "pion",
    "K中間子": "kaon", "带电π介子": "charged pion", "中性π介子": "neutral pion", "带电K介子": "charged kaon", "中性K介子": "neutral kaon",
    "强子": " hadrons", "強子": " hadrons", "ハドロン": " hadrons",
    "荷電パイ中間子": "charged pion", "中性パイ中間子": "neutral pion", "正μ子": "mu+", "核子": "nucleon",
}  # fmt: skip
GENUS = frozenset(
    "meson mesons boson bosons baryon baryons lepton leptons quark quarks hyperon hyperons particle particles resonance"
    " resonances state hadron mesonen bosonen bosone baryonen leptonen teilchen".split()
)
