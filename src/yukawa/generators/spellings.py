"""Rewrites a sentence into the forms that the grammar of decays reads: glued names, pairs, slips of the pen, asides."""

import functools
import re

from yukawa.generators.words import is_slip
from yukawa.knowledge.parsing.spelling import spell

# Said beside the decay: the collision, the other half of an event, what is short for a pronoun and a verb.
_ASIDES = re.compile(
    r"(?:\b(?:in|at|from)\s+)?(?<![\w+])(?:e\+\s?e-|pp|p\s?p|p\s?pbar)[ -]?(?:collisions?|annihilations?|collider|machine|events|data)\b"
    r"|另外?一?[个边侧半][^,，;；。→]{0,12}?(?:任意|自由|单举|generic)(?:衰变)?|正负电子对撞机?|质子对撞"
    r"|\b(?:inclusive|generic)\w*(?: decays?)? (?:on|for|in) the (?:other|opposite|tag)(?:[ -]side)?\b"
    r"|\b(?:the )?(?:other|opposite|second|tag)(?:[ -]side)? [^,;.。，；→]{0,40}?(?:generic|inclusive|free|any)\w*"
    r"(?: decays?)?|\b(?:I|you|we|they|he|she|it|that|there|let|what|who|here)'(?:d|ll|m|re|ve|s)\b|\b(?:don|can|won|isn|doesn)'t\b"
    r"|\b(?:i\.\s?e|e\.\s?g|a\.\s?k\.\s?a)\b\.?|\b(?:Z|Upsilon\(\dS\)) (?:pole|peak|resonance|threshold|run)\b", re.IGNORECASE
)  # fmt: skip
_PAIRS = (
    (re.compile(r"正反\s*([^\s,，、。对到]{1,8}?)(?:子)?对|正反\s*([^\s,，、。对到]{1,8})"), r"{0} 反{0}"),
    (re.compile(r"正负\s*(电子|缪子|μ子|π介子|K介子|介子)对?"), r"{0}+ {0}-"),
    (re.compile(r"\bdi-?(muon|electron|pion|kaon|photon|tau)s?\b", re.IGNORECASE), r"{0} {0}"),
    (
        re.compile(
            r"\b(?:a |an )?(muon|electron|pion|kaon|photon)[- ]pair\b|\ba pair of (muon|electron|pion|kaon|photon)s\b",
            re.IGNORECASE,
        ),
        r"{0} {0}",
    ),
)
_CHINESE = {"电子": "e", "缪子": "mu", "μ子": "mu", "π介子": "pi", "K介子": "K", "介子": "pi"}
_PART = r"(?:K_?[Ss]0?|K|pi|mu|gamma|phi|rho|eta|tau|nu|e)"
_GLUED = re.compile(rf"(?<![\w\\/*'+-])p?{_PART}{{2,6}}(?![\w'*(+-])")
_PARTS = re.compile(rf"^p(?=K|pi)|{_PART}")  # pKpi
# Greek letters one behind the other: γη′, π0π0J/ψ; but νμ is one particle.
_GREEK = re.compile(r"([α-ωΑ-ΩϒϕφϵΥ][\u0304′'*]*[0⁰+⁺⁻−-]*)(?=[α-ωΑ-ΩϕφA-Z]|h_|l[+⁺⁻−-])")
_PLURAL = re.compile(r"\b(tau|mu|phi|eta|rho|psi|gamma|Lambda|Sigma|Xi|pi0|tauon)s\b")
# A number before a bracket: 2(pi+ pi-).
_REPEATED = re.compile(r"(?<![\w)*'])([2-4]) ?\(([^()→]{0,40}[+-][^()→]{0,40})\)")
_CHARGES = re.compile(r"(?<=[A-Za-z])\^(?=\+\+(?!\w)|--(?!\w))")  # Xi_cc^++, which the Review does not have
_COUNTED = re.compile(r"(?<=(?<![A-Za-z])K)(?=[2-5]pi(?![a-z]))")  # K3pi
_EXCITED = re.compile(
    r"\b((?:Lambda|Sigma|Xi|Omega)_?[bc]?)\* ?\((\d{4})\)"
)  # Lambda_c*(2595), which the Review writes without the star
_MASS_LAST = re.compile(
    r"(?:(?<=\*)|(?<=rho))([0+-])\((\d{3,5})\)"
)  # K*0(892), which the Review writes K*(892)0
# The energy's symbol, which names a strange quark else.
_CMS = re.compile(
    r"(?:√|\\sqrt)\s?[({]?\s?s\s?[)}]?|\bsqrt\s?\(\s?s\s?\)|\bE_?\{?(?:\\rm |\\mathrm\{)?c\.?m\.?s?\.?\}{0,2}(?=\s?=)"
)
_NEUTRINO = re.compile(r"(ν\u0304?)([μτeℓ])(?![a-z])")
_LETTER = re.compile(r"(?<=[A-Za-z])(?=\\ell)")  # \omega\ell is two names; \nu_\ell is one
_BARRED = re.compile(r"\\bar ?([α-ωΑ-Ω])")  # LaTeX's command before a letter of Unicode
_BEHIND_BAR = re.compile(
    r"(?<=[pn]\u0304)(?=[A-Za-zα-ωΑ-Ω])"
)  # a bar over a nucleon, which is then named whole
# A charge, then another name: D0K+, K+pi-, Λe+; but K0S is one.
_NEXT = re.compile(
    r"(?<=[A-Za-z*][0+])(?=[A-JM-RT-Z]|[SKL](?:_|[a-z]|[+-]|\d)|(?:pi|mu|tau|eta|rho|phi|gamma|nu)(?![a-z]))"
    r"|(?<=[ΛΣΞΩ])(?=[epK][+⁺\-⁻−])"
)
_RADIATIVE = re.compile(
    r"\bradiative(?:ly)? (?:decays? |decaying |transitions? |goes )?(?:→|(?:in)?to\b)\s*"
    r"((?:(?:gamma|photons?|γ)\b|[^\s;,.→()]+\s*(?:[;,.→()]|$|\b(?:at|in|with|and|where|then|followed)\b)).*)",
    re.IGNORECASE | re.DOTALL,
)
_TWO_BOSONS = {"ZH": "Z H", "HZ": "H Z", "ZZ": "Z Z", "WW": "W+ W-"}
# A bar that LaTeX needs no space before: p\bar{p}.
_BAR = re.compile(r"(?<=[A-Za-z0-9}+)-])(?=\\(?:bar|overline|anti)\b)")
_ELL = re.compile(r"(?<![A-Za-z\\])ell(?![a-z])")
# Bplus, pizero, Kminus.
_SPELT = re.compile(r"\b(B|D|Ds|Bc|K|Kst|Dst|pi|rho|mu|tau|e)(plus|minus|zero)\b")
_QUARKS = re.compile(
    r"((?<![A-Za-z])(?:Z0?|H)\s{0,3}(?:-+>|=>|→|\\to\b|\bto\b))\s{0,3}(bb|cc)(?![\w*])"
)  # Z -> bb
_OWN = re.compile(r"(?<=[A-Za-z0-9)+-])['’]s (?=decays?\b)")  # the J/psi's decay
# What separates decays in a list or on lines of their own.
_BULLET = re.compile(
    r"(?<=\s)[|*•·](?=\s)|\n(?=[ \t]{0,8}(?:[-*•] )?\S{1,20}[ \t]{0,3}(?:-+>|=>|→|\\to\b|\\rightarrow\b))"
)
_SIGNS = {"plus": "+", "minus": "-", "zero": "0"}
_BOSONS = re.compile(r"(?<![\w+*-])(?:ZH|HZ|ZZ|WW)(?![\w+*'-])")
# What is misspelt most, and never another word of such a sentence by one letter.
_VERBS = (
    "decays",
    "decay",
    "decaying",
    "decayed",
    "simulate",
    "events",
    "into",
    "followed",
    "where",
    "transition",
)
_PARTICLES = (
    "gamma",
    "lambda",
    "sigma",
    "omega",
    "upsilon",
    "photon",
    "muon",
    "kaon",
    "pion",
    "proton",
    "electron",
    "neutrino",
)


