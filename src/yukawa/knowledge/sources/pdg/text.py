"""The PDG's names and descriptions made readable: in Unicode, ASCII and English, free of typesetting commands."""

import re
from functools import lru_cache

# ---- names of particles ---------------------------------------------------------------------------

_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ",
    "sigma": "σ", "tau": "τ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ",
    "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
    "Upsilon": "Υ",
}  # fmt: skip
_GREEK_WORDS = "|".join(sorted(_GREEK, key=len, reverse=True))
_GREEK_NAME = re.compile(rf"(?<![A-Za-z])({_GREEK_WORDS})(bar|tilde)?(?=$|[^a-z])")
_LATIN_BAR = re.compile(r"(?<![A-Za-z])([A-Za-z])(bar|tilde)(?=$|[^a-z])")
_LEPTON = re.compile(r"(?<![A-Za-z])lepton(?=[⁺⁻±∓])|(?<=_)lepton")
_MARK = {"bar": "\u0304", "tilde": "\u0303"}  # combining macron and tilde

_SUPERSCRIPT = str.maketrans("0123456789+-()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾")
_CHARGES = {"+-": "±", "-+": "∓", "+-+-": "±±"}  # no superscript form of these exists

# A particle's name in plain ASCII: base, marks, subscripts, primes and stars, mass or state, charge.
_BASE = (
    rf"(?:J/psi|{_GREEK_WORDS}|lepton|particle|particles\)|hadron|leptons?|[A-Za-z])"
    r"(?:bar|tilde)?"
)
_CHARGED = re.compile(
    rf"(?<![A-Za-z_])(?P<body>{_BASE}(?:_[A-Za-z0-9]{{1,12}}){{0,4}}(?:\*|'|\(\*\)){{0,4}}(?:\([0-9~A-Z][^()\s]*\))?'{{0,3}})"
    r"(?P<charge>\+-\+-|\+\+|--|\+-|-\+|[+\-0])(?=$|[\s,;:)\]/|}^*.~=]|[-+](?=[\sA-Z]))"
)
# 'f_0', 'chi_c0': here the zero is a spin, not a charge.
_SPIN_ZERO = re.compile(r"_$|^chi_[cb]$|^h_[cb]$|^Upsilon_$|^_")
_NEUTRAL_KAON = re.compile(r"\bK(?:\(([SL])\)0|0([SL])\b|([SL])0?\b(?!\())")
_EMPTY_BRACKETS = re.compile(r"(?<=[A-Za-z0-9*')])\(\)")  # where the PDG omits a mass that it gave before
_MARK_SIGN = re.compile(r"\^(?=\*|'|\(\*\)|[+-]{1,2}(?:\s|$|[),]))|(?<=[a-z])\^(?=[+\-0](?!\d))")


@lru_cache(maxsize=65536)
def plain(name: str) -> str:
    """ASCII form of a PDG name or of a text with PDG names: 'B_s()0' -> 'B_s0', 'K(S)0' -> 'K_S0'."""
    text = _NEUTRAL_KAON.sub(lambda m: f"K_{m[1] or m[2] or m[3]}0", " ".join(name.split()))
    if "{" in text:
        text = text.replace("T_{c_cbar_1}", "T_c_cbar_1")
    return _MARK_SIGN.sub("", _EMPTY_BRACKETS.sub("", text))


def _charge(match: re.Match[str]) -> str:
    body, charge = match["body"], match["charge"]
    if charge == "0" and _SPIN_ZERO.search(body):
        return match[0]
    return body + (_CHARGES.get(charge) or charge.translate(_SUPERSCRIPT))


def _greek(match: re.Match[str]) -> str:
    return _GREEK[match[1]] + (_MARK[match[2]] if match[2] else "")


def pretty(name: str) -> str:
    """Unicode form of a PDG name or a text with PDG names: 'Lambda_c()+' -> 'Λ_c⁺'."""
    return symbols(plain(name))


@lru_cache(maxsize=65536)
def symbols(text: str) -> str:
    """Unicode form of a text that `plain` made."""
    text = _CHARGED.sub(_charge, text)
    if "lepton" in text:
        text = _LEPTON.sub("ℓ", text)
    text = _GREEK_NAME.sub(_greek, text)
    return _LATIN_BAR.sub(lambda m: m[1] + _MARK[m[2]], text)


def superscript(number: int | str) -> str:
    """Digits and signs raised: -15 -> '⁻¹⁵'."""
    return str(number).translate(_SUPERSCRIPT)


