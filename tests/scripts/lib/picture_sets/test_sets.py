import gzip
import json
import re
import subprocess

import numpy as np
import pytest
from PIL import Image

from scripts.lib.picture_sets.labels import ARRAYS, LABELS
from scripts.lib.picture_sets.sets import (
    FILES,
    PAGE_KINDS,
    SUFFIXES,
    LabelError,
    PictureSet,
    commit,
    found_sets,
    known_sets,
)
from tests.conftest import ROOT

pytestmark = pytest.mark.scripts


def write(folder, *names, size=(9, 7)):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size, 200).save(folder / name)


def labels(folder, files, label, **others):
    pictures = PictureSet("owner/name", files, label, "", **others).pictures(folder)
    return {picture.file: picture.label for picture in pictures}


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        ("first", {"3.png": "3", "0_156955844400.png": "0", "7b.png": "7"}),
        ("last", {"3.png": "3", "bruno4.png": "4", "new_9.png": "9", "28_my_own_6.png": "6"}),
        ("word", {"zero.png": "0", "Seven.png": "7", "eight1.png": "8", "six_2.png": "6"}),
        ("folder", {"4/17.png": "4", "0/4.png": "0"}),
    ],
)
def test_a_rule_reads_the_label_from_the_name_or_the_folder(tmp_path, rule, names):
    write(tmp_path, *names)
    assert labels(tmp_path, ("**/*.png",), rule) == names


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("first", "digit_3.png"),
        ("last", "3_mnist.png"),
        ("word", "eighttwo.png"),
        ("word", "stone.png"),
        ("folder", "10/1.png"),
    ],
)
def test_a_name_that_a_rule_does_not_label_is_an_error(tmp_path, rule, name):
    write(tmp_path, name)
    with pytest.raises(LabelError, match=r"has no label by the rule of owner/name"):
        labels(tmp_path, ("**/*.png",), rule)


def test_what_is_left_out_is_not_read(tmp_path):
    write(tmp_path, "a/1.png", "a/12.png", "a/poster.png", "b/2.png")
    left_out = {"a/12.png, a/poster.png": "no digit", "b/*": "copies"}
    assert labels(tmp_path, ("a/*.png", "b/*.png"), "first", left_out=left_out) == {"a/1.png": "1"}


def test_labels_read_by_a_person_are_taken_file_by_file(tmp_path):
    write(tmp_path, "photo_1.png", "photo_2.png")
    truth = {"photo_1.png": "0522", "photo_2.png": "12 34"}
    assert labels(tmp_path, ("*.png",), truth) == truth
    with pytest.raises(LabelError, match=r"holds no photo_3\.png"):
        labels(tmp_path, ("*.png",), {**truth, "photo_3.png": "5"})
    with pytest.raises(LabelError, match=r"photo_2\.png has no label"):
        labels(tmp_path, ("*.png",), {"photo_1.png": "0522"})


def test_a_cropped_picture_holds_only_the_box(tmp_path):
    write(tmp_path, "1.png", "2.png")
    known = PictureSet("owner/name", ("*.png",), "first", "", crop={"1.png": [1, 2, 6, 5]})
    first, second = known.pictures(tmp_path)
    assert first.source.size == (5, 3)
    assert second.source == tmp_path / "2.png"


def test_a_snapshot_without_the_sets_files_is_an_error(tmp_path):
    write(tmp_path, "other/1.png")
    with pytest.raises(LabelError, match=r"holds no digits/\*.png: give a snapshot of owner/name"):
        labels(tmp_path, ("digits/*.png",), "first")


@pytest.mark.parametrize("form", ["abe16s+MNIST-Mobile", "abe16s/MNIST-Mobile", "MNIST-Mobile"])
def test_a_repository_is_found_by_each_form_of_its_name(tmp_path, form):
    write(tmp_path, f"{form}/digits/seven.jpg", "unrelated/1.png")
    ((known, folder),) = found_sets([tmp_path])
    assert known.repository == "abe16s/MNIST-Mobile"
    assert [picture.label for picture in known.pictures(folder)] == ["7"]


def test_a_snapshot_may_be_given_itself(tmp_path):
    write(tmp_path, "abe16s+MNIST-Mobile/digits/seven.jpg")
    ((known, folder),) = found_sets([tmp_path / "abe16s+MNIST-Mobile"])
    assert (known.repository, folder) == ("abe16s/MNIST-Mobile", tmp_path / "abe16s+MNIST-Mobile")


