"""What the tests of the openai backend share: a model of the misbehaving server, asked and read to its end."""

import asyncio
import json

from pydantic import BaseModel

from yukawa.core.errors import ModelError
from yukawa.llm import GenerationOptions, Message
from yukawa.llm.openai import OpenAIModel

ASK = [Message("system", "Be short."), Message("user", "Spin of the W boson?")]
TEXT = "The W boson has spin 1."


class Spin(BaseModel):
    particle: str
    spin: float


def make(server, **options) -> OpenAIModel:
    return OpenAIModel("tiny", name="w", base_url=server.url, **{"timeout_s": 5.0, **options})


def ask(model: OpenAIModel, messages=ASK, **options):
    async def work():
        try:
            return await model.chat(messages, GenerationOptions(**options))
        finally:
            await model.aclose()

    return asyncio.run(work())


def read(model: OpenAIModel, **options) -> tuple[list[str], ModelError | None]:
    """The pieces that came, and the error that ended them."""

    async def work():
        pieces = []
        try:
            async for piece in model.stream(ASK, GenerationOptions(**options)):
                pieces.append(piece)
        except ModelError as error:
            return pieces, error
        finally:
            await model.aclose()
        return pieces, None

    return asyncio.run(work())


def answered(behaviours, *, text="It is 1.", reason="stop", usage=None, model="m", logprobs=None):
    choice = {"message": {"content": text}, "finish_reason": reason, "logprobs": logprobs}
    return behaviours.raw(json.dumps({"choices": [choice], "usage": usage, "model": model}).encode())
