# SPDX-License-Identifier: GPL-3.0-or-later
"""Plots of what the parts of the bench wrote, as SVG: bars and lines."""
import json
import math
import os
import statistics
from xml.sax.saxutils import escape

COLOURS = {"bounce": "#9aa0a6", "xnsd": "#1565c0", "knot-xdp": "#e65100", "knot": "#f9a825", "nsd": "#558b2f",
           "maps": "#64b5f6", "agent": "#00897b"}
TITLES = {"bounce": "bounce (bare XDP_TX)", "maps": "xnsd's maps", "agent": "xnsd's agent",
          "knot-xdp": "Knot DNS, AF_XDP", "knot": "Knot DNS, sockets", "nsd": "NSD"}


class Drawing:
    def __init__(self, width, height, title):
        self.width, self.height, self.parts = width, height, []
        self.text(20, 26, title, size=16, weight="bold")

    def add(self, element, **attributes):
        self.parts.append(f"<{element} " + " ".join(f'{key.replace("_", "-")}="{value}"' for key, value in attributes.items())
                          + "/>")

    def text(self, x, y, text, size=12, anchor="start", weight="normal", colour="#202124"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
                          f'fill="{colour}">{escape(text)}</text>')

    def line(self, x1, y1, x2, y2, colour="#dadce0", width=1):
        self.add("line", x1=f"{x1:.1f}", y1=f"{y1:.1f}", x2=f"{x2:.1f}", y2=f"{y2:.1f}", stroke=colour, stroke_width=width)

    def legend(self, x, y, names):
        for name in names:
            self.add("rect", x=x, y=y - 10, width=12, height=12, fill=COLOURS[name])
            self.text(x + 17, y, TITLES.get(name, name))
            x += 40 + 7 * len(TITLES.get(name, name))

    def write(self, path):
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
                       f'viewBox="0 0 {self.width} {self.height}" font-family="sans-serif">\n'
                       f'<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(self.parts) + "\n</svg>\n")
        os.rename(path + ".new", path)


class Log:
    """A logarithmic scale over these values onto from..to; its ticks are powers of ten."""

    def __init__(self, values, start, end):
        self.low, self.high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        self.high += self.high == self.low
        self.start, self.end = start, end

    def __call__(self, value):
        return self.start + (math.log10(value) - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self):
        return [10.0 ** power for power in range(self.low, self.high + 1)]


class Linear:
    """From zero on."""

    def __init__(self, values, start, end):
        highest = max(values)
        step = 10.0 ** math.floor(math.log10(highest))
        self.step = step if highest / step >= 4 else step / 2 if highest / step >= 2 else step / 5
        self.high, self.start, self.end = math.ceil(highest / self.step) * self.step, start, end

    def __call__(self, value):
        return self.start + value / self.high * (self.end - self.start)

    def ticks(self):
        return [i * self.step for i in range(round(self.high / self.step) + 1)]