def plain_sentence(sentence: str) -> tuple[str, tuple[str, ...]]:
    """A sentence in the forms that the grammar reads, and a note for each word that was taken for a slip."""
    sentence = _BULLET.sub(" ; ", _OWN.sub(" ", sentence.replace(" & ", " and ")))
    sentence = _QUARKS.sub(lambda found: f"{found[1]} {found[2][0]} {found[2][0]}bar", sentence)
    sentence = _SPELT.sub(lambda found: found[1] + _SIGNS[found[2]], sentence)
    for pattern, form in (
        (_CMS, " "),
        (_BAR, " "),
        (_ELL, "l"),
        (_LETTER, " "),
        (_NEXT, " "),
        (_BARRED, "\\1\u0304"),
        (_BEHIND_BAR, " "),
    ):
        sentence = pattern.sub(form, sentence)
    sentence = _BOSONS.sub(lambda found: _TWO_BOSONS[found[0]], sentence)
    text = _GREEK.sub(r"\1 ", _NEUTRINO.sub(r"\1_\2 ", sentence))
    for pattern, form in _PAIRS:
        text = pattern.sub(functools.partial(_pair, form), text)
    plain = _GLUED.sub(lambda found: " ".join(_PARTS.findall(found[0])), spell(text).plain)
    plain = _CHARGES.sub("", plain)
    plain = _NEXT.sub(" ", _COUNTED.sub(" ", plain))
    plain = _EXCITED.sub(r"\1(\2)", plain)
    plain = _MASS_LAST.sub(r"(\2)\1", plain)
    plain = _PLURAL.sub(r"\1", _REPEATED.sub(lambda found: f"{found[2]} " * int(found[1]), plain))
    plain = _RADIATIVE.sub(_with_photon, plain)
    plain = _ASIDES.sub(lambda found: " " * len(found[0]), plain)
    notes: list[str] = []

    def mended(found: re.Match[str]) -> str:
        right = _meant(found[0])
        if right != found[0]:
            notes.append(f"{found[0]} is read as {right}")
        return right

    return re.sub(r"(?<![\w\\_/-])[A-Za-z]{4,12}(?![\w_(*'-])", mended, plain), tuple(dict.fromkeys(notes))


