"""One seed: both models trained for the same processor time on the same pictures, and what they are worth."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from torch.nn import Module

from tamis.rerankers import Threshold
from toy_mllm.bi_encoder import BiEncoder
from toy_mllm.checkpoint import Size, build, save, tokenizer
from toy_mllm.course import STAGES, Course, Stages, asked, pairs_in
from toy_mllm.families import SIZE, seed_of
from toy_mllm.lists import context_lists, ranking_lists
from toy_mllm.measures import Cut, Ranking, best_fixed, cut, fitted_threshold, ranked, scored
from toy_mllm.packed import YesNo
from toy_mllm.reranking import reranker_of, score_of
from toy_mllm.training import Loss, Trained, seconds_a_step, train

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How long to train, and on how many lists to test.

    ``minutes`` are processor minutes for each side, turned into steps by a short trial; ``steps`` are steps of the VLM
    instead (the bi-encoder then gets the processor time that they took). The same steps give the same numbers.
    """

    minutes: float = 5.0
    steps: int | None = None
    lists: int = 250
    size: Size = field(default_factory=Size)
    rate: float = 2e-3
    bi_rate: float = 2e-3
    bi_families: int = 8
    stages: Stages = STAGES


class Side(NamedTuple):
    """What one model came to: its ranking of the test lists and what it took to train."""

    rankings: list[Ranking]
    steps: int
    pairs: int
    seconds: float
    parameters: int
    losses: list[float]


class Seed(NamedTuple):
    """Both sides of one seed, and on the test split's context lists what each policy kept: name -> Cut."""

    seed: int
    vlm: Side
    bi: Side
    eta: float
    fixed: int
    cuts: dict[str, Cut]


def compare(seed: int, plan: Plan, folder: Path, resume: bool, say: Say) -> Seed:
    """Trains and tests both sides; their checkpoints and the VLM's folder are written under ``folder``."""
    words = tokenizer()
    vlm = YesNo(build(plan.size, words, seed), words, plan.size.visual_tokens)
    course = Course(plan.steps or 1000, seed, plan.rate, stages=plan.stages)
    judged = judging(vlm, course)
    if plan.steps is None:
        seconds = plan.minutes * 60
        course = planned(folder / "vlm", course, lambda: round(seconds / seconds_a_step(vlm, judged, course)), resume)
        judged = judging(vlm, course)
    trained = train(vlm, judged, course, folder / "vlm", resume=resume, told=progress("VLM", course, say))
    checkpoint = save(vlm.model, words, plan.size, folder / "checkpoint")

    bi = BiEncoder(plan.size, words, seed)
    other = replace(course, rate=plan.bi_rate, families=plan.bi_families)
    steps = lambda: round(trained.seconds / seconds_a_step(bi, contrasting(bi, other), other))  # noqa: E731
    other = planned(folder / "bi-encoder", other, steps, resume)
    near = contrasting(bi, other)
    bi_trained = train(bi, near, other, folder / "bi-encoder", resume=resume, told=progress("bi-encoder", other, say))

    lists = ranking_lists("test", seed, plan.lists)
    score = score_of(reranker_of(checkpoint))
    tuning = scored(context_lists("tuning", seed, plan.lists), score)
    test = scored(context_lists("test", seed, plan.lists), score)
    threshold, fixed = fitted_threshold(tuning), best_fixed(tuning)
    cuts = {
        "eta fitted": cut(test, threshold.keep),
        "eta 0.5": cut(test, Threshold().keep),
        "best fixed k": cut(test, lambda _: fixed),
    }
    sides = (
        side(vlm, trained, ranked(lists, score), pairs_in(course.families)),
        side(
            bi,
            bi_trained,
            ranked(lists, lambda one: bi.log_odds(one.claim, one.scenes, one.question).tolist()),
            2 * (other.families * SIZE) ** 2,
        ),
    )
    return Seed(seed, *sides, threshold.eta, fixed, cuts)


def judging(vlm: YesNo, course: Course) -> Loss:
    """The VLM's loss at each step of a course."""
    return lambda step: [vlm.loss(asked(course.batch(step), seed_of("train-words", course.seed, step)))]


def contrasting(bi: BiEncoder, course: Course) -> Loss:
    """The bi-encoder's loss at each step of a course."""

    def loss(step: int) -> Any:
        random = Random(seed_of("train-words", course.seed, step))
        families = course.batch(step)
        return [bi.loss(families, [random.random() < 0.5 for _ in range(len(families) * SIZE)])]

    return loss


def planned(folder: Path, course: Course, steps: Callable[[], int], resume: bool) -> Course:
    """The course with as many steps as ``steps`` says, or as were planned by the run that is taken up again."""
    path = folder / "course.json"
    if resume and path.is_file():
        return replace(course, steps=int(json.loads(path.read_text("utf-8"))["steps"]))
    course = replace(course, steps=max(2, steps()))
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(course), indent=2) + "\n", encoding="utf-8")
    return course


def progress(name: str, course: Course, say: Say) -> Callable[[int, float], None]:
    """Says the loss twenty times in a training."""
    losses: list[float] = []
    often = max(1, course.steps // 20)

    def told(step: int, loss: float) -> None:
        losses.append(loss)
        if (step + 1) % often == 0:
            mean = sum(losses[-often:]) / len(losses[-often:])
            say(f"seed {course.seed}, {name}: step {step + 1} of {course.steps}, loss {mean:.3f}")

    return told


def side(model: Module, trained: Trained, rankings: list[Ranking], pairs_a_step: int) -> Side:
    """One side of the comparison."""
    steps = len(trained.losses)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Side(rankings, steps, steps * pairs_a_step, trained.seconds, parameters, trained.losses)
