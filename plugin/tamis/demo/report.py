"""Shows the demo's numbers on a terminal, and says in words what they say."""

from collections.abc import Mapping
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from tamis.eval.stats import Interval

from .attack_report import print_attacks
from .measures import Measure
from .result import DemoResult, Pipeline

_TITLES: Mapping[Pipeline, str] = {
    "stock": "stock\nLlamaIndex",
    "stock_best": "its best\ntools",
    "tamis": "Tamis\nharden()",
}


class _Row(NamedTuple):
    label: str
    digits: int
    higher_is_better: bool


_ROWS: Mapping[Measure, _Row] = {
    "gold_recall": _Row("answers found", 2, True),
    "context_precision": _Row("useful context", 2, True),
    "context_f1": _Row("context F1", 2, True),
    "abstained_unanswerable": _Row("abstains rightly", 2, True),
    "abstained_answerable": _Row("abstains wrongly", 2, False),
    "tokens_to_llm": _Row("tokens to the LLM", 0, False),
    "ms_per_query": _Row("ms per question", 1, False),
}


def print_report(result: DemoResult, console: Console) -> None:
    """A table of all measures, a sentence for each, an example, and what comes through under attack.

    "stock" is LlamaIndex's top five as retrieved.
    """
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
    if result.attacks is not None:
        console.print()
        print_attacks(result.attacks, console)


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
    """A row a measure, 80 columns wide: each mean above its interval, and Tamis' paired difference to stock."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("mean, 95% interval")
    for pipeline in result.pipelines:
        table.add_column(_TITLES[pipeline], justify="right")
    table.add_column("difference\nto stock", justify="right")
    for measure, row in _ROWS.items():
        cells = [_shown(rows[measure], row.digits) for rows in result.pipelines.values()]
        table.add_row(row.label, *cells, _shown(result.differences["tamis"][measure], row.digits, sign="+"))
    return table


def _shown(interval: Interval, digits: int, sign: str = "") -> str:
    if interval.low is None or interval.high is None:
        return f"{interval.mean:{sign}.{digits}f}"
    return f"{interval.mean:{sign}.{digits}f}\n{interval.low:{sign}.{digits}f} to {interval.high:{sign}.{digits}f}"
