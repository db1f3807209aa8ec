#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the seed inputs of the fuzz targets: seeds.py DIR makes DIR/TARGET/ for each of them.

They are made from the tables below, and from regressions/TARGET-*.hex: inputs that once broke a target.
Also DIR/config.dict, the words of the configuration.
"""
import contextlib
import pathlib
import random
import re
import ssl
import struct
import sys

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLE = HERE.parents[1] / "docs" / "xnsd.yaml.example"


def query(name, rdtype="A", rdclass="IN", **options):
    """A query's wire form, ID 0xbeef."""
    message = dns.message.make_query(name, rdtype, rdclass, **options)
    message.id = 0xBEEF
    return message


def queries():
    """Queries of all kinds, well-formed."""
    names = ["www", "alias", "chain", "loop", "out", "missing", "wild", "x.w", "a.c.w", "x.d", "x.dd", "sub", "x.sub",
             "held", "www.held", "a.ent.deep", "deep", "nothing", "web", "_sip._tcp"]
    for name in names:
        yield query(name + ".example.com.", "A").to_wire()
    for rdtype in ("SOA", "NS", "MX", "ANY", "AXFR", "IXFR", "DS", "TYPE0", "TYPE65535"):
        yield query("example.com.", rdtype).to_wire()
    for zone in ("nsec.test.", "nsec3.test."):
        for name in ("", "www.", "x.", "x.y.w.", "sub.", "x.sub.", "ns."):
            yield query(name + zone, "A", use_edns=0, want_dnssec=True, payload=4096).to_wire()
            yield query(name + zone, "DS", use_edns=0, want_dnssec=True, payload=4096).to_wire()
    yield query("sub.example.com.", "DS").to_wire()
    yield query("held.example.com.", "DS").to_wire()
    yield query("big.example.com.", "TXT").to_wire()
    yield query("big.example.com.", "TXT", use_edns=0, payload=1232).to_wire()
    yield query("BIG.Example.com.", "TXT", use_edns=0, payload=100).to_wire()
    yield query("web.example.com.", "HTTPS", use_edns=0).to_wire()
    yield query("old.test.", "SOA").to_wire()
    yield query("empty.test.", "SOA").to_wire()
    yield query("other.org.", "A").to_wire()
    yield query(".", "NS").to_wire()
    yield query("version.bind.", "TXT", "CH").to_wire()
    yield query("id.server.", "TXT", "CH").to_wire()
    yield query("www.example.com.", "A", "ANY").to_wire()
    yield query("www.example.com.", "A", use_edns=1).to_wire()
    cookie = dns.edns.GenericOption(10, b"12345678")
    yield query("www.example.com.", "A", use_edns=0, options=[cookie, cookie]).to_wire()
    yield query(".".join(["a"] * 127) + ".").to_wire()
    yield query(".".join(["b" * 63] * 3) + ".example.com.").to_wire()


def odd_queries():
    """NOTIFY, TSIG, other opcodes, records where none should be."""
    for rdata in (None, "ns host 8 3600 900 604800 300"):
        notify = query("example.com.", "SOA")
        notify.set_opcode(dns.opcode.NOTIFY)
        if rdata:
            soa = dns.rdata.from_text("IN", "SOA", rdata, origin=dns.name.from_text("example.com."),
                                      relativize=False)
            notify.answer.append(dns.rrset.from_rdata("example.com.", 300, soa))
        yield notify.to_wire()
    signed = query("www.example.com.", "A", use_edns=0)
    signed.use_tsig(dns.tsig.Key("key.", b"0123456789abcdef"))
    yield signed.to_wire()
    update = query("example.com.", "SOA")
    update.set_opcode(dns.opcode.UPDATE)
    yield update.to_wire()
    yield query("www.example.com.").to_wire()[:-3]
    yield b"\xbe\xef\0\0\0\0\0\0\0\0\0\0"
    # a question of two bytes of pointer
    yield b"\xbe\xef\0\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1"


def reply(rdtype, text):
    """An authoritative reply for example.com. with these records."""
    message = dns.message.make_response(query("example.com.", rdtype))
    message.flags |= dns.flags.AA
    origin = dns.name.from_text("example.com.")
    for line in text.strip().split("\n"):
        owner, kind, rdata = line.split(None, 2)
        rdata = dns.rdata.from_text("IN", kind, rdata, origin=origin, relativize=False)
        owner = dns.name.from_text(owner, origin)
        message.answer.append(dns.rrset.from_rdata(owner, 300, rdata))
    return message.to_wire()


