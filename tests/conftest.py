"""What every test relies on: no settings of the person who runs it, the same random examples each time."""

from __future__ import annotations

import gc
import os
import pickle
import random
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from yukawa.cli.main import main
from yukawa.core import redaction
from yukawa.knowledge.sources import loader
from yukawa.knowledge.sources.pdg.facts import Statement, statements

# Started in the background by a shell, this process would hand on to its children that they do not hear Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile("yukawa", deadline=None, derandomize=True, print_blob=True)
# What `make test` takes, before every commit; `make test-all` draws them all.
settings.register_profile("quick", settings.get_profile("yukawa"), max_examples=25)
settings.load_profile("yukawa")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--shuffle", type=int, metavar="SEED", help="run modules, and the tests of each, in a random order"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """Of a test with `slow_but` the cases whose name has the given text are quick, all others slow."""
    marker = item.get_closest_marker("slow_but")
    if marker is not None and marker.args[0] not in item.name.partition("[")[2]:
        item.add_marker(pytest.mark.slow)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """No test may need another one before it. What a module makes for its tests is still made once."""
    seed = config.getoption("shuffle")
    if seed is None:
        return
    modules: dict[Path, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.path, []).append(item)
    chance = random.Random(seed)
    groups = list(modules.values())
    chance.shuffle(groups)
    for group in groups:
        chance.shuffle(group)
    items[:] = [item for group in groups for item in group]


def pytest_configure() -> None:
    gc.disable()  # modules and tests are all kept; looking for garbage among them takes seconds


def pytest_collection_finish() -> None:
    gc.enable()


@pytest.fixture(scope="module", autouse=True)
def _short_garbage_collections() -> None:
    """Exempt what lives by now from further collections: every training begins with one, a second long for all modules."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_mine() -> Iterator[None]:
    """Hide YUKAWA_* variables and point the home at an empty folder, for child processes too."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as home:
        for variable in list(os.environ):
            if variable.startswith("YUKAWA_") and not variable.startswith("YUKAWA_TEST_"):
                patch.delenv(variable)
        patch.setenv("YUKAWA_HOME", home)
        yield


@pytest.fixture(autouse=True)
def _no_secrets_of_others() -> Iterator[None]:
    """What one test reads as a key is a word like any other in the next."""
    before = redaction._known
    yield
    redaction._known = before


class Kept:
    """What is made once in a test run, whatever the number of its processes, and kept in folders."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, name: str, make: Callable[[Path], object]) -> Path:
        """The folder `name`, which the first process that wants it fills by `make`; the others wait for it."""
        folder = self.root / f"kept-{name}"
        with FileLock(f"{folder}.lock"):
            if not (folder / "done").exists():
                folder.mkdir(exist_ok=True)
                make(folder)
                (folder / "done").touch()
        return folder


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Kept:
    root = tmp_path_factory.getbasetemp()
    return Kept(root if worker_id == "master" else root.parent)


@pytest.fixture(scope="session")
def pdg_statements(kept: Kept) -> list[Statement]:
    """Every statement of the installed `pdg` package: making them takes seconds, reading them back less than one."""
    folder = kept.folder(
        "statements", lambda folder: (folder / "all").write_bytes(pickle.dumps(list(statements())))
    )
    found: list[Statement] = pickle.loads((folder / "all").read_bytes())  # noqa: S301
    return found


@pytest.fixture(scope="session")
def _pdg_folder(kept: Kept, pdg_statements: list[Statement]) -> Path:
    def build(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("YUKAWA_HOME", str(folder))
            patch.setenv("YUKAWA_KNOWLEDGE__EMBEDDING", "hash")
            patch.setattr(loader, "statements", lambda: iter(pdg_statements))
            assert main(["knowledge", "build", "--json"]) == 0

    return kept.folder("pdg", build)


@pytest.fixture(scope="session")
def pdg_home(_pdg_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose base the command line itself built from the PDG's data, with the hashing embedder."""
    return Path(shutil.copytree(_pdg_folder, tmp_path_factory.mktemp("pdg") / "home"))


@pytest.fixture
def pdg_base(_pdg_folder: Path, tmp_path: Path) -> Path:
    """The folder of the same knowledge base: a copy that a test may change."""
    return Path(shutil.copytree(_pdg_folder / "knowledge", tmp_path / "pdg"))


CONTEXT = 192  # tokens that the tiny Llamas over bytes hold


def save_tokenizer(folder: Path, *, adds_bos: bool = True) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    if adds_bos:
        core.add_special_tokens(["<s>", "</s>"])
        bos = ("<s>", core.token_to_id("<s>"))
        core.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single="<s> $A", special_tokens=[bos]),
        ])  # fmt: skip
    ends = {"bos_token": "<s>", "eos_token": "</s>"} if adds_bos else {}
    PreTrainedTokenizerFast(tokenizer_object=core, **ends).save_pretrained(folder)


def save_model(folder: Path, *, seed: int = 1, hidden: int = 32, adds_bos: bool = True) -> Path:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    save_tokenizer(folder, adds_bos=adds_bos)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=258, hidden_size=hidden, intermediate_size=hidden, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=CONTEXT, initializer_range=0.3, bos_token_id=256, eos_token_id=257,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def save_adapter(base: Path, folder: Path, *, seed: int = 2, scale: float = 1.0) -> Path:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaForCausalLM

    torch.manual_seed(seed)
    lora = LoraConfig(
        r=4, lora_alpha=int(4 * scale), target_modules=["q_proj", "v_proj"], init_lora_weights=False,
        task_type="CAUSAL_LM",
    )  # fmt: skip
    get_peft_model(LlamaForCausalLM.from_pretrained(base), lora).save_pretrained(folder)
    return folder


class Made:
    """What tests can ask for more of."""

    context = CONTEXT
    model: Callable[..., Path] = staticmethod(save_model)
    adapter: Callable[..., Path] = staticmethod(save_adapter)


@pytest.fixture(scope="session")
def made() -> type[Made]:
    import torch

    torch.set_num_threads(1)
    return Made


@pytest.fixture(scope="session")
def base_folder(made: type[Made], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def adapter_folder(made: type[Made], base_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.adapter(base_folder, tmp_path_factory.mktemp("adapter"))
