"""HttpScorer: any model behind an HTTP server as a scorer, chooser and writer."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Literal

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.core.media import MediaPolicy
from tamis.models.template import Prompt, Template, template_of

from . import worker
from .dialects import ChatDialect, Dialect, DialectName, VllmChatDialect, dialect_of
from .job import Job
from .settings import (
    checked_headers,
    checked_number,
    checked_secret,
    checked_urls,
    key_of,
    place,
    redacted,
)

DEFAULT_TEMPLATE = "tamis"


@dataclass(frozen=True)
class HttpScorer:
    """Log-odds of "relevant" from a model behind one HTTP server or several, whatever they do.

    ``url`` is the servers' address, or a list of them; ``dialect`` is what they speak: "openai-chat" (one chat
    completion for each passage, log-odds from the log-probabilities of yes and no), "vllm-chat" (the same with vLLM's
    exact labels), "rerank" (Jina, Cohere and many others), "vllm-score", "tei". ``template`` and ``instruction`` say
    how a chat model is asked; ``extra`` are further fields of every request.

    Requests are spread over the servers by health and speed, through one pool of connections. Each server has a
    circuit breaker and a bound on requests under way, which adapts between 1 and ``max_concurrency``. Failures that may
    go away (unreachable, reset, ``timeout_s``, 429, 5xx, broken answers) are tried again up to ``retries`` times, with
    jitter, as ``Retry-After`` asks; others (400, 401, 404) are not, and cost only the passages that they belong to.
    At the deadline (``deadline_s``, or the caller's: see ``tamis.models.deadline``) what is scored is returned and the
    rest is None; where there is one, a request that hangs is sent once more (see ``watch.Watch``). Identical requests
    under way are sent once. Where no passage could be scored and a server is to blame, its error is raised: NoEndpoint,
    RequestRefused, BadAnswer, WrongDialect.

    Text from queries and passages cannot close the prompt's frame: special tokens of all widespread models, and the
    template's own labels, are broken in it. Images are sent as data URIs of bytes that ``media`` allows; with
    ``images=False``, the default for "rerank" and "tei", passages are scored by their text, and those with none are
    None. Text beyond ``max_characters`` is cut. ``list_size`` passages go into one request, where a dialect takes
    several. ``scores`` says what numbers a server gives; ``missing`` what stands for a word that a chat server did not
    tell of (see ``ChatDialect``).

    ``api_key`` and ``headers`` are secrets: in no settings, repr, event, log or error; ``api_key_env`` names an
    environment variable with the key instead, and is written down. A pickle carries the secrets, as it must.

    Raises BadSetting and UnknownComponent when made.
    """

    url: str | Sequence[str]
    model: str = ""
    dialect: DialectName = "openai-chat"
    template: str | Mapping[str, Any] | Template | None = None
    instruction: str | None = None
    api_key: str | None = field(default=None, repr=False)
    api_key_env: str | None = None
    timeout_s: float = 30.0
    deadline_s: float | None = None
    max_concurrency: int = 64
    retries: int = 3
    list_size: int = 32
    images: bool | None = None
    scores: Literal["probability", "log-odds"] | None = None
    top_logprobs: int = 20
    missing: Literal["bound", "none"] = "bound"
    max_characters: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    media: MediaPolicy | Mapping[str, Any] = field(default_factory=MediaPolicy, repr=False)

    whole_lists = True
    """A caller should hand over all passages at once: what is sent together is decided here."""

    def __post_init__(self) -> None:
        urls = checked_urls(self.url)
        self._set("url", urls[0] if len(urls) == 1 else urls)
        dialect = dialect_of(self.dialect)
        checked_secret(self.api_key, "api_key")
        self._set("headers", checked_headers(self.headers))
        if isinstance(self.media, Mapping):
            self._set("media", MediaPolicy.from_dict(self.media))
        checked_number(self.timeout_s, "timeout_s", 0.001)
        for name, least in (("max_concurrency", 1), ("retries", 0), ("list_size", 1), ("top_logprobs", 1)):
            checked_number(getattr(self, name), name, least, whole=True)
        if self.deadline_s is not None:
            checked_number(self.deadline_s, "deadline_s", 0.001)
        if self.max_characters is not None:
            checked_number(self.max_characters, "max_characters", 1, whole=True)
        for name, allowed in (("scores", ("probability", "log-odds", None)), ("missing", ("bound", "none"))):
            if getattr(self, name) not in allowed:
                raise BadSetting(
                    f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(map(repr, allowed))}"
                )
        try:
            self._set("extra", json.loads(json.dumps(dict(self.extra), allow_nan=False)))
        except (TypeError, ValueError) as error:
            raise BadSetting(f"extra must be fields of a JSON object: {error}") from None
        self._check_wording(dialect)

    def _check_wording(self, dialect: Dialect) -> None:
        if not isinstance(dialect, ChatDialect):
            if self.template is not None:
                raise BadSetting(
                    f'the dialect "{dialect.name}" asks with the server\'s own template, not with {self.template!r}; '
                    'a template needs dialect="openai-chat" or "vllm-chat"'
                )
            if self.instruction is not None and dialect.name != "vllm-score":
                raise BadSetting(
                    f'the dialect "{dialect.name}" has no place for an instruction; where the server takes one, '
                    'name its field in extra, such as extra={"instruction": "..."}'
                )
            return
        template = template_of(DEFAULT_TEMPLATE if self.template is None else self.template)
        if isinstance(self.template, Mapping):
            self._set("template", template)
        if template.reply and not isinstance(dialect, VllmChatDialect):
            raise BadSetting(
                f'the template "{template.name}" begins the reply, which an OpenAI-style server cannot be told; '
                'where the server is vLLM use dialect="vllm-chat"'
            )

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @property
    def modalities(self) -> frozenset[str]:
        """What it looks at: text, and images where they are sent."""
        return frozenset({"text", "image"}) if self.sends_images else frozenset({"text"})

    @property
    def sends_images(self) -> bool:
        """Whether images go to the server."""
        return dialect_of(self.dialect).images if self.images is None else self.images

    def settings(self) -> dict[str, Any]:
        """Its settings as JSON, secrets left out."""
        written = {each.name: getattr(self, each.name) for each in fields(self) if each.repr}
        written["url"] = self.url if isinstance(self.url, str) else list(self.url)
        if isinstance(self.template, Template):
            written["template"] = self.template.to_dict()
        elif self.template is not None:
            written["template"] = str(self.template)
        written["media"] = self._policy.to_dict()
        return written

    def identity(self) -> dict[str, Any]:
        """What its scores depend on, as JSON: everything but how the servers are reached and how long one waits."""
        how = {"timeout_s", "deadline_s", "max_concurrency", "retries", "list_size", "api_key_env", "media"}
        written = {name: value for name, value in self.settings().items() if name not in how}
        if (template := self._template) is not None:
            # A name or a file may come to mean another wording.
            written["template"] = template.to_dict()
        return {**written, "url": sorted(self._urls)}

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        """Log-odds of "relevant", one for each passage, in order. Works inside a running event loop too."""
        job, held = self._job(), tuple(passages)
        return worker.call(lambda: job.score(query, held))

    async def ascore(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        """The same numbers as ``score``."""
        job, held = self._job(), tuple(passages)
        return await worker.acall(lambda: job.score(query, held))

    def choose(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[list[float | None]]:
        """For each prompt the log-probability of each of its labels as the next token; None where not told of.

        Raises BadSetting for a dialect that is no chat, and what ``score`` raises.
        """
        job, held, wanted = self._chat_job(), tuple(prompts), tuple(map(tuple, labels))
        return worker.call(lambda: job.choose(held, wanted))

    async def achoose(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[str]]) -> list[list[float | None]]:
        """The same as ``choose``."""
        job, held, wanted = self._chat_job(), tuple(prompts), tuple(map(tuple, labels))
        return await worker.acall(lambda: job.choose(held, wanted))

    def write(self, prompts: Sequence[Prompt], max_tokens: int = 64) -> list[str | None]:
        """For each prompt what the model writes, greedily; None where it failed. Raises what ``choose`` raises."""
        job, held = self._chat_job(), tuple(prompts)
        return worker.call(lambda: job.write(held, max_tokens))

    async def awrite(self, prompts: Sequence[Prompt], max_tokens: int = 64) -> list[str | None]:
        """The same as ``write``."""
        job, held = self._chat_job(), tuple(prompts)
        return await worker.acall(lambda: job.write(held, max_tokens))

    def _chat_job(self) -> Job:
        if not isinstance(dialect_of(self.dialect), ChatDialect):
            raise BadSetting(
                f'the dialect "{self.dialect}" can score passages only; choosing and writing need '
                'dialect="openai-chat" or "vllm-chat"'
            )
        return self._job()

    def _job(self) -> Job:
        key = key_of(self.api_key, self.api_key_env)
        headers = {"content-type": "application/json", "accept": "application/json", "user-agent": "tamis"}
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        headers |= {name.lower(): value for name, value in self.headers.items()}
        secrets = [value for value in (key, *self.headers.values()) if value]
        # Callers with other secrets may not share a request under way, nor what a server thinks of them.
        mark = hashlib.sha256(json.dumps(sorted(headers.items())).encode()).hexdigest()
        return Job(
            dialect=dialect_of(self.dialect),
            places=tuple(place(url, dialect_of(self.dialect)) for url in self._urls),
            roots=self._urls,
            model=self.model,
            template=self._template,
            instruction=self.instruction,
            headers=headers,
            hide=lambda text: redacted(text, secrets),
            caller=mark,
            timeout_s=self.timeout_s,
            deadline_s=self.deadline_s,
            max_concurrency=self.max_concurrency,
            retries=self.retries,
            list_size=self.list_size,
            sends_images=self.sends_images,
            scores=self.scores or dialect_of(self.dialect).scores,
            top_logprobs=self.top_logprobs,
            missing=self.missing,
            max_characters=self.max_characters,
            extra=self.extra,
            media=self._policy,
        )

    @property
    def _urls(self) -> tuple[str, ...]:
        return (self.url,) if isinstance(self.url, str) else tuple(self.url)

    @property
    def _policy(self) -> MediaPolicy:
        return self.media if isinstance(self.media, MediaPolicy) else MediaPolicy.from_dict(self.media)

    @cached_property
    def _template(self) -> Template | None:
        if not isinstance(dialect_of(self.dialect), ChatDialect):
            return None
        return template_of(DEFAULT_TEMPLATE if self.template is None else self.template)
