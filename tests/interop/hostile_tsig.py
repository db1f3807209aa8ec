# SPDX-License-Identifier: GPL-3.0-or-later
"""TSIG as a primary may do it (RFC 8945), by the book and against it.

    primary.new_signer = Signer              each message of a reply is signed
    primary.new_signer = WAYS' keys          ... or so
"""
import struct
import time

import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TSIG
import dns.tsig

OTHER_SECRET = b"another secret altogether" * 2


class Signer:
    """Signs the messages of one reply, in their order."""

    def __init__(self, query, key):
        self.key = key
        self.request_mac, self.id, self.context, self.count = query.mac, query.id, None, 0

    def template(self, **more):
        fields = {"algorithm": self.key.algorithm, "time_signed": int(time.time()), "fudge": 300, "mac": b"",
                  "original_id": self.id, "error": 0, "other": b"", **more}
        return dns.rdtypes.ANY.TSIG.TSIG(dns.rdataclass.ANY, dns.rdatatype.TSIG, **fields)

    def append(self, wire, rdata, name=None):
        body, owner = rdata.to_wire(), (name or self.key.name).to_wire()
        count = struct.pack("!H", struct.unpack("!H", wire[10:12])[0] + 1)
        return wire[:10] + count + wire[12:] + owner + struct.pack("!HHIH", 250, 255, 0, len(body)) + body

    def signed(self, wire, key=None, late=0, **more):
        rdata, self.context = dns.tsig.sign(wire, key or self.key, self.template(**more), int(time.time()) - late,
                                            self.request_mac, self.context, True)
        self.count += 1
        return rdata

    def unsigned(self, wire):
        """Not signed, but in the next signature."""
        self.context.update(wire)
        self.count += 1
        return wire

    def sign(self, wire):
        return self.append(wire, self.signed(wire))


class Sparse(Signer):
    """The first message and every fourth behind it (so a reply of 1 + 4n messages is good)."""

    def sign(self, wire):
        return self.unsigned(wire) if self.count % 4 else super().sign(wire)


# ---- against the book ----

class NotSigned(Signer):
    def sign(self, wire):
        return wire


class LastNotSigned(Signer):
    def sign(self, wire):
        return super().sign(wire) if self.count == 0 else self.unsigned(wire)


class OtherSecret(Signer):
    def __init__(self, query, key):
        super().__init__(query, dns.tsig.Key(key.name, OTHER_SECRET, key.algorithm))


class OtherSecretLater(Signer):
    def sign(self, wire):
        if self.count == 0:
            return super().sign(wire)
        self.count += 1
        return self.append(wire, self.template(mac=bytes(32)))


class OtherName(Signer):
    def sign(self, wire):
        return self.append(wire, self.signed(wire), dns.name.from_text("other.key."))


class OtherAlgorithm(Signer):
    def __init__(self, query, key):
        super().__init__(query, dns.tsig.Key(key.name, key.secret, "hmac-sha512"))


class Truncated(Signer):
    def sign(self, wire):
        rdata = self.signed(wire)
        return self.append(wire, rdata.replace(mac=rdata.mac[:16]))


class NoMac(Signer):
    def sign(self, wire):
        return self.append(wire, self.template())


class Behind(Signer):
    def sign(self, wire):
        return self.append(wire, self.signed(wire, late=1000))


class Ahead(Signer):
    def sign(self, wire):
        return self.append(wire, self.signed(wire, late=-1000))


class Backwards(Signer):
    """Each message a little earlier than the one before."""

    def sign(self, wire):
        return self.append(wire, self.signed(wire, late=10 * self.count))


class Altered(Signer):
    def sign(self, wire):
        wire = bytearray(super().sign(wire))
        wire[60] ^= 1
        return bytes(wire)


class NotLast(Signer):
    def sign(self, wire):
        wire = super().sign(wire)
        count = struct.pack("!H", struct.unpack("!H", wire[10:12])[0] + 1)
        return wire[:10] + count + wire[12:] + b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)


class Twice(Signer):
    def sign(self, wire):
        rdata = self.signed(wire)
        return self.append(self.append(wire, rdata), rdata)


class Replayed(Signer):
    """The same signed message again and again."""
    first = None

    def sign(self, wire):
        self.first = self.first or super().sign(wire)
        return self.first


class Told(Signer):
    """NOTAUTH with an error in the TSIG."""
    error, mac = 0, False

    def sign(self, wire):
        wire = wire[:3] + bytes([dns.rcode.NOTAUTH]) + wire[4:6] + bytes(6) + wire[12:]
        wire = wire[:wire.index(b"\0", 12) + 5]  # the question is all that stays
        more = {"error": self.error, "other": self.other()}
        return self.append(wire, self.signed(wire, **more) if self.mac else self.template(**more))

    def other(self):
        return b""


class BadKey(Told):
    error = 17


class BadSig(Told):
    error = 16


class BadTime(Told):
    error, mac = 18, True

    def other(self):
        return struct.pack("!Q", int(time.time()) + 4000)[2:]


class BadTrunc(Told):
    error, mac = 22, True


# way: part of the reason
WAYS = {
    NotSigned: "without a signature, though with key key.example. it had to be signed",
    LastNotSigned: "the last message is not signed",
    OtherSecret: "wrong signature of key key.example.",
    OtherSecretLater: "wrong signature of key key.example.",
    OtherName: "signed with key other.key., not with key.example.",
    OtherAlgorithm: "signed with algorithm hmac-sha512., but key key.example. has hmac-sha256",
    Truncated: "truncated: 16 bytes instead of 32",
    NoMac: "truncated: 0 bytes instead of 32",
    Behind: "its clock is 1000 s behind ours",
    Ahead: "its clock is 1000 s ahead of ours",
    Backwards: "s before the one that it follows",
    Altered: "wrong signature",
    NotLast: "TSIG that is not its last record",
    Twice: "TSIG that is not its last record",
    Replayed: "wrong signature",
    BadKey: "answered BADKEY: it does not know key key.example. with hmac-sha256",
    BadSig: "answered BADSIG: the secret of key key.example. is another there",
    BadTime: "answered BADTIME: its clock is 4000 s ahead of ours",
    BadTrunc: "answered BADTRUNC",
}
