"""Energies that a sentence gives: of the collision, in MeV, GeV or TeV, and their spread; everything else is refused."""

import re

from yukawa.core.errors import InputError

_VALUE = r"\d{1,9}+(?:\.\d{1,9}+)?+(?:[eE][+-]?\d{1,2}+)?+"
ENERGY = re.compile(rf"(?<![\d.])({_VALUE})\s{{0,3}}(TeV|GeV|MeV)\b", re.IGNORECASE)
_COMMA = re.compile(r"(?<![\d.,])\d{1,9}+,\d{1,9}+\s{0,3}(?:TeV|GeV|MeV)\b", re.IGNORECASE)
_UNITS = {"tev": 1000.0, "gev": 1.0, "mev": 1e-3, "kev": 1e-6}
_ALIKE = 1e-6  # by which two energies of one collision may differ
# What LaTeX puts around a number, its unit and the letter under a root.
_MARKUP = re.compile(
    r"\\[,;:! ]|\\(?:mathrm|mathsf|text|rm|unit|si|SI|qty|left|right)(?![A-Za-z])|[{}$~]|\\(?=[kMGT]eV|sqrt)"
)
# Words behind which a number is an energy.
_ENERGY_WORD = (
    r"(?:(?<![A-Za-z])(?:at|sqrt\s{0,2}\(?\s{0,2}s\s{0,2}\)?|E_?\s{0,2}(?:cms?|c\.m\.|beam)|ecms?"
    r"|(?:(?:beam|cms|collision|c\.m\.) )?energ(?:y|ies))(?![A-Za-z])|√\s{0,2}\(?s\)?|@|能量)"
)
_WITHOUT_UNIT = re.compile(
    rf"{_ENERGY_WORD}\s{{0,3}}(?:\b(?:of|is|are|around|about|near)\b|[=:~≈]|为|是|约)?\s{{0,3}}(?<![\d.])({_VALUE})"
    r"(?!\s{0,3}(?:[TGM]eV\b|[%％]|(?:k|M|million|thousand)?\s{0,2}(?:events?|decays)\b|[x×*·+/,~-]|(?:to|and|on|或|和|到|至)(?![A-Za-z])))"
    r"\s{0,3}([A-Za-zµμ]{0,12})", re.IGNORECASE,
)  # fmt: skip
_UNREAD_UNIT = re.compile(
    rf"(?<![\d.A-Za-z_(^])({_VALUE})\s{{0,3}}((?:[kPE]eV|eV|kg|[kM]?joules?|kJ|kV|volts?|kelvin)(?![A-Za-z]))"
)
# A number before an energy that belongs to it: one end of a range, a factor, the other beam.
_BEFORE_VALUE = re.compile(
    r"(?<![A-Za-z\d.(_^*])\d[\d.]{0,9}\s{0,3}((?:[-–—~+/,&x×*·]|\b(?:to|and|or|on)\b|至|到|和|或)?)\s{0,3}$",
    re.IGNORECASE,
)
_TIMES = frozenset("x×*·")
_CUT = re.compile(
    r"(?:[<>≤≥]|\b(?:less|greater|more|larger|smaller|lower|higher) than|大于|小于|超过|低于|高于"
    r"|\b(?:above|below|over|under|at least|at most|up to|beyond))\s{0,3}=?\s{0,3}$", re.IGNORECASE,
)  # fmt: skip
# Where an energy is that of one beam.
_NEAR = 40  # characters
_BEFORE_BEAM = re.compile(
    r"(?:\bbeam[ -]?energ(?:y|ies)|\bE_?\s?beam|单?束流?能量)\s{0,3}(?:of|=|:|is|are|at|为|是)?\s{0,3}$",
    re.IGNORECASE,
)
_BEHIND_BEAM = re.compile(
    r"\s{0,3}(?:per beam|each beam|(?:electron |positron )?beams?\b(?! spread)|的?束流)", re.IGNORECASE
)
_SPREAD_WORD = r"(?:(?:beam ?)?(?:energy[ -]?)?spread|能量展宽|能散度?|展宽|束流能散)"
_SPOKEN_SPREAD = re.compile(_SPREAD_WORD, re.IGNORECASE)
_WIDTH = r"(?<![\d.])(\d{1,9}+(?:\.\d{1,9}+)?)\s{0,3}(GeV|MeV|keV)"
_SPREADS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_SPREAD_WORD}\s{{0,3}}(?:of|=|:|：|is|being|about|为|是|约)?\s{{0,3}}{_WIDTH}(?![A-Za-z])",
        rf"{_WIDTH}\s{{0,3}}(?:of |的)?\s{{0,3}}{_SPREAD_WORD}",
    )
)
_LARGEST_SPREAD = 0.01  # GeV
_HINT = 'write one energy in MeV, GeV or TeV: "at 3.773 GeV"'