SOA = "@ SOA ns host 7 3600 900 604800 300\n"
SIG = "13 2 300 20380101000000 20250101000000 1 example.com. q83vASNFZ4mrze8BI0VniQ==\n"
ZONES = {
    "plain": "@ NS ns\nns A 192.0.2.1\nwww AAAA 2001:db8::1\nalias CNAME www\n@ MX 10 www\n",
    "loops": "@ NS ns\na CNAME b\nb CNAME a\nc DNAME c.d\n* CNAME x\nx.y CNAME *.w\n*.w NS a\n",
    "types": "@ NS ns\n_s._tcp SRV 0 1 2 ns\nns A 192.0.2.1\nw HTTPS 1 . alpn=h2\nv SVCB 0 w\nt TXT \"x\" \"y\"\n"
             "u TYPE65280 \\# 4 01020304\nsub NS ns.sub\nns.sub A 192.0.2.2\nsub DS 1 13 2 " + "ab" * 32 + "\n",
    "nsec": "@ NS ns\n@ NSEC ns NS SOA RRSIG NSEC DNSKEY\n@ DNSKEY 257 3 13 q83vASNFZ4mrze8BI0VniQ==\n"
            "@ RRSIG SOA " + SIG + "@ RRSIG NSEC " + SIG + "ns A 192.0.2.1\nns NSEC @ A RRSIG NSEC\nns RRSIG NSEC " + SIG,
    "nsec3": "@ NS ns\n@ NSEC3PARAM 1 0 0 -\nns A 192.0.2.1\n@ DNSKEY 257 3 13 q83vASNFZ4mrze8BI0VniQ==\n"
             "0MADR2C2O78CQSOQUIEJTBEH6GFGB0FF NSEC3 1 1 0 - 35JTMRQEFFGOH561OJGVUN7V8EPBQV8B NS SOA DNSKEY\n"
             "0MADR2C2O78CQSOQUIEJTBEH6GFGB0FF RRSIG NSEC3 " + SIG,
}


def stream(*messages):
    return b"".join(struct.pack("!H", len(m)) + m for m in messages)


def soa(serial):
    return SOA.replace(" 7 ", f" {serial} ")


def seeds_xfr():
    for text in ZONES.values():
        yield b"\0" + stream(reply("AXFR", SOA + text + SOA))
    plain = ZONES["plain"]
    yield b"\0" + stream(reply("AXFR", SOA), reply("AXFR", plain), reply("AXFR", SOA))
    yield b"\2" + stream(reply("AXFR", SOA + plain + plain), reply("AXFR", plain + plain + SOA))
    yield b"\1" + stream(reply("AXFR", SOA + SOA))
    yield b"\4" + stream(reply("IXFR", SOA + plain + SOA))
    yield b"\4" + stream(reply("IXFR", soa(6)))
    www, other, text = "www A 192.0.2.2\n", "www A 192.0.2.4\n", 'www TXT "old"\n'
    for flags in (b"\4", b"\x0c"):
        yield flags + stream(reply("IXFR", SOA + soa(6) + www + SOA + other + SOA))
        yield flags + stream(reply("IXFR", SOA), reply("IXFR", soa(6) + www), reply("IXFR", SOA + other + SOA))
        yield flags + stream(reply("IXFR", soa(8) + soa(6) + www + text + SOA + other + SOA),
                             reply("IXFR", other + soa(8) + www + "*.w TXT x\nx.y.z AAAA ::\n" + soa(8)))
        yield flags + stream(reply("IXFR", SOA + soa(6) + "*.w MX 1 wWW\nalias CNAME www\nsub NS ns.sub\nns.sub A 192.0.2.3\n"
                                   + SOA + "alias DNAME sub\nsub A 1.2.3.4\n@ DNSKEY 257 3 13 q83vASNFZ4mrze8BI0VniQ==\n"
                                   + "sub RRSIG A " + SIG + SOA))
        yield flags + stream(reply("IXFR", SOA + soa(6) + SOA + "@ NSEC3PARAM 1 0 0 -\n"
                                   "0MADR2C2O78CQSOQUIEJTBEH6GFGB0FF NSEC3 1 1 0 - 35JTMRQEFFGOH561OJGVUN7V8EPBQV8B NS\n" + SOA))


def seeds_soa():
    yield b"\0" + reply("SOA", SOA)
    yield b"\0" + reply("SOA", "www A 192.0.2.1\n" + SOA)
    yield b"\1" + reply("SOA", SOA)
    yield b"\0" + dns.message.make_response(query("example.com.", "SOA")).to_wire()


