# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's side: xnsctl, wrong configurations, privileges, the kernel's view of the maps."""
import json
import os
import pwd
import time
import re
import socket

import pytest

import ask
from ask import query
from lab import SERVER4, wait_until
from stream import rcode
from test_updates import zone


@pytest.fixture(scope="module")
def w(shared_world):
    def make(new):
        world = new({"example.com": zone(7, more="alias CNAME www"), "example.net": zone(8).replace("example.com", "example.net")})
        world.xnsd.start()
        world.xnsd.wait_served("example.com", "example.net")
        return world
    return shared_world("control", make)


def test_status(w):
    status = w.xnsd.ctl_json("status")
    assert status["pid"] == w.xnsd.process.pid
    assert status["zones"]["total"] == status["zones"]["active"] == 2
    assert status["packet_path"]["maps"] is True
    assert str(status["pid"]) in w.xnsd.ctl("status").stdout


def test_zone_status(w):
    status = w.xnsd.zone_status("example.com")
    assert status["state"] == "active" and status["serial"] == 7 and status["answered_by"] == "interface"
    assert status["primary"].startswith("192.0.2.2") and status["last_transfer"]["records"] >= 4
    assert 0 < status["next_refresh_s"] <= 3600 and 3600 < status["expires_in_s"] <= 86400
    text = w.xnsd.ctl("zone-status").stdout
    assert "example.com." in text and "example.net." in text


def test_stats(w):
    before = w.xnsd.ctl_json("stats")
    assert rcode(w.client, SERVER4, "www.example.com") == 0
    ask.tcp(w.client, SERVER4, [query("www.example.com").wire(0)])
    after = w.xnsd.ctl_json("stats")

    def value(stats, part, name):
        entry = stats[part].get(name, stats[part].get("counters", {}).get(name))
        return entry["value"] if isinstance(entry, dict) else entry
    assert value(after, "packet_path", "answer-positive") - value(before, "packet_path", "answer-positive") == 1
    assert value(after, "responder", "tcp-queries") - value(before, "responder", "tcp-queries") == 1
    assert value(after, "responder", "udp-queries") == value(before, "responder", "udp-queries")


def test_metrics(w):
    """Each line is a comment or a sample; what stats and status say is in them."""
    assert rcode(w.client, SERVER4, "www.example.com") == 0
    samples, types = {}, {}
    for line in w.xnsd.ctl("metrics").stdout.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert name not in types
            types[name] = kind
        elif not line.startswith("# HELP "):
            name, label, value = re.fullmatch(r'(xnsd_[a-z_]+)(?:\{([a-z]+="[^"]*")\})? (\d+)', line).groups()
            assert name in types and (name, label) not in samples
            samples[name, label] = int(value)
    assert set(types.values()) == {"gauge", "counter"}
    stats, memory = w.xnsd.ctl_json("stats"), w.xnsd.ctl_json("status")["packet_path"]["memory"]
    assert samples["xnsd_packets_total", 'outcome="answer-positive"'] == stats["packet_path"]["answer-positive"] > 0
    assert samples["xnsd_responder_total", 'event="tcp-queries"'] == stats["responder"]["tcp-queries"]
    assert samples["xnsd_zones", 'state="active"'] == samples["xnsd_maps_zones_complete", None] == 2
    assert samples["xnsd_maps_bytes", None] == memory["bytes"] <= samples["xnsd_maps_bytes_max", None] == memory["bytes_max"]
    assert samples["xnsd_map_entries", 'map="nodes"'] == memory["maps"]["nodes"]["entries"] > 0


def test_lookup(w):
    found = w.xnsd.ctl_json("lookup", "www.example.com", "A")
    assert found["zone"] == "example.com." and "192.0.2.1" in json.dumps(found["types"])
    assert "www.example.com" in json.dumps(w.xnsd.ctl_json("lookup", "alias.example.com"))
    missing = w.xnsd.ctl("lookup", "nothing.example.com", check=False)
    assert missing.returncode != 0 and "NXDOMAIN, closest encloser example.com." in missing.stderr


