"""Documents: files of Markdown, plain text or PDF become blocks, blocks become passages, and spans of them answer questions."""

import lazy_loader

# Imported when first used: only documents need a parser of Markdown.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
