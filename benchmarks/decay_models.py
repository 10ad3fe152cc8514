"""Lets a small language model and the grammar write the same decay cards: shares that parse, pass, hold the chain, generate.

Run `python benchmarks/decay_models.py --json FILE`. The model is SmolLM2-135M-Instruct as llama.cpp runs it; it writes the
cards itself, and reads the sentences as plans. The sentences of `yukawa evaluate code` are taken in steps of `--step`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from decay_cards import give

from yukawa.core.settings import ModelSettings
from yukawa.generators.evaluating import card_writer, code_tasks, evaluate_code, grammar, plan_writer
from yukawa.llm import SyncChat, open_model


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--step", type=int, default=10, help="the sentences are taken in steps of this")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    tasks = [task for task in code_tasks() if task.steps][:: options.step]
    row = ModelSettings(name="SmolLM2-135M", backend="llamacpp", model="smollm2")
    with SyncChat(open_model(row)) as chat:
        writers = {
            "grammar": grammar, "SmolLM2-135M": card_writer(chat), "SmolLM2-135M, plan": plan_writer(chat),
        }  # fmt: skip
        give(evaluate_code(writers, tasks), options.json)


if __name__ == "__main__":
    main()
