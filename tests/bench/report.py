# SPDX-License-Identifier: GPL-3.0-or-later
"""What a part of the bench gives: rows of values, printed as they come and as a table, kept as JSON."""
import json
import os
import platform
import re
import statistics
import subprocess
import time


def version(*argv):
    """What a program says about itself, or None where it is not there."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\d+\.\d+\S*", done.stdout + done.stderr)
    return found[0].rstrip(",)") if found else None


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"^(?:model name|Model)\s*:\s*(.*)$", file.read(), re.M)
    return found[1] if found else platform.machine()


def environment(build):
    """Of this run: machine, kernel, versions."""
    return {"date": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "cpu": cpu_model(), "cpus": os.cpu_count(),
            "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), "kernel": platform.release(),
            "xnsd": version(os.path.join(build, "xnsd"), "--version"), "knot": version("knotd", "--version"),
            "nsd": version("nsd", "-v")}


def number(value):
    """Four digits that count, for people."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def spread(values):
    text = number(statistics.median(values))
    return text + (f" ({number(min(values))}..{number(max(values))})" if len(values) > 1 else "")


def verdict(goal):
    """A goal: {"what", "value", "bound", "at_least"}; value None: not measured."""
    if goal["value"] is None:
        return "?"
    met = goal["value"] >= goal["bound"] if goal["at_least"] else goal["value"] <= goal["bound"]
    return "ok" if met else "missed"


def goal_text(goal):
    """Beside the value."""
    return f"{'≥' if goal['at_least'] else '≤'} {goal['bound']:g} {verdict(goal)}"


def goal_lines(goals):
    return table(["", "", "goal"], [[goal["what"], "-" if goal["value"] is None else f"{goal['value']:.3g}", goal_text(goal)]
                                    for goal in goals])


class Report:
    """Rows: {what, unit, values: {server: [...]}}; those of the same name become one."""

    def __init__(self):
        self.rows = []

    def row(self, what, unit, values, **more):
        """more: what the row is about, for those who read the JSON."""
        for row in self.rows:
            if row["what"] == what and row["unit"] == unit:
                row["values"].update(values)
                break
        else:
            row = {"what": what, "unit": unit, "values": values, **more}
            self.rows.append(row)
        print(f"  {what}: " + ", ".join(f"{server} {spread(found)}" for server, found in values.items()) + f" {unit}",
              flush=True)

    def median(self, key, server, **about):
        """Of the row that is about this, or None."""
        for row in self.rows:
            if row.get("key") == key and server in row["values"] and all(row.get(k) == v for k, v in about.items()):
                return statistics.median(row["values"][server])
        return None

    def table(self):
        servers = sorted({server for row in self.rows for server in row["values"]}, reverse=True)
        cells = [[row["what"], row["unit"], *(spread(row["values"][server]) if row["values"].get(server) else "-"
                                              for server in servers)] for row in self.rows]
        return table(["", "", *servers], cells, left=2)


def table(head, rows, left=1):
    """Columns as wide as they need to be; the first ones to the left."""
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    return "\n".join("  ".join(f"{cell:<{width}}" if i < left else f"{cell:>{width}}"
                               for i, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in [head, *rows])


def write_json(path, build, parameters, results):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump({"environment": environment(build), "parameters": parameters, **results}, file, indent=1)
    os.rename(path + ".new", path)


class Progress:
    """Says what comes next and about how long all the rest takes: steps have an estimate of their seconds."""

    def __init__(self, steps):
        self.steps, self.done, self.spent = dict(steps), 0.0, 0.0
        self.began, self.current, self.count = time.monotonic(), None, 0

    def next(self, name, what):
        self.end()
        self.current, self.count = name, self.count + 1
        elapsed = time.monotonic() - self.began
        # Our estimates count for a minute's worth, then what was seen counts more and more.
        pace = (elapsed + 60) / (self.done + 60)
        left = sum(self.steps.values()) * pace
        shown = f"{left / 60:.0f} min" if left > 90 else f"{left:.0f} s"
        print(f"[{self.count}/{self.count + len(self.steps) - 1}, about {shown} left] {what}", flush=True)

    def end(self):
        self.done += self.steps.pop(self.current, 0)
        self.current = None
