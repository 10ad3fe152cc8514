"""Reads broken and hostile text, made by seed: JSON, YAML, TOML, numbers, units, questions and what people teach.

Run `python benchmarks/fuzzing.py --json FILE`; the program's own readers read it. Half of the inputs are valid ones mutated (parts
cut, doubled, exchanged, replaced by what parsers stumble over), half are written by a grammar: deep nesting, aliases, tags, merge keys,
huge numbers and exponents, NaN, lone surrogates, byte order marks, NUL, characters that turn the order round, keys said twice, mixed line
ends. A reader may take an input or refuse it in one line of its own; any other exception, the end of the process, or more than 2 s of
processor is a fault, and is shown with its number. Input NUMBER of a kind is made from the seed and the number alone: `--kind yaml
--only NUMBER` reads it again. With `--state FILE` an interrupted run continues.
"""

from __future__ import annotations

import argparse
import copy
import functools
import json
import multiprocessing
import os
import queue
import random
import signal
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SECONDS = 2.0
EACH = {
    "json": 15_000,
    "yaml": 15_000,
    "toml": 20_000,
    "numbers": 15_000,
    "units": 20_000,
    "questions": 10_000,
    "taught": 5_000,
}
QUESTIONS = Path(__file__).parent / "questions"
_FRESH = 500  # inputs that one process reads

# What parsers stumble over.
NUMBERS = (
    "0", "-0", "1e999", "-1e999", "1e-999", "1e400000000", "NaN", "nan", ".nan", ".inf", "-.inf", "Infinity", "0x1F",
    "0o17", "0b1", "1_000", "012", "1e", "1.", ".5", "+1", "--1", "1,5", "1.2.3", "9"*400, "9"*5000, "1"+"0"*4400,
    "-"+"9"*6000, "0."+"0"*400+"1", "1e1e1", "190:20:30", "2001-99-99", "2001-01-01", "2001-01-01 25:61:61",
    "12:30:45", "9223372036854775808", "-9223372036854775809", "18446744073709551616", "1e308", "5e-324", "٣", "１２",
    "²", "½", "1/0", "1/3", "10^30", "10^-400", "10^999999999", "1(2)", "1 ± 2", "1 ± ±", "1 +- +- 2", "±", "e", "e5",
    "1e+", "⁻¹", "1.5(3)e-400",
)  # fmt: skip
TEXTS = (
    "", " ", "\x00", "\ufeff", "\ud800", "\udfff\ud800", "\u202e", "\u200b", "\u2028", "\x85", "\r", "\r\n", "\n\r",
    "\t", "\x0c", "\x1b[31m", "\xa0", "é"*40, "漢字", "👩‍🚀", "ﬁ", "İ", "ß", "\u0301"*50, "a"*3000, "a."*500, "'"*50,
    '"'*50, "\\", "\\u", "\\ud800", "\\ud800\\udc00", "%s%n", "{}", "{0.__class__}", "${HOME}", "../../etc/passwd",
    "/dev/zero", "file:///etc/passwd", "NUL", "-", "--", "null", "~", "true", "yes", "no", "on", "=", ":", "!", "&",
    "*", "|", ">", "#", "@", "`", ",", "?", "<<", "\x7f", "\x80\x81", "\ufffe", "\U0010ffff", "\u2066", "ａ", "Ω", "µ",
    "μ", "GеV", "->", "→", "--", "π⁰", "K*0", "(", ")", "[", "]", "((((", "))))",
)  # fmt: skip


