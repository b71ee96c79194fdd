"""What one call of ragas logs is heard by that call and by no other."""

import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from tamis.eval.bridges.ragas_said import said


def test_each_hears_its_own() -> None:
    together = Barrier(8)

    def one(number: int) -> list[str]:
        with said() as heard:
            together.wait(10)
            logging.getLogger("ragas.metrics.x").warning("no value\n for %d", number)
            together.wait(10)
        return heard

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(one, range(8))) == [[f"no value for {number}"] for number in range(8)]


def test_nothing_stays_behind() -> None:
    before = list(logging.getLogger("ragas").handlers)
    with said() as heard:
        logging.getLogger("ragas").info("of no importance")
        logging.getLogger("elsewhere").warning("not of ragas")
    assert heard == []
    assert logging.getLogger("ragas").handlers == before
