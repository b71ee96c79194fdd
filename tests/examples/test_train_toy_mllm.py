"""The toy MLLM: its task is what it says, its training can be taken up again, and it learns to rank."""

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))

from toy_mllm.bi_encoder import info_nce  # noqa: E402
from toy_mllm.checkpoint import Size, build, save, tokenizer  # noqa: E402
from toy_mllm.claims import KINDS, Claim, described_in_full, scene_about  # noqa: E402
from toy_mllm.comparison import judging  # noqa: E402
from toy_mllm.course import Course, asked  # noqa: E402
from toy_mllm.families import hard_negatives  # noqa: E402
from toy_mllm.lists import HARD, LENGTH, context_lists, ranking_lists  # noqa: E402
from toy_mllm.lora import Judge, Recipe, fine_tune, scorer_of  # noqa: E402
from toy_mllm.measures import CHANCE, context_f1  # noqa: E402
from toy_mllm.packed import Batch, YesNo  # noqa: E402
from toy_mllm.pairs import read_rows, step_rows  # noqa: E402
from toy_mllm.reranking import reranker_of, score_of  # noqa: E402
from toy_mllm.scenes import Scene, Sign, Thing, changes  # noqa: E402
from toy_mllm.training import learnt, train  # noqa: E402

from tamis.core.errors import BadInput  # noqa: E402
from tamis.testing import tiny_mllm  # noqa: E402

SMALL = Size(width=32, heads=2, layers=2, vision_layers=1)
SCENE = Scene(
    (Thing("red", "circle", 0, 0), Thing("blue", "square", 0, 2), Thing("red", "circle", 3, 1)), Sign("sun", 2, 2), 7
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Matrices this small are slower in two."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def vlm(seed: int = 0, size: Size = SMALL) -> YesNo:
    words = tokenizer()
    return YesNo(build(size, words, seed), words, size.visual_tokens)


@pytest.mark.parametrize(
    ("claim", "true"),
    [
        (Claim("thing", ("red", "circle")), True),
        (Claim("thing", ("blue", "circle")), False),
        (Claim("pair", ("red", "circle"), ("blue", "square")), True),
        (Claim("pair", ("red", "circle"), ("red", "square")), False),
        (Claim("count", ("red", "circle"), number=2), True),
        (Claim("count", ("red", "circle"), number=1), False),
        (Claim("relation", ("red", "circle"), ("blue", "square"), relation="left of"), True),
        (Claim("relation", ("red", "circle"), ("blue", "square"), relation="right of"), False),
        (Claim("relation", ("red", "circle"), ("blue", "square"), relation="below"), True),
        (Claim("relation", ("red", "circle"), ("blue", "square"), relation="above"), False),
        (Claim("text", word="sun"), True),
        (Claim("text", word="bus"), False),
    ],
)
def test_a_claim_is_true_of_a_scene_or_not(claim: Claim, true: bool) -> None:
    assert claim.holds(SCENE) is true


def test_a_scene_is_described_in_reading_order_and_drawn_the_same_every_time() -> None:
    assert described_in_full(SCENE) == "red circle blue square sign sun red circle"
    assert (SCENE.pixels() == SCENE.pixels()).all()
    assert tuple(SCENE.pixels()[8, 8]) != tuple(SCENE.pixels()[8, 40])


def test_a_change_is_of_exactly_one_attribute() -> None:
    seen = set()
    for attribute, changed in changes(SCENE, Random(1)):
        seen.add(attribute)
        before, after = list(SCENE.things), list(changed.things)
        differing = [(one, other) for one, other in zip(before, after, strict=False) if one != other]
        places = [(one[2:], other[2:]) for one, other in differing]
        match attribute:
            case "colour" | "shape":
                ((one, other),) = differing
                assert sum(a != b for a, b in zip(one, other, strict=True)) == 1
            case "relation":
                assert len(differing) == 2
                assert places[0] == places[1][::-1]
            case "count":
                assert abs(len(before) - len(after)) == 1
                assert after[: len(before)] == before or before[: len(after)] == after
            case "text":
                assert before == after
        assert (changed.sign != SCENE.sign) == (attribute == "text")
    assert seen == {"colour", "shape", "relation", "count", "text"}


@pytest.mark.parametrize("kind", KINDS)
def test_hard_negatives_miss_the_claim_in_more_than_one_way(kind: str) -> None:
    random = Random(3)
    attributes = set()
    for _ in range(20):
        scene, claim = scene_about(kind, random)  # type: ignore[arg-type]
        assert claim.kind == kind
        assert claim.holds(scene)
        for attribute, other in hard_negatives(claim, scene, random, HARD):
            assert not claim.holds(other)
            attributes.add(attribute)
    expected = {
        "thing": {"colour", "shape"},
        "pair": {"colour", "shape"},
        "count": {"colour", "shape", "count"},
        "relation": {"colour", "shape", "relation"},
        "text": {"text"},
    }
    assert attributes >= expected[kind]


def test_splits_share_no_picture_and_lists_are_what_they_say() -> None:
    course = Course(steps=200)
    trained = {scene for step in range(50) for one in course.batch(step) for scene in one.scenes}
    tuning, test = context_lists("tuning", 0, 50), context_lists("test", 0, 50)
    ranking = ranking_lists("test", 0, 50)
    pictures = [{scene for one in lists for scene in one.scenes} for lists in (tuning, test, ranking)]
    assert not trained & (pictures[0] | pictures[1] | pictures[2])
    assert not pictures[0] & pictures[1]
    assert not pictures[0] & pictures[2]
    assert all(sum(one.relevant) == 1 and len(one.scenes) == LENGTH for one in ranking)
    assert {sum(one.relevant) for one in test} == {0, 1, 2, 3, 4}
    assert ranking == ranking_lists("test", 0, 50)
    assert ranking != ranking_lists("test", 1, 50)


def test_questions_in_one_row_do_not_see_each_other_and_the_reranker_asks_the_same(tmp_path: Path) -> None:
    model = vlm()
    batch = asked(Course(steps=10, stages=()).batch(3), "words")
    together, words = model(batch, describe=True)
    one_by_one = [
        Batch(batch.scenes, [[row[at]] for row in batch.texts], [[row[at]] for row in batch.labels]) for at in range(6)
    ]
    apart = torch.cat([model(one)[0] for one in one_by_one], dim=1)
    assert words is not None
    assert torch.isfinite(words)
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-4)

    score = score_of(reranker_of(save(model.model, model.words, SMALL, tmp_path)))
    for one in ranking_lists("tuning", 0, 3):
        own = 1 / (1 + np.exp(-model.log_odds(one.claim, one.scenes, one.question)))
        assert score(one) == pytest.approx(own.tolist(), abs=1e-5)


