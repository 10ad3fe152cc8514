from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from yukawa.core.errors import InputError
from yukawa.data import Conversation, Document, Preference, Turn
from yukawa.training.chat import Chat
from yukawa.training.tiny_model import BOS, EOS
from yukawa.training.tokenization import (
    IGNORED,
    RowCounts,
    open_chat,
    read_template,
    shipped_templates,
    tokenise_conversations,
    tokenise_documents,
    tokenise_preferences,
)


def told(*turns, name="c"):
    roles = ("user", "assistant")
    messages = tuple(Turn(role=roles[n % 2], content=text) for n, text in enumerate(turns))
    return Conversation(id=name, messages=messages, source="test")


def run(tokenise, rows, tokenizer, length):
    counts = RowCounts()
    chat = tokenise is not tokenise_documents
    writer = open_chat(tokenizer, None, (), learns=True) if chat else tokenizer
    return list(tokenise(rows, writer, length, counts)), counts


@settings(max_examples=30)
@given(
    texts=st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=5), length=st.integers(2, 40)
)
def test_no_token_of_a_document_is_lost(tiny, texts, length):
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    rows = [Document(id=str(n), text=text, source="test") for n, text in enumerate(texts)]
    pieces, counts = run(tokenise_documents, rows, tokenizer, length)
    ids = [token for piece in pieces for token in piece["input_ids"]]
    assert all(0 < len(piece["input_ids"]) <= length for piece in pieces)
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
    assert ids.count(bos) == ids.count(eos) == len(texts)  # once each, whatever the text
    assert ids[0] == bos
    assert ids[-1] == eos
    decoded = tokenizer.decode(ids).split(EOS)
    assert [text.removeprefix(BOS) for text in decoded[:-1]] == texts
    assert counts.tokens == len(ids)
    assert counts.trained == sum(len(piece["input_ids"]) - 1 for piece in pieces)
    assert (counts.rows, counts.cut, counts.left_out) == (len(texts), 0, 0)


def test_a_marker_in_the_text_is_text(tokenizer):
    pieces, _ = run(tokenise_documents, [Document(id="d", text=f"a {EOS} b", source="test")], tokenizer, 99)
    assert pieces[0]["input_ids"].count(tokenizer.eos_token_id) == 1


def test_only_the_assistant_is_learned(tokenizer):
    (row,), counts = run(tokenise_conversations, [told("Why?", "Because.", "Sure?", "Yes.")], tokenizer, 200)
    said = [token for token in row["labels"] if token != IGNORED]
    assert tokenizer.decode(said) == f" Because.{EOS} Yes.{EOS}"
    assert all(
        label in (IGNORED, token) for label, token in zip(row["labels"], row["input_ids"], strict=True)
    )
    assert row["input_ids"].count(tokenizer.bos_token_id) == 1
    assert (counts.tokens, counts.trained, counts.rows) == (len(row["input_ids"]), len(said), 1)


def test_what_does_not_fit_is_counted_and_named(tokenizer):
    rows = [
        told("Short?", "Yes.", name="fits"),
        told("Long?", "No. " * 50, name="cut"),
        told("Why? " * 50, "So.", name="out"),
    ]
    kept, counts = run(tokenise_conversations, rows, tokenizer, 40)
    assert len(kept) == 2
    assert (counts.rows, counts.cut, counts.left_out) == (3, 1, 1)
    whole, _ = run(tokenise_conversations, rows, tokenizer, 10_000)
    assert counts.cut_tokens == len(whole[1]["input_ids"]) - 40
    assert counts.named == ("cut", "out")
    lines = counts.notes(40)
    assert len(lines) == 2
    assert "1 of 3 rows do not fit into 40 tokens" in lines[0]
    assert "omitted" in lines[1]


def test_a_conversation_without_an_answer_is_left_out(tokenizer):
    kept, counts = run(tokenise_conversations, [told("Anybody?")], tokenizer, 100)
    assert kept == []
    assert counts.left_out == 1


