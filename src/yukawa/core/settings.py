"""Settings of one installation, typed and strict: `yukawa.toml` with the environment's `YUKAWA_*` on top."""

import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import EnvSettingsSource
from pydantic_settings import SettingsError as _EnvironmentError

from yukawa.core.addresses import looks_like_database, note_secrets, shown_address
from yukawa.core.errors import InputError, SettingsError, unknown_name
from yukawa.core.files import expanded, read_text
from yukawa.core.guarded import parse_toml
from yukawa.core.redaction import keep_secret
from yukawa.core.validation import Count, Positive, StrictModel, looks_secret, mistakes
from yukawa.core.yaml_files import merged

PREFIX = "YUKAWA_"
DELIMITER = "__"
ENVIRONMENT = "the environment"
FILE_NAME = "yukawa.toml"
_LARGEST = 1 << 20  # bytes of it
# Variables with our prefix that are not settings: the file's own name, and whatever the tests need.
_NOT_A_SETTING = (f"{PREFIX}CONFIG", f"{PREFIX}TEST_")
_VARIABLE_SHAPE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EMBEDDER_ACCOUNT = re.compile(r"(@[A-Za-z][A-Za-z0-9+.-]{0,30}://)[^/?#]*@")


# Kinds of question, as `yukawa.knowledge.parsing.kinds` tells them apart.
Kind = Literal[
    "value", "list", "comparison", "calculation", "literature", "definition", "explanation", "method", "other"
]


class ModelSettings(StrictModel):
    """One language model: a table `[models.NAME]` of `yukawa.toml`.

    Attributes:
        name: the table's name; never written inside it.
        backend: which code speaks to the model.
        model: the service's model name, a local folder or a hub name; for `llamacpp` a GGUF file or `smollm2`.
        base_url: root of an OpenAI-compatible API, such as `http://localhost:8000/v1`.
        key_variable: name of the environment variable that holds the key, never the key.
        level: L0 a foundation model, L1 one tuned to converse, L2 one taught the domain.
        base: name of the base model this one was made from.
        adapter: PEFT adapter folder or hub name.
        domains: the domains of physics the model is good at; questions are routed by them.
        kinds: the kinds of question the model is good at; questions are routed by them too.
        system: said to the model before every conversation.
        temperature: of sampling; 0, the default, is greedy.
        top_p: sample among the likeliest tokens that together have this probability.
        max_tokens: longest answer, in tokens.
        context_length: longest prompt and answer together, in tokens.
        price_in, price_out: what a million tokens of prompt and of answer cost, for budgets and cards.
        load_in_4bit: whether to quantise the weights to four bits; None does so where the model's run was QLoRA.
        deadline_s: longest exchange with the service, all attempts together, in seconds.
        timeout_s: longest wait for the service, in seconds; ten minutes for `llamacpp` unless it is set.
        replies: file with the replies of a `scripted` model.
    """

    model_config = ConfigDict(protected_namespaces=())

    name: str
    backend: Literal["openai", "transformers", "llamacpp", "quote", "scripted"]
    model: str | None = None
    base_url: str | None = None
    key_variable: str | None = Field(default=None, repr=False)  # somebody may have put the key itself here
    level: Literal["L0", "L1", "L2"] | None = None
    base: str | None = None
    adapter: str | None = None
    domains: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    system: str | None = None
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Count | None = None
    context_length: Count | None = None
    price_in: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    price_out: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    load_in_4bit: bool | None = None
    timeout_s: Positive = 60
    deadline_s: Positive = 600
    replies: str | None = None

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        return [
            (n, v and shown_address(v)) if n == "base_url" else (n, v) for n, v in super().__repr_args__()
        ]

    @field_validator("key_variable")
    @classmethod
    def _is_a_variable_name(cls, value: str | None) -> str | None:
        return _variable_name(value)


def _variable_name(value: str | None) -> str | None:
    if value is not None and (
        (looks_secret(value) and not value.isupper()) or not _VARIABLE_SHAPE.fullmatch(value)
    ):
        raise ValueError("this must be the name of an environment variable, never the key itself")
    return value


