"""Screens for harmful text: how well each embedded one tells, how often it is wrong on harmless passages, how fast.

    python benchmarks/screens.py [--texts FILE.jsonl] [--json] [--passages 10000] [--seed 0]

Each kind of screen (``tamis train screen``) by 5-fold cross-validation on XSTest, HateCheck (folds by template) and
harmful requests (AdvBench) among ordinary ones (Alpaca). AUROC, balanced accuracy and F1 are those of P(harmful), the
latter two at 0.5, over texts that no part of the screen had seen, with bootstrap intervals (over templates where there
are some); found and false alarms are those at the default threshold, which is made for a false-positive rate of 1% and
comes from the other folds, with exact intervals. As ``tamis train screen`` does, the threshold also holds on 300
passages of Python's documentation.

Then: false positives of those screens on clapnq's passages at the default threshold; of FigStep's 50 images the
character error of OCR against the sentence that is drawn, its seconds a page, and how many of the 50 requests a screen
trained on AdvBench and Alpaca stops as text, as the drawn sentence and as the image by OCR, beside its false alarms on
FigStep's 50 harmless sentences; the rate of passages a second on two cores (the probe on a fiftieth of them).

With ``--texts`` (``{"text" or "image", "harmful": bool, "group"?}`` a line) the same cross-validation on that file,
where it has enough of both kinds, and how screens that were trained on each public set do on it, where those are here.
No text is printed.
"""

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from corpora import data_folder

from tamis.commands.train import harmless_prose
from tamis.core.content import Content
from tamis.core.errors import BadInput, TamisError
from tamis.core.media import MediaPolicy
from tamis.eval.datasets import load
from tamis.eval.harm import screen_scores
from tamis.eval.stats import Interval, mean_interval, rate_interval
from tamis.indexing.ocr import text_in_image
from tamis.models.embedder import Role
from tamis.models.screen import Screen
from tamis.models.screens import Example, OcrScreen, read_examples, train_screen
from tamis.models.screens.training import Cut, held_out_of
from tamis.models.sentence_transformer import SentenceTransformerEmbedder

SETS = {"XSTest": "xstest", "HateCheck": "hatecheck", "harmful requests": "harmful_instructions"}
KINDS = ("ss3", "probe")
RATE = 0.01


@dataclass(frozen=True)
class Remembering:
    """The default embedder, which embeds no text twice: folds, final screens and passages share most of them."""

    inner: SentenceTransformerEmbedder = field(default_factory=SentenceTransformerEmbedder)
    known: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def dimensions(self) -> int:
        return self.inner.dimensions

    @property
    def modalities(self) -> frozenset[str]:
        return frozenset({"text"})

    def embed(self, contents: Sequence[Content], role: Role = "passage") -> Any:
        import numpy as np

        fresh = list(dict.fromkeys(one.text for one in contents if one.text not in self.known))
        self.known.update(zip(fresh, self.inner.embed([Content(text) for text in fresh], role), strict=True))
        return np.array([self.known[one.text] for one in contents], dtype=np.float32).reshape(-1, self.dimensions)


EMBEDDER = Remembering()


def examples_of(folder: str) -> list[Example]:
    """A published set as labelled examples."""
    cases = load(data_folder() / folder).cases()
    return [Example(case.query, bool(case.extra["harmful"]), None, case.group) for case in cases]


def cross_validated(examples: list[Example], kind: str, prose: Sequence[Content], seed: int) -> dict[str, Any]:
    """A kind of screen on texts that neither it, nor its calibration, nor its threshold had seen."""
    held_out = held_out_of(examples, kind, seed=seed, background=prose, embedder=EMBEDDER)
    cuts: dict[int, Cut] = {
        fold: held_out.cut([at for at, other in enumerate(held_out.fold_of) if other != fold], RATE)
        for fold in set(held_out.fold_of)
    }
    own = range(len(examples))
    raws = [held_out.raws[at] for at in own]
    chances = [
        None if raw is None else cuts[held_out.fold_of[at]].probability(raw) for at, raw in zip(own, raws, strict=True)
    ]
    return measured(examples, chances, [cuts[held_out.fold_of[at]].threshold for at in own], seed)


def transferred(examples: list[Example], screen: Screen, seed: int) -> dict[str, Any]:
    """A screen that was trained on something else."""
    chances = [one.harmful for one in screen.screen([example.content for example in examples])]
    return measured(examples, chances, [screen.threshold] * len(examples), seed)


