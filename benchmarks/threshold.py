"""Measures from which support on an answer should be given: right answers and refusals against the threshold.

Run `python benchmarks/threshold.py`: it asks the development questions once with no threshold and then counts, for
each threshold, what would have been answered right, wrong and not at all. The value in
`yukawa.assistant.support.THRESHOLD` is the middle of the range in which both development figures are best.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from answers import load_score, read_rows


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default="dev,train", help="question sets, not the one held apart")
    parser.add_argument("--out", type=Path, help="write the rows as JSON here")
    options = parser.parse_args()

    from yukawa.assistant import Assistant
    from yukawa.core.settings import load_settings
    from yukawa.knowledge import open_base

    settings = load_settings()
    assistant = Assistant(open_base(settings), settings, threshold=0.0)
    right = load_score().right
    good: list[tuple[float, bool]] = []
    bad: list[float] = []
    for name in options.sets.split(","):
        for row in read_rows(name, "answerable"):
            answer = assistant.ask(row["question"], model="quote", keep=False)
            good.append((answer.support, right(row, answer.text, [s.id for s in answer.sources])))
        for row in read_rows(name, "unanswerable"):
            bad.append(assistant.ask(row["question"], model="quote", keep=False).support)
    rows = []
    for step in range(0, 21):
        threshold = step / 20
        rows.append({
            "threshold": threshold,
            "right": sum(ok and support >= threshold for support, ok in good) / len(good),
            "wrong": sum(not ok and support >= threshold for support, ok in good) / len(good),
            "refused_unanswerable": sum(support < threshold for support in bad) / len(bad),
        })  # fmt: skip
    print("threshold  right   wrong   unanswerable refused")
    for found in rows:
        print("{threshold:9.2f}  {right:6.1%}  {wrong:6.1%}  {refused_unanswerable:6.1%}".format(**found))
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
