"""docs/benchmarks.md out of page.md.j2 and the figures in benchmarks/results; every target is met or explained."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"


def shown(value: float, unit: str) -> str:
    """Three significant digits with the unit; a share in percent."""
    rounded = float(f"{100 * value if unit == '%' else value:.3g}")
    return f"{rounded:,g} {unit}".strip()


@dataclass
class Targets:
    """The rows of the table of targets, and those that are missed without a word on what was traded for them."""

    unexplained: list[str] = field(default_factory=list)

    def row(
        self,
        what: str,
        measured: float,
        unit: str,
        *,
        least: float | None = None,
        most: float | None = None,
        traded: str = "",
    ) -> str:
        """One row; exactly one of `least` and `most` is the target."""
        bar = least if least is not None else most
        if bar is None or (least is not None and most is not None):
            raise ValueError(f"{what}: give least or most")
        met = measured >= bar if least is not None else measured <= bar
        if not met and not traded:
            self.unexplained.append(f"{what}: {shown(measured, unit)}, not {shown(bar, unit)}")
        sign = "≥" if least is not None else "≤"
        verdict = "yes" if met else f"no: {traded}"
        return f"| {what} | {shown(measured, unit)} | {sign} {shown(bar, unit)} | {verdict} |"


def results() -> dict[str, dict[str, Any]]:
    """What `measure.py` kept, by the benchmark's name."""
    files = sorted((HERE / "results").glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}


def render(found: Mapping[str, Mapping[str, Any]]) -> tuple[str, list[str]]:
    """The page, and the targets that are missed without an explanation.

    A figure that no result holds is an error of Jinja.
    """
    targets = Targets()
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {
        "n": lambda value, digits=0: f"{value:,.{digits}f}",
        "about": lambda value, digits=3: f"{float(f'{value:.{digits}g}'):,.0f}",
        "percent": lambda value, digits=1: f"{100 * value:.{digits}f} %",
        "median": statistics.median,
        "e": lambda value: f"{value:.1g}",
    }
    environment.globals |= {"target": targets.row}
    template = environment.from_string((HERE / "page.md.j2").read_text(encoding="utf-8"))
    figures = {name: result["figures"] for name, result in found.items()}
    return template.render(figures, results=found), targets.unexplained
