"""The demo's questions, written for it by hand, and the passages that answer each."""

import json
from collections.abc import Collection
from importlib.resources import files
from typing import NamedTuple


class Question(NamedTuple):
    """A developer's question and the ids of all passages that answer it; none for what the library cannot do."""

    id: str
    text: str
    gold: frozenset[str]

    @property
    def answerable(self) -> bool:
        """Whether any passage answers it."""
        return bool(self.gold)


class Questions(NamedTuple):
    """What can be asked of this build of Python, and the ids of the questions whose answer it lacks."""

    asked: list[Question]
    left_out: list[str]


def questions(passage_ids: Collection[str]) -> Questions:
    """The shipped questions, for a corpus with these passages.

    A line is ``{"id", "question", "gold": [ids], "gold_where_present": [ids]?}``: the second list holds passages that
    answer too, but that only some versions or platforms have. A question that lacks one of its ``gold`` is left out.
    """
    known = set(passage_ids)
    asked: list[Question] = []
    left_out: list[str] = []
    for line in files("tamis.demo").joinpath("questions.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if set(row["gold"]) <= known:
            gold = frozenset(row["gold"]) | (known & set(row.get("gold_where_present", ())))
            asked.append(Question(row["id"], row["question"], gold))
        else:
            left_out.append(row["id"])
    return Questions(asked, left_out)
