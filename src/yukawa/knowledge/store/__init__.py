"""The tables of a knowledge base: written, read back, erased, transferred and verified."""
