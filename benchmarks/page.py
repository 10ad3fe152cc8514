"""Writes docs/benchmarks.md from benchmarks/page.md.j2 and the figures in benchmarks/results.

python benchmarks/page.py            # writes the page
python benchmarks/page.py --check    # exits with 1 if the page is not what the figures say
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from jinja2 import Environment, StrictUndefined

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"


def render() -> str:
    """The page; a figure that no result holds is an error."""
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True, autoescape=False
    )
    environment.filters |= {
        "n": lambda value, digits=0: f"{value:,.{digits}f}",
        "sig": lambda value, digits=2: f"{float(f'{value:.{digits}g}'):,g}",
        "percent": lambda value, digits=1: f"{100 * value:.{digits}f} %",
        "ms": lambda seconds, digits=1: f"{1000 * seconds:.{digits}f} ms",
    }
    results = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((HERE / "results").glob("*.json"))
    }
    template = (HERE / "page.md.j2").read_text(encoding="utf-8")
    figures = {name: result["figures"] for name, result in results.items()}
    return environment.from_string(template).render(figures, results=results)


def main() -> None:
    """Writes or checks the page."""
    page = render()
    if "--check" in sys.argv[1:]:
        sys.exit(None if PAGE.read_text(encoding="utf-8") == page else "type: python benchmarks/page.py")
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
