"""Replies of a server that are garbage, too long, cut or of another shape than the schema sent."""

import asyncio
import contextlib
import time

import pytest
from tests.llm.asking import ASK, TEXT, Spin, answered, ask, make, read

from yukawa.core.errors import ModelError, ReplyError
from yukawa.llm import structured

pytestmark = pytest.mark.usefixtures("short_waits")


class TestGarbage:
    @pytest.mark.parametrize(
        ("data", "kind"),
        [
            (b'{"choices": [', "application/json"),
            (b"\xff\xfe\x00", "application/json"),
            (b"<html>welcome</html>", "text/html"),
            (b"{}", "application/json"),
            (b'{"choices": []}', "application/json"),
            (b'{"choices": "x"}', "application/json"),
            (b'{"choices": [{"index": 0}]}', "application/json"),
            (b'{"choices": ["x"]}', "application/json"),
            (b"[]", "application/json"),
            (b"null", "application/json"),
            (b"", "application/json"),
        ],
    )
    def test_what_is_no_completion_is_refused_without_a_retry(self, server, behaviours, data, kind):
        server.script.extend([behaviours.raw(data, kind)])
        with pytest.raises(ModelError, match=r"not a chat completion.*ends in /v1"):
            ask(make(server))
        assert len(server.bodies) == 1

    def test_a_completion_without_a_text_is_refused(self, server, behaviours):
        answer = b'{"model": "m", "choices": [{"message": {"content": null, "refusal": "no!"}}]}'
        server.script.extend([behaviours.raw(answer)])
        with pytest.raises(ModelError, match="without a text: no!"):
            ask(make(server))

    def test_log_probabilities_that_do_not_come_are_missed(self, server, behaviours):
        answer = b'{"model": "m", "choices": [{"finish_reason": "stop", "message": {"content": "1"}}]}'
        server.script.extend([behaviours.raw(answer)])
        with pytest.raises(ModelError, match="did not give the log-probabilities"):
            ask(make(server), logprobs=True)

    @pytest.mark.parametrize("garbage", ['{"choices": [', "\x00", "hello"])
    def test_events_that_are_no_json_break_the_answer_off(self, server, behaviours, garbage):
        server.script.extend([behaviours.events(behaviours.piece("The"), garbage)])
        pieces, error = read(make(server))
        assert pieces == ["The"]
        assert "cut half-way" in str(error)
        assert len(server.bodies) == 1

    @pytest.mark.parametrize("garbage", [{}, {"choices": None}, {"choices": "x"}, {"choices": ["x"]}, []])
    def test_events_of_another_shape_never_pass_for_an_answer(self, server, behaviours, garbage):
        server.script.extend([behaviours.events(garbage)])
        pieces, error = read(make(server))
        assert pieces == []
        assert "incomplete" in str(error)


class TestTypes:
    """A server may put anything anywhere."""

    @pytest.mark.parametrize("odd", [7, True, ["a"], {"a": 1}, float("nan"), "x" * 201, None])
    def test_names_are_names_or_left_out(self, server, behaviours, odd):
        server.script.extend([answered(behaviours, model=odd, reason=odd)])
        found = ask(make(server))
        assert (found.text, found.model, found.finish_reason) == ("It is 1.", "tiny", None)

    @pytest.mark.parametrize("odd", [7, True, ["a"], {"a": 1}, 1.5])
    def test_a_text_is_a_text(self, server, behaviours, odd):
        server.script.extend([answered(behaviours, text=odd)])
        with pytest.raises(ModelError, match="without a text: finish reason stop"):
            ask(make(server))

    @pytest.mark.parametrize("odd", [7, True, [], ["a"], {"a": 1}, 1.5, 10**4000, "a"])
    @pytest.mark.parametrize("place", ["content", "delta"])
    def test_a_piece_that_is_no_text_breaks_the_answer_off(self, server, behaviours, odd, place):
        broken = behaviours.piece("a")
        broken["choices"][0]["delta"] = {"content": odd} if place == "content" else odd
        first, last = behaviours.piece("It"), behaviours.piece(None, "stop")
        server.script.extend([behaviours.events(first, broken, last)])
        pieces, error = read(make(server))
        if (odd, place) == ("a", "content"):
            assert (pieces, error) == (["It", "a"], None)
        elif (odd, place) == ({"a": 1}, "delta"):  # an object that says nothing of the content
            assert (pieces, error) == (["It"], None)
        else:
            assert pieces == ["It"]
            assert "was cut half-way" in str(error)
            assert "it is incomplete" in str(error)

    @pytest.mark.parametrize("place", ["content", "delta", "choices"])
    def test_a_piece_may_be_left_out(self, server, behaviours, place):
        empty = behaviours.piece(None)
        empty["choices"][0]["delta"] = {"content": None} if place == "content" else None
        if place == "choices":
            empty["choices"] = None
        server.script.extend(
            [behaviours.events(behaviours.piece("It"), empty, behaviours.piece(None, "stop"))]
        )
        assert read(make(server)) == (["It"], None)

    def test_numbers_of_tokens_are_such(self, server, behaviours):
        counts = {"prompt_tokens": 7, "completion_tokens": -1, "total_tokens": 10**13}
        server.script.extend([answered(behaviours, usage=counts)])
        assert ask(make(server)).usage == {"prompt_tokens": 7}
        for odd in (True, "7", 7.0, [7], 10**400, None):
            server.script.extend([answered(behaviours, usage={"prompt_tokens": odd})])
            assert ask(make(server)).usage == {}
        server.script.extend([answered(behaviours, usage={"prompt_tokens": 0, "total_tokens": 10**12 - 1})])
        assert ask(make(server)).usage == {"prompt_tokens": 0, "total_tokens": 10**12 - 1}

    @pytest.mark.parametrize(
        "content", [[], [{}], [7], [{"token": "a"}], [{"token": "a", "logprob": "b"}], {"a": 1}, "a",
                    [{"token": 1, "logprob": -1.0}], [{"token": "a", "logprob": float("nan")}]],
    )  # fmt: skip
    def test_log_probabilities_are_numbers_of_tokens(self, server, behaviours, content):
        server.script.extend([answered(behaviours, logprobs={"content": content})])
        with pytest.raises(ModelError, match="did not give the log-probabilities"):
            ask(make(server), logprobs=True)

    def test_halves_of_characters_are_no_characters(self, server, behaviours):
        server.script.extend([answered(behaviours, text="a\ud800b")])
        assert ask(make(server)).text == "a?b"

    @pytest.mark.parametrize("asked", ["9" * 5000, "\u00b2", "121", "1e9"])
    def test_a_wait_of_any_form_is_understood(self, server, behaviours, asked):
        told = {"Retry_After": asked.encode().decode("latin-1")}
        server.script.extend([behaviours.status(429, **told)] * 9)
        with pytest.raises(ModelError, match="HTTP 429"):
            ask(make(server))
        assert len(server.bodies) <= 4


