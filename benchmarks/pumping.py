"""Pumps every regular expression of the package with hostile text, and the readers that use them: time must grow with the length alone.

Run `python benchmarks/pumping.py --json FILE`. The patterns are found, not listed: those that importing the package compiles, and those
written in its functions. From the parsed pattern come the texts that may hurt it: what each repetition repeats, many times over, with
what must come before it and something at the end that it cannot match; what a match begins with, again and again; plain runs of
blanks, letters and digits. Of all texts, tried at 2,000 characters, those that take longest are tried at 32,000 and 64,000.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from pumping_patterns import longest, patterns
from pumping_texts import TAILS, Pattern, texts

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
_QUICK = (500, 5)


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
            tried = [one for one in tried if one[2] == TAILS[1]]
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
    from yukawa.core import files, yaml_files
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
        "YAML": lambda text: yaml_files.parse_yaml(text, "it"),
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
