# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server takes: memory and disk in bytes, time of the CPUs."""
import json
import os
import time


def tree(pid):
    """A process and its descendants."""
    found = [pid]
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
            for child in file.read().split():
                found += tree(int(child))
    return found


def fields(path, wanted):
    """{name: bytes} of a file of lines as `Name:  123 kB`."""
    with open(path, encoding="ascii", errors="replace") as file:
        lines = (line.split(":", 1) for line in file if ":" in line)
        return {name: int(value.split()[0]) * 1024 for name, value in lines if name in wanted}


def of_process(pid):
    """With its children: their own (anonymous) memory, which no cache of files is in, what is shared counted once; and the
    most that was ever resident."""
    processes = tree(pid)
    return {"own": sum(fields(f"/proc/{each}/smaps_rollup", ("Pss_Anon",))["Pss_Anon"] for each in processes),
            "most": sum(fields(f"/proc/{each}/status", ("VmHWM",))["VmHWM"] for each in processes)}


def cpu_seconds(pid):
    total = 0
    for each in tree(pid):
        with open(f"/proc/{each}/stat", encoding="ascii") as file:
            values = file.read().rpartition(")")[2].split()
        total += int(values[11]) + int(values[12])
    return total / os.sysconf("SC_CLK_TCK")


def of_maps(ns, build):
    """What the kernel charges for the pinned maps."""
    maps = json.loads(ns.run(f"{build}/xnsload", "status", "--json").stdout)["maps"]["maps"]
    return sum(shown.get("bytes", 0) for shown in maps)


def wait_freed(timeout=30):
    """Until the kernel has freed what servers that ended had: maps take it seconds, in the background, on the CPUs here."""
    end = time.monotonic() + timeout
    before, now = 0, available()
    while now - before > 4 << 20 and time.monotonic() < end:
        time.sleep(0.3)
        before, now = now, available()


def available():
    return fields("/proc/meminfo", ("MemAvailable",))["MemAvailable"]


def of_files(directory):
    return sum(os.stat(os.path.join(path, name)).st_blocks * 512
               for path, _, names in os.walk(directory) for name in names)