_JSON_KEYS = (
    "id", "text", "question", "answer", "messages", "role", "content", "source", "licence", "a", "a", "table", "kind",
    "conversations", "prompt", "chosen", "rejected", "goals", "quantities", "subject", "abstract", "categories", "versions",
    "sha256", "splits",
)  # fmt: skip
_YAML_MARKS = (
    "!!python/object/apply:os.system", "!!binary", "!!set", "!!timestamp", "!!int", "!!float", "!!omap", "!!pairs", "!!null",
    "!!bool", "!!str", "!!seq", "!!map", "!", "!<tag:x>", "!!merge", "!!value", "&a", "*a", "&a &b", "? ", "|", ">-", "|9",
    "%YAML 9.9\n---", "---", "...", "\t", "- - -",
)  # fmt: skip
_YAML_KEYS = (
    "base", "model", "training", "training.batch", "data", "over", "epochs", "seed", "lora", "a", "a", "1", "null", "~", "[a]",
    "{a: b}", "? a\n", "<<", "&k a", "*a", "name",
)  # fmt: skip
_TOML_KEYS = (
    "home", "[knowledge]", "[models.a]", "[[models]]", "url", "embedding", "reviewers", "model", "backend",
    "base_url", "api_key", "max_tokens", "deadline_s", "replies", "a", "a.b", '"a b"', "''", "[a]", "[a.b",
    "kinds", "domains", "models.x.model", "adapter",
)  # fmt: skip
_TOML_VALUES = ("[1, 'a']", "{a = 1}", "1979-05-27T07:32:00Z", "[[1], {}]", "true", "")


def deep(rng: random.Random, opening: str, closing: str, inner: str = "1") -> str:
    """One in another, up to a hundred thousand times; now and then without an end."""
    times = rng.choice((3, 20, 90, 101, 500, 1_000, 5_000, 30_000))
    return opening * times + inner + closing * (times if rng.random() < 0.7 else rng.randrange(times))


def mutated(rng: random.Random, text: str, bits: tuple[str, ...]) -> str:
    """A valid text with some of it cut, doubled, exchanged or replaced."""
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        first, last = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        last = min(last, first + rng.choice((0, 1, 2, 5, 30, 400)))
        how = rng.randrange(6)
        if how == 0:
            text = text[:first] + text[last:]
        elif how == 1:
            text = text[:first] + text[first:last] * rng.choice((2, 3, 50)) + text[last:]
        elif how == 2:
            text = text[:first] + rng.choice(bits) + text[last:]
        elif how == 3:
            text = text[:first] + text[first:last][::-1] + text[last:]
        elif how == 4:
            text = text.replace(
                "\n", rng.choice(("\r\n", "\r", "\n\n", "\n ", "\n\t", " ")), rng.choice((1, -1))
            )
        else:
            other = rng.randrange(len(text) + 1)
            text = text[:first] + text[other : other + last - first] + text[first:]
        text = text[:20_000]
    return text


# ---- what is written by a grammar -----------------------------------------------------------------


def json_text(rng: random.Random, depth: int = 0) -> str:
    """Something like JSON."""
    what = rng.randrange(12 if depth < 5 else 6)
    if what == 0:
        return rng.choice(NUMBERS)
    if what < 4:
        return json.dumps(rng.choice(TEXTS)) if rng.random() < 0.9 else f'"{rng.choice(TEXTS)}"'
    if what < 6:
        return rng.choice(("true", "false", "null", "NaN", "-Infinity", "undefined", "1", '"a"'))
    if what == 6 and depth == 0:
        return deep(rng, *rng.choice((("[", "]"), ('{"a":', "}"), ('[{"text":', "}]"))))
    parts = (json_text(rng, depth + 1) for _ in range(rng.randrange(5)))
    if what < 9:
        return "[" + rng.choice((",", ", ", ",\n", ",,", "")).join(parts) + "]"
    return "{" + ",".join(f"{json.dumps(rng.choice((*_JSON_KEYS, *TEXTS)))}:{part}" for part in parts) + "}"


