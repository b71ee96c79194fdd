"""The journal: whole lines or none, one writer, and damage told from an interrupted write."""

import errno
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.errors import BadInput
from tamis.eval.outcome import Failed, Outcome, Scored, Unscored
from tamis.eval.run.errors import RunLocked, RunStopped
from tamis.eval.run.journal import FILE, Journal, line_of, records
from tamis.eval.run.record import Record
from tamis.eval.variant import CLEAN, Variant


def record(number: int, variant: Variant = CLEAN, answer: str | None = "an answer") -> Record:
    outcomes: dict[str, Outcome] = {"a": Scored(number / 3), "b": Unscored("no answer"), "c": Failed("TimeoutError")}
    return Record(f"c{number}", number, variant, f"c{number}", outcomes, answer=answer, evidence={"steps": []})


def journal_of(folder: Path, count: int) -> list[Record]:
    written = [record(number, answer=f"answer {number} \u2028\n é 語") for number in range(count)]
    with Journal(folder) as journal:
        for future in [journal.append(line_of(one)) for one in written]:
            future.result(5)
    return written


def test_what_was_written_is_read_back_line_by_line_as_json(tmp_path: Path) -> None:
    written = journal_of(tmp_path, 5)
    assert list(records(tmp_path)) == written
    lines = (tmp_path / FILE).read_text("ascii").split("\n")
    assert [json.loads(line)["record"]["case"] for line in lines[:-1]] == ["c0", "c1", "c2", "c3", "c4"]
    assert list(records(tmp_path / "nowhere")) == []


def test_opening_it_again_says_what_is_done_and_appends(tmp_path: Path) -> None:
    journal_of(tmp_path, 2)
    with Journal(tmp_path) as journal:
        assert journal.done == {"clean": {0, 1}}
        journal.append(line_of(record(0, Variant("poison", 5.0)))).result(5)
    with Journal(tmp_path) as journal:
        assert journal.done == {"clean": {0, 1}, "poison@5": {0}}
        assert journal.count == 3


@given(st.data())
def test_whatever_an_interrupted_write_leaves_is_cut_and_nothing_else(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = journal_of(folder, 3)
        file = folder / FILE
        lines = file.read_bytes().splitlines(keepends=True)
        last = lines[2]
        damaged = data.draw(
            st.one_of(
                st.integers(0, len(last) - 1).map(lambda end: last[:end]),
                st.integers(0, len(last) - 1).map(lambda at: last[:at] + bytes([last[at] ^ 1]) + last[at + 1 :]),
                st.integers(1, 5000).map(bytes),
                st.binary(min_size=1, max_size=50).map(lambda noise: noise + b"\n" + last[:20]),
            )
        )
        file.write_bytes(lines[0] + lines[1] + damaged)
        assert list(records(folder)) == written[:2]
        with Journal(folder) as journal:
            assert journal.done == {"clean": {0, 1}}
            journal.append(line_of(written[2])).result(5)
        assert file.read_bytes() == b"".join(lines)


def test_a_damaged_tail_is_cut_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal_of(tmp_path, 2)
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"crc32":"00')
    with caplog.at_level(logging.WARNING):
        Journal(tmp_path).close()
    assert "its last 12 bytes are damaged and left out; what they held is run again" in caplog.text
    caplog.clear()
    Journal(tmp_path).close()
    assert caplog.text == ""


@pytest.mark.parametrize("change", [lambda line: line[:-9] + b"\n", lambda line: line.replace(b"answer", b"ANSWER")])
def test_damage_before_whole_lines_is_an_error_that_names_the_line(tmp_path: Path, change: object) -> None:
    journal_of(tmp_path, 3)
    lines = (tmp_path / FILE).read_bytes().splitlines(keepends=True)
    (tmp_path / FILE).write_bytes(lines[0] + change(lines[1]) + lines[2])  # type: ignore[operator]
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(BadInput, match=r"journal\.jsonl, line 2: damaged, though whole lines follow it"):
        list(records(tmp_path))
    with pytest.raises(BadInput, match="line 2"):
        Journal(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before


def test_a_journal_with_one_case_twice_is_refused(tmp_path: Path) -> None:
    journal_of(tmp_path, 2)
    with (tmp_path / FILE).open("ab") as file:
        file.write(line_of(record(1)))
    with pytest.raises(BadInput, match='case "c1" has two records for clean'):
        Journal(tmp_path)


HOLDER = """
import sys, time
from pathlib import Path
from tamis.eval.run.journal import Journal
journal = Journal(Path(sys.argv[1]))
print("open", flush=True)
time.sleep(60)
"""


def test_a_second_writer_is_refused_until_the_first_has_died(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(RunLocked, match=f"process {holder.pid} is writing to this run"):
            Journal(tmp_path)
        holder.send_signal(signal.SIGKILL)
    Journal(tmp_path).close()


def test_a_record_counts_only_when_its_fsync_has_returned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may_return = threading.Event()
    sizes: list[int] = []
    real = os.fsync

    def slow_disk(descriptor: int) -> None:
        sizes.append(os.fstat(descriptor).st_size)
        may_return.wait(5)
        real(descriptor)

    with Journal(tmp_path) as journal:
        monkeypatch.setattr(os, "fsync", slow_disk)
        lines = [line_of(record(number)) for number in range(50)]
        futures = [journal.append(line) for line in lines]
        while not sizes:
            threading.Event().wait(0.001)
        assert not any(future.done() for future in futures)
        may_return.set()
        for future in futures:
            future.result(5)
    # All that came while the disk was busy shared one more fsync, or two.
    assert len(sizes) <= 3
    assert sizes[-1] == sum(map(len, lines))


FULL = """
import resource, sys
from pathlib import Path
from tamis.eval.run.errors import RunStopped
from tamis.eval.run.journal import Journal
folder, line = Path(sys.argv[1]), sys.stdin.buffer.read()
with Journal(folder) as journal:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(2.5 * len(line)),) * 2)
    for _ in range(2):
        journal.append(line).result(5)
    failed = [journal.append(line) for _ in range(3)]
    for future in failed:
        try:
            future.result(5)
        except RunStopped as error:
            print(error)
"""


def test_a_file_that_may_not_grow_stops_with_what_was_written_intact(tmp_path: Path) -> None:
    line = line_of(record(0))
    run = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], input=line, capture_output=True, check=True)
    said = run.stdout.decode().splitlines()
    assert said == [f"{tmp_path / FILE}: there is no room to write on ({os.strerror(errno.EFBIG)})"] * 3
    assert (tmp_path / FILE).read_bytes() == 2 * line


def test_a_disk_that_fails_fails_what_was_waiting_and_what_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with Journal(tmp_path) as journal:
        journal.append(line_of(record(0))).result(5)
        monkeypatch.setattr(os, "fsync", broken)
        with pytest.raises(RunStopped, match=r"it cannot be written \(Input/output error\)"):
            journal.append(line_of(record(1))).result(5)
        monkeypatch.undo()
        with pytest.raises(RunStopped):
            journal.append(line_of(record(2))).result(5)
    assert [one.case for one in records(tmp_path)] == ["c0"]
