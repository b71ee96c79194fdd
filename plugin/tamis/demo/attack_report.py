"""Shows on a terminal what the pipelines let through under attack, and says it in words."""

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from tamis.eval.report.comparison import RunDifference
from tamis.eval.variant import CLEAN, Variant

from .attacked import GOLD, PLANTED, Attacks
from .result import Pipeline

_SHORT: Mapping[Pipeline, str] = {"stock": "stock", "stock_best": "best", "tamis": "Tamis"}


def print_attacks(found: Attacks[Pipeline], console: Console) -> None:
    """A row an attack: the share of planted passages that reach the LLM, and of the answers that are found still."""
    console.print(
        f"{found.cases} of the questions under attack: which share of the planted passages reaches\n"
        "the LLM, and of the answers is found still"
    )
    console.print(_table(found))
    for sentence in attack_sentences(found):
        console.print(f"- {sentence}")


def attack_sentences(found: Attacks[Pipeline]) -> list[str]:
    """What the table says, for better and for worse, and what withstanding costs where nothing is planted."""
    attacked = [one for one in found.variants if one.attack and not one.control]
    said = [
        *_compared(found, PLANTED, attacked, "planted passages reach the LLM", fewer_is_better=True),
        *_compared(found, GOLD, attacked, "answers are found", fewer_is_better=False),
    ]
    price = found.difference(GOLD)
    said.append(f"on the same questions unattacked Tamis finds {_change(price)}")
    return said


def _compared(
    found: Attacks[Pipeline], figure: str, attacked: Sequence[Variant], what: str, *, fewer_is_better: bool
) -> list[str]:
    """A sentence for each verdict that some attack has."""
    sides = {
        "better": f"{'fewer' if fewer_is_better else 'more'} {what} with Tamis than with LlamaIndex's best tools",
        "worse": f"{'more' if fewer_is_better else 'fewer'} {what} with Tamis than with LlamaIndex's best tools",
        "indistinguishable": f"no difference in how many {what} that these questions can show",
        "not enough data": f"too few questions to say how many {what}",
    }
    told = []
    for verdict, beginning in sides.items():
        named = [_named(found, one) for one in attacked if found.difference(figure, one).verdict == verdict]
        if named:
            told.append(f"{beginning}: {', '.join(named)}")
    return told


def _change(price: RunDifference) -> str:
    if price.mean is None or price.low is None or price.high is None or price.low <= 0 <= price.high:
        return "as many answers, as far as these questions can show"
    return f"{abs(price.mean):.2f} {'more' if price.mean > 0 else 'fewer'} of the answers than LlamaIndex's best tools"


def _table(found: Attacks[Pipeline]) -> Table:
    """80 columns wide; the middle one is the paired difference with its interval."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("planted\npassages")
    for place, pipeline in enumerate(found.reports):
        table.add_column(f"{'' if place else 'reach'}\n{_SHORT[pipeline]}", justify="right")
    table.add_column("difference\nTamis - best", justify="right")
    for place, pipeline in enumerate(found.reports):
        table.add_column(f"{'' if place else 'found'}\n{_SHORT[pipeline]}", justify="right")
    for variant in found.variants:
        if variant.control:
            continue
        planted = [_number(found.estimate(name, PLANTED, variant).mean) for name in found.reports]
        gold = [_number(found.estimate(name, GOLD, variant).mean) for name in found.reports]
        difference = _between(found.difference(PLANTED, variant))
        table.add_row(_named(found, variant), *planted, difference, *gold)
    return table


def _named(found: Attacks[Pipeline], variant: Variant) -> str:
    """The attack, with its strength where several were tried."""
    if variant == CLEAN:
        return "none"
    strengths = {one.strength for one in found.variants if one.attack == variant.attack}
    return variant.attack if len(strengths) == 1 else f"{variant.attack} {variant.strength:g}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _between(one: RunDifference) -> str:
    if one.mean is None:
        return ""
    ends = "" if one.low is None or one.high is None else f" ({one.low:+.2f}, {one.high:+.2f})"
    return f"{one.mean:+.2f}{ends}"
