"""A model in this process, through Hugging Face transformers."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Self

from yukawa.core.errors import ModelError, require
from yukawa.core.settings import ModelSettings
from yukawa.llm import base, loading

_PURPOSE = "the transformers backend"
_SPEAKERS = {"system": "System", "user": "User", "assistant": "Assistant"}
_NEXT_TURN = "\nUser:"
_END = object()


@dataclass(frozen=True, slots=True)
class _Generated:
    """Tokens of one answer, without the prompt; `logits` has a row of the vocabulary's size for each."""

    tokens: list[int]
    logits: Sequence[Any]
    prompt_tokens: int


@dataclass(eq=False, repr=False)
class TransformersModel:
    """A causal language model in this process, with an optional PEFT adapter on top.

    The first reply loads the weights through `yukawa.llm.loading`. Prompts
    go through the tokenizer's chat template. Where it has none they are written as plain text, a turn a
    paragraph: `System: ...`, `User: ...`, `Assistant: ...`, ending in `Assistant:`; the answer ends where the
    model starts a new `User:` turn. Control tokens inside a message are read as ordinary text, so that a
    passage cannot open a turn.

    Args:
        model: folder of a model, of a run or of an adapter; or a name on the Hub.
        name: the name in Yukawa.
        adapter: PEFT adapter to put on top, likewise.
        load_in_4bit: whether to quantise the weights to NF4; None does so where the run was QLoRA.
        context_length: in tokens; None reads it from the configuration of the model.
    """

    model: str
    _: KW_ONLY
    name: str = ""
    adapter: str | None = None
    load_in_4bit: bool | None = None
    context_length: int | None = None
    _loaded: tuple[Any, Any] | None = field(default=None, init=False)
    # One answer at a time: two at once would only share the processor and double the memory.
    _busy: threading.Lock = field(default_factory=threading.Lock, init=False)
    _loading: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        self.name = self.name or self.model

    @classmethod
    def from_settings(cls, settings: ModelSettings) -> Self:
        """The model of a row of `yukawa.toml`.

        Raises:
            InputError: the row does not name a model.
        """
        return cls(
            base.needed(settings, "model"), name=settings.name, adapter=settings.adapter,
            load_in_4bit=settings.load_in_4bit, context_length=settings.context_length,
        )  # fmt: skip

    async def chat(
        self, messages: Sequence[base.Message], options: base.GenerationOptions = base.GREEDY
    ) -> base.Reply:
        """See `ChatModel.chat`; the text carries no white space at its ends.

        Raises:
            MissingPackage: torch, transformers, peft or bitsandbytes is needed and not installed.
            ModelError: the model cannot be loaded, or the prompt does not fit.
        """
        base.need_messages(messages, self.name)
        stop = threading.Event()
        try:
            return await asyncio.to_thread(self._answer, messages, options, stop)
        finally:
            stop.set()  # a cancelled caller leaves the thread behind

    async def stream(
        self, messages: Sequence[base.Message], options: base.GenerationOptions = base.GREEDY
    ) -> AsyncIterator[str]:
        """See `ChatModel.stream`; leaving early stops the model at its next token.

        Raises:
            MissingPackage, ModelError: as in `chat`.
            CutReply: the answer reached its token limit.
        """
        base.need_messages(messages, self.name)
        _, tokenizer = await asyncio.to_thread(self._load)
        streamer = require("transformers", _PURPOSE).TextIteratorStreamer(
            tokenizer, skip_prompt=True, skip_special_tokens=True
        )
        pieces = iter(until(_stops(tokenizer, options), streamer))
        stop = threading.Event()
        work = asyncio.to_thread(self._generate, messages, options, stop, streamer)
        job = asyncio.ensure_future(work)
        try:
            while isinstance(piece := await asyncio.to_thread(next, pieces, _END), str):
                yield piece
        finally:
            stop.set()
            made = await job  # raises what went wrong while generating
        if not self._text(made, options)[1]:
            raise base.CutReply(self.name)

    async def capabilities(self) -> base.Capabilities:
        """Streams and gives log-probabilities; reads the configuration, not the weights.

        Raises:
            MissingPackage: transformers is not installed.
            ModelError: there is no such model.
        """
        length = await asyncio.to_thread(self._context)
        return base.Capabilities(streaming=True, json_schema=False, logprobs=True, context_length=length)

    async def aclose(self) -> None:
        """Release the weights."""
        self._loaded = None

    def _answer(
        self, messages: Sequence[base.Message], options: base.GenerationOptions, stop: threading.Event
    ) -> base.Reply:
        """Generate an answer whole, with the counts of its tokens."""
        made = self._generate(messages, options, stop)
        text, ended = self._text(made, options)
        return base.Reply(
            text=text.strip(),
            model=self.model,
            finish_reason="stop" if ended else "length",
            usage={
                "prompt_tokens": made.prompt_tokens,
                "completion_tokens": len(made.tokens),
                "total_tokens": made.prompt_tokens + len(made.tokens),
            },
            logprobs=_logprobs(self._load()[1], made) if options.logprobs else None,
        )

    def _text(self, made: _Generated, options: base.GenerationOptions) -> tuple[str, bool]:
        """The words of an answer, and whether it ended by itself."""
        model, tokenizer = self._load()
        whole = tokenizer.decode(made.tokens, skip_special_tokens=True)
        text = "".join(until(_stops(tokenizer, options), [whole]))
        ended = made.tokens[-1] in loading.end_tokens(model.generation_config, tokenizer)
        return text, ended or text != whole

    def _generate(
        self,
        messages: Sequence[base.Message],
        options: base.GenerationOptions,
        stop: threading.Event,
        streamer: Any = None,
    ) -> _Generated:
        """Generate tokens under the lock of the model.

        Raises:
            ModelError: the prompt is too long, or the model fails.
        """
        try:
            with self._busy:
                model, tokenizer = self._load()
                room, inputs = self._prompt(messages, options)
                how = _decoding(tokenizer, options, stop)
                with _seeded(options.seed):
                    return _run(model, inputs, max_new_tokens=room, streamer=streamer, **how)
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"model {self.name!r} failed while answering: {error}") from error
        finally:
            if streamer is not None:
                streamer.end()  # the reader of the pieces would wait for ever otherwise

    def _prompt(self, messages: Sequence[base.Message], options: base.GenerationOptions) -> tuple[int, Any]:
        """How many tokens the answer may have, and the prompt as tensors of shape (1, length)."""
        model, tokenizer = self._load()
        if options.schema is not None:
            messages = base.ask_in_words(messages, options.schema)
        inputs = _encode(tokenizer, messages, self.name)
        rows = int(model.get_input_embeddings().weight.shape[0])
        if (highest := int(inputs["input_ids"].max())) >= rows:
            raise ModelError(
                f"the tokenizer of model {self.name!r} gives token {highest}, and the model knows {rows}",
                hint="model and tokenizer do not belong together",
            )
        length = int(inputs["input_ids"].shape[-1])
        context = self._context()
        room = base.NEW_TOKENS if options.max_tokens is None else options.max_tokens
        if context is not None:
            if length >= context:
                raise ModelError(
                    f"the prompt has {length} tokens and model {self.name!r} holds {context} with its answer",
                    hint="shorten the conversation, or ask for fewer passages",
                )
            room = min(room, context - length)
        return room, inputs

    def _load(self) -> tuple[Any, Any]:
        """Model and tokenizer; loaded by the first call, one thread at a time."""
        with self._loading:
            if self._loaded is None:
                found = loading.open_language_model(
                    self.model, adapter=self.adapter, name=self.name, load_in_4bit=self.load_in_4bit, device="auto"
                )  # fmt: skip
                self._loaded = (found.model, found.tokenizer)
            return self._loaded

    def _context(self) -> int | None:
        if self.context_length is None:
            self.context_length = loading.context_length(self.model, self.adapter)
        return self.context_length