def seeds_record():
    """The question of example.com. has 17 bytes."""
    for text in ZONES.values():
        yield b"\x11" + reply("AXFR", SOA + text)
    yield b"\x11" + reply("AXFR", SOA + "n NAPTR 1 2 \"u\" \"s\" \"!a!b!\" ns\n@ RP a b\nx MX 1 x.x\n")


def seeds_tsig():
    key = dns.tsig.Key("key.", b"secretsecret", "hmac-sha256.")
    for fudge in (300, 0):
        signed = query("example.com.", "SOA", use_edns=0)
        signed.use_tsig(key, fudge=fudge)
        for flags in range(8):
            yield bytes([flags]) + signed.to_wire()
    yield b"\0" + query("example.com.", "SOA").to_wire()


def transfers(name):
    """AXFR, IXFR of several serials, a SOA query, with EXPIRE."""
    expire = [dns.edns.GenericOption(9, b"")]
    for qtype in ("AXFR", "SOA", "IXFR"):
        yield query(name, qtype, use_edns=0, options=expire).to_wire()
    for serial in (6, 7, 8, 1):
        ixfr = query(name, "IXFR", use_edns=0)
        ixfr.authority.append(dns.rrset.from_text(name, 0, "IN", "SOA", f". . {serial} 0 0 0 0"))
        yield ixfr.to_wire()


def seeds_respond():
    for wire in queries():
        yield b"\0" + wire
        yield b"\1" + wire
    for wire in odd_queries():
        for flags in (0, 2, 7, 0x10, 0x20):
            yield bytes([flags]) + wire
    for name in ("example.com.", "nsec3.test.", "held.example.com."):
        for wire in transfers(name):
            for flags in (0x09, 0x08, 0x49, 0x4b, 0x4a, 0x41):
                yield bytes([flags]) + wire


def seeds_query():
    for i, wire in enumerate([*queries(), *odd_queries()]):
        yield bytes([i % 4]) + wire
    wire = query("www.example.com.", "A", use_edns=0).to_wire()
    mac = bytes.fromhex("020000000001020000000002")
    udp = struct.pack("!HHHH", 5353, 53, 8 + len(wire), 1) + wire
    ipv4 = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0x4000, 64, 17, 0) + b"\xc0\0\2\1\xc0\0\2\2"
    ipv6 = struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + b"\x20\1\x0d\xb8" + bytes(11) + b"\1" + b"\x20" * 16
    for tags in (b"", b"\x81\0\0\1", b"\x88\xa8\0\1\x81\0\0\2"):
        yield b"\4" + mac + tags + b"\x08\0" + ipv4 + udp + bytes(6)
        yield b"\4" + mac + tags + b"\x86\xdd" + ipv6 + udp


def seeds_config():
    text = EXAMPLE.read_text()
    bare = re.sub(r"(?m)^ *#(?! ?[a-z-]+:).*\n", "", text)
    yield bare.encode()
    yield re.sub(r"(?m)^( *)#([a-z-]+:)", r"\1\2", bare).encode()
    small = "server: {listen: [192.0.2.53, '2001:db8::53@54']}\nremotes: [{id: r, address: 192.0.2.1}]\n"
    yield (small + "zones: [{domain: example.com, primaries: r, notify-from: [r]}]\n").encode()
    yield (small + "zones: [{domain: ., primaries: [r, x]}, {domain: a.b}, {domain: 'a\\046b.', primaries: r}]\n").encode()
    yield (small + "zones: &a [*a]\nx: !!int 3\n? [k]\n: v\n").encode()
    yield (small + """\
keys:
  - {id: Key.example, algorithm: hmac-sha256, secret: "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}
  - {id: old, algorithm: hmac-md5, secret: QUJD}
tls:
  - {id: strict, hostname: ns.example, pin: "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}
  - {id: any, mode: opportunistic, cert-file: /etc/passwd, key-file: /etc/passwd}
acl:
  - {id: a, address: [192.0.2.0/24, "2001:db8::/32", 198.51.100.7], key: [old, key.example.], action: [transfer, notify]}
  - {id: b, action: notify, deny: true}
templates:
  - {id: default, primaries: r, notify: r, acl: [b, a], catalog-role: none, request-ixfr: false, provide-ixfr: false}
  - {id: c, primaries: r, catalog-role: interpret, catalog-template: [later, default], journal-max-usage: 1M}
  - {id: later, primaries: r, refresh-min-interval: 1m, refresh-max-interval: 1h, retry-min-interval: 2s,
     retry-max-interval: 1d, expire-min-interval: 3s, expire-max-interval: 7d, zonemd-verify: true,
     verifier: [/bin/true, -x], verifier-timeout: 5, journal-max-depth: 3, zone-max-records: 9}
zones:
  - {domain: a}
  - {domain: catalog, template: c}
  - {domain: b, template: later, primaries: r, zone-max-records: 0}
""").encode()
    yield ("server: {listen: 192.0.2.1, listen-tls: 192.0.2.1, tls-cert-file: /etc/passwd, tls-key-file: /etc/passwd,"
           "tls-client-ca-file: /etc/passwd, zone-add: true, max-transfers-in: 1, soa-query-rate: 7}\n"
           "tls: {id: t, pin: x}\nremotes: {id: r, address: 192.0.2.1, via: 192.0.2.9, key: k, tls: t}\n").encode()
    yield b"\xff\xfeserver"


