"""Runs prompts through the base model in batches and gives the last hidden state of each."""

import contextlib
import hashlib
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tamis.core.errors import ScorerError, TamisError
from tamis.models.byte_lru import ByteLRU
from tamis.models.counting import count
from tamis.models.deadline import time_left

from .call_features import CallFeatures, Row
from .encode import Encoded, agreement, outside_images
from .forward import Forward, Pass
from .head import Head
from .last_layer import LastLayer
from .loading import Checkpoint
from .memory import first_line, is_out_of_memory, release_memory
from .packing import Length, packed, size
from .pictures import Pictures
from .prefix import Prefix, kept_from
from .vision import Vision

logger = logging.getLogger(__name__)

SHORTEST_PREFIX = 8
"""Fewer tokens than this are computed again sooner than they are looked up."""
_LATE = "the deadline came before it was its turn"


@dataclass
class Engine:
    """A checkpoint with its caches. One forward pass runs at a time; images are prepared outside of that.

    ``budget`` is the most padded tokens in a batch; it halves whenever memory runs out. ``overhead`` is what starting
    a batch costs, in tokens (see ``packed``). The images of ``ahead`` more batches are prepared while one runs.
    ``reuse`` says whether prefixes are kept at all.
    """

    checkpoint: Checkpoint
    head: Head
    pictures: Pictures
    vision: Vision
    prefixes: ByteLRU[Prefix]
    budget: int
    overhead: int
    ahead: int = 1
    reuse: bool = True
    _forward: Forward = field(init=False, repr=False)
    _pace: float = 0.0
    _lock: Any = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self._forward = Forward(self.checkpoint, self.vision)

    @property
    def last_layer(self) -> LastLayer:
        """What of the model's last layer is spared."""
        return self._forward.last_layer

    def last_hidden(self, prompts: Sequence[Encoded]) -> "list[Any | TamisError]":
        """For each prompt the hidden state at its last token, float32 of shape (hidden,), or why there is none."""
        unique: dict[bytes, int] = {}
        order = [unique.setdefault(prompt.keys.tobytes(), len(unique)) for prompt in prompts]
        first = [order.index(number) for number in range(len(unique))]
        rows = [Row(prompts[at]) for at in first]
        found: list[Any | TamisError] = [ScorerError("not computed")] * len(rows)
        self._look_up(rows)
        with self._features(rows) as features:
            self._share(rows, features)
            pending = list(range(len(rows)))
            while pending:
                batches = packed([Length(rows[at].new, rows[at].used) for at in pending], self.budget, self.overhead)
                done: set[int] = set()
                for number, batch in enumerate(batches):
                    numbers = [pending[at] for at in batch]
                    if self._is_late([rows[at] for at in numbers]):
                        late = ScorerError(_LATE)
                        found = [late if at in pending and at not in done else one for at, one in enumerate(found)]
                        done.update(pending)
                        break
                    features.prefetch([rows[at] for at in numbers])
                    for later in batches[number + 1 : number + 1 + self.ahead]:
                        features.prefetch([rows[pending[at]] for at in later])
                    results = self._batch([rows[at] for at in numbers], features)
                    if results is None:
                        break
                    for at, result in zip(numbers, results, strict=True):
                        found[at] = result
                    done.update(numbers)
                pending = [at for at in pending if at not in done]
        return [found[number] for number in order]

    def write(
        self, prompts: Sequence[Encoded], max_tokens: int, ends: frozenset[int]
    ) -> "list[list[int] | TamisError]":
        """What the model goes on with, greedily, as token ids without the one that ends it.

        What is not written to its end by the caller's deadline is an error.
        """
        rows = [Row(prompt) for prompt in prompts]
        found: dict[int, list[int] | TamisError] = {}
        with self._features(rows) as features:
            pending = list(range(len(rows)))
            while pending:
                if time_left() == 0.0:
                    found.update({at: ScorerError(_LATE) for at in pending})
                    break
                lengths = [Length(rows[at].new + max_tokens, 0) for at in pending]
                batch = [pending[at] for at in packed(lengths, self.budget, self.overhead * max_tokens)[0]]
                results = self._continued([rows[at] for at in batch], features, max_tokens, ends)
                if results is None:
                    continue
                found.update(zip(batch, results, strict=True))
                pending = [at for at in pending if at not in found]
        return [found[at] for at in range(len(rows))]

    def _is_late(self, rows: Sequence[Row]) -> bool:
        """Whether a batch would not be done by the caller's deadline, as far as the pace so far tells."""
        left = time_left()
        return left is not None and left <= self._pace * sum(row.new for row in rows)

    def _look_up(self, rows: Sequence[Row]) -> None:
        """Finds what is kept of each row's beginning, and says what of it shall be kept."""
        if not self.reuse:
            return
        for row in rows:
            encoded = row.encoded
            row.keep = outside_images(encoded, min(encoded.shared, len(encoded) - 1))
            if row.keep < SHORTEST_PREFIX:
                row.keep = 0
                continue
            self._use(row, self.prefixes.get(encoded.prefix))
            count("kv_hits" if row.past is not None else "kv_misses")

    def _use(self, row: Row, prefix: Prefix | None) -> None:
        if prefix is None:
            return
        used = outside_images(row.encoded, min(agreement(prefix.keys, row.encoded.keys), len(row.encoded) - 1))
        if used >= SHORTEST_PREFIX and used > row.used:
            row.past, row.used = prefix, used
            if row.keep <= used:
                row.keep = 0

    def _share(self, rows: Sequence[Row], features: CallFeatures) -> None:
        """Computes once what all rows that have no past begin with: the frame, and a query that stands first."""
        bare = [row for row in rows if row.past is None]
        if not self.reuse or len(bare) < 2:
            return
        length = min(agreement(bare[0].encoded.keys, row.encoded.keys) for row in bare[1:])
        length = min(length, *(len(row.encoded) - 1 for row in bare))
        length = min(outside_images(row.encoded, length) for row in bare)
        if length < SHORTEST_PREFIX:
            return
        one = bare[0].encoded
        is_side = len({row.encoded.prefix for row in bare}) == 1 and one.prefix
        name = one.prefix if is_side else "frame-" + hashlib.sha256(one.keys[:length].tobytes()).hexdigest()
        prefix = self.prefixes.get(name)
        if prefix is None or agreement(prefix.keys, one.keys[:length]) < length:
            images = tuple(placed for placed in one.images if placed.end <= length)
            row = Row(Encoded(one.ids[:length], one.keys[:length], images, 0, ""), keep=length)
            features.needed.update(placed.picture.digest for placed in images)
            features.prefetch([row])
            results = self._batch([row], features, name)
            prefix = row.past
            if results is None or prefix is None:
                return
        for row in bare:
            self._use(row, prefix)
            if is_side:
                row.keep = 0

    def _batch(
        self, rows: Sequence[Row], features: CallFeatures, name: str | None = None
    ) -> "list[Any | TamisError] | None":
        """The last hidden states of a batch; None where memory ran out and the budget was halved."""
        good, errors = features.ready(rows)
        results: list[Any | TamisError | None] = list(errors)
        if good:
            try:
                hidden = self._run([rows[at] for at in good], features, name)
                problem = None
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                problem = first_line(error)
            if problem is not None:
                if self._halved([rows[at] for at in good], problem):
                    return None
                hidden = [ScorerError(f"memory ran out on this one alone: {problem}")] * len(good)
            for at, state in zip(good, hidden, strict=True):
                results[at] = state
        features.used(rows)
        return [result if result is not None else ScorerError("not computed") for result in results]

    def _halved(self, rows: Sequence[Row], problem: str) -> bool:
        """Whether there is something smaller to try after memory ran out."""
        count("out_of_memory")
        release_memory()
        if len(rows) == 1:
            return False
        tried = size(len(rows), max(row.new for row in rows), max(row.used for row in rows))
        self.budget = max(1, min(self.budget, tried) // 2)
        logger.warning("memory ran out on a batch of %d tokens (%s); from now on %d", tried, problem, self.budget)
        return True

    def _run(self, rows: Sequence[Row], features: CallFeatures, name: str | None) -> "list[Any | TamisError]":
        import torch

        with self._turn() as is_ours, torch.inference_mode():
            # Others may have had the model until now.
            if not is_ours or self._is_late(rows):
                return [ScorerError(_LATE)] * len(rows)
            began = time.monotonic()
            results, good = self._seen(rows, features)
            if good:
                keeps = self.prefixes.budget > 0 or name is not None
                made = features.of(good)
                out = self._forward(good, made, use_cache=keeps and any(row.keep for row in good))
                if out.cache is not None and keeps:
                    self._keep(good, out, name)
                states = iter(out.hidden.float().unbind(0))
                results = [next(states) if result is None else result for result in results]
                if time_left() is not None:
                    # A GPU is handed work long before it is done: the pace is that of the work.
                    out.hidden.sum().item()
                pace = (time.monotonic() - began) / sum(row.new for row in good)
                self._pace = pace if self._pace == 0.0 else 0.7 * self._pace + 0.3 * pace
            return results

    def _seen(self, rows: Sequence[Row], features: CallFeatures) -> tuple[list[Any], list[Row]]:
        """Has the batch's images computed; gives what is wrong with each row, and the rows that are well."""
        features.compute(rows)
        problems: list[Any] = [features.misfit(row) for row in rows]
        return problems, [row for row, problem in zip(rows, problems, strict=True) if problem is None]

    @contextlib.contextmanager
    def _turn(self) -> Iterator[bool]:
        """Waits until the model is free; gives False where the caller's deadline comes first."""
        left = time_left()
        is_ours = self._lock.acquire(timeout=-1 if left is None else left)
        try:
            yield is_ours
        finally:
            if is_ours:
                self._lock.release()

    def _keep(self, rows: Sequence[Row], out: Pass, name: str | None) -> None:
        padded = max(row.used for row in rows)
        for number, row in enumerate(rows):
            if row.keep > row.used or name is not None:
                kept = kept_from(out.cache, number, padded, row.used, row.keep)
                prefix = Prefix(row.encoded.keys[: row.keep].copy(), out.ends[number][: row.keep].copy(), *kept)
                self.prefixes.put(name or row.encoded.prefix, prefix, prefix.nbytes)
                if name is not None:
                    row.past = prefix

    def _continued(
        self, rows: Sequence[Row], features: CallFeatures, max_tokens: int, ends: frozenset[int]
    ) -> "list[list[int] | TamisError] | None":
        features.prefetch(rows)
        good, errors = features.ready(rows)
        results: list[Any] = list(errors)
        problem = None
        texts: list[Any] = []
        if good:
            try:
                texts = self._greedy([rows[at] for at in good], features, max_tokens, ends)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                problem = first_line(error)
            if problem is not None:
                if self._halved([rows[at] for at in good], problem):
                    return None
                texts = [ScorerError(f"memory ran out on this one alone: {problem}")] * len(good)
            for at, text in zip(good, texts, strict=True):
                results[at] = text
        features.used(rows)
        return results

    def _greedy(
        self, rows: Sequence[Row], features: CallFeatures, max_tokens: int, ends: frozenset[int]
    ) -> "list[list[int] | TamisError]":
        import torch

        with self._turn() as is_ours, torch.inference_mode():
            if not is_ours or time_left() == 0.0:
                return [ScorerError(_LATE)] * len(rows)
            results, good = self._seen(rows, features)
            written = iter(self._written(good, features, max_tokens, ends) if good else [])
            return [next(written) if result is None else result for result in results]

    def _written(
        self, rows: Sequence[Row], features: CallFeatures, max_tokens: int, ends: frozenset[int]
    ) -> "list[list[int] | TamisError]":
        import torch

        out = self._forward(rows, features.of(rows), use_cache=True)
        positions = [int(row_ends[-1]) for row_ends in out.ends]
        written: list[list[int]] = [[] for _ in rows]
        alive = [True] * len(rows)
        hidden, mask = out.hidden, out.mask
        shape = (3, len(rows), 1) if hasattr(self.checkpoint.base, "get_rope_index") else (len(rows), 1)
        for step in range(max_tokens):
            chosen = self.head.best(hidden)
            for number, token in enumerate(chosen.tolist()):
                alive[number] = alive[number] and token not in ends
                if alive[number]:
                    written[number].append(token)
            if not any(alive) or step == max_tokens - 1:
                break
            if time_left() == 0.0:
                late = ScorerError("the deadline came before it was written to its end")
                return [late if is_alive else text for is_alive, text in zip(alive, written, strict=True)]
            mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
            places = torch.tensor(positions, device=mask.device)[:, None] + step
            states = self.checkpoint.base(
                input_ids=chosen[:, None],
                attention_mask=mask,
                position_ids=places.expand(shape),
                past_key_values=out.cache,
                use_cache=True,
                return_dict=True,
            )
            hidden = states.last_hidden_state[:, -1]
            count("tokens", len(rows))
        return list(written)

    @contextlib.contextmanager
    def _features(self, rows: Sequence[Row]) -> Iterator[CallFeatures]:
        features = CallFeatures(self.vision, self.pictures, rows)
        try:
            yield features
        finally:
            features.close()
