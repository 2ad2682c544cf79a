"""Atomic replacement of a file."""

import errno
import os

import pytest

from digitrec.files import remove_leftovers, replacing


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "some.ckpt"
    path.write_bytes(b"before")
    return path


def test_file_is_synced_before_it_replaces_the_old_one(target, monkeypatch):
    synced = []
    fsync = os.fsync

    def record(descriptor):
        synced.append((os.fstat(descriptor).st_size, target.read_bytes()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    with replacing(target) as file:
        file.write(b"after it")
        assert target.read_bytes() == b"before"
    assert synced == [(8, b"before")]
    assert target.read_bytes() == b"after it"
    assert [path.name for path in target.parent.iterdir()] == [target.name]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()], ids=repr)
def test_failed_write_keeps_the_old_file_and_no_other(error, target):
    def write():
        with replacing(target) as file:
            file.write(b"half")
            raise error

    with pytest.raises(type(error)):
        write()
    assert target.read_bytes() == b"before"
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    if isinstance(error, OSError):
        assert error.filename == str(target)


def test_processes_that_write_one_file_have_separate_temporary_files(target):
    with replacing(target) as file:
        file.write(b"one")
        with replacing(target) as other:
            other.write(b"two")
        assert target.read_bytes() == b"two"
    assert target.read_bytes() == b"one"
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_leftovers_of_a_kill_are_removed_and_nothing_else(target):
    for name in ("some.ckpt.0123abcd.tmp", "mine.tmp", "mine.0123abcz.tmp"):
        target.with_name(name).touch()
    remove_leftovers(target.parent)
    assert {path.name for path in target.parent.iterdir()} == {target.name, "mine.tmp", "mine.0123abcz.tmp"}
