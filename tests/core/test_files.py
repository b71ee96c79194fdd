"""Only regular files inside the roots are read, whatever links, names and special files say."""

import os
import socket
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tamis.core.errors import MediaBroken, MediaRefused, MediaTooLarge
from tamis.core.image import Image
from tamis.core.media import MediaPolicy


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a file, beside it a folder whose name starts the same and holds a secret."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "in.bin").write_bytes(b"inside")
    (tmp_path / "data2").mkdir()
    (tmp_path / "data2" / "secret.bin").write_bytes(b"secret")
    return tmp_path / "data"


def read(root: Path, path: str | Path, max_bytes: int = 1000) -> bytes:
    return MediaPolicy(roots=(str(root),), max_bytes=max_bytes).read(Image(path=str(path)))


def test_a_file_inside_a_root_is_read(root: Path) -> None:
    (root / "below").mkdir()
    (root / "below" / "ü 象.bin").write_bytes(b"deep")
    assert read(root, root / "in.bin") == b"inside"
    assert read(root, root / "below" / "ü 象.bin") == b"deep"
    assert read(root, root / "below" / ".." / "in.bin") == b"inside"


def test_no_path_is_allowed_by_default(root: Path) -> None:
    with pytest.raises(MediaRefused, match=r"in\.bin.*roots="):
        MediaPolicy().read(Image(path=str(root / "in.bin")))


@pytest.mark.parametrize("path", ["../data2/secret.bin", "x/../../data2/secret.bin", "../data2", "..", "/etc/passwd"])
def test_a_path_that_leads_out_is_refused(root: Path, path: str) -> None:
    with pytest.raises(MediaRefused, match="not inside an allowed folder"):
        read(root, root / path)


def test_the_refusal_is_the_same_whether_or_not_something_is_there(root: Path) -> None:
    messages = []
    for name in ("secret.bin", "absent.bin"):
        with pytest.raises(MediaRefused) as refused:
            read(root, root.parent / "data2" / name)
        messages.append(str(refused.value).replace(name, "NAME"))
    assert messages[0] == messages[1]


def test_a_root_does_not_allow_folders_whose_names_begin_like_it(root: Path) -> None:
    with pytest.raises(MediaRefused):
        read(root, f"{root}2/secret.bin")


def test_links_that_lead_out_are_refused_and_links_that_stay_inside_are_followed(root: Path) -> None:
    (root / "out.bin").symlink_to(root.parent / "data2" / "secret.bin")
    (root / "folder").symlink_to(root.parent / "data2", target_is_directory=True)
    (root / "inner.bin").symlink_to("in.bin")
    for path in ("out.bin", "folder/secret.bin"):
        with pytest.raises(MediaRefused, match="not inside an allowed folder"):
            read(root, root / path)
    assert read(root, root / "inner.bin") == b"inside"


def test_a_link_that_runs_in_a_circle_is_a_typed_error(root: Path) -> None:
    (root / "circle").symlink_to("circle")
    with pytest.raises((MediaRefused, MediaBroken), match="circle"):
        read(root, root / "circle")


def test_a_root_may_itself_be_a_link(root: Path) -> None:
    link = root.parent / "link"
    link.symlink_to(root, target_is_directory=True)
    assert read(link, root / "in.bin") == b"inside"
    assert read(link, link / "in.bin") == b"inside"
    assert read(root, link / "in.bin") == b"inside"


def test_a_relative_path_and_root_count_from_the_working_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    policy = MediaPolicy(roots=("data",))
    assert policy.read(Image(path="data/in.bin")) == b"inside"
    monkeypatch.chdir(root.parent / "data2")
    (root.parent / "data2" / "data").mkdir()
    (root.parent / "data2" / "data" / "in.bin").write_bytes(b"another")
    with pytest.raises(MediaRefused):
        policy.read(Image(path="data/in.bin"))


def test_a_single_file_can_be_allowed(root: Path) -> None:
    assert read(root / "in.bin", root / "in.bin") == b"inside"
    (root / "other.bin").write_bytes(b"other")
    with pytest.raises(MediaRefused):
        read(root / "in.bin", root / "other.bin")
    with pytest.raises(MediaRefused, match="a folder"):
        read(Path("/"), "/")


def test_the_file_system_root_can_be_allowed(root: Path) -> None:
    assert read(Path("/"), root / "in.bin") == b"inside"


@pytest.mark.parametrize("name", ["absent.bin", "in.bin/below.bin", "absent/x.bin"])
def test_a_missing_file_is_broken_and_named(root: Path, name: str) -> None:
    with pytest.raises(MediaBroken, match=name):
        read(root, root / name)


