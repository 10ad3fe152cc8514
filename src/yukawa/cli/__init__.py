"""The shell command `yukawa`: one file a verb group, each imports what it needs when called."""