class TestLimits:
    def test_all_attempts_share_one_deadline(self, server, behaviours):
        server.script.extend([behaviours.silence] * 130)
        began = time.monotonic()
        with pytest.raises(ModelError, match=r"has not answered model 'w' within 1\.2 s .*deadline_s"):
            ask(make(server, timeout_s=0.2, deadline_s=1.2, retries=100))
        assert 1.1 < time.monotonic() - began < 10
        assert len(server.bodies) >= 2

    def test_a_stream_and_the_attempts_before_it_share_one_too(self, server, behaviours):
        event = behaviours.piece("on and on ")

        def slowly(handler, body):
            handler.start_events()
            for _ in range(400):
                handler.send_event(event)
                time.sleep(0.05)

        server.script.extend([behaviours.silence, slowly])
        began = time.monotonic()
        pieces, error = read(make(server, timeout_s=0.5, deadline_s=2.5))
        assert pieces
        assert (
            "has not ended after 2.5 s; it is incomplete (a longer wait is deadline_s under [models.w]"
            in str(error)
        )
        assert time.monotonic() - began < 12

    def test_the_list_of_models_has_a_deadline(self, server, behaviours, monkeypatch):
        monkeypatch.setattr(type(server), "lists_models", property(lambda _: time.sleep(4)), raising=False)
        del server.__dict__["lists_models"]
        began = time.monotonic()
        with pytest.raises(ModelError, match="within 0"):
            asyncio.run(make(server, deadline_s=0.3).capabilities())
        assert time.monotonic() - began < 3.5

    @pytest.mark.parametrize("much", ["x" * 200_001, ["x"] * 300_000, "\U0001f600" + "x" * 5_000_000])
    def test_a_reply_is_only_so_long_and_is_not_requested_again(self, server, behaviours, much):
        server.script.extend([answered(behaviours, text=much)])
        with pytest.raises(ModelError, match=r"longer than 200,000 characters|oversteps its limits"):
            ask(make(server))
        assert len(server.bodies) == 1

    @pytest.mark.parametrize("words", [["word "] * 5000, [""] * 5000, [*["word "] * 160, *[""] * 5000]])
    def test_a_server_that_ignores_max_tokens_is_left(self, server, behaviours, words):
        sent = []

        def on_and_on(handler, body):
            handler.start_events()
            with contextlib.suppress(OSError):
                for word in words:
                    handler.send_event(behaviours.piece(word))
                    sent.append(word)
                    time.sleep(0.0002)

        server.script.extend([on_and_on])
        pieces, error = read(make(server), max_tokens=20)
        assert "".join(pieces) == "".join(words[:180])
        assert f"at {server.url} is longer than 900 characters, more than 20 tokens (max_tokens) have" in str(
            error
        )
        assert "raise max_tokens under [models.w] of yukawa.toml; a server that ignores it" in str(error)
        assert len(sent) < 4000
        server.script.extend([answered(behaviours, text="x" * 900), answered(behaviours, text="x" * 901)])
        assert len(ask(make(server), max_tokens=20).text) == 900
        with pytest.raises(ModelError, match="longer than 900 characters"):
            ask(make(server), max_tokens=20)

    def test_a_streamed_one_too(self, server, behaviours):
        server.script.extend([behaviours.events(*[behaviours.piece("x" * 50_000)] * 5)])
        pieces, error = read(make(server))
        assert len("".join(pieces)) == 200_000
        assert (
            "longer than 200,000 characters, the most that is read (set max_tokens under [models.w]"
            in str(error)
        )

    def test_deep_json_is_no_completion(self, server, behaviours):
        server.script.extend([behaviours.raw(b"[" * 20_000)])
        with pytest.raises(ModelError, match="not a chat completion"):
            ask(make(server))


