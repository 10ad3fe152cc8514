"""Expressions of data configs: checked against an allow-list and kept as small trees; no text is ever executed."""

import ast
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import numpy as np

from yukawa.core.errors import InputError, nearest

LONGEST, DEEPEST, LARGEST = 10_000, 200, 2**53  # characters, nested operations, whole numbers


@dataclass(frozen=True)
class Constant:
    """A number."""

    value: float


@dataclass(frozen=True)
class Name:
    """The name of a column of the jets, or of a new variable."""

    name: str


@dataclass(frozen=True)
class Call:
    """A function of values: one of `FUNCTIONS` element by element, or one of `REDUCTIONS` over each jet's particles."""

    function: str
    arguments: "tuple[Node, ...]"


Node = Constant | Name | Call


class FourMomentum(NamedTuple):
    """A four-momentum, of which only components can be used."""

    px: Node
    py: Node
    pz: Node
    energy: Node


def columns_of(node: Node) -> Iterator[str]:
    """The names in an expression, left to right, with repetitions."""
    if isinstance(node, Name):
        yield node.name
    elif isinstance(node, Call):
        for argument in node.arguments:
            yield from columns_of(argument)


# ---- what is allowed ----


class Function(NamedTuple):
    """How many arguments a function takes, and the type to which it converts truth values ("" for none).

    NumPy would compute with truth values as numbers of 8 or 16 bits, or refuse them, as PyTorch does.
    """

    arguments: int
    truths: str


def _functions() -> Iterator[tuple[str, Function]]:
    for truths, names in {
        "": "add multiply true_divide minimum maximum less less_equal greater greater_equal equal not_equal bitwise_and "
            "bitwise_or bitwise_xor invert logical_and logical_or logical_not isfinite isnan isinf square",
        "int32": "subtract negative abs sign power floor_divide remainder",
        "float32": "log log1p log2 log10 exp expm1 sqrt sin cos tan sinh cosh tanh arcsin arccos arctan arcsinh "
                   "arccosh arctanh floor ceil hypot arctan2",
    }.items():  # fmt: skip
        for name in names.split():
            yield name, Function(getattr(np, name).nin, truths)
    for name in ("ones_like", "zeros_like", "nan_to_num", *TYPES):
        yield name, Function(1, "")
    for name in ("where", "clip"):
        yield name, Function(3, "")


TYPES = ("float32", "float64", "int32", "int64", "bool")
FUNCTIONS = dict(_functions())
REDUCTIONS = ("sum", "max", "min", "mean", "any", "all", "num")
CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf}
_SYNONYMS = {"absolute": "abs", "fabs": "abs", "divide": "true_divide", "mod": "remainder", "pow": "power",
             "atan2": "arctan2", "atan": "arctan", "asin": "arcsin", "acos": "arccos", "asinh": "arcsinh",
             "_clip": "clip", "bool_": "bool", "int": "int64", "float": "float64", "count": "num"}  # fmt: skip
_MODULES = ("np", "numpy", "ak", "awkward", "math")
_BARE = ("abs", "_clip")  # functions that weaver knows without a module
_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "true_divide",
    ast.FloorDiv: "floor_divide", ast.Mod: "remainder", ast.Pow: "power",
    ast.BitAnd: "bitwise_and", ast.BitOr: "bitwise_or", ast.BitXor: "bitwise_xor",
    ast.Lt: "less", ast.LtE: "less_equal", ast.Gt: "greater", ast.GtE: "greater_equal",
    ast.Eq: "equal", ast.NotEq: "not_equal",
    ast.USub: "negative", ast.Invert: "invert",
}  # fmt: skip
# px, py, pz and energy from the four arguments a, b, c and d of each function.
_MOMENTA = {
    "_p4_from_pxpypze": ("a", "b", "c", "d"),
    "_p4_from_ptetaphie": ("a * np.cos(c)", "a * np.sin(c)", "a * np.sinh(b)", "d"),
    "_p4_from_ptetaphim": ("a * np.cos(c)", "a * np.sin(c)", "a * np.sinh(b)", "np.hypot(a * np.cosh(b), d)"),
}
_P = "np.hypot(np.hypot(px, py), pz)"
_COMPONENTS = {
    "px": "px", "py": "py", "pz": "pz", "energy": "energy", "E": "energy",
    "pt": "np.hypot(px, py)", "eta": "np.arcsinh(pz / np.hypot(px, py))", "phi": "np.arctan2(py, px)",
    # (E - p)(E + p) keeps digits that E^2 - p^2 loses.
    "mass": f"np.sqrt(np.maximum((energy - {_P}) * (energy + {_P}), 0))",
    "p": _P, "theta": "np.arctan2(np.hypot(px, py), pz)",
}  # fmt: skip