CATALOGS = (
    "version TXT 2\n",
    "version TXT 2\na.zones PTR a.\nb.zones PTR b.\ngroup.a.zones TXT g\ncoo.b.zones PTR other.\n",
    "version TXT 2\na.zones PTR a.\nb.zones PTR A.\n",
    "version TXT 2\nversion TXT 1\na.zones PTR a.\n",
    "version TXT 2\na.zones PTR a.\na.zones PTR b.\n",
    "version TXT 2\na.zones PTR a.\ngroup.a.zones TXT x y\ngroup.a.zones TXT \"\"\nx.ext.a.zones TXT z\n",
    "version TXT 1\n", "zones PTR a.\n")


def seeds_catalog():
    """Records as fuzz_catalog.c reads them: owner without the apex, type, length of rdata, rdata."""
    for text in CATALOGS:
        zone = b""
        for line in text.strip().split("\n"):
            owner, kind, rdata = line.split(None, 2)
            rdtype = dns.rdatatype.from_text(kind)
            rdata = dns.rdata.from_text("IN", rdtype, rdata).to_wire()
            zone += dns.name.from_text(owner).to_wire() + bytes([rdtype, len(rdata)]) + rdata
        yield zone


def seeds_control():
    for line in ('{"command":"status"}', '{"command":"zone-status","arguments":["example.com","b."]}',
                 '{"command":"lookup","arguments":["www.example.com","TYPE65535"]}',
                 '{"command":"zone-refresh","arguments":["--all"]}', '{"command":"none"}', '{"command":1}',
                 '{"command":"stop","arguments":{}}', '{"command":"zone-status","arguments":["\\u00e4\\ud83d\\ude00"]}',
                 '[[[[[[[[]]]]]]]]', '{"command":"lookup","arguments":[1]}'):
        yield line.encode() + b"\n"


def seeds_address():
    for text in ("192.0.2.53", "192.0.2.53@53", "2001:db8::53@65535", "::", "::ffff:192.0.2.1@1", "1.2.3.4@0",
                 "fe80::1%eth0", "1.2.3", "@53", "192.0.2.1@65536", "1:2:3:4:5:6:7.8.9.10"):
        yield text.encode()


def seeds_node():
    def rrset(rdtype, *rdatas):
        body = b"".join(struct.pack("=H", len(r)) + r + bytes(len(r) & 1) for r in rdatas)
        return struct.pack("=HHII", rdtype, len(rdatas), 300, len(body)) + body
    yield rrset(1, b"\xc0\0\2\1", b"\xc0\0\2\2") + rrset(16, b"\2hi", b"\0") + rrset(46, bytes(30))
    for records in ((b"\0\1\4\1\2\3\4", b"\0\1\4\1\2\3\5", b"\0\x10\3\2hi"), (b"\0\5\3\1a\0",),
                    (b"\0\x2e\x16\0\1\x0d\2" + bytes(18), b"\0\x2f\4\0\0\1\x40")):
        yield b"".join(records)


def seeds_order():
    rng = random.Random("order")
    for i in range(60):
        steps = bytes([i % 4])
        for _ in range(rng.randint(1, 60)):
            what = rng.choice((7, 7, 7, 7, 7, 3, 4, 5, 0, 1, 1, 2, 6)) | rng.randrange(32) << 3
            n = rng.choice((0, 1, 2, 3, 8, 20))
            words = rng.choice((4, 12, 20, 25, 30, 160, 192))
            steps += bytes([what, words, n << 3 | rng.randrange(8)]) + bytes(rng.choice((0, 1, 2, 97, 255)) for _ in range(n))
        yield steps


