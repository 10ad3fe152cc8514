"""What Ollama's template writes is what the model's own writes, whatever family it is of."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.training.test_chat import FAMILIES, made

from yukawa.core.errors import InputError
from yukawa.training.chat import render
from yukawa.training.modelfile import Turns, modelfile, take_apart

PIECEWISE = {
    "chatml": True, "llama-3": True, "vicuna": True, "mistral": True, "gemma": True, "qwen-2.5": True, "qwen-3": False, "phi-3": False,
    "glm-4": True, "glm-4.5": True, "zephyr": True,
}  # fmt: skip
CONTENT = (
    st.text(st.characters(codec="utf-8", exclude_characters="<>{}\0"), min_size=1).map(str.strip).filter(bool)
)


def go(template: str, messages: list[dict[str, str]]) -> str:
    """The few commands of Go's templates that are used, as their documentation defines them."""
    begin, body, prompt = re.fullmatch(
        r"(.*?)\{\{ range \.Messages \}\}\{\{ if (.*)\{\{ end \}\}\{\{ end \}\}(.*)", template, re.S
    ).groups()
    branches = dict(re.findall(r'eq \.Role "(\w+)" \}\}(.*?)(?:\{\{ else if |\Z)', body, re.S))
    return (
        begin
        + "".join(branches[one["role"]].replace("{{ .Content }}", one["content"]) for one in messages)
        + prompt
    )


@pytest.mark.parametrize("name", FAMILIES)
@given(asked=CONTENT, said=CONTENT, more=CONTENT)
def test_a_conversation_is_written_as_the_template_writes_it(
    name: str, asked: str, said: str, more: str
) -> None:
    tokenizer, template = made(name).tokenizer, FAMILIES[name].template
    if not PIECEWISE[name]:
        with pytest.raises(InputError, match="according to its place"):
            take_apart(tokenizer, template)
        return
    turns = take_apart(tokenizer, template)
    messages = [
        {"role": role, "content": text}
        for role, text in (("user", asked), ("assistant", said), ("user", more))
    ]
    text = render(tokenizer, template, messages, prompt=True)[0]
    assert turns.write(messages) == text
    written = modelfile("m.gguf", turns, ends=[], context=512)
    inside = re.search(r'TEMPLATE """(.*?)"""', written, re.S)[1]
    system = [{"role": "system", "content": turns.system}] if turns.system else []
    assert go(inside, [*system, *messages]) == text
    assert (f'SYSTEM """{turns.system}"""' in written) == bool(turns.system)


def test_a_token_that_llama_cpp_begins_with_is_not_written_twice() -> None:
    turns = Turns("<s>", {"user": ("U ", "\n"), "assistant": ("A ", "</s>\n")}, "A")
    once = modelfile("m.gguf", turns, ends=["</s>"], context=99_999, adds_begin="<s>")
    assert 'TEMPLATE """{{ range' in once
    assert 'PARAMETER stop "</s>"\nPARAMETER num_ctx 8192\n' in once
    assert 'TEMPLATE """<s>{{ range' in modelfile("m.gguf", turns, ends=[], context=1)


def test_a_model_without_a_template_continues_text() -> None:
    assert 'TEMPLATE """{{ .Prompt }}"""' in modelfile("m.gguf", None, ends=[], context=1)


@pytest.mark.parametrize("odd", ["{{ x", 'a """ b', "}}"])
def test_words_that_ollama_would_take_for_commands_are_refused(odd: str) -> None:
    with pytest.raises(InputError, match="Ollama would read"):
        modelfile("m.gguf", Turns("", {"user": (odd, "")}, ""), ends=[], context=1)