@pytest.mark.parametrize("arguments", [("zone-status", "example.org"), ("zone-refresh", "www.example.com"), ("zone-retransfer", "no..name"),
                                       ("nonsense",), ("lookup",)])
def test_wrong_commands(w, arguments):
    done = w.xnsd.ctl(*arguments, check=False)
    assert done.returncode != 0 and done.stderr.strip() and not done.stdout


def test_control_socket_takes_any_rubbish(w):
    path = os.path.join(w.xnsd.dir, "run/xnsd.sock")
    for rubbish in (b"", b"\n", b"{", b"[]\n", b'{"command": 1}\n', b'{"command": "status", "arguments": {}}\n', b"\xff" * 4096 + b"\n",
                    b"x" * 200000):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(5)
            sock.connect(path)
            try:
                sock.sendall(rubbish)
                sock.shutdown(socket.SHUT_WR)
                reply = b"".join(iter(lambda: sock.recv(65536), b""))
            except (BrokenPipeError, ConnectionResetError):
                reply = b""
            assert b'"ok": true' not in reply and b'"ok":true' not in reply
    assert w.xnsd.process.alive()
    assert os.stat(path).st_mode & 0o007 == 0, "others may not command xnsd"


def test_maps_are_readable(w):
    """bpftool shows the zones by BTF: name, state, serial as text."""
    text = w.lab.server.run("bpftool", "map", "dump", "pinned", "/sys/fs/bpf/xnsd/zones").stdout
    assert '"name": "example.com."' in text and '"XNS_ZONE_ACTIVE"' in text and re.search(r'"serial": 7\b', text)
    for map_name in ("config", "listen", "nodes", "counters"):
        assert w.xnsd.dump(map_name), map_name


def test_stop(world):
    w = world({"example.com": zone(1)})
    w.xnsd.start()
    w.xnsd.wait_served("example.com")
    w.xnsd.ctl("stop")
    assert w.xnsd.process.popen.wait(10) == 0
    done = w.xnsd.ctl("status", check=False)
    assert done.returncode != 0 and "xnsd" in done.stderr
    assert rcode(w.client, SERVER4, "www.example.com") == 0, "the interface goes on"


WRONG = [("server: [", "line"), ("server:\n  listen: [192.0.2.53@99999]\n", "listen"), ("server:\n  lisen: [192.0.2.53]\n", "lisen"),
         ("server:\n  listen: [0.0.0.0]\nzones: []\n", "listen"),
         ("server:\n  listen: [192.0.2.53]\nzones:\n  - {domain: example.com, primaries: [nobody]}\n", "nobody"),
         ("server:\n  listen: [192.0.2.53]\n  max-udp-size: 100\n", "max-udp-size"),
         ("server:\n  listen: [192.0.2.53]\n  user: no-such-user-here\n", "user"), ("", "")]


@pytest.mark.parametrize("text, word", WRONG, ids=range(len(WRONG)))
@pytest.mark.parametrize("program", ["xnsd", "xnsload"])
def test_wrong_configuration(w, tmp_path, program, text, word):
    """Exit status 2, and a message with file and what is wrong, before anything starts."""
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    command = {"xnsd": [], "xnsload": ["attach"]}[program]
    done = w.lab.server.run(w.xnsd.tool(program), *command, "-c", str(path), check=False)
    assert done.returncode == 2, done.stderr
    assert "wrong.yaml" in done.stderr and word in done.stderr


def test_missing_configuration(w):
    done = w.lab.server.run(w.xnsd.tool("xnsd"), "-c", "/nonexistent.yaml", check=False)
    assert done.returncode == 2 and "/nonexistent.yaml" in done.stderr


def test_xnsload_says_what_is_wrong(w):
    done = w.xnsd.load("attach", "nosuch0", check=False)
    assert done.returncode == 1 and "nosuch0" in done.stderr
    path = w.xnsd.tool("xnsload")
    done = w.lab.server.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", path, "attach", "--config", w.xnsd.conf,
                            "s0", check=False)
    assert done.returncode != 0 and re.search("root|permi|privilege", done.stderr, re.I)


