"""What is said when a model cannot be used as it is meant, and what the canary notices."""

import json
import logging
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, ModelUnavailable
from tamis.core.media import MediaPolicy
from tamis.models import SCORERS, Scorer
from tamis.models.chooser import Chooser, Writer
from tamis.models.counting import counted
from tamis.models.mllm import TransformersScorer
from tamis.models.template import Prompt, template_of
from tamis.testing import check_scorer

QUERY = Content("which colour is the bus?")


def test_it_keeps_a_scorers_contract(checkpoint: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen2-vl"))
    assert isinstance(scorer, Scorer)
    assert isinstance(scorer, Chooser)
    assert isinstance(scorer, Writer)
    check_scorer(scorer).raise_if_failed()


def test_settings_go_to_json_and_back() -> None:
    template = template_of("tamis").with_instruction("Is it so?")
    scorer = TransformersScorer(
        "folder", template, "mine", device="cpu", kv_cache=7, media=MediaPolicy(max_pixels=5), dtype="bfloat16"
    )
    written = json.loads(json.dumps(SCORERS.spec(scorer)))
    assert written["name"] == "mllm"
    again: Any = SCORERS.build(written)
    assert again.settings() == scorer.settings()
    assert SCORERS.build({"name": "mllm", "model": "folder"}) == TransformersScorer("folder")
    assert TransformersScorer("folder").settings() == {"model": "folder"}


def test_a_pickle_carries_settings_and_no_weights(checkpoint: Any) -> None:
    scorer = TransformersScorer(checkpoint("qwen3"), kv_cache=10_000)
    expected = scorer.score(QUERY, [Content("a")])
    pickled = pickle.dumps(scorer)
    assert len(pickled) < 2_000
    copy = pickle.loads(pickled)  # noqa: S301 - our own
    assert copy == scorer
    assert copy.score(QUERY, [Content("a")]) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"dtype": "int3"}, "int3"),
        ({"max_length": 0}, "max_length"),
        ({"token_budget": True}, "token_budget"),
        ({"kv_cache": -1}, "kv_cache"),
        ({"image_workers": 0}, "image_workers"),
        ({"device": "cpu", "device_map": "auto"}, "device_map"),
        ({"quantization": {"quant_method": "nope"}}, "nope"),
    ],
)
def test_a_bad_setting_is_named(settings: dict[str, Any], named: str, checkpoint: Any) -> None:
    with pytest.raises(BadSetting, match=named):
        TransformersScorer(checkpoint("qwen3"), **settings).warmup()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_named_and_what_is() -> None:
    with pytest.raises(BadSetting, match='no device "cuda" on this machine; here are: cpu'):
        TransformersScorer("never looked for", device="cuda").warmup()
    with pytest.raises(BadSetting, match="no device"):
        TransformersScorer("never looked for", device="gpu please").warmup()


@pytest.mark.parametrize("length", [0, 1.5, True, "many"])
def test_a_text_of_no_length_is_a_bad_setting(length: Any) -> None:
    with pytest.raises(BadSetting, match="max_tokens must be a whole number"):
        TransformersScorer("never looked for").write([Prompt(())], length)


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="nowhere/at/all"):
        TransformersScorer("nowhere/at/all", local_files_only=True).warmup()
    with pytest.raises(ModelUnavailable, match="no such folder"):
        TransformersScorer(str(tmp_path / "nowhere")).warmup()
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        TransformersScorer(str(tmp_path)).warmup()


def test_weights_that_are_cut_off_are_a_bad_input(own_folder: Any) -> None:
    folder = own_folder("qwen3")
    [weights] = folder.glob("*.safetensors")
    data = weights.read_bytes()
    weights.unlink()
    weights.write_bytes(data[:1000])
    with pytest.raises(BadInput, match="weights"):
        TransformersScorer(str(folder)).warmup()


def test_answers_of_several_tokens_are_shown(checkpoint: Any) -> None:
    template = {
        "name": "long words",
        "source": "test",
        "layout": "passage-first",
        "yes": "indubitably",
        "no": "No",
        "forms": [{"user": "{passage.text}{query.text}"}],
    }
    with pytest.raises(BadSetting, match=r"long words.*'indubitably' is \['i', 'nd'"):
        TransformersScorer(checkpoint("qwen3"), template).warmup()


