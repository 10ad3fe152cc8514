"""Installs the built wheel into an empty environment in an empty folder, and runs what README and guides tell to type.

    python tools/test_wheel.py dist

Every shell block of a page runs, in order, in a folder of its own, but those marked `<!-- not run -->` on the line
before. A page that needs extras names them anywhere in a comment `<!-- extras: train -->`; without one the core must do.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import environment
import lock

PAGES = [lock.ROOT / "README.md", *sorted((lock.ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(<!-- not run -->\s*)?^```(?:sh|bash|shell)\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXTRAS = re.compile(r"<!-- extras: ([\w, ]+) -->")
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}


def main() -> None:
    dist = Path(sys.argv[1]).resolve()
    wheels, sources = sorted(dist.glob("*.whl")), sorted(dist.glob("*.tar.gz"))
    if len(wheels) != 1 or len(sources) != 1:
        sys.exit(f"one wheel and one sdist are expected in {dist}; type: make wheel")
    missing = {"yukawa/recipes/text/smoke.yaml", "yukawa/py.typed"} - set(
        zipfile.ZipFile(wheels[0]).namelist()
    )
    if missing:
        sys.exit(f"{wheels[0].name} lacks {', '.join(sorted(missing))}")
    with tempfile.TemporaryDirectory() as folder:
        python = environment.make(Path(folder) / "venv", fresh=True)
        if not index_answers(python):
            print("skipped: no package index answers, and an empty environment needs one")
            return
        failed = run_pages(python, Path(folder), dist, wheels[0])
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def index_answers(python: str) -> bool:
    """Whether pip can get a small package."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            python,
            *environment.PIP[:3],
            "download",
            "--quiet",
            "--no-deps",
            "--retries",
            "0",
            "--timeout",
            "15",
        ]
        done = subprocess.run(
            [*command, "-d", folder, "-c", str(lock.CONSTRAINTS), "typing-extensions"],
            check=False, capture_output=True,
        )  # fmt: skip
    return done.returncode == 0


def install(python: str, dist: Path, wheel: Path, extras: str) -> None:
    """Yukawa by its name from `dist` and nowhere else, then what it needs from the index."""
    start, version = time.perf_counter(), wheel.name.split("-")[1]
    name = f"{wheel.name.split('-')[0].replace('_', '-')}{f'[{extras}]' if extras else ''}=={version}"
    ours = ["--no-index", "--find-links", str(dist), "--no-deps", "--force-reinstall"]
    environment.install(python, *ours, name)
    environment.install(python, "--find-links", str(dist), "-c", str(lock.CONSTRAINTS), name)
    size = environment.megabytes(Path(python).parent.parent)
    print(f"installed {name}: {size:.0f} MB in {time.perf_counter() - start:.0f} s", flush=True)


def run_pages(python: str, folder: Path, dist: Path, wheel: Path) -> list[str]:
    """Run the blocks of every page, those without extras first; returns the pages that failed."""
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES}
    needs = {
        page: match[1].replace(" ", "") if (match := EXTRAS.search(text)) else ""
        for page, text in texts.items()
    }
    failed, installed = [], None
    for page in sorted(PAGES, key=lambda page: (needs[page] != "", needs[page], page)):
        blocks = [block for unmarked, block in BLOCK.findall(texts[page]) if not unmarked]
        if not blocks:
            continue
        if needs[page] != installed:
            installed = needs[page]
            install(python, dist, wheel, installed)
        start = time.perf_counter()
        works = run(python, folder / page.stem, "\n".join(blocks))
        verdict = "passed" if works else "FAILED"
        print(
            f"{page.relative_to(lock.ROOT)}: {len(blocks)} blocks {verdict} in {time.perf_counter() - start:.0f} s"
        )
        failed += [] if works else [str(page.relative_to(lock.ROOT))]
    return failed


def run(python: str, folder: Path, script: str) -> bool:
    """Whether `script` runs in an empty folder, by the commands of that environment."""
    folder.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("YUKAWA_", "PYTHON"))}
    path = f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"
    variables = kept | OFFLINE | {"PATH": path, "HOME": str(folder), "YUKAWA_HOME": str(folder / "home")}
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=folder, env=variables, check=False, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-4000:])
    return done.returncode == 0


if __name__ == "__main__":
    main()