def test_a_folder_of_other_pictures_is_labelled_by_its_names(tmp_path, capsys):
    write(tmp_path, "mine/5.png", "mine/img_3.png", "mine/8/img_1.png", "mine/[x] two.png", "mine/cat.png")
    ((known, folder),) = found_sets([tmp_path / "mine"])
    read = {picture.file: picture.label for picture in known.pictures(folder)}
    assert known.name == "mine"
    assert read == {"5.png": "5", "8/img_1.png": "8", "img_3.png": "3"}
    assert "2 of 5 pictures have no label in their names" in capsys.readouterr().err


def test_a_folder_without_labelled_pictures_is_an_error(tmp_path):
    with pytest.raises(LabelError, match="holds no pictures"):
        found_sets([tmp_path / "nowhere"])
    write(tmp_path, "cat.png")
    with pytest.raises(LabelError, match=r"No picture in .* is labeled"):
        found_sets([tmp_path])


def test_the_pictures_of_an_array_file_are_numbered(tmp_path):
    (tmp_path / "a").mkdir()
    with gzip.open(tmp_path / "a" / "digits.csv.gz", "wt") as file:
        np.savetxt(file, np.zeros((2, 65)), delimiter=",")
    assert labels(tmp_path, ("a/*.gz",), "uci") == {"a/digits.csv.gz#0": "0", "a/digits.csv.gz#1": "0"}


def test_the_commit_is_the_files_or_gits_or_unknown(tmp_path):
    assert commit(tmp_path) == "unknown"
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=b"]
    subprocess.run([*git, "init", "-q"], check=True)
    assert commit(tmp_path) == "unknown"
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    assert len(commit(tmp_path)) == 40
    (tmp_path / "COMMIT").write_text("bbde6cee\n")
    assert commit(tmp_path) == "bbde6cee"


@pytest.mark.parametrize("sets", FILES)
def test_the_table_of_sets_is_whole(sets):
    known = known_sets(sets)
    assert len({(entry.name, entry.kind) for entry in known}) == len(known)
    for entry in known:
        assert entry.repository.count("/") == 1
        assert entry.kind in (PAGE_KINDS if sets == "pages" else ("single", "row", "benchmark"))
        assert isinstance(entry.label, dict) or entry.label in {**LABELS, **ARRAYS}
        assert set(entry.crop or ()) <= set(entry.label)
        if isinstance(entry.label, dict):
            line = r"[0-9]([0-9?]*[0-9])?" if sets == "pages" else r"[0-9]+"
            digits = r"[0-9]" if entry.kind == "single" else f"{line}( {line})*"
            assert all(re.fullmatch(digits, label) for label in entry.label.values())


def test_no_repository_is_in_two_lists():
    used, unseen, pages = ({entry.repository for entry in known_sets(sets)} for sets in FILES)
    assert min(len(used), len(unseen)) > 30
    assert used.isdisjoint(unseen)
    assert pages.isdisjoint(used | unseen)


def test_the_pages_are_many_and_labeled_one_by_one():
    known = known_sets("pages")
    assert len({entry.repository for entry in known}) >= 10
    assert sum(len(entry.label) for entry in known) >= 40
    for entry in known:
        assert {file.rpartition("/")[2] for file in entry.files} == entry.label.keys()
        assert all(left < right and top < low for left, top, right, low in (entry.crop or {}).values())


@pytest.mark.parametrize("folder", ["", "a/"])
def test_a_listed_folder_means_its_labeled_files(tmp_path, monkeypatch, folder):
    write(tmp_path, f"owner+name/{folder}1.png", f"owner+name/{folder}2.png", f"owner+name/{folder}3.png")
    (tmp_path / "list.yaml").write_text(
        f"[{{repository: owner/name, kind: table, files: ./{folder}, what: a, "
        "label: {1.png: '1?2', 3.png: '4'}}]"
    )
    monkeypatch.setitem(FILES, "pages", tmp_path / "list.yaml")
    ((known, snapshot),) = found_sets([tmp_path], "pages")
    read = {picture.file: picture.label for picture in known.pictures(snapshot)}
    assert read == {f"{folder}1.png": "1?2", f"{folder}3.png": "4"}


def test_a_folder_is_searched_for_the_sets_that_are_asked_for(tmp_path):
    repository = known_sets("unseen")[0].repository
    write(tmp_path, f"{repository}/1.png")
    assert found_sets([tmp_path], "unseen")[0][0].repository == repository
    assert found_sets([tmp_path])[0][0].repository == tmp_path.name


def test_no_picture_of_other_people_is_committed():
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False
    ).stdout.decode()
    mine = [name for name in listed.split("\0") if name.endswith(tuple(SUFFIXES))]
    assert all(name.startswith(("docs/", "digitrec/")) for name in mine), json.dumps(mine)
