"""Runs Python code that nobody has read: without network, other processes, or files outside its folder (Linux alone).

Landlock (kernel 6.2 or newer) confines files, seccomp the calls that reach other machines or processes, and limits of the
system time and memory; no rights are needed for any of them. Where one is missing, nothing is run. This file is also the
program that runs in the child, so it imports the standard library alone.
"""

import contextlib
import ctypes
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECONDS = 30
BYTES = 1 << 30
_FILE_BYTES = 1 << 28  # of a file that is written
_FOLDER_BYTES = 1 << 30
_OUTPUT = 1 << 20  # of what is printed that is kept
_PRINTED = 1 << 26  # of what may be printed
_REFUSED = 77  # exit code of a child that could not be confined
_POLL = 0.05  # seconds

# Access rights of Landlock (include/uapi/linux/landlock.h): all of version 3, and those that a file, not a folder, has.
_ALL_RIGHTS = (1 << 15) - 1
_READ_RIGHTS = 0b1101  # execute, read a file, read a folder
_OWN_RIGHTS = _ALL_RIGHTS & ~(1 << 6 | 1 << 9 | 1 << 11)  # no device and no socket
_FILE_RIGHTS = 0b111 | 1 << 14
_OLDEST_LANDLOCK = 3  # the first that also guards truncation
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF, _CAPSET = 444, 445, 446, 126
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2
# Read by an interpreter beside its own folders.
_SYSTEM = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom", "/proc/self", "/proc/cpuinfo", "/proc/meminfo",
           "/proc/stat", "/sys/devices/system/cpu")  # fmt: skip

# Calls of x86-64 that are refused: sockets, processes, signals to others, rights, owners and times of files, mounts, System V
# and anonymous memory, limits, modules and clocks.
_ARCHITECTURE = 0xC000003E
_DENIED = (
    41, 57, 58, 59, 322, 62, 200, 234, 129, 297, 424, 434, 101, 310, 311, 90, 91, 268, 452, 92, 93, 94, 260, 188, 189, 190,
    197, 198, 199, 463, 466, 132, 235, 261, 280, 165, 166, 155, 161, 272, 308, 428, 429, 430, 431, 432, 433, 442, 425, 426, 427,
    321, 298, 248, 249, 250, 175, 313, 176, 246, 320, 169, 167, 168, 170, 171, 164, 227, 305, 159, 163, 179, 103, 172, 173, 323,
    304, 319, 447, 29, 64, 68, 160, 141, 314, 142, 144, 203,
)  # fmt: skip
_CLONE, _CLONE3, _PRLIMIT, _THREAD = 56, 435, 302, 0x10000


@dataclass(frozen=True, slots=True)
class IsolatedRun:
    """What became of a run.

    Args:
        output: what it printed, on both streams.
        error: the exception that ended it, or the limit that it met; '' if it ended by itself.
        line: where in the code; 0 if unknown.
        seconds: how long it ran.
    """

    output: str
    error: str
    line: int
    seconds: float


def lacking() -> str:
    """What this system lacks for isolation, '' if nothing."""
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        return f"isolation is known for Linux on x86-64 alone, this is {platform.system()} on {platform.machine()}"
    version = ctypes.CDLL(None, use_errno=True).syscall(_CREATE_RULESET, None, 0, 1)
    if version < _OLDEST_LANDLOCK:
        return "this kernel has no Landlock of version 3 (Linux 6.2), which confines files"
    return ""


