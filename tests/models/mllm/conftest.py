"""Tiny models of every family, and what they say by the plainest way: one pair, one pass, all logits."""

import re
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
import transformers

from tamis.core.content import Content
from tamis.core.image import Image
from tamis.models.template import Prompt, Template, template_of
from tamis.testing import tiny_mllm

VISUAL = ("qwen2-vl", "qwen2.5-vl", "qwen3-vl", "llava", "idefics3", "smolvlm")
Picture = Callable[..., Image]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads cost tiny models more than they give them, above all on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The folder of a family's tiny model, made once."""
    made: dict[str, str] = {}

    def folder(family: Any) -> str:
        if family not in made:
            made[family] = str(tiny_mllm(tmp_path_factory.mktemp("models") / family, family))
        return made[family]

    return folder


@pytest.fixture(scope="session")
def picture() -> Picture:
    """Makes a picture of blocks of colour; the same seed and size give the same bytes."""

    def make(seed: int, width: int = 90, height: int = 70) -> Image:
        colours = np.random.default_rng(seed).integers(0, 255, (max(1, height // 9), max(1, width // 9), 3))
        image = PIL.Image.fromarray(colours.astype(np.uint8)).resize((width, height))
        file = BytesIO()
        image.save(file, "PNG")
        return Image(data=file.getvalue())

    return make


class Reference:
    """A model run the plain way: the chat template on a list of parts, one prompt a pass, the whole vocabulary."""

    def __init__(self, folder: str) -> None:
        self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
        config = transformers.AutoConfig.from_pretrained(folder)
        self.is_visual = config.model_type != "qwen3"
        auto: Any = transformers.AutoModelForImageTextToText if self.is_visual else transformers.AutoModelForCausalLM
        self.model = auto.from_pretrained(folder).eval()
        seen: Any = transformers.AutoImageProcessor
        self.processor: Any = seen.from_pretrained(folder) if self.is_visual else None

    def log_odds(self, query: Content, passage: Content, template: str | Template = "tamis") -> float:
        found = template_of(template)
        logits = self.logits(found.prompt(query, passage))
        yes, no = (self.tokenizer.encode(word, add_special_tokens=False) for word in (found.yes, found.no))
        return float(logits[yes[0]] - logits[no[0]])

    def logits(self, prompt: Prompt) -> torch.Tensor:
        inputs = self.inputs(prompt)
        with torch.inference_mode():
            logits: torch.Tensor = self.model(**inputs).logits[0, -1]
        return logits

    def inputs(self, prompt: Prompt) -> dict[str, Any]:
        parts = [{"type": "image"} if part.image else {"type": "text", "text": part.text} for part in prompt.parts]
        turns: list[dict[str, Any]] = [{"role": "user", "content": parts}]
        if prompt.system:
            turns.insert(0, {"role": "system", "content": [{"type": "text", "text": prompt.system}]})
        text = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True) + prompt.reply
        pictures = [PIL.Image.open(BytesIO(image.data or b"")).convert("RGB") for image in prompt.images]
        more: dict[str, Any] = {}
        if pictures:
            more, expansions = self._seen(pictures)
            token = self.tokenizer.convert_ids_to_tokens(self.model.config.image_token_id)
            pieces = text.split(token)
            assert len(pieces) == len(expansions) + 1
            text = pieces[0] + "".join(seen + piece for seen, piece in zip(expansions, pieces[1:], strict=True))
        ids = self.tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        if pictures and hasattr(self.model.model, "get_rope_index"):
            more["mm_token_type_ids"] = (ids == self.model.config.image_token_id).int()
        return {"input_ids": ids, **more}

    def _seen(self, pictures: Sequence[PIL.Image.Image]) -> tuple[dict[str, Any], list[str]]:
        """The model's inputs for the pictures, and what stands for each of them in the text."""
        config = self.model.config
        token = self.tokenizer.convert_ids_to_tokens(config.image_token_id)
        if "idefics" in config.model_type or "smolvlm" in config.model_type:
            made = self.processor(images=[list(pictures)], return_row_col_info=True, return_tensors="pt")
            shown = [
                _tiles(rows, columns, token, 4)
                for rows, columns in zip(made.pop("rows")[0], made.pop("cols")[0], strict=True)
            ]
            return dict(made), shown
        made = self.processor(images=list(pictures), return_tensors="pt")
        if "image_grid_thw" in made:
            return dict(made), [token * (int(grid.prod()) // 4) for grid in made["image_grid_thw"]]
        return dict(made), [token * 16 for _ in pictures]


def _tiles(rows: int, columns: int, token: str, each: int) -> str:
    frame, seen = "<fake_token_around_image>", token * each
    if not rows:
        return f"{frame}<global-img>{seen}{frame}"
    lines = ""
    for row in range(1, rows + 1):
        lines += "".join(f"{frame}<row_{row}_col_{column}>{seen}" for column in range(1, columns + 1)) + "\n"
    return f"{lines}\n{frame}<global-img>{seen}{frame}"


@pytest.fixture(scope="session")
def reference(checkpoint: Callable[[str], str]) -> Callable[[str], Reference]:
    """The plain way of running a family's tiny model."""
    made: dict[str, Reference] = {}

    def run(family: str) -> Reference:
        if family not in made:
            made[family] = Reference(checkpoint(family))
        return made[family]

    return run


@pytest.fixture
def own_folder(checkpoint: Callable[[str], str], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a family's tiny model that a test may change; weights are linked, not copied."""

    def copy(family: str) -> Path:
        target = tmp_path / re.sub(r"\W", "_", family)
        target.mkdir()
        for file in Path(checkpoint(family)).iterdir():
            if file.suffix == ".safetensors":
                (target / file.name).hardlink_to(file)
            else:
                (target / file.name).write_bytes(file.read_bytes())
        return target

    return copy
