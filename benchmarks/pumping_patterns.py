"""Finds every regular expression of the package: those that importing it compiles, and those written in its functions."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from pumping_texts import Pattern

SOURCE = Path(__file__).parents[1] / "src" / "yukawa"
_ONE_PLACE = {"match", "fullmatch", "prefixmatch"}
_METHODS = {*_ONE_PLACE, "search", "sub", "subn", "split", "findall", "finditer", "scanner"}


@dataclass
class Call:
    """A call of a function of `re` in the source: its lines, what it is inside of, and its pattern if that is written there."""

    module: str
    lines: range
    function: str
    method: str
    text: str | bytes | None
    name: str


def calls() -> list[Call]:
    """Every call of a function of `re` that takes a pattern."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        module = path.relative_to(SOURCE).as_posix()
        names = {}  # of assigned calls
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign | ast.AnnAssign):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                if isinstance(target, ast.Name) and node.value is not None:
                    names[id(node.value)] = target.id
        functions = [
            node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=method), args=[first, *_]):
                    if method not in {*_METHODS, "compile"}:
                        continue
                    around = [
                        one.name for one in functions if one.lineno <= node.lineno <= (one.end_lineno or 0)
                    ]
                    value = first.value if isinstance(first, ast.Constant) else None
                    text = value if isinstance(value, str | bytes) else None
                    lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
                    found.append(
                        Call(
                            module, lines, around[0] if around else "", method, text, names.get(id(node), "")
                        )
                    )
    return found


