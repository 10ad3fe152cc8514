"""The expressions of data configs: parsed against an allow-list into a small tree; no text is ever executed."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NoReturn, Protocol

import numpy as np

from yukawa.core.errors import InputError, nearest

LONGEST, DEEPEST, LARGEST = 10_000, 200, 2**53  # characters, nested operations, whole numbers


@dataclass(frozen=True)
class Constant:
    """A number of the text."""

    value: float


@dataclass(frozen=True)
class Column:
    """A column of the jets, or a new variable."""

    name: str


@dataclass(frozen=True)
class Apply:
    """A function of values element by element."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Reduce:
    """One value for each jet from those of its particles."""

    function: str
    argument: Node


@dataclass(frozen=True)
class Momentum:
    """A four-momentum; only its components and what follows from them can be used."""

    px: Node
    py: Node
    pz: Node
    energy: Node


Node = Constant | Column | Apply | Reduce


class Level(IntEnum):
    """What has a value of its own; a value of a lower level counts for all that belongs to it."""

    CONSTANT = 0
    JET = 1
    PARTICLE = 2


@dataclass(frozen=True)
class Value:
    """A computed value: a number, an array over jets, or an array over particles."""

    level: Level
    data: Any


class Frame(Protocol):
    """Where columns come from and how functions are computed: NumPy over flat arrays, or PyTorch over padded ones."""

    def column(self, name: str) -> Value:
        """The value of a column or new variable."""

    def raised(self, value: Value, level: Level) -> Any:
        """The data of `value` in the shape that `level` has."""

    def apply(self, function: str, arguments: Sequence[Any]) -> Any:
        """A function of `ELEMENTWISE`."""

    def reduce(self, function: str, value: Value) -> Any:
        """A function of `REDUCTIONS` over the particles of each jet."""


def evaluate(node: Node, frame: Frame) -> Value:
    """Compute an expression; jet values meet particle values by counting for each particle of their jet."""
    match node:
        case Constant(value):
            return Value(Level.CONSTANT, value)
        case Column(name):
            return frame.column(name)
        case Apply(function, arguments):
            values = [evaluate(argument, frame) for argument in arguments]
            level = max(value.level for value in values)
            return Value(level, frame.apply(function, [frame.raised(value, level) for value in values]))
        case Reduce(function, argument):
            return Value(Level.JET, frame.reduce(function, evaluate(argument, frame)))


def columns_of(node: Node) -> Iterator[str]:
    """The names in an expression, left to right, with repetitions."""
    match node:
        case Column(name):
            yield name
        case Apply(_, arguments):
            for argument in arguments:
                yield from columns_of(argument)
        case Reduce(_, argument):
            yield from columns_of(argument)


# ---- functions ----------------------------------------------------------------------------------------------


# Canonical name to (fewest and most arguments, NumPy function).
ELEMENTWISE: dict[str, tuple[int, int, Callable[..., Any]]] = {
    **{name: (2, 2, getattr(np, name)) for name in
       "add multiply true_divide floor_divide remainder power arctan2 hypot minimum maximum "
       "less less_equal greater greater_equal equal not_equal "
       "bitwise_and bitwise_or bitwise_xor logical_and logical_or".split()},
    **{name: (1, 1, getattr(np, name)) for name in
       "log log1p log2 log10 exp expm1 sqrt square sin cos tan sinh cosh tanh arcsin arccos arctan "
       "arcsinh arccosh arctanh sign floor ceil isfinite isnan isinf invert logical_not "
       "ones_like zeros_like".split()},
    "abs": (1, 1, np.abs),
    "negative": (1, 1, np.negative),
    "subtract": (2, 2, np.subtract),
    "where": (3, 3, np.where),
    "clip": (3, 3, lambda x, low, high: np.minimum(np.maximum(x, low), high)),
    "nan_to_num": (1, 1, np.nan_to_num),
    **{name: (1, 1, lambda x, to=name: np.asarray(x).astype(to)) for name in
       ("float32", "float64", "int32", "int64", "bool")},
}  # fmt: skip
# Of truth values these give whole numbers, for which NumPy or PyTorch has to be given whole numbers,
TO_WHOLE = ("subtract", "negative", "abs", "sign", "power", "floor_divide", "remainder")
# and these give real numbers, for which NumPy would take those of 16 bits.
TO_REAL = ("log log1p log2 log10 exp expm1 sqrt sin cos tan sinh cosh tanh arcsin arccos arctan arcsinh arccosh "
           "arctanh floor ceil hypot arctan2".split())  # fmt: skip
