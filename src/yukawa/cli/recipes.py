"""`yukawa recipes`: the recipes that come with Yukawa, by the verb that takes them."""

from __future__ import annotations

from pathlib import Path

from yukawa.cli.options import Debug, Json
from yukawa.cli.output import first_line, print_json, say


def recipes(as_json: Json = False, debug: Debug = False) -> None:
    """List the recipes that come with Yukawa and what each is for.

    A recipe of your own begins with `base: NAME` and then says only what differs.
    """
    from yukawa.core.config import RECIPES, VERBS

    rows = [
        {"name": path.stem, "verb": verb, "about": _about(path), "path": str(path)}
        for kind, verb in VERBS.items()
        for path in sorted((RECIPES / kind).glob("*.yaml"))
    ]
    if as_json:
        print_json(rows)
        return
    for verb in VERBS.values():
        say((f"yukawa {verb}", "bold"))
        for row in rows:
            if row["verb"] == verb:
                say(f"  {row['name']}  ", (first_line(row["about"], 78 - len(row["name"]) - 4), "dim"))


def _about(path: Path) -> str:
    """The first sentence of the comment at the top of a recipe."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# "))
    return " ".join(lines).partition(". ")[0].rstrip(".:")
