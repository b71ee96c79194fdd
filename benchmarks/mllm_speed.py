"""The engine's speed against its peers on one checkpoint: cold, with the vision cache warm, with documents' KV warm."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mllm_flops import Geometry, padding_share, pair_flops, text_flops
from mllm_peers import CrossEncoderSide, PlainSide, Side
from mllm_workload import SIDE, Lengths, mixture, passages, text_of

from tamis.core.content import Content
from tamis.models.counting import counted
from tamis.models.template import Template, template_of

GIB = 2**30
QUERY_TOKENS = 40
DEFAULT_BATCH = 32
"""The batch size that CrossEncoder takes by itself."""


@dataclass(frozen=True)
class Size:
    """How much is measured. ``batch_sizes`` are those that CrossEncoder is tried with; the fastest is compared with."""

    candidates: int = 50
    repetitions: int = 3
    visual: tuple[int, int] = (64, 1024)
    text: tuple[int, int] = (10, 400)
    kv_visual: int = 256
    batch_sizes: tuple[int, ...] = (1, 2, 4, 8, 16, 32)


QUICK = Size(candidates=8, repetitions=1, visual=(16, 128), text=(10, 60), kv_visual=64, batch_sizes=(1, 8))


class Took(NamedTuple):
    """One timed call: seconds on the clock, seconds of processor time, what it gave and what it counted."""

    wall: float
    processor: float
    scores: list[float]
    counts: dict[str, int]


class EngineSide:
    """Tamis's engine with the caches that are named, each of ``size`` bytes, and none of the others."""

    def __init__(
        self, folder: Path, template: Template, caches: Sequence[str] = (), device: str = "cpu", dtype: str = "float32"
    ) -> None:
        from tamis.models.mllm import TransformersScorer

        sizes = {name: 8 * GIB if name in caches else 0 for name in ("pixel_cache", "vision_cache", "kv_cache")}
        self.scorer = TransformersScorer(
            str(folder), template, device=device, dtype=dtype, local_files_only=True, **sizes
        )

    def score(self, query: Content, passages: Sequence[Content]) -> list[float]:
        scores = self.scorer.score(query, passages)
        if None in scores:
            raise RuntimeError(f"the engine left {scores.count(None)} of {len(scores)} passages unscored")
        return [float(score) for score in scores if score is not None]


class InBatches:
    """CrossEncoder with one batch size; several share one loaded model."""

    def __init__(self, peer: CrossEncoderSide, batch_size: int) -> None:
        self.peer, self.batch_size = peer, batch_size

    def score(self, query: Content, passages: Sequence[Content]) -> list[float]:
        self.peer.batch_size = self.batch_size
        return self.peer.score(query, passages)


def timed(side: Side, query: Content, items: Sequence[Content]) -> Took:
    """One call, with what it cost."""
    with counted() as counts:
        wall, processor = time.perf_counter(), time.process_time()
        scores = side.score(query, items)
        processor, wall = time.process_time() - processor, time.perf_counter() - wall
    return Took(wall, processor, scores, counts.to_dict())


def interleaved(calls: dict[str, Callable[[], Took]], repetitions: int) -> dict[str, list[Took]]:
    """Every call in every repetition, in turns of changing order, so that a busy machine's noise falls on all alike."""
    taken: dict[str, list[Took]] = {name: [] for name in calls}
    for turn in range(repetitions):
        for name in calls if turn % 2 == 0 else reversed(list(calls)):
            taken[name].append(calls[name]())
    return taken


def median(takes: Sequence[Took], what: str = "wall") -> float:
    """The median seconds of the calls."""
    return statistics.median(getattr(one, what) for one in takes)


def ratio(slow: Sequence[Took], fast: Sequence[Took], what: str = "wall") -> float:
    """The median over repetitions of slow over fast in the same repetition."""
    return statistics.median(getattr(a, what) / getattr(b, what) for a, b in zip(slow, fast, strict=True))


class Bench:
    """One checkpoint, its tokenizer, and the sides that score with it; a side is loaded when it is first asked for."""

    def __init__(self, folder: Path, size: Size, seed: int, device: str = "cpu", dtype: str = "float32") -> None:
        from mllm_flops import geometry_of
        from transformers import AutoConfig, AutoTokenizer

        self.folder, self.size, self.seed = folder, size, seed
        self.place = {"device": device, "dtype": dtype}
        self.template = template_of("tamis")
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.geometry: Geometry = geometry_of(AutoConfig.from_pretrained(folder, local_files_only=True))
        self.plain = PlainSide(folder, self.template, **self.place)
        lengths = mixture(size.candidates, seed, size.visual, size.text)
        self.lengths = lengths
        self.mixed = passages(lengths, self.tokens, seed)
        self.pages = passages([Lengths(size.kv_visual, 0)] * size.candidates, self.tokens, seed + 1)
        self.warm_up = passages([Lengths(size.visual[0], size.text[0])] * 2, self.tokens, seed + 2)

    def tokens(self, text: str) -> int:
        """How many tokens a text is."""
        return len(self.tokenizer.encode(text, add_special_tokens=False))

    def query(self, number: int) -> Content:
        """A query of QUERY_TOKENS tokens, another one for every number."""
        return Content(text_of(QUERY_TOKENS, self.tokens, self.seed * 1000 + 900 + number))

    def engine(self, *caches: str) -> EngineSide:
        """Our side with these caches."""
        return EngineSide(self.folder, self.template, caches, **self.place)

    def cross_encoder(self, batch_size: int) -> CrossEncoderSide:
        """The peer with one batch size."""
        return CrossEncoderSide(self.folder, self.template, batch_size, **self.place)

    def prompt_tokens(self, query: Content, items: Sequence[Content]) -> list[int]:
        """How long each pair's prompt is, visual tokens included."""
        return [int(self.plain.inputs(query, item)["input_ids"].shape[1]) for item in items]