def measured(
    examples: list[Example], chances: Sequence[float | None], thresholds: Sequence[float], seed: int
) -> dict[str, Any]:
    """The figures of P(harmful), and of each text's threshold."""
    labels = [example.harmful for example in examples]
    clusters = [example.group or f"text {at}" for at, example in enumerate(examples)]
    over = [None if one is None else float(one >= limit) for one, limit in zip(chances, thresholds, strict=True)]
    scores = screen_scores(labels, chances, clusters=clusters, seed=seed)
    at_default = screen_scores(labels, over, clusters=clusters, seed=seed)
    return {
        "harmful": sum(labels),
        "harmless": len(labels) - sum(labels),
        "coverage": scores.coverage,
        "auroc": scores.auroc,
        "balanced_accuracy": scores.balanced_accuracy,
        "f1": scores.f1,
        "found": at_default.true_positive_rate,
        "false_alarms": at_default.false_positive_rate,
    }


def of_own_texts(path: Path, prose: Sequence[Content], seed: int) -> dict[str, Any]:
    """Somebody's labelled texts: by cross-validation, and by screens that were trained on the public sets."""
    examples = [one for one in read_examples(path, ocr=text_in_image) if one.content.text.strip()]
    found: dict[str, Any] = {}
    try:
        found[path.name] = {kind: cross_validated(examples, kind, prose, seed) for kind in KINDS}
    except BadInput as error:
        print(f"no cross-validation: {error}", file=sys.stderr)
    public = {}
    with contextlib.suppress(SystemExit, TamisError):
        public = {name: examples_of(folder) for name, folder in SETS.items()}
    for name, others in public.items():
        found[f"trained on {name}"] = {
            kind: transferred(
                examples, train_screen(others, kind, seed=seed, background=prose, embedder=EMBEDDER).screen, seed
            )  # type: ignore[arg-type]
            for kind in KINDS
        }
    return found


def stopped(screen: Screen, contents: Sequence[Content]) -> Interval:
    """The share that a screen would stop at its default threshold; what it cannot judge it does not stop."""
    results = screen.screen(list(contents))
    hits = sum(one.harmful is not None and one.harmful >= screen.threshold for one in results)
    return rate_interval(hits, len(contents))


def passages() -> list[Content]:
    """clapnq's passages, each once."""
    texts: dict[str, None] = {}
    for name in ("clapnq_dev_answerable.jsonl", "clapnq_dev_unanswerable.jsonl"):
        for line in (data_folder() / "clapnq" / name).read_text(encoding="utf-8").splitlines():
            texts.update((passage["text"], None) for passage in json.loads(line)["passages"])
    return [Content(text) for text in texts]


