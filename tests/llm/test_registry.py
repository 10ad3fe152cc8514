"""From a row of settings to a model, and what that costs to import."""

import subprocess
import sys

import pytest

import yukawa.llm
from yukawa.core.errors import InputError
from yukawa.core.settings import ModelSettings
from yukawa.llm import open_model

HEAVY = ("openai", "httpx", "httpx2", "transformers", "torch", "peft", "huggingface_hub", "numpy")


def loaded_after(code: str) -> set[str]:
    """Which heavy packages a fresh interpreter holds after `code`."""
    report = f"import sys\n{code}\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize("backend", ["openai", "transformers", "quote", "scripted"])
def test_each_backend_opens_under_its_own_name(tmp_path, backend):
    replies = tmp_path / "replies.txt"
    replies.write_text("one\n")
    row = ModelSettings(name="mine", backend=backend, model="some/model", replies=str(replies))
    model = open_model(row)
    assert model.name == "mine"
    modules = {"transformers": "local"}  # a module of that name would hide the library
    assert type(model).__module__ == f"yukawa.llm.{modules.get(backend, backend)}"


def test_every_backend_that_settings_allow_can_be_opened():
    from typing import get_args

    from yukawa.llm.registry import _BACKENDS

    assert set(get_args(ModelSettings.model_fields["backend"].annotation)) == set(_BACKENDS)


def test_an_unknown_backend_is_answered_with_the_nearest():
    row = ModelSettings.model_construct(name="mine", backend="open-ai")
    with pytest.raises(InputError, match=r"allowed are openai, .* .did you mean 'openai'"):
        open_model(row)


def test_importing_the_facade_is_light():
    assert loaded_after("import yukawa.llm") == set()


def test_opening_a_model_loads_its_own_backend_alone():
    imports = "from yukawa.core.settings import ModelSettings\nfrom yukawa.llm import open_model\n"
    assert loaded_after(imports + "open_model(ModelSettings(name='q', backend='quote'))") == set()
    # The heavy packages of this one wait for the first reply.
    opened = "open_model(ModelSettings(name='t', backend='transformers', model='m'))"
    assert loaded_after(imports + opened) == set()
    # What is asked for is what comes: the probe sees a package that is there.
    opened = "open_model(ModelSettings(name='o', backend='openai', model='m'))"
    assert "openai" in loaded_after(imports + opened)


def test_the_public_names():
    assert set(yukawa.llm.__all__) == {
        "Capabilities",
        "ChatModel",
        "Message",
        "Reply",
        "SyncChat",
        "TokenLogprob",
        "open_model",
        "structured",
    }
    assert all(hasattr(yukawa.llm, name) for name in yukawa.llm.__all__)
