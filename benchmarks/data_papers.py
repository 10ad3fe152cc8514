"""Papers in LaTeX: how many of their formulas and cells of tables are read, judged on the LaTeX itself by another reader.

    python benchmarks/data_papers.py [--pandoc PATH] [--json FILE]

The sources are those of `latex/hep_latex_sources.jsonl.gz` under `YUKAWA_TEST_DATA`. The judge is a scanner of its own that
shares no code with the reader: it looks for what opens and closes formulas and tables in the text, and puts in what macros
stand for. A formula is read if an equal one, white space, labels and numbering aside, is in the blocks as many times; a cell,
if its letters and digits are in a row of the same file. Formulas with commands of siunitx are counted and not compared: they
are rewritten on purpose. With `--pandoc`, pandoc in its sandbox is a second judge, of each formula that it finds anywhere.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError
from yukawa.knowledge.documents.blocks import Block
from yukawa.knowledge.documents.latex import latex_blocks

ENVIRONMENTS = "equation|displaymath|align|gather|multline|eqnarray|alignat|flalign"
UNREAD = (
    "tikzpicture|feynman|fmffile|fmfgraph|pspicture|picture|tikzcd|overpic|verbatim|Verbatim|lstlisting|codeexample"
    "|filecontents|comment"
)
DISPLAYED = re.compile(
    rf"\\begin\{{(?P<name>{ENVIRONMENTS})(?P<star>\*?)\}}(?:(?<=at\}})\{{\d+\}}|(?<=at\*\}})\{{\d+\}})?"
    r"(?P<body>.*?)\\end\{(?P=name)(?P=star)\}"
    r"|(?<!\\)\\\[(?P<bracket>.*?)\\\]|(?<!\\)\$\$(?P<dollars>.+?)\$\$",
    re.DOTALL,
)
INLINE = re.compile(r"(?<!\\)\$((?:[^$\\]|\\.)+?)\$|(?<!\\)\\\((.*?)\\\)", re.DOTALL)
DEFINITION = re.compile(
    r"\\(?:(?:re|provide)?newcommand|providecommand|DeclareRobustCommand)\*?\s*\{?\s*(?P<new>\\[A-Za-z]+)\s*\}?\s*(?:\[(?P<count>\d)\])?"
    r"(?P<default>\[[^\]]*\])?\s*(?=\{)|\\def\s*(?P<defined>\\[A-Za-z]+)(?P<pattern>(?:#\d)*)\s*(?=\{)"
    r"|\\DeclareMathOperator\*?\s*\{?(?P<operator>\\[A-Za-z]+)\}?\s*(?=\{)"
    r"|\\let\s*(?P<name>\\[A-Za-z]+)\s*=?\s*(?P<other>\\[A-Za-z]+)|\\(?:re)?newenvironment\s*\{"
)
SIUNITX = re.compile(r"\\(SI|si|num|qty|ang|unit)(?![a-zA-Z])")
TABLE = re.compile(r"\\begin\{(tabular\*?|tabularx|longtable)\}(.*?)\\end\{\1\}", re.DOTALL)
NO_CELL = re.compile(
    r"\\multicolumn\s*\{[^{}]*\}\s*\{(?:[^{}]|\{[^{}]*\})*\}|\\multirow\s*\{[^{}]*\}\s*\{[^{}]*\}|\\(?:cite|label|ref)\w*\{[^{}]*\}"
    r"|\\c?midrule(?:\([^)]*\))?(?:\{[^{}]*\})?|\\cline\{[^}]*\}|\[[\d.]+(?:pt|ex|em|mm|cm)\]"
)
Macro = tuple[int, str | None, str]


# ---- the judge ---------------------------------------------------------------------------------------


def stripped(text: str) -> str:
    """LaTeX without comments, short captions and titles, drawings and listings."""
    text = re.sub(r"(?<!\\)((?:\\\\)*)%[^\n]*(?:\n[ \t]*|$)", r"\1", text)
    short = r"\\(caption|section|subsection|chapter|subsubsection)\s*\[(?:[^\[\]]|\[[^\]]*\])*\]"
    text = re.sub(short, r"\\\1", text)
    return re.sub(rf"\\begin\{{({UNREAD})(\*?)\}}.*?(\\end\{{\1\2\}}|\Z)", " ", text, flags=re.DOTALL)


def closing(text: str, start: int) -> int:
    """The place behind the brace that closes the one at `start`, -1 if none does."""
    depth, place = 0, start
    while place < len(text):
        if text[place] == "\\":
            place += 2
            continue
        depth += (text[place] == "{") - (text[place] == "}")
        place += 1
        if not depth:
            return place
    return -1


def without_definitions(text: str) -> tuple[str, dict[str, Macro]]:
    """The text without definitions of macros, and the macros."""
    parts: list[str] = []
    found: dict[str, Macro] = {}
    place = 0
    while match := DEFINITION.search(text, place):
        parts.append(text[place : match.start()])
        place = match.end()
        if match["name"]:
            found[match["name"]] = 0, None, match["other"]
            continue
        end = closing(text, match.end())
        if end < 0:
            break
        body, place = text[match.end() + 1 : end - 1], end
        if match["new"]:
            found[match["new"]] = int(match["count"] or 0), match["default"], body
        elif match["defined"]:
            found[match["defined"]] = len(match["pattern"]) // 2, None, body
        elif match["operator"]:
            found[match["operator"]] = 0, None, rf"\operatorname{{{body}}}"
    return "".join([*parts, text[place:]]), found


def expanded(text: str, macros: Mapping[str, Macro]) -> str:
    """The text with what its macros stand for, nine deep."""
    for _ in range(9 if macros else 0):
        before, text = text, _once(text, macros)
        if text == before:
            break
    return text


def _once(text: str, macros: Mapping[str, Macro]) -> str:
    parts: list[str] = []
    place = 0
    for call in re.finditer(r"\\[A-Za-z]+", text):
        if call.start() < place or call[0] not in macros:
            continue
        count, default, body = macros[call[0]]
        given = _arguments(text, call.end(), count, default)
        if given is None:
            continue
        values, end = given
        for number, value in enumerate(values, start=1):
            body = body.replace(f"#{number}", value)
        parts += [text[place : call.start()], body, "" if count else " "]
        place = end
    return "".join([*parts, text[place:]])


def _arguments(text: str, place: int, count: int, default: str | None) -> tuple[list[str], int] | None:
    """The arguments of a macro and the place behind them, None if one is missing."""
    values: list[str] = []
    if default is not None:
        chosen = re.compile(r"\s*\[([^\]]*)\]").match(text, place)
        values.append(chosen[1] if chosen else default[1:-1])
        place = chosen.end() if chosen else place
    while len(values) < count:
        place += len(text[place : place + 99]) - len(text[place : place + 99].lstrip())
        if text[place : place + 1] == "{":
            end = closing(text, place)
            if end < 0:
                return None
            values.append(text[place + 1 : end - 1])
        elif one := re.compile(r"\\[A-Za-z]+|\\.|[^{}]", re.DOTALL).match(text, place):
            values.append(one[0])
            end = one.end()
        else:
            return None
        place = end
    return values, place


def same(formula: str) -> str:
    """A formula by which two are the same: without labels, numbering and white space."""
    formula = re.sub(r"\\label\s*\{[^{}]*\}|\\(?:nonumber|notag|ensuremath)(?![a-zA-Z])", "", formula)
    return re.sub(r"\s", "", formula)


def bare(formula: str) -> str:
    """The same for pandoc, which writes environments around formulas too, and braces around the arguments of macros."""
    formula = re.sub(
        rf"\\(?:begin|end)\{{(?:aligned|gathered|{ENVIRONMENTS})\*?\}}(?:\{{\d+\}})?", "", formula
    )
    return re.sub(r"[{}]", "", same(formula))


def judged(text: str) -> tuple[list[str], list[str], list[str]]:
    """What a text holds: displayed equations, formulas within lines, cells of tables."""
    begin = re.search(r"^[^%\n]*\\begin\{document\}", text, re.MULTILINE)
    head, body = (text[: begin.end()], text[begin.end() :]) if begin else ("", text)
    body = stripped(body.split("\\end{document}")[0])
    _, above = without_definitions(stripped(head))
    body, own = without_definitions(body)
    macros = above | own
    cells = [expanded(cell, macros) for cell in _cells(body)]
    # Those first that make formulas, so that these are found.
    body = expanded(
        body, {k: m for k, m in macros.items() if re.search(r"\\begin|\\end|\$|ensuremath", m[2])}
    )
    displayed: list[str] = []

    def take(match: re.Match[str]) -> str:
        displayed.append(next(match[k] for k in ("body", "bracket", "dollars") if match[k] is not None))
        return " \n\n "

    body = DISPLAYED.sub(take, body)
    inline = [m[1] if m[1] is not None else m[2] for m in INLINE.finditer(body) if "\n\n" not in m[0]]
    return [same(expanded(f, macros)) for f in displayed], [same(expanded(f, macros)) for f in inline], cells


def _cells(text: str) -> Iterator[str]:
    for _, table in TABLE.findall(text):
        inside = re.sub(r"^\s*(\[[^\]]*\])?\s*\{(?:[^{}]|\{[^{}]*\})*\}", "", table)
        for row in re.split(r"\\\\|\\tabularnewline", inside):
            for cell in re.split(r"(?<!\\)&", row):
                if not SIUNITX.search(cell):
                    yield NO_CELL.sub("", cell)


def letters(text: str) -> str:
    """The letters and digits of a cell, without commands."""
    return re.sub(r"[^A-Za-z0-9.]", "", re.sub(r"\\[A-Za-z]+\*?|\\.", " ", text))


# ---- what the reader found ---------------------------------------------------------------------------


def read(blocks: Iterable[Block]) -> tuple[list[str], list[str], str]:
    """Displayed equations, formulas within lines, and the letters and digits of all rows."""
    displayed: list[str] = []
    inline: list[str] = []
    rows: list[str] = []
    for block in blocks:
        if block.kind in ("comment", "code"):
            continue
        for formula in re.findall(r"(?<!\\)\$\$(.+?)\$\$", block.text):
            lines = r"^\\begin\{(?:aligned|gathered)\} (.*) \\end\{(?:aligned|gathered)\}$"
            displayed.append(same(re.sub(lines, r"\1", formula)))
        rest = re.sub(r"(?<!\\)\$\$(.+?)\$\$", "", block.text)
        inline += map(same, re.findall(r"(?<!\\)\$((?:[^$\\]|\\.|(?<=\{)\$[^$]*\$)+?)\$", rest))
        rows += [letters(block.text)] if block.kind == "row" else []
    return displayed, inline, " ".join(rows)


def by_pandoc(program: str, text: str) -> list[str] | None:
    """The formulas that pandoc finds, None for what it refuses."""
    try:
        done = subprocess.run([program, "--sandbox", "-f", "latex", "-t", "json"], input=stripped(text), capture_output=True,
                              text=True, timeout=60)  # fmt: skip
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        return None
    found: list[str] = []

    def walk(node: Any) -> None:
        if isinstance(node, dict) and node.get("t") == "Math":
            found.append(bare(node["c"][1]))
        elif isinstance(node, dict | list):
            for inside in node.values() if isinstance(node, dict) else node:
                walk(inside)

    walk(json.loads(done.stdout))
    return found


def measured(texts: Mapping[str, str], pandoc: str | None) -> dict[str, Any]:
    """Of all sources together: what the judge finds, and what of it the reader did not."""
    counts: Counter[str] = Counter()
    lost: list[str] = []
    seconds = 0.0
    for name, text in texts.items():
        began = time.process_time()
        try:
            blocks = latex_blocks(text)
        except InputError as error:
            blocks = []
            lost.append(f"{name}: {error}")
        seconds += time.process_time() - began
        counts.update(files=1, characters=len(text))
        displayed, inline, cells = judged(text)
        if not blocks and (displayed or inline or cells):
            lost.append(f"{name}: no blocks")
        ours, ours_inline, rows = read(blocks)
        for what, here, there in (("displayed", displayed, ours), ("inline", inline, ours_inline)):
            compared = Counter(formula for formula in here if not SIUNITX.search(formula))
            missing = compared - Counter(there)
            counts.update({what: compared.total(), f"{what} missing": missing.total()})
            counts["with siunitx"] += len(here) - compared.total()
            report(name, what, missing)
        wanted = [key for key in map(letters, cells) if key]
        absent = Counter(key for key in wanted if key not in rows)
        counts.update({"cells": len(wanted), "cells missing": absent.total()})
        report(name, "cells", absent)
        if pandoc:
            second = by_pandoc(pandoc, text)
            if second is None:
                counts["refused by pandoc"] += 1
                continue
            known = {bare(formula) for formula in [*ours, *ours_inline]}
            theirs = {f for f in second if not SIUNITX.search(f)}
            counts.update({"pandoc": len(theirs), "pandoc missing": len(theirs - known)})
            report(name, "pandoc", Counter(theirs - known))
    return {**counts, "lost": lost, "characters per second": round(counts["characters"] / seconds)}


def report(name: str, what: str, missing: Counter[str]) -> None:
    for formula, count in missing.items():
        print(f"{name}: {what}: {formula[:120]} ({count})", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--pandoc", default=shutil.which("pandoc"), metavar="PATH", help="pandoc, the second judge"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    given = parser.parse_args()
    path = Path(os.environ.get("YUKAWA_TEST_DATA", "../shared/data")) / "latex" / "hep_latex_sources.jsonl.gz"
    if not path.exists():
        sys.exit(f"{path} is missing: set YUKAWA_TEST_DATA to the folder that holds latex/")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    found = measured({row["path"]: row["text"] for row in rows if row["path"].endswith(".tex")}, given.pandoc)
    print(json.dumps(found, indent=2))
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
