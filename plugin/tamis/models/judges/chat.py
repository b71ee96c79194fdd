"""A chat model as a judge: one question with the labels it may reply with, and a code that shows whom it followed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tamis.core.content import Content
from tamis.core.errors import BadSetting

from ..judge import Verdict
from .asking import OVERRULED, Order, checked_order, control, nothing_to_ask, question
from .framing import wording
from .reading import checked_pairs
from .replies import label_in
from .writing import spec_of, writer_of, written

WORDING = "support"


@dataclass(frozen=True)
class ChatJudge:
    """Asks a model that writes: SUPPORTED is P = 1, UNSUPPORTED P = 0, anything else None with the reason.

    ``writer`` is a Writer (an HttpScorer of a chat dialect, a TransformersScorer, a VllmScorer; images go with them), a
    chat function ``(system, user) -> reply`` (text alone), or a scorer's name and settings. Claim and evidence stand
    between marks that they cannot close. The reply must begin with a label and hold the frame's code: a refusal, an
    empty reply, prose, and a reply without the code (a judge that followed the text it was to judge) are no verdict.
    With ``has_control`` a claim that nothing supports is asked about the same evidence, and a judge that supports it
    has no verdict on that evidence: one more reply for each evidence. ``max_characters`` are kept of each side.
    """

    writer: Any
    order: Order = "evidence first"
    has_control: bool = False
    max_tokens: int = 24
    max_characters: int = 24_000

    def __post_init__(self) -> None:
        checked_order(self.order)
        if self.max_tokens < 1 or self.max_characters < 1:
            raise BadSetting("max_tokens and max_characters must be at least 1")
        object.__setattr__(self, "writer", writer_of(self.writer))

    @property
    def name(self) -> str:
        """Its name."""
        return "chat"

    def settings(self) -> dict[str, Any]:
        """Its settings as JSON. Raises UnknownComponent for a writer without a name."""
        plain = ("order", "has_control", "max_tokens", "max_characters")
        return {"writer": spec_of(self.writer), **{name: getattr(self, name) for name in plain}}

    def judge(self, claims: Sequence[str], evidence: Sequence[Sequence[Content]]) -> list[Verdict]:
        """One verdict for each claim. A model that fails gives none, with its error as the reason.

        Raises what BROKEN_SETUP lists, such as ModelUnavailable.
        """
        checked_pairs(claims, evidence)
        verdicts = [nothing_to_ask(claim, passages) for claim, passages in zip(claims, evidence, strict=True)]
        asked = [at for at, verdict in enumerate(verdicts) if verdict is None]
        frames = [question(WORDING, claims[at], evidence[at], self.order, self.max_characters) for at in asked]
        overruled = self._overruled([tuple(evidence[at]) for at in asked])
        replies = written(self.writer, [frame.prompt for frame in frames], self.max_tokens)
        for at, frame, reply in zip(asked, frames, replies, strict=True):
            found = label_in(reply.text, wording(WORDING)["labels"], frame.code)
            if reply.text is None:
                verdicts[at] = Verdict(None, reply.reason)
            elif found.label in ("SUPPORTED", "UNSUPPORTED"):
                is_overruled = tuple(evidence[at]) in overruled
                supported = float(found.label == "SUPPORTED")
                verdicts[at] = Verdict(None, OVERRULED) if is_overruled else Verdict(supported, found.reason)
            else:
                verdicts[at] = Verdict(None, found.reason)
        return [verdict or Verdict(None, "not asked") for verdict in verdicts]

    def _overruled(self, evidence: Sequence[tuple[Content, ...]]) -> set[tuple[Content, ...]]:
        """The evidence under which the model supports the control claim."""
        if not self.has_control:
            return set()
        distinct = list(dict.fromkeys(evidence))
        frames = [control(WORDING, passages, self.order, self.max_characters) for passages in distinct]
        replies = written(self.writer, [frame.prompt for frame in frames], self.max_tokens)
        return {
            passages
            for passages, frame, reply in zip(distinct, frames, replies, strict=True)
            if label_in(reply.text, wording(WORDING)["labels"], frame.code).label == "SUPPORTED"
        }
