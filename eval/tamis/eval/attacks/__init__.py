"""Attacks: what a user or a corpus may hold that makes a pipeline fail, each with its harmless control."""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from tamis.core.registry import Registry

if TYPE_CHECKING:
    from .answers import holds_answer, normalised
    from .applied import documents_of
    from .attack import Attack, Attacked, NotApplicable
    from .composition import composed
    from .material import Material
    from .pool import Pool

BUILTIN = {
    "advertising": "tamis.eval.attacks.advertising:Advertising",
    "context": "tamis.eval.attacks.context:Context",
    "contradiction": "tamis.eval.attacks.contradiction:Contradiction",
    "denial": "tamis.eval.attacks.denial:Denial",
    "dilution": "tamis.eval.attacks.dilution:Dilution",
    "distractors": "tamis.eval.attacks.distractors:Distractors",
    "extraction": "tamis.eval.attacks.extraction:Extraction",
    "group-swap": "tamis.eval.attacks.group_swap:GroupSwap",
    "image-injection": "tamis.eval.attacks.image_injection:ImageInjection",
    "injection": "tamis.eval.attacks.injection:Injection",
    "interference-image": "tamis.eval.attacks.interference_image:InterferenceImage",
    "interference-text": "tamis.eval.attacks.interference_text:InterferenceText",
    "mismatched-pairs": "tamis.eval.attacks.mismatched_pairs:MismatchedPairs",
    "missing-modality": "tamis.eval.attacks.missing_modality:MissingModality",
    "paraphrase": "tamis.eval.attacks.paraphrase:Paraphrase",
    "poison": "tamis.eval.attacks.poison:Poison",
    "silenced": "tamis.eval.attacks.silenced:Silenced",
    "stale": "tamis.eval.attacks.stale:Stale",
    "typographic": "tamis.eval.attacks.typographic:Typographic",
    "typos": "tamis.eval.attacks.typos:Typos",
}
ATTACKS: "Registry[Attack]" = Registry("attack", "tamis.attacks", BUILTIN)

_HOME = {
    "Attack": "attack",
    "Attacked": "attack",
    "Material": "material",
    "NotApplicable": "attack",
    "Pool": "pool",
    "composed": "composition",
    "documents_of": "applied",
    "holds_answer": "answers",
    "normalised": "answers",
}

__all__ = [
    "ATTACKS",
    "Attack",
    "Attacked",
    "Material",
    "NotApplicable",
    "Pool",
    "attack_of",
    "composed",
    "documents_of",
    "holds_answer",
    "normalised",
]


def attack_of(spec: str | Mapping[str, Any]) -> "Attack":
    """The attack that a name, or a mapping of a name and settings, writes down.

    ``"a+b"`` is a composition of attacks as they come; ``{"attacks": [...]}`` is one of such specs, each of which may
    give the ``strengths`` that its part climbs. Raises UnknownComponent and BadSetting.

    >>> attack_of("poison+typos").name
    'poison+typos'
    >>> attack_of({"name": "injection", "position": "start"}).name
    'injection-start'
    """
    from .composition import Composed, composed

    if isinstance(spec, str):
        return composed([ATTACKS.build(name.strip()) for name in spec.split("+")])
    if "attacks" not in spec:
        name = spec.get("name")
        is_composed = isinstance(name, str) and "+" in name and len(spec) == 1
        return attack_of(str(name)) if is_composed else ATTACKS.build(spec)
    parts = [attack_of(_without_strengths(one)) for one in spec["attacks"]]
    ladders = tuple(_strengths_of(one, part) for one, part in zip(spec["attacks"], parts, strict=True))
    return Composed(tuple(parts), ladders)


def _without_strengths(spec: str | Mapping[str, Any]) -> str | Mapping[str, Any]:
    return spec if isinstance(spec, str) else {key: value for key, value in spec.items() if key != "strengths"}


def _strengths_of(spec: str | Mapping[str, Any], part: "Attack") -> tuple[float, ...]:
    given = part.strengths if isinstance(spec, str) else spec.get("strengths", part.strengths)
    return tuple(float(one) for one in given)


def __getattr__(name: str) -> Any:
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
