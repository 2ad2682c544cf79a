"""The folder of the exported page: what is in it, what is refused, and that nothing is half-written."""

import json
import re

import pytest

from digitrec.models.checkpoints import load_classifier
from digitrec.models.pretrained import PRETRAINED
from digitrec.reading.detection.decoding import DecodingLimits
from digitrec.reading.detection.page_detector import ScalePolicy
from digitrec.reading.reader import MARK
from digitrec.web import onnxruntime_web, site
from digitrec.web.__main__ import main
from digitrec.web.constants import as_module, constants

READER = site.STATIC / "reader"


@pytest.fixture
def fakes(monkeypatch):
    """Replace what takes seconds or needs the network by small files."""
    monkeypatch.setattr(onnxruntime_web, "fetch", lambda: {"ort.js": b"runtime"})
    monkeypatch.setattr(site, "export_classifier", lambda _, path, data: path.write_bytes(b"another"))


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_folder_has_the_page_the_networks_and_the_runtime(fakes, tmp_path, capsys):
    folder = tmp_path / "site"
    assert main([f"--export={folder}"]) == 0
    assert capsys.readouterr().out.endswith(f"Look at it with: python -m http.server -d {folder}\n")
    written = names(folder)
    assert {"index.html", "digits.onnx", "detector.onnx", "onnxruntime/ort.js"} < written
    assert {"backend.js", "reader/worker.js", "reader/constants.js", "site.json"} < written
    assert not {"server.js", "browser.js"} & written
    assert (folder / "backend.js").read_bytes() == (site.STATIC / "browser.js").read_bytes()
    worker = (folder / "service_worker.js").read_text()
    kept = json.loads(re.search(r"FILES = (.*);", worker)[1])
    assert set(kept) == {"./", *written} - {"service_worker.js", "site.json"}
    assert list(tmp_path.iterdir()) == [folder]


def test_a_second_export_replaces_the_first_and_its_version_follows_the_content(fakes, tmp_path, monkeypatch):
    def version():
        site.export_site(tmp_path / "site", PRETRAINED)
        return json.loads((tmp_path / "site" / "site.json").read_text())["version"]

    first = version()
    assert version() == first
    monkeypatch.setattr(site, "PRETRAINED", None)
    assert version() != first
    assert (tmp_path / "site" / "digits.onnx").read_bytes() == b"another"
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


@pytest.mark.parametrize("exported", [False, True])
def test_a_folder_with_other_files_is_refused_and_stays(exported, fakes, tmp_path, capsys):
    folder = tmp_path / "site"
    if exported:
        site.export_site(folder, PRETRAINED)
    folder.mkdir(exist_ok=True)
    (folder / "CNAME").write_text("mine")
    before = names(folder)
    assert main([f"--export={folder}"]) == 1
    message = f"digitrec: {folder} has a file that is not of an exported page: CNAME.\n"
    assert capsys.readouterr().err == message
    assert names(folder) == before


def test_a_failed_export_leaves_the_old_folder_and_nothing_else(fakes, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "site"
    site.export_site(folder, PRETRAINED)
    before = names(folder)

    def fail(_, folder):
        raise OSError(28, "No space left on device", str(folder))

    monkeypatch.setattr(site, "_write_networks", fail)
    assert main([f"--export={folder}"]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert (names(folder), list(tmp_path.iterdir())) == (before, [folder])


@pytest.mark.parametrize("name", ["no folder/site", "file"])
def test_a_place_for_no_folder_is_refused(name, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main([f"--export={tmp_path / name}"]) == 1
    assert "cannot be a new folder: choose another name in an existing folder." in capsys.readouterr().err


@pytest.mark.parametrize("fault", ["no npm", "another archive"])
def test_an_unreachable_or_changed_package_is_one_sentence(fault, tmp_path, monkeypatch, capsys):
    cache = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("PATH", str(tmp_path))
    if fault == "another archive":
        (cache / "digitrec").mkdir(parents=True)
        (cache / "digitrec" / f"onnxruntime-web-{onnxruntime_web.VERSION}.tgz").write_bytes(b"another")
    assert main([f"--export={tmp_path / 'site'}"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    if fault == "no npm":
        assert "cannot be fetched (npm is not on PATH): check npm and the connection, or copy" in said
    else:
        assert "is not the published package: delete it and try again." in said
    assert not (tmp_path / "site").exists()


def test_the_constants_are_those_of_python():
    classifier = load_classifier(PRETRAINED)
    written = constants(classifier)
    assert written["policy"]["sides"] == ScalePolicy.sides
    assert written["limits"]["peak"] == DecodingLimits.peak
    assert (written["reader"]["MARK"], written["recognizer"]["threshold"]) == (MARK, classifier.threshold)
    assert f'"threshold": {classifier.threshold}' in as_module(written)


def test_javascript_uses_only_constants_that_exist():
    known = constants(load_classifier(PRETRAINED))
    used = set()
    for path in READER.rglob("*.js"):
        text = path.read_text()
        for imported in re.findall(r'import \{ ([^}]+) \} from "[./]+/constants\.js"', text):
            for each in imported.split(", "):
                group, _, local = each.partition(" as ")
                for listed in re.findall(rf"const \{{ ([^}}]+) \}} = {local or group};", text):
                    used |= {(group, name) for name in listed.split(", ")}
                used |= {(group, name) for name in re.findall(rf"\b{local or group}\.(?!js|py)(\w+)", text)}
    assert len(used) > 50
    assert not {(group, name) for group, name in used if name not in known[group]}
    fields = {("policy", name) for name in known["policy"]} - {("policy", "batch_pixels")}
    assert fields | {(group, name) for group in ("limits", "gray") for name in known[group]} <= used
