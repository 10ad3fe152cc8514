"""Text for training: typed rows, their files, arXiv's abstracts, questions and answers, and what is left out of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yukawa.facades import from_homes

if TYPE_CHECKING:
    from yukawa.corpus.abstracts import build_abstracts, build_mixture
    from yukawa.corpus.arxiv import read_papers
    from yukawa.corpus.conversation_sets import build_conversations
    from yukawa.corpus.conversation_splits import split_conversations
    from yukawa.corpus.conversations import read_conversations
    from yukawa.corpus.dataset import write_dataset
    from yukawa.corpus.decontamination import Decontamination
    from yukawa.corpus.duplicates import near_duplicates
    from yukawa.corpus.filters import make_filters
    from yukawa.corpus.language import LanguageFilter
    from yukawa.corpus.rows import Conversation, Document, Message, Preference
    from yukawa.corpus.storing import read_rows, write_rows
    from yukawa.corpus.tokens import TokenCounter

__all__ = [
    "Conversation",
    "Decontamination",
    "Document",
    "LanguageFilter",
    "Message",
    "Preference",
    "TokenCounter",
    "build_abstracts",
    "build_conversations",
    "build_mixture",
    "make_filters",
    "near_duplicates",
    "read_conversations",
    "read_papers",
    "read_rows",
    "split_conversations",
    "write_dataset",
    "write_rows",
]
_HOMES = {
    "Conversation": "rows",
    "Decontamination": "decontamination",
    "Document": "rows",
    "LanguageFilter": "language",
    "Message": "rows",
    "Preference": "rows",
    "TokenCounter": "tokens",
    "build_abstracts": "abstracts",
    "build_conversations": "conversation_sets",
    "build_mixture": "abstracts",
    "make_filters": "filters",
    "near_duplicates": "duplicates",
    "read_conversations": "conversations",
    "read_papers": "arxiv",
    "read_rows": "storing",
    "split_conversations": "conversation_splits",
    "write_dataset": "dataset",
    "write_rows": "storing",
}
# Imported when first used, so that `import yukawa.corpus` costs nothing.
__getattr__ = from_homes(__name__, _HOMES)
