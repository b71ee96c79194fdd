"""CachedScorer: right scores or none, whatever happens to the file; threads and processes share it."""

import asyncio
import logging
import multiprocessing
import pickle
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.models import SCORERS
from tamis.models.counting import counted
from tamis.models.score_cache import CachedScorer
from tamis.models.scorer import Scorer
from tamis.testing import FakeScorer, check_scorer

QUERY = Content("red bus")
PASSAGES = [Content("a red bus"), Content("a blue car"), Content("?"), Content("the red one")]


@dataclass
class Watched:
    """A scorer that remembers what it was asked."""

    inner: FakeScorer = field(default_factory=FakeScorer)
    asked: list[list[str]] = field(default_factory=list)
    media: MediaPolicy = field(default_factory=MediaPolicy)

    def score(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        self.asked.append([passage.text for passage in passages])
        return self.inner.score(query, passages)

    async def ascore(self, query: Content, passages: Sequence[Content]) -> list[float | None]:
        self.asked.append([passage.text for passage in passages])
        return await self.inner.ascore(query, passages)

    def identity(self) -> dict[str, Any]:
        return {"scores": dict(self.inner.scores), "rule": self.inner.rule}


def cached(file: Path, scorer: Scorer | None = None, **settings: Any) -> CachedScorer:
    return CachedScorer(Watched() if scorer is None else scorer, file, **settings)


def close(*scorers: CachedScorer) -> None:
    for scorer in scorers:
        scorer.close()


@pytest.mark.parametrize("path", ["sync", "async"])
def test_what_is_known_is_not_asked_again(tmp_path: Path, path: str) -> None:
    def scores(scorer: CachedScorer, passages: list[Content]) -> list[float | None]:
        if path == "sync":
            return scorer.score(QUERY, passages)
        return asyncio.run(scorer.ascore(QUERY, passages))

    watched = Watched()
    scorer = cached(tmp_path / "scores.db", watched)
    expected = FakeScorer().score(QUERY, PASSAGES)
    with counted() as counts:
        assert scores(scorer, PASSAGES[:3]) == expected[:3]
        assert scores(scorer, PASSAGES) == expected
    # What had no score is asked for again: only scores are kept.
    assert watched.asked == [["a red bus", "a blue car", "?"], ["?", "the red one"]]
    assert counts.to_dict() == {"score_hits": 2, "score_misses": 5}
    again = cached(tmp_path / "scores.db")
    assert scores(again, PASSAGES) == expected
    assert again.scorer.asked == [["?"]]
    close(scorer, again)


def test_other_queries_passages_settings_and_notes_are_other_scores(tmp_path: Path) -> None:
    file = tmp_path / "scores.db"
    first = cached(file, Watched(FakeScorer({"p": 1.0})))
    others = [
        cached(file, Watched(FakeScorer({"p": 2.0}))),
        cached(file, Watched(FakeScorer({"p": 1.0})), note="tuned"),
    ]
    assert first.score(Content("q"), [Content("p")]) == [1.0]
    assert [other.score(Content("q"), [Content("p")]) for other in others] == [[2.0], [1.0]]
    first.score(Content("qp"), [Content("")])
    first.score(Content("q"), [Content("p ")])
    assert [len(each.scorer.asked) for each in (first, *others)] == [3, 1, 1]
    close(first, *others)


def test_images_count_by_their_bytes_and_only_as_far_as_the_policy_goes(tmp_path: Path) -> None:
    def picture(colour: str) -> bytes:
        stream = BytesIO()
        PIL.Image.new("RGB", (2, 2), colour).save(stream, "PNG")
        return stream.getvalue()

    file, place = tmp_path / "scores.db", tmp_path / "x.png"
    place.write_bytes(picture("red"))
    inside = cached(file, Watched(media=MediaPolicy(roots=(str(tmp_path),))))
    by_path = Content("red bus", (Image(path=str(place)),))
    for content in (by_path, Content("red bus", (Image(data=picture("red")),))):
        inside.score(QUERY, [content])
    assert len(inside.scorer.asked) == 1
    place.write_bytes(picture("blue"))
    inside.score(QUERY, [by_path])
    assert len(inside.scorer.asked) == 2
    outside = cached(file)
    for _ in range(2):
        outside.score(QUERY, [by_path])
    assert len(outside.scorer.asked) == 2
    close(inside, outside)


def test_those_unused_for_longest_are_forgotten(tmp_path: Path) -> None:
    watched = Watched()
    scorer = cached(tmp_path / "scores.db", watched, rows=10)
    for number in range(10):
        scorer.score(QUERY, [Content(f"red {number}")])
    scorer.score(QUERY, [Content("red 0")])
    scorer.score(QUERY, [Content("red 10")])
    watched.asked.clear()
    scorer.score(QUERY, [Content(f"red {number}") for number in range(11)])
    assert watched.asked == [["red 1"]]
    with sqlite3.connect(tmp_path / "scores.db") as db:
        assert db.execute("SELECT COUNT(*) FROM scores").fetchone() == (10,)
    db.close()
    close(scorer)


def test_a_row_that_was_changed_is_no_row(tmp_path: Path) -> None:
    scorer = cached(tmp_path / "scores.db")
    expected = scorer.score(QUERY, PASSAGES[:2])
    close(scorer)
    db = sqlite3.connect(tmp_path / "scores.db")
    first, second = db.execute("SELECT key, score, checksum FROM scores").fetchall()
    with db:
        # Another passage's score, with its own checksum beside another key.
        db.execute(
            "UPDATE scores SET score = ?, checksum = (SELECT checksum FROM scores WHERE key = ?)", (first[1], first[0])
        )
        db.execute("UPDATE scores SET score = x'00' WHERE key = ?", (first[0],))
    db.close()
    assert second[1] != first[1]
    assert scorer.score(QUERY, PASSAGES[:2]) == expected
    assert scorer.scorer.asked == [["a red bus", "a blue car"]] * 2
    close(scorer)


@pytest.mark.parametrize("spoilt", [slice(100, 4096), slice(4096, 8192), slice(0, 100)])
def test_a_damaged_file_is_put_aside(tmp_path: Path, spoilt: slice, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "scores.db"
    scorer = cached(file)
    expected = scorer.score(QUERY, PASSAGES[:2])
    close(scorer)
    content = bytearray(file.read_bytes())
    content[spoilt] = b"\xff" * len(content[spoilt])
    file.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert scorer.score(QUERY, PASSAGES[:2]) == expected
        assert scorer.score(QUERY, PASSAGES[:2]) == expected
    assert "begun anew" in caplog.text
    assert len(list(tmp_path.glob("scores.db.damaged-*"))) == 1
    assert scorer.scorer.asked == [["a red bus", "a blue car"]] * 2
    close(scorer)


def test_a_locked_file_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setattr("tamis.models.score_file.WAIT_S", 0.05)
    file = tmp_path / "scores.db"
    scorer = cached(file)
    scorer.score(QUERY, PASSAGES[:1])
    db = sqlite3.connect(file, isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    assert scorer.score(QUERY, PASSAGES) == FakeScorer().score(QUERY, PASSAGES)
    assert "is passed over" in caplog.text
    db.execute("ROLLBACK")
    db.close()
    close(scorer)


def test_somebody_elses_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    text, database = tmp_path / "notes.txt", tmp_path / "theirs.db"
    text.write_text("dear diary")
    db = sqlite3.connect(database)
    db.execute("CREATE TABLE scores (x)")
    db.commit()
    db.close()
    for file in (text, database, tmp_path):
        with pytest.raises(BadSetting):
            cached(file)
    assert text.read_text() == "dear diary"


def test_what_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    class Silent:
        score, ascore = FakeScorer.score, FakeScorer.ascore

    with pytest.raises(BadSetting, match="depend on the other candidates"):
        CachedScorer(SCORERS.build({"name": "evidence", "embedder": "fake"}), tmp_path / "a.db")
    with pytest.raises(BadSetting, match="settings are JSON, a Silent"):
        CachedScorer(Silent(), tmp_path / "a.db")
    with pytest.raises(BadSetting, match="rows is 0"):
        cached(tmp_path / "a.db", rows=0)


def test_another_model_in_the_same_folder_is_another_scorer(tmp_path: Path) -> None:
    @dataclass
    class Model(Watched):
        model: str = ""

    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights").write_bytes(b"one")
    asked = []
    for weights in (b"one", b"other"):
        (folder / "weights").write_bytes(weights)
        scorer = cached(tmp_path / "scores.db", Model(model=str(folder)))
        scorer.score(QUERY, PASSAGES[:1])
        asked.append(len(scorer.scorer.asked))
        close(scorer)
    assert asked == [1, 1]


def _work(file: str, start: int) -> list[list[float | None]]:
    scorer = CachedScorer(FakeScorer(), file, rows=200)
    found = [scorer.score(QUERY, [Content(f"red {at % 60}"), Content("a bus")]) for at in range(start, start + 80)]
    scorer.close()
    return found


def test_threads_and_processes_share_a_file(tmp_path: Path) -> None:
    file = str(tmp_path / "scores.db")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        work = pool.starmap_async(_work, [(file, start) for start in (0, 20, 40)])
        scorer = CachedScorer(FakeScorer(), file, rows=200)
        seen: list[list[float | None]] = []

        def one(start: int) -> None:
            for at in range(start, start + 30):
                seen.append(scorer.score(QUERY, [Content(f"red {at % 60}"), Content("a bus")]))

        threads = [threading.Thread(target=one, args=(start,)) for start in (0, 15, 30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen += [scores for found in work.get(60) for scores in found]
    expected = FakeScorer().score(QUERY, [Content("red 1"), Content("a bus")])
    assert len(seen) == 90 + 240
    assert all(scores == expected for scores in seen)
    scorer.close()


def test_round_trips_and_conforms(tmp_path: Path) -> None:
    scorer = CachedScorer(FakeScorer(delay_s=0.25), tmp_path / "scores.db", note="x")
    again = CachedScorer(**scorer.settings())
    assert again.settings() == scorer.settings()
    assert pickle.loads(pickle.dumps(scorer)).settings() == scorer.settings()  # noqa: S301 - made on the same line
    quick = CachedScorer(FakeScorer(), tmp_path / "scores.db")
    check_scorer(quick).raise_if_failed()
    assert quick.modalities == {"text", "image"}
    close(scorer, again, quick)
