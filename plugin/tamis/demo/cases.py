"""The demo's questions as cases of the laboratory, with the right names and wrong ones for attacks to claim."""

from collections.abc import Sequence
from random import Random

from tamis.core.content import Content
from tamis.eval.attacks import Pool
from tamis.eval.case import Case, Document
from tamis.eval.run.data import Cases

from .corpus import Passage
from .questions import Question

WRONG = 3
"""Wrong answers of each case: the first is claimed unless it cannot be told from a right one."""

_LOOK_ALIKES = 20


def sample(asked: Sequence[Question], count: int, *, seed: int) -> list[Question]:
    """``count`` of the questions, or all if there are fewer, in the order in which they are asked."""
    chosen = Random(f"{seed}:attacked").sample(range(len(asked)), min(count, len(asked)))
    return [asked[place] for place in sorted(chosen)]


def cases_of(asked: Sequence[Question], corpus: Sequence[Passage]) -> Cases:
    """The questions as cases over the corpus.

    The answer to one of these questions is a name, and a passage begins with its own: accepted are the names ("os.path.
    splitext") of the passages that answer. Wrong ones are the names of the passages most like the question that do not
    answer it, by BM25: the look-alikes that a developer would fall for.
    """
    documents = [Document(passage.id, Content(passage.text)) for passage in corpus]
    pool = Pool(documents)
    return Cases([_case(question, pool) for question in asked], documents, name="standard library")


def _case(question: Question, pool: Pool) -> Case:
    near = pool.near(question.text, _LOOK_ALIKES + len(question.gold))
    wrong = [document.id for document in near if document.id not in question.gold]
    return Case(
        question.id,
        Content(question.text),
        relevance=dict.fromkeys(sorted(question.gold), 1),
        answers=tuple(sorted(question.gold)),
        answerable=question.answerable,
        targets=tuple(wrong[:WRONG]),
    )