def test_address_in_use(w):
    """A second xnsd on the same addresses and database does not start, and says why."""
    done = w.lab.server.run(w.xnsd.tool("xnsd"), "-c", w.xnsd.conf, check=False, timeout=20)
    assert done.returncode == 1 and "192.0.2.53" in done.stderr
    assert w.xnsd.ctl_json("status")["pid"] == w.xnsd.process.pid


@pytest.mark.parametrize("rundir", [None, "run2"])
def test_second_agent(w, rundir):
    """Where one runs the maps are its own: another one does not touch them, be it with directories of its own."""
    path = os.path.join(w.xnsd.dir, "second.yaml")
    config = json.loads(json.dumps(w.xnsd.config))
    config["server"].update(listen=["127.0.0.1@5353"], database=os.path.join(w.xnsd.dir, "db2"))
    if rundir:
        config["server"]["rundir"] = os.path.join(w.xnsd.dir, rundir)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
    done = w.lab.server.run(w.xnsd.tool("xnsd"), "-c", path, check=False, timeout=20)
    assert done.returncode == 1 and "another xnsd publishes to the maps" in done.stderr and "publishing" not in done.stderr
    with w.xnsd.counting() as moved:
        assert rcode(w.client, SERVER4, "www.example.com") == 0
    assert moved["answer-positive"] == 1


@pytest.mark.parametrize("key", ["database", "rundir"])
def test_no_directory(w, key):
    path = os.path.join(w.xnsd.dir, "file.yaml")
    config = json.loads(json.dumps(w.xnsd.config))
    config["server"].update({"listen": ["127.0.0.1@5353"], "user": "nobody", "database": os.path.join(w.xnsd.dir, "db3"), key: path})
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
    done = w.lab.server.run(w.xnsd.tool("xnsd"), "-c", path, check=False, timeout=20)
    assert done.returncode == 1 and f"{path} is not a directory" in done.stderr


def test_full_disk(world):
    """A transfer that does not fit leaves the old zone; a start without any room says so."""
    w = world({"example.com": zone(1)}, notify=True)
    database = os.path.join(w.xnsd.dir, "db")
    os.makedirs(database)
    w.lab.server.run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", database)
    w.xnsd.start()
    w.xnsd.wait_served("example.com", serial=1)
    w.primary.update("example.com", zone(2, more="\n".join(f"h{i} TXT {'x' * 200}{i}" for i in range(10000))))
    w.xnsd.process.wait_log("cannot write to the store: the disk ")
    assert w.xnsd.served("example.com", 1)
    for reply in (ask.udp_one(w.client, SERVER4, query("www.example.com").wire(0)),
                  ask.tcp(w.client, SERVER4, [query("www.example.com").wire(0)])[0]):
        assert reply[-4:] == b"\xc0\0\2\1"
    w.lab.server.run("mount", "-o", "remount,size=100m", database)
    w.xnsd.ctl("zone-refresh", "example.com")
    w.xnsd.wait_served("example.com", serial=2)
    assert w.xnsd.stop() == 0
    w.lab.server.run("umount", database)
    w.lab.server.run("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", database)
    w.lab.server.run("dd", "if=/dev/zero", f"of={database}/full", "bs=1k", check=False)
    done = w.lab.server.run(w.xnsd.tool("xnsd"), "-c", w.xnsd.conf, check=False, timeout=20)
    assert done.returncode == 1 and "No space left" in done.stderr


def test_full_disk_while_confirmed(world):
    """Nothing at all can be written, but a primary confirms the zone: it does not expire."""
    w = world({"example.com": zone(1, refresh=1, retry=1, expire=3)})
    database = os.path.join(w.xnsd.dir, "db")
    os.makedirs(database)
    w.lab.server.run("mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", database)
    w.xnsd.start()
    w.xnsd.wait_served("example.com", serial=1)
    w.lab.server.run("dd", "if=/dev/zero", f"of={database}/full", "bs=1k", check=False)
    end = time.monotonic() + 6  # twice the SOA's expire
    while time.monotonic() < end:
        assert ask.udp_one(w.client, SERVER4, query("www.example.com").wire(0))[3] & 15 == 0
        time.sleep(0.02)
    assert w.xnsd.zone_status("example.com")["state"] == "active"
    w.xnsd.stop()
    assert "is confirmed, but that cannot be written to the store: the disk " in w.xnsd.process.log()


def test_privileges(world):
    """With `user` it runs as that user without any capability, and publishes all the same."""
    user = pwd.getpwnam("nobody")
    w = world({"example.com": zone(1)}, server={"user": "nobody"}, notify=True)
    w.xnsd.start()
    w.xnsd.wait_served("example.com")
    with open(f"/proc/{w.xnsd.process.pid}/status", encoding="utf-8") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    assert status["Uid"].split() == [str(user.pw_uid)] * 4 and status["Gid"].split() == [str(user.pw_gid)] * 4
    assert all(int(status[field], 16) == 0 for field in ("CapPrm", "CapEff", "CapInh", "CapAmb"))
    assert status["Groups"].split() in ([], [str(user.pw_gid)])
    w.primary.update("example.com", zone(2, "192.0.2.2"))
    w.xnsd.wait_served("example.com", serial=2)
    assert os.stat(os.path.join(w.xnsd.dir, "db")).st_uid == user.pw_uid
    # Restarted, and with a program that is attached anew meanwhile.
    w.xnsd.kill()
    w.xnsd.load()
    w.xnsd.start()
    w.primary.update("example.com", zone(3, "192.0.2.3"))
    w.xnsd.wait_served("example.com", serial=3)


def test_user_that_nothing_belongs_to(world):
    """Database and maps that root made, and then `user`: what to do is told, and done it works."""
    w = world({"example.com": zone(1)}, notify=True)
    w.xnsd.start()
    w.xnsd.wait_served("example.com")
    assert w.xnsd.stop() == 0
    w.xnsd.config["server"]["user"] = "nobody"
    w.xnsd.write_config()
    database, rundir = (os.path.join(w.xnsd.dir, name) for name in ("db", "run"))

    def refused():
        return w.lab.server.run(w.xnsd.tool("xnsd"), "-c", w.xnsd.conf, check=False, timeout=20).stderr
    assert f"chown -R nobody {database}" in refused()
    os.chown(database, pwd.getpwnam("nobody").pw_uid, -1)
    assert "must belong to the user that xnsd runs as" in refused()
    w.lab.server.run("chown", "-R", "nobody", database, rundir)
    w.xnsd.start()
    w.xnsd.process.wait_log("belong to another user: `xnsload attach`")
    w.xnsd.load()
    w.xnsd.process.wait_log("publishing to the maps")
    w.primary.update("example.com", zone(2))
    w.xnsd.wait_served("example.com", serial=2)


def test_privileges_as_root(w):
    """Without `user` it stays root, but with no more capabilities than it needs."""
    with open(f"/proc/{w.xnsd.process.pid}/status", encoding="utf-8") as file:
        effective = int(re.search(r"CapEff:\s*([0-9a-f]+)", file.read())[1], 16)
    assert effective & (1 << 21) == 0, f"CAP_SYS_ADMIN is still there: {effective:#x}"


def test_no_permission_to_bpf(world):
    """Where no maps are to be had the sockets serve alone."""
    w = world({"example.com": zone(1)}, xdp=False)
    w.xnsd.start()
    w.xnsd.wait_active("example.com")
    assert w.xnsd.zone_status("example.com")["answered_by"] == "sockets"
    assert rcode(w.client, SERVER4, "www.example.com") == 0
    wait_until(lambda: w.xnsd.ctl_json("status")["packet_path"]["maps"] is False, what="no maps")
