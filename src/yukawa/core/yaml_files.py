"""Reads and writes YAML: files by path or shipped name, bases, changes by key=value, differences of two tables."""

import math
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from yukawa.core.errors import InputError, nearest
from yukawa.core.files import expanded, read_text, real
from yukawa.core.guarded import check_numbers, reason_of
from yukawa.core.redaction import shortened

Table = dict[str, Any]

RECIPES = Path(__file__).parent.parent / "recipes"
VERBS = {
    "text": "train",
    "jets": "jets train",
    "pretraining": "jets pretrain",
    "scaling": "jets scaling",
    "evaluation": "evaluate",
}
"""The folders of `RECIPES`, and the verb of `yukawa` that takes what lies there."""


class _Loader(yaml.SafeLoader):
    """YAML 1.1, but numbers are those of YAML 1.2, and aliases unfold to a limited number of nodes."""

    def get_single_node(self) -> Any:
        """See `yaml.composer.Composer`.

        Raises:
            ComposerError: aliases expand to too much, or an alias is within what it names.
        """
        node = super().get_single_node()
        if self.anchors_met and node is not None and _unfolded(node, {}) > _LARGEST:
            raise yaml.composer.ComposerError(
                None,
                None,
                f"aliases unfold to more than {_LARGEST:,} values; write them out",
                node.start_mark,
            )
        return node

    def compose_node(self, parent: Any, index: Any) -> Any:
        """See `yaml.composer.Composer`; notes whether there is an alias.

        Raises:
            RecursionError: lists and tables are nested too deeply.
        """
        self.anchors_met |= self.check_event(yaml.AliasEvent)
        self.depth += 1
        if self.depth > _DEEPEST:  # the time of reading grows with the square
            raise RecursionError
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_scalar(self, node: Any) -> Any:
        """See `yaml.constructor.BaseConstructor`.

        Raises:
            UnicodeEncodeError: half of a character was written by its number; no file and no server takes it.
        """
        found = super().construct_scalar(node)
        found.encode("utf-8")
        return found

    anchors_met, depth = False, 0


_LARGEST, _DEEPEST = 10_000, 100


def _unfolded(node: Any, known: dict[int, float]) -> float:
    """The number of nodes of a node once its aliases are written out; infinite if it holds itself."""
    if id(node) not in known:
        known[id(node)] = math.inf  # until it is known
        within = node.value if isinstance(node, yaml.CollectionNode) else ()
        parts = [one for item in within for one in (item if isinstance(item, tuple) else (item,))]
        known[id(node)] = 1 + sum(_unfolded(one, known) for one in parts)
    return known[id(node)]


class _Dumper(yaml.SafeDumper):
    """Puts quotes around a text that `_Loader` would take for a number, and writes what occurs twice twice."""

    def ignore_aliases(self, data: Any) -> bool:
        """See `yaml.representer.BaseRepresenter`."""
        return True


_TAG = "tag:yaml.org,2002:"
# As in YAML 1.2, where 1:30 is a text and 017 is 17; 100_000 is a number, as in YAML 1.1. The last are infinite or none.
_WHOLE = re.compile(r"\A(?:[-+]?[0-9][0-9_]*|0o[0-7]+|0x[0-9a-fA-F]+)\Z")
_DECIMAL = re.compile(
    r"\A(?:[-+]?(?:\.[0-9][0-9_]*|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
)


def _number(loader: _Loader, node: Any) -> int | float:
    """The number that a scalar writes, which may also have been said to be one by its tag."""
    text = str(loader.construct_scalar(node))
    if not (_WHOLE if node.tag.endswith("int") else _DECIMAL).match(text):
        raise yaml.constructor.ConstructorError(None, None, f"{text[:40]!r} is not a number", node.start_mark)
    plain = text.replace("_", "").lower()
    if node.tag.endswith("float"):
        return float(plain.replace(".inf", "inf").replace(".nan", "nan"))
    base = {"0o": 8, "0x": 16}.get(plain[:2], 10)
    found = int(plain, base)
    check_numbers(found)
    return found


