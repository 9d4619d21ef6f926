"""The package as pip installs it."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from email import message_from_string
from zipfile import ZipFile

import pytest

from aifutures_site.environment import PROJECT

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
SAY = """
import importlib.metadata, json, aifutures_client
print(json.dumps([aifutures_client.__file__, importlib.metadata.version("aifutures-client"), aifutures_client.__all__]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built as from a fresh copy: setuptools leaves its traces beside what it builds."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "client"
    subprocess.run(["cp", "-r", str(PROJECT / "deploy" / "client"), str(copy)], check=True)
    command = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(copy)]
    subprocess.run(command, check=True, timeout=120)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_says_what_it_is_and_needs(wheel):
    with ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith("METADATA")]
        about = message_from_string(archive.read(name).decode())
        assert "aifutures_client/py.typed" in archive.namelist()
    assert (about["Name"], about["License-Expression"]) == ("aifutures-client", "MIT")
    needs = about.get_all("Requires-Dist")
    assert [each for each in needs if "extra" not in each] == ["httpx<1,>=0.27"]
    assert {"pandas", "websockets", "notebook"} <= set(about.get_all("Provides-Extra"))


def test_it_is_installed_and_imported_where_nothing_else_of_the_project_is(wheel, tmp_path):
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([*PIP, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)], check=True)
    (packages,) = (tmp_path / "env" / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))  # httpx, without a network
    said = subprocess.run([python, "-c", SAY], cwd=tmp_path, env={}, capture_output=True, text=True, check=True)
    file, version, names = json.loads(said.stdout)
    assert file.startswith(str(packages))
    assert version == wheel.name.split("-")[1]
    assert "Client" in names