def yaml_text(rng: random.Random, depth: int = 0) -> str:
    """Something like YAML."""
    what = rng.randrange(16 if depth < 4 else 8)
    pad = "  " * depth
    if what < 2:
        return rng.choice(NUMBERS)
    if what < 4:
        return rng.choice(TEXTS)
    if what < 8:
        tag = rng.choice(_YAML_MARKS)
        return f"{tag} {rng.choice((rng.choice(NUMBERS), rng.choice(TEXTS), '[1, 2]', '{a: 1}', '*a', ''))}"
    if what == 8 and depth == 0:
        return deep(
            rng,
            *rng.choice(
                (
                    ("[", "]"),
                    ("{a: ", "}"),
                    ("- ", ""),
                    ("? ", ""),
                    ("&a [", "]"),
                    ("!!seq [", "]"),
                    ("'", "'"),
                )
            ),
        )
    if what == 9 and depth == 0:
        lines = ["a0: &a0 [x, x, x, x]"]
        for n in range(1, rng.choice((3, 9, 40))):
            lines.append(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * rng.choice((1, 2, 9)))}]")
        return "\n".join(lines)
    if what == 10:
        return f"{{<<: {rng.choice(('*a', '[*a, *a]', '1', '{a: 1}', '<<'))}, b: {rng.choice(NUMBERS)}}}"
    if what == 11:
        return "[" + ", ".join(yaml_text(rng, 4).replace("\n", " ") for _ in range(rng.randrange(4))) + "]"
    names = (
        rng.choice(_YAML_KEYS) if rng.random() < 0.9 else rng.choice(TEXTS)
        for _ in range(rng.randrange(1, 5))
    )
    inside = (f"{pad}{name}: {yaml_text(rng, depth + 1)}" for name in names)
    return "\n" + rng.choice(("\n", "\n", "\r\n", "\n\t")).join(inside)


def toml_text(rng: random.Random) -> str:
    """Something like TOML."""
    what = rng.randrange(10)
    if what == 0:
        return "a = " + deep(rng, *rng.choice((("[", "]"), ("{a=", "}"))))
    if what == 1:
        return f"[{'.'.join(['a'] * rng.choice((3, 90, 2_000)))}]\nb = 1"
    if what == 2:
        return f"{'.'.join(['a'] * rng.choice((3, 90, 2_000)))} = {rng.choice(NUMBERS)}"
    lines = []
    for _ in range(rng.randrange(1, 8)):
        key = rng.choice(_TOML_KEYS) if rng.random() < 0.9 else rng.choice(TEXTS)
        text = rng.choice(TEXTS)
        value = rng.choice((rng.choice(NUMBERS), f'"{text}"', f"'''{text}'''", *_TOML_VALUES))
        lines.append(key if key.startswith("[") else f"{key} = {value}")
    return rng.choice(("\n", "\n", "\r\n", "\r", "\n\x00")).join(lines)


UNITS = (
    "GeV", "MeV/c^2", "GeV/c²", "ps", "ps**-1", "fm", "mb", "eV", "kg m/s", "μ_N", "e cm", "hbar/s", "microseconds",
    "per second", "inverse GeV", "秒", "微秒", "Ångström", "%", "1", "", "square metres", "years", "nuclear magnetons",
    "c", "°", "J/mol/K", "electron masses", "GeV**9999999", "s^(1/0)", "m^1/0", "s^-99999999999", "/", "//", "1/",
    "per", "inverse", "square", "square square m", "k", "kk", "mega", "MeV"*30, "m"*70, "m^"+"9"*40, "GeV^(2/3)",
    "m2m2m2", "barn-1", "⁻", "⁻⁹⁹⁹", "10^3 m", "* GeV", "GeV *",
)  # fmt: skip
PHRASES = (
    "What is the mass of the {p} in {u}?", "Is the {p} heavier than {n} {u}?",
    "Which mesons have masses between {n} and {n} {u}?", "Convert {n} {u} to {u}", "{n} {u} in {u}",
    "How far does a {p} of {n} {u} fly?", "What is {n} times the mass of the {p}?",
    "branching fraction of {p} -> {p} {p}", "{p} → {p} {p} {n}", "Particles with spin {n} and charge {n}",
    "mass of the {p} plus {n} {u} minus the {p}", "the {n} heaviest {p}", "({p}) {n}% of {p}?",
    "Was ist die Masse von {p}?", "{p}的质量是多少{u}？", "What is the {t} of the {p}?", "{t} {p} {n} {u} {t}",
    "Which particle has Monte Carlo number {n}?", "/{t} {n}", "{p}?{p}?{p}?", "mass of {p}, {p}, {p} and {p} in {u}",
    "a) {n} b) {n} {u}: mass of the {p}", "Energy of the {p} from {p} -> {p} {p} at {n} {u}",
    "How many {p} decay in {n} {u}?", "The mass of the {p} is {n} ± {n} {u}.", "m({p}) = {n}({n}) {u}",
    "sqrt({n}) {u}^{n}", "{n}^{n}^{n} {u}", "√s = {n} {u}", "J^P = {n}^{t}",
)  # fmt: skip
PARTICLES = (
    "Z boson", "muon", "pi0", "K*(892)0", "B_s0", "D_s(2317)+", "proton", "Upsilon(4S)", "τ", "$\\tau^-$",
    "antiproton", "B", "X(3872)", "neutrino", "quark", "K^0_S", "\\Lambda_c^+", "e+ e-", "(K+ (K- (pi0)))",
)  # fmt: skip


