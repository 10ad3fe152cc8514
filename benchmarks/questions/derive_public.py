"""Checks the expected values of `public.jsonl` against the `pdg` package and CODATA, and works derived ones out again.

The rows were filled from the SQLite file by SQL; this script goes through the package's interface instead, so that a slip
in one way of reading the data shows. An expression such as `{S018M}-{S016M}-{S008M}` is evaluated in the units of the PDG;
errors are propagated input by input as if the inputs were independent, upwards and downwards apart.
"""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path
from typing import Any

import pdg
import scipy.constants as codata
from pdg.api import PdgApi

Expected = dict[str, Any]

# Constants an expression may name; times in s, lengths in m, energies in MeV.
CONSTANTS = {
    "hbar_MeVs": codata.physical_constants["reduced Planck constant in eV s"][0] / 1e6,
    "c": codata.c,
    "MeV_kg": 1e6 * codata.e / codata.c**2,
    "ln2": math.log(2),
}


def close(first: float | None, second: float | None, relative: float = 1e-8) -> bool:
    """Whether two numbers, absent ones counted as zero, are the same to the digits kept in the file."""
    return math.isclose(first or 0, second or 0, rel_tol=relative, abs_tol=0)


def summary(api: PdgApi, name: str) -> tuple[float, float, float]:
    """Value, upward and downward error of `S012T#1`: the second summary value of S012T (the first without a number)."""
    identifier, _, position = name.partition("#")
    entries = [entry for entry in api.get(identifier).summary_values() if entry.value_type_key != "DR"]
    entry = entries[int(position or 0)]
    return entry.value, entry.error_positive or 0, entry.error_negative or 0


def derived(api: PdgApi, expression: str) -> tuple[float, float, float]:
    """Value of an expression with its propagated upward and downward error."""
    names = list(dict.fromkeys(re.findall(r"\{([^}]+)\}", expression)))
    inputs = [summary(api, name) for name in names]
    formula = expression
    for position, name in enumerate(names):
        formula = formula.replace("{" + name + "}", f"x[{position}]")

    def evaluate(values: list[float]) -> float:
        return float(eval(formula, {"__builtins__": {}}, {**CONSTANTS, "x": values}))

    centre = [value for value, _, _ in inputs]
    result, up, down = evaluate(centre), 0.0, 0.0
    for position, (value, plus, minus) in enumerate(inputs):
        for shifted in (value + plus, value - minus):
            step = evaluate([*centre[:position], shifted, *centre[position + 1 :]]) - result
            up, down = (up + step**2, down) if step > 0 else (up, down + step**2)
    return result, math.sqrt(up), math.sqrt(down)


def value_agrees(api: PdgApi, item: Expected) -> bool:
    """Whether a quoted, derived, measured or CODATA value is what its source says."""
    plus, minus = item["error"] or (0, 0)
    if "expression" in item:
        found = derived(api, item["expression"])
        return close(found[0], item["value"]) and close(found[1], plus, 0.01) and close(found[2], minus, 0.01)
    if "codata" in item:
        value, _, error = codata.physical_constants[item["codata"]]
        return close(value, item["value"]) and close(error, plus)
    if "document" in item:
        measured = [
            (value.value, value.error_positive, value.error_negative)
            for measurement in api.get(item["pdgid"]).get_measurements()
            if measurement.reference.document_id.strip() == item["document"]
            for value in measurement.values()
        ]
    else:
        measured = [
            (entry.value, entry.error_positive, entry.error_negative)
            for entry in api.get(item["pdgid"]).summary_values()
        ]
    return any(close(v, item["value"]) and close(p, plus) and close(m, minus) for v, p, m in measured)


def range_agrees(api: PdgApi, item: Expected) -> bool:
    """Whether both ends of a range are in the text that the PDG prints."""
    texts = [entry.value_text for entry in api.get(item["pdgid"]).summary_values()]
    return any(all(f"{end:g}" in text for end in item["range"]) for text in texts)


def limit_agrees(api: PdgApi, item: Expected) -> bool:
    """Whether the PDG gives this limit; the proton's partial lives exist as text in 10^30 years only."""
    for entry in api.get(item["pdgid"]).summary_values():
        if entry.value is not None and close(entry.value, item["value"]):
            return bool(entry.is_upper_limit if item["limit"] == "<" else entry.is_lower_limit)
        numbers = re.findall(r"\d+(?:\.\d+)?", entry.value_text or "")
        if any(
            close(float(number), item["value"]) or close(1e30 * float(number), item["value"])
            for number in numbers
        ):
            return True
    return False


def quantum_agrees(api: PdgApi, item: Expected) -> bool:
    """Whether the quantum numbers the PDG lists for this state are those expected; S, B and charm have no entry."""
    particle = api.get_particle_by_mcid(item["mcid"])
    listed = {
        "charge": particle.charge,
        "I": particle.quantum_I,
        "G": particle.quantum_G,
        "J": particle.quantum_J,
        "P": particle.quantum_P,
        "C": particle.quantum_C,
    }
    return all(listed[key] == value for key, value in item["quantum"].items() if key in listed)


def agrees(api: PdgApi, item: Expected) -> bool:
    """Whether one element of an expected answer is confirmed; quark contents and lists are checked by hand."""
    if "limit" in item:
        return limit_agrees(api, item)
    if "range" in item:
        return range_agrees(api, item)
    if "quantum" in item:
        return quantum_agrees(api, item)
    if "identifier" in item:
        return bool(api.get_particle_by_mcid(item["identifier"]).baseid == item["pdgid"])
    if "value" in item:
        return value_agrees(api, item)
    if "doi" in item:
        references = [measurement.reference for measurement in api.get(item["pdgid"]).get_measurements()]
        return any(reference.doi == item["doi"] for reference in references)
    return "content" in item


def main() -> int:
    """Prints each element that is not confirmed and returns their number."""
    api = pdg.connect()
    checked, wrong = 0, 0
    for line in Path(__file__).with_name("public.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        expected = row["expected"]
        items = [item for key in ("values", "limits") for item in expected.get(key, [])]
        if row["answerable"]:
            items += expected.get("also_right", [])
        for item in items:
            checked += 1
            if not agrees(api, item):
                wrong += 1
                print(f"{row['id']}: not confirmed: {item}")
    print(f"{checked} expected elements, {wrong} not confirmed")
    return wrong


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
