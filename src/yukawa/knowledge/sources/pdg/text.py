"""The words of the PDG's descriptions: typesetting leftovers removed, capitals lowered, symbols readable."""

from __future__ import annotations

import re
from functools import lru_cache

from yukawa.knowledge.sources.pdg.names import plain, superscript, symbols

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
    (r"right_justify.*$", ""),
    (r"egroup\s*allowbreak\s*hboxbgroup|allowbreak\s*hboxbgroup|hboxbgroup|allowbreak", " "),
    (r"\s*egroup", ""),
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
    (r"``(.*?)''", r'"\1"'),
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
    (r"\s+([,)])", r"\1"),
)
_JUNK_PATTERNS = tuple((re.compile(pattern), with_) for pattern, with_ in _JUNK)
_SPACING_PATTERNS = tuple((re.compile(pattern), with_) for pattern, with_ in _SPACING)
_POWER_MARK = re.compile(r"(?<!Dbar)(?<!\^)\*\*(?!\*)")  # 'Dbar**0' is an excited D meson, 'q**2' a power


@lru_cache(maxsize=65536)
def ascii_text(description: str) -> str:
    """Plain ASCII form of a PDG description, free of typesetting commands; names as in `names.plain`."""
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
    (r"\s*-->\s*", " → "),
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
