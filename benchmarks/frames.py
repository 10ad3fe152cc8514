"""Puts what people say around questions, and slips of the pen, on answerable questions: how many are still read alike?

A frame of kind 'neutral' must leave a question's plan as it is; one of kind 'dangerous' must be noticed: the plan is another one
or is refused. Frames and words that fill them are in questions/frames.txt; half of them, by checksum, are held out: what is tuned
is tuned on the others. Those of questions/frames_second.txt and frames_third.txt came later and
say in their headings which lot they are of; frames_fourth.txt and later files are lots of their own, which bring their questions.
No knowledge base is needed: a plan that is alike has the same answer.
"""

import argparse
import json
import random
import re
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yukawa.core.statistics import wilson_estimate
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.plan import Plan

QUESTIONS = Path(__file__).parent / "questions"
LOTS = ("develop", "held-out")
# Later lots: the file and the beginning of the headings.
LATER = {
    f"{which} {lot}": (f"frames_{which}", heading)
    for which in ("second", "third")
    for lot, heading in (("develop", "develop: "), ("held-out", "held out: "))
}
# Lots that bring their own questions, in several languages: each a file.
OWN = ("fourth", "fifth", "sixth")
ASKED_EACH = 5  # questions for each of their frames
# What modifiers are tried on.
QUANTITIES = (
    ("mass", "muon"),
    ("lifetime", "neutron"),
    ("width", "Higgs boson"),
    ("charge", "Sigma-"),
    ("spin", "rho(770)"),
)
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Outcome:
    """One framed question: whether it was read as it should be, or what went wrong with it."""

    kind: str
    text: str
    good: bool
    complete: bool
    unread: tuple[str, ...]