def test_training_that_was_killed_goes_on_to_the_same_numbers(tmp_path: Path) -> None:
    course = Course(steps=6, warmup=2, families=1)
    whole, cut, going_on = vlm(), vlm(), vlm(seed=5)

    expected = train(whole, judging(whole, course), course)
    first = train(cut, judging(cut, course), course, tmp_path, every=2, stop=5)
    resumed = train(going_on, judging(going_on, course), course, tmp_path, resume=True)

    assert len(first.losses) == 5
    assert resumed.losses == expected.losses
    assert resumed.losses[4:] != expected.losses[:2]
    assert resumed.seconds > 0
    for name, weight in learnt(whole).items():
        assert torch.equal(weight, learnt(going_on)[name]), name


def test_a_state_of_another_course_is_refused(tmp_path: Path) -> None:
    course = Course(steps=2, families=1)
    model = vlm()
    train(model, judging(model, course), course, tmp_path)
    other = Course(steps=2, families=1, rate=0.5)

    with pytest.raises(BadInput, match=r"rate 0\.002 then, 0\.5 now"):
        train(model, judging(model, other), other, tmp_path, resume=True)

    (tmp_path / "training.pt").write_bytes(b"broken")
    with pytest.raises(BadInput, match="is no state of a training"):
        train(model, judging(model, course), course, tmp_path, resume=True)


def test_info_nce_by_hand() -> None:
    logits = torch.tensor([[2.0, 0.0], [1.0, 3.0]])
    none = torch.eye(2, dtype=torch.bool)
    rows = math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-2))
    columns = math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-3))
    assert info_nce(logits, none).item() == pytest.approx((rows + columns) / 4)
    # What is also true is no negative: nothing is left to tell the pairs from.
    assert info_nce(logits, torch.ones(2, 2, dtype=torch.bool)).item() == pytest.approx(0)