def until(stops: Sequence[str], pieces: Iterable[str]) -> Iterator[str]:
    """The pieces of a text up to the first of some strings, wherever the pieces are cut.

    What could be the beginning of such a string is held back until it is clear.
    """
    held = ""
    for piece in pieces:
        held += piece
        first = min((held.find(stop) for stop in stops if stop in held), default=-1)
        if first >= 0:
            if first:
                yield held[:first]
            return
        keep = max(
            (size for stop in stops for size in range(len(stop)) if held.endswith(stop[:size])), default=0
        )
        ready, held = held[: len(held) - keep], held[len(held) - keep :]
        if ready:
            yield ready
    if held:
        yield held


def _stops(tokenizer: Any, options: base.GenerationOptions) -> tuple[str, ...]:
    """The strings at which an answer ends."""
    return options.stop if tokenizer.chat_template else (*options.stop, _NEXT_TURN)


def _encode(tokenizer: Any, messages: Sequence[base.Message], name: str) -> Any:
    """The prompt as token ids and attention mask; through the chat template, or as plain paragraphs."""
    import jinja2  # which the templates of transformers need

    if not tokenizer.chat_template:
        paragraphs = [f"{_SPEAKERS[message.role]}: {message.content}" for message in messages]
        plain = "\n\n".join([*paragraphs, "Assistant:"])
        return tokenizer(plain, return_tensors="pt", split_special_tokens=True)
    turns = [{"role": message.role, "content": message.content} for message in messages]
    attempts = [turns]
    if turns[0]["role"] == "system" and len(turns) > 1:
        # Some templates know no system turn (Gemma's): its words then open the next one.
        joined = {**turns[1], "content": f"{turns[0]['content']}\n\n{turns[1]['content']}"}
        attempts.append([joined, *turns[2:]])
    refusal: Exception | None = None
    for attempt in attempts:
        try:
            return tokenizer.apply_chat_template(
                attempt,
                add_generation_prompt=True,
                return_tensors="pt",
                return_dict=True,
                sanitize_control_tokens=True,
            )
        except jinja2.TemplateError as error:
            refusal = error
    raise ModelError(f"the chat template of model {name!r} refuses this conversation: {refusal}") from refusal


