import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from scripts import report
from scripts.lib import docs
from scripts.lib import sections as module
from scripts.lib.sections import ROOT, SOURCES, STAMP, Section, Source, checksum, sections, stamp

FOUND = list(sections())
STAMPED = [section for section in FOUND if STAMP.search(section.text)]


def test_every_section_has_a_source():
    assert {section.name for section in FOUND} == set(SOURCES)


@pytest.mark.parametrize("section", STAMPED, ids=lambda each: each.name)
def test_section_is_as_new_as_its_inputs(section):
    """Make it anew: python -m scripts.report --make."""
    assert section.changed() == []


def test_runs_are_of_the_configs_as_they_are():
    records = [json.loads(file.read_text()) for file in (ROOT / "docs/results/runs").glob("*.json")]
    reported = [record for record in records if record["protocol"] != "choose"]
    assert reported
    for record in reported:
        for run in record["runs"]:
            assert run.get("from", checksum(record["config"])) == checksum(record["config"])


@pytest.fixture
def source(tmp_path, monkeypatch):
    weights = tmp_path / "weights"
    weights.write_text("first")
    monkeypatch.setitem(SOURCES, "figures", Source("scripts.figures {used}", (str(weights),)))
    return weights


def test_section_is_out_of_date_when_an_input_changes(source, tmp_path):
    file = tmp_path / "page.md"
    file.write_text("<!-- figures: written by a script -->\n<!-- end of figures -->\n")
    docs.write_section("figures", "98 %", file)
    written = module.PLACES.search(file.read_text())
    section = Section(written["name"], file, written["text"])
    assert section.text.startswith("98 %\n<!-- made at ")
    assert section.changed() == []
    assert replace(section, text="98 %\n").changed() == ["no stamp"]
    source.write_text("second")
    assert section.changed() == [str(source)]


def test_each_command_runs_once_and_missing_folders_are_named(source, monkeypatch, capfd):
    monkeypatch.setitem(SOURCES, "other", SOURCES["figures"])
    ran = []
    monkeypatch.setattr(
        report.subprocess, "run", lambda words, check: ran.append(words) or SimpleNamespace(returncode=0)
    )
    assert report.make(["figures", "other"], {"used": "/pictures"}) == []
    assert [words[2:] for words in ran] == [["scripts.figures", "/pictures"]]
    assert report.make(["figures"], {"used": None}) == ["scripts.figures {used}"]
    assert "needs --used" in capfd.readouterr().err


def test_stamp_of_a_section_that_depends_on_code_alone():
    assert " from code alone -->" in stamp("faults")
