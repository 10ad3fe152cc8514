from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from yukawa.core.signals import Interruption, cause_of_death


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_request_is_noted(number):
    before = signal.getsignal(number)
    with Interruption() as interruption:
        assert not interruption.asked
        os.kill(os.getpid(), number)
        assert interruption.asked
        assert signal.getsignal(number) is before  # the next one acts
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_acts_at_once():
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert interruption.asked


def test_outside_the_main_thread_nothing_is_noted():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        with Interruption():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals of POSIX")
def test_ctrl_c_is_held_back_until_the_block_ends():
    # In a process of its own: here other threads may take the signal.
    code = (
        "import os, signal\nfrom yukawa.core.signals import ctrl_c_held\n"
        "try:\n    with ctrl_c_held():\n        os.kill(os.getpid(), signal.SIGINT)\n        print('reached')\n"
        "except KeyboardInterrupt:\n    print('raised')\n"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["reached", "raised"]


@pytest.mark.parametrize(
    ("codes", "cause"),
    [([-15, -9], ", killed by SIGKILL"), ([-15, None], ", killed by SIGTERM"), ([0, 7], " with exit code 7"),
     ([-200], ", killed by signal 200"), ([0, None], "")],
)  # fmt: skip
def test_the_first_death_is_told_from_those_that_follow_it(codes: list[int | None], cause: str):
    assert cause_of_death(codes) == cause