def _with_photon(found: re.Match[str]) -> str:
    """The arrow of a radiative decay with its photon, which the sentence may name itself."""
    listed = re.split(r"[;,.→()]|\b(?:in)?to\b|\b(?:with|and|where)\b", found[1], maxsplit=1)[0]
    return f"→ {found[1]}" if re.search(r"\b(?:gamma|photons?)\b|γ", listed) else f"→ gamma {found[1]}"


def _pair(form: str, found: re.Match[str]) -> str:
    """A pair in two words: 正反质子对, dimuon."""
    name = next(filter(None, found.groups()))
    if "反" in form and re.search(r"[\u4e00-\u9fff]", name) and not name.endswith("子"):
        name += "子"
    return f" {form.format(_CHINESE.get(name, name) if '反' not in form else name)} "


def _meant(word: str) -> str:
    """The verb or particle that a word is a slip of, or the word itself."""
    low = word.lower()
    if low in _VERBS or low.removesuffix("s") in _PARTICLES:
        return word
    for names in (_VERBS, _PARTICLES):
        # Lambdab is not lambda with a letter too many, but another baryon.
        near = [
            name for name in names if is_slip(low, name) and low[0] == name[0] and not low.startswith(name)
        ]
        if len(near) == 1 or (near and names is _VERBS):
            return near[0]
    return word