def fastest_batch_size(bench: Bench, peer: CrossEncoderSide) -> tuple[int, dict[int, float]]:
    """The batch size with which CrossEncoder is fastest on the mixed candidates, and the seconds of each.

    Larger ones are tried until one is a quarter slower than the best: what they add from there on is padding. On a CPU
    processor time decides, as a single run on a busy machine says little by the clock.
    """
    seconds: dict[int, float] = {}
    # Every third candidate: the same mixture, a third of the time.
    some = bench.mixed[:: 1 if len(bench.mixed) < 16 else 3]
    for size in bench.size.batch_sizes:
        if seconds and (size > len(some) or seconds[max(seconds)] > 1.25 * min(seconds.values())):
            break
        peer.batch_size = size
        took = timed(peer, bench.query(0), some)
        seconds[size] = took.processor if bench.place["device"] == "cpu" else took.wall
    return min(seconds, key=seconds.__getitem__), seconds


def measure(bench: Bench) -> dict[str, Any]:
    """All rows of one checkpoint on this machine."""
    cold, peer = bench.engine(), bench.cross_encoder(1)
    for side in (cold, peer, bench.plain):
        side.score(bench.query(0), bench.warm_up)
    fastest, tried = fastest_batch_size(bench, peer)
    sides: dict[str, Side] = {
        "cold": cold,
        "cross_encoder": InBatches(peer, fastest),
        "cross_encoder_default": InBatches(peer, DEFAULT_BATCH),
        "plain": bench.plain,
    }
    mixed = _mixed(bench, sides)
    pages = _pages(bench, sides)
    differences = {**mixed.pop("differences"), **pages.pop("differences")}
    return {
        **{key: value for part in (mixed, pages) for key, value in part.items() if key.endswith("ratio")},
        "max_log_odds_difference": max(differences.values()),
        "log_odds_differences": differences,
        "cross_encoder_batch_size": fastest,
        "cross_encoder_seconds_by_batch_size": tried,
        "mixed": mixed,
        "pages": pages,
    }


def _mixed(bench: Bench, sides: dict[str, Side]) -> dict[str, Any]:
    """Mixed lengths: cold against the peers, and the vision cache."""
    query, items = bench.query(1), bench.mixed
    warm = bench.engine("vision_cache")
    warm.score(bench.query(2), items)
    taken = interleaved(
        {name: lambda side=side: timed(side, query, items) for name, side in {**sides, "vision_warm": warm}.items()},
        bench.size.repetitions,
    )
    lengths = bench.prompt_tokens(query, items)
    flops = sum(
        pair_flops(bench.geometry, tokens, one.visual) for tokens, one in zip(lengths, bench.lengths, strict=True)
    )
    text_only = sum(text_flops(bench.geometry, tokens) for tokens in lengths)
    return {
        "cold_ratio": ratio(taken["cross_encoder"], taken["cold"]),
        "cold_ratio_processor": ratio(taken["cross_encoder"], taken["cold"], "processor"),
        "cold_to_default_ratio": ratio(taken["cross_encoder_default"], taken["cold"]),
        "cold_to_default_ratio_processor": ratio(taken["cross_encoder_default"], taken["cold"], "processor"),
        "cold_to_plain_ratio": ratio(taken["plain"], taken["cold"]),
        "vision_warm_ratio": ratio(taken["cold"], taken["vision_warm"]),
        "vision_warm_ratio_processor": ratio(taken["cold"], taken["vision_warm"], "processor"),
        "vision_warm_flops_ratio": flops / text_only,
        "differences": _differences(taken, "mixed"),
        "prompt_tokens": {"mean": statistics.mean(lengths), "max": max(lengths)},
        "visual_tokens_mean": statistics.mean(one.visual for one in bench.lengths),
        "engine_padding_share": padding_share(_engine_batches(lengths, sides["cold"])),
        "cross_encoder_padding_share": padding_share(_batches(bench, lengths, sides["cross_encoder"])),
        "cross_encoder_default_padding_share": padding_share(_batches(bench, lengths, sides["cross_encoder_default"])),
        "rows": {
            name: _row(takes, len(items), sum(lengths), text_only if name == "vision_warm" else flops)
            for name, takes in taken.items()
        },
    }


