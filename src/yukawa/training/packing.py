"""Makes training rows of a text: its files found, its documents tokenised and packed, every token accounted for."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError, require
from yukawa.core.files import expanded
from yukawa.data import Conversation, Document, Preference, Turn, read_rows
from yukawa.data.dataset import DatasetManifest, check_manifest
from yukawa.data.rows import SUFFIXES, texts_of
from yukawa.training import tokenization
from yukawa.training.recipe import MIXTURE, TextRecipe
from yukawa.training.tokenization import Columns, RowCounts

_HOW = {
    "document": (Document, tokenization.tokenise_documents),
    "conversation": (Conversation, tokenization.tokenise_conversations),
    "preference": (Preference, tokenization.tokenise_preferences),
}
ROW_TYPES: dict[str, Any] = {kind: row for kind, (row, _) in _HOW.items()}
_PACKED_AT_ONCE = 100_000  # texts among which the best fit is looked for


@dataclass(frozen=True)
class RowFiles:
    """The files of the rows.

    Attributes:
        train: holds the training rows.
        validation: holds the rows to validate on, if there are any.
        manifest: of the data set, if they belong to one.
    """

    train: Path
    validation: Path | None = None
    manifest: DatasetManifest | None = None


@dataclass(frozen=True)
class TokenizedSplit:
    """Rows as the trainer takes them.

    Attributes:
        rows: a `datasets.Dataset` of sequences, or of preferences.
        counts: how many rows and tokens of the file are kept, cut and omitted.
    """

    rows: Any
    counts: RowCounts

    def to_dict(self) -> dict[str, Any]:
        """The counts, as JSON."""
        return asdict(self.counts) | {"sequences": len(self.rows)}


def find_files(recipe: TextRecipe, made: Path | None = None) -> RowFiles:
    """The files of the recipe's text; those of a data set are checked against its manifest.

    Args:
        made: the folder of a generated data set, which takes the place of `data.path`.

    Raises:
        InputError: there are none, or they are not what the recipe needs.
    """
    path, validation = check_files(recipe, made)
    if path.is_dir():
        return _of_dataset(path, recipe.row_kind, validation)
    return RowFiles(path, validation)


def check_files(recipe: TextRecipe, made: Path | None = None) -> tuple[Path, Path | None]:
    """The paths of the recipe's text and of its own validation file, if it names one; nothing is read.

    Raises:
        InputError: one of them does not exist, or is neither a folder nor a file of rows.
    """
    path = made or expanded(recipe.place(recipe.data.path))
    if not path.exists():
        raise InputError(f"there is no data at {path}", hint=_how_to_make(recipe, path))
    own = recipe.data.validation
    validation = None if own is None else expanded(recipe.place(own))
    if validation is not None and not validation.is_file():
        raise InputError(
            f"there is no file {validation} to validate on", hint="type: data.validation=FILE, a file of rows"
        )
    for file in filter(None, (path, validation)):
        if not file.is_dir() and not file.name.endswith(SUFFIXES):
            raise InputError(
                f"{file} is not a file of rows", hint=f"its name must end in {', '.join(SUFFIXES)}"
            )
    return path, validation


def load_split(path: Path, recipe: TextRecipe, writer: Any, most: int | None = None) -> TokenizedSplit:
    """The rows of a file, tokenised, and packed where the recipe says so.

    Args:
        path: of the rows.
        recipe: how to train on them.
        writer: what makes tokens of them: the tokenizer for documents, a `Chat` for conversations and preferences.
        most: the number of rows taken, the first ones; None takes all.

    Raises:
        InputError: a row is damaged or of another kind, or nothing to learn from is left.
    """
    datasets = require("datasets", "training")
    kind, tokenise = _HOW[recipe.row_kind]
    counts, length, how = RowCounts(), recipe.training.length, recipe.training
    rows_read: Iterator[Any] = islice(read_rows(path, kind), most)  # type: ignore[arg-type]
    if recipe.data.system is not None:
        rows_read = (_with_system(row, recipe.data.system) for row in rows_read)
    columns: Iterator[Columns]
    if how.kind == "grpo":
        columns = tokenization.tokenise_prompts(
            rows_read, writer, length - how.new_tokens, counts, how.reward or ""
        )
    else:
        columns = tokenise(rows_read, writer, length, counts)  # type: ignore[operator]
    packing = how.packing and how.kind not in ("preference", "grpo")
    if recipe.row_kind == "document" and not packing:
        columns = map(_labelled, columns)
    table = _table(columns)
    if not counts.rows:
        raise InputError(f"{path} holds no rows")
    if not (counts.tokens if how.kind == "grpo" else counts.trained):
        raise InputError(
            f"{path}: within {length:,} tokens none of its {counts.rows:,} rows holds anything to learn from",
            hint="type: training.length=N with a larger one",
        )
    rows = datasets.Dataset(table)
    if packing:
        rows = _packed(rows, length)
    return TokenizedSplit(rows, counts)


def read_texts(path: Path, kind: str) -> Iterator[str]:
    """All text of a file of rows, one after another.

    Raises:
        InputError: a row is damaged or of another kind.
    """
    for row in read_rows(path, ROW_TYPES[kind]):
        yield from texts_of(row)


def _of_dataset(folder: Path, kind: str, validation: Path | None) -> RowFiles:
    manifest = check_manifest(folder)
    if manifest.kind != kind:
        raise InputError(f"{folder} holds rows of the kind {manifest.kind}, this training needs {kind}")
    paths = {split.name: folder / split.path for split in manifest.splits if split.rows}
    if "train" not in paths:
        raise InputError(f"{folder} has no training rows")
    return RowFiles(paths["train"], validation or paths.get("validation"), manifest)


def _with_system(row: Conversation | Preference, words: str) -> Conversation | Preference:
    """A conversation or a pair of replies with what the system says, if it has no such turn."""
    name = "messages" if isinstance(row, Conversation) else "prompt"
    turns: tuple[Turn, ...] = getattr(row, name)
    if turns and turns[0].role == "system":
        return row
    return row.model_copy(update={name: (Turn(role="system", content=words), *turns)})


def _how_to_make(recipe: TextRecipe, path: Path) -> str:
    if MIXTURE in recipe.data.path:
        return f"type: yukawa data abstracts SNAPSHOT --mixture {recipe.mixture} --out {path}"
    return "type: data.path=PATH with a data set's folder or a file of rows"


def _table(rows: Iterator[Columns]) -> Any:
    """An Arrow table of lists of whole numbers, and of texts, a few thousand rows at a time."""
    arrow = require("pyarrow", "training")
    numbers = arrow.list_(arrow.int32())
    tables = [
        arrow.table(
            {
                name: arrow.array(
                    [row[name] for row in group], arrow.string() if isinstance(value, str) else numbers
                )
                for name, value in group[0].items()
            }
        )
        for group in tokenization.batches(rows, 10_000)
    ]
    return arrow.concat_tables(tables) if tables else arrow.table({"input_ids": []})


def _labelled(text: Columns) -> Columns:
    """Every token but the first is to be predicted; of packed texts the trainer knows this by itself."""
    return text | {"labels": [tokenization.IGNORED, *text["input_ids"][1:]]}


def _packed(rows: Any, length: int) -> Any:
    """Texts beside each other in sequences of at most `length` tokens (best fit, the longest first)."""
    packing = require("trl.data_utils", "packing")
    datasets = require("datasets", "packing")
    bars = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        # No text is longer than a sequence, so nothing is divided once more.
        return packing.pack_dataset(rows, length, "bfd_split", {"batch_size": _PACKED_AT_ONCE})
    finally:
        if not bars:
            datasets.enable_progress_bars()
