"""Pooling models: ``LLM.score`` in process, and ``/score``, ``/rerank`` and ``/v2/rerank`` of a server."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.models.counting import counted
from tamis.models.http import HttpScorer
from tamis.models.template import template_of

from .conftest import BLUE
from .server import VllmServer

if TYPE_CHECKING:
    from tamis.models.vllm import VllmScorer

CONTEXT = 512
TOLERANCE = 1e-4
QUERY = Content("which colour is the bus in the picture?")
PASSAGES = [
    Content("The red bus stands in front of the old station."),
    Content("a small green house beside the river"),
    Content("Water boils at a lower temperature on a mountain."),
]


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Qwen3 with a head of one label, random weights."""
    import torch
    import transformers

    from tamis.testing.tiny_tokenizer import tiny_tokenizer

    folder = tmp_path_factory.mktemp("cross-encoder")
    tokenizer = tiny_tokenizer(("<|endoftext|>", "<|im_start|>", "<|im_end|>"))
    config = transformers.Qwen3Config(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=CONTEXT,
        pad_token_id=tokenizer.token_to_id("<|endoftext|>"),
        num_labels=1,  # type: ignore[call-arg]
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = transformers.Qwen3ForSequenceClassification(config)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim == 2:
                    parameter.normal_(0.0, parameter.shape[1] ** -0.5)
    model.save_pretrained(folder)
    transformers.PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>", model_max_length=CONTEXT
    ).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def expected(cross_encoder: str) -> list[float]:
    """The model's logits through Transformers, pair by pair."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(cross_encoder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(cross_encoder, dtype=torch.float32).eval()
    with torch.no_grad():
        found = [
            float(model(**tokenizer(QUERY.text, passage.text, return_tensors="pt")).logits[0, 0])
            for passage in PASSAGES
        ]
    assert max(found) - min(found) > 0.05, "the weights do not tell the passages apart"
    return found


@pytest.fixture(scope="module")
def pooling_server(
    cross_encoder: str, environment: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[VllmServer]:
    """A server of the cross-encoder, started while the engine in this process is."""
    log = tmp_path_factory.mktemp("pooling-server") / "log"
    with VllmServer(cross_encoder, log, ["--max-model-len", str(CONTEXT)]) as server:
        yield server


@pytest.fixture(scope="module")
def pooling(cross_encoder: str, pooling_server: VllmServer) -> Iterator["VllmScorer"]:
    """The cross-encoder in this process."""
    from tamis.models.vllm import VllmScorer

    with VllmScorer(cross_encoder, dtype="float32", enforce_eager=True, max_length=CONTEXT) as scorer:
        yield scorer


def test_in_process_the_log_odds_are_the_models_logits(pooling: "VllmScorer", expected: list[float]) -> None:
    with counted() as counts:
        assert pooling.score(QUERY, PASSAGES) == pytest.approx(expected, abs=TOLERANCE)
    assert counts.to_dict()["pairs"] == len(PASSAGES)


def test_a_passage_longer_than_the_context_is_cut(pooling: "VllmScorer") -> None:
    with counted() as counts:
        scores = pooling.score(QUERY, [Content("a long passage " * 2000), PASSAGES[0]])
    assert None not in scores
    assert counts.to_dict()["passages_cut"] == 1


def test_a_model_that_reads_text_only_names_itself_when_given_an_image(pooling: "VllmScorer") -> None:
    with pytest.raises(BadInput, match=r"cross-encoder.*reads text only"):
        pooling.score(QUERY, [Content("a text", (BLUE,))])


def test_a_pooling_model_neither_chooses_nor_writes(pooling: "VllmScorer") -> None:
    prompt = template_of("tamis").prompt(QUERY, PASSAGES[0])
    with pytest.raises(BadSetting, match="can neither choose nor write"):
        pooling.choose([prompt], [["A"]])
    with pytest.raises(BadSetting, match="can neither choose nor write"):
        pooling.write([prompt])


@pytest.mark.parametrize(
    ("dialect", "path", "scores"),
    [
        ("vllm-score", "", "log-odds"),
        ("vllm-score", "/v1", "probability"),
        ("rerank", "", "probability"),
        ("rerank", "/v1", "probability"),
        ("rerank", "/v2", "probability"),
    ],
)
def test_on_a_server_too(
    dialect: str, path: str, scores: str, pooling_server: VllmServer, expected: list[float]
) -> None:
    """Probabilities in single precision tell log-odds of this size to five places."""
    pooling_server.wait()
    scorer = HttpScorer(
        pooling_server.root + path,
        pooling_server.model,
        dialect,  # type: ignore[arg-type]
        scores=scores,  # type: ignore[arg-type]
        timeout_s=180,
    )
    assert scorer.score(QUERY, PASSAGES) == pytest.approx(expected, abs=TOLERANCE)
