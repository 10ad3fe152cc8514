"""Brings LaTeX, Unicode, HTML and spoken notation of physics to one plain ASCII spelling."""

import html
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from yukawa.knowledge.parsing.names import EAST_ASIAN, ENGLISH

ARROW = " → "  # kept as one character no particle name contains
# The end of a sentence; 'c.c.', '(ex. K0)' and 'neut.' end none.
SENTENCE_END = re.compile(r"[?!;。？！；]|(?<!\bex)(?<!\bexcl)(?<!c\.c)(?<!\bc)(?<!neut)\.(?=\s|$)")

_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ϵ": "epsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "ϑ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "µ": "mu",
    "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "ς": "sigma", "τ": "tau", "υ": "upsilon",
    "φ": "phi", "ϕ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "∆": "Delta",
    "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "∑": "Sigma", "Υ": "Upsilon", "ϒ": "Upsilon",
    "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega", "ℓ": "l",
}  # fmt: skip
_SIGNS = {
    **dict.fromkeys("−–—―‐‑‒⁻₋﹣－", "-"), **dict.fromkeys("⁺₊＋﹢", "+"), "±": "+-", "∓": "-+",
    **dict.fromkeys("∗⋆＊★﹡⁎", "*"), **dict.fromkeys("′’‘ʹʼ＇", "'"), "″": "''", "×": "x", "·": " ",
    "∥": "parallel", "⊥": "perp", "≥": ">=", "≤": "<=", "∼": "~",
}  # fmt: skip
_ARROWS = re.compile(r"\\(?:long)?(?:right)?arrow\b|\\to\b|-{1,3}>(?!=)|=>|[→⟶⇒➝➔➞⟹↦]|&[rx]?[rR]arr;")
# Characters that are not seen: a name with one of them reads as the name without.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff]")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[A-Za-z]\w{1,30});")
_RAISED = re.compile(r"<su([pb])>\s*", re.IGNORECASE)
_TAG = re.compile(r"</?(?:sup|sub|i|b|em|strong|span|var|p|br)\b[^<>]{0,80}>", re.IGNORECASE)
# \bar{X}, \overline X, \bar X
_BAR = re.compile(r"\\(?:bar|overline)\s*(?:\{\s*(\\?[A-Za-z]+)|(\\[A-Za-z]+|[A-Za-z]))\s*\}?")
_TILDE = re.compile(r"\\(?:wide)?tilde\s*(?:\{\s*(\\?[A-Za-z]+)|(\\[A-Za-z]+|[A-Za-z]))\s*\}?")
_FONT = re.compile(r"\\(?:mathrm|mathit|mathbf|text|textit|rm|it|bf|ensuremath|left|right|operatorname)\b\s*")
_COMMANDS = {
    r"\pm": "+-", r"\mp": "-+", r"\ast": "*", r"\star": "*", r"\prime": "'", r"\times": "x", r"\ell": "l",
    r"\geq": ">=", r"\leq": "<=", r"\ge": ">=", r"\le": "<=", r"\parallel": "parallel", r"\perp": "perp", r"\sim": "~",
}  # fmt: skip
_COMMAND_PATTERNS = tuple(
    (re.compile(re.escape(command) + r"(?![A-Za-z])"), plain) for command, plain in _COMMANDS.items()
)
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_GLUED_COMMAND = re.compile(r"(?<=[/_^{])\\(?=[A-Za-z])")  # 'J/\psi', 'm_\tau'
_LATEX_SPACE = re.compile(r"\\[,;:! ()\[\]]")
# A Greek letter after a subscript, a star or a charge begins a name of its own: 'X_sγ', 'K*μ'.
_NEXT_NAME = re.compile("(?:(?<=_[A-Za-z])|(?<=[*∗⋆＊'′0⁰+⁺⁻]))(?=[\u0391-\u03c9])")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_MACRON = re.compile("(?<=[A-Za-z])[\u0304\u0305]+")
_LONE_MARK = re.compile("(?:(?<![A-Za-z])|(?<=psi)|(?<=chi))([A-Za-z])\u0303(?![A-Za-z])")
_CJK = "\u3040-\u30ff\u3400-\u9fff\uff66-\uff9f"
_KANA = re.compile("[\u3041-\u30ff\uff66-\uff9f]")
_SCRIPTS_MEET = re.compile(rf"(?<=[{_CJK}])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9+\-*')])(?=[{_CJK}])")
_EAST_ASIAN = re.compile(
    "(?:"
    + "|".join(sorted(EAST_ASIAN, key=len, reverse=True))
    + ")(?!伏|ボルト|學|学|顕微|显微)"  # not the electronvolt
)
_COMPOUND = re.compile(
    r"(?<=[A-Za-z0-9'*)+])-(?=(?:mesons?|bosons?|baryons?|leptons?|quarks?|star|short|long|prime|psi|zero|plus|minus"
    r"|hyperons?|resonances?|neutrinos?|antineutrinos?|antiquarks?|particles?|bar)\b)",
    re.IGNORECASE,
)
# Before each pattern come the strings without which it cannot match: most texts hold none, and `in` is cheap.
_NAMED = "|".join([*ENGLISH, "charged", "neutral"])  # 'Lambda plus photon' holds no Lambda+
_SPOKEN = (
    (("igma",), re.compile(r"\bsigma(?= ?(?:0|zero|nought|plus|minus)\b)"), "Sigma"),
    (("m_", "M_"), re.compile(r"(?<!Delta )\b[mM]_\{?(?=[A-Za-z])"), "mass "),
    (("Gamma_",), re.compile(r"\bGamma_\{?(?=[A-Za-z])(?!tot|i\b)"), "width "),
    (("tau_",), re.compile(r"\btau_(?=[A-Z]|n\b|pi\b)"), "lifetime "),
    (("mu_",), re.compile(r"\bmu_(?=[pn]\b|[A-Z])"), "magnetic moment "),
    ((" top",), re.compile(r"\b(the|of|for|a) top\b(?![ -]quark| ?\d| (?:two|three|four|five|six|ten)\b)"), r"\1 top quark"),
    (("Delta",), re.compile(r"\bDelta ?_?[mM](?=[ (_]|\b)"), "mass difference "),
    (("nti-", "NTI-", "nti_"), re.compile(r"\b(anti)[-_](?=[A-Za-z])", re.IGNORECASE), r"\1"),
    ((" sub",), re.compile(r"(?<=[A-Za-z]) sub[- ](?=[a-z]\b)"), "_"),
    (("star",), re.compile(r"\b([A-Z](?:_?[a-z])?|Sigma_?[bc]?|Xi_?[bc]?|Omega_?[bc]?)[- ]star\b"), r"\1*"),
    (("star",), re.compile(r"\b([A-Z](?:_[a-z])?)_?star(?=[0+_-]|\b)"), r"\1*"),
    (("prime",), re.compile(r"\b([A-Zbt]|eta|Xi_?[bc]|chi|psi)[-_ ]prime\b"), r"\1'"),
    (("plus",),
     re.compile(rf"(?<=[A-Za-z*']) plus\b(?! or)(?! (?:an?|the|one|two|its|eine?[mnr]?|zwei|une?|deux)\b)(?! (?:{_NAMED})s?\b)"), "+"),
    (("minus",), re.compile(r"(?<=[A-Za-z*'])(?<! or) minus\b"), "-"),
    (("_plus",), re.compile(r"(?<=[A-Za-z*')])(?:_plus)+(?![A-Za-z])"), lambda m: "+" * m[0].count("p")),
    (("_minus",), re.compile(r"(?<=[A-Za-z*')])(?:_minus)+(?![A-Za-z])"), lambda m: "-" * m[0].count("m")),
    (("_zero",), re.compile(r"(?<=[A-Za-z*')])_zero(?![A-Za-z])"), "0"),
    (("_bar",), re.compile(r"(?<=[A-Za-z])_bar(?![a-z])"), "bar"),
    (("zero", "nought", "naught"),
     re.compile(r"\b([A-Z][a-z]?|pi|[Ss]igma|[Xx]i|[Ll]ambda|[Dd]elta|rho|cascade) (?:zero|nought|naught)\b"), r"\g<1>0"),
)  # fmt: skip