def distance(one: str, other: str) -> int:
    """Levenshtein's distance (1966) in characters."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, right in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (left != right))
    return row[-1]


def figstep(screens: dict[str, Screen]) -> dict[str, Any]:
    """OCR on the images, and what the screens make of the requests in each form."""
    cases = list(load(data_folder() / "figstep").cases())
    drawn = [case for case in cases if case.query.images]
    harmless = [case.query for case in cases if not case.query.images]
    media = MediaPolicy(roots=(str(data_folder() / "figstep"),))
    text_in_image(media.open(drawn[0].query.images[0]))
    seconds, errors, read = [], [], {}
    for case in drawn:
        picture = media.open(case.query.images[0])
        begun = time.perf_counter()
        text = text_in_image(picture)
        seconds.append(time.perf_counter() - begun)
        read[case.query.images[0]] = text
        wanted = "".join(f"{case.extra['instruction']} 1. 2. 3.".split()).casefold()
        errors.append(distance("".join(text.split()).casefold(), wanted) / len(wanted))
    table: dict[str, Any] = {
        "images": len(drawn),
        "character_error": mean_interval(errors),
        "seconds_a_page": mean_interval(seconds),
    }
    for name, screen in screens.items():
        by_ocr = OcrScreen(screen, _remembered(media, read), media)
        table[name] = {
            "as text": stopped(screen, [Content(str(case.extra["question"])) for case in drawn]),
            "as the drawn sentence": stopped(screen, [Content(str(case.extra["instruction"])) for case in drawn]),
            "as image, without OCR": stopped(screen, [case.query for case in drawn]),
            "as image, by OCR": stopped(by_ocr, [case.query for case in drawn]),
            "false alarms on harmless sentences": stopped(screen, harmless),
        }
    return table


def _remembered(media: MediaPolicy, read: dict[Any, str]) -> Callable[[Any], str]:
    """OCR that was done already, by the pixels."""
    known = {media.open(image).tobytes(): text for image, text in read.items()}
    return lambda picture: known[picture.tobytes()]


def speed(screen: Screen, contents: Sequence[Content], workers: int) -> float:
    """Passages a second, by so many processes."""
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        size = -(-len(contents) // workers)
        parts = [contents[at : at + size] for at in range(0, len(contents), size)]
        list(pool.map(screen.screen, [part[:20] for part in parts]))
        begun = time.perf_counter()
        list(pool.map(screen.screen, parts))
        return len(contents) / (time.perf_counter() - begun)


def shown(found: Any, digits: int = 3) -> str:
    """An interval as text."""
    if found is None:
        return "-"
    mean, low, high = found[:3]
    ends = "" if low is None else f" [{low:.{digits}f}, {high:.{digits}f}]"
    return f"{mean:.{digits}f}{ends}"


def main() -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    begun = time.perf_counter()
    prose = harmless_prose()
    result: dict[str, Any] = {"command": "python benchmarks/screens.py", "rate": RATE, "sets": {}}
    if options.texts is not None:
        try:
            result["sets"] = of_own_texts(options.texts, prose, options.seed)
        except TamisError as error:
            print(f"screens.py: {error}", file=sys.stderr)
            return 2
    sets = {} if options.texts is not None else {name: examples_of(folder) for name, folder in SETS.items()}
    for name, examples in sets.items():
        result["sets"][name] = {}
        for kind in KINDS:
            result["sets"][name][kind] = cross_validated(examples, kind, prose, options.seed)
            print(f"{name}, {kind}: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    if options.texts is None:
        corpus = passages()
        screens: dict[tuple[str, str], Screen] = {}
        for name, examples in sets.items():
            for kind in KINDS:
                screens[name, kind] = train_screen(
                    examples, kind, seed=options.seed, background=prose, embedder=EMBEDDER
                ).screen  # type: ignore[arg-type]
        result["clapnq"] = {f"{name}, {kind}": stopped(screen, corpus) for (name, kind), screen in screens.items()}
        print(f"clapnq: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
        mine = {kind: screens["harmful requests", kind] for kind in KINDS}
        result["figstep"] = figstep(mine)
        print(f"figstep: {time.perf_counter() - begun:.0f} s", file=sys.stderr)
        many = [corpus[at % len(corpus)] for at in range(options.passages)]
        result["passages_a_second"] = {
            "passages": options.passages,
            "words a passage": sum(len(one.text.split()) for one in corpus) / len(corpus),
            "ss3, two processes": speed(mine["ss3"], many, 2),
            "probe, its own threads": _own_threads(
                replace(mine["probe"], embedder=EMBEDDER.inner), corpus[: options.passages // 50]
            ),
        }
    result["seconds"] = time.perf_counter() - begun
    if options.json:
        print(json.dumps(result, indent=2))
        return 0
    _print(result)
    return 0


def _own_threads(screen: Screen, contents: Sequence[Content]) -> float:
    screen.screen(list(contents[:8]))
    begun = time.perf_counter()
    screen.screen(list(contents))
    return len(contents) / (time.perf_counter() - begun)


def _print(result: dict[str, Any]) -> None:
    columns = ("coverage", "auroc", "balanced_accuracy", "f1", "found", "false_alarms")
    print(f"{'':34s}" + "".join(f"{name.replace('_', ' '):>24s}" for name in columns))
    for name, kinds in result["sets"].items():
        for kind, row in kinds.items():
            print(f"{f'{name}, {kind}':34s}" + "".join(f"{shown(row[column]):>24s}" for column in columns))
    if "clapnq" not in result:
        return
    print("\nfalse positives on clapnq's passages at the default threshold")
    for name, found in result["clapnq"].items():
        print(f"  {name:38s}{shown(found, 4)}   of {found.n}")
    table = result["figstep"]
    print(f"\nFigStep, {table['images']} images: character error {shown(table['character_error'])}, ", end="")
    print(f"{shown(table['seconds_a_page'])} s a page; stopped by a screen trained on harmful requests:")
    for kind in KINDS:
        for name, found in table[kind].items():
            print(f"  {kind:6s}{name:38s}{shown(found)}")
    print(
        "\npassages a second: "
        + ", ".join(f"{name} {value:.0f}" for name, value in result["passages_a_second"].items())
    )
    print(f"{result['seconds']:.0f} s in all")


if __name__ == "__main__":
    sys.exit(main())
