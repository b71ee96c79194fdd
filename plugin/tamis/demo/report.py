"""Shows the demo's numbers on a terminal, and says in words what they say."""

from collections.abc import Mapping
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from tamis.eval.stats import Interval

from .measures import Measure
from .result import DemoResult, Pipeline

_TITLES: Mapping[Pipeline, str] = {
    "stock": "LlamaIndex as it comes",
    "stock_best": "LlamaIndex, best tools",
    "tamis": "Tamis, harden()",
}


class _Row(NamedTuple):
    label: str
    digits: int
    higher_is_better: bool


_ROWS: Mapping[Measure, _Row] = {
    "gold_recall": _Row("passages that answer, found", 2, True),
    "context_precision": _Row("of the context, answers", 2, True),
    "context_f1": _Row("context F1", 2, True),
    "abstained_unanswerable": _Row("nothing returned, rightly", 2, True),
    "abstained_answerable": _Row("nothing returned, wrongly", 2, False),
    "tokens_to_llm": _Row("tokens to the LLM", 0, False),
    "ms_per_query": _Row("milliseconds per question", 1, False),
}


def print_report(result: DemoResult, console: Console) -> None:
    """A table of all measures, a sentence for each difference that it shows, and the example."""
    meta = result.meta
    console.print(
        f"{meta['questions']} questions, {meta['unanswerable']} of which nothing answers, "
        f"to {meta['passages']} passages from {meta['modules']} modules of Python {meta['python']}"
    )
    console.print(_table(result))
    for sentence in sentences(result):
        console.print(f"- {sentence}")
    if example := result.example:
        console.print()
        console.print(f'Where look-alikes fooled stock: "{example.question}"')
        console.print(f"  answered by  {', '.join(example.gold)}")
        console.print(f"  stock gave   {', '.join(example.stock)}")
        console.print(f"  Tamis gave   {', '.join(example.tamis)}")


def sentences(result: DemoResult) -> list[str]:
    """What the table says, for better and for worse: a sentence for each measure, from its interval."""
    said = [
        _sentence(row, result.differences["tamis"][measure], result.pipelines["tamis"][measure])
        for measure, row in _ROWS.items()
    ]
    better, same, worse = result.wins
    said.append(
        f"question by question, Tamis' context is better than stock's on {better}, the same on {same}, worse on {worse}"
    )
    return said


def _sentence(row: _Row, difference: Interval, value: Interval) -> str:
    now = f"{row.label}: {value.mean:.{row.digits}f} with Tamis"
    if difference.low is None or difference.high is None or difference.low <= 0 <= difference.high:
        return f"{now}, no difference to stock that these questions can show"
    verdict = "better" if (difference.mean > 0) == row.higher_is_better else "worse"
    direction = "more" if difference.mean > 0 else "less"
    return f"{now}, {abs(difference.mean):.{row.digits}f} {direction} than stock, which is {verdict}"


def _table(result: DemoResult) -> Table:
    table = Table(caption="mean, 95% interval; below it the paired difference to the first column")
    table.add_column("")
    for pipeline in result.pipelines:
        table.add_column(_TITLES[pipeline], justify="right")
    for measure, row in _ROWS.items():
        cells = []
        for pipeline, rows in result.pipelines.items():
            cell = _shown(rows[measure], row.digits)
            if differences := result.differences.get(pipeline):
                cell += f"\n{_shown(differences[measure], row.digits, sign='+')}"
            cells.append(cell)
        table.add_row(row.label, *cells)
    return table


def _shown(interval: Interval, digits: int, sign: str = "") -> str:
    """A mean with its interval, in round brackets so that rich does not read it as markup."""
    if interval.low is None or interval.high is None:
        return f"{interval.mean:{sign}.{digits}f}"
    return f"{interval.mean:{sign}.{digits}f} ({interval.low:{sign}.{digits}f} to {interval.high:{sign}.{digits}f})"
