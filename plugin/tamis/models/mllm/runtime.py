"""A loaded model with its frame, encoder, caches and engine: contents in, log-odds out."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tamis.core.content import Content
from tamis.core.errors import BadInput, MediaError, TamisError
from tamis.core.image import Image
from tamis.models.counting import count
from tamis.models.scorer import checked_scores
from tamis.models.template import Part, Prompt

from .call_features import Resized
from .encode import Encoded, Encoder
from .engine import Engine
from .framing import Chat, Frame, PairFrame, answer_ids
from .loading import Checkpoint
from .pictures import Picture, Pictures

logger = logging.getLogger(__name__)

_LOGGED = 5


@dataclass
class Runtime:
    """Everything that a scorer needs of a model; made once, used by all its calls."""

    checkpoint: Checkpoint
    chat: Chat
    frame: Frame
    encoder: Encoder
    pictures: Pictures
    engine: Engine

    @property
    def name(self) -> str:
        """The model's name."""
        return self.checkpoint.name

    @property
    def is_passage_first(self) -> bool:
        """Whether what is computed of a passage serves later queries."""
        if isinstance(self.frame, PairFrame):
            return self.frame.template.layout == "passage-first"
        return not self.frame.is_query_first

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        """Log-odds for each passage; None, logged, where there are none."""
        encoded = self.encoded(query, passages)
        states = self._states(encoded, lambda at: self.encoded(query, [passages[at]])[0])
        count("pairs", sum(not isinstance(state, TamisError) for state in states))
        return self._told(states, self._log_odds)

    def encoded(self, query: Content, passages: Sequence[Content]) -> list[Encoded | TamisError]:
        """The prompts of all pairs, or why a pair has none.

        Raises BadInput, naming the model, where it is given images that it cannot be given at all.
        """
        prompts: list[list[Part] | TamisError] = []
        for passage in passages:
            try:
                prompts.append(self.frame.parts(query, passage))
            except BadInput as error:
                prompts.append(error)
        return self._encoded(prompts, self.frame.markers)

    def choices(self, prompts: Sequence[Prompt], labels: Sequence[Sequence[int]]) -> list[list[float | None]]:
        """Logits of each prompt's labels, given as token ids."""
        framed: list[list[Part] | TamisError] = [self.chat.framed(prompt) for prompt in prompts]
        encoded = self._encoded(framed, ())
        states = self._states(encoded, lambda at: self._encoded([framed[at]], ())[0])
        found: list[list[float | None]] = []
        for state, ids in zip(states, labels, strict=True):
            if isinstance(state, TamisError):
                found.append([None] * len(ids))
            else:
                found.append(checked_scores(self.engine.head.logits(state[None], ids)[0].tolist(), len(ids)))
        self._log_failures(states)
        return found

    def write(self, prompts: Sequence[Prompt], max_tokens: int) -> list[str | None]:
        """The greedy continuation of each prompt."""
        framed: list[list[Part] | TamisError] = [self.chat.framed(prompt) for prompt in prompts]
        encoded = self._encoded(framed, ())
        good = [one for one in encoded if isinstance(one, Encoded)]
        written = iter(self.engine.write(good, max_tokens, self._ends()))
        results = [next(written) if isinstance(one, Encoded) else one for one in encoded]
        self._log_failures(results)
        tokenizer = self.checkpoint.tokenizer
        return [
            None if isinstance(result, TamisError) else str(tokenizer.decode(result, skip_special_tokens=True))
            for result in results
        ]

    def label_ids(self, labels: Sequence[str]) -> list[int | None]:
        """Each label's token id; None for one that is several tokens."""
        tokens = [answer_ids(self.checkpoint.tokenizer, label) for label in labels]
        return [ids[0] if len(ids) == 1 else None for ids in tokens]

    def _encoded(
        self, prompts: "Sequence[list[Part] | TamisError]", markers: Sequence[str]
    ) -> list[Encoded | TamisError]:
        images = [part.image for parts in prompts if not isinstance(parts, TamisError) for part in parts if part.image]
        read = self._read(images)
        found: list[Encoded | TamisError] = []
        usable: list[tuple[int, list[Part]]] = []
        for at, parts in enumerate(prompts):
            if isinstance(parts, TamisError):
                found.append(parts)
                continue
            broken = [read[part.image] for part in parts if part.image and isinstance(read[part.image], TamisError)]
            error = broken[0] if broken else None
            if isinstance(error, TamisError):
                found.append(error)
                continue
            found.append(BadInput("not encoded"))
            usable.append((at, parts))
        pictures = {image: picture for image, picture in read.items() if isinstance(picture, Picture)}
        made = self.encoder.encoded([parts for _, parts in usable], pictures, markers)
        for (at, _), encoded in zip(usable, made, strict=True):
            found[at] = encoded
            if isinstance(encoded, Encoded) and encoded.cut:
                count("tokens_cut", encoded.cut)
                count("passages_cut")
        return found

    def _read(self, images: Sequence[Image]) -> dict[Image, Picture | TamisError]:
        read = self.pictures.read(images)
        for image, picture in read.items():
            if isinstance(picture, Picture):
                try:
                    self.encoder.visual.expansion(picture.width, picture.height)
                except BadInput as error:
                    if self.checkpoint.image_processor is None or self.encoder.visual.token_id is None:
                        raise
                    read[image] = MediaError(f"{image}: {error}")
        return read

    def _states(self, encoded: Sequence[Encoded | TamisError], again: Any) -> list[Any]:
        """Last hidden states; a prompt whose image was not of the size that it said is made again, once."""
        states: list[Any] = list(encoded)
        good = [at for at, one in enumerate(encoded) if isinstance(one, Encoded)]
        for at, state in zip(good, self.engine.last_hidden([states[at] for at in good]), strict=True):
            states[at] = state
        for at, state in enumerate(states):
            if isinstance(state, Resized):
                made = again(at)
                states[at] = made if isinstance(made, TamisError) else self.engine.last_hidden([made])[0]
        return states

    def _told(self, states: Sequence[Any], told: Any) -> list[float | None]:
        good = [at for at, state in enumerate(states) if not isinstance(state, TamisError)]
        values: list[float | None] = [None] * len(states)
        if good:
            for at, value in zip(good, told([states[at] for at in good]), strict=True):
                values[at] = value
        self._log_failures(states)
        return values

    def _log_odds(self, states: Sequence[Any]) -> list[float]:
        import torch

        answers = self.frame.answers
        ids = [answers.yes] if answers.no is None else [answers.yes, answers.no]
        logits = self.engine.head.logits(torch.stack(list(states)), ids)
        values = logits[:, 0] if answers.no is None else logits[:, 0] - logits[:, 1]
        found: list[float] = values.tolist()
        return found

    def _log_failures(self, results: Sequence[Any]) -> None:
        errors = [result for result in results if isinstance(result, TamisError)]
        count("failures", len(errors))
        for error in errors[:_LOGGED]:
            logger.warning("%s: one passage could not be scored: %s", self.name, error)
        if len(errors) > _LOGGED:
            logger.warning("%s: %d more passages could not be scored", self.name, len(errors) - _LOGGED)

    def _ends(self) -> frozenset[int]:
        generation = getattr(self.checkpoint.model, "generation_config", None)
        ends: set[int] = set()
        for source in (generation, self.checkpoint.text_config, self.checkpoint.tokenizer):
            found = getattr(source, "eos_token_id", None)
            ends.update(found if isinstance(found, list | tuple) else [found] if isinstance(found, int) else [])
        return frozenset(ends)
