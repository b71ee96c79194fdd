"""What is tried when a model is loaded, so that a template that does not fit it is noticed before results are."""

import logging
from io import BytesIO
from typing import TYPE_CHECKING

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting, TamisError
from tamis.core.image import Image
from tamis.models.counting import counted

if TYPE_CHECKING:
    from .runtime import Runtime

logger = logging.getLogger(__name__)

QUERY = Content("What colour is the sky on a clear day?")
RELEVANT = "On a clear day the sky is blue."
IRRELEVANT = "The recipe asks for two onions and a spoon of butter."
_STUCK = 1e-3
_AGREES = {"float32": 1e-2, "float64": 1e-2}
_AGREES_HALF = 0.5


def check(runtime: "Runtime") -> None:
    """Tries a relevant and an irrelevant pair, a passage that is too long, and whether anything that is spared or kept
    changes scores.

    Raises BadSetting where the end of the prompt does not survive a long passage, BadInput where the model's own logits
    are not what its last hidden state gives. What may be a template that the
    model was not trained with is logged as a warning; reuse that changes scores is turned off, and that is logged.
    """
    with counted():
        _check(runtime)


def _check(runtime: "Runtime") -> None:
    pictures = _sample_picture()
    passages = [Content(RELEVANT), Content(IRRELEVANT)]
    if not _fits(runtime, passages):
        passages = [Content(passage.text, pictures) for passage in passages]
        if not _fits(runtime, passages):
            logger.info("%s: the template has no form for the canary's pairs; nothing was tried", runtime.name)
            return
    _check_end(runtime, passages[0])
    if not passages[0].images:
        _check_logits(runtime, passages[0])
    plain = _scores(runtime, passages, reuse=False)
    if plain is None:
        return
    relevant, irrelevant = plain
    if abs(relevant - irrelevant) < _STUCK:
        logger.warning(
            "%s gives an obviously relevant and an obviously irrelevant passage the same log-odds (%.4f): this looks "
            "like a template mismatch; take the template that the model was trained with",
            runtime.name,
            relevant,
        )
    elif relevant < irrelevant:
        logger.warning(
            "%s gives an obviously relevant passage less (%.3f) than an obviously irrelevant one (%.3f): this may be a "
            "template mismatch, or a model that was not trained to judge relevance",
            runtime.name,
            relevant,
            irrelevant,
        )
    if runtime.engine.reuse and (kept := _scores(runtime, passages, reuse=True)) is not None:
        worst = max(abs(one - other) for one, other in zip(plain, kept, strict=True))
        if worst > _allowed(runtime):
            runtime.engine.reuse = False
            logger.warning(
                "%s: kept prefixes are not used, because with them log-odds differ by %.3f", runtime.name, worst
            )


def _fits(runtime: "Runtime", passages: list[Content]) -> bool:
    if passages[0].images and runtime.checkpoint.image_processor is None:
        return False
    try:
        runtime.frame.parts(QUERY, passages[0])
    except BadInput:
        return False
    return True


def _check_end(runtime: "Runtime", passage: Content) -> None:
    """Whether a passage that is too long loses its own end and not the prompt's."""
    long = Content("word " * (runtime.encoder.max_length + 64), passage.images)
    made = runtime.encoded(QUERY, [passage, long])
    short, cut = made
    if isinstance(short, TamisError) or isinstance(cut, TamisError):
        problem = short if isinstance(short, TamisError) else cut
        raise BadSetting(
            f'max_length {runtime.encoder.max_length} is too short for the model "{runtime.name}" and its template: '
            f"{problem}"
        )
    tail = len(short) - short.shared
    kept = len(cut) <= runtime.encoder.max_length
    if not kept or (short.shared and runtime.is_passage_first and (short.ids[-tail:] != cut.ids[-tail:]).any()):
        raise BadSetting(f'with the model "{runtime.name}" the end of the prompt does not survive a long passage')


def _check_logits(runtime: "Runtime", passage: Content) -> None:
    """Whether what is spared, in the last layer and in the head, leaves the model's own logits as they are."""
    import torch

    [encoded] = runtime.encoded(QUERY, [passage])
    if isinstance(encoded, TamisError):
        return
    model, answers = runtime.checkpoint.model, runtime.frame.answers
    ids = torch.from_numpy(encoded.ids)[None].to(runtime.checkpoint.device)
    with torch.inference_mode():
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits[0, -1].float()
    expected = float(logits[answers.yes] if answers.no is None else logits[answers.yes] - logits[answers.no])
    for spare in (True, False):
        runtime.engine.last_layer.enabled = spare
        [(found, _)] = [_scores(runtime, [passage, passage], reuse=False) or (expected, None)]
        if abs(found - expected) <= _allowed(runtime):
            return
        logger.info("%s: sparing the last layer: %s; log-odds are off by %.3f", runtime.name, spare, found - expected)
    raise BadInput(
        f'the log-odds of the model "{runtime.name}" cannot be computed from its last hidden state: {found:.3f} where '
        f"its own logits say {expected:.3f}"
    )


def _allowed(runtime: "Runtime") -> float:
    return _AGREES.get(str(runtime.checkpoint.model.dtype).removeprefix("torch."), _AGREES_HALF)


def _scores(runtime: "Runtime", passages: list[Content], *, reuse: bool) -> tuple[float, float] | None:
    before = runtime.engine.reuse
    runtime.engine.reuse = reuse
    try:
        first, second = runtime.score(QUERY, passages)
    finally:
        runtime.engine.reuse = before
        runtime.engine.prefixes.clear()
    return None if first is None or second is None else (first, second)


def _sample_picture() -> tuple[Image, ...]:
    """A small image whose upper half is blue."""
    import PIL.Image

    picture = PIL.Image.new("RGB", (112, 112), (200, 200, 190))
    picture.paste((40, 110, 220), (0, 0, 112, 56))
    file = BytesIO()
    picture.save(file, format="PNG")
    return (Image(data=file.getvalue()),)
