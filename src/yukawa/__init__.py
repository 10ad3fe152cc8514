"""Yukawa couples any foundation model to high-energy physics: teach it, train it, test it, serve it."""

__version__ = "0.2.0"