def test_an_unreadable_file_is_broken_and_named(root: Path) -> None:
    (root / "in.bin").chmod(0)
    if os.access(root / "in.bin", os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(MediaBroken, match=r"in\.bin.*Permission denied"):
        read(root, root / "in.bin")


def test_special_files_are_refused_without_waiting(root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "folder").mkdir()
    listener = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(root)  # the path of a socket must be short
    try:
        listener.bind("socket")
    finally:
        os.chdir(here)
    refusals: list[str] = []

    def attempt() -> None:
        for name in ("pipe", "folder", "socket", "."):
            with pytest.raises(MediaRefused, match="not a regular file") as refused:
                read(root, root / name)
            refusals.append(str(refused.value))

    worker = threading.Thread(target=attempt, daemon=True)
    worker.start()
    worker.join(timeout=5)
    listener.close()
    assert len(refusals) == 4


def test_devices_are_refused() -> None:
    for device in ("/dev/zero", "/dev/null", "/dev/tty"):
        if os.path.exists(device) and stat.S_ISCHR(os.stat(device).st_mode):
            with pytest.raises(MediaRefused, match="not a regular file"):
                read(Path("/dev"), device)


def test_the_bound_on_bytes_is_exact_and_found_before_reading(root: Path) -> None:
    assert read(root, root / "in.bin", max_bytes=6) == b"inside"
    with pytest.raises(MediaTooLarge, match=r"in\.bin.*6 bytes; max_bytes is 5"):
        read(root, root / "in.bin", max_bytes=5)
    with (root / "sparse.bin").open("wb") as sparse:
        sparse.truncate(2**40)
    with pytest.raises(MediaTooLarge, match=str(2**40)):
        read(root, root / "sparse.bin")


def test_a_file_that_reports_no_size_is_still_bounded() -> None:
    if not os.path.exists("/proc/self/status") or os.stat("/proc/self/status").st_size:
        pytest.skip("needs a /proc whose files report no size")
    with pytest.raises(MediaTooLarge, match="more than 16 bytes"):
        read(Path("/proc"), "/proc/self/status", max_bytes=16)


def test_a_nul_in_the_path_is_refused(root: Path) -> None:
    with pytest.raises(MediaRefused, match="NUL"):
        read(root, f"{root}/in.bin\0.png")


def test_a_very_long_path_is_a_typed_error(root: Path) -> None:
    with pytest.raises((MediaRefused, MediaBroken)):
        read(root, root / ("x" * 5000))


def test_no_descriptor_is_left_open(root: Path) -> None:
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc to count open files")
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "c.bin").write_bytes(b"c")
    before = len(os.listdir("/proc/self/fd"))
    for name in ("a/b/c.bin", "a/b/absent", "a/b", "a/x/y"):
        for _ in range(5):
            try:
                read(root, root / name)
            except (MediaBroken, MediaRefused):
                continue
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.fixture(scope="module")
def maze(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with links in and out, and a secret outside."""
    base = tmp_path_factory.mktemp("maze")
    (base / "root" / "a").mkdir(parents=True)
    (base / "root" / "file").write_bytes(b"inside")
    (base / "root" / "a" / "file").write_bytes(b"inside")
    (base / "file").write_bytes(b"secret")
    (base / "root" / "up").symlink_to("..")
    (base / "root" / "a" / "up").symlink_to("../..")
    (base / "root" / "a" / "self").symlink_to(".")
    return base


@given(parts=st.lists(st.sampled_from(["a", "up", "self", "file", "root", "..", ".", "", "x"]), max_size=8))
def test_no_path_ever_reaches_what_is_outside(maze: Path, parts: list[str]) -> None:
    try:
        found = read(maze / "root", f"{maze}/root/{'/'.join(parts)}")
    except (MediaRefused, MediaBroken):
        return
    assert found == b"inside"


def test_a_folder_swapped_for_a_link_at_any_moment_leads_nowhere(root: Path) -> None:
    """Another process replaces an inner folder by a link to the outside, over and over, while files are read."""
    inner, aside, link = root / "inner", root / "aside", root / "link"
    inner.mkdir()
    (inner / "secret.bin").write_bytes(b"inside")
    link.symlink_to(root.parent / "data2", target_is_directory=True)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            inner.rename(aside)
            link.rename(inner)
            inner.rename(link)
            aside.rename(inner)

    worker = threading.Thread(target=swap)
    worker.start()
    found = set()
    try:
        for _ in range(500):
            try:
                found.add(read(root, inner / "secret.bin"))
            except (MediaRefused, MediaBroken):
                continue
    finally:
        stop.set()
        worker.join()
    assert found <= {b"inside"}
