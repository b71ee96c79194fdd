"""A natural language inference model as a judge: P(entailment) of the claim from the evidence."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tamis.core.errors import BadSetting, MissingExtra
from tamis.models.sentences import sentences

from ..judge import Verdict
from ..unavailable import tried_once, unavailable
from .rules import TextJudge

_ENTAILS = ("entailment", "entailed", "entail", "entails", "supported", "supports", "support", "consistent", "factual")
TOO_LONG = "the claim leaves no room for evidence within the model's length"


@dataclass(frozen=True)
class NliJudge(TextJudge):
    """P(entailment), the highest over pieces of the evidence: whole sentences, as many as fit beside the claim.

    ``model`` is the name or folder of a sequence classifier, loaded on first use; the label that means entailment is
    found in its configuration by name ("entailment", "supported", "consistent"). A claim that needs two far-apart
    pieces at once is not seen to be supported. Raises MissingExtra without Transformers, ModelUnavailable for a model
    that cannot be loaded, BadSetting for one without such a label.
    """

    model: str
    device: str | None = None
    batch_size: int = 16
    max_length: int | None = None
    local_files_only: bool = True
    _lock: Any = field(default_factory=threading.Lock, init=False, repr=False, compare=False)
    _loaded: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or not self.model:
            raise BadSetting(f"model must be the name or folder of a checkpoint, not {self.model!r}")
        if self.batch_size < 1 or (self.max_length is not None and self.max_length < 8):
            raise BadSetting("batch_size must be at least 1, and max_length at least 8")

    @property
    def name(self) -> str:
        """Its name."""
        return "nli"

    def weighed(self, claims: Sequence[str], texts: Sequence[tuple[str, ...]]) -> list[Verdict]:
        """See ``TextJudge``."""
        if not claims:
            return []
        with self._lock:
            self._load()
            pairs: list[tuple[int, str]] = []
            verdicts: list[Verdict | None] = [None] * len(claims)
            for at, (claim, known) in enumerate(zip(claims, texts, strict=True)):
                pieces = self._pieces(claim, known)
                if not pieces:
                    verdicts[at] = Verdict(None, TOO_LONG)
                pairs += [(at, piece) for piece in pieces]
            best: dict[int, float] = {}
            for at, value in self._entailed(claims, pairs):
                best[at] = max(best.get(at, 0.0), value)
        return [
            verdict or Verdict(best[at], "P(entailment) from the best piece of the evidence")
            for at, verdict in enumerate(verdicts)
        ]

    def _entailed(self, claims: Sequence[str], pairs: Sequence[tuple[int, str]]) -> list[tuple[int, float]]:
        import torch

        tokenizer, model = self._loaded["tokenizer"], self._loaded["model"]
        # Pieces of like length together: padding is work for nothing.
        order = sorted(range(len(pairs)), key=lambda n: len(pairs[n][1]))
        found = []
        for start in range(0, len(order), self.batch_size):
            batch = [pairs[n] for n in order[start : start + self.batch_size]]
            encoded = tokenizer(
                [piece for _, piece in batch],
                [claims[at] for at, _ in batch],
                truncation="only_first",
                max_length=self._loaded["length"],
                padding=True,
                return_tensors="pt",
            ).to(model.device)
            with torch.inference_mode():
                logits = model(**encoded).logits.float()
            # One label is a logit of its own.
            probabilities = logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(dim=1)
            values = probabilities[:, self._loaded["label"]].tolist()
            found += [(at, value) for (at, _), value in zip(batch, values, strict=True)]
        return found

    def _pieces(self, claim: str, texts: Sequence[str]) -> list[str]:
        """The evidence in pieces that fit beside the claim; none where nothing fits. One long sentence is cut."""
        tokenizer, most = self._loaded["tokenizer"], self._loaded["length"]
        room = most - len(tokenizer(claim)["input_ids"]) - 3
        if room < 4:
            return []
        pieces: list[str] = []
        left = 0
        for text in texts:
            left = 0
            for begin, end in sentences(text):
                sentence = text[begin:end]
                size = len(tokenizer(sentence, add_special_tokens=False)["input_ids"])
                if size <= left:
                    pieces[-1] += f" {sentence}"
                    left -= size
                else:
                    pieces.append(sentence)
                    left = room - size
        return pieces

    def _load(self) -> None:
        if "model" in self._loaded:
            return
        try:
            from transformers import AutoModelForSequenceClassification, AutoTokenizer
        except ImportError as error:
            raise MissingExtra("an inference model on this machine", extra="local") from error
        common = {"local_files_only": self.local_files_only, "trust_remote_code": False}
        with tried_once(self._loaded):
            try:
                model = AutoModelForSequenceClassification.from_pretrained(self.model, **common).eval()
                tokenizer = AutoTokenizer.from_pretrained(self.model, **common)
            except Exception as error:
                raise unavailable(f'the inference model "{self.model}"', error) from error
        label = entailment_label(model.config.id2label, self.model)
        limits = (self.max_length, getattr(model.config, "max_position_embeddings", None), tokenizer.model_max_length)
        if self.device is not None:
            model = model.to(self.device)
        length = min(limit for limit in limits if isinstance(limit, int) and limit > 0)
        self._loaded.update(model=model, tokenizer=tokenizer, label=label, length=min(length, 4096))

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if not name.startswith("_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in {**state, "_lock": threading.Lock(), "_loaded": {}}.items():
            object.__setattr__(self, name, value)


def entailment_label(labels: dict[int, str], model: str) -> int:
    """The number of the label that means entailment, by its whole name: "not_entailment" is another.

    Raises BadSetting with the labels there are.

    >>> entailment_label({0: "CONTRADICTION", 1: "NEUTRAL", 2: "ENTAILMENT"}, "m")
    2
    """
    found = [at for at, label in labels.items() if str(label).casefold().strip().replace("-", "_") in _ENTAILS]
    if len(found) != 1:
        known = ", ".join(str(label) for label in labels.values())
        raise BadSetting(f'the model "{model}" has no label that means entailment; it has: {known}')
    return int(found[0])
