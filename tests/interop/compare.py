# SPDX-License-Identifier: GPL-3.0-or-later
"""Is xnsd's reply the reference's? The differences that are allowed, each with its reason, are these and no more:

1. TC=1: the sections are not compared. RFC 2181 §9 has the client ignore them; xnsd leaves them empty, the others keep
   what fits. Both must set TC. Whether a reply fits depends on how well its names are compressed: near the limit
   (within SLACK bytes of it) one may set TC and the other not.
2. Additional section over UDP: what is there must be the reference's, but records may be missing when the size is limited
   (RFC 2181 §9: they are left out before TC is set).
3. NSD and BIND are asked for minimal responses and still differ from Knot DNS, whose form xnsd has, in what they add:
   the authority section of positive answers and the additional section are not compared with theirs.
4. AD, CD: BIND and NSD clear or keep them by configuration; compared with Knot DNS only.
5. A loop of CNAMEs: BIND adds SERVFAIL to the records of the loop; the others say NOERROR. Not compared with BIND.
6. RRSIG and NSEC at a name with a CNAME are answered with what is at that name (RFC 4034 §3, §4: they may stand beside
   it), as Knot DNS and BIND do; NSD follows the CNAME. Not compared with NSD's.
7. ANY is compared by rcode and flags: RFC 8482 leaves the choice of records.
8. SVCB and HTTPS: the addresses of the target go to the additional section (RFC 9460 §4.1); Knot DNS does so only in
   versions later than Debian 12's. More than the reference has is allowed there.
"""
from ask import AA, ANY, CNAME, QR, RD, TC, describe, summary

SLACK = 48
EXACT_FLAGS = 0xFFF0
COMMON_FLAGS = QR | AA | TC | RD | 0x7800
RRSIG, NSEC, SVCB, HTTPS = 46, 47, 64, 65


def difference(query, ours, reference, kind="knot", tcp=False, limit=None):
    """None, or a sentence and both replies. limit: the UDP size in force."""
    if ours is None or reference is None:
        return None if ours is reference else _tell(query, "no reply", ours, reference, kind)
    if ours[2:] == reference[2:]:
        return None
    try:
        our, their = summary(ours), summary(reference)
    except Exception as error:  # whatever a broken message makes the parser raise
        return _tell(query, f"cannot be parsed: {error!r}", ours, reference, kind)
    what = _compare(query, our, their, kind, tcp, limit, (len(ours), len(reference)))
    return what and _tell(query, what, ours, reference, kind)


def _compare(query, our, their, kind, tcp, limit, sizes):
    flags, rcode, question, sections, edns = our
    their_flags, their_rcode, their_question, their_sections, their_edns = their
    aliased = any(record[1] == CNAME for record in their_sections[0])
    if kind == "nsd" and aliased and query.qtype in (RRSIG, NSEC):
        return None
    if kind == "named" and aliased and their_rcode == 2:
        return None
    if rcode != their_rcode:
        return "rcode"
    if question != their_question:
        return "question"
    if edns != their_edns:
        return "EDNS"
    truncated = (flags | their_flags) & TC
    if truncated:
        near = limit and max(sizes) + SLACK + (2 * len(query.name) if kind == "named" else 0) > limit
        if (flags ^ their_flags) & TC and (tcp or not near):
            return "TC"
    mask = (EXACT_FLAGS if kind == "knot" else COMMON_FLAGS) & ~TC
    if (flags ^ their_flags) & mask:
        return "flags"
    if truncated or query.qtype == ANY:
        return None
    if sections[0] != their_sections[0]:
        return "answer section"
    negative = not sections[0]
    if (kind == "knot" or negative) and sections[1] != their_sections[1]:
        return "authority section"
    if kind == "knot" and sections[2] != their_sections[2]:
        more = query.qtype in (SVCB, HTTPS) and sections[2] > their_sections[2]
        if not more and (tcp or not sections[2] < their_sections[2]):
            return "additional section"
    return None


def _tell(query, what, ours, reference, kind):
    return f"{query.text}: {what} differs\n--- xnsd\n{describe(ours)}\n--- {kind}\n{describe(reference)}\n"


def differences(queries, ours, references, **more):
    found = [difference(*three, **more) for three in zip(queries, ours, references)]
    return [text for text in found if text]


def report(found, total):
    """For an assertion: how many, and the first few whole."""
    return f"{len(found)} of {total} replies differ:\n" + "\n".join(found[:5])
