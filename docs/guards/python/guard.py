"""Decides who may call a route. It knows no web framework: flask_guard.py and fastapi_guard.py do."""
import logging
from revocations import Revocations
from tokens import Refused, Tokens

class Guard:
    def __init__(self, issuer, audience, client_id, client_secret, url=None, allowed_origins=()):
        self._tokens = Tokens(url or issuer, issuer, audience)
        self._revocations = Revocations(url or issuer, client_id, client_secret)
        self._origins = set(allowed_origins)
        self._cookies = ("__Host-access", "__Secure-access") if issuer.startswith("https:") else ("access",)

    def admit(self, method, headers, scope="", role=None):
        """Returns the claims of the caller, with `scope` as a list. Raises Refused."""
        try:
            claims = self._authenticate(self._find_tokens(method, headers))
            roles = claims.get("roles", [])
            if not set(scope.split()) <= set(claims["scope"]) or (role and role not in roles):
                found = f"{claims['scope']} and {roles}"
                raise Refused("forbidden", f"expected scope {scope!r} and role {role!r}, found {found}")
            return claims
        except Refused as refused:
            if refused.reason:
                logging.warning("refused: %s: %s", refused.code, refused.reason)
            raise

    def _find_tokens(self, method, headers):
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return [token.strip(" ")]
        pairs = [pair.partition("=") for pair in headers.get("Cookie", "").split(";")]
        # Only SP and HTAB are white space here: else another host could pass its cookie off as `__Host-access`.
        cookies = [(name.strip(" \t"), value.strip(' \t"')) for name, _, value in pairs]
        tokens = [value for wanted in self._cookies for name, value in cookies if name == wanted and value]
        if tokens and method not in ("GET", "HEAD", "OPTIONS") and not self._is_from_here(headers):
            raise Refused("cross_site_request", f"found Origin {headers.get('Origin')!r}")
        return tokens

    def _is_from_here(self, headers):
        return headers.get("Sec-Fetch-Site") == "same-origin" or headers.get("Origin") in self._origins

    def _authenticate(self, tokens):
        refusal = Refused("unauthorized")
        for token in tokens:
            try:
                kid, claims = self._tokens.verify(token)
                code = self._revocations.refusal_of(kid, claims)
                if code is None:
                    return claims
                raise Refused(code, "by the revocations")
            except Refused as error:
                refusal = error if refusal.code == "unauthorized" else refusal
        raise refusal
