from __future__ import annotations

import subprocess
import sys

CODE = """
from yukawa.training.quiet import quiet
quiet()
import sys, peft, trl, bitsandbytes
from yukawa.training.tiny_model import make_llama
make_llama(sys.argv[1], ["quark"], vocabulary=260, hidden_size=8)
"""


def test_nothing_is_printed_but_what_we_say(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "base")], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert (tmp_path / "base" / "model.safetensors").is_file()