def energy_of(sentence: str) -> float | None:
    """The energy of the collision in GeV, which a spread is not; None if the sentence gives none.

    Raises:
        InputError: it has no unit or another one, a comma among its digits, or is one of several, a limit or a part of a range.
    """
    sentence = " ".join(_MARKUP.sub(" ", without_spread(sentence)).split())
    if comma := _COMMA.search(sentence):
        raise InputError(
            f"whether the comma of {comma[0]} is a decimal one is not certain",
            hint="write a decimal point, and thousands without a comma",
        )
    energies = {_collision(sentence, found): found[0] for found in ENERGY.finditer(sentence)}
    if energies and max(energies) - min(energies) > _ALIKE * max(energies):
        raise InputError(f"the sentence gives several energies: {', '.join(energies.values())}", hint=_HINT)
    if unread := _UNREAD_UNIT.search(sentence) or _WITHOUT_UNIT.search(sentence):
        unit = unread[2]
        reason = (
            f'the unit "{unit}" of {unread[1]} is not read' if unit else f"the energy {unread[1]} has no unit"
        )
        raise InputError(reason, hint=_HINT)
    return next(iter(energies), None)


def _collision(sentence: str, found: re.Match[str]) -> float:
    """The energy of the collision for one value, which may be that of one beam.

    Raises:
        InputError: it is a limit, or one number of several.
    """
    window = sentence[max(0, found.start() - _NEAR) : found.start()]
    if cut := _CUT.search(window):
        raise InputError(f'what "{cut[0].strip()} {found[0]}" wants is not read', hint=_HINT)
    other = _BEFORE_VALUE.search(window)
    twice = (
        other is not None
        and other[1] in _TIMES
        and other[0].lstrip()[:1] == "2"
        and other[0].split(other[1])[0].strip() == "2"
    )
    if other and not twice:
        raise InputError(f'which energy "{other[0].lstrip()}{found[0]}" means is not certain', hint=_HINT)
    beam = twice or _BEFORE_BEAM.search(window) or _BEHIND_BEAM.match(sentence, found.end())
    return (2 if beam else 1) * float(found[1]) * _UNITS[found[2].lower()]


def without_spread(sentence: str) -> str:
    """A sentence without the spread of the energy."""
    for pattern in _SPREADS:
        sentence = pattern.sub(" ", sentence)
    return sentence


def spread_of(sentence: str) -> float | None:
    """The spread of the energy in GeV; None if the sentence does not speak of it.

    Raises:
        InputError: it has no value that is read, or one that no storage ring has.
    """
    found = next(filter(None, (pattern.search(sentence) for pattern in _SPREADS)), None)
    if found is None:
        if _SPOKEN_SPREAD.search(sentence):
            raise InputError(
                "the sentence speaks of an energy spread, whose value is not read",
                hint='write, for instance, "energy spread 1.3 MeV"',
            )
        return None
    spread = float(found[1]) * _UNITS[found[2].lower()]
    if not spread < _LARGEST_SPREAD:
        raise InputError(
            f"an energy spread of {found[1]} {found[2]} is not below {_LARGEST_SPREAD * 1000:g} MeV",
            hint="spreads at BEPCII are 0.5 to 2 MeV",
        )
    return spread
