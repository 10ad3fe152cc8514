"""Whether two expressions are equal, by SymPy in a process of its own that a hostile one cannot outlast."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence

from yukawa.core.errors import ModelError, check_installed
from yukawa.core.files import parse_json

SECONDS = 60.0
_LONGEST = 300  # characters
_FUNCTIONS = (
    "sin",
    "cos",
    "tan",
    "exp",
    "log",
    "sqrt",
    "sinh",
    "cosh",
    "tanh",
    "asin",
    "acos",
    "atan",
    "pi",
    "E",
)
_TOKEN = re.compile(
    r"(?<!\s)\s*+(?:(?P<name>[A-Za-z]\w{0,15})|(?P<number>\d{1,12}(?:\.\d{1,12})?)|\*\*|[-+*/()^])"
)
_NAME = re.compile(r"[A-Za-z]\w*")
# Reads pairs of expressions as JSON, writes for each whether they are equal. Names are symbols: nothing else is known.
_PROGRAM = f"""
import json, sys
import resource, signal
resource.setrlimit(resource.RLIMIT_AS, (1 << 31, 1 << 31))
import sympy
from sympy.parsing.sympy_parser import parse_expr, standard_transformations, convert_xor
known = {{name: getattr(sympy, name) for name in {_FUNCTIONS!r}}}
known |= {{name: getattr(sympy, name) for name in ("Symbol", "Integer", "Float", "Rational")}}
def late(*_): raise TimeoutError
signal.signal(signal.SIGALRM, late)
def read(text, names):
    symbols = {{name: sympy.Symbol(name, positive=True) for name in names if name not in known}}
    how = (*standard_transformations, convert_xor)
    return parse_expr(text, local_dict=known | symbols, global_dict={{"__builtins__": {{}}, **known}}, transformations=how)
found = []
for (one, two), names in json.load(sys.stdin):
    signal.alarm(5)
    try:
        found.append(bool(sympy.simplify(read(one, names) - read(two, names)) == 0))
    except BaseException:
        found.append(False)
    finally:
        signal.alarm(0)
json.dump(found, sys.stdout)
"""


def equal_expressions(pairs: Sequence[tuple[str, str]]) -> list[bool]:
    """Which pairs of expressions are equal for positive values of their symbols; what cannot be read equals nothing.

    Only numbers, names, functions, brackets and + - * / ^ are read, of at most 300 characters; "=" separates a left side,
    which is not read. An expression has five seconds, all of them together a minute.

    Raises:
        MissingPackage: SymPy is not installed.
        ModelError: the comparison did not end in time.
    """
    if not pairs:
        return []
    check_installed("sympy", "comparing expressions")
    plain = [(_plain(one), _plain(two)) for one, two in pairs]
    asked = [k for k, (one, two) in enumerate(plain) if one and two]
    rows = [[plain[k], sorted({*_NAME.findall(plain[k][0]), *_NAME.findall(plain[k][1])})] for k in asked]
    try:
        done = subprocess.run(  # noqa: S603 -- our own program; what it reads comes as data
            [sys.executable, "-I", "-c", _PROGRAM], input=json.dumps(rows), capture_output=True, text=True,
            timeout=SECONDS, check=True,
        )  # fmt: skip
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        raise ModelError(f"SymPy did not compare {len(rows)} expressions: {type(error).__name__}") from None
    found = [False] * len(pairs)
    for k, same in zip(asked, parse_json(done.stdout, "the comparison"), strict=True):
        found[k] = same
    return found


def _plain(text: str) -> str:
    """An expression that is safe to read; empty where it holds anything else."""
    text = text.replace("$", "").replace("·", "*").replace("−", "-").strip().rstrip(".")
    text = text.rpartition("=")[2].strip()
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None or len(text) > _LONGEST or "__" in found[0]:
            return ""
        place = found.end()
    return text if _powers_are_small(text) else ""


def _powers_are_small(text: str) -> bool:
    """Whether no power is a tower or has a large number: 9**9**9 would fill the memory."""
    powers = re.findall(r"(?:\*\*|\^)\s*\(?-?\s*(\w*)", text)
    return (
        len(powers) <= 12
        and all(not power.isdigit() or int(power) <= 64 for power in powers)
        and not re.search(r"\d\s*(?:\*\*|\^)\s*\(?\d+\)?\s*(?:\*\*|\^)", text)
    )
