"""The shell command `yukawa`: one file per group of verbs, each of which imports what it needs when called."""

import gc

# Starting makes many objects and no garbage, for which Python looks after every 700 new ones: an eighth of the time of `ask`.
gc.set_threshold(10_000)
