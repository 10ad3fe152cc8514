"""Makes the answerable question sets from the PDG's own database and checks the unanswerable ones against it.

Run `python benchmarks/questions/make_questions.py` in an environment with the `pdg` package; the seeds are
fixed, so the same PDG edition gives the same files.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from names import STYLES, Subject, write_product
from pairs import Accept, Pair, all_pairs, connect
from tables import ENGLISH_FINAL
from templates import DEV, TEST
from unanswerable import unanswerable_rows

FOLDER = Path(__file__).parent
SEEDS = {"pairs": 20260, "dev": 31, "test": 47}
# (test, dev) rows per property; lifetimes and magnetic moments are few, so each pair is asked twice.
SIZES = {
    "mass": (76, 54), "width": (46, 36), "lifetime": (32, 26), "branching": (128, 94), "limit": (30, 22),
    "quantum": (56, 42), "difference": (22, 16), "moment": (8, 8), "anomaly": (2, 2),
}  # fmt: skip
TWICE = {"lifetime", "moment", "anomaly"}


def split(
    pairs: list[Pair], sizes: tuple[int, int], rng: random.Random, twice: bool
) -> tuple[list[Pair], list[Pair]]:
    """Draws pairs by weight without replacement and deals them to (test, dev)."""
    wanted = [math.ceil(size / 2) if twice else size for size in sizes]
    ranked = sorted(pairs, key=lambda pair: -math.log(rng.random()) / pair.weight)
    # Two pairs of one PDG identifier (rho(770) and rho(770)0) must not end up on both sides.
    chosen: list[Pair] = []
    seen: set[str] = set()
    for pair in ranked:
        ids = {accept["pdgid"] for accept in pair.accept}
        if not ids & seen and len(chosen) < sum(wanted):
            chosen.append(pair)
            seen |= ids
    if len(chosen) < sum(wanted):
        raise ValueError(f"{len(chosen)} {pairs[0].property} pairs are too few for {wanted}")
    rng.shuffle(chosen)
    test, dev = chosen[: wanted[0]], chosen[wanted[0] :]
    return (test * 2)[: sizes[0]] if twice else test, (dev * 2)[: sizes[1]] if twice else dev


class Writer:
    """Turns pairs into questions with one set's phrasings, each phrasing used about equally often."""

    def __init__(self, name: str, phrasings: dict[str, list[tuple[str, str]]]) -> None:
        self.name = name
        self.phrasings = phrasings
        self.rng = random.Random(SEEDS[name])
        self.used: Counter[str] = Counter()
        self.asked: set[str] = set()

    def row(self, number: int, pair: Pair) -> dict[str, Any]:
        """One row; tries again where the wording came up before."""
        for _ in range(200):
            question, style, template, accept = self._try(pair)
            if question not in self.asked:
                self.asked.add(question)
                self.used[template] += 1
                what = {
                    "quantum": "quantum numbers",
                    "limit": "branching limit",
                    "branching": "branching fraction",
                }
                what |= {
                    "difference": "mass difference",
                    "moment": "magnetic moment",
                    "anomaly": "magnetic moment",
                }
                return {
                    "id": f"{self.name}-a{number:03d}", "question": question, "accept": accept,
                    "particle": pair.subject.name, "property": what.get(pair.property, pair.property),
                    "style": style, "template": template,
                }  # fmt: skip
        raise ValueError(f"no new wording for {pair}")

    def _try(self, pair: Pair) -> tuple[str, str, str, list[Accept]]:
        kind, accept = pair.property, pair.accept
        if kind == "quantum":
            kind, wanted = self._quantum_kind(pair.quantum)
            accept = [pair.accept[0] | {"quantum": wanted}]
        options = []
        for index, (styles, text) in enumerate(self.phrasings[kind]):
            if not pair.rises and re.search("heavier|exceed", text):
                continue
            if accept[0].get("unit") not in ("MeV", "GeV", "keV", "s") and "{u}" in text:
                continue
            template = f"{self.name}-{kind.replace(':', '-')}-{index:02d}"
            options += [
                (self.used[template] + self.rng.random(), template, style, text) for style in styles.split()
            ]
        allowed = _styles(pair, kind)
        if "charge" in kind and pair.subject.name.endswith("+"):
            allowed.discard("english")  # "the charge of the charged kaon" has two answers
        options = [option for option in options if option[2] in allowed]
        best = min(option[0] for option in options)
        _, template, style, text = self.rng.choice([option for option in options if option[0] < best + 1.5])
        return self._fill(text, pair, style, accept), style, template, accept

    def _quantum_kind(self, numbers: dict[str, str]) -> tuple[str, dict[str, str]]:
        kinds = {"JPC": "JPC", "JP": "JP", "J": "J", "P": "P", "I": "I", "C": "C", "all": "IGJPC"}
        choice = [k for k, keys in kinds.items() if k == "all" or all(key in numbers for key in keys)]
        choice = [k for k in choice if k != "all" or {"J", "P", "I"} <= numbers.keys()]
        # Nobody asks for the charge of a state that is neutral by its name.
        if numbers.get("charge", "0") != "0" and self.rng.random() < 0.3:
            return "quantum:charge", {"charge": numbers["charge"]}
        weights = [{"JPC": 4, "JP": 3, "J": 2, "all": 3}.get(k, 1) for k in choice]
        kind = self.rng.choices(choice, weights)[0]
        return f"quantum:{kind}", {key: numbers[key] for key in kinds[kind] if key in numbers}

    def _fill(self, text: str, pair: Pair, style: str, accept: list[Accept]) -> str:
        """The phrasing with names in one spelling."""
        rng = self.rng
        if style == "ascii":
            text = text.replace("Γ", "Gamma").replace("Δm", "Delta m").replace("−", "-").replace("–", "-")
        decay = pair.decay
        parent = pair.subject
        if decay and pair.conjugate and style != "english" and rng.random() < 0.1:
            decay = pair.conjugate
            parent = Subject(decay[0], pair.subject.noun)
        bare = parent.write(style, rng)
        math_of: Callable[[str], str] = (lambda s: f"${s}$") if style == "latex" else (lambda s: s)
        fills = {"p": math_of(bare), "the": self._the(math_of(bare), style), "u": accept[0].get("unit", "")}
        if pair.other:
            second = pair.other.write(style, rng)
            fills |= {"sa": bare, "sb": second}
            fills |= {"na": math_of(bare), "nb": math_of(second)}
            article = "the " if style == "english" else ""
            fills |= {"a": article + math_of(bare), "b": article + math_of(second)}
        fills["sym"] = bare
        if decay:
            final = self._final(decay[1], style)
            fills["F"] = math_of(final)
            fills["D"] = self._decay(bare, final, text, style)
        if style == "latex":
            text = re.sub(
                r"(Gamma|Γ|tau|[mMB])(\(\{s(?:ym|a|b)\}\))",
                lambda m: "$" + _TEX.get(m[1], m[1]) + m[2] + "$",
                text,
            )
            text = text.replace("Δm", r"$\Delta m$").replace("−", "$-$")
            text = text.replace("Γ({D})/Γ_total", r"$\Gamma({D})/\Gamma_{\mathrm{total}}$")
            fills["D"] = fills.get("D", "") if "{D})/" not in text else fills["D"].strip("$")
        if style == "english":
            text = re.sub(r"\ba \{p\}", "an {p}" if bare[0] in "aeioAEIO" else "a {p}", text)
        filled = re.sub(r"\{(p|the|u|sym|sa|sb|na|nb|a|b|F|D)\}", lambda m: fills[m[1]], text)
        return (
            filled[0].upper() + filled[1:]
            if style == "english" and text[0] == "{" and text[-1] == "?"
            else filled
        )

    def _the(self, name: str, style: str) -> str:
        return f"the {name}" if style == "english" or self.rng.random() < 0.5 else name

    def _final(self, final: list[tuple[str, int]], style: str) -> str:
        if style == "english":
            return ENGLISH_FINAL[_words(final)]
        final = list(final)
        if self.rng.random() < 0.12:
            self.rng.shuffle(final)
        kaon = self.rng.randrange(2)
        return " ".join(write_product(name, count, style, self.rng, kaon) for name, count in final)

    def _decay(self, parent: str, final: str, text: str, style: str) -> str:
        if style == "english":
            return (
                f"{parent} to {final}"
                if re.search(r"(decay|ratio) \{D\}", text)
                else f"the {parent} to {final}"
            )
        arrow = {"latex": [r"\to", r"\rightarrow", r"\to"], "unicode": ["→"], "pdg": ["-->"]}.get(
            style, ["->", "->", "->", "-->", "to"]
        )
        whole = f"{parent} {self.rng.choice(arrow)} {final}"
        return f"${whole}$" if style == "latex" else whole


