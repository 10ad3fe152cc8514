"""A scripted model behind the OpenAI protocol: it counts what it is asked, waits, and misbehaves in a way that is decided by the prompt.

`python benchmarks/engine_server.py --delay 0.05 --faults cut garbage` prints its port. Replies depend on the messages alone (and
HTTP faults on how often these came), so that two runs that ask the same receive the same.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
from collections import Counter
from pathlib import Path

FAULTS = ("429", "500", "cut", "garbage", "wrong quote", "wrong exponent", "silence")
PARTICLES = "W boson,Z boson,J/psi(1S),psi(2S),tau,muon,neutron,proton,K+,K0,pi0,pi+,eta,D0,D+,B0,B+,Lambda_b,Sigma+,Xi0".split(
    ","
)
PROPERTIES = ("mass", "full width", "mean lifetime", "spin", "electric charge", "magnetic moment")


def digest(text: str) -> int:
    """A number that a text decides."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)


def questions(prompt: str, count: int) -> list[str]:
    """Questions that a prompt decides; some of them repeat others."""
    seeds = [digest(f"{prompt}/{number}") for number in range(count)]
    return [
        f"What is the {PROPERTIES[s % len(PROPERTIES)]} of the {PARTICLES[s // 7 % len(PARTICLES)]}?"
        for s in seeds
    ]


def reply(messages: list[dict[str, str]], fault: str) -> str:
    """The text of a reply: questions of a Newbie, an answer of an Expert that quotes its first passage."""
    system, last = messages[0]["content"], messages[1]["content"]
    if "raise new questions" in system:
        wanted = re.search(r"Raise (\d+) questions", last)
        return json.dumps({"questions": questions(last, int(wanted[1]) if wanted else 3)})
    passage = re.search(r"^\[1\] (.*)$", last, re.MULTILINE)
    said = passage[1] if passage else "nothing"
    quote = re.sub(r"\d(?=\D*$)", "8", said) if fault == "wrong quote" else said
    text = re.sub(r"10⁻?(\S)", "10⁷", said) if fault == "wrong exponent" else said
    if fault == "wrong exponent" and text == said:
        text = re.sub(r"(\d+\.\d+)", lambda m: f"{float(m[1]) * 1000:g}", said, count=1)
    return json.dumps(
        {"answered": True, "sentences": [{"quote": quote[:500], "passage": 1, "text": text[:500]}]}
    )


class Scripted:
    """Answers requests and keeps what it was asked.

    Args:
        delay: seconds before each reply.
        faults: kinds of `FAULTS`, each of which has a share of `share` of the requests.
        log: a file that receives a line for each request: the hash of its messages.
    """

    def __init__(
        self, delay: float = 0.0, faults: tuple[str, ...] = (), share: float = 0.2, log: Path | None = None
    ) -> None:
        self.delay, self.faults, self.share, self.log = delay, faults, share, log
        self.seen: Counter[str] = Counter()
        self.most, self._now = 0, 0

    def fault(self, key: str) -> str:
        """The fault of a request; one over HTTP that came before is drawn anew."""
        number = digest(f"{key}/{self.seen[key]}")
        place = (number % 10_000) / 10_000 / self.share
        return self.faults[int(place)] if self.faults and place < len(self.faults) else ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Requests on one connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = int(re.search(r"(?i)content-length: (\d+)", head)[1])  # type: ignore[index]  # every client sends it
                body = json.loads(await reader.readexactly(length))
                self._now += 1
                self.most = max(self.most, self._now)
                try:
                    data = await self.answer(body["messages"])
                finally:
                    self._now -= 1
                if data is None:
                    break
                writer.write(data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, messages: list[dict[str, str]]) -> bytes | None:
        """The bytes of a response; None hangs up."""
        key = hashlib.sha256(json.dumps(messages).encode()).hexdigest()
        fault = self.fault(key)
        self.seen[key] += 1
        if self.log is not None:
            with open(self.log, "a", encoding="utf-8") as handle:
                handle.write(key + "\n")
        await asyncio.sleep(self.delay)
        if fault == "silence":
            return None
        if fault in ("429", "500"):
            return response(int(fault), {"error": {"message": "busy"}}, "retry-after: 0\r\n")
        text = reply(messages, fault)
        if fault == "garbage":
            text = "Certainly! " + text[: len(text) // 3]
        if fault == "cut":
            text = text[: len(text) // 2]
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": "length" if fault == "cut" else "stop",
        }
        usage = {"prompt_tokens": 200, "completion_tokens": 50, "total_tokens": 250}
        done = {
            "id": "c",
            "object": "chat.completion",
            "created": 0,
            "model": "scripted",
            "choices": [choice],
            "usage": usage,
        }
        return response(200, done)


def response(status: int, value: object, more: str = "") -> bytes:
    """An HTTP response with a JSON body."""
    data = json.dumps(value).encode()
    head = (
        f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{more}content-length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


async def run(scripted: Scripted) -> None:
    server = await asyncio.start_server(scripted.serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--faults", nargs="*", choices=FAULTS, default=[])
    parser.add_argument("--share", type=float, default=0.2)
    parser.add_argument("--log", type=Path)
    options = parser.parse_args()
    asyncio.run(run(Scripted(options.delay, tuple(options.faults), options.share, options.log)))


if __name__ == "__main__":
    main()
