"""The whole prompt around a query and a passage: the model's own chat frame, and the places that are filled."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting
from tamis.models.template import Part, Prompt, Template, in_checkpoint, template_of

from .checkpoint_files import CHAT_TEMPLATE, modules_in
from .loading import Checkpoint

logger = logging.getLogger(__name__)

DEFAULT = "tamis"
_SLOT = "\x02user\x03"
_QUERY, _PASSAGE = "\x02query\x03", "\x02passage\x03"


class Answers(NamedTuple):
    """The token ids of "relevant" and "not"; ``no`` is None for a model that was trained on yes's logit alone."""

    yes: int
    no: int | None


@dataclass(frozen=True)
class Chat:
    """What a checkpoint's chat template puts around turns. Where it has none, a plain frame is used.

    The plain frame is the beginning-of-text token (where the tokenizer adds one by itself), the system text, a blank
    line, the user's text, a line break, and the reply.
    """

    checkpoint: Checkpoint
    template: str | None
    image: str

    def framed(self, prompt: Prompt) -> list[Part]:
        """The prompt in parts that are tokenised as one text, frame included, up to the reply's beginning."""
        head, tail = self._around(prompt.system)
        parts = [Part(head), *prompt.parts, Part(tail + prompt.reply)]
        return [part for part in parts if part.text or part.image]

    def _around(self, system: str) -> tuple[str, str]:
        if self.template is None:
            return f"{beginning(self.checkpoint.tokenizer)}{system}{chr(10) * 2 if system else ''}", "\n"
        turns = [{"role": "user", "content": _SLOT}]
        if system:
            turns.insert(0, {"role": "system", "content": system})
        rendered = rendered_turns(self.checkpoint, self.template, turns, (_SLOT, system) if system else (_SLOT,))
        if rendered is None and system:
            # Templates of models that know no system turn refuse it or leave it out.
            rendered = rendered_turns(
                self.checkpoint,
                self.template,
                [{"role": "user", "content": f"{system}\n\n{_SLOT}"}],
                (_SLOT, system),
            )
        if rendered is None:
            raise BadInput(f'the chat template of the model "{self.checkpoint.name}" does not show what the user says')
        head, _, tail = rendered.partition(_SLOT)
        return head, tail


def chat_of(checkpoint: Checkpoint, image: str) -> Chat:
    """The checkpoint's chat frame; ``image`` is an image's placeholder where the chat template tells none."""
    template = chat_template(checkpoint)
    if template is not None and checkpoint.is_visual:
        text = {"type": "text", "text": _SLOT}
        with_image = [{"role": "user", "content": [{"type": "image"}, text]}]
        plain = rendered_turns(checkpoint, template, [{"role": "user", "content": [text]}], (_SLOT,))
        shown = rendered_turns(checkpoint, template, with_image, (_SLOT,))
        if plain is not None and shown is not None:
            before, _, _ = plain.partition(_SLOT)
            behind, _, _ = shown.partition(_SLOT)
            if behind.startswith(before) and len(behind) > len(before):
                image = behind[len(before) :]
    return Chat(checkpoint, template, image)


def chat_template(checkpoint: Checkpoint) -> str | None:
    """The chat template that belongs to the checkpoint: its tokenizer's or its processor's."""
    found = getattr(checkpoint.tokenizer, "chat_template", None) or getattr(checkpoint.processor, "chat_template", None)
    if isinstance(found, dict):
        found = found.get("reranker") or found.get("default")
    if isinstance(found, str) and found:
        return found
    file = None if checkpoint.folder is None else checkpoint.folder / CHAT_TEMPLATE
    if file is not None and file.is_file():
        written = json.loads(file.read_text(encoding="utf-8")).get("chat_template")
        return written if isinstance(written, str) else None
    return None


def rendered_turns(
    checkpoint: Checkpoint, template: str, turns: list[dict[str, Any]], needed: tuple[str, ...]
) -> str | None:
    """The turns as text; None where the template fails or leaves out what is ``needed``.

    Templates want a turn's content as one text or as a list of parts; both are tried.
    """
    listed = [
        {**turn, "content": [{"type": "text", "text": turn["content"]}]} if isinstance(turn["content"], str) else turn
        for turn in turns
    ]
    for form in (turns, listed):
        try:
            text = checkpoint.tokenizer.apply_chat_template(
                form, chat_template=template, tokenize=False, add_generation_prompt=True
            )
        except Exception as error:  # noqa: BLE001 - a template is a program that raises what it likes
            logger.debug("the chat template of %s: %s", checkpoint.name, error)
            continue
        if all(piece.strip() in text for piece in needed):
            return str(text)
    return None


def beginning(tokenizer: Any) -> str:
    """The token that the tokenizer puts before every text, as text; "" where it puts none."""
    bos = tokenizer.bos_token
    return bos if bos and tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id] else ""


