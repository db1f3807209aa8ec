# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of certtool, and NSD and BIND as primaries that transfer over TLS (RFC 9103), port 853."""
import base64
import hashlib
import os
import subprocess

import secondaries
from lab import SERVER4
from primaries import Named, Nsd

HOST = "ns1.example"


class Certificates:
    """A CA, and what it signs, in a directory that everybody may read."""

    def __init__(self, directory):
        self.dir = os.path.join(directory, "certificates")
        os.makedirs(self.dir, exist_ok=True)
        os.chmod(self.dir, 0o755)

    def path(self, name):
        return os.path.join(self.dir, name)

    def _certtool(self, *arguments):
        done = subprocess.run(["certtool", *arguments], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"

    def _make(self, name, template, *how):
        cert, key, conf = self.path(name + ".pem"), self.path(name + ".key"), self.path(name + ".template")
        with open(conf, "w", encoding="utf-8") as file:
            file.write("\n".join(template) + "\n")
        self._certtool("--generate-privkey", "--key-type=ecdsa", "--curve=secp256r1", "--outfile", key)
        self._certtool(*how, "--load-privkey", key, "--template", conf, "--outfile", cert)
        os.chmod(key, 0o644)  # everybody here is a test
        return cert, key

    def ca(self, name="ca"):
        self._make(name, [f"cn = {name}", "ca", "cert_signing_key", "expiration_days = 30"], "--generate-self-signed")
        return self.path(name + ".pem")

    def sign(self, name, host, ca="ca", dates=("expiration_days = 30",)):
        """Certificate and key of a host, a server or a client."""
        return self._make(name, [f"cn = {host}", f"dns_name = {host}", "tls_www_server", "tls_www_client", "signing_key",
                                 *dates], "--generate-certificate", "--load-ca-certificate", self.path(ca + ".pem"),
                          "--load-ca-privkey", self.path(ca + ".key"))

    def expired(self, name, host, ca="ca"):
        return self.sign(name, host, ca, ('activation_date = "2020-01-01 00:00:00"', 'expiration_date = "2020-02-01 00:00:00"'))

    def pin(self, name):
        """As `openssl x509 -pubkey | openssl pkey -pubin -outform der | sha256sum`, in base64."""
        key = subprocess.run(["openssl", "x509", "-in", self.path(name + ".pem"), "-noout", "-pubkey"], check=True,
                             capture_output=True).stdout
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], input=key, check=True,
                             capture_output=True).stdout
        return base64.b64encode(hashlib.sha256(der).digest()).decode()


class XotNsd(Nsd):
    """Over TLS only what comes to port 853: there the other port's protocol is not understood."""

    def __init__(self, lab, zones, certificate, client_ca=None, **more):
        self.certificate = certificate
        assert client_ca is None, "NSD 4.6 does not ask for a client's certificate"
        super().__init__(lab, zones, **more)

    def config(self):
        cert, key = self.certificate
        return super().config().replace("server:\n", f"""server:
  ip-address: {self.v4}@853
  ip-address: {self.v6}@853
  tls-service-key: "{key}"
  tls-service-pem: "{cert}"
  tls-port: 853
""", 1)


class XotNamed(Named):
    """Gives zones over TLS, and in no other way."""

    def __init__(self, lab, zones, certificate, client_ca=None, **more):
        self.certificate, self.client_ca = certificate, client_ca
        super().__init__(lab, zones, **more)

    def config(self):
        cert, key = self.certificate
        ca = f'ca-file "{self.client_ca}";' if self.client_ca else ""
        return (f'tls xot {{ cert-file "{cert}"; key-file "{key}"; {ca} protocols {{ TLSv1.3; }}; }};\n'
                + super().config()
                .replace("allow-transfer { any; };", "allow-transfer port 853 transport tls { any; };\n"
                         f"  listen-on port 853 tls xot {{ {self.v4}; }};\n"
                         f"  listen-on-v6 port 853 tls xot {{ {self.v6}; }};"))


XOT = {"nsd": XotNsd, "named": XotNamed}


class SecondaryNsd(secondaries.Nsd):
    """A secondary of xnsd."""

    source = f"{SERVER4}@853 NOKEY xnsd"

    def __init__(self, lab, zones, ca, host, certificate=None):
        self.ca, self.host, self.certificate = ca, host, certificate
        super().__init__(lab, zones)

    def config(self):
        own = f'  client-cert: "{self.certificate[0]}"\n  client-key: "{self.certificate[1]}"\n' if self.certificate else ""
        return (super().config().replace("server:\n", f'server:\n  tls-cert-bundle: "{self.ca}"\n', 1)
                + f'tls-auth:\n  name: xnsd\n  auth-domain-name: "{self.host}"\n{own}')


class SecondaryNamed(secondaries.Named):
    """A secondary of xnsd."""

    source = f"{SERVER4} port 853 tls xnsd"

    def __init__(self, lab, zones, ca, host, certificate=None):
        self.ca, self.host, self.certificate = ca, host, certificate
        super().__init__(lab, zones)

    def config(self):
        own = f'cert-file "{self.certificate[0]}"; key-file "{self.certificate[1]}";' if self.certificate else ""
        return (f'tls xnsd {{ ca-file "{self.ca}"; remote-hostname "{self.host}"; {own} protocols {{ TLSv1.3; }}; }};\n'
                + super().config())


SECONDARIES = {"nsd": SecondaryNsd, "named": SecondaryNamed}
