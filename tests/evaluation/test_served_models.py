"""A server that scores prompts, played by a tiny model: the same losses as the model itself gives."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch

from yukawa.core.errors import InputError, ModelError
from yukawa.core.settings import ModelSettings
from yukawa.data.rows import Document
from yukawa.evaluation import served_models
from yukawa.evaluation.perplexity import document_losses
from yukawa.evaluation.recipe import ScoringOptions, Statistics
from yukawa.evaluation.results import perplexity_json
from yukawa.evaluation.runner import ModelSpec, measure
from yukawa.evaluation.served_models import Service


def scored(model, text: str, bos: bool) -> dict:
    """What vLLM answers to a prompt with `echo`, `logprobs=1` and one new token."""
    ids = ([256] if bos else []) + model.tokenizer(text, add_special_tokens=False)["input_ids"]
    with torch.inference_mode():
        logs = model.model(torch.tensor([ids])).logits[0].log_softmax(-1)
    values = [float(logs[k, token]) for k, token in enumerate(ids[1:])]
    tokens = [model.tokenizer.decode([token]) for token in ids]
    return {
        "id": "1", "object": "text_completion", "created": 0, "model": "tiny",
        "usage": {"prompt_tokens": len(ids), "completion_tokens": 1, "total_tokens": len(ids) + 1},
        "choices": [{
            "index": 0, "text": text + "x", "finish_reason": "length",
            "logprobs": {"tokens": [*tokens, "x"], "token_logprobs": [None, *values, -1.0], "text_offset": [], "top_logprobs": None},
        }],
    }  # fmt: skip


@pytest.fixture
def server(base_model):
    bodies: list[dict] = []
    changes: dict = {"bos": True, "answer": lambda answer: answer, "status": 200}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            bodies.append(body)
            answer = changes["answer"](scored(base_model, body["prompt"], changes["bos"]))
            data = json.dumps(answer).encode()
            self.send_response(changes["status"] if self.path == "/v1/completions" else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{running.server_address[1]}/v1"
    yield Service(ModelSettings(name="served", backend="openai", model="tiny", base_url=url)), changes, bodies
    running.shutdown()
    running.server_close()


SHORT = slice(0, 4)  # the fifth is longer than the context


@pytest.mark.parametrize("bos", [True, False])
def test_a_server_and_its_model_agree(server, base_model, documents, bos):
    service, changes, bodies = server
    changes["bos"] = bos
    seen = []
    found = service.losses(documents[SHORT], lambda *a: seen.append(a))
    direct = document_losses(base_model, documents[SHORT], bos=bos, eos=False)
    np.testing.assert_allclose(found.losses, direct.losses, rtol=1e-5)
    np.testing.assert_array_equal(found.tokens, direct.tokens)
    np.testing.assert_array_equal(found.bytes, direct.bytes)
    assert (found.options["bos"], found.options["eos"], found.ids) == (bos, False, direct.ids)
    assert seen[-1] == (4, 4)
    assert {(body["echo"], body["logprobs"], body["max_tokens"]) for body in bodies} == {(True, 1, 1)}


def test_beside_a_folder_it_is_compared_and_kept(server, base_folder, documents, tmp_path):
    service, _, bodies = server
    tests = {"all": documents[SHORT]}
    subjects = [ModelSpec("base", str(base_folder), device="cpu"), service]
    found = measure(subjects, tests, scoring=ScoringOptions(eos=False), cache=tmp_path)["all"]
    data = perplexity_json(found, Statistics(resamples=100))
    assert data["same_tokens"]
    assert data["measured_differently"] == {}
    (pair,) = data["forms"]["corpus_perplexity"]["differences"]
    assert pair["value"] == pytest.approx(0, abs=1e-3)
    asked = len(bodies)
    measure(subjects, tests, scoring=ScoringOptions(eos=False), cache=tmp_path)
    assert len(bodies) == asked
    unlike = perplexity_json(measure(subjects, tests)["all"], Statistics(resamples=100))
    assert unlike["measured_differently"] == {"EOS": {"base": True, "served": False}}


def without_logprobs(answer):
    answer["choices"][0]["logprobs"] = None
    return answer


def only_new(answer):
    """A server that leaves `echo` out and scores what it wrote."""
    answer["choices"][0]["logprobs"].update(tokens=["x"], token_logprobs=[-1.0])
    return answer


def cut_short(answer):
    """A server that cuts long prompts in silence."""
    logprobs = answer["choices"][0]["logprobs"]
    logprobs.update(tokens=logprobs["tokens"][:5], token_logprobs=logprobs["token_logprobs"][:5])
    answer["usage"]["prompt_tokens"] = 4
    return answer


@pytest.mark.parametrize("answer", [without_logprobs, only_new, cut_short])
def test_a_server_that_does_not_score_prompts(server, documents, answer):
    service, changes, _ = server
    changes["answer"] = answer
    with pytest.raises(ModelError, match="gives no log-probabilities of prompts"):
        service.losses(documents[:1])


def test_refusals(server, documents, monkeypatch):
    service, changes, _ = server
    changes |= {"status": 400, "answer": lambda _: {"error": {"message": "too long for me"}}}
    with pytest.raises(
        ModelError, match=r"refused document 2101\.00000 for model 'served': .*too long for me"
    ):
        service.losses(documents[:1])
    secret = ModelSettings(
        name="s", backend="openai", model="m", base_url="http://127.0.0.1:9/v1", key_variable="MY_KEY"
    )
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(InputError, match="export MY_KEY="):
        Service(secret).losses(documents[:1])
    for row in (
        ModelSettings(name="q", backend="quote"),
        ModelSettings(name="n", backend="openai", model="m"),
    ):
        with pytest.raises(InputError, match="names no server that could score"):
            Service(row)


def test_nobody_there(monkeypatch):

    monkeypatch.setattr(served_models, "_RETRIES", 0)
    row = ModelSettings(name="n", backend="openai", model="m", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ModelError, match="is the server running"):
        Service(row).losses([Document(id="a", text="a b", source="t")])
