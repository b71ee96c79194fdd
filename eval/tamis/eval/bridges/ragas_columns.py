"""What ragas calls columns, made from a case and what a pipeline did with it; or why a column has nothing in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from tamis.core.content import Content
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.models.http.images import data_uri

from ..metrics.answered import accepted, answer_of
from ..metrics.gold import NO_GOLD
from ..metrics.metric import Observed
from ..metrics.reference_contexts import reference_contexts
from ..outcome import Unscored
from ..trace import Passage

UNREAD = Unscored("there are images, and this ragas metric reads none (leave_out_images=True judges the text alone)")
_MARK = "Text:\n"
_TAKEN = tuple(f"data:image/{kind};base64," for kind in ("png", "jpeg", "gif", "webp"))


@dataclass(frozen=True)
class Columns:
    """Fills ragas' columns.

    An image goes in as a data URI, a context of its own after its passage's text, which is how ragas' multimodal
    metrics take them; nothing is opened that ``policy`` does not allow. Those metrics also open whatever text is the
    name of a file or a URL: for them each text gets a first line, so that no retrieved text is such a name. For a
    metric that does not read images they are ``leave_out_images`` or a reason to score nothing.
    """

    reads_images: bool
    leave_out_images: bool
    policy: MediaPolicy

    def fill(
        self, seen: Observed, passages: Sequence[Passage], required: frozenset[str], optional: frozenset[str]
    ) -> dict[str, Any] | Unscored:
        """The columns by name, or why a required one has nothing in it. Raises MediaError for an image."""
        filled: dict[str, Any] = {}
        for name in sorted(required | optional):
            value = self._column(name, seen, passages)
            if not isinstance(value, Unscored):
                filled[name] = value
            elif name in required:
                return value
        return filled

    def _column(self, name: str, seen: Observed, passages: Sequence[Passage]) -> Any:
        made: dict[str, Callable[[], Any]] = {
            "user_input": lambda: self._question(seen.case.query),
            "response": lambda: self._answer(seen),
            "reference": lambda: next(iter(accepted(seen)), Unscored("no accepted answer is known")),
            "retrieved_contexts": lambda: self._contexts(passages),
            "retrieved_context_ids": lambda: [one.id for one in passages] or _NO_PASSAGE,
            "reference_contexts": lambda: _listed(reference_contexts(seen.case)),
            "reference_context_ids": lambda: sorted(seen.case.gold) or NO_GOLD,
        }
        if name in made:
            return made[name]()
        return seen.case.extra.get(name, Unscored(f'the case has no "{name}" in its extra'))

    def _question(self, query: Content) -> str | Unscored:
        if query.images and not self.leave_out_images:
            return Unscored("ragas takes no image in a question (leave_out_images=True judges its text alone)")
        return self._text(query.text) if query.text.strip() else Unscored("the question has no text")

    def _answer(self, seen: Observed) -> str | Unscored:
        answer = answer_of(seen)
        if isinstance(answer, Unscored):
            return answer
        if seen.trace.answer is not None and seen.trace.answer.images and not self.leave_out_images:
            return Unscored("ragas takes no image in an answer (leave_out_images=True judges its text alone)")
        return self._text(answer)

    def _contexts(self, passages: Sequence[Passage]) -> list[str] | Unscored:
        if not passages:
            return _NO_PASSAGE
        contexts: list[str] = []
        for passage in passages:
            content = passage.content
            if content.images and not (self.reads_images or self.leave_out_images):
                return UNREAD
            if content.text.strip():
                contexts.append(self._text(content.text))
            if self.reads_images and not self.leave_out_images:
                contexts += [self._uri(image) for image in content.images]
        return contexts or Unscored("no passage has anything in it that this ragas metric reads")

    def _uri(self, image: Image) -> str:
        uri = data_uri(image, self.policy)
        if uri.startswith(_TAKEN):
            return uri
        # Another type ragas would take for text, all its bytes.
        written = BytesIO()
        self.policy.open(image).save(written, "PNG")
        return data_uri(Image(data=written.getvalue()), MediaPolicy(max_bytes=written.tell(), max_pixels=2**62))

    def _text(self, text: str) -> str:
        return f"{_MARK}{text}" if self.reads_images else text


_NO_PASSAGE = Unscored("the step gave no passage")


def _listed(found: tuple[str, ...] | Unscored) -> list[str] | Unscored:
    return found if isinstance(found, Unscored) else list(found)
