"""Jet taggers under one interface."""