_ENGLISH: dict[str, tuple[str, ...]] = {
    "gamma": ("photon",), "g": ("gluon",), "graviton": ("graviton",), "W": ("W boson",), "Z": ("Z boson",),
    "H": ("Higgs boson",), "e": ("electron",), "mu": ("muon",), "tau": ("tau lepton",),
    "nu_e": ("electron neutrino",), "nu_mu": ("muon neutrino",), "nu_tau": ("tau neutrino",), "u": ("up quark",),
    "d": ("down quark",), "s": ("strange quark",), "c": ("charm quark",), "b": ("bottom quark", "beauty quark"),
    "t": ("top quark",), "pi+-": ("charged pion", "pi meson"), "pi0": ("neutral pion", "pi meson"),
    "eta": ("eta meson",), "eta'(958)": ("eta prime meson",), "rho(770)": ("rho meson",),
    "omega(782)": ("omega meson",), "phi(1020)": ("phi meson",), "f_0(500)": ("sigma meson",),
    "K+-": ("charged kaon",), "K0": ("neutral kaon",), "K_S0": ("K short", "short-lived neutral kaon"),
    "K_L0": ("K long", "long-lived neutral kaon"), "K*(892)": ("K star meson",), "D+-": ("charged D meson",),
    "D0": ("neutral D meson",), "D_s+-": ("D_s meson", "charmed strange meson"), "B+-": ("charged B meson",),
    "B0": ("neutral B meson",), "B_s0": ("B_s meson", "bottom strange meson"),
    "B_c+": ("B_c meson", "bottom charmed meson"), "J/psi(1S)": ("J/psi meson", "Jpsi"),
    "psi(2S)": ("psi prime meson",), "Upsilon(1S)": ("Upsilon meson",), "p": ("proton",), "n": ("neutron",),
    "Lambda": ("Lambda baryon", "Lambda hyperon"), "Sigma+": ("Sigma plus baryon",), "Sigma0": ("Sigma zero baryon",),
    "Sigma-": ("Sigma minus baryon",), "Xi0": ("Xi zero baryon", "cascade zero"),
    "Xi-": ("Xi minus baryon", "cascade minus"), "Omega-": ("Omega minus baryon",),
    "Lambda_c+": ("Lambda_c baryon", "charmed Lambda"), "Lambda_b0": ("Lambda_b baryon", "bottom Lambda"),
}  # fmt: skip
_SAME = {
    "Z0": "Z", "W+": "W", "W-": "W", "e-": "e", "mu-": "mu", "tau-": "tau", "pi+": "pi+-", "pi-": "pi+-",
    "K+": "K+-", "K-": "K+-", "D+": "D+-", "D-": "D+-", "D_s+": "D_s+-", "D_s-": "D_s+-", "B+": "B+-",
    "B-": "B+-",
    "Lambda0": "Lambda",
}  # fmt: skip
_ANTI: dict[str, tuple[str, ...]] = {
    "e+": ("positron", "antielectron"), "mu+": ("antimuon",), "tau+": ("antitau lepton",), "pbar": ("antiproton",),
    "nbar": ("antineutron",), "nubar_e": ("electron antineutrino",), "nubar_mu": ("muon antineutrino",),
    "nubar_tau": ("tau antineutrino",),
}  # fmt: skip


def english(name: str) -> tuple[str, ...]:
    """Common English names of a particle, best first; empty when it has none: 'K(S)0' -> ('K short', …)."""
    key = plain(name)
    return _ANTI.get(key) or _ENGLISH.get(_SAME.get(key, key), ())


# ---- descriptions ---------------------------------------------------------------------------------

_KEEP_UPPER = {
    "CP", "CPT", "CPV", "EW", "SM", "LEP", "SLC", "LHC", "ADS", "GLW", "DCS", "CKM", "LBM", "HFLAV", "CODATA",
    "INT", "ABS", "EFF", "JPC", "ALP", "CL", "TGC", "BR", "CF",
}  # fmt: skip
_NAMED = {"BREIT": "Breit", "WIGNER": "Wigner", "DALITZ": "Dalitz", "FIERZ": "Fierz", "HIGGS": "Higgs"}
_CAPITALS = re.compile(
    r"(?<![A-Za-z0-9_*{(])[A-Z]{2,}(?![A-Za-z0-9_(*])|(?<![A-Za-z0-9_{])[A-Z]{3,}(?![a-z0-9_*])"
)
_SHORT_NAMES = re.compile(r"[KDBWZ]{2}|SU|JP|KL|KS|LR|AA|VV|TV|SD|DE|IB")
_MIXING = re.compile(r"(theta|m|mbar|mass)(\^2)?\((\d\d)\)")