def test_code_of_a_checkpoint_runs_only_by_name(own_folder: Any) -> None:
    folder = own_folder("qwen3")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "made-up", "auto_map": {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\n")
    with pytest.raises(BadInput, match="configuration"):
        TransformersScorer(str(folder)).warmup()
    assert not (folder / "ran").exists()


def test_a_template_in_the_checkpoint_wins_unless_one_is_given(own_folder: Any, reference: Any) -> None:
    folder = own_folder("qwen3")
    (folder / "tamis_template.toml").write_text(
        'name = "own"\nsource = "the checkpoint"\nlayout = "query-first"\nyes = "True"\nno = "False"\n'
        '[[form]]\nuser = "{query.text} ? {passage.text}"\n'
    )
    own, ours = TransformersScorer(str(folder)), TransformersScorer(str(folder), "tamis")
    passage = Content("a red bus")
    plain = reference("qwen3")
    file = str(folder / "tamis_template.toml")
    assert own.score(QUERY, [passage]) == pytest.approx([plain.log_odds(QUERY, passage, template_of(file))], abs=1e-4)
    assert ours.score(QUERY, [passage]) == pytest.approx([plain.log_odds(QUERY, passage, "tamis")], abs=1e-4)


def test_rerankers_of_sentence_transformers_keep_their_own_prompt(own_folder: Any) -> None:
    from sentence_transformers import CrossEncoder
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.cross_encoder.modules import LogitScore

    folder = own_folder("qwen3")
    tokenizer_config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    (folder / "chat_template.jinja").write_text(
        "{%- set asked = messages | selectattr('role', 'eq', 'query') | map(attribute='content') | first -%}\n"
        "{%- set found = messages | selectattr('role', 'eq', 'document') | map(attribute='content') | first -%}\n"
        "{{ '<|im_start|>user\\n<Query>: ' + asked + '\\n<Document>: ' + found "
        "+ '<|im_end|>\\n<|im_start|>assistant\\n' }}\n"
    )
    yes, no = 300, 301
    transformer = Transformer(str(folder), transformer_task="text-generation")
    saved = str(folder / "saved")
    CrossEncoder(modules=[transformer, LogitScore(true_token_id=yes, false_token_id=no)]).save_pretrained(saved)
    pairs = [Content("a red bus"), Content("flour and salt"), Content("x")]
    expected = CrossEncoder(saved).predict(
        [(QUERY.text, pair.text) for pair in pairs], activation_fn=torch.nn.Identity()
    )
    assert TransformersScorer(saved).score(QUERY, pairs) == pytest.approx(expected.tolist(), abs=1e-4)


def test_a_model_that_says_the_same_to_everything_is_noticed(own_folder: Any, caplog: pytest.LogCaptureFixture) -> None:
    from safetensors.torch import load_file, save_file

    folder = own_folder("qwen3")
    [file] = folder.glob("*.safetensors")
    weights = load_file(file)
    weights["lm_head.weight"] = torch.ones_like(weights["lm_head.weight"])
    file.unlink()
    save_file(weights, file, {"format": "pt"})
    scorer = TransformersScorer(str(folder))
    with caplog.at_level(logging.WARNING), counted() as counts:
        scorer.load()
    assert "template mismatch" in caplog.text
    assert "the same log-odds" in caplog.text
    assert counts.to_dict() == {}, "the canary's work is not the caller's"


def test_a_last_layer_that_mixes_tokens_is_run_whole(checkpoint: Any) -> None:
    from torch.nn.modules.module import register_module_forward_hook

    def mix(module: torch.nn.Module, inputs: Any, output: Any) -> Any:
        return output + output.mean(dim=1, keepdim=True) if type(module).__name__ == "Qwen3MLP" else None

    handle = register_module_forward_hook(mix)
    try:
        scorer = TransformersScorer(checkpoint("qwen3"), kv_cache=0)
        runtime: Any = scorer.load()
        assert not runtime.engine.last_layer.enabled
        [encoded] = runtime.encoded(QUERY, [Content("a red bus")])
        with torch.inference_mode():
            logits = runtime.checkpoint.model(input_ids=torch.from_numpy(encoded.ids)[None]).logits[0, -1]
        yes, no = runtime.frame.answers
        assert scorer.score(QUERY, [Content("a red bus")]) == pytest.approx([float(logits[yes] - logits[no])], abs=1e-4)
    finally:
        handle.remove()
    assert TransformersScorer(checkpoint("qwen3")).load().engine.last_layer.enabled


def test_a_head_that_is_not_what_it_seems_is_refused(own_folder: Any) -> None:
    from torch.nn.modules.module import register_module_forward_hook

    folder = own_folder("qwen3")
    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]

    def squeeze(module: torch.nn.Module, inputs: Any, output: Any) -> Any:
        is_head = isinstance(module, torch.nn.Linear) and module.out_features == vocabulary
        return output.tanh() * 0.1 if is_head else None

    handle = register_module_forward_hook(squeeze)
    try:
        with pytest.raises(BadInput, match="own logits say"):
            TransformersScorer(str(folder)).load()
    finally:
        handle.remove()


def test_without_a_chat_template_the_plain_frame_is_used(own_folder: Any, reference: Any) -> None:
    folder = own_folder("qwen2-vl")
    (folder / "chat_template.jinja").unlink()
    runtime: Any = TransformersScorer(str(folder)).load()
    [encoded] = runtime.encoded(QUERY, [Content("a red bus")])
    template = template_of("tamis")
    user = "".join(part.text for part in template.prompt(QUERY, Content("a red bus")).parts)
    assert runtime.checkpoint.tokenizer.decode(encoded.ids) == f"{template.system}\n\n{user}\n"


def test_device_maps_and_attention_are_handed_on(checkpoint: Any, reference: Any) -> None:
    passages = [Content("a red bus"), Content("salt")]
    expected = [reference("qwen3").log_odds(QUERY, passage) for passage in passages]
    mapped = TransformersScorer(checkpoint("qwen3"), device_map={"": "cpu"}, attention="eager")
    for _ in range(2):
        assert mapped.score(QUERY, passages) == pytest.approx(expected, abs=1e-3)
    assert mapped.load().checkpoint.model.config._attn_implementation == "eager"
