"""Sentences for PDG values: subject, property, value, and its authority."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from yukawa.knowledge.facts import Fact
from yukawa.knowledge.sources.pdg.states import charge_text
from yukawa.knowledge.sources.pdg.text import ascii_text, both, english, pretty, unicode_text

_QUANTUM_NUMBERS = {
    "quantum_i": "isospin I", "quantum_g": "G-parity", "quantum_j": "spin J", "quantum_p": "parity P",
    "quantum_c": "C-parity C",
}  # fmt: skip
_PROPERTIES = {
    "M": "mass", "G": "width", "T": "lifetime", "g": "lifetime", "D": "mass difference",
    "e": "electric dipole moment", "m": "magnetic moment", "v": "CP violation parameter", "f": "form factor",
    "s": "slope parameter", "c": "coupling constant ratio", "d": "decay parameter",
}  # fmt: skip
# Properties that the data base does not code, found by what the description or its section says.
_BY_WORDS = (
    (r"pole residue|residue", "pole residue"),
    (r"pole position|matrix pole|pole sqrt", "pole position"),
    (r"helicity-[13]/2|decay amplitude", "photon decay amplitude"),
    (r"mass\([^()]*(\([^()]*\)[^()]*)*\) ?- ?mass|mass difference|Delta\s?mass", "mass difference"),
    (r"width\(.{0,120}?\) ?- ?width", "width difference"),
    (r"charge radius", "charge radius"),
    (r"polarizability", "polarizability"),
    (r"dipole moment", "electric dipole moment"),
    (r"A\(CP\)|\bCP[- ]|^[SC] ?\(|CP asymmetry", "CP violation parameter"),
    (r"Gamma\(L\)/Gamma|polarization|phi\(\((perp|parallel)\)\)", "polarization"),
    (r"form factor", "form factor"),
    (r"meanlife\(.{0,120}?\) ?- ?meanlife", "lifetime difference"),
    (r"meanlife|mean life", "lifetime ratio"),
    (r"asymmetry|A\(FB\)", "asymmetry"),
    (r"^<N\(", "multiplicity"),
    (r"theta\(\d\d\)|m\(\d\d\)", "neutrino mixing parameter"),
)
# Where the data base codes the block as something else.
_OVERRIDE = (
    (r"V_?\((cb|ub)\)\|? ?MEASUREMENTS|^ ?\|?V_?\([cu]b\)", "CKM matrix element"),
    (r"alpha FOR|DECAY PARAMETERS alpha", "decay parameter"),
)
_LOOSE_STATE = re.compile(
    r"[<>≥\[]|\)/|lepton|anything|\bX\b|neutral|prong|particle|\bex\.|\bnon|total|wave|\bh[+-]|,|-->| x "
)
_CLASSES = {"M": "meson", "B": "baryon", "L": "lepton", "Q": "quark", "G": "boson"}
_QUANTITY_WORDS = re.compile(
    r"^[ -]*+(?:(?P<before>Breit-Wigner|pole|\(Breit-Wigner\)|full|decay|quark)[ -]++)*+"
    r"(?:mass|width|mean life)\b",
    re.IGNORECASE,
)
_SAID_ALREADY = re.compile(r"^[ -]*(MeV\b|\(MeV\)|tau$|tau_s$|\(atomic mass units u\)|\(Breit-Wigner\))")
_CAPITALISED = re.compile(r"\b(?!Breit|Wigner|Higgs|Yukawa|Majoron|Dalitz|Fierz|Kaluza|Klein)[A-Z][a-z]+\b")
_POLE = re.compile(r"pole sqrt", re.IGNORECASE)
_MOMENT = re.compile(r"[a-z][a-z -]+( \(\w\))?")
FITTED_RATE = "fitted decay rate"  # the data file gives these for modes, without their unit
_PERFECT = {
    "seen": "been seen",
    "not seen": "not been seen",
    "possibly seen": "possibly been seen",
    "searched for": "been searched for",
}
_OBSERVED = {*_PERFECT, "small", "large", "dominant"}
_GAPS = str.maketrans("", "", " _")
_NAMES_IN_MASS = re.compile(r"^mass\((.*)\)$")


@dataclass(frozen=True)
class Subject:
    """A particle (or a section of the Review) as sentences name it."""

    text: str  # 'tau lepton (τ, tau)'
    ascii: str  # 'tau'
    is_particle: bool = True


@dataclass(frozen=True)
class DataBlock:
    """One identifier of the PDG with its description and that of its section ('' if it is in none)."""

    pdgid: str
    data_type: str
    description: str
    flags: str
    section: str

    @property
    def is_fraction(self) -> bool:
        """Whether it is a decay mode."""
        return self.data_type.startswith("BF")

    @property
    def is_nucleon_decay(self) -> bool:
        """Whether it is a decay that violates baryon number, given as partial mean life."""
        return self.is_fraction and self.pdgid.startswith("S016.")


@lru_cache(maxsize=4096)
def subject(description: str, flags: str) -> Subject:
    """The particle (or section) that a top-level PDG description names."""
    name = ascii_text(description)
    if not re.fullmatch(r"\S+( c cbar cbar\(\d+\))?", name) or "ADMIXTURE" in description:
        if not re.search(r"[A-Z]\(|[BD][+0_/*]", name):
            name = _CAPITALISED.sub(lambda m: m[0].lower(), name)
        return Subject(name if name == unicode_text(name) else f"{unicode_text(name)} ({name})", name, False)
    return _named(name, flags)


def _named(name: str, flags: str) -> Subject:
    symbol, common = pretty(name), english(name)
    kind = next((_CLASSES[flag] for flag in flags if flag in _CLASSES), "")
    if not common:
        return Subject(f"{symbol} {kind}".strip() + (f" ({name})" if name != symbol else ""), name)
    head = common[0]
    rest = [part for part in dict.fromkeys((symbol, name, *common[1:])) if part != head]
    return Subject(f"{head} ({', '.join(rest)})" if rest else head, name)


def _in_own_words(block: DataBlock, default: Subject) -> tuple[Subject, str]:
    """For masses, widths and lifetimes: the subject that the description names, and the rest of its words."""
    text = ascii_text(block.description)
    if match := _NAMES_IN_MASS.match(text):
        text = f"{match[1]} mass"
    if not default.is_particle:
        return default, text
    if text.startswith(f"{default.ascii} ") and "-->" not in text:
        return default, text.removeprefix(f"{default.ascii} ")
    name, _, rest = text.rpartition(" ")
    if name.translate(_GAPS) == default.ascii.translate(
        _GAPS
    ):  # 'T_c cbar 1(3900) mass' of 'T_c_cbar_1(3900)'
        return default, rest
    head, _, rest = text.partition(" ")
    if rest.startswith("-->"):
        return default, text
    for name in (head, re.sub(r"-quark$", "", head, flags=re.IGNORECASE)):
        if name == default.ascii or _charge_state(name, default.ascii):
            return (default if name == default.ascii else _named(name, _flags_of(default))), rest
    return default, text


def _flags_of(default: Subject) -> str:
    return next((flag for flag, word in _CLASSES.items() if f" {word}" in default.text), "")


def _charge_state(name: str, root: str) -> bool:
    """Whether `name` is `root` with another charge, or its antiparticle: 'Sigma_c(2455)++' of 'Sigma_c(2455)', 'Xibar+' of 'Xi-'."""
    bare = re.compile(r"(\+\+|--|\+-|[+\-0])$")
    plain = bare.sub("", name.replace("bar", "") if "bar" not in root else name)
    return name != root and plain == bare.sub("", root) and not root.startswith("~")


def subject_of(block: DataBlock, default: Subject) -> Subject:
    """The subject of a block: the charge state that a mass, width or lifetime names, else the particle."""
    return _in_own_words(block, default)[0] if block.data_type in ("M", "G", "T", "g") else default


def property_of(block: DataBlock, unit: str) -> str:
    """The property a block gives, in words ('other' if nothing fits)."""
    words = f"{block.section} {block.description}"
    if block.is_nucleon_decay or (block.data_type == "BR" and block.description.startswith("tau(")):
        return "partial mean life"
    if block.is_fraction:
        return "branching fraction"
    if override := next((name for pattern, name in _OVERRIDE if re.search(pattern, words)), None):
        return override
    if block.data_type == "BR":
        return "partial width" if unit in ("MeV", "keV", "eV", "GeV", "s⁻¹") else "branching ratio"
    if block.data_type == "M" and re.search(r"pole sqrt", words, re.IGNORECASE):
        return "pole position"
    if block.data_type in _PROPERTIES:
        return _PROPERTIES[block.data_type]
    found = next((name for pattern, name in _BY_WORDS if re.search(pattern, words, re.IGNORECASE)), "other")
    if found == "lifetime ratio" and unit:
        return "lifetime" if unit == "s" else "other"
    return found


def is_plain_ratio(description: str) -> bool:
    """Whether a branching ratio is one mode over the total width, or a partial mean life."""
    text = re.sub(r"(?<!\s)\s*right_justify.*", "", description)
    single = re.fullmatch(r"G\((.*)\)/G\(total\)", text)
    return bool(re.match(r"tau\(", text)) or (single is not None and "G(" not in single[1])


def sentence(about: Subject, block: DataBlock, fact: Fact, momentum: float | None = None) -> str:
    """The sentence of one value.

    Args:
        about: the particle or section that it is about.
        block: the PDG's words for the quantity.
        fact: the value.
        momentum: the decay momentum in MeV/c, to be added.
    """
    what = _what(about, block, fact.unit)
    if fact.qualifiers.get("kind") == FITTED_RATE:
        what = f"The {FITTED_RATE} of {both(block.description)}, in the unit of its Listings,"
    if fact.words in _OBSERVED:
        return _observation(block, what, fact.words) + _notes(fact)
    level = "" if _is_number(fact) else _level(fact)
    text = f"{what} is {fact.printed}{level}{_notes(fact)}"
    if momentum is not None:
        largest = "largest decay" if _products(block) > 2 else "decay"
        text = f"{text[:-1]}; {largest} momentum {momentum:.0f} MeV/c (computed from PDG masses)."
    return text


def _is_number(fact: Fact) -> bool:
    return fact.bound is None and not fact.words


def _level(fact: Fact) -> str:
    return f" at {fact.confidence_level:g} % confidence level" if fact.confidence_level else ""


def _products(block: DataBlock) -> int:
    right = ascii_text(block.description).partition("-->")[2]
    return sum(int(count or 1) for count in re.findall(r"(?:^|(?<=\s))(\d*)\S+", right))


def _observation(block: DataBlock, what: str, word: str) -> str:
    if word not in _PERFECT:
        return f"{what} is {word}"
    decay = re.sub(r"^G\((.*)\)/G\(total\)$", r"\1", block.description)
    observed = f"The decay {both(decay)}" if block.is_fraction or block.data_type == "BR" else what
    return f"{observed} has {_PERFECT[word]}"


def _notes(fact: Fact) -> str:
    notes = [fact.basis] if fact.basis else []
    if fact.scale and round(fact.scale, 1) > 1.0:
        notes.append(f"scale factor {fact.scale:.1f}")
    if _is_number(fact) and fact.confidence_level:
        notes.append(f"error{_level(fact)}")
    if comment := fact.qualifiers.get("comment"):
        notes.append(_uncapitalised(unicode_text(comment)))
    return f" ({'; '.join(notes)})." if notes else "."


def _uncapitalised(text: str) -> str:
    """A phrase with a small first letter, unless it begins with a name or symbol."""
    return text[0].lower() + text[1:] if re.match(r"[A-Z][a-z]+\b(?!-Wigner)", text) else text


def _what(about: Subject, block: DataBlock, unit: str) -> str:
    if block.is_nucleon_decay:
        return f"The partial mean life for the decay {both(block.description)}"
    if block.is_fraction:
        return f"The branching fraction of {both(block.description)}"
    if block.data_type in ("M", "G", "T", "g") and about.is_particle:
        return _basic(about, block)
    if block.data_type == "BR":
        kind = property_of(block, unit)
        if kind == "partial width" and "*" in block.description:
            kind = "product of partial widths"
        return f"The {kind} {both(block.description)}"
    return _general(about, block, unit)


def _basic(about: Subject, block: DataBlock) -> str:
    """'The Breit-Wigner mass of the …, charged only,' for masses, widths and lifetimes."""
    noun = {"M": "mass", "G": "full width"}.get(block.data_type, "lifetime (mean life)")
    words = f"{ascii_text(block.section)} {ascii_text(block.description)}"
    before = "Breit-Wigner " if re.search("Breit-Wigner", words) else ""
    if _POLE.search(words):
        return f"The {before}T-matrix pole √s of the {about.text}"
    if re.search(r"\bpole mass", words, re.IGNORECASE):
        before = "pole "
    rest = remainder(block, about)
    extra = f", {unicode_text(rest)}," if rest else ""
    return f"The {before}{noun} of the {about.text}{extra}"


def remainder(block: DataBlock, about: Subject) -> str:
    """What the description of a mass, width or lifetime says beside subject and property: 'charged only, hadroproduced'."""
    _, rest = _in_own_words(block, about)
    if match := _QUANTITY_WORDS.match(rest):
        rest = rest[match.end() :]
    rest = _SAID_ALREADY.sub("", rest)
    rest = re.sub(r"^[ ,-]+|[ ,]+$|(?<= )-+$", "", rest).strip()  # the sign of 'e+ e-' stays
    return _CAPITALISED.sub(lambda m: m[0].lower(), re.sub(r"^\((.*)\)$", r"\1", rest))


def _general(about: Subject, block: DataBlock, unit: str) -> str:
    """'The magnetic moment of the …' or 'For the …, section: description (ASCII)' for everything else."""
    description, plain_description = unicode_text(block.description), ascii_text(block.description)
    of_subject = plain_description.removeprefix(f"{about.ascii} ")
    if about.is_particle and of_subject != plain_description and _MOMENT.fullmatch(of_subject):
        return f"The {of_subject} of the {about.text}"
    section = re.sub(r"^\([A-C]\) ", "", unicode_text(block.section))
    section = _CAPITALISED.sub(lambda m: m[0].lower(), section)
    for name in (pretty(about.ascii), about.ascii):
        section = section.removeprefix(f"{name} ")
    if (
        not section.strip()
        or section.lower() in description.lower()
        or description.lower() in section.lower()
    ):
        section = ""
    kind = property_of(block, unit)
    if kind != "other" and not _says(f"{section} {description}", kind):
        description, plain_description = f"{kind} {description}", f"{kind} {plain_description}"
    shown = description
    if description != plain_description:
        shown = f"{description} ({plain_description.removeprefix(kind + ' ')})"
    start = f"For the {about.text}" if about.is_particle else f"For {about.text}"
    return f"{start}, {section + ': ' if section else ''}{shown}"


def _says(text: str, kind: str) -> bool:
    """Whether a text already names the kind of property it gives."""
    if kind.startswith("CP "):
        return "CP" in text
    return kind.split()[0].lower() in text.lower() and kind.split()[-1].lower() in text.lower()


def title(about: Subject, block: DataBlock) -> str:
    """A short name of what a block gives, for the label of the source."""
    if block.is_fraction or block.data_type == "BR":
        return ascii_text(block.description)
    kind = property_of(block, "")
    if block.data_type in ("M", "G", "T", "g") and about.is_particle:
        return f"{about.ascii} {kind}"
    description = ascii_text(block.description)
    return description if description.startswith(about.ascii) else f"{about.ascii} {description}"


def is_main_mode(block: DataBlock, fact: Fact) -> bool:
    """Whether a decay mode belongs in a list of main modes: exclusive, measured, not part of a chain."""
    text = ascii_text(block.description)
    right = text.partition(" --> ")[2]
    return (
        block.data_type.startswith("BFX")
        and fact.bound not in ("upper", "lower")
        and not fact.words
        and bool(fact.value)
        and not _LOOSE_STATE.search(right)
        and not block.is_nucleon_decay
    )


def main_decays(about: Subject, modes: Sequence[tuple[DataBlock, Fact]]) -> str:
    """One sentence that lists decay modes with their branching fractions."""
    parts = []
    for block, fact in modes:
        right = unicode_text(block.description).partition(" → ")[2]
        parts.append(f"{right}: {fact.printed}")
    return f"Main decay modes of the {about.text} and their branching fractions: {'; '.join(parts)}."


def charge_states(
    states: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any] | None]]:
    """Each state once with its antiparticle (None if it has none or is its own)."""
    done: set[int] = set()
    for state in states:
        if state["id"] in done or (state["cc_type"] == "A" and _partner(state, states, done) is not None):
            continue
        partner = _partner(state, states, done)
        done.update({state["id"]} | ({partner["id"]} if partner is not None else set()))
        yield state, partner


def _partner(
    state: Mapping[str, Any], states: Sequence[Mapping[str, Any]], done: set[int]
) -> Mapping[str, Any] | None:
    others = [s for s in states if s["id"] != state["id"] and s["id"] not in done]
    if state["mcid"] is not None:
        return next((s for s in others if s["mcid"] == -state["mcid"]), None)
    if state["cc_type"] == "S":
        return None
    opposite = (
        s for s in others if s["cc_type"] != state["cc_type"] and s["charge"] == -(state["charge"] or 0)
    )
    return next(opposite, None)


def state_subject(state: Mapping[str, Any], about: Subject) -> Subject:
    """The subject for one charge state."""
    name = ascii_text(state["name"])
    if not about.is_particle or name == about.ascii:
        return about
    flags = _flags_of(about) or ""
    return _named(name, flags)


def quantum_numbers(state: Mapping[str, Any], partner: Mapping[str, Any] | None, about: Subject) -> str:
    """The sentence on charge, isospin, spin and parities of one charge state and its antiparticle."""
    who = state_subject(state, about)
    parts = [f"charge {charge_text(state['charge'])}"]
    for column, name in _QUANTUM_NUMBERS.items():
        value = state[column]
        if value == "?":
            parts.append(f"{name} not known")
        elif value is not None:
            shown = {"+": "+1", "-": "−1"}.get(value, value.replace(">=", "≥").replace(",", " or "))
            parts.append(f"{name} {shown}" if shown in ("+1", "−1") else f"{name} = {shown}")
    text = f"Quantum numbers of the {who.text}: {', '.join(parts)}."
    if partner is not None:
        anti = ascii_text(partner["name"])
        common = english(anti)
        shown = f"{common[0]} {pretty(anti)}" if common and common != english(state["name"]) else pretty(anti)
        text += f" Its antiparticle is the {shown}" + (f" ({anti})." if anti != shown else ".")
    elif state["cc_type"] == "S" and not state["charge"]:
        text += " It is its own antiparticle."
    return text