def uses() -> dict[tuple[str, str], set[str]]:
    """How each name is used in each module: the methods called, `scanner` where it is passed on, or tried at many places."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for path in SOURCE.rglob("*.py"):
        tree, module = ast.parse(path.read_text(encoding="utf-8")), path.relative_to(SOURCE).as_posix()
        called = set()
        for node in ast.walk(tree):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id=name) as inner, attr=method), args=arguments
                ):
                    called.add(id(inner))
                    where = arguments[1] if method in _ONE_PLACE and len(arguments) > 1 else None
                    many = where is not None and getattr(where, "value", None) != 0
                    found[module, name].add("scanner" if many else method)
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in called:
                found[module, node.id].add("scanner")
            if isinstance(node, ast.ImportFrom):
                for one in node.names:
                    found["", one.name].add("scanner")  # of a module that others take it from
    return found


def compiled() -> dict[tuple[str, int], set[tuple[str | bytes, int]]]:
    """What importing the package and `EXERCISES` compile, by module and line; for a new interpreter, which has cached nothing."""
    found: dict[tuple[str, int], set[tuple[str | bytes, int]]] = defaultdict(set)
    compile_: Callable[[Any, Any], Any] = re._compile  # type: ignore[attr-defined]

    def noted(pattern: Any, flags: Any) -> Any:
        frame: FrameType | None = sys._getframe(1)
        while frame and frame.f_code.co_filename == re.__file__:
            frame = frame.f_back
        if frame and (file := Path(frame.f_code.co_filename)).is_relative_to(SOURCE):
            made = compile_(pattern, flags)
            found[file.relative_to(SOURCE).as_posix(), frame.f_lineno].add(
                (made.pattern, made.flags & ~re.DEBUG)
            )
        return compile_(pattern, flags)

    re._compile = noted  # type: ignore[attr-defined]
    try:
        for path in sorted(SOURCE.rglob("*.py")):
            # Alembic loads migrations by path.
            if "migrations" not in path.parts and "import re\n" in path.read_text(encoding="utf-8"):
                importlib.import_module(".".join(path.relative_to(SOURCE.parent).with_suffix("").parts))
        for exercise in EXERCISES:
            exercise()
    finally:
        re._compile = compile_  # type: ignore[attr-defined]
    return found


def _exercise(module: str, call: str) -> Callable[[], object]:
    return lambda: eval(call, vars(importlib.import_module(f"yukawa.{module}")))


# Patterns that are put together, or taken from tables, when functions run.
EXERCISES = [
    _exercise("core.validation", "in_our_words('')"),
    _exercise("core.reports", "[_escaped(''), _escaped('', special='`*_')]"),
    _exercise("jets.models.particle_net", "_our_name('')"),
    _exercise("jets.models.particle_transformer", "_our_name('')"),
    _exercise("knowledge.documents.asking", "asked('')"),
    _exercise("knowledge.documents.asking", "asked('in 1999')._without_figures('')"),
    _exercise(
        "knowledge.parsing.lexicon",
        "[_names_pattern(language) for language in ('en', 'de', 'fr', 'zh', 'ja')]",
    ),
    _exercise("knowledge.parsing.properties", "_patterns()"),
    _exercise("knowledge.parsing.reading", "_compared()"),
    _exercise("knowledge.parsing.sentence_parts", "_property_pattern()"),
]
# Patterns made of what comes, or handed over by their names: by module and function, an example.
MADE: dict[tuple[str, str], Callable[[], str]] = {
    ("bytelm/modeling.py", "from_pretrained"): lambda: (
        importlib.import_module("yukawa.bytelm.modeling").HEADS
    ),
    ("jets/models/particle_transformer.py", "_sizes"): lambda: (
        re.escape("pair_embed.embed") + r"\.\d+\.weight"
    ),
    ("knowledge/parsing/several_decays.py", "_parts"): lambda: re.escape("W+") + r"\s*→\s*",
    ("knowledge/sources/pdg/sentences.py", "property_of"): lambda: _tables("_OVERRIDE", "_BY_WORDS"),
    ("knowledge/store/traces.py", "__init__"): lambda: r"(?<!\w)item\-7(?!\w)",
    ("training/chat.py", "check"): lambda: r"\s*(?:<think>\s*</think>\s*)?ping",
    ("training/chat.py", "_disarmed"): lambda: r"<\|im_end\|>|<think>|[\uf000-\uf8ff]",
    ("training/chat.py", "_encoded"): lambda: r"([\uf000-\uf8ff])",
    ("training/chat.py", "_any_of"): lambda: r"<\|im_start\|>|<\|im_end\|>",
    ("data/engine/expert.py", "find_quote"): lambda: r"a\s+b",
    ("data/engine/personal.py", "find"): lambda: r"(?<!\w)a\-b(?!\w)",
    ("evaluation/judging/blinding.py", "anonymous"): lambda: r"(?<!\w)a\-b(?!\w)",
    ("generators/spellings.py", "plain_sentence"): lambda: (
        importlib.import_module("yukawa.generators.spellings")._PART
    ),
    ("server/answer_pages.py", "marked"): lambda: "(a|b)",
    ("knowledge/store/erasure.py", "_delete_answers"): lambda: r"(?<!\w)" + re.escape("a-b") + r"(?!\w)",
}


def _tables(*names: str) -> str:
    """All patterns of tables of `sources.pdg.sentences` as one."""
    module = importlib.import_module("yukawa.knowledge.sources.pdg.sentences")
    return "|".join(f"(?:{pattern})" for name in names for pattern, _ in getattr(module, name))


# Patterns of texts that are cut or refused before: so many characters at most, and where that is seen to.
BOUNDED = {
    "knowledge/parsing/kinematics.py": ("knowledge.parsing.checks", "LONGEST"),
    "knowledge/parsing/properties.py": ("knowledge.parsing.properties", "LONGEST"),
}


def longest(pattern: Pattern) -> float:
    """The most characters that a pattern sees."""
    if place := BOUNDED.get(pattern.place.partition(":")[0]):
        return int(getattr(importlib.import_module(f"yukawa.{place[0]}"), place[1]))
    return float("inf")


def patterns() -> tuple[list[Pattern], list[str]]:
    """Every pattern of the package, and the places whose patterns were not found."""
    run, written, used = compiled(), calls(), uses()
    found: dict[tuple[str | bytes, int, bool], Pattern] = {}
    unseen = []
    for call in written:
        here = {one for line in call.lines for one in run.get((call.module, line), ())}
        if not here and (
            text := call.text or (made() if (made := MADE.get((call.module, call.function))) else None)
        ):
            here = {(text, 0)}
        if not here:
            unseen.append(f"{call.module}:{call.lines.start} in {call.function}")
        methods = {call.method}
        if call.method == "compile":
            methods = used.get((call.module, call.name), {"scanner"}) | used.get(("", call.name), set())
        for text, flags in here:
            one = Pattern(f"{call.module}:{call.lines.start}", text, flags, methods <= _ONE_PLACE)
            found.setdefault((text, flags, one.one_place), one)
    lines = {(call.module, line) for call in written for line in call.lines}
    unseen += [
        f"{module}:{line} is compiled and not seen in the source"
        for module, line in run
        if (module, line) not in lines
    ]
    return list(found.values()), unseen