def seeds_denial():
    for labels in (b"", b"\3www\7example\3com", b"\1*\1\0\2\1\0\3A\1Z", bytes([63]) + bytes(63), b"\1x" * 126,
                   b"\x3f" + b"l" * 63 + b"\x3f" + b"M" * 63 + b"\x3f" + b"\1" * 63):
        for salt in (b"", b"\xbe\xef", bytes(range(64))):
            for first in (0, 1, 0x81, 2):
                yield bytes([first, 1, len(salt)]) + salt + labels


def seeds_reply():
    """Each byte of labels is a number in the target's list, below 128."""
    rng = random.Random("reply")
    types = (1, 1, 28, 2, 5, 6, 15, 16, 33, 43, 46, 47, 48, 65, 255, 39, 65280)
    for i in range(300):
        labels = bytes(rng.randrange(45) for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3))))
        flags = rng.choice((0, 1, 3, 5, 7, 7, 7)) | rng.randrange(32) << 3
        yield bytes([rng.randrange(8)]) + struct.pack("<H", rng.choice(types)) + bytes([flags, i % 7]) + labels
    for wire in (query("www.nsec.test.", "A", use_edns=0, want_dnssec=True, options=[dns.edns.GenericOption(code, b"")])
                 for code in (3, 19, 10)):
        yield b"\10" + wire.to_wire()


def seeds_image():
    """Records at random places, then serial after serial with some of them changed."""
    rng = random.Random("image")
    for i in range(100):
        steps = b""
        for serial in range(rng.randint(2, 6)):
            for _ in range(rng.randint(5, 40) if serial == 0 else rng.randint(1, 6)):
                steps += bytes([rng.randrange(224), *rng.randbytes(3)])
            steps += bytes([224 + (i % 32 if rng.random() < 0.7 else rng.randrange(32))])
        yield steps


def client_hello(alpn):
    """What a client begins with; it is another one at each call."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(alpn)
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="ns1.example")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


def seeds_tls():
    for flags in (0, 2):
        yield bytes([flags]) + client_hello(["dot"])
        yield bytes([flags]) + client_hello(["h2", "http/1.1"])
        yield bytes([flags]) + client_hello(["dot"])[:-20]
    for flags in range(0, 16):
        yield bytes([flags]) + b"\x16\x03\x03\x00\x04\x0e\x00\x00\x00"
        yield bytes([flags]) + b"\x15\x03\x03\x00\x02\x01\x00"
        yield bytes([flags]) + b"\x15\x03\x03\x00\x02\x02\x28"
        yield bytes([flags]) + b"\x14\x03\x03\x00\x01\x01"
        yield bytes([flags]) + b"\x17\x03\x03\x40\x00" + bytes(40)
        yield bytes([flags]) + query("example.com.", "AXFR").to_wire(prepend_length=True)
    for how in (4, 12):
        for role in (0, 1, 2, 3):
            for at in (0, 3, 9, 60, 120, 200, 255):
                for edit in (b"\x01\x01", b"\x02\x01", b"\x03\x16", b"\x02\xff"):
                    yield bytes([how | role, 0, at]) + edit


TARGETS = {name[6:]: make for name, make in sorted(globals().items()) if name.startswith("seeds_")}


def write_dictionary(path):
    words = set(re.findall(r"[a-z-]{3,}(?=:)", EXAMPLE.read_text())) | {"1G", "10s", "2h", "info", "*a", "&a", "!!int"}
    words |= set(re.findall(r'{"([a-z-]+)", ', (HERE.parents[1] / "userspace/config/schema.c").read_text()))
    words |= {"hmac-sha256", "hmac-md5", "strict", "opportunistic", "interpret", "transfer", "notify", "192.0.2.0/24"}
    path.write_text("".join(f'"{word}"\n' for word in sorted(words)))


def main():
    out = pathlib.Path(sys.argv[1])
    for target, make in TARGETS.items():
        (out / target).mkdir(parents=True, exist_ok=True)
        inputs = {f"seed-{i:03}": data for i, data in enumerate(make())}
        for path in (HERE / "regressions").glob(f"{target}-*.hex"):
            text = re.sub(r"#.*", "", path.read_text())
            inputs[path.stem] = bytes.fromhex(text)
        for name, data in inputs.items():
            (out / target / name).write_bytes(data)
    write_dictionary(out / "config.dict")


if __name__ == "__main__":
    main()
