from __future__ import annotations

import os
import signal
import threading

import pytest

from yukawa.core.signals import Interruption


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
