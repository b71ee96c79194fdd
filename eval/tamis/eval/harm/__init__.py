"""Harm: refusals, what screens find, memes, twins, taxonomies, and which modality decides."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .breakdown import Rate, by_functionality, flag_rates, rates_by
    from .detection import ScreenScores, screen_scores
    from .memes import MemeScores, load_memes, meme_scores, yes_no
    from .modality_reliance import Reliance, importance_by_query, modality_conditions, permuted_images, reliance
    from .taxonomy_scan import Scan, scan
    from .twins import FlipRates, Twin, flip_rates, hatecheck_twins

_HOME = {
    name: home
    for home, names in {
        "breakdown": ("Rate", "by_functionality", "flag_rates", "rates_by"),
        "detection": ("ScreenScores", "screen_scores"),
        "memes": ("MemeScores", "load_memes", "meme_scores", "yes_no"),
        "modality_reliance": ("Reliance", "importance_by_query", "modality_conditions", "permuted_images", "reliance"),
        "taxonomy_scan": ("Scan", "scan"),
        "twins": ("FlipRates", "Twin", "flip_rates", "hatecheck_twins"),
    }.items()
    for name in names
}

__all__ = [
    "FlipRates",
    "MemeScores",
    "Rate",
    "Reliance",
    "Scan",
    "ScreenScores",
    "Twin",
    "by_functionality",
    "flag_rates",
    "flip_rates",
    "hatecheck_twins",
    "importance_by_query",
    "load_memes",
    "meme_scores",
    "modality_conditions",
    "permuted_images",
    "rates_by",
    "reliance",
    "scan",
    "screen_scores",
    "yes_no",
]


def __getattr__(name: str) -> Any:
    if home := _HOME.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
