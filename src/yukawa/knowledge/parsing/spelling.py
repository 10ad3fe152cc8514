"""Brings LaTeX, Unicode and spoken notation of physics to one plain ASCII spelling."""

from __future__ import annotations

import re
import unicodedata

ARROW = " → "  # kept as one character no particle name contains

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ϵ": "epsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "ϑ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "µ": "mu",
    "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "ς": "sigma", "τ": "tau", "υ": "upsilon",
    "φ": "phi", "ϕ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta",
    "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Υ": "Upsilon", "ϒ": "Upsilon", "Φ": "Phi", "Ψ": "Psi",
    "Ω": "Omega", "ℓ": "l",
}  # fmt: skip
_SIGNS = {
    "−": "-", "–": "-", "‑": "-", "⁻": "-", "₋": "-", "⁺": "+", "₊": "+", "±": "+-", "∓": "-+", "∗": "*", "⋆": "*",
    "′": "'", "’": "'", "‘": "'", "×": "x", "·": " ", "\u202f": " ", "\xa0": " ",
}  # fmt: skip
_ARROWS = re.compile(r"\\(?:long)?(?:right)?arrow\b|\\to\b|-{1,2}>|=>|[→⟶⇒➝]")
# \bar{X}, \overline X, \bar X
_BAR = re.compile(r"\\(?:bar|overline)\s*(?:\{\s*(\\?[A-Za-z]+)|(\\[A-Za-z]+|[A-Za-z]))\s*\}?")
_FONT = re.compile(r"\\(?:mathrm|mathit|mathbf|text|textit|rm|it|bf|ensuremath|left|right|operatorname)\b\s*")
_COMMANDS = {
    r"\pm": "+-",
    r"\mp": "-+",
    r"\ast": "*",
    r"\star": "*",
    r"\prime": "'",
    r"\times": "x",
    r"\ell": "l",
}
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_MACRON = re.compile("(?<=[A-Za-z])[\u0304\u0305]+")
_COMPOUND = re.compile(
    r"(?<=[A-Za-z0-9'*)+])-(?=(?:mesons?|bosons?|baryons?|leptons?|quarks?|star|short|long|prime|psi|zero|plus|minus"
    r"|hyperons?|resonances?|neutrinos?|antineutrinos?|particles?|bar)\b)",
    re.IGNORECASE,
)
# Before each pattern come the strings without which it cannot match: most texts hold none, and `in` is cheap.
_SPOKEN = (
    (("m_", "M_"), re.compile(r"\b[mM]_\{?(?=[A-Za-z])"), "mass "),
    (("Gamma_",), re.compile(r"\bGamma_\{?(?=[A-Za-z])(?!tot|i\b)"), "width "),
    (("tau_",), re.compile(r"\btau_(?=[A-Z]|n\b|pi\b)"), "lifetime "),
    (("mu_",), re.compile(r"\bmu_(?=[pn]\b|[A-Z])"), "magnetic moment "),
    ((" top",), re.compile(r"\b(the|of|for|a) top\b(?![ -]quark)"), r"\1 top quark"),
    (("Delta",), re.compile(r"\bDelta ?_?[mM](?=[ (_]|\b)"), "mass difference "),
    (("nti-", "NTI-"), re.compile(r"\b(anti)-(?=[A-Za-z])", re.IGNORECASE), r"\1"),
    ((" sub",), re.compile(r"(?<=[A-Za-z]) sub[- ](?=[a-z]\b)"), "_"),
    (("star",), re.compile(r"\b([A-Z](?:_?[a-z])?|Sigma_?[bc]?|Xi_?[bc]?|Omega_?[bc]?)[- ]star\b"), r"\1*"),
    (("prime",), re.compile(r"\b(eta|Xi_?[bc])[- ]prime\b"), r"\1'"),
    (("plus",), re.compile(r"(?<=[A-Za-z*']) (?:plus)\b(?! or)"), "+"),
    (("minus",), re.compile(r"(?<=[A-Za-z*'])(?<! or) minus\b"), "-"),
    (
        ("zero", "nought", "naught"),
        re.compile(r"\b([A-Z][a-z]?|pi|Sigma|Xi|Lambda|Delta|rho) (?:zero|nought|naught)\b"),
        r"\g<1>0",
    ),
)


def plain_ascii(text: str) -> str:
    r"""`text` with one ASCII spelling of names: `$J/\psi$`, `J/ψ` become `J/psi`; `B_s⁰`, `$B^0_s$` keep their parts.

    Subscripts and superscripts are written in line (`K_S⁰` → `K_S0`); a decay arrow becomes ` → `.
    Idempotent: a plain text does not change.
    """
    text = _ARROWS.sub(ARROW, text)
    if "\\" in text or "$" in text:
        text = _from_latex(text)
    text = (
        "".join(_plain_character(c) for c in unicodedata.normalize("NFD", text))
        if not text.isascii()
        else text
    )
    text = _MACRON.sub("bar", text.replace("{", "").replace("}", ""))
    text = _COMPOUND.sub(" ", re.sub(r"\s+", " ", text).strip())
    for signs, pattern, replacement in _SPOKEN:
        if any(sign in text for sign in signs):
            text = pattern.sub(replacement, text)
    return text


def _from_latex(text: str) -> str:
    text = _FONT.sub("", re.sub(r"\$(?=-[A-Za-z])", "", text))  # '$K_S^0$-meson'
    text = _BAR.sub(lambda m: (m[1] or m[2]) + "bar ", text)
    for command, plain in _COMMANDS.items():
        text = re.sub(re.escape(command) + r"(?![A-Za-z])", plain, text)
    text = _COMMAND.sub(r" \1", re.sub(r"(?<=[/_^{])\\(?=[A-Za-z])", "", text))  # 'J/\psi', 'm_\tau'
    text = re.sub(r"\\[,;:! ()\[\]]", " ", text)
    return text.replace("$", " ").replace("~", " ")


def _plain_character(character: str) -> str:
    if character.isascii():
        return character
    if character in _GREEK:
        return _GREEK[character]
    if character in _SIGNS:
        return _SIGNS[character]
    if character == "→" or character in "\u0304\u0305":
        return character
    if unicodedata.combining(character):
        return ""
    folded = unicodedata.normalize("NFKC", character)
    if folded == character:
        return character
    subscript = "<sub>" in unicodedata.decomposition(character)
    plain = "".join(_GREEK.get(c, _SIGNS.get(c, c)) for c in folded)
    return "_" + plain if subscript else plain