REDUCTIONS = ("sum", "max", "min", "mean", "any", "all", "num")
CONSTANTS = {"pi": math.pi, "e": math.e, "inf": math.inf}

_SYNONYMS = {"absolute": "abs", "fabs": "abs", "divide": "true_divide", "mod": "remainder", "pow": "power",
             "atan2": "arctan2", "atan": "arctan", "asin": "arcsin", "acos": "arccos", "asinh": "arcsinh",
             "_clip": "clip", "bool_": "bool", "int": "int64", "float": "float64", "count": "num"}  # fmt: skip
_TYPES = ("float32", "float64", "int32", "int64", "bool")
_BITWISE = ("bitwise_and", "bitwise_or", "bitwise_xor", "invert")
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
MOMENTA = ("_p4_from_pxpypze", "_p4_from_ptetaphie", "_p4_from_ptetaphim")
COMPONENTS = ("px", "py", "pz", "energy", "E", "pt", "eta", "phi", "mass", "p", "theta")


# ---- parsing ------------------------------------------------------------------------------------------------


def parse(text: str, momenta: Mapping[str, Momentum] | None = None) -> Node:
    """The tree of an expression such as `np.log(part_pt / jet_pt)`.

    `momenta` are new variables that are four-momenta, of which components may be used.

    Raises:
        InputError: the text is no expression, or uses a word that is not allowed.
    """
    tree = parse_any(text, momenta)
    if isinstance(tree, Momentum):
        raise InputError(
            f"the expression {_short(text)} is a four-momentum; a component, such as .px, is expected"
        )
    return tree


def parse_any(text: str, momenta: Mapping[str, Momentum] | None = None) -> Node | Momentum:
    """As `parse`, for a new variable, which may also be a four-momentum."""
    return _Parser(str(text), momenta or {}).parse()


def _short(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= 80 else text[:77] + "...")


