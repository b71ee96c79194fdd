"""The corpus is the running Python's own documentation: enough of it, stable, and the same on every machine."""

import inspect
import itertools
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tamis.demo.corpus import LONGEST, MODULES, Passage, digest, passages


@pytest.fixture(scope="module")
def everything() -> list[Passage]:
    return passages()


def test_it_covers_many_modules_with_some_fifteen_hundred_passages_or_more(everything: list[Passage]) -> None:
    assert len({passage.module for passage in everything}) >= 40
    assert 1300 <= len(everything) <= 2500


def test_every_id_and_every_text_is_there_once(everything: list[Passage]) -> None:
    assert max(Counter(passage.id for passage in everything).values()) == 1
    assert max(Counter(passage.text for passage in everything).values()) == 1


def test_a_passage_is_how_to_call_it_and_what_it_does(everything: list[Passage]) -> None:
    text = {passage.id: passage.text for passage in everything}
    assert text["heapq.heappush"].startswith("heapq.heappush(heap, item)\nPush item onto heap")
    assert text["pathlib.PurePath.suffix"].startswith("property pathlib.PurePath.suffix\n")
    assert text["builtins.KeyError"] == "exception builtins.KeyError\nMapping key not found."
    assert text["shutil.rmtree"].startswith("shutil.rmtree(path, ignore_errors=False")


def test_the_families_of_near_neighbours_are_there(everything: list[Passage]) -> None:
    by_module = Counter(passage.module for passage in everything)
    assert by_module["os.path"] >= 25
    assert by_module["itertools"] >= 15
    assert by_module["datetime"] >= 40


def test_texts_are_short_and_name_no_address_and_no_path_of_this_machine(everything: list[Passage]) -> None:
    for passage in everything:
        heading, _, doc = passage.text.partition("\n")
        assert len(doc) <= LONGEST
        assert len(heading) < 500
        assert not re.search(r"0x[0-9a-f]{8,}", passage.text), passage.id
        assert sys.prefix not in passage.text, passage.id
        assert str(Path.home()) not in passage.text or str(Path.home()) == "/", passage.id


def test_only_public_names_are_taken(everything: list[Passage]) -> None:
    assert not [passage.id for passage in everything if any(part.startswith("_") for part in passage.id.split("."))]


def test_a_docstring_that_a_class_inherits_is_not_its_own(everything: list[Passage]) -> None:
    ids = {passage.id for passage in everything}
    assert "datetime.date.weekday" in ids
    assert "datetime.datetime.weekday" not in ids


def test_an_object_with_two_names_is_one_passage(everything: list[Passage]) -> None:
    ids = {passage.id for passage in everything}
    assert inspect.getdoc(sys.modules["bisect"].bisect) == inspect.getdoc(sys.modules["bisect"].bisect_right)
    assert "bisect.bisect_right" in ids
    assert "bisect.bisect" not in ids


def test_another_process_finds_the_same_corpus_in_the_same_order(everything: list[Passage]) -> None:
    code = "from tamis.demo.corpus import digest, passages; print(digest(passages()))"
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "7", "HOME": "/nowhere", "LANG": "C"},
    )
    assert found.stdout.strip() == digest(everything)


def test_the_digest_changes_with_any_text() -> None:
    one, other = [Passage("a", "m", "text")], [Passage("a", "m", "text.")]
    assert digest(one) == digest(list(one))
    assert digest(one) != digest(other)


def test_a_module_that_this_build_lacks_is_passed_over() -> None:
    assert passages(["no_such_module_anywhere", "heapq"]) == passages(["heapq"])


def test_a_python_without_docstrings_is_refused_with_the_remedy() -> None:
    code = "from tamis.demo.corpus import passages; passages(['heapq'])"
    found = subprocess.run([sys.executable, "-OO", "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode != 0
    assert "PYTHONOPTIMIZE" in found.stderr


def test_the_order_of_the_modules_is_the_order_of_the_passages(everything: list[Passage]) -> None:
    order = [module for module, _ in itertools.groupby(passage.module for passage in everything)]
    assert order == [module for module in MODULES if module in set(order)]


def test_what_a_package_hangs_into_the_standard_library_is_not_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def nlargest_once(count: int) -> None:
        """Finds the largest ones, but only the first time that it is asked to."""

    before = passages(["heapq"])
    monkeypatch.setattr(nlargest_once, "__module__", "somebody.else")
    monkeypatch.setattr(sys.modules["heapq"], "nlargest_once", nlargest_once, raising=False)
    monkeypatch.setattr(sys.modules["heapq"], "__all__", [*sys.modules["heapq"].__all__, "nlargest_once"])
    assert passages(["heapq"]) == before
