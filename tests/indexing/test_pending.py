"""The journal of files that are being written."""

from pathlib import Path

import pytest

from tamis.indexing.ledger import Ledger
from tamis.indexing.pending import PendingFiles


def test_batches_are_read_back_each_id_once(tmp_path: Path) -> None:
    journal = PendingFiles(tmp_path / "folder" / "pending.jsonl")
    assert journal.read() == []
    journal.note(["/a", "/é\n"])
    journal.note(["/a", "/c"])
    assert PendingFiles(journal.path).read() == ["/a", "/é\n", "/c"]
    journal.keep(["/c"])
    assert journal.read() == ["/c"]
    journal.keep([])
    assert not journal.path.exists()


@pytest.mark.parametrize("torn", [b'\n["/b", "/c', b"\n[", b"\n5", b"\n\xff", b'\n{"a": 1}', b"\n[[1], null]"])
def test_a_torn_batch_is_passed_over_and_the_next_one_is_not(tmp_path: Path, torn: bytes) -> None:
    journal = PendingFiles(tmp_path / "pending.jsonl")
    journal.note(["/a"])
    with journal.path.open("ab") as file:
        file.write(torn)
    journal.note(["/d"])
    assert journal.read() == ["/a", "/d"]


def test_a_ledger_takes_what_was_pending_for_unknown_passages(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "files.json")
    ledger.note_pending(["/new"])
    assert not ledger.knows("/new")
    again = Ledger(tmp_path / "files.json")
    assert (again.knows("/new"), again.fingerprint("/new")) == (True, None)
    again.save()
    assert Ledger(tmp_path / "files.json").known() == ["/new"]


def test_saving_while_files_are_being_written_does_not_forget_them(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "files.json")
    ledger.note_empty("/was_empty", "f")
    ledger.note_pending(["/was_empty", "/new", "/given_up"])
    ledger.forget("/given_up")
    ledger.save()
    assert Ledger(tmp_path / "files.json").known() == ["/new", "/was_empty"]