_Loader.yaml_implicit_resolvers = {
    sign: [pair for pair in pairs if pair[0] not in (f"{_TAG}int", f"{_TAG}float")]
    for sign, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Dumper.yaml_implicit_resolvers = dict(_Dumper.yaml_implicit_resolvers)
for _name, _pattern in (("int", _WHOLE), ("float", _DECIMAL)):
    _Loader.add_constructor(_TAG + _name, _number)
    for _kind in (_Loader, _Dumper):
        _kind.add_implicit_resolver(_TAG + _name, _pattern, list("-+.0123456789"))


def find(name_or_path: str | Path, shipped: Path, kind: str) -> Path:
    """The file of a shipped `kind` (such as "detector card") by its name, or of your own by its path.

    Raises:
        InputError: neither such a name nor such a file exists.
    """
    names = sorted(path.stem for path in shipped.glob("*.yaml"))
    if str(name_or_path) in names:
        return shipped / f"{name_or_path}.yaml"
    path = expanded(name_or_path)
    # Path.exists fails for a name that is too long. A pipe is refused by its reader, and not for want of a file.
    if os.path.lexists(path) and not os.path.isdir(path):
        return path
    is_file = path.suffix in (".yaml", ".yml") or path.parent != Path()
    guess = nearest(path.stem if is_file else str(name_or_path), names)
    meant = f"did you mean {guess}? " if guess else ""
    raise InputError(
        f"there is no {kind} {shortened(str(name_or_path))!r}{', no such file' if is_file else ''}",
        hint=f"{meant}name a YAML file that exists, or one of {', '.join(names)}",
    )


def find_recipe(name_or_path: str | Path, kind: str, beside: Path | None = None) -> Path:
    """The file of a recipe of `kind` (a key of `VERBS`): a shipped one by its name, or your own by its path.

    Args:
        beside: the recipe that names this one as its base; a path is looked for from its folder first.

    Raises:
        InputError: there is none; the nearest name is given, or the verb that takes a recipe of this name.
    """
    if beside is not None and os.path.isfile(beside.parent / name_or_path):
        return beside.parent / name_or_path
    try:
        return find(name_or_path, RECIPES / kind, "recipe")
    except InputError as error:
        for other, verb in VERBS.items():
            if os.path.isfile(RECIPES / other / f"{name_or_path}.yaml"):
                raise InputError(error.message, hint=f"type: yukawa {verb} {name_or_path}") from None
        raise


def read_table(path: Path) -> Table:
    """The keys and values of a YAML file.

    Raises:
        InputError: the file cannot be read, is not YAML, or is not a table of keys and values.
    """
    table = parse_yaml(read_text(path), str(path))
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
        InputError: as for `read_table`; `base` is not a text; a file is its own base.
    """
    if real(path) in above:
        raise InputError(f"{path} is its own base", hint="remove the line `base:` from one of the files")
    table = read_table(path)
    base = table.pop("base", None)
    if base is None:
        return table
    if not isinstance(base, str):
        raise InputError(f"{path}: base: a name is expected, not {base!r}")
    below = read_on_base(find_base(path, base), find_base, over, (*above, real(path)))
    return over(below, table)


def key_value(text: str) -> tuple[str, Any]:
    """The key and the value, which is YAML, of a text such as `training.batch=256`.

    Raises:
        InputError: the text does not have this form, or the value is not YAML.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError(f"expected key=value, got {text!r}", hint="write it like training.batch=256")
    return key.strip(), parse_yaml(value, text)


def change(text: str) -> Table:
    """The value of `section.key=value` at its place in a table.

    Raises:
        InputError: as for `key_value`.
    """
    name, found = key_value(text)
    for key in reversed(name.split(".")):
        found = {key: found}
    return dict(found)


def parse_yaml(text: str, where: str) -> Any:
    """What a YAML text says.

    Raises:
        InputError: the text is not YAML; `where` it is begins the message.
    """
    try:
        return yaml.load(text, _Loader)  # noqa: S506 -- a subclass of SafeLoader
    except UnicodeEncodeError:
        raise InputError(f"{where} holds half of a character (a lone surrogate)") from None
    except RecursionError:
        raise InputError(f"{where} is nested too deeply") from None
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, AttributeError, TypeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        said = reason_of(error) if isinstance(error, (yaml.YAMLError, ValueError)) else ""
        why = getattr(error, "problem", None) or said or "a value is not of the type that its tag names"
        raise InputError(f"{where}{line} is not valid YAML: {why}") from None


def to_yaml(table: Mapping[str, Any], width: int = 80) -> str:
    """The text that `parse_yaml` reads as `table`.

    Raises:
        InputError: a value is none that YAML has.
    """
    try:
        return str(yaml.dump(dict(table), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=width))
    except yaml.YAMLError as error:
        raise InputError(f"the recipe holds what YAML cannot: {error}") from None


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Table:
    """The tables of `below` with those of `above` written over them, key by key; lists are replaced whole."""
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        result[key] = merged(under, value) if both else value  # type: ignore[arg-type]
    return result


def differences(old: Any, new: Any, place: str = "") -> dict[str, tuple[Any, Any]]:
    """The values that differ between two tables, old and new, by their place, such as `label.particles.b[0]`."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        keys = [*old, *(key for key in new if key not in old)]
        pairs = {f"{place}.{key}" if place else key: (old.get(key), new.get(key)) for key in keys}
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = {f"{place}[{number}]": pair for number, pair in enumerate(zip(old, new, strict=True))}
    else:
        return {} if old == new else {place: (old, new)}
    found = (differences(*pair, where) for where, pair in pairs.items())
    return {where: pair for inner in found for where, pair in inner.items()}
