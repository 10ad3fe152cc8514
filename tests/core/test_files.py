"""Files: round trips, and nothing half-written whatever goes wrong."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.core import files
from yukawa.core.errors import InputError, StoreError
from yukawa.core.files import (
    atomic_write,
    begins_with,
    check_made_folder,
    check_new_folder,
    check_output,
    hash_file,
    new_folder,
    open_file,
    parse_json,
    read_all,
    read_bytes,
    read_jsonl,
    read_object,
    read_text,
    write_jsonl,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
ROWS = st.lists(st.dictionaries(TEXT, VALUES, max_size=4), max_size=6)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of a property: each example overwrites its file."""
    return tmp_path_factory.mktemp("files")


# Laws


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
@settings(max_examples=50)
@given(rows=ROWS)
def test_rows_come_back_as_they_went(name: str, rows: list[dict[str, Any]], shared: Path) -> None:
    path = shared / name
    assert write_jsonl(path, rows) == len(rows)
    assert list(read_jsonl(path)) == rows
    assert os.listdir(shared).count(name) == 1
    assert not [entry for entry in os.listdir(shared) if entry.endswith(".part")]


@settings(max_examples=50)
@given(rows=ROWS)
def test_equal_rows_make_equal_bytes_and_gzip_only_packs_them(
    rows: list[dict[str, Any]], shared: Path
) -> None:
    plain, one, two = shared / "a.jsonl", shared / "b.jsonl.gz", shared / "c.jsonl.gz"
    for path in (plain, one, two):
        write_jsonl(path, iter(rows))
    assert one.read_bytes() == two.read_bytes()
    assert gzip.decompress(one.read_bytes()) == plain.read_bytes()


@settings(max_examples=50)
@given(data=st.binary() | TEXT)
def test_what_is_written_is_there_and_its_hash_agrees(data: bytes | str, shared: Path) -> None:
    path = shared / "data"
    atomic_write(path, data)
    raw = data if isinstance(data, bytes) else data.encode()
    assert path.read_bytes() == raw
    assert hash_file(path) == hashlib.sha256(raw).hexdigest()


