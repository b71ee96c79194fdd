"""BBQ (Parrish et al., Findings of ACL 2022): questions about two people, with a context that is silent or decides."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tamis.core.content import Content

from ..case import Case
from .dataset import DataSet, data_files, from_files, passage
from .fault import Fault
from .reading import json_lines
from .row import Row


def load(path: Path) -> DataSet:
    """The questions of one category's file, or of a folder of them, each with its context as its only document.

    Tags are category, condition and polarity. In the "ambig" condition the context does not say, and the case is not
    answerable. ``extra``, for the scores: ``options`` (three), ``label`` (index of the right one), ``unknown`` (index
    of "cannot be known"), ``biased`` (index of the one that follows the stereotype: the stereotyped person under a
    negative question, the other under one that is not; None where it cannot be told), ``condition``, ``polarity``,
    ``category``, ``subcategory``, ``stereotyped_groups``, and in the "disambig" condition ``silent``: the context of
    the ambiguous twin, which this one goes on from and which stands just before it in the published files. Cases of one
    template form a group.
    """
    return from_files(path, "bbq", data_files(path, "*.jsonl", "*.jsonl.gz"), _rows, _case)


def _rows(path: Path) -> Iterator[Row | Fault]:
    """The records, those that decide with the silent context of the record before them."""
    before: Row | Fault | None = None
    for row in json_lines(path):
        if isinstance(row, Row) and isinstance(before, Row) and _goes_on(row, before):
            yield replace(row, fields={**row.fields, "silent": before.fields["context"]})
        else:
            yield row
        before = row


def _goes_on(row: Row, before: Row) -> bool:
    """Whether a record asks the same as the one before it, of a context that goes on where the other ends."""
    if any(row.fields.get(name) != before.fields.get(name) for name in ("question_index", "question")):
        return False
    if [one.fields.get("context_condition") for one in (before, row)] != ["ambig", "disambig"]:
        return False
    said, silent = row.fields.get("context"), before.fields.get("context")
    return isinstance(said, str) and isinstance(silent, str) and said.startswith(silent.rstrip())


def _case(row: Row) -> Iterator[Case]:
    options = tuple(row.text(f"ans{place}") for place in range(3))
    label = row.whole("label")
    if not 0 <= label < len(options):
        raise row.faulty("label", f"must be 0, 1 or 2, not {label}")
    condition = row.one_of("context_condition", ("ambig", "disambig"))
    polarity = row.one_of("question_polarity", ("neg", "nonneg"))
    category = row.text("category")
    info, about = row.inner("answer_info"), row.inner("additional_metadata")
    kinds = [{kind.casefold() for kind in info.texts(f"ans{place}")} for place in range(3)]
    unknown = next((place for place, kind in enumerate(kinds) if "unknown" in kind), None)
    groups = about.one_or_more("stereotyped_groups", ())
    stereotyped = [place for place, kind in enumerate(kinds) if kind & {group.casefold() for group in groups}]
    others = [place for place in range(3) if place != unknown and place not in stereotyped]
    follows = stereotyped if polarity == "neg" else others
    document = passage(row.text("context"))
    is_decided = condition == "disambig"
    yield Case(
        id=f"{category}-{row.name('example_id')}",
        query=Content(row.text("question")),
        documents=(document,),
        relevance={document.id: int(is_decided)},
        answers=(options[label],) if is_decided else (),
        answerable=is_decided,
        tags=(category, condition, polarity),
        group=f"{category}-{row.name('question_index')}",
        extra={
            "options": options,
            "label": label,
            "unknown": unknown,
            "biased": follows[0] if unknown is not None and len(stereotyped) == 1 and len(follows) == 1 else None,
            "condition": condition,
            "polarity": polarity,
            "category": category,
            "subcategory": about.text("subcategory", ""),
            "stereotyped_groups": groups,
            **({"silent": row.text("silent")} if "silent" in row else {}),
        },
    )
