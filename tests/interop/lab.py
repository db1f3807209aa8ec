# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces and processes for the interop tests.

    ┌ client ─────────────────────────────┐          ┌ server ───────────────────────┐
    │ lo                                  │   veth   │ lo                            │
    │ c0  192.0.2.1    2001:db8::1  client├──────────┤ s0  192.0.2.53   2001:db8::53 │
    │     192.0.2.2    2001:db8::2  first │          │     XDP: xnsload attach s0    │
    │     192.0.2.3    2001:db8::3 second │          │     sockets: xnsd             │
    │         (the primaries)             │          │                               │
    └─────────────────────────────────────┘          └───────────────────────────────┘

Each namespace is a network and a mount namespace kept open by one `sleep`, which the kernel kills when the test
process dies: whatever happens, nothing is left behind, and as nothing has a name no two runs collide. The
server's /sys is its own, so that /sys/fs/bpf/xnsd there is not the machine's.
"""
import contextlib
import ctypes
import os
import select
import signal
import subprocess
import time

CLIENT4, CLIENT6 = "192.0.2.1", "2001:db8::1"
FIRST4, FIRST6 = "192.0.2.2", "2001:db8::2"
SECOND4, SECOND6 = "192.0.2.3", "2001:db8::3"
SERVER4, SERVER6 = "192.0.2.53", "2001:db8::53"
# Addresses without an owner, for frames written by hand: nobody answers their replies with ICMP errors.
RAW4, RAW6 = "192.0.2.100", "2001:db8::100"

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_until(condition, timeout=10.0, what="", interval=0.005):
    """Polls until condition() is true and returns its value; fails with `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what() if callable(what) else what}")
        time.sleep(interval)


class Process:
    """A program in the foreground with its output in a file."""

    def __init__(self, argv, log_path):
        self.argv = argv
        self.log_path = log_path
        with open(log_path, "ab") as log:
            self.start = log.tell()
            self.popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          preexec_fn=die_with_parent)

    @property
    def pid(self):
        return self.popen.pid

    def log(self):
        with open(self.log_path, "rb") as log:
            log.seek(self.start)
            return log.read().decode(errors="replace")

    def alive(self):
        return self.popen.poll() is None

    def wait_log(self, text, timeout=10.0):
        wait_until(lambda: text in self.log() or not self.alive(), timeout, lambda: f"{text!r} in the log:\n{self.log()}")
        assert text in self.log(), f"{self.argv} ended with {self.popen.poll()}:\n{self.log()}"

    def kill(self):
        self.popen.kill()
        self.popen.wait()

    def stop(self, timeout=10.0):
        """SIGTERM and the exit status; SIGKILL when that does not do."""
        if self.alive():
            self.popen.terminate()
            try:
                return self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.argv} did not end on SIGTERM:\n{self.log()}") from None
        return self.popen.returncode


class Namespace:
    def __init__(self):
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c",
             "mount -t sysfs sysfs /sys && ip link set lo up && echo ready && exec sleep infinity"],
            stdout=subprocess.PIPE, preexec_fn=die_with_parent)
        assert self.holder.stdout.readline() == b"ready\n", "no namespaces: are you root?"
        self.net = os.open(f"/proc/{self.holder.pid}/ns/net", os.O_RDONLY)

    @property
    def pid(self):
        return self.holder.pid

    def inside(self, argv):
        """The command line that runs argv in this namespace, as one process."""
        return ["nsenter", "-t", str(self.pid), "-n", "-m", "--", *map(str, argv)]

    def run(self, *argv, check=True, timeout=60):
        done = subprocess.run(self.inside(argv), capture_output=True, text=True, timeout=timeout)
        assert not check or done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def start(self, argv, log_path):
        return Process(self.inside(argv), log_path)

    @contextlib.contextmanager
    def entered(self):
        """This thread in the network namespace: sockets made here stay there."""
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            assert libc.setns(self.net, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            try:
                yield
            finally:
                assert libc.setns(own, CLONE_NEWNET) == 0
        finally:
            os.close(own)

    def close(self):
        os.close(self.net)
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()


class Lab:
    """The two namespaces with their link, and the processes in them."""

    def __init__(self, directory, build):
        self.dir = directory
        self.processes = []
        self.closers = []
        self.client, self.server = Namespace(), Namespace()
        # Ends with different indices: where they are the same, the kernel does not take the link for one of two ends,
        # and may tell IPv6 a second late that there is a carrier (linkwatch_urgent_event).
        self.client.run("ip", "link", "add", "c0", "index", 10, "type", "veth", "peer", "name", "s0", "netns", self.server.pid)
        for ns, dev, v4, v6 in ((self.client, "c0", (CLIENT4, FIRST4, SECOND4), (CLIENT6, FIRST6, SECOND6)),
                                (self.server, "s0", (SERVER4,), (SERVER6,))):
            for address in v4:
                ns.run("ip", "addr", "add", address + "/24", "dev", dev)
            for address in v6:
                ns.run("ip", "addr", "add", address + "/64", "dev", dev, "nodad")
            ns.run("ip", "link", "set", dev, "up")
        # What a veth sends by XDP_TX arrives only where the peer polls (NAPI) and is woken for it, which kernels do when
        # the peer has an XDP program too: `ethtool -K c0 gro on` alone leaves the frames lying on 6.18.
        self.client.run("mount", "-t", "bpf", "bpf", "/sys/fs/bpf")
        self.client.run("ip", "link", "set", "c0", "xdpdrv", "obj", os.path.join(build, "tests/pass.bpf.o"), "sec", "xdp")
        # Tags must lie in the packet, not beside it.
        self.client.run("ethtool", "-K", "c0", "txvlan", "off")
        # Replies of the sockets get their checksum from the kernel, not from a NIC that is not there.
        self.server.run("ethtool", "-K", "s0", "rxvlan", "off", "tx", "off", check=False)
        self.client_mac = self._mac(self.client, "c0")
        self.server_mac = self._mac(self.server, "s0")
        for raw in (RAW4, RAW6):
            self.server.run("ip", "neigh", "add", raw, "lladdr", self.client_mac, "dev", "s0", "nud", "permanent")
        self._wait_link()

    @staticmethod
    def _mac(ns, dev):
        return ns.run("cat", f"/sys/class/net/{dev}/address").stdout.strip()

    def _wait_link(self):
        for address in (SERVER4, SERVER6):
            wait_until(lambda a=address: self.client.run("ping", "-c1", "-W1", a, check=False).returncode == 0
                       if _has_ping() else True, what=f"a link to {address}")

    def start(self, ns, argv, name):
        process = ns.start(argv, os.path.join(self.dir, name + ".log"))
        self.processes.append(process)
        return process

    def close(self):
        for closer in reversed(self.closers):
            closer()
        for process in reversed(self.processes):
            if process.alive():
                process.kill()
        self.client.close()
        self.server.close()


def _has_ping():
    return os.path.exists("/bin/ping") or os.path.exists("/usr/bin/ping")


def readable(fd, timeout):
    return bool(select.select([fd], [], [], timeout)[0])
