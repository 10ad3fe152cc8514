"""Sets up an environment from the lock.

    python tools/environment.py .venv --sections build core test --editable

The newest releases instead of the locked ones: --latest EXTRA. Reports the seconds it took and the megabytes on disk.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import lock

PIP = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet")


def main() -> None:
    parser = argparse.ArgumentParser(description="Sets up an environment from the lock.")
    parser.add_argument("folder", type=Path, help="The environment, made if it does not exist.")
    parser.add_argument(
        "--sections", nargs="+", choices=lock.SECTIONS, help="Sections of the lock to install."
    )
    parser.add_argument("--editable", action="store_true", help="Install Yukawa so that edits of src/ count.")
    parser.add_argument(
        "--latest", metavar="EXTRA", help="Newest releases within the bounds of pyproject.toml."
    )
    parser.add_argument("--torch-index", default="", help="Another index that has builds of torch.")
    options = parser.parse_args()
    start = time.perf_counter()
    python = make(options.folder, fresh=bool(options.latest))
    torch = options.latest or "test" in options.sections
    if torch:  # first and by itself, so that nothing that depends on it brings another build
        more = ["--extra-index-url", options.torch_index] if options.torch_index else []
        install(python, *more, "-c", str(lock.CONSTRAINTS), f"torch=={lock.PINS['torch']}")
    if options.latest:
        install_latest(python, options.folder, options.latest)
    else:
        install_locked(python, options.folder, options.sections, editable=options.editable)
    seconds = time.perf_counter() - start
    print(f"installed in {options.folder}: {megabytes(options.folder):.0f} MB in {seconds:.0f} s", flush=True)


def make(folder: Path, *, fresh: bool) -> str:
    """The interpreter of the environment `folder`; one of another Python is replaced."""
    python = folder / "bin" / "python"
    version = "import sys; print(sys.version_info[:2])"
    try:
        same = lock.run([str(python), "-c", version]) == lock.run([sys.executable, "-c", version])
    except (OSError, subprocess.CalledProcessError):
        same = False
    if fresh or not same:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return str(python)


def install(python: str, *arguments: str) -> None:
    """`pip install`, which says by itself what went wrong."""
    result = subprocess.run([python, *PIP, *arguments], cwd=lock.ROOT, check=False)
    if result.returncode:
        sys.exit(f"The installation stopped at: pip install {' '.join(arguments)}")


def install_locked(python: str, folder: Path, sections: list[str], *, editable: bool) -> None:
    """The sections with their hashes checked, then Yukawa itself."""
    wanted = folder / "requirements.txt"
    wanted.write_text(lock.section_lines(sections), encoding="utf-8")
    install(python, "--require-hashes", "--no-deps", "-r", str(wanted))
    if "build" in sections:
        install(python, "--no-deps", "--no-build-isolation", *(["-e"] if editable else []), ".")


def install_latest(python: str, folder: Path, extra: str) -> None:
    """Yukawa with `extra` at the newest releases, and what is ahead of the lock."""
    pins = folder / "pins.txt"
    pins.write_text("".join(f"{name}=={version}\n" for name, version in lock.PINS.items()))
    install(python, "--upgrade", "pip")
    install(python, "--upgrade", "-c", str(pins), "-e", f".[{extra}]")
    install(python, "--no-deps", *(f"{name}=={version}" for name, version in lock.ALONE.items()))
    pinned = re.findall(r"^([\w-]+)==(\S+)", lock.CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE)
    locked = {name: [version for other, version in pinned if other == name] for name, _ in pinned}
    found = lock.run([python, "-m", "pip", "list", "--format", "freeze"])
    ahead = [
        f"  {name} {' or '.join(locked.get(name, ['(not locked)']))} -> {version}"
        for name, version in (
            (lock.canonical(a), b) for a, b in re.findall(r"^(\S+?)==(\S+)", found, re.MULTILINE)
        )
        if version.partition("+")[0] not in locked.get(name, []) and name not in ("pip", "yukawa-hep")
    ]
    kept = ", ".join(f"{name}=={version}" for name, version in (lock.PINS | lock.ALONE).items())
    print(f"newest releases within the bounds of pyproject.toml; kept at their pins: {kept}")
    print("\n".join(["other than in the lock:", *ahead] if ahead else ["all as in the lock"]))


def megabytes(folder: Path) -> float:
    """What the files of `folder` take on disk."""
    files = (os.path.join(at, name) for at, _, names in os.walk(folder) for name in names)
    return sum(os.lstat(path).st_size for path in files) / 1e6


if __name__ == "__main__":
    main()
