"""Inference models as judges: real architectures with random weights, so that labels, lengths and batches are real."""

from pathlib import Path

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadSetting, ModelUnavailable
from tamis.models.judges import NliJudge
from tamis.models.judges.nli import TOO_LONG, entailment_label

pytest.importorskip("sentence_transformers", reason="the `local` extra is not installed")

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "bus", "boat", "a", "is", "."]
LABELS = {0: "contradiction", 1: "entailment", 2: "neutral"}


def tiny(folder: Path, labels: dict[int, str], positions: int = 48) -> str:
    """A BERT classifier of two small layers with random weights, saved as a checkpoint."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    torch.manual_seed(0)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=positions,
        id2label=labels,
        label2id={label: at for at, label in labels.items()},
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny(tmp_path_factory.mktemp("nli"), LABELS)


def test_p_is_the_models_own_probability_of_its_entailment_label(checkpoint: str) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
    claims = ["a bus", "red", "a boat is red"]
    evidence = "a red bus is a boat ."
    with torch.no_grad():
        expected = [
            float(model(**tokenizer(evidence, claim, return_tensors="pt")).logits.softmax(dim=1)[0, 1])
            for claim in claims
        ]
    for batch_size in (1, 3):
        found = NliJudge(checkpoint, batch_size=batch_size).judge(claims, [[Content(evidence)]] * 3)
        assert [verdict.supported for verdict in found] == pytest.approx(expected, abs=1e-5)


def test_long_evidence_is_read_in_pieces_and_the_best_counts(checkpoint: str) -> None:
    judge = NliJudge(checkpoint)
    pieces = ["a red bus is a boat . ", "a bus is a bus . ", "red red red is red . "]
    long = "".join(piece * 6 for piece in pieces)
    [whole] = judge.judge(["a bus"], [[Content(long)]])
    assert whole.supported is not None
    assert 0 < whole.supported < 1
    [too_long] = judge.judge(["bus " * 60], [[Content(long)]])
    assert too_long.supported is None
    assert too_long.reason == TOO_LONG


@pytest.mark.parametrize(
    ("labels", "number"),
    [
        ({0: "ENTAILMENT", 1: "NEUTRAL", 2: "CONTRADICTION"}, 0),
        ({0: "not_entailment", 1: "entailment"}, 1),
        ({0: "unsupported", 1: "supported"}, 1),
        ({0: "inconsistent", 1: "consistent"}, 1),
    ],
)
def test_the_label_is_found_by_its_whole_name(labels: dict[int, str], number: int) -> None:
    assert entailment_label(labels, "m") == number


def test_a_model_without_such_a_label_is_refused(tmp_path: Path) -> None:
    judge = NliJudge(tiny(tmp_path, {0: "LABEL_0", 1: "LABEL_1"}))
    with pytest.raises(BadSetting, match="it has: LABEL_0, LABEL_1"):
        judge.judge(["a bus"], [[Content("a bus")]])


def test_a_model_that_cannot_be_loaded_is_tried_once_and_told_in_one_line(tmp_path: Path) -> None:
    judge = NliJudge(str(tmp_path / "nothing"))
    for _ in range(2):
        with pytest.raises(ModelUnavailable, match="cannot be loaded: there is no such folder") as caught:
            judge.judge(["a bus"], [[Content("a bus")]])
        assert "\n" not in str(caught.value)
        tiny(_made(tmp_path / "nothing"), LABELS)


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder
