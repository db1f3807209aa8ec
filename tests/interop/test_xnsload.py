# SPDX-License-Identifier: GPL-3.0-or-later
"""xnsload as an operator uses it. Each test has a namespace of its own with a bpffs of its own:

    ┌───────────────────────┐         ┌──────────────┐
    │ v0 192.0.2.1   v1   lo│   v0 ── │ p0 192.0.2.2 │
    │ XDP: xnsload attach   │         │              │
    └───────────────────────┘         └──────────────┘
"""
import glob
import json
import os
import re
import socket
import subprocess

import pytest

from lab import Namespace, wait_until

PINS = "/sys/fs/bpf/xnsd"
KEPT = {"config", "listen", "zones", "nodes", "staged", "images_small", "images_large", "counters"}
PINNED = KEPT | {"segments"}
CONFIG = """\
server:
  listen: [192.0.2.1@53]
  interfaces: [{interfaces}]
{more}
remotes:
  - {{id: hidden, address: [192.0.2.2@53]}}
zones:
  - {{domain: example.com, primaries: [hidden], notify-from: [hidden]}}
"""


class Box(Namespace):
    """The namespace under test, and the commands of these tests in it."""

    def __init__(self, build, directory):
        super().__init__()
        self.build, self.dir = build, directory
        self.peer = Namespace()
        self.run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "p0", "netns", self.peer.pid)
        self.run("ip", "link", "add", "v1", "type", "veth", "peer", "name", "p1", "netns", self.peer.pid)
        self.run("ethtool", "-K", "v0", "rxvlan", "off")
        self.run("ethtool", "-K", "v1", "rxvlan", "off")
        self.run("ip", "addr", "add", "192.0.2.1/24", "dev", "v0")
        self.peer.run("ip", "addr", "add", "192.0.2.2/24", "dev", "p0")
        for ns, names in ((self, ("v0", "v1")), (self.peer, ("p0", "p1"))):
            for name in names:
                ns.run("ip", "link", "set", name, "up")

    def close(self):
        self.peer.close()
        super().close()

    def xnsload(self, *argv, status=0):
        """Runs it, expects the exit status."""
        done = self.run(f"{self.build}/xnsload", *argv, check=False)
        assert done.returncode == status, f"xnsload {argv}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def status(self, *interfaces, more=()):
        return json.loads(self.xnsload("status", "--json", *more, *interfaces).stdout)

    def interface(self, name):
        return self.status(name)["interfaces"][0]

    def path(self, *parts):
        """A path inside of the namespace, from here."""
        return os.path.join(f"/proc/{self.pid}/root", *(part.lstrip("/") for part in parts))

    def pins(self):
        return set(os.listdir(self.path(PINS)))

    def segments(self):
        return {f"segments/{name}" for name in os.listdir(self.path(PINS, "segments"))}

    def map_ids(self):
        return {m["name"]: m["id"] for m in self.status()["maps"]["maps"] if m["pinned"]}

    def config_bytes(self):
        dump = json.loads(self.run("bpftool", "-j", "map", "dump", "pinned", f"{PINS}/config").stdout)
        return bytes(int(b, 16) for b in dump[0]["value"])

    def set_config_bytes(self, value):
        self.run("bpftool", "map", "update", "pinned", f"{PINS}/config", "key", 0, 0, 0, 0, "value", *value)

    def xdp_id(self, name):
        """What the kernel says is attached, None for nothing."""
        link = json.loads(self.run("ip", "-j", "-d", "link", "show", name).stdout)[0]
        return link["xdp"]["prog"]["id"] if "xdp" in link else None

    def attach_foreign(self, name, mode="xdpdrv"):
        """Somebody else's program, by bpftool; its id."""
        self.run("sh", "-c", "mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf")
        self.run("bpftool", "prog", "load", f"{self.build}/tests/pass.bpf.o", "/sys/fs/bpf/foreign", "type", "xdp")
        self.run("bpftool", "net", "attach", mode, "pinned", "/sys/fs/bpf/foreign", "dev", name)
        return self.xdp_id(name)

    def config_file(self, interfaces="v0", more="", text=None):
        path = os.path.join(self.dir, "xnsd.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text or CONFIG.format(interfaces=interfaces, more=more))
        return path

    def answers(self):
        """Packets go in at v0 and come out of it: there is no server, and that is told."""
        with self.peer.entered():
            try:
                socket.create_connection(("192.0.2.1", 9), timeout=5).close()
            except ConnectionRefusedError:
                return True
            except OSError:
                pass
        return False


@pytest.fixture
def box(build, tmp_path):
    one = Box(build, str(tmp_path))
    yield one
    one.close()


def test_attach_pins_and_tells(box):
    done = box.xnsload("attach", "v0")
    assert re.match(r"v0: attached in native mode, .*id \d+\n$", done.stdout), done.stdout
    assert done.stderr == ""
    assert box.pins() >= PINNED | {"program"}
    assert os.stat(box.path(PINS)).st_mode & 0o7777 == 0o700
    for name in box.pins() - {"segments"} | box.segments():
        assert os.stat(box.path(PINS, name)).st_mode & 0o777 == 0o600, name
    assert os.stat(box.path(PINS, "segments")).st_mode & 0o777 == 0o700

    status = box.status("v0")
    (v0,) = status["interfaces"]
    assert v0["attached"] and v0["mode"] == "native" and v0["warnings"] == [] and v0["others"] == []
    assert v0["program"]["xnsd"] and v0["program"]["pinned_maps"] and v0["program"]["verified_insns"] > 0
    assert re.fullmatch("[0-9a-f]{16}", v0["program"]["tag"])
    if not v0["dispatcher"]:
        assert v0["program"]["id"] == box.xdp_id("v0")
    maps = status["maps"]
    assert maps["pinned"] and maps["abi_version"] == maps["abi_version_needed"] > 0
    assert {m["name"] for m in maps["maps"] if m["pinned"]} >= KEPT
    assert maps["zones"] == {"active": 0, "loading": 0, "expired": 0}


def test_status_text(box):
    assert "no interface of this network namespace has an XDP program" in box.xnsload("status").stdout
    assert box.xnsload("status", "v0").stdout.startswith("v0: not attached\n")
    box.xnsload("attach", "v0")
    text = box.xnsload("status").stdout
    assert re.search(r"^v0: attached, native mode, (alone|in libxdp's dispatcher)", text, re.M)
    assert re.search(r"^  program  id \d+, xnsd, tag [0-9a-f]{16}, loaded \d{4}-", text, re.M)
    assert re.search(rf"^maps: pinned in {PINS}, ABI version \d+$", text, re.M)
    assert "v1" not in text and "missing" not in text


def test_packets_pass_and_are_counted(box):
    box.xnsload("attach", "v0")
    assert box.answers()
    counters = json.loads(box.run("bpftool", "-j", "map", "dump", "pinned", f"{PINS}/counters").stdout)
    assert sum(cpu["value"] for entry in counters for cpu in entry["formatted"]["values"]) > 0


def test_new_maps_get_a_version_and_a_key_of_their_own(box):
    keys = set()
    for _ in range(2):
        box.xnsload("attach", "v0")
        config = box.config_bytes()
        assert int.from_bytes(config[:4], "little") == box.status()["maps"]["abi_version"]
        assert any(config[8:16]) and any(config[16:24])
        keys.add(config[8:24])
        box.xnsload("detach", "v0")
    assert len(keys) == 2


def test_replace_keeps_the_maps_and_leaves_no_gap(box):
    box.xnsload("attach", "v0")
    before, maps, config = box.interface("v0")["program"]["id"], box.map_ids(), box.config_bytes()
    monitor = box.start(["ip", "-o", "-d", "monitor", "link"], os.path.join(box.dir, "monitor.log"))
    try:
        for address in ("02:00:00:00:00:01", "02:00:00:00:00:02"):  # seen: the monitor listens
            box.run("ip", "link", "set", "v0", "address", address)
        wait_until(lambda: "02:00:00:00:00:02" in monitor.log() or not box.run(
            "ip", "link", "set", "v0", "address", "02:00:00:00:00:02"), what="events")
        start = len(monitor.log())
        box.xnsload("attach", "v0")
        after = box.interface("v0")["program"]["id"]
        box.run("ip", "link", "set", "v0", "address", "02:00:00:00:00:03")
        monitor.wait_log("02:00:00:00:00:03")
    finally:
        monitor.kill()
    assert after != before
    lines = [line for line in monitor.log()[start:].splitlines() if " v0@" in line]
    assert lines and all(re.search(r"\bxdp\b", line) for line in lines), lines
    now = box.map_ids()
    assert {name: now[name] for name in KEPT} == {name: maps[name] for name in KEPT}
    assert box.config_bytes() == config


def test_detach_restores_the_interface_and_keeps_the_directory(box):
    box.xnsload("attach", "v0")
    inode = os.stat(box.path(PINS)).st_ino
    done = box.xnsload("detach", "v0")
    assert done.stdout == f"v0: detached\nprogram and maps are no longer pinned in {PINS}\n" and done.stderr == ""
    assert box.xdp_id("v0") is None and box.pins() == set()
    assert box.answers()
    again = box.xnsload("detach", "v0")
    assert again.stdout == "v0: nothing is attached\n" and again.stderr == ""
    box.xnsload("attach", "v0")
    assert os.stat(box.path(PINS)).st_ino == inode


def test_several_interfaces(box):
    box.xnsload("attach", "v0", "v1")
    maps = box.map_ids()
    assert {i["interface"] for i in box.status()["interfaces"]} == {"v0", "v1"}
    assert "no longer pinned" not in box.xnsload("detach", "v1").stdout
    assert box.map_ids() == maps and box.xdp_id("v1") is None and box.interface("v0")["attached"]
    box.xnsload("attach", "v1")
    assert {name: box.map_ids()[name] for name in KEPT} == {name: maps[name] for name in KEPT}
    done = box.xnsload("detach")  # all there are
    assert set(done.stdout.splitlines()) == {"v0: detached", "v1: detached",
                                             f"program and maps are no longer pinned in {PINS}"}
    assert box.pins() == set()


def test_an_interface_that_went_away(box):
    box.xnsload("attach", "v0")
    box.run("ip", "link", "del", "v0")
    done = box.xnsload("detach", "v0", status=1)  # as the systemd unit does
    assert "no such interface" in done.stderr and box.pins() == set()


def test_one_bad_interface_does_not_hold_up_the_others(box):
    done = box.xnsload("attach", "nope", "v0", status=1)
    assert "nope: no such interface" in done.stderr and box.interface("v0")["attached"]


def test_runs_at_the_same_time_wait_for_each_other(box):
    runs = [subprocess.Popen(box.inside([f"{box.build}/xnsload", "attach", name]), stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT) for name in ("v0", "v1", "v0", "v1")]
    for run in runs:
        output = run.communicate(timeout=60)[0]
        assert run.returncode == 0, output
    for name in ("v0", "v1"):
        assert box.interface(name)["program"]["pinned_maps"] and box.interface(name)["others"] == []


@pytest.mark.parametrize("argv, status, text", [
    (("attach", "nope"), 1, "nope: no such interface"),
    (("detach", "nope"), 1, "nope: no such interface"),
    (("status", "nope"), 1, "nope: no such interface"),
    (("attach",), 2, "attach to which interface?"),
    (("attach", "--mode", "fast", "v0"), 2, "--mode is native, generic or auto, not fast"),
    (("attach", "--json", "v0"), 2, "--json is for status"),
    (("enchant", "v0"), 2, "no such command: enchant"),
    ((), 2, "attach, detach or status?"),
    (("--nonsense",), 2, "nonsense"),
    (("attach", "--config", "/nonexistent/xnsd.yaml"), 2, "/nonexistent/xnsd.yaml"),
    (("attach", "--pin-dir", "relative", "v0"), 1, "absolute path"),
    (("attach", "--pin-dir", "/tmp/xnsd", "v0"), 1, "/tmp is not a directory in a mounted bpffs"),
])
def test_errors_say_what_is_wrong(box, argv, status, text):
    done = box.xnsload(*argv, status=status)
    assert text in done.stderr and (done.stdout == "" or "status" in argv)
    assert box.xdp_id("v0") is None


def test_help_and_version(box):
    assert "usage: xnsload attach|detach|status" in box.xnsload("--help").stdout
    assert re.match(r"xnsload \d+\.\d+\.\d+, ABI version \d+\n$", box.xnsload("--version").stdout)


def test_without_privileges(box):
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]
    for command in ("attach", "detach"):
        done = box.run(*nobody, f"{box.build}/xnsload", command, "v0", check=False)
        assert done.returncode == 1 and "root" in done.stderr and "CAP_NET_ADMIN" in done.stderr, done.stderr
    box.xnsload("attach", "v0")
    done = box.run(*nobody, f"{box.build}/xnsload", "status", "v0", check=False)
    assert done.returncode == 1 and "root" in done.stderr and "may not look at" in done.stdout, done


def test_driver_without_native_xdp(box):
    done = box.xnsload("attach", "--mode", "native", "lo", status=1)
    assert "lo: cannot attach in native mode" in done.stderr and "--mode generic" in done.stderr
    assert box.pins() == set(), "a first attach that failed leaves nothing behind"
    done = box.xnsload("attach", "lo")
    assert "warning: lo: no native XDP" in done.stderr and "generic mode" in done.stdout
    lo = box.interface("lo")
    assert lo["mode"] == "generic" and lo["attached"] and "slower" in lo["warnings"][0]
    box.xnsload("attach", "lo")  # again, in the mode in which it is
    assert box.interface("lo")["mode"] == "generic"
    box.xnsload("detach", "lo")
    assert box.xdp_id("lo") is None and box.pins() == set()


def test_driver_limits_are_told_in_the_kernels_words(box):
    box.peer.run("ip", "link", "set", "p0", "mtu", "9000")
    box.run("ip", "link", "set", "v0", "mtu", "9000")
    done = box.xnsload("attach", "--mode", "native", "v0", status=1)
    assert "the kernel says: " in done.stderr and "MTU" in done.stderr
    box.xnsload("attach", "v0")
    assert box.interface("v0")["mode"] == "generic"


def test_changing_the_mode(box):
    box.xnsload("attach", "--mode", "generic", "v0")
    maps = box.map_ids()
    done = box.xnsload("attach", "--mode", "native", "v0")
    assert "changing from generic to native mode" in done.stderr
    assert box.interface("v0")["mode"] == "native" and box.interface("v0")["others"] == []
    assert box.map_ids()["nodes"] == maps["nodes"]
    # A mode that the driver refuses: what was there comes back.
    box.xnsload("attach", "lo")
    done = box.xnsload("attach", "--mode", "native", "lo", status=1)
    assert "attached in generic mode again" in done.stderr and box.interface("lo")["attached"]


def test_somebody_elses_program(box):
    foreign = box.attach_foreign("v0")
    done = box.xnsload("attach", "v0", status=1)
    assert "somebody else's program" in done.stderr and str(foreign) in done.stderr and "--force" in done.stderr
    assert box.xdp_id("v0") == foreign and box.pins() == set()
    assert f"program {foreign} (other) is not xnsd's and was left" in box.xnsload("detach", "v0").stdout
    assert box.xdp_id("v0") == foreign
    v0 = box.interface("v0")
    assert not v0["attached"] and v0["mode"] == "native" and v0["others"][0]["id"] == foreign
    box.xnsload("attach", "--force", "v0")
    assert box.interface("v0")["attached"] and box.interface("v0")["others"] == []


def test_force_over_another_mode(box):
    box.attach_foreign("v0", "xdpgeneric")
    box.xnsload("attach", "--mode", "native", "--force", "v0")
    assert box.interface("v0")["mode"] == "native" and box.interface("v0")["attached"]


def test_another_abi_version(box):
    box.xnsload("attach", "v0")
    needed = box.status()["maps"]["abi_version_needed"]
    box.set_config_bytes(bytes([99, 0, 0, 0]) + box.config_bytes()[4:])
    program = box.xdp_id("v0")
    done = box.xnsload("attach", "v0", status=1)
    assert "ABI version 99" in done.stderr and f"needs version {needed}" in done.stderr and "detach" in done.stderr
    assert box.xdp_id("v0") == program, "what runs goes on"
    assert box.status()["maps"]["abi_version"] == 99
    box.xnsload("detach", "v0")
    assert box.xdp_id("v0") is None and box.pins() == set()
    box.xnsload("attach", "v0")


def test_maps_of_another_shape(box):
    box.xnsload("attach", "v0")
    os.unlink(box.path(PINS, "listen"))
    box.run("bpftool", "map", "create", f"{PINS}/listen", "type", "hash", "key", 4, "value", 4, "entries", 1, "name", "listen")
    done = box.xnsload("attach", "v0", status=1)
    assert "listen is not the map that this version needs" in done.stderr and "detach" in done.stderr
    os.unlink(box.path(PINS, "listen"))
    assert "maps are missing" in box.xnsload("attach", "v0", status=1).stderr
    box.xnsload("detach")
    box.xnsload("attach", "v0")


@pytest.mark.parametrize("repair", ["detach", "attach"])
def test_pins_are_gone(box, repair):
    box.xnsload("attach", "v0")
    for pin in box.segments() | box.pins() - {"segments"}:
        os.unlink(box.path(PINS, pin))
    os.rmdir(box.path(PINS, "segments"))
    v0 = box.interface("v0")
    assert v0["attached"] and not v0["program"]["pinned_maps"] and "attach again" in v0["warnings"][0]
    box.xnsload(repair, "v0")
    if repair == "attach":
        assert box.interface("v0")["program"]["pinned_maps"] and box.interface("v0")["others"] == []
        box.xnsload("detach")
    assert box.xdp_id("v0") is None and box.pins() == set()


def test_leftovers_of_a_run_that_was_killed(box):
    box.xnsload("attach", "v0")
    old = box.map_ids()
    box.xnsload("detach", "v0")
    box.run("bpftool", "map", "create", f"{PINS}/nodes", "type", "hash", "key", 4, "value", 4, "entries", 1, "name", "nodes")
    box.run("mkdir", f"{PINS}/segments")
    box.run("bpftool", "map", "create", f"{PINS}/segments/nodes_3-new", "type", "hash", "key", 4, "value", 4, "entries", 1, "name", "nodes_3")
    box.run("bpftool", "map", "create", f"{PINS}/zones-new", "type", "hash", "key", 4, "value", 4, "entries", 1, "name", "zones")
    box.xnsload("attach", "v0")
    assert box.pins() >= PINNED and "zones-new" not in box.pins() and box.map_ids()["nodes"] != old["nodes"]
    assert len(box.segments()) == 6 * 16 and "segments/nodes_3-new" not in box.segments()


def test_configuration(box):
    path = box.config_file("v0, v1", "  max-names: 5000\n  user: nobody")
    box.xnsload("attach", "--config", path)
    assert {i["interface"] for i in box.status()["interfaces"]} == {"v0", "v1"}
    sizes = {m["name"]: m["max_entries"] for m in box.status()["maps"]["maps"]}
    assert sizes["nodes"] == sizes["staged"] == 8192, "512 in each of the segments"
    assert len(box.segments()) == 6 * 16
    for name in box.pins() | box.segments() | {"."}:
        assert os.stat(box.path(PINS, name)).st_uid == 65534, name
    # Maps are kept, so another size waits; and pins keep their owner where none is configured.
    done = box.xnsload("attach", "--config", box.config_file(more="  max-names: 9000"), "v0")
    assert "have room for 8192 names" in done.stderr and "9000" in done.stderr
    for name in {"nodes"} | box.segments():
        assert os.stat(box.path(PINS, name)).st_uid == 65534, name
    box.xnsload("detach", "--config", path)  # it names v0 only
    assert box.xdp_id("v0") is None and box.interface("v1")["attached"]
    box.xnsload("detach")
    assert box.pins() == set() and box.xdp_id("v1") is None


@pytest.mark.parametrize("text, more, expect", [
    ("server: [\n", "", "xnsd.yaml:"),
    (None, "  max-names: many", "max-names"),
    (None, "  user: no-such-user-here", "no-such-user-here"),
])
def test_bad_configuration(box, text, more, expect):
    path = box.config_file(text=text, more=more)
    done = box.xnsload("attach", "--config", path, status=2)
    assert expect in done.stderr and path in done.stderr
    assert box.xdp_id("v0") is None


def test_vlan_offload_is_warned_of(box):
    box.run("ethtool", "-K", "v0", "rxvlan", "on")
    assert "ethtool -K v0 rxvlan off" in box.xnsload("attach", "v0").stderr
    assert "ethtool -K v0 rxvlan off" in box.interface("v0")["warnings"][0]
    box.run("ethtool", "-K", "v0", "rxvlan", "off")
    assert box.interface("v0")["warnings"] == []


def test_a_pin_directory_of_its_own(box):
    box.xnsload("attach", "v0")
    other = "/sys/fs/bpf/other"
    box.xnsload("attach", "--pin-dir", other, "v1")
    assert set(os.listdir(box.path(other))) >= PINNED
    # Without a name only what runs on the maps of that directory goes.
    box.xnsload("detach", "--pin-dir", other)
    assert box.xdp_id("v1") is None and box.interface("v0")["attached"] and box.pins() >= PINNED


def test_maps_in_use_in_another_namespace_stay(box):
    box.xnsload("attach", "v0")
    into_peer = ["nsenter", f"--net=/proc/{box.peer.pid}/ns/net", f"--mount=/proc/{box.pid}/ns/mnt", "--"]
    subprocess.run([*into_peer, f"{box.build}/xnsload", "attach", "p1"], check=True, capture_output=True)
    assert "no longer pinned" not in box.xnsload("detach").stdout
    assert box.pins() >= PINNED | {"program"} and box.xdp_id("v0") is None
    subprocess.run([*into_peer, f"{box.build}/xnsload", "detach"], check=True, capture_output=True)
    assert box.pins() == set()


def test_a_bpffs_that_would_vanish(box):
    """As under `ip netns exec`: a /sys of the command's own."""
    done = box.run("unshare", "--mount", "sh", "-c",
                   f"umount -l /sys && mount -t sysfs sysfs /sys && exec {box.build}/xnsload attach v0", check=False)
    assert done.returncode == 1 and "nsenter --net=" in done.stderr and box.xdp_id("v0") is None


def test_verbose_shows_what_the_libraries_say(box):
    assert "libbpf" not in box.xnsload("attach", "v0").stderr
    assert "libbpf: " in box.xnsload("attach", "--verbose", "v0").stderr


def test_nothing_is_left_in_libxdps_directory(box):
    box.xnsload("attach", "v0", "v1")
    box.xnsload("attach", "v0")
    box.xnsload("detach")
    assert glob.glob(box.path("/sys/fs/bpf/xdp/dispatch-*")) == []
