"""Verifies Gatehouse's access tokens offline, by its published keys."""
import logging, threading, time
import jwt
import requests

ALGORITHMS = ("ES256", "EdDSA", "RS256")
EARLY, LATE, LONGEST_LIFE = 60, 5, 3600  # seconds: before a token's time, after its end, of its life
REQUIRED = ["iss", "aud", "sub", "jti", "iat", "exp", "scope"]
CHECKS = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "require": REQUIRED}
TITLES = {
    "unauthorized": (401, "Sign in to do this."),
    "token_stale": (401, "The access token is out of date: refresh it."),
    "forbidden": (403, "You are not allowed to do this."),
    "cross_site_request": (403, "The request came from a site that is not allowed."),
    "unavailable": (503, "The service is not available: try again soon."),
}

class Refused(Exception):
    """`status`, `body` and `headers` are the answer (RFC 9457). `reason` is for the log alone."""
    def __init__(self, code, reason=""):
        super().__init__(code)
        self.code, self.reason, (self.status, title) = code, reason, TITLES[code]
        self.body = {"type": f"urn:gatehouse:problem:{code}", "title": title, "status": self.status, "code": code}
        self.headers = {"Content-Type": "application/problem+json; charset=utf-8", "Cache-Control": "no-store"}
        self.headers |= {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "1"}}.get(self.status, {})

class Tokens:
    def __init__(self, url, issuer, audience):
        self._jwks, self._expected = f"{url}/.well-known/jwks.json", {"issuer": issuer, "audience": audience}
        self._keys, self._tried_at, self._lock, self._is_lost = {}, float("-inf"), threading.Lock(), False

    def verify(self, token):
        """Returns the id of the signing key, and the claims. Raises Refused."""
        try:
            header = jwt.get_unverified_header(token)
            if header.get("typ") != "at+jwt" or "crit" in header or "zip" in header:
                raise ValueError("not the header of an access token")
            algorithm, key = self._key(header["kid"])
            claims = jwt.decode(token, key, algorithms=[algorithm], options=CHECKS, **self._expected)
            now, begins, ends = time.time(), max(claims["iat"], claims.get("nbf", 0)), claims["exp"]
            if now >= ends + LATE or begins > now + EARLY or ends - claims["iat"] > LONGEST_LIFE + LATE:
                raise ValueError(f"valid from {begins} to {ends}, now it is {now:.0f}")
            return header["kid"], {**claims, "scope": claims["scope"].split()}
        except (jwt.PyJWTError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise Refused("unauthorized", f"{type(error).__name__}: {error}; expected {self._expected}") from error

    def _key(self, kid):
        with self._lock:
            age = time.monotonic() - self._tried_at
            if age > 60 or (kid not in self._keys and age > 5):
                self._tried_at, self._is_lost = time.monotonic(), True
                try:
                    keys = requests.get(self._jwks, timeout=3, allow_redirects=False).json()["keys"]
                    keys = [key for key in keys if key["alg"] in ALGORITHMS]
                    self._keys = {key["kid"]: (key["alg"], jwt.PyJWK(key).key) for key in keys}
                    self._is_lost = False
                except Exception as error:
                    logging.warning("the keys cannot be fetched: %s", error)
            if kid not in self._keys and self._is_lost: raise Refused("unavailable", "the keys cannot be fetched")
            return self._keys[kid]