class KnowledgeSettings(StrictModel):
    """The knowledge base: table `[knowledge]`.

    Attributes:
        url: a folder, `sqlite:///...` or `postgresql://...`; if empty, `Settings` fills in `home/knowledge`.
        embedding: name of the embedder that new bases use.
        reviewers: accounts whose owners may review what others taught and settle contradictions with a source's data.
    """

    url: str = ""
    embedding: str = "auto"
    reviewers: tuple[str, ...] = ()

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        shown = {"url": shown_address(self.url), "embedding": _EMBEDDER_ACCOUNT.sub(r"\1", self.embedding)}
        return [(n, shown.get(n or "", v)) for n, v in super().__repr_args__()]


class SourceSettings(StrictModel):
    """A further source of passages, at a server of the Model Context Protocol: a table `[sources.NAME]` of `yukawa.toml`.

    Attributes:
        name: the table's name; never written inside it.
        enabled: whether questions are sent there; they are not by default.
        url: address of the server, such as `https://example.org/mcp`.
        command: the program that is a server on its standard input, with its arguments; instead of `url`.
        key_variable: name of the environment variable that holds the key, never the key.
        tool: the tool that searches.
        argument: the argument of this tool that takes the question.
        passages: most passages that are taken from a reply.
        timeout_s: longest wait for a reply, in seconds.
    """

    name: str
    enabled: bool = False
    url: str | None = None
    command: tuple[str, ...] = ()
    key_variable: str | None = Field(default=None, repr=False)
    tool: str = "search"
    argument: str = "query"
    passages: Count = 5
    timeout_s: Positive = 10

    @field_validator("key_variable")
    @classmethod
    def _is_a_variable_name(cls, value: str | None) -> str | None:
        return _variable_name(value)


class Settings(StrictModel):
    """All settings of one installation; `load_settings` makes them from file and environment.

    Attributes:
        home: folder of all state, absolute.
        knowledge: where the knowledge base lies and how it embeds.
        models: every model by name; `quote`, which needs no model, is always there.
        sources: further sources of passages by name; none is asked unless it is enabled.
        default_model: the model that answers when none is named.
        threads: threads of linear algebra; None leaves the choice to the library.
    """

    model_config = ConfigDict(validate_default=True)

    home: Path = Field(default_factory=lambda: default_home())
    knowledge: KnowledgeSettings = KnowledgeSettings()
    models: dict[str, ModelSettings] = Field(default_factory=dict)
    sources: dict[str, SourceSettings] = Field(default_factory=dict)
    default_model: str = "quote"
    threads: Count | None = None

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return Path(os.path.abspath(expanded(value)))

    @field_validator("models", mode="before")
    @classmethod
    def _named_rows(cls, rows: Any) -> Any:
        """Name each row after its key and add the built-in `quote`."""
        if not isinstance(rows, Mapping):
            return rows
        named = _named(rows, "models")
        quote = named.get("quote", {})
        if isinstance(quote, Mapping):
            named["quote"] = {"name": "quote", "backend": "quote", **quote}
        return named

    @field_validator("sources", mode="before")
    @classmethod
    def _named_sources(cls, rows: Any) -> Any:
        """Name each row after its key."""
        return _named(rows, "sources") if isinstance(rows, Mapping) else rows

    @field_validator("models")
    @classmethod
    def _quote_stays(cls, rows: dict[str, ModelSettings]) -> dict[str, ModelSettings]:
        if rows["quote"].backend != "quote":
            raise ValueError("'quote' is built in and keeps its backend; give your model another name")
        return rows

    @field_validator("default_model")
    @classmethod
    def _is_a_row(cls, value: str, info: ValidationInfo) -> str:
        rows = info.data.get("models", {value: None})  # absent when the rows themselves were wrong
        if value not in rows:
            raise ValueError(str(unknown_name("model", value, sorted(rows))))
        return value

    @field_validator("knowledge")
    @classmethod
    def _fill_url(cls, value: KnowledgeSettings, info: ValidationInfo) -> KnowledgeSettings:
        if value.url or "home" not in info.data:  # the home itself was wrong
            return value
        return value.model_copy(update={"url": str(info.data["home"] / "knowledge")})


