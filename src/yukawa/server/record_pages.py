"""Pages of what is kept beside the knowledge: runs and reports with their curves and plots, keys, the chain of what was done."""

import math
import mimetypes
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from yukawa.core.errors import NotFound, YukawaError
from yukawa.core.files import read_bytes, read_text, real
from yukawa.core.yaml_files import to_yaml
from yukawa.runs.run import CARD, RECIPE, Run
from yukawa.server.keys import ROLES
from yukawa.server.operations import KeyForm
from yukawa.server.pages import leads_to, page, read_form
from yukawa.server.rendering import to_html
from yukawa.server.services import Called, ServerCall

REPORT = "report.md"
PICTURES, OTHERS = (".png", ".svg"), (".html", ".json", ".jsonl", ".md", ".yaml", ".csv", ".txt", ".dec")
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'self'"
"""What a file of a run may do in a browser: be seen."""
_MOST, _DEEP, _FILES, _LARGEST = 500, 4, 300, 50 << 20
_CURVES, _POINTS = 12, 600
_WIDTH, _HEIGHT, _LEFT, _BELOW, _ABOVE = 420, 200, 70, 40, 14


# ---- runs and reports -----------------------------------------------------------------------------


async def runs_page(call: Called) -> Response:
    """Runs and reports below the folder that the server shows, newest first."""
    found = await call.work(shown_folders, call.services.runs)
    return page(call, "runs.html", folders=found, root_folder=call.services.runs.name)


def shown_folders(root: Path) -> list[dict[str, Any]]:
    """The folders below `root` that hold a run or a report, none that a link puts outside, newest first."""
    inside = real(root)
    found: dict[str, dict[str, Any]] = {}
    for depth in range(1, _DEEP + 1):
        for name in (RECIPE, REPORT):
            for path in root.glob("/".join(["*"] * depth) + f"/{name}"):
                if len(found) < _MOST and real(path).is_relative_to(inside):
                    key = path.parent.relative_to(root).as_posix()
                    row = found.setdefault(key, {"name": key, "kinds": [], "changed": 0})
                    row["kinds"].append("run" if name == RECIPE else "report")
                    row["changed"] = max(row["changed"], int(path.stat().st_mtime * 1e6))
    return sorted(found.values(), key=lambda row: row["changed"], reverse=True)


def _folder(root: Path, name: str) -> Path:
    """The folder of a name that the list gives; any other name leads nowhere.

    Raises:
        NotFound: the list has no such folder.
    """
    if name not in {row["name"] for row in shown_folders(root)}:
        raise NotFound(f"there is no run or report {name[:200]!r}", hint="the page of runs lists them")
    return root / name


async def run_page(call: Called, name: str) -> Response:
    """A run or report: its page, its plots, its learning curves, its recipe and its files."""
    return page(call, "run.html", **await call.work(_run, call, name))


def _run(call: ServerCall, name: str) -> dict[str, Any]:
    folder = _folder(call.services.runs, name)
    files = list(_files(folder))
    shown: dict[str, Any] = {
        "name": name,
        "recipe": "",
        "curves": [],
        "latest": {},
        "problem": "",
        "texts": [],
    }
    if (folder / RECIPE).is_file():
        try:
            run = Run.open(folder)
            rows = run.metrics()
            shown |= {
                "recipe": to_yaml(run.recipe),
                "latest": run.latest_metrics(),
                "curves": list(curves(rows)),
            }
        except YukawaError as error:
            shown["problem"] = str(error)
    for title, file in (("Report", REPORT), ("Card", CARD)):
        if (folder / file).is_file():
            try:
                shown["texts"].append((title, to_html(read_text(folder / file))))
            except YukawaError as error:
                shown["problem"] = str(error)
    pictures = [file for file in files if file.endswith(PICTURES)]
    of_both = {file.rpartition(".")[0] for file in pictures if file.endswith(".png")}
    shown["pictures"] = [f for f in pictures if f.endswith(".png") or f.rpartition(".")[0] not in of_both]
    return shown | {"files": files}


def _files(folder: Path) -> Iterator[str]:
    """The files of a run that are shown, in it and in its folders one level down, that no link puts outside."""
    inside = real(folder)
    paths = sorted([*folder.glob("*"), *folder.glob("*/*")])
    shown = (
        p for p in paths if p.suffix in PICTURES + OTHERS and p.is_file() and real(p).is_relative_to(inside)
    )
    for _, path in zip(range(_FILES), shown, strict=False):
        yield path.relative_to(folder).as_posix()


