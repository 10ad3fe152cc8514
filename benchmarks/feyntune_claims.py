"""Do FeynTune's claims hold for your own variants? Its comparisons, pair by pair, out of `yukawa evaluate report`.

Type `python benchmarks/feyntune_claims.py REPORT [--test hep-th]`. The first model of the report is the base; the others
are called MIXTURE-KIND, such as s1-qkv, s3-all or s10-full, and MIXTURE-KIND-HOW where one was trained otherwise, with another
seed or for more epochs, such as s1-all-2: these are compared among each other too. The kinds qkv29 and qkv30 are qkv at
these ranks.
A change is the difference of two perplexities, paired by document, in percent of the first, which is taken as exact.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

KINDS = ("qkv", "qkv29", "qkv30", "all", "full")
SIZES = (
    ("larger, and other archives of the field: s3 for s1", "s1", "s3"),
    ("more diverse at the same size: s4 for s1", "s1", "s4"),
    ("other fields for the neighbours, at the same size: s10 for s3", "s3", "s10"),
    ("the neighbours alone: s2 for s1", "s1", "s2"),
    ("the neighbours alone, at the same size: s9 for s1", "s1", "s9"),
)
PLACES = (
    ("all for qkv", "qkv", "all"),
    ("all for qkv with as many parameters", "qkv29", "all"),
    ("all for qkv with as many parameters", "qkv30", "all"),
    ("full for all", "all", "full"),
)


@dataclass(frozen=True)
class Change:
    """One comparison: the change of perplexity in percent, its interval, and p after Holm's correction for all pairs."""

    claim: str
    first: str
    second: str
    percent: float
    low: float
    high: float
    p: float


def pairs(names: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Each claim with the two models of each of its comparisons, of those that are there."""
    base, variants = names[0], names[1:]
    for name in variants:
        yield "every variant beats the base", base, name
    parts = [(*name.split("-"), "")[:3] for name in variants]
    ways = [f"-{way}" if way else "" for way in dict.fromkeys(way for _, _, way in parts)]
    mixtures = dict.fromkeys(mixture for mixture, _, _ in parts)
    wanted = [
        *((claim, f"{one}-{kind}{way}", f"{other}-{kind}{way}") for claim, one, other in SIZES for kind in KINDS for way in ways),
        *((claim, f"{mix}-{one}{way}", f"{mix}-{other}{way}") for claim, one, other in PLACES for mix in mixtures for way in ways),
        *(("the same, trained otherwise", f"{mix}-{kind}", f"{mix}-{kind}-{way}") for mix, kind, way in parts if way),
    ]  # fmt: skip
    yield from (pair for pair in wanted if {pair[1], pair[2]} <= set(variants))


def changes(report: Mapping[str, Any], test: str, form: str) -> list[Change]:
    """The comparisons of all claims on one test set."""
    found = report["tests"][test]["forms"][form]
    values = {name: estimate["value"] for name, estimate in found["estimates"].items()}
    known = {frozenset((one["first"], one["second"])): one for one in found["differences"]}
    made = []
    for claim, first, second in pairs(list(report["models"])):
        difference = known[frozenset((first, second))]
        ends = [difference[name] for name in ("value", "low", "high")]
        if difference["first"] != first:
            ends = [-ends[0], -ends[2], -ends[1]]
        percent, low, high = (100 * end / values[first] for end in ends)
        made.append(Change(claim, first, second, percent, low, high, difference["p_holm"]))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("report", type=Path, metavar="REPORT")
    parser.add_argument("--test", default="hep-th", help="the test set (default: hep-th)")
    parser.add_argument("--form", default="document_perplexity", help="or corpus_perplexity, bits_per_byte")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    report = json.loads((options.report / "report.json").read_text(encoding="utf-8"))
    found = changes(report, options.test, options.form)
    show(found)
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in found], indent=2) + "\n", encoding="utf-8")


def show(found: Sequence[Change]) -> None:
    """Print a table."""
    print("| claim | compared | change of perplexity, % | p (Holm) |\n| --- | --- | --- | --- |")
    for one in found:
        p = "< 0.001" if one.p < 0.001 else f"{one.p:.2g}"
        span = f"{one.percent:+.1f} [{one.low:+.1f}, {one.high:+.1f}]"
        print(f"| {one.claim} | {one.first} → {one.second} | {span} | {p} |")


if __name__ == "__main__":
    main()
