"""One call of an HttpScorer, on the worker's loop: writes requests, sends them together, gathers what comes in time."""

import asyncio
import contextlib
import hashlib
import json
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, MediaError
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.models.counting import count
from tamis.models.deadline import deadline
from tamis.models.template import Prompt, Template

from .dialects import ChatDialect, Dialect, Side, VllmChatDialect, Wording
from .dialects.logprobs import by_label
from .errors import BadAnswer, NoEndpoint, WrongDialect, shortened
from .fleet import Endpoint, Fleet
from .flight import Flights, Outcome, Read, Reading
from .gather import Failures, error_of, in_time
from .images import data_uri
from .neutral import plain
from .pool import Reply, post
from .retry import Failure
from .settings import redacted_answer
from .worker import Worker, here

logger = logging.getLogger(__name__)

TOO_MUCH = frozenset({400, 413, 422})
"""What a server answers that does not like one of several passages: it is looked for by halving the list."""

_FLEETS_KEPT = 256


class Shared(NamedTuple):
    """What scorers of the same servers have in common while the program runs."""

    flights: Flights
    tokens: dict[tuple[str, str], int]


_shared: "WeakKeyDictionary[Worker, dict[Any, Shared]]" = WeakKeyDictionary()


@dataclass(frozen=True)
class Job:
    """The settings of a call, made ready: URLs complete, headers with their secrets, ``hide`` to keep those in."""

    dialect: Dialect
    places: tuple[str, ...]
    roots: tuple[str, ...]
    model: str
    template: Template | None
    instruction: str | None
    headers: Mapping[str, str] = field(repr=False)
    hide: Callable[[str], str]
    caller: str
    timeout_s: float
    deadline_s: float | None
    max_concurrency: int
    retries: int
    list_size: int
    sends_images: bool
    scores: Literal["probability", "log-odds"]
    top_logprobs: int
    missing: Literal["bound", "none"]
    max_characters: int | None
    extra: Mapping[str, Any]
    media: MediaPolicy

    async def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        """One log-odds or None for each passage. Raises MediaError for the query's image, and HttpScorerError."""
        scores: list[float | None] = [None] * len(passages)
        if not query or not any(passages):
            return scores
        until, failures = self._until(), Failures()
        uris = await self._uris([query, *passages], until)
        asked = self._side(query, uris)
        if asked is None:
            return scores
        sides = [self._side(passage, uris) for passage in passages]
        usable = [at for at, side in enumerate(sides) if side is not None]
        wording = await self._wording(uris, [self.template.yes, self.template.no] if self.template else [], until)
        size = self.list_size if self.dialect.listwise else 1
        groups = [usable[at : at + size] for at in range(0, len(usable), size)]

        def keep(at: int, value: float | None) -> None:
            if value is not None and math.isfinite(value):
                scores[at] = float(value)
                failures.succeeded = True
                count("pairs")
                count("images", len(query.images) + len(passages[at].images) if self.sends_images else 0)

        asking = _Asking(self, asked, sides, wording, until, keep, failures)
        await in_time([partial(asking.group, group) for group in groups], until, self._at_once())
        count("failures", sum(scores[at] is None for at in usable))
        failures.raise_if_all()
        return scores

    async def choose(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[list[float | None]]:
        """The log-probability of each label after each prompt. Raises as ``score`` does."""
        found: list[list[float | None]] = [[None] * len(each) for each in labels]
        until, failures = self._until(), Failures()
        wording = await self._prompt_wording(prompts, [label for each in labels for label in each], until)
        chat = self._chat()

        async def one(at: int) -> None:
            prompt, wanted = prompts[at], list(labels[at])
            if not wanted or any(image not in wording.uris for image in prompt.images):
                return

            def read(answer: Any, where: str) -> Any:
                return _labels(answer, wanted, self._told(where), wording)

            outcome = await self._send(chat.asking(prompt, wanted, wording), read, until, ("labels", wanted))
            if outcome.failure is None and outcome.values is not None:
                found[at], failures.succeeded = outcome.values, True
            elif outcome.failure is not None:
                failures.found.append(outcome.failure)

        await in_time([partial(one, at) for at in range(len(prompts))], until, self._at_once())
        failures.raise_if_all()
        return found

    async def write(self, prompts: Sequence[Prompt], max_tokens: int) -> list[str | None]:
        """What the model writes after each prompt. Raises as ``score`` does."""
        written: list[str | None] = [None] * len(prompts)
        until, failures = self._until(), Failures()
        wording, chat = await self._prompt_wording(prompts, [], until), self._chat()

        async def one(at: int) -> None:
            if any(image not in wording.uris for image in prompts[at].images):
                return
            body = chat.writing(prompts[at], max_tokens, wording)
            outcome = await self._send(
                body, lambda answer, where: chat.read_text(answer, self._told(where)), until, ("text",)
            )
            if outcome.failure is None and outcome.values is not None:
                written[at], failures.succeeded = outcome.values[0], True
            elif outcome.failure is not None:
                failures.found.append(outcome.failure)

        await in_time([partial(one, at) for at in range(len(prompts))], until, self._at_once())
        failures.raise_if_all()
        return written

    def _chat(self) -> ChatDialect:
        if not isinstance(self.dialect, ChatDialect):
            raise BadSetting(f'the dialect "{self.dialect.name}" cannot be asked for labels or text')
        return self.dialect

    def _at_once(self) -> int:
        """How many requests of a call are written and held in memory: as many as can be under way, and as many more."""
        return 2 * self.max_concurrency * len(self.places)

    def _until(self) -> float | None:
        """The monotonic time at which the call ends: the caller's deadline or its own, whichever is earlier."""
        own = None if self.deadline_s is None else time.monotonic() + self.deadline_s
        moments = [moment for moment in (own, deadline()) if moment is not None]
        return min(moments, default=None)

    def _side(self, content: Content, uris: Mapping[Image, str]) -> Side | None:
        """A side as it may be sent; None where there is nothing in it to send, or an image that cannot be."""
        images = content.images if self.sends_images else ()
        if any(image not in uris for image in images):
            return None
        text = content.text
        if self.max_characters is not None and len(text) > self.max_characters:
            text = text[: self.max_characters]
            count("passages_cut")
        text = plain(text, self.template.markers() if self.template else ())
        return Side(text, images) if text.strip() or images else None

    async def _uris(self, contents: Sequence[Content], until: float | None) -> dict[Image, str]:
        """The data URI of each image that may be sent. The first content is the query: its image must be sendable."""
        uris: dict[Image, str] = {}
        if not self.sends_images or not any(content.images for content in contents):
            return uris
        refused: dict[Image, MediaError] = {}

        async def one(image: Image) -> None:
            try:
                uris[image] = await asyncio.to_thread(data_uri, image, self.media)
            except MediaError as error:
                refused[image] = error

        wanted = dict.fromkeys(image for content in contents for image in content.images)
        await in_time([partial(one, image) for image in wanted], until)
        for image, error in refused.items():
            if image in contents[0].images:
                raise error
            logger.warning("a passage is not scored: %s", error)
        return uris

    async def _prompt_wording(self, prompts: Sequence[Prompt], labels: Sequence[str], until: float | None) -> Wording:
        contents = [Content(images=tuple(prompt.images)) for prompt in prompts]
        uris = await self._uris([Content(), *contents], until)
        return await self._wording(uris, labels, until)

    async def _wording(self, uris: Mapping[Image, str], labels: Sequence[str], until: float | None) -> Wording:
        wanted = list(dict.fromkeys(labels)) if isinstance(self.dialect, VllmChatDialect) else []
        await in_time([partial(self._learn, label, until) for label in wanted], until)
        known = self._shared().tokens
        if missing := [label for label in wanted if (self.model, label) not in known]:
            raise NoEndpoint(f"{self._told(self.places[0])} gave no token id for {missing[0]!r} in time")
        return Wording(
            model=self.model,
            template=self.template,
            instruction=self.instruction,
            top_logprobs=self.top_logprobs,
            missing=self.missing,
            scores=self.scores,
            uris=uris,
            tokens={label: known[self.model, label] for label in wanted},
        )

    async def _learn(self, label: str, until: float | None) -> None:
        """Asks the server's tokenizer which token a label is. Raises BadSetting where it is several."""
        known = self._shared().tokens
        if (self.model, label) in known:
            return
        body = {"model": self.model, "prompt": label, "add_special_tokens": False}
        outcome = await self._send(body, partial(_token_list, told=self._told), until, ("tokens",), path="/tokenize")
        if outcome.values is None:
            raise error_of(outcome.failure or Failure("unreachable", "the server gave no tokens"))
        if len(outcome.values) != 1:
            number = len(outcome.values)
            raise BadSetting(f'"{label}" is {number} tokens of the model "{self.model}"; it must be one')
        known[self.model, label] = outcome.values[0]

    def _shared(self) -> Shared:
        """What scorers of the same servers, the same key and the same bounds have in common."""
        known = _shared.setdefault(here(), {})
        key = (self.places, self.caller, self.max_concurrency, self.retries)
        if key not in known:
            while len(known) >= _FLEETS_KEPT:
                del known[next(iter(known))]
            known[key] = Shared(Flights(Fleet(self.places, self.max_concurrency), self.retries), {})
        return known[key]

    def _told(self, url: str) -> str:
        """A server's place and dialect, for messages."""
        return f'{url} (dialect "{self.dialect.name}")'

    async def _send(
        self, body: Mapping[str, Any], read: Read, until: float | None, read_as: Sequence[Any], path: str | None = None
    ) -> Outcome:
        """What comes of one request; messages in it hold no secret. ``read_as`` says all that ``read`` depends on."""
        content = json.dumps({**body, **(self.extra if path is None else {})}, ensure_ascii=False).encode(
            "utf-8", "replace"
        )

        async def send(endpoint: Endpoint) -> Reply | Failure:
            url = endpoint.url if path is None else urlsplit(endpoint.url)._replace(path=path, query="").geturl()
            reply = await post(url, content, self.headers, self.timeout_s, self._told(url), self.hide)
            if isinstance(reply, Reply):
                _count_tokens(reply.answer)
            return reply

        def read_openly(answer: Any, where: str) -> Reading:
            reading: Reading | None = None
            with contextlib.suppress(BadAnswer):
                reading = read(answer, where)
            if reading is not None and not reading.complaint:
                return reading
            # What is complained of is shown in part: what is secret in it must be hidden before it is cut.
            complaining: Reading = read(redacted_answer(answer, self.hide), where)
            return complaining if reading is None else reading._replace(complaint=complaining.complaint)

        # One answer may be read in several ways: only who reads it in the same way may wait for the same request.
        apart = json.dumps([self.timeout_s, path, *read_as]).encode()
        key = hashlib.sha256(apart + b"\n" + content).digest()
        outcome = await self._shared().flights.outcome(key, send, read_openly, until)
        if outcome.failure is not None:
            outcome = outcome._replace(failure=outcome.failure._replace(message=self.hide(outcome.failure.message)))
            logger.debug("%s", outcome.failure.message if outcome.failure else "")
        return outcome


@dataclass
class _Asking:
    """Asks for groups of passages, and for parts of a group that is refused."""

    job: Job
    query: Side
    sides: Sequence[Side | None]
    wording: Wording
    until: float | None
    keep: Callable[[int, float | None], None]
    failures: Failures

    async def group(self, group: Sequence[int]) -> None:
        """Scores these passages; a group refused for what is in it is halved until the culprits are alone."""
        left = [group]
        # Where everything is refused, as by a server without that model, halving would ask twice for each passage.
        refusals = 4 * max(1, len(group).bit_length())
        while left:
            members = left.pop(0)
            failure = await self._ask(members)
            if failure is None:
                continue
            refusals -= 1
            if failure.status in TOO_MUCH and len(members) > 1:
                half = len(members) // 2
                left += [members[:half], members[half:]]
            else:
                self.failures.found.append(failure)
            if not refusals:
                self.failures.found.append(failure)
                return

    async def _ask(self, members: Sequence[int]) -> Failure | None:
        job = self.job
        passages = [side for side in (self.sides[at] for at in members) if side is not None]
        try:
            body = job.dialect.body(self.query, passages, self.wording)
        except BadInput as error:
            # The template has no form for this pair: the others may well have one.
            return Failure("refused", str(error))

        def read(answer: Any, where: str) -> Any:
            return job.dialect.read(answer, len(members), self.wording, job._told(where))

        words = [job.template.yes, job.template.no] if job.template else []
        outcome = await job._send(body, read, self.until, ("scores", job.dialect.name, job.scores, job.missing, words))
        for at, value in zip(members, outcome.values or (), strict=False):
            self.keep(at, value)
        return outcome.failure


def _labels(answer: Any, labels: Sequence[str], where: str, wording: Wording) -> Any:
    return Reading(by_label(answer, labels, where, wording.tokens))


def _token_list(answer: Any, where: str, told: Callable[[str], str]) -> Any:
    tokens = answer.get("tokens") if isinstance(answer, dict) else None
    if not isinstance(tokens, list) or not all(isinstance(token, int) for token in tokens):
        shown = shortened(repr(answer))
        raise WrongDialect(
            f'{told(where)} gave no tokens but {shown!r}; "vllm-chat" is for vLLM, else use "openai-chat"'
        )
    return Reading(tokens)


def _count_tokens(answer: Any) -> None:
    usage = answer.get("usage") if isinstance(answer, dict) else None
    tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens > 0:
        count("tokens", tokens)