def _named(rows: Mapping[str, Any], table: str) -> dict[str, Any]:
    """Rows with the names of their tables.

    Raises:
        ValueError: one says that it has another name.
    """
    named: dict[str, Any] = {}
    for name, row in rows.items():
        if isinstance(row, Mapping):
            if row.get("name", name) != name:
                raise ValueError(f"{table}.{name}.name is {row['name']!r}; the table's name is the name")
            row = {**row, "name": name}
        named[name] = row
    return named


def read_key(variable: str | None, reader: str) -> str:
    """The key in an environment variable; `none` for a server without keys.

    Something must be given: without a key the client of openai would send OPENAI_API_KEY to whatever server this is.

    Args:
        variable: its name; None if there is no key.
        reader: who reads it, for the message.

    Raises:
        InputError: the variable is not set, or holds what the header of a request cannot.
    """
    key = "none" if variable is None else os.environ.get(variable, "").strip()
    if not key:
        raise InputError(
            f"{reader} reads its key from the variable {variable!r}, which is not set",
            hint=f"type: export {variable or 'VARIABLE'}=...",
        )
    if variable is None:
        return key
    keep_secret(key)
    if wrong := next((number for number, sign in enumerate(key, 1) if not " " <= sign <= "~"), 0):
        sign = key[wrong - 1]
        what = (
            "a line break"
            if sign in "\r\n"
            else "a control character"
            if sign.isascii()
            else "one that is not ASCII"
        )
        raise InputError(
            f"{reader} cannot send the key in the variable {variable!r}: character {wrong} of it is {what}, "
            "and only printable ASCII is allowed",
            hint=f"type: export {variable}=... with the key alone, on one line",
        )
    return key


def default_home() -> Path:
    r"""The folder where this platform keeps an application's data, in a sub-folder `yukawa`.

    Returns:
        `$XDG_DATA_HOME/yukawa` or `~/.local/share/yukawa` (Linux), `~/Library/Application Support/yukawa`
        (macOS), `%LOCALAPPDATA%\yukawa` (Windows). Nothing is created.

    Raises:
        SettingsError: the account has no home folder.
    """
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA", "") or "~/AppData/Local"
    elif sys.platform == "darwin":
        root = "~/Library/Application Support"
    else:
        # The XDG specification says a relative XDG_DATA_HOME is to be ignored.
        given = os.environ.get("XDG_DATA_HOME", "")
        root = given if os.path.isabs(given) else "~/.local/share"
    folder = expanded(root) / "yukawa"
    if not folder.is_absolute():
        raise SettingsError("this account has no home folder", hint=f"type: export {PREFIX}HOME=/some/folder")
    return folder


def load_settings(start: Path | None = None) -> Settings:
    """Read the settings from file and environment; the environment wins.

    The file is the one `YUKAWA_CONFIG` names, else `yukawa.toml` in `start`, else `yukawa.toml` in the home
    folder; no file at all is fine. Paths in a file are taken from the file's folder.

    Args:
        start: folder in which `yukawa.toml` is looked for; the current one if None.

    Raises:
        SettingsError: an unknown key, a wrong value, malformed TOML or an unreadable file.
    """
    environment = _read_environment()
    path = _find_file(start or Path(), environment)
    written = _read_file(path) if path else {}
    _adopt_written_names(environment, written)
    note_secrets([written, environment])
    try:
        return Settings(**merged(written, environment))
    except ValidationError as error:
        raise _explained(error, path, environment) from None


def settings_files() -> list[Path]:
    """Where files of settings lie, or would lie."""
    named = os.environ.get(f"{PREFIX}CONFIG", "")
    home = expanded(os.environ.get(f"{PREFIX}HOME", "") or default_home())
    return [Path(FILE_NAME), home / FILE_NAME, *([expanded(named)] if named else [])]


def _find_file(start: Path, environment: Mapping[str, Any]) -> Path | None:
    named = os.environ.get(f"{PREFIX}CONFIG", "")
    if named:
        path = expanded(named)
        if not os.path.isfile(path):
            raise SettingsError(
                f"{PREFIX}CONFIG names {named}, which is not a file",
                hint=f"correct it or type: unset {PREFIX}CONFIG",
            )
        return path
    home = expanded(environment.get("home") or default_home())
    # os.path.lexists, unlike Path.exists, takes a folder that may not be entered for one without the file; what is there
    # and is not a file is refused when it is read.
    return next((path for path in (start / FILE_NAME, home / FILE_NAME) if os.path.lexists(path)), None)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        data = parse_toml(read_text(path, _LARGEST), str(path))
    except InputError as error:
        raise SettingsError(error.message, hint=error.hint) from None
    return _anchored(data, path.absolute().parent)