def sentence(rng: random.Random) -> str:
    """A question or statement with holes filled at random."""
    text = rng.choice(PHRASES)
    fill: dict[str, tuple[str, ...]] = {"p": PARTICLES, "n": NUMBERS, "u": UNITS, "t": TEXTS}
    return "".join(
        rng.choice(fill[part[0]]) + part[2:] if part[1:2] == "}" else part for part in text.split("{")
    )


# ---- valid inputs ---------------------------------------------------------------------------------


@functools.cache
def seeds(kind: str) -> tuple[str, ...]:
    """Valid inputs of a kind."""
    from yukawa.core.yaml_files import RECIPES

    if kind == "yaml":
        found = [path.read_text("utf-8") for path in sorted(RECIPES.rglob("*.yaml"))]
        return (
            *found,
            "mine: {hep-th: 0.5, hep-ph: 0.5}\n",
            "training.batch=256",
            "data.train=[a, b]",
            "lora={}",
        )
    if kind == "toml":
        return (
            'home = "x"\n[knowledge]\nembedding = "hash"\nreviewers = ["ann"]\n[models.a]\nbackend = "openai"\nmodel = "m"\nbase_url = "http://localhost:1/v1"\n',
            '[models.b]\nbackend = "scripted"\nreplies = "r.jsonl"\nmax_tokens = 100\ntemperature = 0.5\nkinds = ["value"]\n',
        )
    if kind == "json":
        return (
            '{"id": "1", "text": "Strings vibrate.", "source": "arxiv", "categories": ["hep-th"], "date": "2001-01-01"}\n',
            '{"question": "What is m?", "answer": "91 GeV"}\n{"question": "a", "answer": "b"}\n',
            '[{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}]',
            '{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}\n',
            '{"prompt": "a", "chosen": "b", "rejected": "c"}\n',
            '{"id": "hep-th/9901001", "abstract": "We", "categories": "hep-th", "title": "t", "update_date": "1999-01-04"}\n',
            '{"goals": [{"operation": "value", "quantities": [{"subject": "Z boson", "property": "mass"}]}]}',
            _export(),
        )
    asked = []
    for path in sorted(QUESTIONS.glob("*.jsonl")):
        rows = map(json.loads, path.read_text("utf-8").splitlines()[:150])
        asked += [row["question"] for row in rows if isinstance(row.get("question"), str)]
    return tuple(asked)


@functools.cache
def _export() -> str:
    """The export of a small base."""
    from yukawa.knowledge import KnowledgeBase

    with (
        tempfile.TemporaryDirectory() as folder,
        KnowledgeBase.open(Path(folder) / "b", embedding="none") as base,
    ):
        base.teach("The mass of the Z boson is 91.19 GeV.", author="ann", source="notes")
        base.teach("Ask ann.", question="Who knows?")
        base.export(Path(folder) / "e.jsonl")
        return (Path(folder) / "e.jsonl").read_text("utf-8")