_TEX = {"Gamma": r"\Gamma", "Γ": r"\Gamma", "tau": r"\tau"}


def _words(final: list[tuple[str, int]]) -> str:
    """A final state as the key of ENGLISH_FINAL."""
    return " ".join(name for name, count in final for _ in range(count))


def _styles(pair: Pair, kind: str) -> set[str]:
    """The spellings in which the pair reads well: nobody writes 'mass of n'."""
    names = {pair.subject.name} | ({pair.other.name} if pair.other else set())
    if names & {"gamma", "graviton"} or kind == "anomaly":
        return {"english"}
    allowed = set(STYLES)
    if pair.decay is None and names & set("udscbt"):
        allowed = {"english", "ascii"}
    elif pair.decay is None and names & {"p", "n", "e-"}:
        allowed = {"english", "latex"}
    if pair.decay and (_words(pair.decay[1]) not in ENGLISH_FINAL):
        allowed.discard("english")
    return allowed


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """Writes rows as JSON Lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def main() -> None:
    """Writes the four files next to this one."""
    db = connect()
    pairs = all_pairs(db)
    rng = random.Random(SEEDS["pairs"])
    dealt: dict[str, list[Pair]] = {"dev": [], "test": []}
    for what, sizes in SIZES.items():
        test, dev = split([pair for pair in pairs if pair.property == what], sizes, rng, what in TWICE)
        dealt["test"] += test
        dealt["dev"] += dev
    for name, phrasings in (("dev", DEV), ("test", TEST)):
        writer = Writer(name, phrasings)
        random.Random(SEEDS[name]).shuffle(dealt[name])
        rows = [writer.row(number, pair) for number, pair in enumerate(dealt[name], 1)]
        write_lines(FOLDER / f"{name}_answerable.jsonl", rows)
        write_lines(FOLDER / f"{name}_unanswerable.jsonl", unanswerable_rows(db, name))
        print(
            name, len(rows), Counter(row["property"] for row in rows), Counter(row["style"] for row in rows)
        )


if __name__ == "__main__":
    main()
