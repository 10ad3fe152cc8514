"""Collider jets: simulate, read, train and measure taggers."""
