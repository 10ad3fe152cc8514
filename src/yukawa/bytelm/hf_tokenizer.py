"""The byte tokenizer for text as Hugging Face's libraries take tokenizers."""

from typing import Any

from transformers import AddedToken, AutoTokenizer, PreTrainedTokenizer

from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.segments import BYTES, VOCABULARY, Mark, Text
from yukawa.bytelm.tokenizer import ByteTokenizer
from yukawa.core.errors import InputError

_NAMES = {mark: f"<{mark.name.lower()}>" for mark in Mark}


class ByteLMTokenizer(PreTrainedTokenizer):
    """Text as ids: BOS, the mark of text, its UTF-8 bytes, EOS, and padding up to a whole patch.

    The ids are those of `ByteTokenizer.encode(Text(…))`. Text is only ever bytes: a text that holds `<pad>` has the
    five bytes of it. `decode(ids, skip_special_tokens=True)` gives the text back exactly; without the option the
    marks are shown by name. Truncation may cut a character, whose rest then shows as �.
    For numbers, images and records use `ByteTokenizer`.

    Args:
        patch_size: bytes P of a patch, that of the model.

    Raises:
        InputError: the patch size is below 1.
    """

    model_input_names = ("input_ids", "attention_mask")

    def __init__(self, patch_size: int = 1, **kwargs: Any) -> None:
        ByteTokenizer(patch_size)  # checks it
        self.patch_size = patch_size
        self._added_tokens_decoder = {
            int(mark): AddedToken(name, special=True, normalized=False) for mark, name in _NAMES.items()
        }
        fixed = {
            "pad_token": _NAMES[Mark.PAD],
            "bos_token": _NAMES[Mark.BOS],
            "eos_token": _NAMES[Mark.EOS],
            "extra_special_tokens": [_NAMES[mark] for mark in Mark if mark > Mark.EOS],
            "token_type_ids_pattern": "all_zeros",  # the model has none
        }
        super().__init__(patch_size=patch_size, **(kwargs | fixed))

    @property
    def vocab_size(self) -> int:
        """Ids without the marks: the bytes."""
        return BYTES

    def get_vocab(self) -> dict[str, int]:
        """Every token with its id; byte b is the character number b."""
        return {chr(byte): byte for byte in range(BYTES)} | {name: int(mark) for mark, name in _NAMES.items()}

    def tokenize(self, text: str, **kwargs: Any) -> list[str]:
        """The bytes of a text, each as the character of that number; special names in it are text too."""
        return self._tokenize(text)

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """Ids beside the text: room that truncation leaves for them."""
        # Before the second text of a pair the patch is filled, by as much as P - 1.
        return 4 + self.patch_size - 1 if pair else 3

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """A sequence of one text or two, of whole patches."""
        ids = [int(Mark.BOS), int(Mark.TEXT), *token_ids_0]
        if token_ids_1 is not None:
            ids = [*self._filled(ids), int(Mark.TEXT), *token_ids_1]
        return self._filled([*ids, int(Mark.EOS)])

    def get_special_tokens_mask(
        self,
        token_ids_0: list[int],
        token_ids_1: list[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        """1 at marks and padding, 0 at bytes."""
        whole = already_has_special_tokens
        ids = token_ids_0 if whole else self.build_inputs_with_special_tokens(token_ids_0, token_ids_1)
        return [int(each >= BYTES) for each in ids]

    def prepare_for_model(self, *args: Any, max_length: int | None = None, **kwargs: Any) -> Any:
        """Prepare ids as the base class does, with limits in whole patches.

        Raises:
            InputError: the patch size does not divide the limit.
        """
        if max_length is not None and max_length % self.patch_size:
            raise InputError(
                f"max_length is {max_length}, whole patches of {self.patch_size} are expected",
                hint=f"try {max(1, round(max_length / self.patch_size)) * self.patch_size}",
            )
        return super().prepare_for_model(*args, max_length=max_length, **kwargs)

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """The text of tokens; marks by name, and � where bytes are not UTF-8, as a model may give any."""
        data = b"".join(
            bytes([ord(token)]) if len(token) == 1 and ord(token) < BYTES else token.encode("utf-8")
            for token in tokens
        )
        return data.decode("utf-8", errors="replace")

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str, ...]:
        """Write nothing: the vocabulary is fixed."""
        return ()

    def _decode(self, token_ids: int | list[int], skip_special_tokens: bool = False, **kwargs: Any) -> str:
        """Text of ids, none of it cleaned up: what went in comes out."""
        ids = [token_ids] if isinstance(token_ids, int) else token_ids
        if skip_special_tokens:
            ids = [each for each in ids if not BYTES <= each < VOCABULARY]
        return self.convert_tokens_to_string(self.convert_ids_to_tokens(ids))

    def _filled(self, ids: list[int]) -> list[int]:
        return ids + [int(Mark.PAD)] * (-len(ids) % self.patch_size)

    def _pad(self, *args: Any, pad_to_multiple_of: int | None = None, **kwargs: Any) -> Any:
        side = kwargs.get("padding_side") or self.padding_side
        if side != "right":
            raise InputError(f"padding_side is {side!r}, the tokenizer pads on the right only")
        return super()._pad(*args, pad_to_multiple_of=pad_to_multiple_of or self.patch_size, **kwargs)

    def _tokenize(self, text: str, **kwargs: Any) -> list[str]:
        data = Text(text).text.encode("utf-8") if text else b""
        return list(data.decode("latin-1"))

    def _convert_token_to_id(self, token: str) -> int:
        if len(token) != 1 or ord(token) >= BYTES:
            raise InputError(
                f"there is no token {token!r}; tokens are the {BYTES} bytes and {', '.join(_NAMES.values())}"
            )
        return ord(token)

    def _convert_id_to_token(self, index: int) -> str:
        if not 0 <= index < VOCABULARY:
            raise InputError(f"unknown id {index}; ids are 0 to {VOCABULARY - 1}")
        # A model that has not learnt may give the ids that are never used.
        return chr(index) if index < BYTES else f"<unused-{index}>"


AutoTokenizer.register(ByteLMConfig, tokenizer_class=ByteLMTokenizer, exist_ok=True)
