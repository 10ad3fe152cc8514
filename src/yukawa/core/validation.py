"""Checks what people wrote against typed, frozen models: one clear line for what is wrong, with the nearest name."""

import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from yukawa.core.errors import InputError, nearest
from yukawa.core.redaction import SHAPES, redacted_values

# Steps that pydantic adds to a place for the types of a union.
_TYPE_STEP = re.compile(r"constrained-\w+$|(function-\w+|literal|list|tuple|dict|nullable)\[")
# What pydantic says, and what a user reads instead.
_IN_OUR_WORDS = (
    (r"^Value error, | or instance of \w+$", ""),
    (r"^Input should be (?=greater|less|a multiple)", "expected a number "),
    (r"^\w+ should be ", "expected "),
    (r"^\w+ should ", "must "),
    (r"a valid (dictionary|mapping)", "a table of keys and values"),
    (r"a valid (tuple|list|set|array)", "a list"),
    (r"a valid integer", "a whole number"),
    (r"a valid string", "a text"),
    (r"a valid boolean", "true or false"),
    (r"a valid (?=number)", "a "),
    (r", unable to .*| after validation", ""),
)


class StrictModel(BaseModel):
    """A frozen table whose keys are known and whose numbers are finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def plain(self) -> dict[str, Any]:
        """The values as JSON has them, every default written out."""
        return self.model_dump(mode="json")


class Section(StrictModel):
    """A part of a recipe: a value of another type is refused, not converted."""

    model_config = ConfigDict(strict=True)


def _whole(value: object) -> object:
    """A whole number may be written as 1e6."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Count = Annotated[int, BeforeValidator(_whole), Field(ge=1)]
Natural = Annotated[int, BeforeValidator(_whole), Field(ge=0)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]

Model = TypeVar("Model", bound=BaseModel)


def checked(model: type[Model], table: Mapping[str, Any], where: str | Path, missing: str = "") -> Model:
    """The `table`, read from `where`, as a `model`.

    Args:
        missing: what to type for a key that is missing, with {} for its name.

    Raises:
        InputError: an unknown key (the nearest known one is named), or a value that is not allowed.
    """
    try:
        return model.model_validate(table)
    except ValidationError as error:
        first = mistakes(error, model)[0]
        hint = missing.format(first.place) if first.kind == "missing" else first.hint
        raise InputError(f"{where}: {first.text}", hint=hint) from None


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong with a table.

    Attributes:
        kind: as pydantic calls it, such as `missing`.
        steps: the keys that lead to it.
        place: the steps as they are typed.
        text: one line that names the place and says what is wrong.
        hint: the nearest known name, or ''.
    """

    kind: str
    steps: tuple[str, ...]
    place: str
    text: str
    hint: str


def mistakes(
    error: ValidationError,
    model: type[BaseModel],
    spelled: Callable[[tuple[str, ...]], str] = ".".join,
) -> list[Mistake]:
    """What pydantic found wrong with the values of a `model`, one line each, unknown keys first.

    Values that look like an API key, and those of fields declared with `repr=False`, are not shown.

    Args:
        spelled: writes the steps to a place as the user types them.
    """
    found = sorted(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    return [_mistake(one, model, spelled) for one in found]


def one_line(error: ValidationError, model: type[BaseModel], most: int = 1) -> str:
    """The first `most` of the `mistakes`, with their hints, on one line."""
    found = [f"{one.text} ({one.hint})" if one.hint else one.text for one in mistakes(error, model)]
    more = f" and {len(found) - most} more" if 1 < most < len(found) else ""
    return "; ".join(found[:most]) + more


def _mistake(
    error: ErrorDetails, model: type[BaseModel], spelled: Callable[[tuple[str, ...]], str]
) -> Mistake:
    """One error of pydantic as a sentence with a hint; the value of a secret is not shown."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    steps = tuple(step for step in map(str, error["loc"]) if not _TYPE_STEP.match(step))
    place, fields = spelled(steps), _fields_at(model, steps[:-1])
    if kind == "extra_forbidden":
        near = nearest(steps[-1], fields)
        meant = _sections_with(model, steps[-1]) if len(steps) == 1 else []
        meant = meant or ([(*steps[:-1], near)] if near else [])
        names = " or ".join(map(spelled, meant))
        hint = f"did you mean {names}?" if meant else f"allowed: {', '.join(fields)}"
        return Mistake(kind, steps, place, f"unknown key {place}", hint)
    if kind == "missing":
        return Mistake(kind, steps, place, f"{place} is missing", "")
    reason = in_our_words(error["msg"])
    reason = "it is blank" if context.get("pattern") == r"\S" else reason
    field = fields.get(steps[-1]) if steps else None
    secret = (field is not None and not field.repr) or looks_secret(str(value))
    shown = (
        ""
        if secret or isinstance(value, (Mapping, BaseModel))
        else f" = {reprlib.repr(redacted_values(value))}"
    )
    near = nearest(str(value), re.findall(r"'([^']+)'", str(context.get("expected", ""))))
    hint = f"did you mean {near!r}?" if near and not secret else ""
    return Mistake(kind, steps, place, f"{place}{shown}: {reason}" if place else reason, hint)


def in_our_words(reason: str) -> str:
    """What pydantic says of a value, as a user reads it."""
    for pattern, words in _IN_OUR_WORDS:
        reason = re.sub(pattern, words, reason)
    return reason


def looks_secret(text: str) -> bool:
    """Whether a text holds something like an API key."""
    return SHAPES.search(text) is not None


def _fields_at(model: type[BaseModel], steps: tuple[str, ...]) -> dict[str, FieldInfo]:
    """The fields of the table that `steps` lead to; a step may also be a position in a list or a free name."""
    found: Any = model
    for step in steps:
        if found is not None and step in found.model_fields:
            found = _table_in(found.model_fields[step].annotation)
    return found.model_fields if found is not None else {}


def _sections_with(model: type[BaseModel], key: str) -> list[tuple[str, ...]]:
    """The places of this key in the sections of `model`."""
    sections = {name: field.annotation for name, field in model.model_fields.items()}
    return [
        (name, key)
        for name, one in sections.items()
        if isinstance(one, type) and issubclass(one, BaseModel) and key in one.model_fields
    ]


def _table_in(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation such as `Model`, `tuple[Model, ...]` or `Model | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_table_in, get_args(annotation))), None)