# ---- parsing ----


def parse(text: str, momenta: Mapping[str, FourMomentum] | None = None, *, bare: bool = False) -> Node:
    """The tree of an expression such as `np.log(part_pt / jet_pt)`.

    `momenta` are new variables that are four-momenta, of which components may be used; with `bare`, functions need no
    module, as in `log(b / c)`.

    Raises:
        InputError: the text is not an expression, or uses a word that is not allowed.
    """
    tree = _ExpressionParser(str(text), momenta or {}, bare=bare).parse()
    if isinstance(tree, FourMomentum):
        raise InputError(
            f"the expression {_short(text)} is a four-momentum; a component, such as .px, is expected"
        )
    return tree


def parse_any(text: str, momenta: Mapping[str, FourMomentum] | None = None) -> Node | FourMomentum:
    """Parse as `parse` does, for a new variable, which may also be a four-momentum."""
    return _ExpressionParser(str(text), momenta or {}).parse()


def _short(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= 80 else text[:77] + "...")


class _ExpressionParser:
    """Turns Python's syntax tree of one expression into ours, and refuses everything that is not listed.

    `known` are names that mean nodes; with `bare`, functions need no module.
    """

    def __init__(self, text: str, known: Mapping[str, Node | FourMomentum], *, bare: bool = False) -> None:
        self.text, self.known, self.bare = text, known, bare

    def parse(self) -> Node | FourMomentum:
        """The whole expression."""
        if len(self.text) > LONGEST:
            raise InputError(
                f"the expression {_short(self.text)} has {len(self.text):,} characters, more than {LONGEST:,}"
            )
        try:
            tree = ast.parse(" ".join(self.text.split()), mode="eval")
        except (SyntaxError, ValueError) as error:
            reason = error.msg if isinstance(error, SyntaxError) else str(error)
            raise InputError(f"the expression {_short(self.text)} cannot be read: {reason}") from None
        except (RecursionError, MemoryError):
            self.refuse_depth()
        level: list[ast.AST] = [tree.body]
        for _ in range(DEEPEST):
            level = [child for parent in level for child in ast.iter_child_nodes(parent)]
        if level:
            self.refuse_depth()
        return self.any(tree.body)

    def refuse(self, what: str, hint: str = "") -> NoReturn:
        raise InputError(f"the expression {_short(self.text)} uses {what}", hint=hint)

    def refuse_depth(self) -> NoReturn:
        self.refuse(f"operations nested more than {DEEPEST} deep", "split it into several new variables")

    def any(self, tree: ast.expr) -> Node | FourMomentum:
        """A part that is a value or a four-momentum."""
        match tree:
            case ast.Constant(value=value):
                return self.number(value)
            case ast.Name(id=name):
                if name.startswith("__") or name in (*_MODULES, "True", "False"):
                    self.refuse(f"{name}, which is not a column")
                return self.known.get(name, Name(name))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.one(operand)
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
                return self.apply(_OPERATORS[type(op)], [operand])
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return self.apply(_OPERATORS[type(op)], [left, right])
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPERATORS:
                return self.apply(_OPERATORS[type(op)], [left, right])
            case ast.Attribute(value=ast.Name(id=module), attr=name) if module in _MODULES:
                if name not in CONSTANTS:
                    self.refuse(
                        f"{module}.{name}, which is not a constant", f"allowed: {', '.join(CONSTANTS)}"
                    )
                return Constant(CONSTANTS[name])
            case ast.Attribute(value=owner, attr=name):
                return self.component(self.any(owner), name)
            case ast.Subscript(value=value, slice=where) if ast.unparse(where).strip("()") in _NEW_AXIS:
                return self.one(value)  # values of jets meet those of particles without it
            case ast.Call():
                return self.call(tree)
        self.refuse_syntax(tree)

    def one(self, tree: ast.expr) -> Node:
        """A part of a calculation: numbers, not a whole four-momentum."""
        node = self.any(tree)
        if isinstance(node, FourMomentum):
            self.refuse(
                "a whole four-momentum in a calculation", f"use a component: {', '.join(_COMPONENTS)}"
            )
        return node

    def number(self, value: object) -> Constant:
        if isinstance(value, float) or (isinstance(value, int) and abs(value) <= LARGEST):
            return Constant(value)
        kind = "a number too large" if isinstance(value, int) else f"a {type(value).__name__}"
        self.refuse(f"{kind} ({_short(str(value))})", "constants are numbers up to 2**53")

    def apply(self, function: str, given: Sequence[ast.expr]) -> Node:
        """A function of values; of numbers alone, its result."""
        arguments = tuple(map(self.one, given))
        numbers = [argument.value for argument in arguments if isinstance(argument, Constant)]
        return Call(function, arguments) if len(numbers) < len(arguments) else self.result(function, numbers)

    def result(self, function: str, numbers: Sequence[float]) -> Constant:
        """What a function gives of numbers, which must be finite if they are."""
        # As float64: whole numbers of NumPy would wrap around, those of Python would grow without end.
        real = not function.startswith("bitwise") and function != "invert"
        given = [np.asarray(float(x) if real else x) for x in numbers]
        with np.errstate(all="ignore"):
            try:
                cast = function in TYPES
                result = (given[0].astype(function) if cast else getattr(np, function)(*given)).item()
            except (TypeError, ValueError) as error:
                self.refuse(
                    f"{function} of {', '.join(map(str, numbers))}, which cannot be computed: {error}"
                )
        if not math.isfinite(result) and all(map(math.isfinite, numbers)):
            self.refuse(f"{function} of {', '.join(map(str, numbers))}, which is not finite")
        whole = isinstance(result, float) and result.is_integer() and all(isinstance(x, int) for x in numbers)
        return Constant(int(result) if whole and abs(result) <= LARGEST else result)

    def call(self, tree: ast.Call) -> Node | FourMomentum:
        """A call of a function, or of the method `astype`."""
        given = tree.args
        keywords: dict[Any, ast.expr] = {keyword.arg: keyword.value for keyword in tree.keywords}
        if None in keywords or any(isinstance(argument, ast.Starred) for argument in given):
            self.refuse("* before an argument")
        match tree.func:
            case ast.Attribute(value=ast.Name(id=module), attr=name) if module in _MODULES:
                spelled = f"{module}.{name}"
            case ast.Name(id=name):
                spelled = name
                if name not in (*_BARE, *_MOMENTA) and not (
                    self.bare and _SYNONYMS.get(name, name) in FUNCTIONS
                ):
                    self.refuse_function(name)
            case ast.Attribute(value=owner, attr="astype") if len(given) == 1 and not keywords:
                return self.cast(self.one(owner), given[0])
            case ast.Attribute(attr=name):
                self.refuse_function(f".{name}()")
            case other:
                self.refuse_syntax(other)
        if name in _MOMENTA:
            if keywords or len(given) != 4:
                self.refuse(f"{name} with other than four arguments")
            values = list(map(self.one, given))
            return FourMomentum(*(_formula(text, "abcd", values) for text in _MOMENTA[name]))
        if name == "to_numpy" and len(given) == 1 and not keywords:
            return self.one(given[0])
        if name == "values_astype" and len(given) == 2 and not keywords:
            return self.cast(self.one(given[0]), given[1])
        return self.function(_SYNONYMS.get(name, name), spelled, given, keywords)

    def function(
        self, name: str, spelled: str, given: Sequence[ast.expr], keywords: dict[Any, ast.expr]
    ) -> Node:
        """A function by its plain name; `spelled` is how the expression names it."""
        if name in REDUCTIONS:
            return self.reduction(name, spelled, given, keywords)
        if name not in FUNCTIONS:
            self.refuse_function(spelled)
        cast = keywords.pop("dtype", None) if name.endswith("_like") else None
        if keywords:
            self.refuse(f"the argument {', '.join(map(str, keywords))} of {spelled}, which it cannot take")
        if len(given) != FUNCTIONS[name].arguments:
            self.refuse(f"{spelled} with {len(given)} arguments; it takes {FUNCTIONS[name].arguments}")
        node = self.apply(name, given)
        return node if cast is None else self.cast(node, cast)

    def reduction(
        self, name: str, spelled: str, given: Sequence[ast.expr], keywords: dict[Any, ast.expr]
    ) -> Node:
        """A function over the particles of each jet."""
        axis = keywords.pop("axis", given[1] if len(given) == 2 else None)
        if keywords or len(given) not in (1, 2):
            self.refuse(f"{spelled} with arguments it cannot take", f"type: {spelled}(values, axis=1)")
        if axis is None and name != "num":
            self.refuse(
                f"{spelled} without an axis", f"over the particles of each jet: {spelled}(values, axis=1)"
            )
        if axis is not None and ast.unparse(axis) not in ("1", "-1"):
            self.refuse(
                f"{spelled} over the axis {ast.unparse(axis)}", "axis=1 is over the particles of each jet"
            )
        return Call(name, (self.one(given[0]),))

    def component(self, owner: Node | FourMomentum, name: str) -> Node:
        """A component of a four-momentum."""
        if not isinstance(owner, FourMomentum):
            hint = f"four-momenta come from {', '.join(_MOMENTA)}"
            self.refuse(f".{name}, but only four-momenta have components", hint)
        if name not in _COMPONENTS:
            self.refuse(f".{name}, which four-momenta do not have", f"allowed: {', '.join(_COMPONENTS)}")
        return _formula(_COMPONENTS[name], FourMomentum._fields, owner)

    def cast(self, node: Node, kind: ast.expr) -> Node:
        """A value as another type of numbers."""
        word = ast.unparse(kind).strip("'").rpartition(".")[2]
        name = _SYNONYMS.get(word, word)
        if name not in TYPES:
            self.refuse(f"the type {word}", f"allowed: {', '.join(TYPES)}")
        return Call(name, (node,))

    def refuse_function(self, spelled: str) -> NoReturn:
        """Refuse a function, and name those that are allowed."""
        allowed = sorted({*FUNCTIONS, *REDUCTIONS})
        near = nearest(spelled.rpartition(".")[2].removesuffix("()"), allowed)
        also = ", ".join([*_BARE, *_MOMENTA])
        self.refuse(
            f"the function {spelled}, which is not allowed" + (f"; near is np.{near}" if near else ""),
            f"allowed after np., ak. or math.: {', '.join(allowed)}; without: {also}",
        )

    def refuse_syntax(self, tree: ast.expr) -> NoReturn:
        """Refuse what is not arithmetic, and say how to write it."""
        hint = "allowed: numbers, columns, + - * / // % **, one comparison at a time, & | ^ ~, and calls of functions"
        match tree:
            case ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
                hint = "write & | ~ and parentheses for and, or, not"
            case ast.Compare():
                hint = "compare two values at a time: (a < b) & (b < c)"
            case ast.IfExp():
                hint = "write np.where(condition, a, b)"
        self.refuse(f"{ast.unparse(tree)[:60]}, which is not allowed", hint)


_NEW_AXIS = (":, None", ":, np.newaxis", ":, numpy.newaxis")  # the subscripts that are allowed


def _formula(text: str, names: Sequence[str], values: Sequence[Node]) -> Node:
    """One of our own formulas with nodes in place of its names."""
    return _ExpressionParser(text, dict(zip(names, values, strict=True))).one(
        ast.parse(text, mode="eval").body
    )