def made(kind: str, number: int, seed: int) -> str:
    """Input `number` of a kind."""
    rng = random.Random(f"{seed} {kind} {number}")
    bits = NUMBERS + TEXTS + (UNITS if kind == "units" else ())
    if kind == "units":
        text = rng.choice(UNITS)
        for _ in range(rng.randrange(4)):
            text += rng.choice(("", " ", "/", "*", "^", " per ", "·", "**")) + rng.choice(UNITS + NUMBERS)
        return mutated(rng, text, bits) if rng.random() < 0.5 else text
    if kind == "numbers":
        text = " ".join(
            rng.choice(rng.choice((NUMBERS, UNITS, PARTICLES))) for _ in range(rng.randrange(1, 7))
        )
        return mutated(rng, text, bits) if rng.random() < 0.5 else text
    if rng.random() < 0.5:
        return mutated(rng, rng.choice(seeds("questions" if kind == "taught" else kind)), bits)
    writers: dict[str, Callable[[random.Random], str]] = {
        "json": json_text,
        "yaml": yaml_text,
        "toml": toml_text,
    }
    text = writers.get(kind, sentence)(rng)
    return rng.choice(("", "", "", "\ufeff", "\x00")) + text + rng.choice(("", "", "\n", text))


# ---- readers --------------------------------------------------------------------------------------


def readers(kind: str, folder: Path) -> list[Callable[[str], object]]:
    """What reads inputs of a kind, as a user would have them read."""
    if kind in ("json", "yaml", "toml"):
        return _file_readers(kind, folder)
    from yukawa.knowledge import items, texts
    from yukawa.knowledge.documents.asking import asked
    from yukawa.knowledge.parsing import find_quantities, grammar
    from yukawa.knowledge.parsing.kinds import kind_of
    from yukawa.knowledge.parsing.units import conversion, find_unit

    def units(text: str) -> None:
        unit = find_unit(text)
        for other in ("GeV", "s", "m"):
            target = find_unit(other)
            if unit is not None and target is not None:
                conversion(unit, target, natural=True)
        find_quantities(f"5.1(2) {text} and 3e5 {text}")

    def question(text: str) -> None:
        plan = grammar.plan(text)
        kind_of(plan)
        asked(text)
        grammar.plan(text, history=[plan])

    def taught(text: str) -> None:
        texts.check_legible(text)
        for item in (
            items.new_item(text),
            items.new_item("Yes.", question=text),
            items.new_item(text, kind="document"),
        ):
            item.content()
            item.facts  # noqa: B018

    if kind == "units":
        return [units, lambda text: grammar.plan(f"Convert 3 {text} to GeV")]
    if kind == "numbers":
        return [
            find_quantities,
            lambda text: grammar.plan(f"Is the Z boson heavier than {text}?"),
            lambda text: items.new_item(f"The mass of the Z boson is {text}.", kind="statement").facts,
        ]
    return [question] if kind == "questions" else [taught]


def _file_readers(kind: str, folder: Path) -> list[Callable[[str], object]]:
    from yukawa.core.settings import load_settings
    from yukawa.core.yaml_files import change, key_value
    from yukawa.data import arxiv, conversations, mixtures, rows
    from yukawa.data.dataset import DatasetManifest, open_items
    from yukawa.evaluation.recipe import EvaluationRecipe
    from yukawa.jets.training.recipe import JetRecipe
    from yukawa.knowledge import KnowledgeBase
    from yukawa.knowledge.parsing.proposals import plan_from_json
    from yukawa.training.recipe import TextRecipe

    names = {"json": ("rows.jsonl", "manifest.json"), "yaml": ("recipe.yaml",), "toml": ("yukawa.toml",)}[
        kind
    ]

    def written(read: Callable[[Path], object]) -> Callable[[str], object]:
        def reads(text: str) -> object:
            for name in names:
                (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))
            found = read(folder / names[0])
            return list(found) if isinstance(found, Iterator) else found

        return reads

    def imported(path: Path) -> None:
        with KnowledgeBase.open(folder / "base", embedding="none") as base:
            base.import_(path)

    if kind == "toml":
        return [written(lambda path: load_settings(folder))]
    if kind == "yaml":
        return [
            written(TextRecipe.load),
            written(JetRecipe.load),
            written(EvaluationRecipe.load),
            written(mixtures.read_mixtures),
            key_value,
            lambda text: change(f"a.b={text}"),
            lambda text: TextRecipe.load("smoke", [text]),
        ]
    return [
        written(lambda path: rows.read_rows(path, rows.Document)),
        written(conversations.read_conversations),
        written(conversations.read_preferences),
        written(arxiv.read_papers),
        written(lambda path: DatasetManifest.read(folder)),
        written(open_items),
        written(imported),
        lambda text: plan_from_json("What is the mass of the Z boson?", text),
    ]