def _pages(bench: Bench, sides: dict[str, Side]) -> dict[str, Any]:
    """Pictures of one size with a new query: documents' KV against cold."""
    items, repetitions = bench.pages, bench.size.repetitions
    warm = bench.engine("kv_cache")
    warm.score(bench.query(3), items)
    numbers = iter(range(4, 4 + repetitions))
    taken: dict[str, list[Took]] = {"cold": [], "kv_warm": [], "plain": []}
    for number in numbers:
        query = bench.query(number)
        order = {"cold": sides["cold"], "kv_warm": warm, "plain": sides["plain"]}
        for name in order if number % 2 else reversed(list(order)):
            taken[name].append(timed(order[name], query, items))
    [tokens] = bench.prompt_tokens(bench.query(4), items[:1])
    # What stands behind the passage is computed anew for every query.
    suffix = round(taken["kv_warm"][-1].counts["tokens"] / len(items))
    cold_flops = pair_flops(bench.geometry, tokens, bench.size.kv_visual) * len(items)
    warm_flops = text_flops(bench.geometry, suffix, tokens - suffix) * len(items)
    return {
        "kv_warm_ratio": ratio(taken["cold"], taken["kv_warm"]),
        "kv_warm_ratio_processor": ratio(taken["cold"], taken["kv_warm"], "processor"),
        "kv_warm_flops_ratio": cold_flops / warm_flops,
        "differences": _differences(taken, "pages"),
        "prompt_tokens": tokens,
        "suffix_tokens": suffix,
        "rows": {
            name: _row(
                takes,
                len(items),
                len(items) * (suffix if name == "kv_warm" else tokens),
                warm_flops if name == "kv_warm" else cold_flops,
            )
            for name, takes in taken.items()
        },
    }


def _batches(bench: Bench, lengths: Sequence[int], peer: Any) -> list[list[int]]:
    """The prompts' lengths as CrossEncoder batches them: sorted by characters and pixels, longest first."""
    sizes = [len(item.text) + one.visual * SIDE**2 for item, one in zip(bench.mixed, bench.lengths, strict=True)]
    order = sorted(range(len(sizes)), key=lambda at: -sizes[at])
    step = peer.batch_size
    return [[lengths[at] for at in order[start : start + step]] for start in range(0, len(order), step)]


def _engine_batches(lengths: Sequence[int], side: Any) -> list[list[int]]:
    """The prompts' lengths as the engine batches them."""
    from tamis.models.mllm.packing import Length, packed

    engine = side.scorer.load().engine
    batches = packed([Length(length, 0) for length in lengths], engine.budget, engine.overhead)
    return [[lengths[at] for at in batch] for batch in batches]


def _differences(taken: dict[str, list[Took]], row: str) -> dict[str, float]:
    """The largest difference of every side's log-odds to the plain loop's, over all repetitions."""
    found = {}
    for name, takes in taken.items():
        if name != "plain":
            pairs = zip(takes, taken["plain"], strict=True)
            both = [(a, b) for one, other in pairs for a, b in zip(one.scores, other.scores, strict=True)]
            found[f"{row}: {name}"] = max(abs(a - b) for a, b in both)
    return found


def _row(takes: Sequence[Took], passages_: int, tokens: int, flops: int) -> dict[str, Any]:
    seconds = median(takes)
    scores = takes[0].scores
    return {
        "seconds": seconds,
        "seconds_each": [one.wall for one in takes],
        "processor_seconds": median(takes, "processor"),
        "passages_per_second": passages_ / seconds,
        "tokens_per_second": tokens / seconds,
        "gflop_per_pair": flops / passages_ / 1e9,
        "gflop_per_second": flops / seconds / 1e9,
        "log_odds_spread": statistics.pstdev(scores),
        "counts": takes[-1].counts,
    }


def peak_memory(script: Path, folder: Path, side: str, batch_size: int, arguments: Sequence[str]) -> float:
    """Peak resident memory in MB of a process of its own that scores the mixed candidates by one side."""
    command = [sys.executable, str(script), "--checkpoint", str(folder), "--side", side]
    command += ["--batch-size", str(batch_size), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.splitlines()[-1])["peak_mb"])


def run_side(folder: Path, size: Size, seed: int, side: str, batch_size: int) -> None:
    """The process whose memory is measured. "none" loads the libraries and makes the candidates, and scores nothing."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)

    def tokens(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False))

    items = passages(mixture(size.candidates, seed, size.visual, size.text), tokens, seed)
    template = template_of("tamis")
    makers: dict[str, Callable[[], Side]] = {
        "engine": lambda: EngineSide(folder, template),
        "cross_encoder": lambda: CrossEncoderSide(folder, template, batch_size),
        "plain": lambda: PlainSide(folder, template),
    }
    if side != "none":
        makers[side]().score(Content(text_of(QUERY_TOKENS, tokens, seed)), items)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    print(json.dumps({"peak_mb": int(line.split()[1]) / 1024}))
