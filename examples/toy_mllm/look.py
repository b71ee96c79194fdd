"""A look at the task: what is asked, what the near misses are, and that a few steps of training do something."""

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

from toy_mllm.checkpoint import Size, build, save, tokenizer
from toy_mllm.claims import KINDS, scene_about
from toy_mllm.comparison import judging
from toy_mllm.course import Course
from toy_mllm.families import hard_negatives
from toy_mllm.lists import ranking_lists
from toy_mllm.packed import YesNo
from toy_mllm.reranking import reranker_of, score_of
from toy_mllm.training import train


def look(say: Callable[[str], None]) -> None:
    """Shows a query of each kind, trains a few steps and scores with what came of it."""
    random = Random(1)
    for kind in KINDS:
        scene, claim = scene_about(kind, random)
        missed = Counter(attribute for attribute, _ in hard_negatives(claim, scene, random, 7))
        near = ", ".join(f"{number} in {attribute}" for attribute, number in sorted(missed.items()))
        say(f"{claim.words(question=True)}? Near misses differ {near}")
    words, size = tokenizer(), Size()
    vlm = YesNo(build(size, words, seed=0), words, size.visual_tokens)
    course = Course(steps=30)
    losses = train(vlm, judging(vlm, course), course).losses
    say(f"{course.steps} steps: the loss {'falls' if sum(losses[-5:]) < sum(losses[:5]) else 'does not fall'}")
    with tempfile.TemporaryDirectory() as folder:
        score = score_of(reranker_of(save(vlm.model, words, size, Path(folder))))
        one = ranking_lists("tuning", 0, 1)[0]
        own = vlm.log_odds(one.claim, one.scenes, one.question)
        order = sorted(range(len(own)), key=lambda at: -own[at])
        scores = score(one)
        same = order == sorted(range(len(own)), key=lambda at: -scores[at])
    say(f"MLLMReranker ranks {len(own)} pictures as the model in training does: {'yes' if same else 'no'}")
