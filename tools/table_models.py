"""Makes the table of the decay models that the tables of experiments give to modes, with their arguments.

    python tools/table_models.py

The tables are those of LHCb and Belle II in the package `decaylanguage`: DECAY_LHCB.DEC and DECAY_BELLE2.DEC. Values that a table
defines and its model aliases are put in. Left out are modes in phase space, those that a model of hadronisation
makes, and the conjugate of a mode with the same model and arguments.

Each line has the tables (L for LHCb, B for Belle II), parent, daughters in the order of the model, model and arguments.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from yukawa.generators.cards import DecayCard, DecayMode
from yukawa.generators.models import GUNS, HADRONISATION, WITH_REAL_DAUGHTERS, decay_models
from yukawa.generators.plans import conjugate_of
from yukawa.generators.reading import read_card
from yukawa.generators.species import known_species
from yukawa.generators.words import is_number

TABLE = Path(__file__).parents[1] / "src/yukawa/generators/table_models.tsv"
FILES = {"L": "DECAY_LHCB.DEC", "B": "DECAY_BELLE2.DEC"}
HEAD = (
    "# Models and arguments that the decay tables of LHCb (L: DECAY_LHCB.DEC) and Belle II (B: DECAY_BELLE2.DEC) give to modes, as the",
    "# package decaylanguage distributes them, by tools/table_models.py: tables, parent, daughters, model, arguments.",
)

# Parent and daughters in the order of the model; model and arguments.
Key = tuple[str, tuple[str, ...]]
Row = tuple[str, tuple[str, ...]]


def modes_of(card: DecayCard) -> dict[Key, Row]:
    """The model and the arguments of each mode; of several with the same daughters those of the most frequent."""
    aliases = {each.words[0]: each.words[1:] for each in card.commands("ModelAlias")}
    values = {each.words[0]: each.words[1] for each in card.commands("Define")}
    chosen: dict[tuple[str, tuple[str, ...]], tuple[float, Key, Row]] = {}
    for modes in card.decays().values():
        for mode in modes:
            row = row_of(mode, aliases, values)
            if row is None:
                continue
            same = (mode.parent, tuple(sorted(mode.daughters)))
            if same not in chosen or chosen[same][0] < mode.fraction:
                chosen[same] = (mode.fraction, (mode.parent, tuple(mode.daughters)), row)
    found = {key: row for _, key, row in chosen.values() if row[0] != "PHSP"}
    for key in sorted(found, key=lambda each: (each[0].startswith("anti-") or each[0].endswith("-"), each)):
        other = (conjugate_of(key[0]), tuple(map(conjugate_of, key[1])))
        if other != key and key in found and found.get(other) == found[key]:
            del found[other]
    return found


def row_of(mode: DecayMode, aliases: dict[str, list[str]], values: dict[str, str]) -> Row | None:
    """The model with its arguments as numbers; None for a mode that is not listed."""
    known = known_species()
    name, *first = aliases.get(mode.model, [mode.model])
    arguments = tuple(values.get(word, word) for word in (*first, *mode.arguments))
    unfit = name in HADRONISATION or name in GUNS or name in WITH_REAL_DAUGHTERS or name not in decay_models()
    if unfit or not mode.fraction or not mode.daughters or not all(map(is_number, arguments)):
        return None
    if any(each not in known or known[each].is_parton for each in (mode.parent, *mode.daughters)):
        return None
    return name, arguments


def main() -> None:
    spec = importlib.util.find_spec("decaylanguage")
    if spec is None or spec.origin is None:
        raise SystemExit("the package decaylanguage is not installed")
    folder = Path(spec.origin).parent / "data"
    rows: dict[tuple[Key, Row], str] = {}
    for letter, file in FILES.items():
        for key, row in modes_of(read_card((folder / file).read_text(encoding="utf-8"))).items():
            rows[key, row] = rows.get((key, row), "") + letter
    lines = [
        "\t".join((letters, parent, " ".join(daughters), model, " ".join(arguments)))
        for ((parent, daughters), (model, arguments)), letters in sorted(rows.items())
    ]
    TABLE.write_text("\n".join((*HEAD, *lines, "")), encoding="utf-8")


if __name__ == "__main__":
    main()