def _decoding(tokenizer: Any, options: base.GenerationOptions, stop: threading.Event) -> dict[str, Any]:
    """How to choose tokens and when to end, as arguments of `generate`."""
    halt = require("transformers", _PURPOSE).StoppingCriteriaList([lambda ids, scores, **_: stop.is_set()])
    sampled = bool(options.temperature)
    how: dict[str, Any] = {
        "stopping_criteria": halt,
        "do_sample": sampled,
        "output_logits": options.logprobs,
    }
    if sampled:
        how |= {"temperature": options.temperature} | ({"top_p": options.top_p} if options.top_p else {})
    else:
        # Greedy choice leaves no use for the sampling knobs that a model's own configuration may set.
        how |= {"temperature": None, "top_p": None, "top_k": None}
    if stops := _stops(tokenizer, options):
        how |= {"stop_strings": list(stops), "tokenizer": tokenizer}
    if tokenizer.pad_token_id is None:
        how["pad_token_id"] = 0  # one row needs no padding, but `generate` warns without
    return how


@contextlib.contextmanager
def _seeded(seed: int | None) -> Iterator[None]:
    """Random numbers from a seed, after which those of the program continue as if nothing had been drawn."""
    if seed is None:
        yield
        return
    torch = require("torch", _PURPOSE)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def _run(model: Any, inputs: Any, **options: Any) -> _Generated:
    length = int(inputs["input_ids"].shape[-1])
    with require("torch", _PURPOSE).inference_mode():
        made = model.generate(
            # Tokenizers may add more (token types) than a decoder takes.
            input_ids=inputs["input_ids"].to(model.device),
            attention_mask=inputs["attention_mask"].to(model.device),
            return_dict_in_generate=True,
            **options,
        )
    return _Generated(made.sequences[0, length:].tolist(), made.logits or (), length)


def _logprobs(tokenizer: Any, made: _Generated) -> tuple[base.TokenLogprob, ...]:
    """Log softmax of the model's own logits at each chosen token, before any temperature."""
    return tuple(
        base.TokenLogprob(tokenizer.decode([token]), float(row[0].float().log_softmax(-1)[token]))
        for token, row in zip(made.tokens, made.logits, strict=True)
    )