def run_isolated(
    code: str, name: str, folder: Path, *, seconds: float = SECONDS, memory: int = BYTES
) -> IsolatedRun:
    """Run Python code in a folder, the only place where it can write.

    It sees the installed packages and an environment without the user's variables.

    Args:
        code: the program.
        name: of its file, for its traceback.
        folder: its working folder.
        seconds: how long it may run.
        memory: bytes that it may map.

    Raises:
        InputError: the system offers no isolation.
    """
    from yukawa.core.errors import InputError

    missing = lacking()
    if missing:
        raise InputError(f"nothing was run: {missing}")
    environment = {
        "PATH": os.defpath, "HOME": str(folder), "TMPDIR": str(folder), "MPLBACKEND": "Agg", "MPLCONFIGDIR": str(folder),
        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "LANG": "C.UTF-8",
    }  # fmt: skip
    job = {"code": code, "name": name, "folder": str(folder), "seconds": seconds, "memory": memory}
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as report:
        began = time.monotonic()
        child = subprocess.Popen(  # noqa: S603 - this file, confined before anything of the code runs
            [sys.executable, "-I", "-B", __file__, str(report.fileno())], cwd=folder, env=environment, stdin=subprocess.PIPE,
            stdout=printed, stderr=printed, pass_fds=(report.fileno(),), start_new_session=True,
        )  # fmt: skip
        limit = _watched(child, json.dumps(job).encode(), folder, printed.fileno(), began + seconds)
        spent = time.monotonic() - began
        printed.seek(0)
        output = printed.read(_OUTPUT).decode("utf-8", "replace")
        report.seek(0)
        said = report.read(_OUTPUT).decode("utf-8", "replace")
    if child.returncode == _REFUSED:
        raise InputError(f"nothing was run: {said or output}")
    error, line = _ending(said)
    if not limit and not said and child.returncode:
        limit = f"it died with exit code {child.returncode}"
    return IsolatedRun(output, limit or error, line, spent)


def _watched(child: "subprocess.Popen[bytes]", job: bytes, folder: Path, printed: int, end: float) -> str:
    """Hand the job over and wait; the limit for which the child was stopped, '' if it ended by itself."""
    assert child.stdin is not None  # noqa: S101 - it was opened as a pipe
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(job)
        child.stdin.close()
    limit = ""
    while child.poll() is None:
        if time.monotonic() > end:
            limit = "it ran too long and was stopped"
        elif _size(folder) > _FOLDER_BYTES:
            limit = "it wrote too much and was stopped"
        elif os.fstat(printed).st_size > _PRINTED:
            break
        if limit:
            child.kill()
            child.wait()
            return limit
        time.sleep(_POLL)
    if os.fstat(printed).st_size > _PRINTED:  # it may have been stopped by the limit of its files before
        child.kill()
        child.wait()
        return f"it printed more than {_PRINTED >> 20} MiB and was stopped"
    return ""


def _size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # it may be gone by now
                total += os.lstat(os.path.join(place, name)).st_size
    return total


def _ending(said: str) -> tuple[str, int]:
    """Error and line of the child's report, which code inside may have forged: any text is taken."""
    try:
        found = json.loads(said or "{}")
        return str(found.get("error", ""))[:500], int(found.get("line", 0))
    except (ValueError, AttributeError, TypeError, RecursionError):
        return "its report cannot be read", 0


# ---- in the child --------------------------------------------------------------------------------


def _child(report: int) -> int:
    """Confine this process, then run the code; its report goes to a file that is open already."""
    job = json.load(sys.stdin.buffer)
    try:
        compiled = compile(job["code"], job["name"], "exec")
        _limit(job["seconds"], job["memory"])
        _confine_files(job["folder"])
        _confine_calls()
    except (OSError, ValueError) as error:
        os.write(report, str(error).encode())
        return _REFUSED
    found: dict[str, Any] = {}
    try:
        exec(compiled, {"__name__": "__main__", "__file__": job["name"]})  # noqa: S102 - what this file is for
    except SystemExit as error:
        if error.code not in (None, 0):
            found = {"error": f"it exits with {error.code}"}
    except BaseException as error:  # noqa: BLE001 - whatever ends the code is reported
        frames, here = error.__traceback__, 0
        while frames is not None:
            if frames.tb_frame.f_code.co_filename == job["name"]:
                here = frames.tb_lineno
            frames = frames.tb_next
        text = " ".join(str(error).split())
        found = {"error": f"{type(error).__name__}: {text}" if text else type(error).__name__, "line": here}
    sys.stdout.flush()
    os.write(report, json.dumps(found).encode())
    return 0


