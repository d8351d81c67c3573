"""Go's names of what TLS is made of, and OpenSSL's for the same.

Go: https://pkg.go.dev/crypto/tls#pkg-constants. OpenSSL: https://docs.openssl.org/3.0/man1/openssl-ciphers/
"""

from __future__ import annotations

TLS13_SUITES = frozenset({"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"})
"""Of TLS 1.3, where Go lets nobody choose either: they may be listed, and all three are always on."""

TLS12_SUITES = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
}
"""Of TLS 1.2: those of Go's `CipherSuites`, the best first."""
DEFAULT_SUITES = tuple(name for name in TLS12_SUITES if "_CBC_" not in name)

ONE_CURVE = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1"}
"""Curves that Python's ssl can set, one at a time."""
CURVES = (*ONE_CURVE, "X25519")

NO_CERTIFICATE = "NoClientCert"
REQUESTED = "RequestClientCert"
IF_GIVEN = "VerifyClientCertIfGiven"
REQUIRED = "RequireAndVerifyClientCert"
UNVERIFIED = ("RequireAnyClientCert", "RequireClientCert")
"""The same policy twice: the second is the toolkit's old name."""
CLIENT_AUTH = (NO_CERTIFICATE, REQUESTED, UNVERIFIED[0], IF_GIVEN, REQUIRED)

HEADERS: dict[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
"""Headers that may be set -> the values that they may have; any if none is listed."""