async def run_file(call: Called, name: str) -> Response:
    """A file of a run or report as it is, in a sandbox: its scripts do not run and it loads nothing."""

    def look() -> tuple[str, bytes]:
        """The file's name within its run, and its content."""
        root = call.services.runs
        folders = [row["name"] for row in shown_folders(root) if name.startswith(row["name"] + "/")]
        for folder in sorted(folders, key=len, reverse=True):
            wanted = name.removeprefix(folder + "/")
            if wanted in _files(root / folder):
                return wanted, read_bytes(root / folder / wanted, _LARGEST)
        raise NotFound(f"there is no file {name[:200]!r} in a run that is shown")

    wanted, content = await call.work(look)
    kind = mimetypes.guess_type(wanted)[0] or "text/plain"
    if not wanted.endswith((*PICTURES, ".html")):
        kind = "text/plain"
    said = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
    return Response(content, 200, {"content-security-policy": SANDBOX, "x-frame-options": "SAMEORIGIN"}, said)


# ---- learning curves ------------------------------------------------------------------------------


def curves(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[str, Markup]]:
    """A picture of each metric that has two values or more, over the steps."""
    names = dict.fromkeys(name for row in rows for name in row if name not in ("step", "epoch"))
    drawn = 0
    for name in names:
        points = [
            (float(r["step"]), float(r[name]))
            for r in rows
            if _is_number(r.get("step")) and _is_number(r.get(name))
        ]
        if len(points) > 1 and drawn < _CURVES:
            drawn += 1
            yield name, curve(points, name)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def curve(points: Sequence[tuple[float, float]], name: str) -> Markup:
    """A line through points (step, value) as an SVG with axes; at most some hundred points are drawn."""
    points = points[:: max(1, len(points) // _POINTS)]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    x_ticks, y_ticks = ticks(min(xs), max(xs)), ticks(min(ys), max(ys))
    low, high = min(*ys, y_ticks[0]), max(*ys, y_ticks[-1])

    def across(x: float) -> str:
        """Where a step is, from the left."""
        return f"{_LEFT + _share(x, min(xs), max(xs)) * (_WIDTH - _LEFT - 12):.1f}"

    def down(y: float) -> str:
        """Where a value is, from above."""
        return f"{_ABOVE + (1 - _share(y, low, high)) * (_HEIGHT - _ABOVE - _BELOW):.1f}"

    bottom = str(_HEIGHT - _BELOW)
    lines = [
        Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="y" x="{}" y="{}">{}</text>').format(
            _LEFT, _WIDTH - 12, down(y), down(y), _LEFT - 8, down(y), f"{y:g}"
        ) for y in y_ticks
    ]  # fmt: skip
    lines += [
        Markup('<text class="x" x="{}" y="{}">{}</text>').format(across(x), int(bottom) + 16, f"{x:g}")
        for x in x_ticks
    ]
    path = " ".join(f"{across(x)},{down(y)}" for x, y in points)
    said = f"{name} from step {xs[0]:g} to {xs[-1]:g}: first {ys[0]:.4g}, last {ys[-1]:.4g}, least {min(ys):.4g}, most {max(ys):.4g}"
    return Markup(
        '<svg class="curve" viewBox="0 0 {} {}" role="img" aria-label="{}">{}<polyline points="{}"/>'
        '<text class="x" x="{}" y="{}">step</text></svg>'
    ).format(_WIDTH, _HEIGHT, said, Markup("").join(lines), path, _WIDTH // 2, _HEIGHT - 6)


def _share(value: float, low: float, high: float) -> float:
    """Where a value is between two others, 0 to 1; in the middle where they are one."""
    return (value - low) / (high - low) if high > low else 0.5


def ticks(low: float, high: float) -> list[float]:
    """Some three to six round numbers from `low` to `high`."""
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return [low]
    raw = span / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [float(f"{n * step:.12g}") for n in range(first, math.floor(high / step + 1e-9) + 1)] or [low]


# ---- keys -----------------------------------------------------------------------------------------


async def keys_page(call: Called) -> Response:
    """Every key, and the chain of what was done."""
    return page(call, "keys.html", **await call.quickly(_keys, call), made=None)


def _keys(call: ServerCall) -> dict[str, Any]:
    entries, whole = call.services.tables.noted(100)
    return {"keys": call.services.keys.all(), "roles": ROLES, "entries": entries, "whole": whole}


async def add_key_form(call: Called) -> Response:
    """Make a key and show it, this once."""
    form = read_form(call, KeyForm)
    key, row = await call.quickly(
        lambda: call.services.keys.add(form.name, form.role, expires=form.expires, actor=call.who.name)
    )
    return page(call, "keys.html", 201, **await call.quickly(_keys, call), made=row | {"key": key})


async def revoke_key_form(call: Called, key_id: str) -> Response:
    """End a key at once."""
    await call.quickly(lambda: call.services.keys.revoke(key_id, actor=call.who.name))
    return leads_to(call, "/keys")