_Replacement = str | Callable[[re.Match[str]], str]


@dataclass(frozen=True, slots=True)
class Spelled:
    """A text in plain ASCII with the places its characters come from.

    Args:
        text: the original.
        plain: what `plain_ascii` makes of the text.
        starts: for each character of `plain` where its original begins.
        ends: for each character of `plain` one past its original's end.
    """

    text: str
    plain: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The characters of the original text that `plain[start:end]` was written with."""
        if start >= end:
            place = self.starts[start] if start < len(self.starts) else (self.ends[-1] if self.ends else 0)
            return place, place
        first = self.starts[start]
        if self.text[first - 1 : first] == "\\":  # the name of a LaTeX command
            first -= 1
        return first, self.ends[end - 1]


class _Text:
    """A text under rewriting."""

    def __init__(self, text: str) -> None:
        self.text = text

    def sub(self, pattern: re.Pattern[str], replacement: _Replacement) -> None:
        self.text = pattern.sub(replacement, self.text)

    def strip(self) -> None:
        self.text = self.text.strip()


class _TracedText(_Text):
    """A text under rewriting that knows where each of its characters comes from."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.starts = list(range(len(text)))
        self.ends = list(range(1, len(text) + 1))

    def sub(self, pattern: re.Pattern[str], replacement: _Replacement) -> None:
        """Replace each match, and keep for each new character which old ones it came from."""
        parts: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        done = 0
        for match in pattern.finditer(self.text):
            new = replacement(match) if callable(replacement) else match.expand(replacement)
            old = match[0]
            kept = _common(old, new)
            rest = _common(old[kept:][::-1], new[kept:][::-1])
            first, last = match.start() + kept, match.end() - rest
            parts += [self.text[done:first], new[kept : len(new) - rest]]
            starts += self.starts[done:first]
            ends += self.ends[done:first]
            added = len(new) - kept - rest
            if added:
                begin, end = self._origin(first, last)
                starts += [begin] * added
                ends += [end] * added
            done = last
        self.text = "".join(parts) + self.text[done:]
        self.starts = starts + self.starts[done:]
        self.ends = ends + self.ends[done:]

    def _origin(self, first: int, last: int) -> tuple[int, int]:
        if first < last:
            return self.starts[first], self.ends[last - 1]
        place = self.ends[first - 1] if first else 0  # an insertion
        return place, place

    def strip(self) -> None:
        first = len(self.text) - len(self.text.lstrip())
        self.text = self.text.strip()
        self.starts = self.starts[first : first + len(self.text)]
        self.ends = self.ends[first : first + len(self.text)]


