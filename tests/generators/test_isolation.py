"""Code in isolation reaches its folder and nothing else; limits hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from yukawa.core.errors import InputError
from yukawa.generators import isolation
from yukawa.generators.isolation import filter_program, lacking, run_isolated

pytestmark = pytest.mark.skipif(bool(lacking()), reason="this system offers no isolation")


def test_its_folder_is_all_that_it_writes(tmp_path):
    (tmp_path / "own").mkdir()
    code = f"open('a', 'w').write('x')\nprint(open('a').read())\nopen({str(tmp_path / 'outside')!r}, 'w')"
    done = run_isolated(code, "x.py", tmp_path / "own")
    assert (done.output, done.line) == ("x\n", 3)
    assert done.error.startswith("PermissionError")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "own"]


def test_what_is_out_of_reach(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", "sesame")
    secret = tmp_path / "secret"
    secret.write_text("sesame")
    attempts = {
        "network": "import socket; socket.socket()",
        "processes": "import os; os.fork()",
        "programs": "import os; os.execv('/bin/ls', ['ls'])",
        "signals": "import os; os.kill(os.getppid(), 0)",
        "secrets": f"print(open({str(secret)!r}).read())",
        "environment of others": "import os; print(open(f'/proc/{os.getppid()}/environ').read())",
        "rights": f"import os; os.chmod({str(secret)!r}, 0o777)",
        "cutting": f"import os; os.truncate({str(secret)!r}, 0)",
        "devices": "import os; os.mknod('disk', 0o60600, 2049)",
        "links": "import os; os.symlink('/etc', 'e'); open('e/evil', 'w')",
        "limits": "import resource as r; r.setrlimit(r.RLIMIT_AS, (1 << 40, 1 << 40))",
        "memory": "bytearray(2 << 30)",
    }
    code = "import traceback\n" + "\n".join(
        f"try:\n    exec({code!r}, {{}})\n    print('REACHED', {name!r})\nexcept (OSError, ValueError, MemoryError):\n    pass"
        for name, code in attempts.items()
    )
    folder = tmp_path / "own"
    folder.mkdir()
    done = run_isolated(f"{code}\nimport os\nprint(sorted(os.environ))", "x.py", folder)
    assert done.error == ""
    assert "REACHED" not in done.output
    assert "sesame" not in done.output
    assert "MY_KEY" not in done.output
    assert secret.read_text() == "sesame"
    assert os.stat(secret).st_mode & 0o777 != 0o777


def test_what_prints_without_end_is_stopped_with_that_reason(tmp_path):
    for code in (
        "while True: print('x' * 1000)",
        "print('x' * (100 << 20))",
        "import sys\nwhile True: sys.stderr.write('y' * 9999)",
    ):
        done = run_isolated(code, "x.py", tmp_path)
        assert done.error == "it printed more than 64 MiB and was stopped"
        assert len(done.output) <= 1 << 20
    assert run_isolated("print('x' * 1000000)", "x.py", tmp_path).error == ""


def test_limits_of_time_and_of_an_exit(tmp_path):
    assert (
        run_isolated("while True: pass", "x.py", tmp_path, seconds=0.5).error
        == "it ran too long and was stopped"
    )
    assert run_isolated("raise SystemExit(3)", "x.py", tmp_path).error == "it exits with 3"
    assert run_isolated("import os; os._exit(5)", "x.py", tmp_path).error == "it died with exit code 5"
    # Threads are no processes.
    threads = "import threading as t; a = t.Thread(target=print, args=['here']); a.start(); a.join()"
    assert run_isolated(threads, "x.py", tmp_path).output == "here\n"


def test_a_forged_report_is_only_text(tmp_path):
    code = "import os\nfor n in range(3, 65536):\n    try: os.write(n, b'[1')\n    except OSError: pass"
    assert run_isolated(code, "x.py", tmp_path).error == "its report cannot be read"


def test_the_filter_ends_in_an_answer_wherever_it_jumps():
    lines = filter_program()
    for at, (code, yes, no, _) in enumerate(lines):
        if code & 7 == 5:
            assert max(at + 1 + yes, at + 1 + no) < len(lines)
    assert lines[-1][0] == 6


def test_without_isolation_nothing_is_run(tmp_path, monkeypatch):
    monkeypatch.setattr(isolation, "lacking", lambda: "no Landlock")
    with pytest.raises(InputError, match="nothing was run: no Landlock"):
        run_isolated("open('a', 'w')", "x.py", tmp_path)
    assert list(Path(tmp_path).iterdir()) == []
