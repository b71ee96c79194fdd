"""Entity-masked twins (TGT-Masking, 2023): names are hidden, so that what a model remembers of them cannot answer."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from tamis.core.content import Content
from tamis.core.errors import BadInput

from ..case import Document
from ..target import Request, Takes, Target
from ..trace import Trace

_NAME = re.compile(r"\b[A-Z][\w’'-]*(?:(?:\s(?:of|the|de|la|von|van|der|di|and))*\s[A-Z][\w’'-]*)*", re.UNICODE)
_SENTENCE_START = re.compile(r"(?:^|[.!?:\n]\s*|[\"“(]\s*)$")
_PLACEHOLDER = re.compile(r"\bEntity (\d+)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Mask:
    """Which placeholder stands for which name, the same in all texts, and back."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Mask":
        """A mask of the names in some texts: words with a capital, alone or in a row.

        A capital at the head of a sentence is no sign of a name unless the word also stands elsewhere with one.

        >>> Mask.of(["Where was Marie Curie born?", "Marie Curie was born in Warsaw."]).names
        ('Marie Curie', 'Warsaw')
        """
        texts = list(texts)
        inside: dict[str, None] = {}
        at_start: dict[str, None] = {}
        for text in texts:
            for found in _NAME.finditer(text):
                is_start = _SENTENCE_START.search(text[: found.start()]) is not None
                name = found[0]
                if is_start and " " not in name:
                    at_start[name] = None
                else:
                    inside[_without_lead(name) if is_start else name] = None
        known = [name for name in inside if len(name) > 1]
        # Longer names first, so that a part of a name is not masked inside it.
        return cls(tuple(sorted(dict.fromkeys(known), key=lambda name: (-len(name), name))))

    def hide(self, text: str) -> str:
        """The text with every name as "Entity n".

        >>> Mask(("Marie Curie", "Warsaw")).hide("Was Marie Curie's home Warsaw?")
        "Was Entity 1's home Entity 2?"
        """
        if not self.names:
            return text
        place = {name.casefold(): number for number, name in enumerate(self.names, start=1)}
        pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, self.names))})(?!\w)", re.IGNORECASE)
        return pattern.sub(lambda found: f"Entity {place[found[0].casefold()]}", text)

    def reveal(self, text: str) -> str:
        """The text with the names back in their places; a placeholder that stands for none stays.

        >>> Mask(("Marie Curie", "Warsaw")).reveal("Entity 2, says entity 1.")
        'Warsaw, says Marie Curie.'
        """

        def name(found: re.Match[str]) -> str:
            number = int(found[1])
            return self.names[number - 1] if 1 <= number <= len(self.names) else found[0]

        return _PLACEHOLDER.sub(name, text)


class MaskedTarget:
    """Asks a target with every name hidden, in the question and in the documents, and puts them back in its answer.

    Run it on the same data as the target itself and compare the two: what the answers lose is what memory gave them.
    Raises BadInput for a case without documents of its own: what a pipeline keeps cannot be hidden.
    """

    def __init__(self, target: Target) -> None:
        self._target = target

    @property
    def name(self) -> str:
        """The target's name, marked."""
        return f"{self._target.name} (masked)"

    @property
    def takes(self) -> frozenset[Takes]:
        """What the target takes."""
        return self._target.takes

    async def run(self, request: Request) -> Trace:
        """One masked question; the trace's passages are those of the request, unmasked."""
        if request.documents is None:
            raise BadInput(f'case "{request.case}" has no documents of its own, so their names cannot be hidden')
        documents = (*request.documents, *request.planted)
        mask = Mask.of([request.query.text, *(one.content.text for one in documents)])
        hidden = replace(
            request,
            query=_hidden(request.query, mask),
            documents=tuple(replace(one, content=_hidden(one.content, mask)) for one in request.documents),
            planted=tuple(replace(one, content=_hidden(one.content, mask)) for one in request.planted),
        )
        return _revealed(await self._target.run(hidden), mask, {one.id: one for one in documents})

    async def close(self) -> None:
        """Closes the target."""
        await self._target.close()


def _hidden(content: Content, mask: Mask) -> Content:
    return replace(content, text=mask.hide(content.text))


def _revealed(trace: Trace, mask: Mask, documents: Mapping[str, Document]) -> Trace:
    steps = tuple(
        replace(
            step,
            passages=tuple(
                replace(one, content=documents[one.id].content if one.id in documents else one.content)
                for one in step.passages
            ),
        )
        for step in trace.steps
    )
    answer = trace.answer
    return replace(
        trace, steps=steps, answer=None if answer is None else replace(answer, text=mask.reveal(answer.text))
    )


def _without_lead(name: str) -> str:
    """A name without the first word of its sentence, where that is one that any sentence may begin with."""
    first, _, rest = name.partition(" ")
    from tamis.models.lexical import STOP_WORDS

    return rest if first.casefold() in STOP_WORDS and rest[:1].isupper() else name
