"""Finds the decay models that a sentence names, with their arguments: "(VSS)", "via SVV_HELAMP with H+=1, H0=0, H-=0"."""

import functools
import re
from collections.abc import Mapping

from yukawa.core.errors import InputError
from yukawa.generators import phrases, words
from yukawa.generators.models import GUNS, HADRONISATION, decay_models

# A model becomes characters of a private plane, letter by letter: no word, no particle, no number.
_PLANE = 0x100000
_MARK = re.compile(f"[{chr(_PLANE)}-{chr(_PLANE + 127)}]++")
ALL, BOTH = "*", "2"  # before the name: of all decays of the sentence, of the last two
PHOTOS = "PHOTOS"

_NAME = re.compile(
    r"(?<![A-Za-z0-9_\\/.*^])[A-Za-z][A-Za-z0-9]*+(?:(?:[+-]{0,2}\\?_|-)[A-Za-z0-9]+)*+(?![A-Za-z0-9_*^{(])"
)
_PHASE_SPACE = re.compile(
    r"\b(?:flat |uniform |pure )?phase[- ]?space\b|\bnon-?resonant(?:ly)?\b|\bisotropic(?:ally)?\b|(?:均匀|纯)?相空间|非共振", re.IGNORECASE
)  # fmt: skip
_LEAD = re.compile(
    r"(?=(?s:.){0,150}+$)(?:[(\[,;，；]?\s{0,3}(?:(?:\b(?:with|using|via|through|by|in|as|under|and|use|uses|used|modell?ed|described|distributed|generated|simulated|"
    r"decayed|decays?|according to|assuming|following|models?|amplitude|generator|PHOTOS|BesEvtGen'?s?|EvtGen'?s?|the|an?|its?|is|are|be|"
    r"should|must|please|where)\b|采用|使用|利用|用|按照?|以|模型|为)\s{0,3}[:=：]?\s{0,3}){0,8}+)$",
    re.IGNORECASE,
)  # fmt: skip
_FOR_ALL = re.compile(
    r"(?:\b(all|both|each|every|everything)\b|(都|全部|均|所有))"
    r"(?:过程|衰变|的| (?:of them|(?:the |these )?decays?|modes?|steps?|sides?))?\s{0,3}$", re.IGNORECASE
)  # fmt: skip
_TAIL = re.compile(
    r"(?:\s{0,3}+(?:\b(?:decay|EvtGen|BesEvtGen)\s)?(?:\b(?:models?|amplitudes?|form[- ]factors?"
    r"|matrix elements?|distribut(?:ed|ion)|decays?|everywhere|throughout)\b|模型))?",
    re.IGNORECASE,
)
_MORE = re.compile(
    r"\s{0,3}(?:decay )?model\b|\s{0,3}(?:(?:and|with|plus|\+)\s{1,3}){0,2}PHOTOS\b"
)  # behind the arguments
_BEHIND_ALL = re.compile(
    r"\s{0,3}(?:for|in|of)\s{1,3}(all|both|each|every)\b(?: of)?(?: the| these)?(?: (?:decays?|modes?|steps?|sides?|of them|them))?"
    r"|\s{0,3}(?:来)?(?:衰变|模拟|产生|描述)?(?:所有|全部)的?(?:过程|衰变)?", re.IGNORECASE
)  # fmt: skip
_NUMBER = re.compile(
    r"[+-]?(?:\d{1,9}+(?:\.\d{0,9}+)?|\.\d{1,9}+)(?:e[+-]?\d{1,2}+)?(?![\w.])", re.IGNORECASE
)
_BEFORE_ARGUMENTS = re.compile(
    r"\s{0,3}[,:：，]?\s{0,3}(?:(?:\b(?:with|and|the|its|of)\b|的)\s{0,3}){0,3}"
    r"(?:(?:(?:helicity )?(?:arguments?|parameters?|params?|args?|amplitudes?|values?)\b|参数)"
    r"\s{0,3}(?:of\b|are\b|is\b|=|:|：|set to\b|为|是)?)?\s{0,3}[(\[{]?\s{0,3}",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"\s{0,3}(?:[,;，；、]\s{0,3}(?:and\s)?|and\s{1,3}|\s)\s{0,3}", re.IGNORECASE)
