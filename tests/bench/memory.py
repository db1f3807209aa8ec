# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server takes: memory and disk in bytes, time of the CPUs."""
import json
import os


def of_process(pid):
    """Resident; of that its own (anonymous) memory, which no cache of files is in; and the most there ever was."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    return {key: int(fields[name].split()[0]) * 1024
            for key, name in (("resident", "VmRSS"), ("own", "RssAnon"), ("most", "VmHWM"))}


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def of_maps(ns, build):
    """What the kernel charges for the pinned maps."""
    maps = json.loads(ns.run(f"{build}/xnsload", "status", "--json").stdout)["maps"]["maps"]
    return sum(shown.get("bytes", 0) for shown in maps)


def of_files(directory):
    return sum(os.stat(os.path.join(path, name)).st_blocks * 512
               for path, _, names in os.walk(directory) for name in names)