def _limit(seconds: float, memory: int) -> None:
    whole = int(seconds) + 1
    for kind, most in (
        (resource.RLIMIT_CPU, whole), (resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, _FILE_BYTES),
        (resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, 256),
    ):  # fmt: skip
        resource.setrlimit(kind, (most, most))


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("ports", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("place", ctypes.c_int32))


def _confine_files(folder: str) -> None:
    """Landlock: everything in the folder, reading of the interpreter and its packages, nothing else."""
    kernel = ctypes.CDLL(None, use_errno=True)
    version = kernel.syscall(_CREATE_RULESET, None, 0, 1)
    size = 8 if version < 4 else 16 if version < 6 else 24
    wanted = _Ruleset(_ALL_RIGHTS, 3, 3)  # ports and signals too, where the kernel knows them
    rules = _called(kernel, _CREATE_RULESET, ctypes.byref(wanted), size, 0)
    readable = {
        *_SYSTEM,
        *filter(None, sys.path),
        sys.prefix,
        sys.base_prefix,
        str(Path(sys.executable).resolve().parent),
    }
    for place, rights in (
        *((each, _READ_RIGHTS) for each in sorted(readable)),
        ("/dev/null", _FILE_RIGHTS),
        (folder, _OWN_RIGHTS),
    ):
        try:
            opened = os.open(place, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # another system has no /lib64
        allowed = rights if os.path.isdir(place) else rights & _FILE_RIGHTS
        beneath = _Beneath(allowed, opened)
        _called(kernel, _ADD_RULE, rules, 1, ctypes.byref(beneath), 0)
        os.close(opened)
    # What root may do beyond others: version 3 of the structure, all sets empty.
    _called(kernel, _CAPSET, (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
    if kernel.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError("the kernel refuses no_new_privs")
    _called(kernel, _RESTRICT_SELF, rules, 0)
    os.close(rules)


def _called(kernel: Any, *arguments: Any) -> int:
    result = int(kernel.syscall(*arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"isolation: {os.strerror(ctypes.get_errno())}")
    return result


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("yes", ctypes.c_uint8),
        ("no", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.c_void_p))


def filter_program() -> list[tuple[int, int, int, int]]:
    """The seccomp filter as instructions of BPF: code, jump if true, jump if false, value.

    `clone` is allowed for threads alone, `clone3` is said to be unknown so that `clone` is taken, and `prlimit64` may ask
    for limits but not set them.
    """
    load, equal, bits, give = 0x20, 0x15, 0x45, 0x06
    number, architecture, first, third = 0, 4, 16, 32  # offsets in struct seccomp_data
    allow, refuse, unknown, kill = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
    lines = [
        (load, 0, 0, architecture),
        (equal, 1, 0, _ARCHITECTURE),
        (give, 0, 0, kill),
        (load, 0, 0, number),
    ]
    lines += [(bits, 0, 1, 0x40000000), (give, 0, 0, kill)]  # the x32 numbers of the same calls
    for each in _DENIED:
        lines += [(equal, 0, 1, each), (give, 0, 0, refuse)]
    lines += [(equal, 0, 1, _CLONE3), (give, 0, 0, unknown)]
    lines += [
        (equal, 0, 4, _CLONE),
        (load, 0, 0, first),
        (bits, 0, 1, _THREAD),
        (give, 0, 0, allow),
        (give, 0, 0, refuse),
    ]
    lines += [
        (equal, 0, 5, _PRLIMIT),
        (load, 0, 0, third),
        (equal, 0, 2, 0),
        (load, 0, 0, third + 4),
        (equal, 1, 0, 0),
    ]
    return [*lines, (give, 0, 0, refuse), (give, 0, 0, allow)]


def _confine_calls() -> None:
    lines = filter_program()
    block = (_Instruction * len(lines))(*(_Instruction(*line) for line in lines))
    program = _Program(len(lines), ctypes.cast(block, ctypes.c_void_p))
    if ctypes.CDLL(None, use_errno=True).prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    sys.exit(_child(int(sys.argv[1])))