def _anchored(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Paths written in a file, made absolute from the file's folder."""

    def anchor(table: Any, key: str, *, sure: bool = True) -> None:
        value = table.get(key) if isinstance(table, dict) else None
        # A model or an adapter may be a hub name such as org/name: only ./x, ../x and ~/x are surely paths.
        address = isinstance(value, str) and ("://" in value or looks_like_database(value))
        if isinstance(value, str) and not address and (sure or value.startswith(("./", "../", "~"))):
            table[key] = os.path.abspath(folder / expanded(value))

    anchor(data, "home")
    anchor(data.get("knowledge"), "url")
    rows = data.get("models")
    for row in rows.values() if isinstance(rows, dict) else ():
        anchor(row, "replies")
        anchor(row, "model", sure=False)
        anchor(row, "adapter", sure=False)
    return data


def _read_environment() -> dict[str, Any]:
    """The settings in the environment, nested; other variables with our prefix are refused by name."""
    allowed = [PREFIX + name.upper() for name in ("config", *Settings.model_fields)]
    for variable in sorted(map(str.upper, os.environ)):  # pydantic-settings reads variables in either case
        ours = variable.startswith(PREFIX) and not variable.startswith(_NOT_A_SETTING)
        if ours and PREFIX + variable.removeprefix(PREFIX).split(DELIMITER)[0] not in allowed:
            wrong = unknown_name("variable", variable, allowed)
            raise SettingsError(f"{ENVIRONMENT}: {wrong.message}", hint=wrong.hint)
    try:
        source = EnvSettingsSource(
            Settings,  # type: ignore[arg-type]  # any model has the fields that it reads
            env_prefix=PREFIX, env_nested_delimiter=DELIMITER, env_ignore_empty=True,
        )  # fmt: skip
        return source()
    except _EnvironmentError as error:
        field = re.search(r'field "(\w+)"', str(error))
        variables = f"{PREFIX}{field[1].upper() if field else ''}*"
        raise SettingsError(
            f"{ENVIRONMENT}: {variables} holds a list or table that is not JSON",
            hint="""write it like '["particle physics", "neutron science"]'""",
        ) from None


def _variable(steps: tuple[str, ...]) -> str:
    """The variable of a key, such as `YUKAWA_MODELS__MY__MODEL`."""
    return PREFIX + DELIMITER.join(re.sub(r"\W", "_", step) for step in steps).upper()


def _adopt_written_names(environment: dict[str, Any], written: Mapping[str, Any]) -> None:
    """Let YUKAWA_MODELS__LLAMA_3_1__... mean the row `Llama-3.1`: variables spell neither case nor dots."""
    rows, known = environment.get("models"), written.get("models")
    if isinstance(rows, dict) and isinstance(known, Mapping):
        spelled = {re.sub(r"\W", "_", name).lower(): name for name in known}
        environment["models"] = {spelled.get(name, name): row for name, row in rows.items()}


def _explained(error: ValidationError, path: Path | None, environment: Mapping[str, Any]) -> SettingsError:
    """The first mistake as one line that says where it was written."""
    first = mistakes(error, Settings)[0]
    found: Any = environment
    for step in first.steps:
        found = found.get(step) if isinstance(found, Mapping) else None
    where = str(path)
    if path is None or found is not None:
        where, first = ENVIRONMENT, mistakes(error, Settings, _variable)[0]
    hint = first.hint
    if first.steps[-1] == "key_variable":
        hint = 'put the key in a variable (export MY_KEY=...) and write key_variable = "MY_KEY"'
    elif first.kind == "extra_forbidden" and "key" in first.steps[-1] and first.steps[0] == "models":
        hint = f"did you mean {'.'.join(first.steps[:-1])}.key_variable?"
    return SettingsError(f"{where}: {first.text}", hint=hint)