@dataclass(frozen=True)
class PairFrame:
    """Turns a query and a passage into the parts of a prompt, and says which answers are compared."""

    template: Template
    chat: Chat
    instruction: str | None
    answers: Answers

    @property
    def markers(self) -> list[str]:
        """What no query or passage may contain besides the tokenizer's tokens."""
        return self.template.markers()

    def parts(self, query: Content, passage: Content) -> list[Part]:
        """The prompt for one pair. Raises BadInput where the template has no form for it."""
        return self.chat.framed(self.template.prompt(query, passage, self.instruction))


@dataclass(frozen=True)
class RolesFrame:
    """The prompt of a checkpoint whose own chat template renders the roles "query" and "document".

    Such are the rerankers that sentence-transformers 6 saves; their answers' token ids stand beside the template.
    """

    pieces: tuple[str, str, str]
    is_query_first: bool
    answers: Answers

    @property
    def markers(self) -> list[str]:
        """What no query or passage may contain: the labels that the frame's lines end with."""
        form = "{query.text}".join(self.pieces[:2]) + "{passage.text}" + self.pieces[2]
        return [line.strip() for line in form.splitlines() if line.strip().endswith(">:")]

    def parts(self, query: Content, passage: Content) -> list[Part]:
        """The prompt for one pair; of each side the images stand before the text."""
        sides = {"query": query, "passage": passage}
        names = ("query", "passage") if self.is_query_first else ("passage", "query")
        parts = [Part(self.pieces[0])]
        for name, frame in zip(names, self.pieces[1:], strict=True):
            owner: Any = name
            parts += [Part(image=image, owner=owner) for image in sides[name].images]
            parts += [Part(sides[name].text.strip(), owner=owner), Part(frame)]
        return [part for part in parts if part.text or part.image]


Frame = PairFrame | RolesFrame


def frame_of(checkpoint: Checkpoint, chat: Chat, template: Any, instruction: str | None) -> Frame:
    """The frame that is meant: ``template`` where given; else the checkpoint's own; else ours.

    Raises BadSetting where yes or no is not one token of the model, naming the tokens that it would be.
    """
    if template is None:
        own = None if checkpoint.folder is None else in_checkpoint(checkpoint.folder)
        if own is None and (roles := _roles_frame(checkpoint, chat, instruction)) is not None:
            return roles
        template = own or DEFAULT
    found = template_of(template)
    return PairFrame(found, chat, instruction, answers_of(checkpoint, found))


def answers_of(checkpoint: Checkpoint, template: Template) -> Answers:
    """The two answers' tokens. Raises BadSetting where they are not single tokens, or the same one."""
    tokens = [answer_ids(checkpoint.tokenizer, word) for word in (template.yes, template.no)]
    if any(len(ids) != 1 for ids in tokens) or tokens[0] == tokens[1]:
        shown = [checkpoint.tokenizer.convert_ids_to_tokens(ids) for ids in tokens]
        raise BadSetting(
            f'the answers of the template "{template.name}" must be two single tokens of the model '
            f'"{checkpoint.name}"; {template.yes!r} is {shown[0]} and {template.no!r} is {shown[1]}'
        )
    return Answers(tokens[0][0], tokens[1][0])


def answer_ids(tokenizer: Any, word: str) -> list[int]:
    """The tokens of a word that begins a reply, without a mark for the word's beginning where there can be none."""
    ids: list[int] = tokenizer(word, add_special_tokens=False)["input_ids"]
    return ids


def _roles_frame(checkpoint: Checkpoint, chat: Chat, instruction: str | None) -> RolesFrame | None:
    answers = None if checkpoint.folder is None else _logit_score(checkpoint.folder)
    if answers is None or chat.template is None:
        return None
    turns = [{"role": "query", "content": _QUERY}, {"role": "document", "content": _PASSAGE}]
    if instruction is not None:
        turns.insert(0, {"role": "system", "content": instruction})
    text = rendered_turns(checkpoint, chat.template, turns, (_QUERY, _PASSAGE))
    if text is None or text.count(_QUERY) != 1 or text.count(_PASSAGE) != 1:
        return None
    is_query_first = text.index(_QUERY) < text.index(_PASSAGE)
    first, second = (_QUERY, _PASSAGE) if is_query_first else (_PASSAGE, _QUERY)
    head, _, rest = text.partition(first)
    middle, _, tail = rest.partition(second)
    return RolesFrame((head, middle, tail), is_query_first, answers)


def _logit_score(folder: Path) -> Answers | None:
    """The answers' token ids that a sentence-transformers checkpoint writes down for its LogitScore module."""
    for row in modules_in(folder):
        if str(row.get("type", "")).endswith("LogitScore"):
            file = folder / str(row.get("path") or "") / "config.json"
            written = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
            if isinstance(written.get("true_token_id"), int):
                return Answers(written["true_token_id"], written.get("false_token_id"))
    return None
