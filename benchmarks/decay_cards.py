"""Checks real decay cards and cards with planted mistakes, and compares reading and speed with decaylanguage.

Run `python benchmarks/decay_cards.py --json FILE`. Real cards are those of YUKAWA_TEST_DATA/decay/cards and the tables in the
wheel of decaylanguage; clean ones are the cards of FCC, those of tests/generators/cards, those written from sentences, and the
blocks of the tables without an error. Planted are 20 kinds of mistakes, each in `--number` places: found is a mistake that a
finding of a fitting code reports, at the right line if it differs by one at most; a mend that is offered is right if the
mended card has the statements of the clean one, daughters and statements in any order.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib.util
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from decay_mistakes import KINDS, Planted, Planter

from yukawa.core.errors import YukawaError
from yukawa.generators.cards import Command, DecayCard, card_text
from yukawa.generators.checking import check
from yukawa.generators.diagnostics import Diagnostic
from yukawa.generators.evaluating import code_tasks, grammar
from yukawa.generators.mending import mended_fully
from yukawa.generators.reading import decoded, read_card
from yukawa.generators.species import SpeciesNames

DATA = Path(os.environ.get("YUKAWA_TEST_DATA", "../shared/data")) / "decay"
OWN = Path(__file__).parents[1] / "tests" / "generators" / "cards"
NAMES = SpeciesNames()


# ---- cards ---------------------------------------------------------------------------------------


def own_cards() -> dict[str, str]:
    """The cards of tests/generators/cards by dialect and name."""
    found: dict[str, str] = {}
    for file in sorted(OWN.glob("*.txt")):
        parts = re.split(r"^#### (.*)\n", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
        found |= {f"{file.stem}: {name}": text for name, text in zip(parts[::2], parts[1::2], strict=True)}
    return found


def real_cards() -> dict[str, str]:
    """The public cards of the test data by file name; none where the data are absent."""
    return {
        path.name: decoded(path.read_bytes(), path.name) for path in sorted((DATA / "cards").glob("*.dec"))
    }


def tables() -> dict[str, str]:
    """The tables in the wheel of decaylanguage; none where it is not installed."""
    spec = importlib.util.find_spec("decaylanguage")
    if spec is None or spec.origin is None:
        return {}
    folder = Path(spec.origin).parent / "data"
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.DEC"))}


def errors(text: str) -> list[Diagnostic]:
    """The findings that stop a generator or make it produce nonsense."""
    return [each for each in check(text, name="card.dec") if each.level == "error"]


def blocks_of(text: str) -> Iterator[str]:
    """The blocks of a table as cards of their own, with the values and model aliases that it defines."""
    card = read_card(text)
    head = "".join(
        f"{each.name} {' '.join(each.words)}{' ;' if each.name == 'ModelAlias' else ''}\n"
        for each in card.statements if isinstance(each, Command) and each.name in ("Define", "ModelAlias", "Alias")
    )  # fmt: skip
    lines = text.split("\n")
    for block in card.blocks():
        first, last = card.line(block.start), card.line(block.end)
        used = {
            name
            for mode in block.modes
            for name in (mode.parent, mode.model, *mode.daughters, *mode.arguments)
        }
        own = [line for line in head.splitlines() if line.split()[1] in used]
        yield "\n".join((*own, *lines[first - 1 : last], "End", ""))


def written_cards() -> list[str]:
    """The cards that the grammar writes from the sentences of the package."""
    found = []
    for task in code_tasks():
        with contextlib.suppress(YukawaError):
            found.append(grammar(task.sentence))
    return found


def clean_cards() -> list[str]:
    """Cards without an error: FCC's, our own, those written from sentences, and the blocks of the tables."""
    cards = [
        *own_cards().values(),
        *(text for name, text in real_cards().items() if name.startswith("HEP-FCC")),
    ]
    cards += written_cards()
    cards += [block for text in tables().values() for block in blocks_of(text)]
    return [text for text in cards if not errors(text)]


# ---- planting ------------------------------------------------------------------------------------


def plant(
    number: int, seed: int = 20, kinds: tuple[str, ...] = tuple(KINDS)
) -> Iterator[tuple[str, str, Planted]]:
    """Kind, clean card and planted card, `number` of each kind from different places."""
    cards = clean_cards()
    for kind in kinds:
        numbers = random.Random(f"{seed} {kind}")
        seen: set[str] = set()
        for _ in range(number * 200):
            if len(seen) == number:
                break
            text = numbers.choice(cards)
            planted = KINDS[kind](Planter(text, numbers))
            if planted is None or planted.text == text or planted.text in seen:
                continue
            seen.add(planted.text)
            yield kind, text, planted


def same_statements(one: str, other: str) -> bool:
    """Whether two cards have the same statements, daughters and statements in any order."""
    return _canonical(read_card(one)) == _canonical(read_card(other))


def _canonical(card: DecayCard) -> str:
    for block in card.blocks():
        for mode in block.modes:
            mode.daughters.sort()
    return "\n".join(sorted(card_text(card).split("\n")))


