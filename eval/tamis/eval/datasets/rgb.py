"""RGB (Chen et al., AAAI 2024): noise, rejection, integration and counterfactual robustness, from its ``.json`` files.

A case holds all passages of its record: those with the answer (grade 1), then those without (grade 0). The contexts of
the protocol are made of it by ``with_noise``. Where the answer has several parts (integration), each must be given:
``extra["answer_parts"]`` lists the accepted forms of each part, and ``answers`` is empty, because none of them alone
will do. Where a record has counterfactual passages, ``extra["counterfactual"]`` has them and ``targets`` the wrong
answer that they give.
"""

from collections.abc import Iterator
from dataclasses import replace
from math import ceil
from pathlib import Path
from random import Random
from typing import Any

from tamis.core.content import Content
from tamis.core.errors import BadInput, BadSetting

from ..case import Case, Document
from .dataset import DataSet, data_files, distinct, from_files, passage
from .reading import json_rows
from .row import Row

PASSAGES = 5
SEED = 2333


def load(path: Path) -> DataSet:
    """The cases of one of RGB's files, or of a folder of them."""
    return from_files(path, "rgb", data_files(path, "*.json", "*.jsonl"), json_rows, _case)


def with_noise(
    case: Case, rate: float, *, counterfactual: bool = False, passages: int = PASSAGES, seed: int = SEED
) -> Case:
    """The case with the protocol's context: ``passages`` of them, of which ceil(passages * rate) lack the answer.

    At rate 1 there is none with the answer, and the case is not answerable. ``counterfactual`` puts the passages that
    give the wrong answer in the place of the right ones, marked as planted. ``extra["noise"]`` is the share of
    passages without the answer as it was reached; parts of an answer are covered before a second passage for one of
    them. The order is drawn from seed and id. Raises BadInput where the record has too few passages, and BadSetting.
    """
    if not 0 <= rate <= 1:
        raise BadSetting(f"a noise rate is between 0 and 1, not {rate!r}")
    # 0.6 * 5 is a little more than 3 in binary.
    negatives = ceil(round(passages * rate, 9))
    noise = [one for one in case.documents if not case.relevance.get(one.id)]
    if counterfactual:
        wrong = (passage(text) for text in case.extra.get("counterfactual", ()))
        useful = [replace(document, planted="rgb-counterfactual") for document in wrong]
    else:
        useful = _in_turns(case)
    wanted = passages - negatives
    if len(useful) < wanted or len(noise) < negatives:
        raise BadInput(
            f'"{case.id}" has {len(useful)} passages with and {len(noise)} without the answer; '
            f"noise {rate:g} among {passages} wants {wanted} and {negatives}"
        )
    chosen = [*useful[:wanted], *noise[:negatives]]
    Random(f"{seed}:{case.id}:{rate:g}").shuffle(chosen)
    is_answerable = wanted > 0 and not counterfactual
    return replace(
        case,
        id=f"{case.id}-{'counterfactual' if counterfactual else 'noise'}-{rate:g}",
        documents=tuple(chosen),
        relevance={one.id: int(is_answerable and one.planted is None and one in useful) for one in chosen},
        answers=case.answers if wanted else (),
        answerable=None if counterfactual and wanted else is_answerable,
        group=case.cluster,
        extra={**case.extra, "noise": negatives / passages},
    )


def _case(row: Row) -> Iterator[Case]:
    parts = _parts(row)
    right = _groups(row, "positive")
    useful = distinct(passage(text) for group in right for text in group)
    noise = distinct(passage(text) for text in row.texts("negative", ()))
    extra: dict[str, Any] = {"positive": [[passage(text).id for text in group] for group in right]}
    if len(parts) > 1:
        extra["answer_parts"] = [list(part) for part in parts]
    if wrong := [text for group in _groups(row, "positive_wrong") for text in group]:
        extra["counterfactual"] = wrong
    yield Case(
        id=f"{row.file.name.removesuffix('.gz').rpartition('.')[0]}-{row.name('id')}",
        query=Content(row.text("query")),
        documents=distinct([*useful, *noise]),
        relevance={**{one.id: 0 for one in noise}, **{one.id: 1 for one in useful}},
        answers=parts[0] if len(parts) == 1 else (),
        answerable=True if useful else None,
        targets=tuple(target for target in row.one_or_more("fakeanswer", ()) if target),
        tags=("integration",) if len(parts) > 1 else ("counterfactual",) if wrong else (),
        extra=extra,
    )


def _parts(row: Row) -> list[tuple[str, ...]]:
    """The accepted forms of each part of the answer; a text is one part, and so is a list of its forms."""
    value = row.fields.get("answer")
    if not isinstance(value, list):
        return [(row.text("answer"),)]
    parts = [(one,) if isinstance(one, str) else tuple(one) if isinstance(one, list) else () for one in value]
    if not all(part and all(isinstance(form, str) for form in part) for part in parts):
        raise row.faulty("answer", "must be a text, or a list of texts and of lists of texts")
    return parts


def _groups(row: Row, field: str) -> list[tuple[str, ...]]:
    """Passages in lists, one list for each part of the answer; a plain list is one."""
    value = row.fields.get(field)
    if isinstance(value, list) and value and all(isinstance(one, list) for one in value):
        if not all(isinstance(text, str) for group in value for text in group):
            raise row.faulty(field, "must be a list of texts, or of lists of texts")
        return [tuple(group) for group in value]
    return [row.texts(field, ())]


def _in_turns(case: Case) -> list[Document]:
    """The passages with the answer: the first for every part, then the second, and so on."""
    by_id = {document.id: document for document in case.documents}
    groups: list[list[str]] = case.extra.get("positive", [])
    longest = max(map(len, groups), default=0)
    order = dict.fromkeys(group[turn] for turn in range(longest) for group in groups if turn < len(group))
    return [by_id[name] for name in order]
