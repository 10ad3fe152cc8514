"""The page of the study on a real base: made of what is there, plain about what is not, and its verdicts follow intervals."""

from __future__ import annotations

import json

import numpy as np
import pytest

from yukawa.core.statistics import Difference


@pytest.fixture(scope="module")
def page(script):
    script("feyntune_real")
    script("training_epochs")
    return script("feyntune_real_page")


def cell(name: str, change: float, seed: int) -> dict:
    """A measured cell whose losses lie `change` nats a token above those of the base."""
    rng = np.random.default_rng(0)
    parts = {}
    for part, number in (("hep-th", 40), ("hep-ph", 8), ("gr-qc", 8), ("math", 8), ("q-bio", 8), ("cs", 8)):
        tokens = rng.integers(80, 200, number)
        losses = tokens * (rng.normal(3.5, 0.2, number) + change) + np.random.default_rng(seed).normal(
            0, 0.3, number
        )
        parts[part] = {"losses": np.round(losses, 3).tolist(), "tokens": tokens.tolist()}
    trained = {} if name == "base" else {
        "trained_parameters": 1000, "tokens": 99_000, "trained_in": {"processor": 600},
        "loss": [[step, 3.5 - 0.2 * ((step - 1) // 30)] for step in range(1, 91)], "validation_loss": [[20, 3.4], [40, 3.3]],
    }  # fmt: skip
    return {
        "cell": name, "command": "" if name == "base" else f"yukawa train {name}", "commit": "abc", "date": "2026-11-30",
        "machine": {}, "load": [1], "texts": "one", **trained, "measured_in": {"wall": 300, "processor": 200},
        "perplexity": parts, "right": {"pdg": "0110" * 16, "general": "1010" * 12},
        "completions": {
            "ended": 3, "artefacts": 1, "distinct_3": [0.9, 1.0, 0.95, 0.99, 1.0], "repeated": [0.0, 0.1, 0.05, 0.2],
            "entropy": {"written": [[3.0, 2.5], [3.1]], "truth": [[4.0, 3.5], [4.1]]},
        },
    }  # fmt: skip


TEXTS = {"s1": {"abstracts": 600, "tokens": 100_050, "archives": {"hep-th": 600}, "ids": "x"}}


def test_a_page_without_cells_says_that_nothing_is_run(page):
    text = page.render({}, {})
    assert "**Not run yet:** base, s1-qkv, s1-all" in text
    assert "dequantised from 4 bits" in text.split("\n\n")[1]
    assert "before 2025" in text.split("\n\n")[1]


def test_the_page_has_verdicts_of_what_is_there_and_names_what_is_not(page, tmp_path):
    found = {
        "base": cell("base", 0, 1), "s1-qkv": cell("s1-qkv", -0.2, 2), "s1-all": cell("s1-all", -0.4, 3),
        "s1-all-e3": cell("s1-all-e3", -0.4, 4),
    }  # fmt: skip
    text = page.render(found, TEXTS)
    rows = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if line.startswith("|")}
    assert "**holds** (7 not run yet)" in rows["every variant beats the base on hep-th"]
    assert "**more than holds**: better" in rows["`qkv` is as good as `all`"]
    assert "not run yet" in rows["other fields do no harm: s10 for s3"]
    assert "**Not run yet:** s3-qkv" in text
    change = 100 * (np.exp(-0.2) - 1)
    assert f"s1-qkv for base {change:+.0f}"[:-1] in rows["every variant beats the base on hep-th"]
    assert "| s1-all-e3 | -0.2" in text
    page.draw(found, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "matrix.png",
        "bootstrap.png",
        "validation.png",
        "entropy.png",
    }


@pytest.mark.parametrize(
    ("spans", "kind", "said"),
    [
        ([(-2, -1)], "better", "**holds**"), ([(-2, 1)], "better", "**undecided**, 0 of 1 are better"),
        ([(-2, -1), (1, 2)], "better", "**does not hold**, 1 of 2 are better"),
        ([(-2, -1), (-1, 2)], "better", "**undecided**, 1 of 2 are better"),
        ([(-2, 1)], "as good", "**not refuted**"), ([(1, 2)], "as good", "**does not hold**: worse"),
        ([(-2, -1)], "as good", "**more than holds**: better"), ([(1, 2), (-2, -1)], "as good", "**does not hold**: worse"),
    ],
)  # fmt: skip
def test_verdicts_follow_the_intervals(page, spans, kind, said):
    assert page.verdict([Difference((a + b) / 2, a, b) for a, b in spans], kind) == said


def test_cells_on_different_texts_are_not_compared(page, tmp_path):
    for name, texts in (("base", "one"), ("s1-qkv", "two")):
        (tmp_path / f"{name}.json").write_text(json.dumps(cell(name, 0, 1) | {"texts": texts}))
    with pytest.raises(SystemExit, match="different texts"):
        page.results(tmp_path)


def test_the_page_in_the_documentation_is_what_the_files_say(page):
    texts = page.RESULTS / page.TEXTS
    found = json.loads(texts.read_text()) if texts.is_file() else {}
    assert page.PAGE.read_text(encoding="utf-8") == page.render(page.results(), found)