@pytest.mark.parametrize("step", ["open", "write", "fsync", "replace"])
@pytest.mark.parametrize(
    ("code", "says"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only"), (errno.EIO, os.strerror(errno.EIO))],
)
def test_a_failure_anywhere_leaves_the_old_file_and_nothing_else(
    step: str, code: int, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    write_jsonl(path, [{"old": 1}])
    break_at(step, OSError(code, os.strerror(code)), monkeypatch)
    for attempt in (lambda: atomic_write(path, "new"), lambda: write_jsonl(path, [{"new": 1}])):
        with pytest.raises(StoreError) as caught:
            attempt()
        assert says in str(caught.value)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    monkeypatch.undo()
    assert list(read_jsonl(path)) == [{"old": 1}]
    assert os.listdir(tmp_path) == ["rows.jsonl"]


def break_at(step: str, error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one step of writing fail with `error`."""

    def fail(*args: object, **kwargs: object) -> None:
        raise error

    if step in ("fsync", "rename", "replace", "mkdir"):
        monkeypatch.setattr(os, step, fail)
    elif step == "open":
        monkeypatch.setattr(files, "open", fail, raising=False)
    else:
        monkeypatch.setattr(files, "open", lambda path, mode: Broken(path, mode, error), raising=False)


class Broken:
    """A file that opens and then refuses every byte."""

    def __init__(self, path: Path, mode: str, error: OSError) -> None:
        self.handle = open(path, mode)  # noqa: SIM115 -- closed by the code under test
        self.error = error

    def write(self, data: bytes) -> int:
        raise self.error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.handle, name)


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), FileNotFoundError(2, "elsewhere"), RuntimeError("x")])
def test_an_error_in_the_rows_is_their_own_and_the_old_file_stands(
    error: BaseException, name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    write_jsonl(path, [{"old": 1}])

    def rows() -> Iterator[dict[str, int]]:
        yield {"new": 1}
        raise error

    with pytest.raises(type(error)):
        write_jsonl(path, rows())
    assert list(read_jsonl(path)) == [{"old": 1}]
    assert os.listdir(tmp_path) == [name]


def test_a_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_jsonl(path, [{"old": 1}])

    def rows() -> Iterator[dict[str, int]]:
        for n in range(3):
            assert list(read_jsonl(path)) == [{"old": 1}]
            yield {"new": n}

    write_jsonl(path, rows())
    assert [row["new"] for row in read_jsonl(path)] == [0, 1, 2]


def test_reading_holds_one_row_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\nnot json\n')
    rows = read_jsonl(path)
    assert next(rows) == {"a": 1}, "the damage behind is not yet met"
    with pytest.raises(InputError, match=r"rows\.jsonl:2 is not valid JSON"):
        next(rows)


def fill(folder: Path) -> None:
    with files.new_folder(folder, replace=True) as beside:
        (beside / "deep").mkdir()
        (beside / "deep" / "new").write_text("new")


@pytest.mark.parametrize("step", ["mkdir", "fsync", "rename", "replace"])
def test_a_full_disk_anywhere_leaves_the_old_folder_and_nothing_else(
    step: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").write_text("old")
    with monkeypatch.context() as patched:
        break_at(step, OSError(errno.ENOSPC, "No space left on device"), patched)
        with pytest.raises(StoreError, match="model cannot be written: the disk is full"):
            fill(folder)
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "old"]
    fill(folder)
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))] == [
        "model", "model/deep", "model/deep/new",
    ]  # fmt: skip


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (KeyboardInterrupt(), KeyboardInterrupt),
        (FileNotFoundError(2, "elsewhere"), FileNotFoundError),
        (RuntimeError("unexpected pos 64 vs 0"), StoreError),
    ],
)
def test_an_error_in_the_block_leaves_what_was_there(
    error: BaseException, seen: type[BaseException], replace: bool, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    if replace:
        (folder / "old").write_text("old")

    def write() -> None:
        with files.new_folder(folder, replace=replace, errors=(RuntimeError,)) as beside:
            (beside / "half").write_text("half")
            raise error

    with pytest.raises(seen):
        write()
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "old"][: 1 + replace]


def test_a_killed_writer_leaves_the_old_folder(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").write_text("old")
    code = (
        "import os, pathlib, sys; from yukawa.core import files\n"
        "with files.new_folder(pathlib.Path(sys.argv[1]), replace=True) as beside:\n"
        "    (beside / 'half').write_text('half'); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(folder)], check=False).returncode == 9
    assert [path.name for path in folder.iterdir()] == ["old"]


def test_every_file_of_a_folder_is_synced_before_it_is_renamed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (done.append("sync"), sync(number)))
    monkeypatch.setattr(os, "replace", lambda *names: (done.append("rename"), replace(*names)))
    fill(tmp_path / "model")
    # The file, its folder, the folder of all; the rename; the folder that holds the new name.
    assert done == ["sync", "sync", "sync", "rename", "sync"]


def test_a_folder_that_holds_files_and_a_file_are_refused_and_an_empty_one_is_taken(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    for name, reason in (("full", "holds files already"), ("full/x", "is a file")):
        with pytest.raises(InputError, match=reason), files.new_folder(tmp_path / name):
            pytest.fail("the block was run")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with files.new_folder(tmp_path / "link") as beside:
        (beside / "x").write_text("x")
    assert (tmp_path / "real" / "x").read_text() == "x"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.EROFS, "Read-only file system"), "the file system is read-only"),
        (
            RuntimeError("[enforce fail at inline_container.cc:603] . unexpected pos 64 vs 0"),
            "the disk is full",
        ),
        (
            RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
            "the disk is full",
        ),
        (sqlite3.OperationalError("database or disk is full"), "the disk is full"),
        (sqlite3.OperationalError("disk I/O error"), "the disk gave an error (disk I/O error)"),
        (RuntimeError("some\nlines"), "some"),
        (ValueError(), "ValueError"),
    ],
)
def test_why_a_writer_failed_is_said_in_a_few_words(error: Exception, reason: str) -> None:
    assert files.write_failure(error)[0] == reason


# Examples


def test_file_is_synced_before_and_folder_after_the_rename(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done: list[str] = []
    sync, replace = os.fsync, os.replace

    def note_sync(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def note_replace(old: Path, new: Path) -> None:
        done.append("rename")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_replace)
    atomic_write(tmp_path / "x", b"1")
    assert done == ["file", "rename", "folder"]


def test_permissions_are_kept_and_a_link_is_followed(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    atomic_write(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_name_as_long_as_the_system_allows(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    atomic_write(path, "1")
    assert path.read_text() == "1"


def test_blank_lines_and_a_byte_order_mark_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes('\ufeff{"a": "é\u2028"}\r\n\n  \n{"b": 2}'.encode())
    assert list(read_jsonl(path)) == [{"a": "é\u2028"}, {"b": 2}]


# Bad input


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{'a': 1}", "is not valid JSON"),
        (b'{"a": 1', "is not valid JSON"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": "\xe9"}', "is not UTF-8 text"),
        (b"[1, 2]", "holds list"),
        (b"3", "holds int"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "is not valid JSON"),
        (b"\x00\x01\xff", "is not UTF-8 text"),
    ],
)
def test_a_bad_line_is_named_by_file_and_line(line: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": 1}\n\n' + line + b"\n")
    with pytest.raises(InputError) as caught:
        list(read_jsonl(path))
    assert f"{path}:3 " in str(caught.value)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_gzip_cut_off_or_false_is_said(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    write_jsonl(path, [{"n": n, "noise": hashlib.sha256(str(n).encode()).hexdigest()} for n in range(1000)])
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    for content in (whole[: len(whole) // 2], whole[:-4], b'{"a": 1}\n', bytes(flipped)):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"rows\.jsonl\.gz:\d+ is "):
            list(read_jsonl(path))


@pytest.mark.parametrize("act", [hash_file, lambda path: list(read_jsonl(path))])
def test_a_missing_file_and_a_folder_are_said(act: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent cannot be read: No such file"):
        act(tmp_path / "absent")
    with pytest.raises(InputError, match=r"cannot be read: it is a folder"):
        act(tmp_path)


@pytest.mark.parametrize("row", [{"a": float("nan")}, {"a": object()}, {"a": b"x"}, {"a": "\ud800"}])
def test_a_row_that_is_no_json_is_refused(row: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with pytest.raises(InputError, match=r"row 2 for .* cannot be written as JSON"):
        write_jsonl(path, [{"a": 1}, row])
    assert os.listdir(tmp_path) == []


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="its folder does not exist"):
        atomic_write(tmp_path / "absent" / "x", "1")
    with pytest.raises(InputError, match="it is a folder"):
        atomic_write(tmp_path, "1")
    assert os.listdir(tmp_path) == []


def test_json_lines_are_one_object_a_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_jsonl(path, [{"text": "two\nlines"}, {"text": "π"}])
    lines = path.read_text(encoding="utf-8").split("\n")
    assert [json.loads(line)["text"] for line in lines[:2]] == ["two\nlines", "π"]
    assert lines[2:] == [""]


# ---- hostile files -----------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for read in (lambda p: list(read_jsonl(p)), read_text, hash_file):
        with pytest.raises(InputError, match="a pipe, a socket or a device"):
            read(tmp_path / "pipe")


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null"])
def test_a_device_is_refused(name):
    if not os.path.exists(name):
        pytest.skip(f"this system has no {name}")
    with pytest.raises(InputError, match="a pipe, a socket or a device"):
        read_text(Path(name))


def test_a_file_too_large_to_be_settings_is_refused(tmp_path):
    (tmp_path / "large").write_bytes(b"a" * 2_000_000)
    with pytest.raises(InputError, match="larger than 1 MiB"):
        read_text(tmp_path / "large", largest=1 << 20)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000, '{"a":' * 50_000, "[" * 900 + "]" * 899, "9" * 6000, "NaN", "[1, Infinity]", '"\\ud800"', '["\\udfff a"]',
        '{"\\ud800": 1}', "'a'", "", "\x00", "[1 2]", "1e", '"\t"',
    ],
)  # fmt: skip
def test_what_is_not_json_that_can_be_kept_is_refused_in_one_line(text):
    with pytest.raises(InputError, match=r"^here ") as caught:
        parse_json(text, "here")
    assert "\n" not in str(caught.value)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        st.lists,
    )
)
def test_what_is_json_is_read(value):
    assert parse_json(json.dumps(value), "here") == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode(), "here") == value


# ---- what may be written over ------------------------------------------------------------------------


@pytest.mark.parametrize("force", [False, True])
def test_what_is_read_or_belongs_to_the_program_is_never_written_over(tmp_path: Path, force: bool) -> None:
    file, own = tmp_path / "file", tmp_path / "own"
    file.write_text("1")
    own.mkdir()
    os.symlink(file, tmp_path / "symbolic")
    os.link(file, tmp_path / "hard")
    os.symlink(own, tmp_path / "door")
    for name in ("file", "symbolic", "hard", "own/../file"):
        with pytest.raises(InputError, match="belongs to Yukawa itself"):
            check_output(tmp_path / name, force=force, own=[file])
        with pytest.raises(InputError, match="is read by the same command"):
            check_output(tmp_path / name, force=force, inputs=[file])
    for name in ("own", "own/new", "door/new", "own/deep/new"):
        with pytest.raises(InputError, match="belongs to Yukawa itself"):
            check_output(tmp_path / name, force=force, own=[own])
    with pytest.raises(InputError, match="belongs to Yukawa itself"):
        check_output(tmp_path / "not-yet", force=force, own=[tmp_path / "not-yet"])
    check_output(tmp_path / "owner", force=force, own=[own], inputs=[file])


@pytest.mark.parametrize("name", ["a\0b", "\0"])
def test_what_names_no_file_is_refused(tmp_path: Path, name: str) -> None:
    for check in (check_output, check_new_folder, open_file, check_made):
        with pytest.raises(InputError, match="is not the name of a file"):
            check(tmp_path / name)


def check_made(path: Path) -> None:
    check_made_folder(path, ["x"])


def test_a_name_that_is_too_long_is_refused_by_whoever_writes(tmp_path: Path) -> None:
    long = tmp_path / ("a" * 300) / "b"
    for path in (long, long.parent):
        check_output(path)
        check_new_folder(path)
        with pytest.raises(StoreError, match="cannot be written"):
            atomic_write(path, "x")
        with pytest.raises(StoreError, match="cannot be written"), new_folder(path):
            pass
    with pytest.raises(InputError, match="cannot be read"):
        open_file(long)


def test_standard_input_is_read_as_a_file_is(tmp_path: Path) -> None:
    data = bytes(range(256)) * 9000
    assert read_all(io.BytesIO(data), "standard input") == data
    with pytest.raises(InputError, match="standard input is larger than 1 MiB"):
        read_all(io.BytesIO(data), "standard input", 1 << 20)


def test_a_file_is_written_over_by_force_and_a_pipe_or_a_device_never(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("1")
    with pytest.raises(InputError, match="is there already"):
        check_output(tmp_path / "file")
    check_output(tmp_path / "file", force=True)
    os.symlink("nowhere", tmp_path / "link")
    with pytest.raises(InputError, match="is there already"):
        check_output(tmp_path / "link")
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", tmp_path, Path("/dev/null")):
        for write in (lambda path: check_output(path, force=True), lambda path: atomic_write(path, "1")):
            with pytest.raises(InputError, match=r"it is a (pipe|folder)"):
                write(place)
    with pytest.raises(InputError, match="is not the name of a file"):
        check_output(Path("a\0b"))


@pytest.mark.parametrize(
    ("names", "force", "said"),
    [
        ([], False, ""), (["report.md"], True, "holds files already"), (["report.json"], False, "replace them with --force"),
        (["report.json", "a.png"], True, ""), (["report.json", "mine"], True, "holds 'mine'"),
        ([".0123.part"], True, ""),
    ],
)  # fmt: skip
def test_a_folder_is_written_into_by_who_made_it(
    tmp_path: Path, names: list[str], force: bool, said: str
) -> None:
    folder = tmp_path / "out"
    check_made_folder(folder, ["report.json"], force=force)  # a new one
    folder.mkdir()
    for name in names:
        (folder / name).touch()

    def check() -> None:
        check_made_folder(folder, ["report.json"], ["report.md", "*.png"], force=force)

    if said:
        with pytest.raises(InputError, match=said):
            check()
    else:
        check()


def test_a_file_of_rows_is_known_by_its_begin(tmp_path: Path) -> None:
    file = tmp_path / "rows"
    row = b'{"kind": "losses", "model": "a"}\n'
    for content, ours in ((b"", True), (row, True), (row[:9], True), (b"{}\n", False), (b"losses", False)):
        file.write_bytes(content)
        assert begins_with(file, "losses") == ours


def test_a_file_is_read_to_its_limit_only(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 2_000_000)
    assert len(read_bytes(file)) == 2_000_000
    for largest in (0, 1, 1_999_999):
        with pytest.raises(InputError, match="is larger than"):
            read_bytes(file, largest)
    file.write_bytes(b'\xef\xbb\xbf{"a": [1,\r\n2]}')
    assert read_object(file) == {"a": [1, 2]}
    file.write_bytes(b"[1]")
    with pytest.raises(InputError, match="file holds list"):
        read_object(file)