def test_preferences_share_their_prompt(tokenizer):
    prompt = (Turn(role="user", content="Mass?"),)
    row = Preference(id="p", prompt=prompt, chosen="125 GeV.", rejected="No idea.", source="test")
    (made,), counts = run(tokenise_preferences, [row], tokenizer, 100)
    for name, text in (("chosen", row.chosen), ("rejected", row.rejected)):
        whole = tokenizer.apply_chat_template(
            [{"role": "user", "content": "Mass?"}, {"role": "assistant", "content": text}], tokenize=True
        )["input_ids"]
        assert made["prompt_ids"] + made[f"{name}_ids"] == whole
    assert counts.tokens == sum(map(len, made.values()))
    assert counts.trained == len(made["chosen_ids"]) + len(made["rejected_ids"])


def test_preferences_that_prefer_nothing_are_left_out(tokenizer):
    prompt = (Turn(role="user", content="Mass?"),)
    rows = [
        Preference(id="same", prompt=prompt, chosen="A", rejected="A", source="test"),
        Preference(id="long", prompt=prompt, chosen="A " * 99, rejected="B", source="test"),
        Preference(
            id="full",
            prompt=(Turn(role="user", content="M " * 99),),
            chosen="A",
            rejected="B",
            source="test",
        ),
    ]
    kept, counts = run(tokenise_preferences, rows, tokenizer, 50)
    assert len(kept) == 1
    assert (counts.left_out, counts.cut, counts.named) == (2, 1, ("same", "long", "full"))


def test_a_tokenizer_without_end_of_text_is_refused(tokenizer):
    tokenizer.eos_token = None
    with pytest.raises(InputError, match="no end-of-text token"):
        run(tokenise_documents, [], tokenizer, 10)


TURNS = [
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": "two"},
    {"role": "user", "content": "three"},
]


@pytest.mark.parametrize("name", shipped_templates())
def test_a_shipped_template_marks_the_assistant_and_prompts_as_it_trains(tokenizer, name):
    tokenizer.add_special_tokens({
        "extra_special_tokens": ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    })  # fmt: skip
    chat = open_chat(tokenizer, name, tokenizer.convert_tokens_to_ids(["<|eot_id|>"]), learns=True)
    asked = tokenizer.apply_chat_template(TURNS, tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template([*TURNS, {"role": "assistant", "content": "four"}], tokenize=False)
    assert whole.startswith(asked)
    assert whole.count(tokenizer.bos_token) == 1
    made = chat.conversation(TURNS)
    said = tokenizer.decode([token for token, own in zip(made.ids, made.said, strict=True) if own])
    assert said.strip().startswith("two")
    assert len(said.strip()) > len("two")  # its end is learned too
    assert "one" not in said


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (None, "no chat template"),
        ("{% for m in messages %}{{ m['content'] }}{% endfor %}", "words that are not the reply"),
        ("{{ raise_exception('only in German') }}", "cannot render it: only in German"),
        ("{% for %}", "cannot render"),
    ],
)
def test_a_template_that_will_not_do_is_refused_with_what_to_type(tokenizer, own, said):
    tokenizer.chat_template = own
    with pytest.raises(InputError, match=said) as caught:
        open_chat(tokenizer, None, (), learns=True)
    assert "type: data.template=NAME" in str(caught.value)


def test_a_template_of_other_control_tokens_is_refused(tokenizer):
    """SmolLM2 took llama-3 without a word once: its headers became pieces of text, and no reply an end."""
    with pytest.raises(
        InputError, match=r"writes <\|start_header_id\|>, which the base's tokenizer does not know"
    ) as caught:
        open_chat(tokenizer, "llama-3", (), learns=True)
    assert "omit data.template for the base's own" in str(caught.value)


def test_for_preferences_nothing_need_be_marked(tokenizer):
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    assert isinstance(open_chat(tokenizer, None, (), learns=False), Chat)


def test_control_tokens_in_rows_are_text_and_are_counted(tokenizer):
    """A user who writes `<|end|>` ends nothing."""
    rows = [told(f"a {EOS} b", "Yes.", name="evil"), told("a", "Yes.", name="good")]
    kept, counts = run(tokenise_conversations, rows, tokenizer, 200)
    eos = tokenizer.eos_token_id
    assert [row["input_ids"].count(eos) for row in kept] == [1, 1]
    assert counts.disarmed == 1
    assert "1 control tokens written out in the text are read as ordinary text" in counts.notes(200)


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(InputError, match="did you mean 'vicuna'"):
        read_template("vicunna")
