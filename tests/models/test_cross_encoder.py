"""Cross-encoders: real architectures with random weights, so that shapes, order and errors are real."""

import asyncio
from pathlib import Path

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadSetting, ModelUnavailable
from tamis.core.image import Image
from tamis.models import SCORERS
from tamis.models.cross_encoder import CrossEncoderScorer

pytest.importorskip("sentence_transformers", reason="the `local` extra is not installed")

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "bus", "boat", "a"]


def tiny_bert(folder: Path, labels: int) -> str:
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
        max_position_embeddings=64,
    )
    config.num_labels = labels
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_bert(tmp_path_factory.mktemp("bert"), labels=1)


PASSAGES = [Content("a red bus"), Content("a boat"), Content("red red red bus boat a")]


def test_scores_are_the_models_own_logits_whatever_the_batch(checkpoint: str) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
    with torch.no_grad():
        expected = [
            float(model(**tokenizer("red bus", passage.text, return_tensors="pt")).logits[0, 0]) for passage in PASSAGES
        ]
    for batch_size in (1, 3):
        scorer = CrossEncoderScorer(checkpoint, batch_size=batch_size, local_files_only=True)
        assert scorer.score(Content("red bus"), PASSAGES) == pytest.approx(expected, abs=1e-5)
    assert asyncio.run(scorer.ascore(Content("red bus"), PASSAGES)) == pytest.approx(expected, abs=1e-5)


def test_two_labels_give_the_second_over_the_first(tmp_path: Path) -> None:
    scorer = CrossEncoderScorer(tiny_bert(tmp_path, labels=2), local_files_only=True)
    scores = scorer.score(Content("red bus"), PASSAGES)
    assert len(set(scores)) == 3
    assert all(type(score) is float for score in scores)


def test_three_labels_are_no_ranking(tmp_path: Path) -> None:
    scorer = CrossEncoderScorer(tiny_bert(tmp_path, labels=3), local_files_only=True)
    with pytest.raises(BadSetting, match="3 labels"):
        scorer.score(Content("red bus"), PASSAGES)


def test_what_a_text_model_cannot_read_is_none(checkpoint: str) -> None:
    scorer = CrossEncoderScorer(checkpoint, local_files_only=True)
    picture = Image(data=b"x")
    scores = scorer.score(Content("bus"), [Content(images=(picture,)), Content("bus", (picture,)), Content()])
    assert scores[0] is None
    assert scores[1] == scorer.score(Content("bus"), [Content("bus")])[0]
    assert scores[2] is None
    assert scorer.score(Content(), PASSAGES) == [None] * 3


def test_half_a_surrogate_pair_costs_no_score(checkpoint: str) -> None:
    scorer = CrossEncoderScorer(checkpoint, local_files_only=True)
    halved = scorer.score(Content("bus \ud83d"), [Content("a red \udc00 bus"), PASSAGES[1]])
    assert halved == scorer.score(Content("bus ?"), [Content("a red ? bus"), PASSAGES[1]])
    assert None not in halved


def test_it_is_written_as_json_without_loading() -> None:
    scorer = CrossEncoderScorer("no/such-model", batch_size=4)
    assert SCORERS.build(SCORERS.spec(scorer)) == scorer


def test_a_model_that_is_not_there_is_named_and_looked_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sentence_transformers

    looked: list[str] = []
    found = sentence_transformers.CrossEncoder

    def counted(name: str, **settings: object) -> object:
        looked.append(name)
        return found(name, **settings)

    monkeypatch.setattr(sentence_transformers, "CrossEncoder", counted)
    scorer = CrossEncoderScorer(str(tmp_path / "nowhere"), local_files_only=True)
    for _ in range(2):
        with pytest.raises(ModelUnavailable, match="nowhere"):
            scorer.score(Content("a"), [Content("red bus")])
    assert len(looked) == 1
