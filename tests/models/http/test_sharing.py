"""What calls have in common, and what they must not: a request under way, its reading, its memory, a secret."""

import asyncio
import json
import re
import time
from typing import Any

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.models.http import HttpScorer, HttpScorerError
from tamis.models.http.neutral import plain
from tamis.models.http.pool import Pool
from tamis.models.template import Part, Prompt
from tamis.testing.fault_server import FaultServer

SECRET = "sk-hunter22-hunter22-hunter22"


def test_one_prompt_asked_for_other_labels_is_another_question() -> None:
    prompt = Prompt((Part("the river is deep"),))
    labels = [["Yes", "No"], ["No", "Yes"], ["A"], ["Yes", "No"]]
    with FaultServer(delay_s=0.1, truth=lambda query, passage: 1.0) as server:
        scorer = HttpScorer(server.url, "m")
        alone = [scorer.choose([prompt], [each])[0] for each in labels]
        sent = len(server.received)
        assert scorer.choose([prompt] * 4, labels) == alone
        # The first and the last are the same question.
        assert len(server.received) - sent == 3
    assert alone[0] == alone[1][::-1]
    assert len(alone[2]) == 1


def test_an_answer_that_is_read_in_another_way_is_not_shared() -> None:
    def both(one: HttpScorer, other: HttpScorer) -> list[Any]:
        async def work() -> list[Any]:
            query, passages = Content("a b"), [Content("a c")]
            return list(await asyncio.gather(one.ascore(query, passages), other.ascore(query, passages)))

        return asyncio.run(work())

    with FaultServer(delay_s=0.1, truth=lambda query, passage: 1.0, top_logprobs=1) as server:
        probable = HttpScorer(server.url, "m", dialect="rerank", scores="probability")
        raw = HttpScorer(server.url, "m", dialect="rerank", scores="log-odds")
        assert both(probable, raw) == [[pytest.approx(1.0)], [pytest.approx(0.7310585786)]]
        bound, none = HttpScorer(server.url, "m", missing="bound"), HttpScorer(server.url, "m", missing="none")
        assert both(bound, none)[1] == [None]
        assert both(bound, none)[0] != [None]


def test_requests_that_cannot_be_sent_yet_are_not_written_yet() -> None:
    written = 0

    with FaultServer(delay_s=0.01) as server:
        scorer = HttpScorer(server.url, "m", max_concurrency=2)
        job = scorer._job()
        real = job._send

        async def counting(*args: Any, **settings: Any) -> Any:
            nonlocal written
            written += 1
            assert written - len(server.received) <= 4
            return await real(*args, **settings)

        object.__setattr__(job, "_send", counting)
        passages = [Content(f"passage {at}") for at in range(40)]
        scores = asyncio.run(_run(job, Content("passage"), passages))
    assert written == 40
    assert None not in scores


async def _run(job: Any, query: Content, passages: list[Content]) -> Any:
    from tamis.models.http import worker

    return await worker.acall(lambda: job.score(query, passages))


@pytest.mark.parametrize("before", range(100, 170, 7))
def test_a_secret_that_comes_back_is_hidden_before_the_message_is_cut(before: int) -> None:
    text = "x" * before + f" the key {SECRET} is not known"

    def told(answer: Any) -> str:
        with FaultServer(truth=lambda query, passage: 1.0) as server:
            server._scored = lambda path, body, fault: (200, answer)  # type: ignore[method-assign]
            with pytest.raises(HttpScorerError) as raised:
                HttpScorer(server.url, "m", dialect="rerank", api_key=SECRET, retries=0).score(
                    Content("a"), [Content("b")]
                )
        return str(raised.value)

    for answer in ({"said": text}, {"results": [{"said": text}]}, {"results": [{"index": text, "relevance_score": 1}]}):
        assert "hunter22" not in told(answer)


def test_a_job_shows_no_secret() -> None:
    assert SECRET not in repr(HttpScorer("http://127.0.0.1:1", "m", api_key=SECRET)._job())


def test_a_secret_with_quotes_is_hidden_however_it_is_written() -> None:
    secret = "pa\\ss'wo\"rd-1"
    job = HttpScorer("http://127.0.0.1:1", "m", headers={"x-key": secret})._job()
    assert "rd-1" not in job.hide(f"{secret} and {secret!r} and {json.dumps(secret)}")


def test_text_full_of_special_tokens_is_made_plain_in_one_pass() -> None:
    text = "".join(f"<unused{at}><|n{at}|>" for at in range(20_000))
    began = time.monotonic()
    made = plain(text)
    assert time.monotonic() - began < 5
    assert re.search(r"<unused|<\|", made) is None


@pytest.mark.parametrize("url", ["http://xn--/", "http://\u2603.\u2603-/"])
def test_a_host_that_is_no_name_is_refused_when_set(url: str) -> None:
    with pytest.raises(BadSetting, match="is not one"):
        HttpScorer(url, "m")


def test_a_proxy_without_a_scheme_is_an_http_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "proxy.example:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    lane = Pool().take("http://somewhere.example:80")
    assert "proxy.example" in str(vars(lane._pool))


def test_a_score_that_no_float_can_hold_costs_its_own_passage_only() -> None:
    with FaultServer() as server:
        rows = [{"index": 0, "relevance_score": 0.6}, {"index": 1, "relevance_score": 10**400}]
        server._scored = lambda path, body, fault: (200, {"results": rows})  # type: ignore[method-assign]
        scores = HttpScorer(server.url, "m", dialect="rerank", retries=0).score(
            Content("a"), [Content("b"), Content("c")]
        )
    assert scores == [pytest.approx(0.4054651), None]