def short(value):
    for factor, letter in ((1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g} {letter}"
    return f"{value:.3g}"


def bars(path, title, groups, unit, kind):
    """groups: [(name, {series: value})]: a bar for each value, to the right. kind: Log or Linear."""
    series = [name for name in COLOURS if any(name in values for _, values in groups)]
    left, right, top, thick, gap = 250, 90, 60, 13, 12
    height = top + sum(thick * len(values) + gap for _, values in groups) + 40
    drawing = Drawing(1000, height, title)
    drawing.legend(left, 48, series)
    scale = kind([value for _, values in groups for value in values.values()], left, drawing.width - right)
    for tick in scale.ticks():
        drawing.line(scale(tick), top, scale(tick), height - 36)
        drawing.text(scale(tick), height - 20, short(tick), anchor="middle")
    drawing.text(left - 30, height - 20, unit, anchor="end")
    y = top + gap / 2
    for name, values in groups:
        drawing.text(left - 10, y + thick * len(values) / 2 + 4, name, anchor="end")
        for key in series:
            if key in values:
                drawing.add("rect", x=left, y=f"{y:.1f}", width=f"{scale(values[key]) - left:.1f}", height=thick - 2,
                            fill=COLOURS[key])
                drawing.text(scale(values[key]) + 5, y + thick - 3, short(values[key]), size=11)
                y += thick
        y += gap
    drawing.write(path)


def panel(drawing, x, width, title, lines):
    """lines: {series: [(x, y)]}, between x and x + width."""
    left, right, top, bottom = x + 60, x + width - 20, 100, drawing.height - 50
    points = [point for line in lines.values() for point in line]
    drawing.text(left, top - 14, title, weight="bold")
    across = Log([point[0] for point in points], left, right)
    up = Log([point[1] for point in points], bottom, top)
    for tick in across.ticks():
        drawing.line(across(tick), top, across(tick), bottom)
        drawing.text(across(tick), bottom + 18, short(tick), anchor="middle")
    for tick in up.ticks():
        drawing.line(left, up(tick), right, up(tick))
        drawing.text(left - 6, up(tick) + 4, short(tick), anchor="end")
    drawing.text((left + right) / 2, bottom + 36, "names", anchor="middle")
    for name, line in lines.items():
        colour = COLOURS[name]
        path = " ".join(f"{across(a):.1f},{up(b):.1f}" for a, b in sorted(line))
        drawing.add("polyline", points=path, fill="none", stroke=colour, stroke_width=2)
        for a, b in line:
            drawing.add("circle", cx=f"{across(a):.1f}", cy=f"{up(b):.1f}", r=3.5, fill=colour)


def by_names(rows, key):
    """{server: [(names, median)]} of the rows with this key."""
    lines = {}
    for row in rows:
        if row.get("key") == key:
            for server, values in row["values"].items():
                if values and statistics.median(values) > 0:
                    lines.setdefault(server, []).append((row["names"], statistics.median(values)))
    return lines


def draw_flood(path, flood):
    groups = [(result["title"], {name: found["rate"] for name, found in result["servers"].items()
                                 if found["rate"] and not found["wrong"]}) for result in flood["workloads"]]
    bars(path, "Replies a second on one CPU", [group for group in groups if group[1]], "replies a second", Linear)


def draw_latency(path, latency):
    whens = (("idle", "idle"), ("half", "at half of its best rate"))
    groups = [(f"{what}, {title}", {name: states[when][what] for name, states in latency["servers"].items()
                                    if what in states[when]})
              for when, title in whens for what in ("median", "p99", "p99.9")]
    bars(path, "How long a client waits for a reply", [group for group in groups if group[1]], "µs", Log)


def draw_growth(path, large, change):
    memory = by_names(large, "memory")
    memory.update({name: by_names(large, key).get("xnsd", []) for name, key in (("maps", "maps"), ("agent", "own"))})
    panels = [("start to answers, AXFR, s", by_names(large, "start")),
              ("memory, bytes a name", {name: line for name, line in memory.items() if line}),
              ("last byte of an IXFR to the answer, ms", by_names(change, "change"))]
    panels = [(title, lines) for title, lines in panels if lines]
    drawing = Drawing(360 * len(panels) + 20, 380, "How it grows with the zone")
    drawing.legend(20, 56, [name for name in COLOURS if any(name in lines for _, lines in panels)])
    for i, (title, lines) in enumerate(panels):
        panel(drawing, 10 + 360 * i, 360, title, lines)
    drawing.write(path)


def draw(directory):
    """Plots of the files that are there; their names."""
    def read(part):
        path = os.path.join(directory, part + ".json")
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    flood, latency, large, change = map(read, ("flood", "latency", "large", "change"))
    made = []
    for name, drawn in (("flood.svg", flood and flood["workloads"] and (draw_flood, flood)),
                        ("latency.svg", latency and latency["servers"] and (draw_latency, latency)),
                        ("growth.svg", (large or change) and (draw_growth, large["rows"] if large else [],
                                                              change["rows"] if change else []))):
        if drawn:
            drawn[0](os.path.join(directory, name), *drawn[1:])
            made.append(name)
    return made
