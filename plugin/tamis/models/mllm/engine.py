"""Runs prompts through the base model in batches and gives the last hidden state of each."""

import contextlib
import hashlib
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tamis.core.errors import ScorerError, TamisError
from tamis.models.counting import count
from tamis.models.deadline import time_left

from .call_features import CallFeatures, Row
from .encode import Encoded, Ids, agreement, outside_images
from .head import Head
from .last_layer import LastLayer
from .loading import Checkpoint
from .lru import ByteLRU
from .memory import is_out_of_memory, release_memory
from .packing import Length, packed, size
from .pictures import Pictures
from .prefix import Prefix, ends_of, kept_from, room_for
from .vision import Features, Vision

logger = logging.getLogger(__name__)

SHORTEST_PREFIX = 8
"""Fewer tokens than this are computed again sooner than they are looked up."""
_NO_ENDS: Ids = np.zeros(0, dtype=np.int64)


class Pass(NamedTuple):
    """What a forward pass gives: the last tokens' hidden states, shape (rows, hidden), and what goes on from there."""

    hidden: Any
    cache: Any
    mask: Any
    ends: list[Ids]


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
    last_layer: LastLayer = field(init=False, repr=False)
    _pace: float = 0.0
    _lock: Any = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self.last_layer = LastLayer(self.checkpoint.base)

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
                        late = ScorerError("the deadline came before it was its turn")
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
        """What the model goes on with, greedily, as token ids without the one that ends it."""
        rows = [Row(prompt) for prompt in prompts]
        found: dict[int, list[int] | TamisError] = {}
        with self._features(rows) as features:
            pending = list(range(len(rows)))
            while pending:
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
                problem = str(error).splitlines()[0]
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

    def _run(self, rows: Sequence[Row], features: CallFeatures, name: str | None) -> list[Any]:
        import torch

        with self._lock, torch.inference_mode():
            began = time.monotonic()
            made = features.tensors(rows)
            keeps = self.prefixes.budget > 0 or name is not None
            out = self._forward(rows, made, use_cache=keeps and any(row.keep for row in rows))
            if out.cache is not None and keeps:
                self._keep(rows, out, name)
            states = list(out.hidden.float().unbind(0))
            if time_left() is not None:
                # A GPU is handed work long before it is done: the pace is that of the work.
                states[0].sum().item()
            pace = (time.monotonic() - began) / sum(row.new for row in rows)
            self._pace = pace if self._pace == 0.0 else 0.7 * self._pace + 0.3 * pace
            return states

    def _keep(self, rows: Sequence[Row], out: Pass, name: str | None) -> None:
        padded = max(row.used for row in rows)
        for number, row in enumerate(rows):
            if row.keep > row.used or name is not None:
                kept = kept_from(out.cache, number, padded, row.used, row.keep)
                prefix = Prefix(row.encoded.keys[: row.keep].copy(), out.ends[number][: row.keep].copy(), *kept)
                self.prefixes.put(name or row.encoded.prefix, prefix, prefix.nbytes)
                if name is not None:
                    row.past = prefix

    def _forward(self, rows: Sequence[Row], made: dict[str, Features], use_cache: bool, room: int = 0) -> Pass:
        """One pass over a batch, padded behind; ``room`` more tokens will follow in the same cache."""
        import torch

        device = self.checkpoint.device
        width, deep = max(row.new for row in rows), max(row.used for row in rows)
        ids = np.zeros((len(rows), width), dtype=np.int64)
        mask = np.zeros((len(rows), deep + width), dtype=bool)
        places = [self._positions(row, made) for row in rows]
        positions = np.zeros((*places[0].shape[:-1], len(rows), width), dtype=np.int64)
        ends: list[Ids] = []
        for number, (row, place) in enumerate(zip(rows, places, strict=True)):
            ids[number, : row.new] = row.encoded.ids[row.used :]
            mask[number, : row.used] = True
            mask[number, deep : deep + row.new] = True
            positions[..., number, : row.new] = place
            ends.append(ends_of(place, _NO_ENDS if row.past is None else row.past.ends[: row.used]))
        arguments: dict[str, Any] = {
            "input_ids": torch.from_numpy(ids).to(device),
            "attention_mask": torch.from_numpy(mask).to(device),
            "position_ids": torch.from_numpy(positions).to(device),
            "use_cache": use_cache or deep > 0,
        }
        if deep > 0:
            arguments["past_key_values"] = room_for(
                [None if row.past is None else (row.past, row.used) for row in rows], width + room
            )
        images = [made[placed.picture.digest] for row in rows for placed in row.images]
        if images:
            arguments["mm_encoder_outputs"] = {"image": self.vision.output(images)}
        if not hasattr(self.checkpoint.base, "get_rope_index") and deep == 0:
            for name in ("token_type_ids", "mm_token_type_ids"):
                if self.checkpoint.takes(name):
                    arguments[name] = (arguments["input_ids"] == self._image_token).long()
        with self.last_layer.only([row.new - 1 for row in rows], width):
            out = self.checkpoint.base(**arguments, return_dict=True)
        last = torch.tensor([row.new - 1 for row in rows], device=out.last_hidden_state.device)
        hidden = out.last_hidden_state[torch.arange(len(rows), device=last.device), last]
        count("tokens", sum(row.new for row in rows))
        count("tokens_reused", sum(row.used for row in rows))
        cache = out.past_key_values if use_cache or deep > 0 else None
        return Pass(hidden, cache, arguments["attention_mask"], ends)

    @property
    def _image_token(self) -> int:
        config = self.checkpoint.model.config
        found = getattr(config, "image_token_id", None) or getattr(config, "image_token_index", None)
        return -1 if found is None else int(found)

    def _positions(self, row: Row, made: dict[str, Features]) -> Ids:
        """The rotary positions of the tokens to compute: shape (n,), or (3, n) for multimodal rotary positions."""
        base = self.checkpoint.base
        start = 0 if row.past is None or row.used == 0 else int(row.past.ends[row.used - 1])
        if not hasattr(base, "get_rope_index"):
            return np.arange(row.used, len(row.encoded), dtype=np.int64)
        if not row.images:
            return np.broadcast_to(np.arange(start, start + row.new, dtype=np.int64), (3, row.new))
        import torch

        ids = torch.from_numpy(row.encoded.ids[row.used :])[None]
        grids = torch.tensor([made[placed.picture.digest].grid for placed in row.images])
        kinds = (ids == self._image_token).int()
        positions, _ = base.get_rope_index(ids, mm_token_type_ids=kinds, image_grid_thw=grids)
        found: Ids = positions[-3:, 0].numpy() + start
        return found

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
                problem = str(error).splitlines()[0]
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
    ) -> list[list[int]]:
        import torch

        with self._lock, torch.inference_mode():
            out = self._forward(rows, features.tensors(rows), use_cache=True)
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
            return written

    @contextlib.contextmanager
    def _features(self, rows: Sequence[Row]) -> Iterator[CallFeatures]:
        features = CallFeatures(self.vision, self.pictures, rows)
        try:
            yield features
        finally:
            features.close()
