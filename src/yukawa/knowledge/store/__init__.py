"""The tables of a knowledge base: what is written, read back, erased, moved and verified."""
