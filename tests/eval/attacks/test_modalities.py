"""Interference, mismatched pairs and missing modalities, worked out by hand."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.content import Content
from tamis.core.errors import BadSetting
from tamis.core.image import Image
from tamis.core.media import MediaPolicy
from tamis.eval.attacks import NotApplicable, Pool, attack_of, documents_of
from tamis.eval.attacks.drawing import plain
from tamis.eval.attacks.interference_text import InterferenceText
from tamis.eval.attacks.mismatched_pairs import MismatchedPairs
from tamis.eval.attacks.missing_modality import MissingModality
from tamis.eval.attacks.sentences import sentences
from tamis.eval.attacks.wordings import wordings
from tamis.eval.case import Case, Document

World = tuple[Case, Pool]


def pairs(count: int, images: int | None = None) -> Case:
    """So many captions with an image each, of which so many are different."""
    documents = [
        Document(str(i), Content(f"caption {i}", (Image(data=bytes([1 + i % (images or count)])),)))
        for i in range(count)
    ]
    return Case("pairs", Content("which?"), (*documents, Document("text", Content("no image"))), {"0": 1})


class TestMismatchedPairs:
    @given(st.integers(2, 30), st.sampled_from([0.2, 0.4, 0.5, 0.6, 1.0]), st.integers())
    def test_exactly_the_share_is_exchanged_and_nothing_stays_right(self, count: int, share: float, seed: int) -> None:
        case = pairs(count)
        expected = int(share * count + 0.5)
        if expected < 2:
            with pytest.raises(NotApplicable, match="at least two"):
                MismatchedPairs().apply(case, share, Pool([]), Random(seed))
            return
        attacked = MismatchedPairs().apply(case, share, Pool([]), Random(seed))
        before = {document.id: document for document in case.documents}
        after = {document.id: document for document in documents_of(case, attacked)}
        wrong = {id for id in before if before[id].content.images != after[id].content.images}
        assert wrong == set(attacked.changed), "the mask tells which pairs are wrong"
        assert len(wrong) == expected
        assert attacked.realised == expected / count
        assert {after[id].planted for id in wrong} == {"mismatched-pairs"}
        assert all(before[id].content.text == after[id].content.text for id in before)
        images = [
            sorted(image.data or b"" for id in wrong for image in when[id].content.images) for when in (before, after)
        ]
        assert images[0] == images[1], "permuted among themselves"

    @given(st.integers(0, 1000))
    def test_equal_images_are_not_given_to_one_another(self, seed: int) -> None:
        case = pairs(6, images=2)
        attacked = MismatchedPairs().apply(case, 1.0, Pool([]), Random(seed))
        own = {document.id: document.content.images for document in case.documents}
        assert all(one is not None and one.content.images != own[id] for id, one in attacked.changed.items())

    def test_where_all_images_are_equal_it_is_said(self) -> None:
        with pytest.raises(NotApplicable, match="equal images"):
            MismatchedPairs().apply(pairs(4, images=1), 1.0, Pool([]), Random(0))
        with pytest.raises(NotApplicable, match="two are needed"):
            MismatchedPairs().apply(pairs(1), 1.0, Pool([]), Random(0))

    def test_the_control_puts_the_same_pairs_back(self) -> None:
        case = pairs(10)
        attacked, control = (
            getattr(MismatchedPairs(), how)(case, 0.4, Pool([]), Random(2)) for how in ("apply", "control")
        )
        assert set(attacked.changed) == set(control.changed)
        assert documents_of(case, control) == case.documents


class TestMissingModality:
    def test_images_go_and_texts_stay(self, pictures: World) -> None:
        case, pool = pictures
        attacked = MissingModality().apply(case, 1.0, pool, Random(0))
        now = documents_of(case, attacked)
        assert [document.content.images for document in now] == [()] * 6
        assert [document.content.text for document in now] == [document.content.text for document in case.documents]

    def test_texts_go_and_images_stay_for_half(self, pictures: World) -> None:
        case, pool = pictures
        attacked = attack_of({"name": "missing-modality", "modality": "text"}).apply(case, 0.5, pool, Random(0))
        now = documents_of(case, attacked)
        assert sum(not document.content.text for document in now) == 3
        assert all(document.content.images for document in now)
        assert attacked.realised == 0.5

    def test_the_control_spares_what_is_relevant(self, pictures: World) -> None:
        case, pool = pictures
        control = MissingModality().control(case, 1.0, pool, Random(0))
        assert set(control.changed) == {"door", "kite", "coat", "swan"}
        assert control.realised == pytest.approx(4 / 6)
        with pytest.raises(NotApplicable, match="irrelevant"):
            MissingModality().control(replace(case, documents=case.documents[:2]), 1.0, pool, Random(0))

    def test_what_has_one_modality_keeps_it(self) -> None:
        case = replace(
            pairs(2), documents=(Document("t", Content("text")), Document("i", Content(images=(plain("red"),))))
        )
        with pytest.raises(NotApplicable, match="with text and image"):
            MissingModality().apply(case, 1.0, Pool([]), Random(0))

    def test_a_query_loses_its_image(self, pictures: World) -> None:
        case, pool = pictures
        attacked = MissingModality(where="query").apply(case, 1.0, pool, Random(0))
        assert attacked.query == Content(case.query.text)

    @pytest.mark.parametrize("settings", [{"modality": "sound"}, {"where": "nowhere"}])
    def test_settings_are_checked(self, settings: dict[str, str]) -> None:
        with pytest.raises(BadSetting):
            attack_of({"name": "missing-modality", **settings})


class TestInterferenceText:
    def test_facts_stand_behind_the_captions_of_relevant_pictures(self) -> None:
        case = pairs(3)
        attacked = InterferenceText().apply(case, 4.0, Pool([]), Random(0))
        assert set(attacked.changed) == {"0"}
        document = attacked.changed["0"]
        assert document is not None
        assert document.content.text.startswith("caption 0 ")
        facts = sentences(document.content.text.removeprefix("caption 0 "))
        assert len(facts) == attacked.realised == 4
        assert set(facts) <= set(wordings("facts"))
        assert document.content.images == case.documents[0].content.images

    def test_the_control_says_nothing(self) -> None:
        document = InterferenceText().control(pairs(3), 2.0, Pool([]), Random(0)).changed["0"]
        assert document is not None
        said = document.content.text.removeprefix("caption 0 ")
        assert not any(fact in said for fact in wordings("facts"))
        assert sentences(said)[0] in wordings("neutral")

    def test_a_query_with_an_image_gets_them(self, pictures: World) -> None:
        case, pool = pictures
        attacked = InterferenceText(where="query").apply(case, 2.0, pool, Random(0))
        assert attacked.query.text.startswith(case.query.text)
        assert attacked.query.images == case.query.images
        with pytest.raises(NotApplicable, match="no image"):
            InterferenceText(where="query").apply(replace(case, query=Content("x")), 1.0, pool, Random(0))


class TestInterferenceImage:
    @pytest.mark.parametrize(("kind", "colours"), [("black", {(0, 0, 0)}), ("white", {(255, 255, 255)})])
    def test_an_image_without_content_stands_beside_the_relevant_text(
        self, towns: World, kind: str, colours: set[tuple[int, int, int]]
    ) -> None:
        case, pool = towns
        attacked = attack_of({"name": "interference-image", "kind": kind}).apply(case, 1.0, pool, Random(0))
        assert set(attacked.changed) == {"harbour", "tower"}
        for id, document in attacked.changed.items():
            assert document is not None
            assert document.content.text == next(one.content.text for one in case.documents if one.id == id)
            pixels = MediaPolicy().open(document.content.images[0])
            assert pixels.size == (336, 336)
            assert {colour for _, colour in pixels.getcolors() or ()} == colours

    def test_noise_is_noise_and_seeded(self, towns: World) -> None:
        case, pool = towns
        first, again, other = (
            attack_of("interference-image").apply(case, 1.0, pool, Random(seed)) for seed in (1, 1, 2)
        )
        assert first == again != other
        document = first.changed["harbour"]
        assert document is not None
        pixels = MediaPolicy().open(document.content.images[0])
        assert pixels.getcolors(50_000) is None, "more colours than any picture has"

    def test_an_unrelated_image_is_another_documents(self, towns: World, pictures: World) -> None:
        attack = attack_of({"name": "interference-image", "kind": "unrelated"})
        pool = Pool([*towns[1].documents, *pictures[1].documents])
        attacked = attack.apply(towns[0], 2.0, pool, Random(0))
        document = attacked.changed["harbour"]
        assert document is not None
        known = {one.content.images[0] for one in pictures[1].documents}
        assert set(document.content.images) <= known
        assert len(set(document.content.images)) == attacked.realised == 2
        with pytest.raises(NotApplicable, match="noise"):
            attack.apply(*towns[:1], 1.0, towns[1], Random(0))

    def test_more_than_a_few_images_are_refused(self, towns: World) -> None:
        with pytest.raises(BadSetting, match="at most 8"):
            attack_of("interference-image").apply(towns[0], 9.0, towns[1], Random(0))