def _common(one: str, other: str) -> int:
    """The number of characters with which both begin."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def plain_ascii(text: str) -> str:
    r"""`text` with one ASCII spelling of names: `$J/\psi$`, `J/ψ` become `J/psi`; `B_s⁰`, `$B^0_s$` keep their parts.

    Subscripts and superscripts are written in line (`K_S⁰` → `K_S0`); a decay arrow becomes ` → `; HTML entities
    and tags are resolved; characters that are not seen disappear. Idempotent: a plain text does not change.
    """
    rewritten = _Text(text)
    _rewrite(rewritten)
    return rewritten.text


def spell(text: str) -> Spelled:
    """`plain_ascii` of a text, and for each of its characters the place in the original."""
    rewritten = _TracedText(text)
    _rewrite(rewritten)
    return Spelled(text, rewritten.text, tuple(rewritten.starts), tuple(rewritten.ends))


def _rewrite(text: _Text) -> None:
    """Bring every notation to plain ASCII in place: HTML, LaTeX, Unicode, CJK names, spoken signs."""
    if "&" in text.text or "<" in text.text:
        _from_html(text)
    text.sub(_ARROWS, ARROW)
    if "\\" in text.text or "$" in text.text:
        _from_latex(text)
    if not text.text.isascii():
        text.sub(_INVISIBLE, "")
        text.sub(_EAST_ASIAN, lambda match: f" {EAST_ASIAN[match[0]]} ")
        text.sub(_NEXT_NAME, " ")
        text.sub(_ANTI, lambda match: "antiparticle of " if match["charged"] else "anti")
        text.sub(_NOT_ASCII, _plain_characters)
        text.sub(_LONE_MARK, r"\1tilde")
        text.sub(_SCRIPTS_MEET, " ")
        text.sub(_MACRON, "bar")
        text.sub(_OTHER_MARKS, "")
    text.sub(_BRACES, "")
    text.sub(_NO_MASS, "")
    text.sub(_SPACES, " ")
    text.strip()
    text.sub(_COMPOUND, " ")
    for signs, pattern, replacement in _SPOKEN:
        if any(sign in text.text for sign in signs):
            text.sub(pattern, replacement)


# '反Σ-' is the antiparticle of the Sigma-, where 'anti-Sigma-' is an antiparticle of negative charge.
_ANTI = re.compile("反 ?(?=(?P<charged>[A-Za-z\u0391-\u03c9]+[-+−⁻⁺])|[A-Za-z\u0391-\u03c9])")
_OTHER_MARKS = re.compile("[\u0300-\u0303\u0306-\u036f]")
_NO_MASS = re.compile(r"(?<=[A-Za-z*'])\(\)|(?<=\d)\(\)(?!0)")  # where the PDG omits a mass: 'D_s()+'
_BRACES = re.compile(r"[{}]")
_SPACES = re.compile(r"\s+")


def _from_html(text: _Text) -> None:
    text.sub(_ENTITY, lambda match: html.unescape(match[0]))
    text.sub(_RAISED, lambda match: "^" if match[1] in "pP" else "_")
    text.sub(_TAG, "")


def _from_latex(text: _Text) -> None:
    text.sub(_TIE, " ")
    text.sub(_HYPHEN_AFTER_MATH, "")
    text.sub(_FONT, "")
    text.sub(_BAR, lambda m: (m[1] or m[2]) + "bar" + _gap(m))
    text.sub(_TILDE, lambda m: (m[1] or m[2]) + "tilde" + _gap(m))
    for pattern, plain in _COMMAND_PATTERNS:
        text.sub(pattern, plain)
    text.sub(_GLUED_COMMAND, "")
    text.sub(_COMMAND, r" \1")
    text.sub(_LATEX_SPACE, " ")
    text.sub(_MATH, " ")


def _gap(match: re.Match[str]) -> str:
    """A space, unless the name continues."""
    return "" if match.string[match.end() : match.end() + 1] in tuple("_^(*'+-0") else " "


_HYPHEN_AFTER_MATH = re.compile(r"\$(?=-[A-Za-z])")  # '$K_S^0$-meson'
_TIE = re.compile("~")
_MATH = re.compile(r"\$")


def _plain_characters(match: re.Match[str]) -> str:
    if _KANA.match(match[0]):  # its marks belong to the letter
        return unicodedata.normalize("NFKC", match[0])
    return "".join(_plain_character(c) for c in unicodedata.normalize("NFD", match[0]))


def _plain_character(character: str) -> str:
    if character.isascii():
        return character
    if character in _GREEK:
        return _GREEK[character]
    if character in _SIGNS:
        return _SIGNS[character]
    if character == "→" or unicodedata.combining(character):
        return character
    folded = unicodedata.normalize("NFKC", character)
    if folded == character:
        return character
    subscript = "<sub>" in unicodedata.decomposition(character)
    plain = "".join(_GREEK.get(c, _SIGNS.get(c, c)) for c in folded)
    return "_" + plain if subscript else plain
