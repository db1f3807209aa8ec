# SPDX-License-Identifier: GPL-3.0-or-later
"""Names as tuples of labels (bytes), without the root's; on the wire and in zone files."""

SAFE = set(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_*")


def wire(name):
    return b"".join(bytes([len(label)]) + label for label in name) + b"\0"


def wire_len(name):
    return sum(len(label) + 1 for label in name) + 1


def text(name):
    """Absolute, for a zone file."""
    return "".join(label_text(label) + "." for label in name) or "."


def label_text(label):
    return "".join(chr(byte) if byte in SAFE else f"\\{byte:03d}" for byte in label)


def from_text(name):
    """Of plain names without escapes."""
    return tuple(label.encode() for label in name.rstrip(".").split(".") if label)


def lower(name):
    return tuple(label.lower() for label in name)


def fits(name):
    return wire_len(name) <= 255 and all(0 < len(label) <= 63 for label in name)


def filled(room, label=63):
    """Labels of that length that take exactly `room` bytes on the wire, the root not counted."""
    labels = []
    while room > 0:
        take = min(label, room - 1)
        if room - take - 1 == 1:  # one byte would be left, which is no label
            take -= 1
        labels.append(b"l" * take)
        room -= take + 1
    return tuple(labels)


def parse(text):
    """The labels of a name in a zone file, escapes \\DDD only."""
    labels = [b""]
    i = 0
    while i < len(text):
        if text[i] == "\\":
            labels[-1] += bytes([int(text[i + 1:i + 4])])
            i += 4
        elif text[i] == ".":
            labels.append(b"")
            i += 1
        else:
            labels[-1] += text[i].encode()
            i += 1
    return tuple(label for label in labels if label)