_UNIT = re.compile(
    r"\s{0,3}(?:[kKM]\b|[kMG]?eV\b|million|thousand|[%％万千百个]|事例|(?:[A-Za-z(]\S{0,19}\s){0,2}events?\b|→|-{1,3}>)",
    re.IGNORECASE,
)
_LABEL = re.compile(r"\|?H_?\{?([+0-])\}?\|?\s{0,3}=\s{0,3}")
# The helicities whose magnitudes a sentence may give by name, in the order of the model.
_HELICITIES = {"SVV_HELAMP": "+0-", "SVP_HELAMP": "+-"}
_LEFT = re.compile(
    r"\s{0,3}(?:exp\b|e\^|\*|i\b|(?:[,;]\s{0,3})?(?:(?:and |with )?(?:the )?(?:phases?|arg)\b|\|?H_?\{?[+0-]\}?\|?\s{0,3}=))"
)
_CALLED = (
    re.compile(r"\b(?:decay |the )?models?\s{0,3}[:=]?\s{0,3}([A-Z][A-Z0-9_]{2,30})(?![\w-])"),
    re.compile(r"(?<![\w-])([A-Z][A-Z0-9_]{2,30}) (?:decay )?model\b"),
    re.compile(r"模型\s{0,3}[:=：为]?\s{0,3}([A-Z][A-Z0-9_]{2,30})(?![\w-])"),
    re.compile(r"(?<![\w\\^{-])([A-Z][A-Z0-9]{1,20}_[A-Z][A-Z0-9_]{1,20})(?![\w-])"),
)  # fmt: skip
# Models that make the daughters themselves.
_PICKING = re.compile(
    r"[(\[]\s{0,3}((?:PYTHIA|PYCONT)\b)[^)\]]{0,20}[)\]]|\b((?:TAUOLA|JETSET|LUNDCHARM|LUNDA|OPENCHARM)\b)"
)
_NO_MODEL = re.compile(r"BES(?:III|3)?|LHCB|BELLE2?|FCC|MC|SM|CP|QCD|QED|NRQCD|EVTGEN|DEC|LFV|LNV|BNV", re.IGNORECASE)  # fmt: skip


@functools.cache
def _names() -> Mapping[str, str]:
    """The models by their names in capitals or small letters; no word of a sentence is one."""
    found = {}
    for name in decay_models():
        if name in GUNS or name in HADRONISATION or len(name) < len("VSS"):
            continue
        found[name] = name
        if not phrases.alters_nothing(name):
            found.setdefault(name.lower(), name)
            found.setdefault(name.upper(), name)
    return found


def marked(sentence: str) -> str:
    """A sentence with a mark for each model that it names.

    Raises:
        InputError: a model is not known, or its arguments are not read.
    """
    sentence = re.sub(r"\\(?:text|texttt|mathrm|rm|textrm)\{([A-Za-z0-9_\\]{3,40})\}", r" \1 ", sentence)
    parts: list[str] = []
    last = 0
    for start, end, name in _mentions(sentence):
        if start < last:
            continue
        before = sentence[last:start]
        lead = _LEAD.search(before)
        stem = before[: lead.start()] if lead else before
        own = (lead[0] if lead else "") + sentence[start:end]
        scope = _FOR_ALL.search(stem)
        if scope:
            stem = stem[: scope.start()].rstrip(" ,;，；")
        kind = "" if not scope else BOTH if (scope[1] or "").lower() == "both" else ALL
        last, arguments = _arguments(sentence, end, name)
        behind = _BEHIND_ALL.match(sentence, last)
        if re.search("everywhere|throughout", sentence[end:last], re.IGNORECASE):
            kind = ALL
        if behind:
            kind, last = BOTH if (behind[1] or "").lower() == "both" else ALL, behind.end()
        also = _MORE.match(sentence, last)
        last = _closed(sentence, own, also.end() if also else last)
        photos = (PHOTOS,) if re.search(r"\bPHOTOS\b", f"{own} {also[0] if also else ''}") else ()
        parts += [stem, _mark(f"{kind}{name}", *photos, *arguments)]
    text = "".join((*parts, sentence[last:]))
    _refuse_unknown(text)
    return text


