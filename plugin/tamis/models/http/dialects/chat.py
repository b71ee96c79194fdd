"""OpenAI-style chat completions: one passage a request, scored by the log-probabilities of yes and no."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tamis.core.content import Content
from tamis.models.http.errors import BadAnswer
from tamis.models.http.flight import Reading
from tamis.models.http.neutral import plain
from tamis.models.template import Part, Prompt

from .dialect import Side, Wording
from .logprobs import by_label, message_of, next_token


@dataclass(frozen=True)
class ChatDialect:
    """``POST /chat/completions`` for one token with ``top_logprobs``: log-odds are logprob(yes) - logprob(no).

    A server tells the likeliest tokens only. Where one of the two words is not among them, its log-probability lies
    below the least likely one told, and below what the told ones leave of the probability: with
    ``missing="bound"`` this ceiling stands for it, so that the log-odds have the right sign and are never further
    from 0 than the true ones. Where both are missing the model did not answer the question: None.
    """

    name: str = "openai-chat"
    path: str = "/chat/completions"
    version: str = "/v1"
    listwise: bool = False
    images: bool = True
    scores: Literal["probability", "log-odds"] = "log-odds"

    def body(self, query: Side, passages: Sequence[Side], wording: Wording) -> dict[str, Any]:
        """The request that asks about one passage."""
        template = wording.template
        assert template is not None
        (passage,) = passages
        prompt = template.prompt(
            Content(query.text, query.images), Content(passage.text, passage.images), wording.instruction
        )
        return self.asking(prompt, [template.yes, template.no], wording)

    def asking(self, prompt: Prompt, labels: Sequence[str], wording: Wording) -> dict[str, Any]:
        """The request for the next token after a prompt."""
        return {
            **self.writing(prompt, 1, wording),
            "logprobs": True,
            "top_logprobs": wording.top_logprobs,
        }

    def writing(self, prompt: Prompt, max_tokens: int, wording: Wording) -> dict[str, Any]:
        """The request for a continuation of a prompt."""
        return {
            "model": wording.model,
            "messages": messages_of(prompt, wording.uris),
            "max_tokens": max_tokens,
            "temperature": 0,
        }

    def read(self, answer: Any, count: int, wording: Wording, where: str) -> Reading:
        """Log-odds for the one passage."""
        template = wording.template
        assert template is not None
        yes, no = by_label(answer, [template.yes, template.no], where, wording.tokens)
        if yes is None and no is None:
            return Reading([None])
        if (yes is None or no is None) and wording.missing == "bound" and not wording.tokens:
            ceiling = next_token(answer, where).ceiling()
            yes, no = ceiling if yes is None else yes, ceiling if no is None else no
        return Reading([None if yes is None or no is None else yes - no])

    def read_text(self, answer: Any, where: str) -> Reading:
        """What the model wrote."""
        message = message_of(answer, where).get("message")
        text = message.get("content") if isinstance(message, dict) else None
        if not isinstance(text, str):
            raise BadAnswer(f"{where} answered without text")
        return Reading([text])


@dataclass(frozen=True)
class VllmChatDialect(ChatDialect):
    """The same with what vLLM's server adds: exact labels by token id, and templates that begin the reply.

    The ids of yes and no come from the server's own tokenizer (``/tokenize``), so that neither can be missing.
    """

    name: str = "vllm-chat"

    def asking(self, prompt: Prompt, labels: Sequence[str], wording: Wording) -> dict[str, Any]:
        """The request for the next token after a prompt, with the log-probabilities of all labels."""
        body = super().asking(prompt, labels, wording)
        body["logprob_token_ids"] = [wording.tokens[label] for label in dict.fromkeys(labels)]
        body["return_tokens_as_token_ids"] = True
        return body

    def writing(self, prompt: Prompt, max_tokens: int, wording: Wording) -> dict[str, Any]:
        """The request for a continuation of a prompt, which may have begun the reply."""
        body = super().writing(prompt, max_tokens, wording)
        if prompt.reply:
            body["messages"].append({"role": "assistant", "content": prompt.reply})
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        return body


def messages_of(prompt: Prompt, uris: Mapping[Any, str]) -> list[dict[str, Any]]:
    """The system and user turns; the user's is one text where there is no image, else parts in their order.

    What a query or a passage brought into the prompt is made plain here once more, whoever built the prompt.
    """
    parts: list[dict[str, Any]] = []
    for part in prompt.parts:
        if part.image is not None:
            parts.append({"type": "image_url", "image_url": {"url": uris[part.image]}})
        elif parts and parts[-1]["type"] == "text":
            parts[-1]["text"] += _trusted(part)
        else:
            parts.append({"type": "text", "text": _trusted(part)})
    content: Any = parts[0]["text"] if len(parts) == 1 and parts[0]["type"] == "text" else parts
    system = [{"role": "system", "content": prompt.system}] if prompt.system else []
    return [*system, {"role": "user", "content": content}]


def _trusted(part: Part) -> str:
    return part.text if part.owner == "frame" else plain(part.text)