def score(number: int) -> dict[str, Any]:
    """Recall, right lines and right mends of every kind."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    missed = []
    for kind, clean, planted in plant(number):
        count = counts[kind]
        count["planted"] += 1
        found = [each for each in check(planted.text, name="card.dec") if each.code in planted.codes]
        count["found"] += bool(found)
        close = [each for each in found if abs(each.line - planted.line) <= 1]
        count["line"] += bool(close)
        if close and close[0].edits:
            count["mends"] += 1
            better, _ = mended_fully(planted.text, lambda text: check(text, name="card.dec"), physics=True)
            right = same_statements(better, clean)
            count["right mends"] += right
            if not right:
                missed.append({"kind": kind, "line": planted.line, "mended": close[0].message})
        if not close:
            text = planted.text.split("\n")[planted.line - 1][:120]
            said = [f"{each.line} {each.code}" for each in check(planted.text, name="card.dec")][:4]
            missed.append({"kind": kind, "line": planted.line, "text": text, "found": said})
    total = sum(counts.values(), Counter())
    return {
        "kinds": {kind: dict(count) for kind, count in counts.items()},
        "all": dict(total),
        "missed": missed,
    }


# ---- comparison with decaylanguage ---------------------------------------------------------------


def compared() -> dict[str, Any]:
    """Modes, fractions and models of all cards as decaylanguage reads them, and the processor time of both, in turn."""
    equal = differ = refused = 0
    ratios: dict[str, list[float]] = {"cards": [], "tables": []}
    seconds: dict[str, float] = {}
    different = []
    for name, text in (real_cards() | own_cards() | tables()).items():
        found = _checked(text)
        ours = _seconds(_checked, text)
        try:
            parser = _parsed(text)
        except Exception:  # noqa: BLE001 - the grammar of the peer raises several kinds
            refused += 1
            continue
        theirs = _seconds(_parsed, text)
        ratios["tables" if name.endswith(".DEC") else "cards"].append(theirs / ours)
        if name.endswith(".DEC"):
            seconds |= {name: round(ours, 3), f"{name}, decaylanguage": round(theirs, 3)}
        if [each for each in found if each.code in ("E-NOMODEL", "E-FRAC", "E-NOSEMI")]:
            continue
        same = _same_modes(text, parser)
        equal, differ = equal + same, differ + (not same)
        if not same:
            different.append(name)
    return {
        "equal": equal, "different": different, "read by us alone": refused,
        "times faster on cards": round(statistics.median(ratios["cards"]), 1),
        "times faster on tables": round(statistics.median(ratios["tables"]), 1) if ratios["tables"] else None,
        "seconds": seconds,
    }  # fmt: skip


def _parsed(text: str) -> Any:
    from decaylanguage import DecFileParser

    parser = DecFileParser.from_string(text)
    parser.parse(include_ccdecays=False)
    return parser


def _checked(text: str) -> list[Diagnostic]:
    return check(text, name="card.dec")


def _seconds(work: Callable[[str], object], text: str) -> float:
    """Processor time of a call: the mean of as many as fill 10 ms, after one that warms up both alike."""
    gc.collect()  # what the peer left to be collected is not ours to pay for
    work(text)
    began, calls = time.process_time(), 0
    while (spent := time.process_time() - began) < 0.01:
        work(text)
        calls += 1
    return spent / calls


def _same_modes(text: str, parser: Any) -> bool:
    aliases = {each.words[0]: each.words[1:] for each in read_card(text).commands("ModelAlias")}
    for parent, modes in read_card(text).decays().items():
        theirs = [
            parser._decay_mode_details(mode, display_photos_keyword=False)
            for mode in parser._find_decay_modes(parent)
        ]
        own = [
            (mode.fraction, sorted(mode.daughters), aliases.get(mode.model, [mode.model])[0])
            for mode in modes
        ]
        if sorted(own) != sorted((each["bf"], sorted(each["fs"]), each["model"]) for each in theirs):
            return False
    return True


def false_alarms() -> dict[str, Any]:
    """Blocks of the tables and cards in use with an error."""
    shown = {}
    blocks = wrong = 0
    for name, text in tables().items():
        card = read_card(text)
        blocks += len(list(card.blocks()))
        found = errors(text)
        shown[name] = [f"{each.line}: {each.code}: {each.message}" for each in found]
        wrong += sum(
            any(card.line(block.start) <= each.line <= card.line(block.end) for each in found)
            for block in card.blocks()
        )
    cards = {
        name: [f"{e.line}: {e.code}: {e.message}" for e in errors(text)]
        for name, text in real_cards().items()
    }
    own = {
        name: [f"{e.line}: {e.code}: {e.message}" for e in errors(text)] for name, text in own_cards().items()
    }
    return {
        "blocks": blocks, "blocks with an error": wrong, "tables": shown, "cards": len(cards),
        "findings": {name: each for name, each in cards.items() if each},
        "own cards": len(own), "own findings": {name: each for name, each in own.items() if each},
    }  # fmt: skip


def timing() -> dict[str, float]:
    """Milliseconds of the processor a card and of the import of the checker, the medians of seven."""
    cards = list(real_cards().values()) or list(own_cards().values())
    times = []
    for _ in range(7):
        began = time.process_time()
        for text in cards:
            check(text, name="card.dec")
        times.append((time.process_time() - began) / len(cards))
    imports = []
    with tempfile.TemporaryDirectory() as kept:
        # As installed: compiled once. Where Python may not keep what it compiles, each import would compile again.
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = kept
        code = "from yukawa.generators.checking import check; check('End')"
        for each in (code, *("pass", code) * 7):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", each], check=True, env=environment)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            imports.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    imports = imports[1:]
    difference = statistics.median(imports[1::2]) - statistics.median(imports[::2])
    return {
        "ms a card": round(1000 * statistics.median(times), 3),
        "ms of import": round(1000 * difference, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--number", type=int, default=60, help="planted mistakes of a kind")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    figures: dict[str, Any] = {
        "false alarms": false_alarms(),
        "planted": score(options.number),
        "timing": timing(),
    }
    if importlib.util.find_spec("decaylanguage"):
        figures["decaylanguage"] = compared()
    give(figures, options.json)


def give(figures: dict[str, Any], file: Path | None) -> None:
    """Write the figures to a file, or print them."""
    text = json.dumps(figures, ensure_ascii=False, indent=1)
    if file:
        file.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