def _mentions(sentence: str) -> list[tuple[int, int, str]]:
    """Where models are named."""
    names = _names()
    found = [(each.start(), each.end(), "PHSP") for each in _PHASE_SPACE.finditer(sentence)]
    for each in _NAME.finditer(sentence):
        name = names.get(each[0].replace("\\", ""))
        if name:
            found.append((each.start(), each.end(), name))
    return sorted(found)


def _arguments(sentence: str, at: int, name: str) -> tuple[int, list[str]]:
    """Where the phrase of a model ends, and its arguments: numbers, or magnitudes with the names of helicities."""
    tail = _TAIL.match(sentence, at)
    at = tail.end() if tail else at
    opened = _BEFORE_ARGUMENTS.match(sentence, at)
    place = opened.end() if opened else at
    if _LABEL.match(sentence, place):
        return _labelled(sentence, place, name)
    numbers: list[str] = []
    end = at
    while found := _NUMBER.match(sentence, place):
        if _UNIT.match(sentence, found.end()):
            break
        numbers.append(found[0])
        end = found.end()
        between = _BETWEEN.match(sentence, end)
        if not between:
            break
        place = between.end()
    if numbers and _LEFT.match(sentence, end):
        raise _unread(name)
    if numbers and opened and opened[0].rstrip()[-1:] in "([{":
        end += sentence[end : end + 1] in ")]}"
    return end, numbers


def _labelled(sentence: str, at: int, name: str) -> tuple[int, list[str]]:
    given: dict[str, str] = {}
    end = at
    while found := _LABEL.match(sentence, at):
        number = _NUMBER.match(sentence, found.end())
        if number is None or found[1] in given:
            raise _unread(name)
        given[found[1]] = number[0]
        end = number.end()
        between = _BETWEEN.match(sentence, end)
        at = between.end() if between else end
    wanted = _HELICITIES.get(name, "")
    if {*wanted} != {*given} or _LEFT.match(sentence, end):
        raise _unread(name)
    return end, [word for sign in wanted for word in (given[sign], "0.0")]


def _unread(name: str) -> InputError:
    wanted = f" ({'H+, H0 and H-' if name == 'SVV_HELAMP' else 'H+ and H-'})" if name in _HELICITIES else ""
    return InputError(
        f"the arguments of {name}{wanted} are not read",
        hint="write all of them as numbers in the order of the model, magnitude and phase of each amplitude",
    )


def _closed(sentence: str, own: str, last: int) -> int:
    """The end of the phrase behind the bracket that it closes."""
    if own.lstrip()[:1] in ("(", "["):
        found = re.compile(r"\s{0,3}[)\]]").match(sentence, last)
        return found.end() if found else last
    return last


def _mark(*given: str) -> str:
    return f" {''.join(chr(_PLANE + ord(letter)) for letter in ' '.join(given))} "


def _refuse_unknown(text: str) -> None:
    """Refuse a model that no generator has, and a slip in the name of one."""
    listed = decay_models()
    for pattern in (*_CALLED, _PICKING):
        for found in pattern.finditer(text):
            name = next(filter(None, found.groups()))
            if name in HADRONISATION or name in GUNS:
                raise InputError(
                    f"{name} makes the daughters itself, and the sentence names them",
                    hint="write the model of the decay, or a card for the inclusive decay by hand",
                )
            if _NO_MODEL.fullmatch(name):
                continue
            near = words.nearest_word(name, listed)
            raise InputError(
                f"{name} is not a decay model of EvtGen or BesEvtGen", hint=f"write {near}" if near else ""
            )


def models_in(gap: str) -> list[tuple[int, int, tuple[str, ...]]]:
    """Where in a gap between particles models are marked: scope and name, then what follows the name."""
    found = []
    for mark in _MARK.finditer(gap):
        text = "".join(chr(ord(letter) - _PLANE) for letter in mark[0])
        found.append((mark.start(), mark.end(), tuple(text.split())))
    return found
