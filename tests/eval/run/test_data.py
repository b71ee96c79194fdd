"""Which data a run is on."""

import pytest

from tamis.core.content import Content
from tamis.core.errors import BadInput
from tamis.core.image import Image
from tamis.eval.case import Case, Document
from tamis.eval.run.data import Cases, DataId, identity


def test_the_number_of_cases_and_a_digest_of_what_they_say() -> None:
    cases = [Case(f"c{number}", Content("q", (Image(data=b"x"),)), answers=("a",)) for number in range(3)]
    known = identity(Cases(cases))
    assert (known.name, known.cases, len(known.sha256)) == ("cases", 3, 64)
    assert identity(Cases(list(cases))) == known
    assert DataId.of(known.to_json()) == known
    others = [
        identity(Cases(cases[:2])),
        identity(Cases([*cases[:2], Case("c2", Content("q", (Image(data=b"y"),)), answers=("a",))])),
        identity(Cases(cases, [Document("d", Content("t"))])),
    ]
    assert len({known.sha256, *(other.sha256 for other in others)}) == 4


def test_only_so_many_are_run() -> None:
    assert identity(Cases([Case("a", Content("q")), Case("b", Content("q"))]), limit=1).cases == 1


def test_ids_must_differ_and_there_must_be_a_case() -> None:
    with pytest.raises(BadInput, match='two cases have the id "a"'):
        identity(Cases([Case("a", Content("q")), Case("a", Content("r"))]))
    with pytest.raises(BadInput, match="there is no case in it"):
        identity(Cases([]))
