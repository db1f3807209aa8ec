# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures: a lab is two namespaces with a link (lab.py); a world is a lab with primaries and xnsd in it."""
import glob
import os
import shutil
import tempfile

import pytest

from agent import Xnsd
from lab import Lab
from primaries import KINDS

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))


def pytest_addoption(parser):
    parser.addoption("--build", default=os.path.join(TOP, "build"), help="where xnsd, xnsload and xnsctl are")
    parser.addoption("--queries", type=int, default=2500, help="most queries for each zone and transport")


def pytest_sessionstart(session):
    if os.geteuid() != 0:
        raise pytest.UsageError("the interop tests make network namespaces: run them as root")
    for product in ("xnsd", "xnsload", "xnsctl", "tests/pass.bpf.o"):
        if not os.access(os.path.join(session.config.getoption("--build"), product), os.R_OK):
            raise pytest.UsageError(f"{product} is not built: run `make interop`")


def example_zones():
    """{name: text} of zones/."""
    zones = {}
    for path in sorted(glob.glob(os.path.join(TOP, "zones/*.zone"))):
        with open(path, encoding="utf-8") as file:
            zones[os.path.basename(path)[:-len(".zone")]] = file.read()
    return zones


class World:
    """zones: {name: text}. kinds: the primaries, the first at the first address, the second at the other.

    notify: they send NOTIFY, when they like and perhaps again, and the counters of the packet path have each of them,
    whatever a test asks at the time. So only where that is what brings the change.
    """

    def __init__(self, build, zones, kinds=("knot",), xdp=True, server=None, xnsd_zones=None, notify=False,
                 **primary):
        # Not under pytest's own directory, which no other user may enter: xnsd becomes one in some tests.
        self.dir = tempfile.mkdtemp(prefix="xnsd-interop-")
        os.chmod(self.dir, 0o755)
        self.lab = None
        try:
            self.lab = Lab(self.dir, build)
            self.primaries = [KINDS[kind](self.lab, zones, second=bool(i), notify=notify, **primary)
                              for i, kind in enumerate(kinds)]
            for primary in self.primaries:
                primary.start()
            self.xnsd = Xnsd(self.lab, build, xnsd_zones or list(zones), server)
            if xdp:
                self.xnsd.load()
        except BaseException:
            self.close()
            raise

    @property
    def primary(self):
        return self.primaries[0]

    @property
    def client(self):
        return self.lab.client

    def close(self):
        if self.lab:
            self.lab.close()
        shutil.rmtree(self.dir, ignore_errors=True)


@pytest.fixture(scope="session")
def build(request):
    return os.path.abspath(request.config.getoption("--build"))


@pytest.fixture
def world(build, request):
    """world(zones, ...) makes one; it ends with the test, and a failed test shows what xnsd wrote."""
    worlds = []

    def make(zones, **more):
        worlds.append(World(build, zones, **more))
        return worlds[-1]

    yield make
    for one in worlds:
        if getattr(request.node, "failed", False) and getattr(one, "xnsd", None) and one.xnsd.process:
            print(one.xnsd.process.log()[-8000:])
        one.close()


@pytest.fixture(scope="module")
def shared_world(build):
    """The same for worlds that all tests of a module share, by key."""
    worlds = {}

    def get(key, make):
        if key not in worlds:
            worlds[key] = make(lambda zones, **more: World(build, zones, **more))
        return worlds[key]

    yield get
    for one in worlds.values():
        one.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.failed = outcome.get_result().failed
