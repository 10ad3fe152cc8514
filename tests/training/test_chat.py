"""Whatever family a base is of: exactly what the assistant says is learned, token by token, and content commands nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from yukawa.core.errors import InputError
from yukawa.training import chat as rendering
from yukawa.training.chat import Chat, training_template
from yukawa.training.tokenization import read_template

TEXTS = [
    "What is the mass of the Z boson? It is about 91 GeV.",
    "user assistant system model think pong ping ding dong",
    "Quarks are confined; gluons too. USER: ASSISTANT: [INST] [/INST] <|[]|>",
]


def trl(name: str) -> str:
    return (files("trl") / "chat_templates" / f"{name}.jinja").read_text("utf-8")


CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are "
    "SmolLM<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}"
    "{% elif m['role'] == 'assistant' %}{{ ' ' + m['content'] + eos_token }}{% endif %}{% endfor %}"
)
GLM = (
    "[gMASK]<sop>{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
ZEPHYR = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + eos_token + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)


@dataclass(frozen=True)
class Family:
    """A family's template, its control tokens, how its tokenizer cuts text, and what ends a reply."""

    template: str
    special: tuple[str, ...]
    eos: str
    end: str = ""
    bos: str | None = None
    pieces: bool = False  # as SentencePiece cuts: spaces are part of words
    strips: bool = False  # control tokens take the space behind them
    open: bool = field(default=False)  # the last reply has no end of its own


FAMILIES = {
    "chatml": Family(CHATML, ("<|im_start|>", "<|im_end|>"), "<|im_end|>", bos="<|im_start|>"),
    "llama-3": Family(trl("llama3"), ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
                      "<|eot_id|>", bos="<|begin_of_text|>"),
    "vicuna": Family(read_template("vicuna"), ("<s>", "</s>"), "</s>", bos="<s>", pieces=True),
    "mistral": Family(MISTRAL, ("<s>", "</s>"), "</s>", bos="<s>", pieces=True),
    "gemma": Family(trl("gemma"), ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"), "<eos>", "<end_of_turn>", "<bos>", True),
    "qwen-2.5": Family(trl("qwen2_5"), ("<|endoftext|>", "<|im_start|>", "<|im_end|>"), "<|im_end|>"),
    "qwen-3": Family(trl("qwen3"), ("<|endoftext|>", "<|im_start|>", "<|im_end|>"), "<|im_end|>"),
    "phi-3": Family(trl("phi3"), ("<s>", "<|endoftext|>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>"),
                    "<|endoftext|>", "<|end|>", "<s>", True, True),
    "glm-4": Family(GLM, ("<|endoftext|>", "[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>"),
                    "<|endoftext|>", "<|user|>", open=True),
    "glm-4.5": Family(trl("glm4moe"), ("<|endoftext|>", "[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"),
                      "<|endoftext|>", "<|user|>", open=True),
    "zephyr": Family(ZEPHYR, ("<s>", "</s>"), "</s>", bos="<s>", pieces=True),
}  # fmt: skip


@cache
def made(name: str) -> Chat:
    family = FAMILIES[name]
    core = Tokenizer(models.BPE(byte_fallback=False, unk_token=None))
    if family.pieces:
        core.normalizer = normalizers.Replace(" ", "▁")
        core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=True)
        core.decoder = decoders.Replace("▁", " ")
        alphabet = sorted({chr(n) for n in range(32, 127)} | set("\n▁"))
    else:
        core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        core.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    core.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False)
    )
    core.add_special_tokens(
        [AddedToken(word, rstrip=family.strips, normalized=False) for word in family.special]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token=family.eos, bos_token=family.bos, chat_template=family.template,
        clean_up_tokenization_spaces=False,
    )  # fmt: skip
    ends = {tokenizer.eos_token_id, *tokenizer.convert_tokens_to_ids([family.end] if family.end else [])}
    chat = Chat(tokenizer, training_template(tokenizer), ends)
    chat.check(learns=True, strict=name != "zephyr")
    return chat


def turns(*contents: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(contents)]


def replies(chat: Chat, written: rendering.ChatTokens) -> list[tuple[int, list[int]]]:
    """Where each stretch of learned tokens begins, and its tokens."""
    found: list[tuple[int, list[int]]] = []
    for place, (token, said) in enumerate(zip(written.ids, written.said, strict=True)):
        if said and place and written.said[place - 1]:
            found[-1][1].append(token)
        elif said:
            found.append((place, [token]))
    return found


REWRITERS = ("qwen-3", "glm-4.5")  # their own templates take back what they wrote, TRL's variants do not
MESSAGES = turns("What is the mass?", "It is 91 GeV.", "And the W?", "80 GeV, about.")


@pytest.mark.parametrize("name", FAMILIES)
def test_exactly_what_the_assistant_says_is_learned_up_to_its_end(name: str) -> None:
    chat, family = made(name), FAMILIES[name]
    written = chat.conversation(MESSAGES)
    assert (written.missed, written.disarmed) == (0, 0)
    found = replies(chat, written)
    if name == "phi-3":  # which ends the whole with a token of its own
        assert found[-1][1].pop() == chat.tokenizer.eos_token_id
    assert len(found) == 2
    for k, (place, ids) in zip((1, 3), found, strict=True):
        assert ids[-1] in chat.ends
        assert not set(ids[:-1]) & chat.ends
        text = (
            chat.tokenizer.decode(ids[:-1]).replace("<think>\n\n</think>", "").replace("<think></think>", "")
        )
        assert text.strip() == MESSAGES[k]["content"]
        assert chat.tokenizer.decode(ids[-1:]) == (family.end or family.eos)
        # What a server sends before the reply is what stood before it in training, token by token.
        served = chat.tokenizer.apply_chat_template(MESSAGES[:k], add_generation_prompt=True)["input_ids"]
        assert chat.prompt(MESSAGES[:k]) == written.ids[: len(chat.prompt(MESSAGES[:k]))]
        if k == 1 or name not in REWRITERS:
            assert served == written.ids[: len(served)]
            assert not set(chat.tokenizer.decode(written.ids[len(served) : place])) - set(" \n")


