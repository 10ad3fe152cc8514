"""Pumps every regular expression of the package with hostile text, and the readers that use them: time must grow with the length alone.

Run `python benchmarks/pumping.py --json FILE`. The patterns are found, not listed: those that importing the package compiles, and those
written in its functions. From the parsed pattern come the texts that may hurt it: what each repetition repeats, many times over, with
what must come before it and something at the end that it cannot match; what a match begins with, again and again; plain runs of
blanks, letters and digits. Of all texts, tried at 2,000 characters, those that take longest are tried at 32,000 and 64,000.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import functools
import importlib
import itertools
import json
import re
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

# How `re` itself reads a pattern.
codes: Any = importlib.import_module("re._constants")
parser: Any = importlib.import_module("re._parser")
SOURCE = Path(__file__).parents[1] / "src" / "yukawa"
SIZE = 64_000
RATIO, SECONDS = 2.5, 0.050
"""The most that twice the text may take: so many times as long, and so many seconds of processor."""
READER_SECONDS, READER_FLOOR = 5.0, 0.02
REFUSED_BEYOND, QUESTION_SECONDS = "a question", 1.0
"""A question is refused beyond `checks.LONGEST` characters; the longest may take so many seconds."""
FLOOR, QUICK_FLOOR = 0.002, 0.02
"""Seconds of processor below which a ratio is noise, for a text of `SIZE`."""
SCREENED, _WORST = 2_000, 10
"""All texts are tried with so many characters, and so many of them, those that took longest, with `SIZE` and half of it."""
_QUICK, _OFTEN = (500, 5), 16
_ONE_PLACE = {"match", "fullmatch", "prefixmatch"}
_METHODS = {*_ONE_PLACE, "search", "sub", "subn", "split", "findall", "finditer", "scanner"}
# What a repetition or a whole text may be made of.
_PALETTE = " \n\t1a0A.,;:-+*/=()[]{}<>|_^~'\"\\$#!?éΛ±×→„漢\xa0"
_PLAIN = (
    " ",
    "\n",
    "a",
    "A",
    "1",
    "a ",
    "1 ",
    "1.",
    "1,",
    "a-",
    "a_",
    "(",
    "a, ",
    "1 a ",
    "\n ",
    "a\n",
    "漢",
    "-",
    ".",
    "[",
    "*",
    "a1",
)
_TAILS = ("", "\0", "a", "1")


@dataclass(frozen=True)
class Pattern:
    """A pattern, where it is written, and whether it is only tried at the beginning of a text."""

    place: str
    text: str | bytes
    flags: int
    one_place: bool

    @functools.cached_property
    def compiled(self) -> re.Pattern[Any]:
        """As `re` runs it."""
        return re.compile(self.text, self.flags)

    @functools.cached_property
    def unbounded(self) -> bool:
        """Whether it repeats anything very often, at any depth."""
        return any(most > _OFTEN for _, _, most in _repeated(list(parser.parse(self.text, self.flags)), ""))

    def run(self, text: str | bytes) -> None:
        """Find everything that it finds in a text, as the package would."""
        if self.one_place:
            self.compiled.match(text)
            self.compiled.fullmatch(text)
        else:
            for _ in self.compiled.finditer(text):
                pass


# ---- finding --------------------------------------------------------------------------------------


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
    _exercise("core.config", "in_our_words('')"),
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
    ("generators/sentences.py", "_experiment"): lambda: _experiments(),
    ("generators/sentences.py", "_refuse_unknown"): lambda: _experiments(),
    ("training/chat.py", "check"): lambda: r"\s*(?:<think>\s*</think>\s*)?ping",
    ("training/chat.py", "_disarmed"): lambda: r"<\|im_end\|>|<think>|[\uf000-\uf8ff]",
    ("training/chat.py", "_encoded"): lambda: r"([\uf000-\uf8ff])",
    ("training/chat.py", "_any_of"): lambda: r"<\|im_start\|>|<\|im_end\|>",
    ("knowledge/store/erasure.py", "_delete_answers"): lambda: r"(?<!\w)" + re.escape("a-b") + r"(?!\w)",
}


def _experiments() -> str:
    """How experiments are named, as one pattern."""
    module = importlib.import_module("yukawa.generators.sentences")
    return "|".join(f"(?:{pattern})" for pattern in module._EXPERIMENT.values())


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


# ---- texts that hurt ------------------------------------------------------------------------------


def texts(pattern: Pattern) -> list[tuple[str, str, str]]:
    """What is said once, what is said again and again after it, and how it ends."""
    tree = parser.parse(pattern.text, pattern.flags)
    found: dict[tuple[str, str], None] = {("", plain): None for plain in _PLAIN}
    for before, body, _ in _repeated(list(tree), ""):
        for again in _bodies(body):
            found[before, again] = None
            found["", before + again] = None
            found["", before + again * 3 + " "] = None
    for begin in _beginnings(list(tree)):
        found["", begin] = None
        found["", begin + " "] = None
    return [(before, again, tail) for before, again in found if again for tail in _TAILS]


def _repeated(items: Sequence[tuple[Any, Any]], before: str) -> Iterator[tuple[str, list[Any], int]]:
    """What each repetition repeats, with the shortest text that leads to it, and how often at most."""
    for code, value in items:
        inner: list[list[Any]] = []
        if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            if value[1] > 3:
                yield before, list(value[2]), int(value[1])
            inner = [list(value[2])]
        elif code is codes.SUBPATTERN:
            inner = [list(value[3])]
        elif code is codes.ATOMIC_GROUP:
            inner = [list(value)]
        elif code is codes.BRANCH:
            inner = [list(one) for one in value[1]]
        elif code in (codes.ASSERT, codes.ASSERT_NOT):
            inner = [list(value[1])]
        elif code is codes.GROUPREF_EXISTS:
            inner = [list(one) for one in value[1:] if one]
        for one in inner:
            yield from _repeated(one, before)
        before += _shortest([(code, value)])


def _beginnings(items: Sequence[tuple[Any, Any]]) -> Iterator[str]:
    """The shortest text of the first parts of a pattern, for each number of them, and of each alternative."""
    text = ""
    for code, value in items:
        parts = []
        if code is codes.BRANCH:
            parts = [list(one) for one in value[1][:40]]
        elif code is codes.SUBPATTERN:
            parts = [list(value[3])]
        elif code is codes.ATOMIC_GROUP:
            parts = [list(value)]
        elif code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            parts = [list(value[2])]
        for one in parts:
            for begin in _beginnings(one):
                yield text + begin
        text += _shortest([(code, value)])
        yield text


def _bodies(body: list[tuple[Any, Any]]) -> Iterator[str]:
    """Texts that a repeated part matches: each character of a class, each alternative, with and without what is optional."""
    if len(body) == 1:
        code, value = body[0]
        if code is codes.SUBPATTERN:
            yield from _bodies(list(value[3]))
            return
        if code is codes.BRANCH:
            for one in value[1][:12]:
                yield from _bodies(list(one))
            return
        if code in (codes.IN, codes.NOT_LITERAL, codes.ANY):
            yield from itertools.islice(_characters((code, value)), 6)
            return
    yield _shortest(body)
    yield _shortest(body, optional=True)
    for index, (code, value) in enumerate(body):
        if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            for again in itertools.islice(_bodies(list(value[2])), 3):
                yield _shortest(body[:index]) + again * 3 + _shortest(body[index + 1 :])


def _characters(item: tuple[Any, Any]) -> Iterator[str]:
    """Characters that one part of a pattern matches, plain ones first."""
    code, value = item
    if code is codes.ANY:
        yield from " a1."
    elif code is codes.LITERAL:
        yield chr(value)
    elif code is codes.NOT_LITERAL:
        yield from (one for one in " a1.,-" if ord(one) != value)
    elif code is codes.IN:
        yield from (one for one in _PALETTE if _is_in(one, value))
        if value[0][0] is not codes.NEGATE:
            yield from (
                chr(v if c is codes.LITERAL else v[0]) for c, v in value if c in (codes.LITERAL, codes.RANGE)
            )


_CATEGORIES: dict[Any, Callable[[str], bool]] = {
    codes.CATEGORY_DIGIT: str.isdecimal,
    codes.CATEGORY_NOT_DIGIT: lambda one: not one.isdecimal(),
    codes.CATEGORY_SPACE: str.isspace,
    codes.CATEGORY_NOT_SPACE: lambda one: not one.isspace(),
    codes.CATEGORY_WORD: lambda one: one.isalnum() or one == "_",
    codes.CATEGORY_NOT_WORD: lambda one: not one.isalnum() and one != "_",
}


def _is_in(one: str, items: Sequence[tuple[Any, Any]]) -> bool:
    """Whether a character is of a class."""
    negated = items[0][0] is codes.NEGATE
    for code, value in items:
        if (
            (code is codes.LITERAL and ord(one) == value)
            or (code is codes.RANGE and value[0] <= ord(one) <= value[1])
            or (code is codes.CATEGORY and _CATEGORIES[value](one))
        ):
            return not negated
    return negated


def _shortest(items: Sequence[tuple[Any, Any]], optional: bool = False) -> str:
    """A short text that the parts match, with what is optional once if so wished; assertions are not heeded."""
    text = ""
    for code, value in items:
        if code in (codes.LITERAL, codes.NOT_LITERAL, codes.IN, codes.ANY):
            text += next(
                (one for one in _characters((code, value)) if one not in " \n\t"),
                next(_characters((code, value)), ""),
            )
        elif code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            text += _shortest(list(value[2]), optional) * max(value[0], int(optional))
        elif code is codes.SUBPATTERN:
            text += _shortest(list(value[3]), optional)
        elif code is codes.ATOMIC_GROUP:
            text += _shortest(list(value), optional)
        elif code is codes.BRANCH:
            text += _shortest(list(value[1][0]), optional)
    return text


# ---- pumping --------------------------------------------------------------------------------------


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """A block that is left by TimeoutError after so many seconds of processor; `re` looks at signals while it works."""

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def seconds(work: Callable[[Any], object], text: Any, most: float, rounds: int = 1) -> float:
    """Processor seconds of the best round; infinite past `most`. The clock of the process is coarse while a timer runs."""
    best = float("inf")
    for _ in range(rounds):
        began = time.thread_time()
        try:
            with limited(most):
                work(text)
        except TimeoutError:
            continue
        best = min(best, time.thread_time() - began)
    return best


def pumped(before: str, again: str, tail: str, size: int) -> str:
    """A text of `size` characters."""
    return (before + again * (size // len(again) + 1))[: size - len(tail)] + tail


def slow(
    work: Callable[[Any], object], make: Callable[[int], Any], size: int, most: float, floor: float
) -> tuple[float, float] | None:
    """Seconds at `size` and the ratio to half of it, if either is too much; below `floor` seconds a ratio is noise."""
    longest = seconds(work, make(size), 20 * most)
    if longest < floor:
        return None
    ratio = float("inf")
    for rounds in (1, 5):  # a busy moment is measured again
        longest = min(longest, seconds(work, make(size), 20 * most, rounds))
        if longest < float("inf"):
            ratio = longest / max(seconds(work, make(size // 2), 20 * most, rounds), 1e-9)
        if longest <= most and (ratio <= RATIO or longest < floor):
            return None
    return longest, ratio


def too_slow(
    pattern: Pattern, size: int, tried: Sequence[tuple[str, str, str]], floor: float = FLOOR, slack: float = 1
) -> dict[str, Any] | None:
    """The first of the texts that takes a pattern too long, with its seconds and the ratio to half of it.

    A pattern that sees so many characters at most takes as long for twice the text.
    """
    for one in tried:
        make = functools.partial(_for, pattern, *one)
        if (most := longest(pattern)) < size:
            took = seconds(pattern.run, make(int(most)), 1.0, 3)
            wrong = (took, 1.0) if took > SECONDS else None
        else:
            wrong = slow(pattern.run, make, size, slack * SECONDS * size / SIZE, floor * size / SIZE)
        if wrong:
            return {"place": pattern.place, "text": one, "seconds": wrong[0], "ratio": wrong[1]}
    return None


def _for(pattern: Pattern, before: str, again: str, tail: str, size: int) -> str | bytes:
    text = pumped(before, again, tail, size)
    return text.encode("utf-8", "replace") if isinstance(pattern.text, bytes) else text


def pump(size: int, places: Sequence[str] = (), quick: bool = False) -> dict[str, Any]:
    """What each pattern takes at `size` characters.

    Args:
        places: only patterns of modules that begin so, if given.
        quick: try those patterns alone that hold a repetition without a bound, and fewer texts.

    Returns:
        The numbers of 'patterns' and of 'texts' that were tried, 'unseen' patterns, and 'slow' ones.
    """
    found, unseen = patterns()
    report: dict[str, Any] = {"patterns": len(found), "texts": 0, "unseen": unseen, "slow": []}
    for pattern in found:
        quickly = quick and (not pattern.unbounded or longest(pattern) < SIZE)
        if quickly or not pattern.place.startswith(tuple(places) or ""):
            continue
        tried = texts(pattern)
        report["texts"] += len(tried)
        if quick:
            tried = [one for one in tried if one[2] == _TAILS[1]]
        screened, kept = _QUICK if quick else (SCREENED, _WORST)
        tried = worst(pattern.run, tried, functools.partial(_maker, pattern), screened, kept)
        if wrong := too_slow(pattern, size, tried, QUICK_FLOOR if quick else FLOOR, 3 if quick else 1):
            report["slow"].append(wrong)
    return report


def _maker(pattern: Pattern, one: tuple[str, str, str]) -> Callable[[int], str | bytes]:
    return functools.partial(_for, pattern, *one)


def worst(
    work: Callable[[Any], object],
    tried: Sequence[Any],
    maker: Callable[[Any], Callable[[int], Any]],
    size: int,
    kept: int,
) -> list[Any]:
    """Those of the texts that take longest where they have `size` characters."""
    took = [seconds(work, maker(one)(size), 1.0) for one in tried]
    return [tried[i] for i in sorted(range(len(tried)), key=took.__getitem__)[-kept:]][::-1]


# ---- readers --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Quoted:
    """A passage that an answer may rest on."""

    text: str
    url: str | None = None


def _hit(text: str) -> Any:
    from yukawa.knowledge.records import Hit, Provenance

    return Hit(
        "item",
        1,
        text,
        1.0,
        1.0,
        1.0,
        "document",
        None,
        1,
        Provenance("a", "b", None, None, "particle physics"),
        {},
    )


def readers() -> dict[str, Callable[[str], object]]:
    """What reads texts of others, by name: each takes one as it comes, or says in one line why not."""
    from yukawa.bytelm.segments import Text
    from yukawa.bytelm.tokenizer import ByteTokenizer
    from yukawa.core import config, files
    from yukawa.core.errors import YukawaError
    from yukawa.core.redaction import redacted
    from yukawa.data import arxiv, filters, ngrams
    from yukawa.evaluation import completion_metrics
    from yukawa.jets.io.text import parse_jets
    from yukawa.knowledge import citing, documents, items, routing
    from yukawa.knowledge import texts as texts_
    from yukawa.knowledge.documents import spans, statements, words
    from yukawa.knowledge.parsing import checks, find_quantities, grammar
    from yukawa.knowledge.parsing.decays import find_decays
    from yukawa.knowledge.parsing.particles import find_particles
    from yukawa.knowledge.parsing.statements import statements as stated
    from yukawa.knowledge.parsing.units import find_unit
    from yukawa.llm import quote

    def allowed(read: Callable[[str], object]) -> Callable[[str], object]:
        def either(text: str) -> object:
            with contextlib.suppress(YukawaError):
                return read(text)
            return None

        return either

    bytes_ = ByteTokenizer()
    question = "What is the mass of the Z boson?"
    answer = "The mass of the Z boson is 91.19 GeV [1]."
    found: dict[str, Callable[[str], object]] = {
        "a taught statement": lambda text: items.new_item(text, kind="statement").facts,
        "a taught document": lambda text: items.new_item(text, kind="document"),
        "a taught answer": lambda text: items.new_item(text, question=question).facts,
        "a question": lambda text: grammar.plan(text[: checks.LONGEST]),
        "a question that is too long": grammar.plan,
        "statements": stated,
        "quantities": find_quantities,
        "particles": find_particles,
        "decays": find_decays,
        "a unit": find_unit,
        "Markdown": lambda text: documents.pieces(documents.markdown_blocks(text)),
        "plain text": lambda text: documents.pieces(documents.plain_blocks(text)),
        "statements of a passage": statements.statements,
        "an answer from a passage": lambda text: spans.answer_from_passages(question, [_hit(text)]),
        "a passage that is cited": lambda text: citing.check(answer, [Quoted(text)]),
        "an answer with citations": lambda text: citing.check(text, [Quoted(answer)]),
        "an answer without citations": lambda text: citing.attach(text, [Quoted(answer)]),
        "a reply with reasoning": citing.without_reasoning,
        "a passage in a prompt": citing.harmless,
        "a prompt that is quoted": lambda text: quote.split_sentences(text),
        "legible text": texts_.check_legible,
        "YAML": lambda text: config.parse_yaml(text, "it"),
        "JSON": lambda text: files.parse_json(text, "it"),
        "a field": routing.field_of,
        "words": words.stems,
        "an abstract": lambda text: [arxiv.clean_newlines(text), arxiv.clean_spaces(text)],
        "mathematics in an abstract": lambda text: filters._MATHEMATICS.sub(" ", text),
        "a text that is compared": ngrams.normalise,
        "a completion": completion_metrics.artefacts,
        "a jet in words": lambda text: parse_jets([text]),
        "bytes": lambda text: bytes_.encode(Text(text)),
        "secrets": redacted,
    }
    return {name: allowed(read) for name, read in found.items()}


HOSTILE = (
    *" \n\ta1()[]{}<>`*_~|#-+±^→,.;:\"'=/\\$!&éµ漢0", "The mass of the Z boson is 91.2 GeV. ", "80.4 ± 0.1 GeV, ",
    "Z -> e+ e- ", "Z → ", "and ", "1 e ", "1e", "1.", "1,000 ", "\\(", "$$", "![", "](", "[a](", "<a ", "<!--",
    "&amp;", "> ", "- ", "1. ", "    ", "| a | b |\n", "|-", "\n\n", "# ", "```\n", ":::a\n", "mu", "K+ ", "not ",
    "how is ", "\\frac{", "^{", "_{", "a. ", "A. ", "(a) ", "``", "''", "[1] ", "http://", "@", "key ", "<|",
    "<think>", "of the ", "10^", "-", " ,", "the ", "mass of ", "(1 ", "+-", "x 10", "\n- a", "\n> ", "\n1. ",
    "\n|a|", "K*", "pi0", "aA", "Aa.", "don't ", "\r\n", "\n\x0c", "ab-", "1/",
    "a: 1\n", "- a\n", "a: b c\n  d\n", "? ", "&a ", "!a ", '"a", ', "[1],", "%", "a: |\n  b\n", "*a, ", "\\u0041", "a: ",
    "- ", "{a: ", '"',
    "(…)", "[…]", "{…}", "$\\frac{…}{1}$",
    "K+ (…) ", "**…**", "<b>…</b>", "*a …*", "[a…](b)", "K+ → (…)", "_{…}", '{"a":…}',
)  # fmt: skip


def pump_readers(size: int, named: Sequence[str] = (), hostile: Sequence[str] = HOSTILE) -> dict[str, Any]:
    """What each reader takes for each hostile text of `size` characters: where the ratio to half of it is too much."""
    report: dict[str, Any] = {"readers": 0, "texts": 0, "slow": []}
    for name, read in readers().items():
        if named and name not in named:
            continue
        report["readers"] += 1
        read("The mass of the Z boson is 91.1880 ± 0.0020 GeV.")  # tables are read once
        report["texts"] += len(hostile)
        maker = functools.partial(functools.partial, _fresh)
        tried = hostile if size <= SCREENED else worst(read, hostile, maker, SCREENED, _WORST)
        for again in tried:
            make = functools.partial(_fresh, again)
            if name == REFUSED_BEYOND:  # twice the text is not read
                alone = seconds(read, make(size), 20.0, 2)
                took = (alone, 1.0) if alone > QUESTION_SECONDS else None
            else:
                took = slow(read, make, size, max(1.0, READER_SECONDS * size / SIZE), READER_FLOOR)
            if took:
                report["slow"].append({"reader": name, "text": again, "seconds": took[0], "ratio": took[1]})
    return report


_COUNTER = itertools.count()


def _fresh(again: str, size: int) -> str:
    """A hostile text with a beginning that none before had, since readers remember."""
    opening, nested, closing = again.partition("…")
    half = (size - 9) // (len(opening + closing) or 1)
    text = opening * half + "a" + closing * half if nested else pumped("", again, "", size - 8)
    return f"{next(_COUNTER):06d}. {text}"


def main() -> None:
    """Pumps all, prints what grows too fast, and keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=SIZE, help="characters of a text")
    parser.add_argument(
        "--of", nargs="*", default=[], help="only patterns of these modules, such as knowledge/citing"
    )
    parser.add_argument(
        "--readers", nargs="*", help="only these readers, and no patterns; all where none is named"
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer texts, for patterns without bounds; no readers"
    )
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    report: dict[str, Any] = {"size": given.size}
    if given.readers is None:
        report["patterns"] = pump(given.size, given.of, given.quick)
    if not given.of and not given.quick:
        report["readers"] = pump_readers(given.size, given.readers or ())
    for part in ("patterns", "readers"):
        for one in report.get(part, {}).get("slow", ()):
            print(one, file=sys.stderr)
    if given.json:
        given.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    else:
        print(json.dumps(report))


if __name__ == "__main__":
    main()
