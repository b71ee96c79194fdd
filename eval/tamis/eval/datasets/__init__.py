"""Cases from files: our own JSON Lines, and the formats of the field's published data sets. Nothing is downloaded."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tamis.core.registry import Registry

if TYPE_CHECKING:
    from .checks import check, load
    from .dataset import DataSet, Placed
    from .fault import Fault, FaultyData
    from .jsonl_write import write
    from .rows import from_rows

_ROOM = "tamis.eval.datasets"

BUILTIN = {
    "2wiki": f"{_ROOM}.multihop:load_2wiki",
    "amber": f"{_ROOM}.amber:load",
    "bbq": f"{_ROOM}.bbq:load",
    "begin": f"{_ROOM}.begin:load",
    "beir": f"{_ROOM}.beir:load",
    "bipia": f"{_ROOM}.bipia:load",
    "clapnq": f"{_ROOM}.clapnq:load",
    "clothing": f"{_ROOM}.photos:load_clothing",
    "coco-photos": f"{_ROOM}.photos:load_coco_photos",
    "conflictqa": f"{_ROOM}.conflictqa:load",
    "conflictqa-counter": f"{_ROOM}.conflictqa:load_counter",
    "figstep": f"{_ROOM}.figstep:load",
    "halueval": f"{_ROOM}.halueval:load",
    "harmful-instructions": f"{_ROOM}.harmful_instructions:load",
    "hatecheck": f"{_ROOM}.hatecheck:load",
    "hotpotqa": f"{_ROOM}.multihop:load_hotpotqa",
    "jsonl": f"{_ROOM}.jsonl:load",
    "litm": f"{_ROOM}.litm:load",
    "litm-kv": f"{_ROOM}.litm:load_kv",
    "llamaindex": f"{_ROOM}.labelled_rag:load_llamaindex",
    "medquad": f"{_ROOM}.medquad:load",
    "musique": f"{_ROOM}.multihop:load_musique",
    "poisonedrag": f"{_ROOM}.poisonedrag:load",
    "pope": f"{_ROOM}.pope:load",
    "ragas": f"{_ROOM}.labelled_rag:load_ragas",
    "rgb": f"{_ROOM}.rgb:load",
    "sugarcrepe": f"{_ROOM}.sugarcrepe:load",
    "trec": f"{_ROOM}.trec:load",
    "xstest": f"{_ROOM}.xstest:load",
}

DATASETS: Registry[Any] = Registry("format of data", "tamis.datasets", BUILTIN)
"""Loaders by format: each a function from a path to a ``DataSet``, which reads nothing before it is asked for cases."""

__all__ = ["BUILTIN", "DATASETS", "DataSet", "Fault", "FaultyData", "Placed", "check", "from_rows", "load", "write"]

_HOMES = {
    "DataSet": "dataset",
    "Fault": "fault",
    "FaultyData": "fault",
    "Placed": "dataset",
    "check": "checks",
    "from_rows": "rows",
    "load": "checks",
    "write": "jsonl_write",
}


def __getattr__(name: str) -> Any:
    if home := _HOMES.get(name):
        return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f'module "{__name__}" has no attribute "{name}"')


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
