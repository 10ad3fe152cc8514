"""What kind of question it is, which field it belongs to, and which model should answer it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from yukawa.core.errors import InputError, nearest
from yukawa.knowledge.domains import guess_domain
from yukawa.knowledge.parsing import Reading

if TYPE_CHECKING:
    from yukawa.core.settings import ModelSettings, Settings

_CODE = re.compile(
    r"\b(?:code|script|program|function|snippet|python|c\+\+|bash|command|job ?options|decay card)\b",
    re.IGNORECASE,
)
_EXPLAIN = re.compile(
    r"^\s*(?:why|how (?:does|do|is|are|can)|explain|describe|compare|derive|discuss)\b", re.IGNORECASE
)


def kind_of(question: str, reading: Reading) -> str:
    """'value', 'decays', 'overview', 'code', 'explanation' or 'fact'."""
    if reading.property == "main-decay-modes":
        return "decays"
    if reading.property and reading.subjects:
        return "value"
    if _CODE.search(question):
        return "code"
    if _EXPLAIN.search(question):
        return "explanation"
    if reading.subjects and not reading.words and len(reading.mentions) == 1:
        return "overview"
    return "fact"


def domain_of(question: str, reading: Reading) -> str:
    """One of the eight domains."""
    return guess_domain(question, names_particle=bool(reading.mentions))


def model_for(domain: str, settings: Settings, wanted: str | None = None) -> ModelSettings:
    """The row of the model to use: the one named, else the first good at `domain`, else the default.

    Raises:
        InputError: there is no model of that name.
    """
    name = wanted
    if name is None:
        good = (n for n, row in settings.models.items() if domain in row.domains)
        name = next(good, settings.default_model)
    if name not in settings.models:
        near = nearest(name, settings.models)
        hint = (f"did you mean {near!r}? " if near else "") + f"yukawa.toml has: {', '.join(settings.models)}"
        raise InputError(f"there is no model {name!r}", hint=hint)
    return settings.models[name]