class TestCutStreams:
    @pytest.mark.parametrize("end", ["cut", "clean"])
    def test_a_stream_that_ends_without_a_reason_is_an_error(self, server, behaviours, end):
        server.script.extend([behaviours.events(behaviours.piece("The"), behaviours.piece(" W"), end=end)])
        pieces, error = read(make(server))
        assert pieces == ["The", " W"]
        assert "cut half-way" in str(error)
        assert len(server.bodies) == 1

    def test_a_stream_that_falls_silent_is_an_error(self, server, behaviours):
        server.script.extend([behaviours.events(behaviours.piece("The"), end="silent")])
        pieces, error = read(make(server, timeout_s=0.2))
        assert pieces == ["The"]
        assert "was cut half-way: its server was silent for 0.2 s; it is incomplete" in str(error)
        assert "write a longer timeout_s under [models.w]" in str(error)

    def test_an_error_inside_a_stream_is_passed_on(self, server, behaviours):
        server.script.extend([behaviours.events(behaviours.piece("The"), {"error": {"message": "GPU lost"}})])
        assert "GPU lost" in str(read(make(server))[1])

    @pytest.mark.parametrize(
        ("reason", "limit", "whole"),
        [
            ("stop", None, True),
            ("length", 3, False),
            ("length", None, False),
            ("content_filter", 3, False),
        ],
    )
    def test_an_answer_that_ends_early_does_not_pass_for_a_whole_one(
        self, server, behaviours, reason, limit, whole
    ):
        server.script.extend([behaviours.good(reason=reason)])
        pieces, error = read(make(server), max_tokens=limit)
        assert "".join(pieces) == TEXT
        assert (error is None) is whole

    def test_a_limit_used_up_by_reasoning_is_a_cut_reply_without_words(self, server, behaviours):
        server.script.extend([behaviours.good(None, reason="length")])
        reply = ask(make(server), max_tokens=3)
        assert (reply.text, reply.finish_reason) == ("", "length")


class TestSchemas:
    GOOD = '{"particle": "W", "spin": 1}'

    def structured(self, model):
        async def work():
            try:
                return await structured(model, ASK, Spin)
            finally:
                await model.aclose()

        return asyncio.run(work())

    def test_the_schema_is_sent_and_the_reply_read(self, server, behaviours):
        server.script.extend([behaviours.good(self.GOOD)])
        assert self.structured(make(server)) == Spin(particle="W", spin=1)
        sent = server.bodies[0]["response_format"]
        assert sent["type"] == "json_schema"
        assert sent["json_schema"] == {"name": "Spin", "schema": Spin.model_json_schema()}

    def test_a_server_that_refuses_schemas_is_asked_in_words_from_then_on(self, server, behaviours):
        refusal = behaviours.status(400, "unknown field")
        server.script.extend(
            [refusal, behaviours.good(self.GOOD), behaviours.good(f"```json\n{self.GOOD}\n```")]
        )
        model = make(server)

        async def work():
            first = await structured(model, ASK, Spin)
            second = await structured(model, ASK, Spin)
            able = (await model.capabilities()).json_schema
            await model.aclose()
            return first, second, able

        assert asyncio.run(work()) == (Spin(particle="W", spin=1), Spin(particle="W", spin=1), False)
        assert ["response_format" in sent for sent in server.bodies] == [True, False, False]
        assert '"particle"' in server.bodies[1]["messages"][-1]["content"]

    def test_a_request_refused_either_way_teaches_nothing(self, server, behaviours):
        server.script.extend([behaviours.status(400, "too long"), behaviours.status(400, "too long")])
        model = make(server, context_length=9)
        with pytest.raises(ModelError, match="too long"):
            ask(model, schema=Spin)
        assert asyncio.run(model.capabilities()).json_schema
        assert len(server.bodies) == 2

    def test_a_wrong_reply_is_shown_its_error_once(self, server, behaviours):
        server.script.extend([behaviours.good('{"particle": "W"}'), behaviours.good(self.GOOD)])
        assert self.structured(make(server)).spin == 1
        answer, complaint = server.bodies[1]["messages"][-2:]
        assert answer == {"role": "assistant", "content": '{"particle": "W"}'}
        assert "spin is missing" in complaint["content"]

    def test_two_wrong_replies_are_the_end(self, server, behaviours):
        server.script.extend([behaviours.good("I would rather not.")] * 9)
        with pytest.raises(ReplyError, match="'w' gave no valid Spin in two replies"):
            self.structured(make(server))
        assert len(server.bodies) == 2