# Leftovers of typesetting commands; only descriptions that `_SUSPECT` matches are searched for them.
_JUNK: tuple[tuple[str, str], ...] = (
    (r"right_justify.*", ""),
    (r"egroup\s*allowbreak\s*hboxbgroup|allowbreak\s*hboxbgroup|hboxbgroup|allowbreak", " "),
    (r"(?<!\s)\s*egroup", ""),
    (r"_mathit ell\}\^([+-]),K\(S\)0\}([+-])", r"(lepton\1 K_S0, \2)"),
    (r"_mathit ell", "_lepton"),
    (r"\\mathit\s*\\ell", "lepton"),
    (r"\\ell", "lepton"),
    (r"\\(mu|tau)", r"\1"),
    (r"[\\$]", ""),
    (r"\{\{+|\}\}+", ""),
    (r"\{\}", " "),
    (r"\^\{([^{}]*)\}", r"\1"),
    (r"_\{([A-Za-z0-9+-]+)\}", r"_\1"),
    (r"[{}]", ""),
    (r"``([^`\n]*?)''", r'"\1"'),
    (r"electron g-factor", "g"),
    (r"omegatopi", "omega to pi"),
    (r"\bpartiy\b", "parity"),
    (r"\bleption\b", "lepton"),
    (r"\*\*\*1/2", "^(1/2)"),
    (r"~(?=[\[A-Za-z/])|(?<=[A-Za-z/])~(?=\s|/)|(?<=\))-~/|-~(?=/)", " "),
    (r";(?=anything)", ""),
)
_SUSPECT = re.compile(r"group|right_j|allowbreak|mathit|[\\${}`~;]|g-factor|omegato|partiy|leption|\*\*\*")
_SPACING: tuple[tuple[str, str], ...] = (
    (r"--\s*>", " --> "),
    (r"\+\s*c\.\s*c\.", "+ c.c."),
    (r"\(ex\.\s*", "(ex. "),
    (r"\(\s+", "("),
    (r"(?<!\s)\s+([,)])", r"\1"),
)
_JUNK_PATTERNS = tuple((re.compile(pattern), with_) for pattern, with_ in _JUNK)
_SPACING_PATTERNS = tuple((re.compile(pattern), with_) for pattern, with_ in _SPACING)
_POWER_MARK = re.compile(r"(?<!Dbar)(?<!\^)\*\*(?!\*)")  # 'Dbar**0' is an excited D meson, 'q**2' a power


@lru_cache(maxsize=65536)
def ascii_text(description: str) -> str:
    """Plain ASCII form of a PDG description, free of typesetting commands; names as in `plain`."""
    text = description
    if _SUSPECT.search(text):
        for pattern, replacement in _JUNK_PATTERNS:
            text = pattern.sub(replacement, text)
    for pattern, replacement in _SPACING_PATTERNS:
        text = pattern.sub(replacement, text)
    text = plain(_POWER_MARK.sub("^", text)).replace("^'", "'")
    text = _MIXING.sub(r"\1_\3\2", text)
    return _CAPITALS.sub(_lower, text).strip(" ,")


def _lower(match: re.Match[str]) -> str:
    word: str = match[0]
    if word in _NAMED:
        return _NAMED[word]
    if word in _KEEP_UPPER or _SHORT_NAMES.fullmatch(word):
        return word
    return word.lower()


_SYMBOLS: tuple[tuple[str, str], ...] = (
    (r"(?:(?<!\s)\s+)?-->\s*", " → "),
    (r">\s*=\s*", "≥"),
    (r"<\s*=\s*", "≤"),
    (r"==", "≡"),
    (r"(?<=[\d)])\s*\+-\s*(?=\d)", " ± "),
    (r"\bmass\(", "m("),
    (r"\bmeanlife\(", "τ("),
    (r"\bwidth\(", "Γ("),
    (r"(?<![A-Za-z])G\((?!\d\))", "Γ("),
    (r"\(perp\)", "⊥"),
    (r"\(parallel\)", "∥"),
    (r"sqrt\(s\)", "√s"),
    (r"hbar\b", "ħ"),
    (r" x (?=B\(|\(|b )", " × "),
    (r"\^\((-?\d+)\)", r"^\1"),
)
_SYMBOL_PATTERNS = tuple((re.compile(pattern), with_) for pattern, with_ in _SYMBOLS)
_DELTA = re.compile(r"\bDelta(?=[A-Za-z])")
_EXPONENT = re.compile(r"\^(-?\d+)(?!\d|/\d|\.)")


@lru_cache(maxsize=65536)
def unicode_text(description: str) -> str:
    """Unicode form of a PDG description: 'G(K+ --> pi0 e+ nu_e)' -> 'Γ(K⁺ → π⁰ e⁺ ν_e)'."""
    text = symbols(_DELTA.sub("Δ", ascii_text(description)))
    for pattern, replacement in _SYMBOL_PATTERNS:
        text = pattern.sub(replacement, text)
    return _EXPONENT.sub(lambda m: superscript(m[1]), text) if "^" in text else text


def both(description: str) -> str:
    """Unicode form followed by the ASCII form in brackets, or one of them if they are the same."""
    readable, ascii_form = unicode_text(description), ascii_text(description)
    return readable if readable == ascii_form else f"{readable} ({ascii_form})"