def test_context_f1_by_hand() -> None:
    assert context_f1(np.array([True, False, True]), 1) == pytest.approx(2 / 3)
    assert context_f1(np.array([True, False, True]), 3) == pytest.approx(4 / 5)
    assert context_f1(np.array([False, False]), 0) == 1
    assert context_f1(np.array([False, False]), 1) == 0


def pairs_file(folder: Path) -> Path:
    """Six pairs: is the picture the colour that was asked for?"""
    from PIL import Image

    rows = []
    for colour in ("red", "green", "blue"):
        Image.new("RGB", (56, 56), colour).save(folder / f"{colour}.png")
        rows += [
            {"query": f"a {asked} wall", "image": f"{colour}.png", "label": int(asked == colour)}
            for asked in ("red", "blue")
        ]
    path = folder / "pairs.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "train_toy_mllm.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")  # peft's, when an adapter is loaded
@pytest.mark.parametrize("family", ["qwen2-vl", "llava"])
def test_lora_on_a_checkpoint_learns_saves_and_is_scored(family: str, tmp_path: Path) -> None:
    model = tiny_mllm(tmp_path / "model", family)  # type: ignore[arg-type]
    data = pairs_file(tmp_path)
    rows = read_rows(data)
    recipe = Recipe(rank=4, scale=8, rate=5e-3, epochs=12, batch=2, accumulate=2)
    untouched = scorer_of(str(model), data).score(rows[0].query, [row.passage for row in rows])

    tuned = fine_tune(scorer_of(str(model), data), rows, recipe, tmp_path / "tuned")

    losses = tuned.trained.losses
    assert len(losses) == 24
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])
    assert (tuned.adapter / "adapter_model.safetensors").is_file()
    merged = scorer_of(str(tuned.merged), data)
    now = merged.score(rows[0].query, [row.passage for row in rows])
    assert now != pytest.approx(untouched, abs=1e-2)

    from peft import PeftModel

    again = scorer_of(str(model), data)
    checkpoint = again.load().checkpoint
    PeftModel.from_pretrained(checkpoint.model, tuned.adapter)
    assert again.score(rows[0].query, [row.passage for row in rows]) == pytest.approx(now, abs=1e-3)


def test_the_judge_gives_what_the_scorer_gives(tmp_path: Path) -> None:
    model = tiny_mllm(tmp_path / "model", "qwen2-vl")
    data = pairs_file(tmp_path)
    rows = read_rows(data)
    expected = [scorer_of(str(model), data).score(row.query, [row.passage])[0] for row in rows[:3]]

    judge = Judge(scorer_of(str(model), data), Recipe(rank=2))

    # LoRA begins with no effect.
    assert [judge(row).item() for row in rows[:3]] == pytest.approx(expected, abs=1e-3)


def test_every_epoch_sees_every_row_once(tmp_path: Path) -> None:
    rows = read_rows(pairs_file(tmp_path))
    seen = [row for step in range(2) for row in step_rows(rows, 4, 0, step)]
    assert sorted(map(str, seen)) == sorted(map(str, rows))
    assert [step_rows(rows, 4, 0, step) for step in (0, 1)] != [step_rows(rows, 4, 0, step) for step in (2, 3)]


@pytest.mark.parametrize(
    "line",
    [
        '{"query": "a"}',
        '{"query": "a", "label": 1}',
        '{"text": "a", "label": 1}',
        "[]",
        "no JSON",
        '{"query": "a", "text": "b", "label": 2}',
    ],
)
def test_a_line_that_is_no_pair_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"query": "a", "text": "b", "label": 1}\n' + line, encoding="utf-8")
    with pytest.raises(BadInput, match=r"pairs\.jsonl:2"):
        read_rows(path)


def test_it_learns_to_rank(tmp_path: Path) -> None:
    found = json.loads(run("--quick", "--json", "--folder", str(tmp_path)))

    assert found["chance_recall@1"] == CHANCE
    # Single things are what most of so short a training is about.
    assert found["by_kind"]["thing"]["vlm"]["low"] > 4 * CHANCE
    assert found["vlm"]["recall@1"]["low"] > 2 * CHANCE
    assert found["bi_encoder"]["recall@1"]["low"] > 2 * CHANCE
    assert found["threshold"]["eta"][0] < 1
    assert (tmp_path / "seed-0" / "checkpoint" / "model.safetensors").is_file()