# ---- reading, and noting faults -------------------------------------------------------------------


def fault(reads: Callable[[str], object], text: str) -> str:
    """What a reader did that it may not do; '' if nothing."""
    from yukawa.core.errors import YukawaError

    def late(number: int, frame: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        reads(text)
    except YukawaError as error:
        return "more than one line" if "\n" in str(error) else ""
    except TimeoutError:
        return f"more than {SECONDS:g} s {_place()}"
    except BaseException as error:  # noqa: BLE001
        return f"{type(error).__name__}: {str(error)[:200]!a} {_place()}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return ""


def _place() -> str:
    """The last lines of the package that an exception came through."""
    frames = traceback.extract_tb(sys.exc_info()[2])
    ours = [f"{Path(one.filename).name}:{one.lineno}" for one in frames if "yukawa" in one.filename]
    return "at " + " < ".join(reversed(ours[-3:]))


def read_inputs(kind: str, numbers: range, seed: int, note: Callable[[tuple[int, str]], object]) -> None:
    """Reads some inputs, and notes each with its fault or ''."""
    if multiprocessing.parent_process() is not None and hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C is for the parent
    warnings.simplefilter("ignore")
    for name in [name for name in os.environ if name.startswith("YUKAWA_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["YUKAWA_HOME"] = folder
        found = readers(kind, Path(folder))
        for number in numbers:
            text = made(kind, number, seed)
            note((number, next(filter(None, (fault(reads, text) for reads in found)), "")))


def fuzz(kind: str, count: int, seed: int, mine: dict[str, Any], keep: Callable[[], object]) -> None:
    """Reads what is left of `count` inputs of a kind, each some hundred in a process of their own, and notes faults in `mine`."""
    context = multiprocessing.get_context("spawn")
    while mine["done"] < count:
        noted = context.Queue()
        numbers = range(mine["done"], min(count, mine["done"] + _FRESH))
        child = context.Process(target=read_inputs, args=(kind, numbers, seed, noted.put))
        child.start()
        while mine["done"] < numbers.stop:
            try:
                number, wrong = noted.get(timeout=2.0)
            except queue.Empty:
                if child.is_alive():
                    continue
                number, wrong = mine["done"], f"the process ended with {child.exitcode}"
            mine["done"] = number + 1
            if wrong:
                mine["faults"][str(number)] = wrong
                print(kind, number, wrong, file=sys.stderr)
            if wrong.startswith("the process"):
                break
        child.join()
        keep()


def main() -> None:
    """Reads all, prints faults, and keeps the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kind", nargs="*", choices=[*EACH, []], default=list(EACH))
    parser.add_argument("--each", type=float, default=1.0, help="this share of the inputs")
    parser.add_argument("--only", type=int, help="read one input of one kind and show what it is")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="kinds that are read at a time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--state", type=Path, help="file with what was read so far")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    if given.only is not None:
        print(ascii(made(given.kind[0], given.only, given.seed)[:2000]))
        read_inputs(given.kind[0], range(given.only, given.only + 1), given.seed, print)
        return
    state = json.loads(given.state.read_text("utf-8")) if given.state and given.state.exists() else {}

    lock = threading.Lock()

    def keep() -> None:
        with lock:
            if given.state:
                given.state.write_text(json.dumps(copy.deepcopy(state)), encoding="utf-8")

    for kind in given.kind:
        state.setdefault(kind, {"done": 0, "faults": {}})
    with ThreadPoolExecutor(given.processes) as pool:
        for done in [
            pool.submit(fuzz, kind, int(EACH[kind] * given.each), given.seed, state[kind], keep)
            for kind in given.kind
        ]:
            done.result()
    figures = {
        "inputs": sum(one["done"] for one in state.values()),
        "faults": sum(len(one["faults"]) for one in state.values()),
        "kinds": {kind: {"inputs": one["done"], "faults": len(one["faults"])} for kind, one in state.items()},
    }
    text = json.dumps(figures, indent=1) + "\n"
    print(text, end="") if given.json is None else given.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
