"""Finding picture files by names, folders and globs, and opening them."""

import os
from pathlib import Path

import pytest

from digitrec.errors import PictureError
from digitrec.reading.pictures.files import find, open_file


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names):
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"x")


def found(*patterns):
    return [str(path) for path in find(patterns)]


def test_the_pictures_of_a_folder_are_sorted_by_the_numbers_in_their_names(folder):
    make("a/10.png", "a/2.PNG", "a/1.jpeg", "a/b9/x.heic", "a/b10/x.tif", "a/notes.txt", "a/labels.csv")
    assert found("a") == ["a/1.jpeg", "a/2.PNG", "a/10.png", "a/b9/x.heic", "a/b10/x.tif"]


def test_hidden_files_and_folders_are_ignored_unless_named(folder):
    make("a/.hidden.png", "a/.git/x.png", "a/seen.png")
    assert found("a") == ["a/seen.png"]
    assert found("a/.git", "a/.hidden.png") == ["a/.git/x.png", "a/.hidden.png"]


def test_patterns_keep_their_order_and_each_file_comes_once(folder):
    make("b.png", "a.png", "c/d.png")
    assert found("c", "b.png", "./c/d.png", "*.png") == ["c/d.png", "b.png", "a.png"]


def test_globs_match_folders_and_files_at_any_depth(folder):
    make("a/x1.png", "a/b/x10.png", "a/b/x9.png", "a/b/x.txt", "other/y.png")
    assert found("a/**/*.png") == ["a/b/x9.png", "a/b/x10.png", "a/x1.png"]
    assert found("o*") == ["other/y.png"]
    assert found("a/*") == ["a/b/x9.png", "a/b/x10.png", "a/x1.png"]


@pytest.mark.parametrize(
    "name", ["[1].png", "a*.png", "-1.png", "two words.png", "två.png", "line\nbreak.png", "~"]
)
def test_a_file_of_this_name_comes_before_a_glob(folder, name):
    make(name, "1.png", "ab.png")
    assert found(name) == [name]


def test_a_named_file_may_have_any_suffix(folder):
    make("scan.dat")
    assert found("scan.dat") == ["scan.dat"]


def test_the_home_folder_is_expanded(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    make("a.png")
    assert found("~/a.png") == [str(folder / "a.png")]


def test_links_are_separate_pictures_and_cycles_end(folder):
    make("a/x.png")
    Path("a/y.png").symlink_to("x.png")
    Path("a/round").symlink_to(".")
    assert found("a") == ["a/x.png", "a/y.png"]


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("empty", "The folder empty contains no pictures: choose another."),
        ("*.gif", "No picture matches *.gif: check the pattern."),
        ("none.png", "There is no file none.png: check the name."),
        ("a\0b", r"There is no file 'a\x00b': check the name."),
        ("x" * 300, f"There is no file {'x' * 300}: check the name."),
    ],
)
def test_a_pattern_without_a_picture_is_refused(folder, pattern, sentence):
    Path("empty").mkdir()
    with pytest.raises(PictureError) as error:
        find([pattern])
    assert str(error.value) == sentence
    make("a.png")
    assert find(["a.png", pattern]) == [Path("a.png"), Path(pattern)]  # the second is refused when it is read
    with pytest.raises(PictureError) as error:
        open_file(Path(pattern), pattern)
    assert str(error.value) == sentence


def test_without_a_pattern_nothing_is_read(folder):
    make("a.png")  # it must not be found
    for patterns in ([], [""]):
        with pytest.raises(PictureError, match="name at least one"):
            find(patterns)


def test_pipes_devices_and_folders_are_not_opened(folder):
    os.mkfifo("pipe.png")
    make("a/b.png")
    for name, reason in (("pipe.png", "regular file"), (os.devnull, "regular file"), ("a", "is a folder")):
        with pytest.raises(PictureError, match=reason):
            open_file(Path(name), name)
