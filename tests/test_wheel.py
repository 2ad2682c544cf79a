"""The wheel in its own environment reads a picture and serves the web page."""

import csv
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from scripts.lib.rendering import Options, render
from scripts.lib.strokes import stroke_digits
from tests.conftest import ROOT


def run(*command, cwd):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from the files of a clone only."""
    clone, folder = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("dist")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    for name in ("digitrec", "configs"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, clone, cwd=clone)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """Return the Python of an environment with the wheel.

    A .pth file adds the packages of this environment, since installing torch takes gigabytes. It does not
    add digitrec: Python ignores the .pth file of its editable install in such a folder.
    """
    builder, folder = venv.EnvBuilder(), tmp_path_factory.mktemp("fresh")
    builder.create(folder)
    python = builder.ensure_directories(folder).env_exe
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder))
    (Path(str(packages).strip()) / "others.pth").write_text(sysconfig.get_path("purelib"))
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", wheel, cwd=folder)
    return python


@pytest.mark.network
def test_wheel_reads_a_picture_in_an_empty_folder(python, tmp_path):
    render(stroke_digits()[[2, 7, 0]], Options(height=60), 0).picture.save(tmp_path / "x.png")
    code = "import digitrec; print(digitrec.__file__, digitrec.Reader.pretrained().read('x.png').text)"
    file, text = run(python, "-c", code, cwd=tmp_path).split()
    assert Path(file).is_relative_to(Path(python).parents[1])
    assert text == "270"
    command = ["-m", "digitrec", "predict", "--ckpt_path", "pretrained", "--data.pictures", "x.png"]
    assert "x.png: 270  (" in run(python, *command, cwd=tmp_path)
    with (tmp_path / "lightning_logs/predict/version_0/predictions.csv").open() as file:
        assert [row["digit"] for row in csv.DictReader(file)] == ["2", "7", "0"]
    assert {path.name for path in tmp_path.iterdir()} == {"x.png", "lightning_logs"}
    assert "x.png: 270  (" in run(Path(python).with_name("digitrec"), "read", "x.png", cwd=tmp_path)
    run(Path(python).with_name("digitrec"), "configs", cwd=tmp_path)
    assert (tmp_path / "configs/fast.yaml").read_text() == (ROOT / "configs/fast.yaml").read_text()


@pytest.mark.network
def test_wheel_has_the_web_page_and_the_command(python, tmp_path):
    code = "from digitrec.web.app import Reader, make_app; make_app(Reader.pretrained())"
    run(python, "-c", code, cwd=tmp_path)
    assert "fit" in run(Path(python).with_name("digitrec"), "--help", cwd=tmp_path)
