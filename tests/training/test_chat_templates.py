from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.training.chat_templates import prepare_template, read_template, shipped_templates

TURNS = [
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": "two"},
    {"role": "user", "content": "three"},
]


@pytest.mark.parametrize("name", shipped_templates())
def test_a_shipped_template_marks_the_assistant_and_prompts_as_it_trains(tokenizer, name):
    prepare_template(tokenizer, name, marks=True)
    asked = tokenizer.apply_chat_template(TURNS, tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template([*TURNS, {"role": "assistant", "content": "four"}], tokenize=False)
    assert whole.startswith(asked)
    assert whole.count(tokenizer.bos_token) == 1
    made = tokenizer.apply_chat_template(
        TURNS, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    said = tokenizer.decode([i for i, m in zip(made["input_ids"], made["assistant_masks"], strict=True) if m])
    assert said.strip().startswith("two")
    assert len(said.strip()) > len("two")  # its end is learned too
    assert "one" not in said


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (None, "no chat template"),
        ("{% for m in messages %}{{ m['content'] }}{% endfor %}", "does not mark what the assistant says"),
        ("{{ raise_exception('only in German') }}", "cannot be used: only in German"),
        ("{% for %}", "cannot be used"),
    ],
)
def test_a_template_that_will_not_do_is_refused_with_what_to_type(tokenizer, own, said):
    tokenizer.chat_template = own
    with pytest.raises(InputError, match=said) as caught:
        prepare_template(tokenizer, None, marks=True)
    assert "type: data.template=NAME" in str(caught.value)


def test_without_need_no_marks_are_asked_for(tokenizer):
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    prepare_template(tokenizer, None, marks=False)


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(InputError, match="did you mean vicuna"):
        read_template("vicunna")