def frames(lot: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The frames by kind, and the words for their slots, of one half."""
    sections = _sections("frames")
    words = {
        name.removeprefix("list "): texts[LOTS.index(lot.rpartition(" ")[2]) :: 2]
        for name, texts in sections.items()
        if name.startswith("list")
    }
    if lot in LATER:
        name, heading = LATER[lot]
        later = _sections(name).items()
        return {n.removeprefix(heading): texts for n, texts in later if n.startswith(heading)}, words
    kinds = {name: texts for name, texts in sections.items() if not name.startswith("list")}
    return {name: [t for t in texts if _lot(t) == lot] for name, texts in kinds.items()}, words


def _sections(name: str) -> dict[str, list[str]]:
    """The lines of a file by heading; those of a list hold several words each."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in (QUESTIONS / f"{name}.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            lines = sections.setdefault(line[1:-1], [])
        elif line and not line.startswith("#"):
            lines += line.split("; ") if next(reversed(sections)).startswith("list") else [line]
    return sections


def _lot(text: str) -> str:
    return LOTS[zlib.crc32(text.encode()) % 2]


def questions() -> Iterator[str]:
    """English questions that are answered: of the public set and of the older development set."""
    for name in ("public", "dev_answerable"):
        for line in (QUESTIONS / f"{name}.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            if (
                row.get("answerable", True)
                and row.get("language", "en") == "en"
                and plan(row["question"]).complete
            ):
                yield row["question"].strip().rstrip("?.! ")


def filled(frame: str, question: str, words: dict[str, list[str]], chance: random.Random) -> str:
    """The frame with the question and words in its slots."""
    sentence = question.split(" ")[0].lower() in _OPENING  # else it begins with a name
    own = {
        "q": question[:1].lower() + question[1:] if sentence else question,
        "Q": question[:1].upper() + question[1:] if sentence else question,
    }
    return _SLOT.sub(lambda m: own.get(m[1]) or chance.choice(words[m[1]]), frame)


def fits(frame: str, question: str) -> bool:
    """Whether the question fits the frame: only a question word continues 'I wonder …'."""
    embedded = re.search(r"[a-z] \{q\}", frame) is not None
    return not embedded or question.split(" ")[0].lower() in _ASKING


_ASKING = frozenset("what what's whats which how who whose".split())
_OPENING = _ASKING | frozenset(
    "is are does do did can could give list tell please compare name has find use if the mass".split()
)


# ---- slips of the pen ----------------------------------------------------------------------------


_PLAIN_WORD = re.compile(r"(?<![\w(^*'+/\\{-])[a-z]{5,}(?![\w)(^*'+/}-])")


def _slip(change: Callable[[str, int], str]) -> Callable[[str, random.Random], str]:
    def slipped(question: str, chance: random.Random) -> str:
        words = list(_PLAIN_WORD.finditer(question))
        if not words:
            return question
        word = chance.choice(words)
        place = chance.randrange(1, len(word[0]) - 1)
        return question[: word.start()] + change(word[0], place) + question[word.end() :]

    return slipped


_KEYS = "qwertzuiopasdfghjklyxcvbnmq"  # of a keyboard, each beside the next
SLIPS: dict[str, Callable[[str, random.Random], str]] = {
    "doubled": _slip(lambda word, i: word[: i + 1] + word[i:]),
    "dropped": _slip(lambda word, i: word[:i] + word[i + 1 :]),
    "swapped": _slip(lambda word, i: word[:i] + word[i + 1] + word[i] + word[i + 2 :]),
    "replaced": _slip(lambda word, i: word[:i] + _KEYS[_KEYS.index(word[i]) + 1] + word[i + 1 :]),
    "without apostrophes": lambda question, _: question.replace("'s ", "s ").replace("n't", "nt"),
    "without question mark": lambda question, _: question,
    "small first letter": lambda question, _: question[:1].lower() + question[1:] if question[1:2].islower() else question,
    "in capitals": lambda question, _: re.sub(r"(?<![\w(^*'+/\\{-])[a-z]{2,}(?![\w)(^*'+/}-])", lambda m: m[0].upper(), question),
}  # fmt: skip


# ---- measuring -----------------------------------------------------------------------------------


def _essence(found: Plan) -> list[Any]:
    """What is wanted, whatever words say so."""
    return [
        (
            goal.operation, goal.order, goal.most, goal.unit, goal.power, goal.relation,
            str(getattr(goal.asserted, "value", goal.asserted)),
            [(f.property, f.relation, getattr(f.amount, "value", None)) for f in goal.filters],
            [
                (w.thing.names, w.property, w.channel and (w.channel.products, w.channel.conditions), w.other and w.other.names,
                 dict(w.qualifiers), w.factor)
                for w in goal.operands
            ],
        )
        for goal in found.goals
    ]  # fmt: skip


def in_own_questions(lot: str, wanted: str) -> Iterator[Outcome]:
    """The frames of one kind of a lot that brings its questions, each around some of them."""
    sections = _sections(f"frames_{lot}")
    for kind, texts in sections.items():
        of, _, language = kind.partition(" ")
        if of != wanted:
            continue
        asked: dict[str, list[str]] = {}
        for heading, lines in sections.items():
            name, _, spoken = heading.removeprefix("questions ").partition(" ")
            if heading.startswith("questions") and spoken == (language if language in _LANGUAGES else ""):
                asked[name] = [question for line in lines for question in line.split("; ")]
        asked["Q"] = [question for some in asked.values() for question in some]
        for frame in texts:
            drawn = asked[_SLOT.findall(frame)[0].upper()]
            for question in random.Random(frame).sample(drawn, min(ASKED_EACH, len(drawn))):
                capital = question[:1].upper() + question[1:] if question[:1].isascii() else question
                text = frame
                for slot in _SLOT.findall(frame):
                    text = text.replace(f"{{{slot}}}", question if slot.islower() else capital)
                yield _outcome(kind, text, plan(question), same=wanted == "neutral")


_LANGUAGES = ("de", "fr", "zh")


def neutral(lot: str, each: int) -> Iterator[Outcome]:
    """Every question in `each` frames and, in the first lots, with every slip."""
    if lot in OWN:
        yield from in_own_questions(lot, "neutral")
        return
    kinds, words = frames(lot)
    drawn = [(kind, text) for kind, texts in kinds.items() if kind.startswith("neutral") for text in texts]
    for question in questions():
        bare = plan(question)
        chance = random.Random(f"{lot} {question}")
        fitting = [(kind, frame) for kind, frame in drawn if fits(frame, question)]
        for kind, frame in chance.sample(fitting, min(each, len(fitting))):
            yield _outcome(kind, filled(frame, question, words, chance), bare, same=True)
        for name, slip in SLIPS.items() if lot in LOTS else ():
            yield _outcome(f"slip {name}", slip(question, chance), bare, same=True)


def dangerous(lot: str) -> Iterator[Outcome]:
    """Modifiers on some quantities, and what changes a whole question on questions for values."""
    if lot in OWN:
        yield from in_own_questions(lot, "dangerous")
        return
    kinds, words = frames(lot)
    chance = random.Random(lot)
    for frame in kinds.get("dangerous modifier", ()):
        for name, thing in QUANTITIES:
            text = filled(frame.replace("{p}", name).replace("{t}", thing), "", words, chance)
            yield _outcome("dangerous modifier", text, plan(f"{name} of the {thing}"), same=False)
    asked = [q for q in questions() if all(goal.operation == "value" for goal in plan(q).goals)]
    whole = [kind for kind in kinds if kind.startswith("dangerous") and kind != "dangerous modifier"]
    for name, frame in [(kind, frame) for kind in whole for frame in kinds[kind]]:
        for question in chance.sample([q for q in asked if fits(frame, q)], 20):
            yield _outcome(name, filled(frame, question, words, chance), plan(question), same=False)


def _outcome(kind: str, text: str, bare: Plan, *, same: bool) -> Outcome:
    found = plan(text)
    alike = found.complete and not found.unanswered and _essence(found) == _essence(bare)
    return Outcome(kind, text, alike == same, found.complete, tuple(words for words, _ in found.unread))


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The share that was read as it should be, the wrong readings, and both by kind."""
    kinds: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        kinds[outcome.kind].append(outcome)
    found = wilson_estimate(sum(o.good for o in outcomes), len(outcomes))
    return {
        "asked": len(outcomes),
        "good": sum(o.good for o in outcomes),
        "fraction": found.value,
        "interval_95": [found.low, found.high],
        "read otherwise": sum(o.complete and not o.good for o in outcomes),
        "kinds": {kind: [sum(o.good for o in some), len(some)] for kind, some in sorted(kinds.items())},
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=(*LOTS, *LATER, *OWN, "all"), default="develop", dest="lot")
    parser.add_argument("--each", type=int, default=20, help="frames for each question")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    options = parser.parse_args(arguments)
    results = {}
    for lot in (*LOTS, *LATER, *OWN) if options.lot == "all" else (options.lot,):
        for name, outcomes in (("neutral", neutral(lot, options.each)), ("dangerous", dangerous(lot))):
            began = time.perf_counter()
            found = list(outcomes)
            results[f"{lot} {name}"] = summary(found) | {
                "ms_each": 1e3 * (time.perf_counter() - began) / len(found)
            }
            if not options.json:
                print(report(f"{lot}, {name}", results[f"{lot} {name}"], found))
    if options.json:
        print(json.dumps(results))


def report(title: str, facts: dict[str, Any], outcomes: Sequence[Outcome]) -> str:
    """The summary as text, with every failure."""
    low, high = facts["interval_95"]
    lines = [
        f"{title}: {facts['good']}/{facts['asked']} = {facts['fraction']:.1%} (95 %: {low:.1%} to {high:.1%}), "
        f"read otherwise {facts['read otherwise']}, {facts['ms_each']:.0f} ms each"
    ]
    lines += [f"  {kind}: {good}/{asked}" for kind, (good, asked) in facts["kinds"].items()]
    for outcome in outcomes:
        if not outcome.good:
            why = (
                f"cannot use {', '.join(outcome.unread)}"
                if outcome.unread
                else "read otherwise"
                if outcome.complete
                else "nothing read"
            )
            lines.append(f"  - {outcome.kind}: {outcome.text} | {why}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
