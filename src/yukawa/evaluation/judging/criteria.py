"""What is judged: criteria files with the words of each criterion and the scale of its verdicts, two of them shipped."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from yukawa.core.errors import InputError, unknown_name
from yukawa.core.validation import Section, one_line
from yukawa.core.yaml_files import read_table

SHIPPED = Path(__file__).parent / "criteria"
_Text = Annotated[str, Field(min_length=1, max_length=2_000)]


class Criteria(Section):
    """What a judge weighs, and in which words or numbers it answers.

    Attributes:
        title: of the list, for reports.
        criteria: the words that explain each criterion, by its name.
        words: verdicts on one answer, the worst first, such as fail, pass, excellent; empty where numbers are given.
        lowest: of the numbers.
        highest: of the numbers.

    Raises:
        InputError: there is neither a list of words nor a range of numbers, or both.
    """

    title: _Text
    criteria: dict[str, _Text] = Field(min_length=1, max_length=20)
    words: list[_Text] = Field(default_factory=list, max_length=20)
    lowest: int | None = None
    highest: int | None = None

    @model_validator(mode="after")
    def _one_scale(self) -> Self:
        numbers = self.lowest is not None and self.highest is not None and self.lowest < self.highest
        if numbers == bool(self.words) or len(self.words) == 1 or len(set(self.words)) < len(self.words):
            raise ValueError("a scale is either two words or more, or a lowest and a highest number")
        return self

    @property
    def scale(self) -> list[str]:
        """The possible verdicts on one answer, the worst first."""
        if self.words:
            return self.words
        return [str(number) for number in range(self.lowest or 0, (self.highest or 0) + 1)]

    def value(self, said: str) -> float:
        """The number of a verdict: itself, or the place of its word from 0."""
        return float(self.words.index(said)) if self.words else float(said)


def read_criteria(name: str) -> Criteria:
    """A shipped list of criteria by its name, or that of a YAML file.

    Raises:
        InputError: there is neither such a list nor such a file, or the file holds something else.
    """
    shipped = {path.stem: path for path in SHIPPED.glob("*.yaml")}
    path = shipped.get(name, Path(name))
    if not path.exists():
        raise unknown_name("list of criteria", name, sorted(shipped))
    try:
        return Criteria.model_validate(read_table(path))
    except ValidationError as error:
        raise InputError(f"{path}: {one_line(error, Criteria)}") from None
