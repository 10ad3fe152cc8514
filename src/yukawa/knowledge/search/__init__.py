"""Search over the items of a knowledge base: full text, vectors, and their fusion."""