class _Parser:
    """Turns Python's syntax tree of one expression into ours, refusing everything that is not listed."""

    def __init__(self, text: str, momenta: Mapping[str, Momentum]) -> None:
        self.text = text
        self.momenta = momenta

    def parse(self) -> Node | Momentum:
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
        return self.any(tree.body, 0)

    def refuse(self, what: str, hint: str = "") -> NoReturn:
        raise InputError(f"the expression {_short(self.text)} uses {what}", hint=hint)

    def refuse_depth(self) -> NoReturn:
        self.refuse(f"operations nested more than {DEEPEST} deep", "split it into several new variables")

    def any(self, tree: ast.expr, depth: int) -> Node | Momentum:
        """A part that is a value or a four-momentum."""
        if depth > DEEPEST:
            self.refuse_depth()
        match tree:
            case ast.Constant(value=value):
                return self.number(value)
            case ast.Name(id=name):
                if name in self.momenta:
                    return self.momenta[name]
                if name.startswith("__") or name in _MODULES or name in ("True", "False"):
                    self.refuse(f"{name}, which is no column")
                return Column(name)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.one(operand, depth + 1)
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
                return self.apply(_OPERATORS[type(op)], [self.one(operand, depth + 1)])
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                pair = [self.one(left, depth + 1), self.one(right, depth + 1)]
                return self.apply(_OPERATORS[type(op)], pair)
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPERATORS:
                pair = [self.one(left, depth + 1), self.one(right, depth + 1)]
                return self.apply(_OPERATORS[type(op)], pair)
            case ast.Attribute(value=ast.Name(id=module), attr=name) if module in _MODULES:
                if name not in CONSTANTS:
                    self.refuse(f"{module}.{name}, which is no constant", f"allowed: {', '.join(CONSTANTS)}")
                return Constant(CONSTANTS[name])
            case ast.Attribute(value=owner, attr=name):
                return self.component(self.any(owner, depth + 1), name)
            case ast.Subscript(value=value, slice=where) if _adds_axis(where):
                return self.one(value, depth + 1)  # jet values meet particles without it
            case ast.Call():
                return self.call(tree, depth)
        self.refuse_syntax(tree)

    def one(self, tree: ast.expr, depth: int) -> Node:
        node = self.any(tree, depth)
        if isinstance(node, Momentum):
            self.refuse("a whole four-momentum in a calculation", f"use a component: {', '.join(COMPONENTS)}")
        return node

    def number(self, value: object) -> Constant:
        if isinstance(value, float) or (isinstance(value, int) and abs(value) <= LARGEST):
            return Constant(value)
        kind = "a number too large" if isinstance(value, int) else f"a {type(value).__name__}"
        self.refuse(f"{kind} ({_short(str(value))})", "constants are numbers up to 2**53")

    def apply(self, function: str, arguments: Sequence[Node]) -> Node:
        """The function, already computed if all its arguments are numbers."""
        numbers = [argument.value for argument in arguments if isinstance(argument, Constant)]
        if len(numbers) < len(arguments):
            return Apply(function, tuple(arguments))
        # As float64: whole numbers of NumPy would wrap around, those of Python would grow without end.
        given = [np.asarray(x if function in _BITWISE else float(x)) for x in numbers]
        with np.errstate(all="ignore"):
            try:
                result = ELEMENTWISE[function][2](*given).item()
            except (TypeError, ValueError) as error:
                self.refuse(
                    f"{function} of {', '.join(map(str, numbers))}, which cannot be computed: {error}"
                )
        if not math.isfinite(result) and all(map(math.isfinite, numbers)):
            self.refuse(f"{function} of {', '.join(map(str, numbers))}, which is not finite")
        whole = isinstance(result, float) and result.is_integer() and all(isinstance(x, int) for x in numbers)
        return Constant(int(result) if whole and abs(result) <= LARGEST else result)

    def call(self, tree: ast.Call, depth: int) -> Node | Momentum:
        """A call of a function or of the method `astype`."""
        keywords = {keyword.arg: keyword.value for keyword in tree.keywords}
        if None in keywords or any(isinstance(argument, ast.Starred) for argument in tree.args):
            self.refuse("* before an argument")
        match tree.func:
            case ast.Attribute(value=ast.Name(id=module), attr=name) if module in _MODULES:
                spelled = f"{module}.{name}"
            case ast.Name(id=name):
                spelled = name
                if name not in (*_BARE, *MOMENTA):
                    self.refuse_function(name)
            case ast.Attribute(value=owner, attr="astype") if len(tree.args) == 1 and not keywords:
                return Apply(self.type(tree.args[0]), (self.one(owner, depth + 1),))
            case ast.Attribute(attr=name):
                self.refuse_function(f".{name}()")
            case other:
                self.refuse_syntax(other)
        if name in MOMENTA:
            return self.momentum(name, tree.args, keywords, depth)
        if (
            name in ("to_numpy", "values_astype")
            and not keywords
            and len(tree.args) == 1 + (name != "to_numpy")
        ):
            inner = self.one(tree.args[0], depth + 1)
            return inner if name == "to_numpy" else Apply(self.type(tree.args[1]), (inner,))
        return self.function(_SYNONYMS.get(name, name), spelled, tree.args, keywords, depth)

    def function(
        self, name: str, spelled: str, given: Sequence[ast.expr], keywords: dict[Any, ast.expr], depth: int
    ) -> Node:
        """A function by its plain name; `spelled` is how the expression names it."""
        if name in REDUCTIONS:
            return self.reduction(name, spelled, given, keywords, depth)
        if name not in ELEMENTWISE:
            self.refuse_function(spelled)
        cast = keywords.pop("dtype", None) if name.endswith("_like") else None
        if keywords:
            self.refuse(f"the argument {', '.join(map(str, keywords))} of {spelled}, which it cannot take")
        fewest, most, _ = ELEMENTWISE[name]
        if not fewest <= len(given) <= most:
            self.refuse(f"{spelled} with {len(given)} arguments; it takes {fewest}")
        node = self.apply(name, [self.one(argument, depth + 1) for argument in given])
        return node if cast is None else Apply(self.type(cast), (node,))

    def reduction(
        self, name: str, spelled: str, given: Sequence[ast.expr], keywords: dict[Any, ast.expr], depth: int
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
        return Reduce(name, self.one(given[0], depth + 1))

    def momentum(
        self, name: str, given: Sequence[ast.expr], keywords: dict[Any, ast.expr], depth: int
    ) -> Momentum:
        """A four-momentum from four values, whichever they are, as px, py, pz and energy."""
        if keywords or len(given) != 4:
            self.refuse(f"{name} with other than four arguments")
        a, b, c, d = (self.one(argument, depth + 1) for argument in given)
        if name == "_p4_from_pxpypze":
            return Momentum(a, b, c, d)
        px, py, pz = (
            Apply("multiply", (a, Apply(function, (angle,))))
            for function, angle in (("cos", c), ("sin", c), ("sinh", b))
        )
        energy = d
        if name == "_p4_from_ptetaphim":
            momentum = Apply("multiply", (a, Apply("cosh", (b,))))
            energy = Apply("hypot", (momentum, d))
        return Momentum(px, py, pz, energy)

    def component(self, owner: Node | Momentum, name: str) -> Node:
        """A component of a four-momentum."""
        if not isinstance(owner, Momentum):
            self.refuse(
                f".{name}, but only four-momenta have components",
                f"four-momenta come from {', '.join(MOMENTA)}",
            )
        pt = Apply("hypot", (owner.px, owner.py))
        p = Apply("hypot", (pt, owner.pz))
        match name:
            case "px" | "py" | "pz" | "energy":
                return getattr(owner, name)
            case "E":
                return owner.energy
            case "pt":
                return pt
            case "p":
                return p
            case "phi":
                return Apply("arctan2", (owner.py, owner.px))
            case "theta":
                return Apply("arctan2", (pt, owner.pz))
            case "eta":
                return Apply("arcsinh", (Apply("true_divide", (owner.pz, pt)),))
            case "mass":
                # (E - p)(E + p) keeps digits that E^2 - p^2 loses.
                sides = [Apply(function, (owner.energy, p)) for function in ("subtract", "add")]
                return Apply("sqrt", (Apply("maximum", (Apply("multiply", tuple(sides)), Constant(0))),))
        self.refuse(f".{name}, which no four-momentum has", f"allowed: {', '.join(COMPONENTS)}")

    def type(self, tree: ast.expr) -> str:
        word = ast.unparse(tree).strip("'").rpartition(".")[2]
        name = _SYNONYMS.get(word, word)
        if name not in _TYPES:
            self.refuse(f"the type {word}", f"allowed: {', '.join(_TYPES)}")
        return name

    def refuse_function(self, spelled: str) -> NoReturn:
        """Refuse a function, and name those that are allowed."""
        allowed = sorted({*ELEMENTWISE, *REDUCTIONS})
        near = nearest(spelled.rpartition(".")[2].removesuffix("()"), allowed)
        also = ", ".join([*_BARE, *MOMENTA])
        self.refuse(
            f"the function {spelled}, which is not allowed" + (f"; near is np.{near}" if near else ""),
            f"allowed after np., ak. or math.: {', '.join(allowed)}; without: {also}",
        )

    def refuse_syntax(self, tree: ast.expr) -> NoReturn:
        """Refuse what is no arithmetic, and say how to write it."""
        hint = "allowed: numbers, columns, + - * / // % **, one comparison at a time, & | ^ ~, and calls of functions"
        match tree:
            case ast.BoolOp() | ast.UnaryOp(op=ast.Not()):
                hint = "write & | ~ and parentheses for and, or, not"
            case ast.Compare():
                hint = "compare two values at a time: (a < b) & (b < c)"
            case ast.IfExp():
                hint = "write np.where(condition, a, b)"
        self.refuse(f"{ast.unparse(tree)[:60]}, which is not allowed", hint)


def _adds_axis(where: ast.expr) -> bool:
    """Whether a subscript is `[:, None]` or `[:, np.newaxis]`."""
    return ast.unparse(where).replace(" ", "") in {":,None", ":,np.newaxis", ":,numpy.newaxis",
                                                   "(:,None)", "(:,np.newaxis)"}  # fmt: skip