@pytest.mark.parametrize("name", FAMILIES)
def test_all_tokens_are_those_of_the_base_s_own_template(name: str) -> None:
    chat = made(name)
    whole = chat.tokenizer.apply_chat_template(MESSAGES)["input_ids"]
    ids = chat.conversation(MESSAGES).ids
    if FAMILIES[name].open:
        ids = ids[:-1]
    if name in REWRITERS:
        whole = [token for token in whole if token in ids]
        assert len(whole) <= len(ids)
        return
    assert ids == whole


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_control_tokens_in_content_are_text(name: str, place: int) -> None:
    chat, family = made(name), FAMILIES[name]
    evil = f"a {' '.join(family.special)} b"
    honest, hostile = (turns(*(text if n == place else "x" for n in range(4))) for text in ("a b", evil))
    special = set(chat.tokenizer.convert_tokens_to_ids(list(family.special)))
    one, other = chat.conversation(honest), chat.conversation(hostile)
    assert [t for t in one.ids if t in special] == [t for t in other.ids if t in special]
    assert other.disarmed == len(family.special)
    said = [ids for _, ids in replies(chat, other)]
    assert len(said) == len(replies(chat, one))
    if place == 1:
        assert chat.tokenizer.decode(said[0][:-1]).replace(" ", "").endswith(evil.replace(" ", ""))
    assert not set(chat.prompt(hostile[:3])) - set(one.ids) & special


@settings(max_examples=25, deadline=None)
@given(
    texts=st.lists(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(str.strip),
        min_size=4,
        max_size=4,
    )
)
def test_any_content_keeps_its_place(texts: list[str]) -> None:
    chat = made("chatml")
    end, start = (chat.tokenizer.convert_tokens_to_ids(word) for word in ("<|im_end|>", "<|im_start|>"))
    written = chat.conversation(turns(*texts))
    assert (written.ids.count(start), written.ids.count(end)) == (5, 5)
    said = [chat.tokenizer.decode(ids[:-1]) for _, ids in replies(chat, written)]
    assert said == [texts[1], texts[3]]


class TestWhatCannotBeLearned:
    @pytest.mark.parametrize(
        ("template", "strict", "why"),
        [
            (read_template("llama-3"), True, "writes <|start_header_id|>, which the base's tokenizer does not know"),
            ("{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}", False, "words that are not the reply"),
            (CHATML.replace("'<|im_end|>' + ", ""), False, "assistant"),
            ("{% for m in messages %}{% generation %}{{ m['content'] }}{% endgeneration %}{% endfor %}", False, "not the reply's"),
            ("{% for m in messages %}{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] }}{% endgeneration %}"
             "{{ eos_token }}{% else %}{{ m['content'] }}{% endif %}{% endfor %}", False, "no model would learn to stop"),
            ("{{ messages[0]['content'] }}", False, "does not show where the assistant begins"),
            ("{{ raise_exception('only in German') }}", False, "cannot render it: only in German"),
            ("{% for %}", False, "cannot render"),
            ("{{ messages[9]['content'].x.y }}", False, "cannot render"),
        ],
    )  # fmt: skip
    def test_is_refused(self, template: str, strict: bool, why: str) -> None:
        tokenizer = made("chatml").tokenizer
        with pytest.raises(InputError, match=why.replace("|", r"\|")):
            Chat(tokenizer, template, {tokenizer.eos_token_id}).check(learns=True, strict=strict)

    def test_a_base_that_does_not_end_texts_with_its_template_s_token(self) -> None:
        tokenizer = made("gemma").tokenizer
        chat = Chat(tokenizer, training_template(tokenizer), {tokenizer.eos_token_id})
        with pytest.raises(InputError, match="ends no reply with a token that ends a text \\(<eos>\\)"):
            chat.check(learns=True, strict=False)

    def test_a_template_that_never_ends_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rendering, "SECONDS", 0.3)
        deep = "{% for a in range(99999) %}{% for b in range(99999) %}{% set x = b %}{% endfor %}{% endfor %}"
        tokenizer = made("chatml").tokenizer
        start = time.monotonic()
        with pytest.raises(InputError, match="does not end within"):
            Chat(tokenizer, deep, {tokenizer.eos_token_id}).check(learns=True, strict=False)
        assert time.monotonic() - start < 5


def test_a_reply_that_the_template_rewrites_is_counted_and_not_learned() -> None:
    """Some write the system's words into the last turn of the user: what stood before it changes with what follows."""
    moved = (
        "{{ bos_token }}{% set last = messages | selectattr('role', 'equalto', 'user') | list | length %}{% set n = namespace(u=0) %}"
        "{% for m in messages %}{% if m['role'] == 'user' %}{% set n.u = n.u + 1 %}[INST] {% if n.u == last %}S {% endif %}"
        "{{ m['content'] }} [/INST]{% else %}{{ ' ' + m['content'] + eos_token }}{% endif %}{% endfor %}"
    )
    tokenizer = made("mistral").tokenizer
    chat = Chat(tokenizer, moved, {tokenizer.eos_token_id})
    chat.check(learns=True, strict=False)
    written = chat.conversation(MESSAGES)
    assert written.missed == 1
    ((_, ids),) = replies(chat, written)
    assert tokenizer.decode(ids) == " 80 GeV, about.</s>"
