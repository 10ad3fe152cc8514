"""Reads YAML files into typed, frozen models: bases, changes on top, and one clear line for what is wrong."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from yukawa.core.errors import InputError, nearest


class Document(BaseModel):
    """A frozen table whose keys are known and whose numbers are finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def plain(self) -> dict[str, Any]:
        """As plain values, every default written out."""
        return self.model_dump(mode="json")


class Section(Document):
    """A part of a recipe: a value of another type is refused, not turned into the right one."""

    model_config = ConfigDict(strict=True)


def _whole(value: object) -> object:
    """A whole number may be written as 1e6."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Count = Annotated[int, BeforeValidator(_whole), Field(ge=1)]
Natural = Annotated[int, BeforeValidator(_whole), Field(ge=0)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]

Model = TypeVar("Model", bound=BaseModel)
Table = dict[str, Any]

RECIPES = Path(__file__).parent.parent / "recipes"
VERBS = {"text": "train", "jets": "jets train", "pretraining": "jets pretrain", "scaling": "jets scaling"}
"""The folders of `RECIPES`, and the verb of `yukawa` that takes what lies there."""


class _Loader(yaml.SafeLoader):
    """YAML 1.1, but 1e-3 is a number, as in YAML 1.2."""


_Loader.yaml_implicit_resolvers = dict(yaml.SafeLoader.yaml_implicit_resolvers)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def find(name_or_path: str | Path, shipped: Path, kind: str) -> Path:
    """The file of a shipped `kind` (such as "detector card") by its name, or of one's own by its path.

    Raises:
        InputError: there is no such name and no such file.
    """
    names = sorted(path.stem for path in shipped.glob("*.yaml"))
    if str(name_or_path) in names:
        return shipped / f"{name_or_path}.yaml"
    path = Path(name_or_path).expanduser()
    if path.is_file():
        return path
    guess = nearest(path.stem if path.suffix == ".yaml" else str(name_or_path), names)
    raise InputError(
        f"there is no {kind} {str(name_or_path)!r}; shipped are {', '.join(names)}",
        hint=f"did you mean {guess}?" if guess else "name one of them, or a YAML file",
    )


def find_recipe(name_or_path: str | Path, kind: str, beside: Path | None = None) -> Path:
    """The file of a recipe of `kind` (a key of `VERBS`): a shipped one by its name, or one's own by its path.

    Args:
        beside: the recipe that names this one as its base; a path is looked for from its folder first.

    Raises:
        InputError: there is none; the nearest name is given, or the verb that takes a recipe of this name.
    """
    if beside is not None and (beside.parent / name_or_path).is_file():
        return beside.parent / name_or_path
    try:
        return find(name_or_path, RECIPES / kind, "recipe")
    except InputError as error:
        for other, verb in VERBS.items():
            if (RECIPES / other / f"{name_or_path}.yaml").is_file():
                raise InputError(error.message, hint=f"type: yukawa {verb} {name_or_path}") from None
        raise


def read_table(path: Path) -> Table:
    """The keys and values of a YAML file.

    Raises:
        InputError: the file cannot be read, is no YAML, or is not a table of keys and values.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not valid YAML: it is not UTF-8 text") from None
    table = _parsed(text, str(path))
    if not isinstance(table, dict):
        raise InputError(f"{path} is not a table of keys and values", hint="write lines like `key: value`")
    return {str(key): value for key, value in table.items()}


def read_on_base(
    path: Path,
    find_base: Callable[[Path, str], Path],
    over: Callable[[Table, Table], Table],
    above: tuple[Path, ...] = (),
) -> Table:
    """The table of `path`, put over that of the file which its key `base` names, if it has one.

    Args:
        find_base: gives the file from the path of the table and its `base`.
        over: puts a table (second) over that of its base (first).

    Raises:
        InputError: as for `read_table`; `base` is no text; a file is its own base.
    """
    if path.resolve() in above:
        raise InputError(f"{path} is its own base", hint="take the line `base:` out of one of the files")
    table = read_table(path)
    base = table.pop("base", None)
    if base is None:
        return table
    if not isinstance(base, str):
        raise InputError(f"{path}: base: a name is expected, not {base!r}")
    below = read_on_base(find_base(path, base), find_base, over, (*above, path.resolve()))
    return over(below, table)


def change(text: str) -> Table:
    """The value of `section.key=value` at its place in a table; the value is YAML.

    Raises:
        InputError: the text has no `=`, or the value is no YAML.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise InputError(f"{text!r} changes nothing", hint="write it like training.batch=256")
    found = _parsed(value, text)
    for key in reversed(name.strip().split(".")):
        found = {key: found}
    return dict(found)


def _parsed(text: str, where: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # noqa: S506 -- a subclass of SafeLoader
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error)
        raise InputError(f"{where}{line} is not valid YAML: {reason}") from None


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of `below` with those of `above` written over them, key by key; lists are replaced whole."""
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        result[key] = merged(under, value) if both else value  # type: ignore[arg-type]
    return result


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
        raise _one_line(error, model, where, missing) from None


def _one_line(error: ValidationError, model: type[BaseModel], where: str | Path, missing: str) -> InputError:
    first = min(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    place = ".".join(str(step) for step in first["loc"])
    if first["type"] == "extra_forbidden":
        *above, key = (str(step) for step in first["loc"])
        allowed = _keys_at(model, above)
        guess = nearest(key, allowed)
        meant = _homes(model, key) if not above else []
        meant = meant or ([".".join([*above, guess])] if guess else [])
        hint = f"did you mean {' or '.join(meant)}?" if meant else f"allowed: {', '.join(allowed)}"
        return InputError(f"{where}: unknown key {place}", hint=hint)
    if first["type"] == "missing":
        return InputError(f"{where}: {place} is missing", hint=missing.format(place))
    reason = first["msg"].removeprefix("Value error, ")
    given = "" if isinstance(first["input"], Mapping) else f" = {reprlib.repr(first['input'])}"
    return InputError(f"{where}: {place + given + ': ' if place else ''}{reason}")


def _keys_at(model: type[BaseModel], steps: list[str]) -> list[str]:
    """The keys that the table at `steps` below `model` may have."""
    found: Any = model
    for step in steps:
        if isinstance(found, type) and issubclass(found, BaseModel) and step in found.model_fields:
            found = _table_in(found.model_fields[step].annotation)
    return list(found.model_fields) if isinstance(found, type) and issubclass(found, BaseModel) else []


def _homes(model: type[BaseModel], key: str) -> list[str]:
    """The sections of `model` that have this very key, each with the key behind a dot."""
    sections = {name: field.annotation for name, field in model.model_fields.items()}
    return [
        f"{name}.{key}"
        for name, one in sections.items()
        if isinstance(one, type) and issubclass(one, BaseModel) and key in one.model_fields
    ]


def _table_in(annotation: Any) -> Any:
    """The model in an annotation such as `Model`, `tuple[Model, ...]` or `Model | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, (_table_in(inner) for inner in get_args(annotation))), None)
