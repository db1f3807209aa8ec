# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree itself: the example zones load in every server, and what `make install` puts there goes away again."""
import os
import subprocess

import pytest

from conftest import TOP, example_zones

ZONES = example_zones()


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("checker", ["named-checkzone", "nsd-checkzone"])
def test_zone_loads(zone, checker):
    done = subprocess.run([checker, zone, f"{TOP}/zones/{zone}.zone"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def files(top):
    return {os.path.relpath(os.path.join(path, name), top) for path, _, names in os.walk(top) for name in names}


def test_install_and_uninstall(tmp_path, build):
    def make(goal):
        subprocess.run(["make", "-s", "-C", TOP, f"BUILD={build}", f"DESTDIR={tmp_path}", "PREFIX=/usr", goal], check=True,
                       capture_output=True)
    make("install")
    there = files(tmp_path)
    wanted = {"usr/sbin/xnsd", "usr/sbin/xnsload", "usr/sbin/xnsctl", "usr/lib/xnsd/xnsd.bpf.o", "etc/xnsd/xnsd.yaml",
              "usr/lib/systemd/system/xnsd.service", "usr/lib/systemd/system/xnsload@.service"}
    assert wanted <= there, wanted - there
    assert any(name.startswith("usr/share/man/man") for name in there)
    unit = (tmp_path / "usr/lib/systemd/system/xnsd.service").read_text()
    assert "ExecStart=/usr/sbin/xnsd -c /etc/xnsd/xnsd.yaml" in unit and "@" not in unit.replace("xnsload@", "")
    assert subprocess.run([tmp_path / "usr/sbin/xnsd", "-V"], capture_output=True).returncode == 0
    # The installed example is a correct configuration.
    done = subprocess.run([tmp_path / "usr/sbin/xnsd", "-t", "-c", tmp_path / "etc/xnsd/xnsd.yaml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (tmp_path / "etc/xnsd/xnsd.yaml").write_text("mine")
    make("install")
    assert (tmp_path / "etc/xnsd/xnsd.yaml").read_text() == "mine"
    make("uninstall")
    assert files(tmp_path) == {"etc/xnsd/xnsd.yaml"}
