"""Follows what Gatehouse revokes, in a thread of its own."""
import json, logging, threading, time
from math import inf
import requests
WAIT, LOST_AFTER = 5, 10  # seconds

class Revocations:
    def __init__(self, url, client_id, client_secret):
        self._url, self._auth = url, (client_id, client_secret)
        self._entries = {}  # (kind, id): the lowest version that counts, and when the entry expires
        self._doubted_until, self._read_at = 0, -inf
        threading.Thread(target=self._follow, daemon=True).start()

    def refusal_of(self, kid, claims):
        """Returns the code to refuse a token with, or None."""
        if time.monotonic() - self._read_at > LOST_AFTER: return "unavailable"
        if self._ends("kid", kid): return "token_stale"
        actor = claims.get("act", {}).get("act")  # an exchanged token ends with every client that acted before
        ended = self._ends("sid", claims.get("sid")) or self._ends_with(claims.get("client_id"), claims)
        while actor and not ended:
            ended, actor = self._ends_with(actor["sub"], actor), actor.get("act")
        stale = claims["iat"] <= self._doubted_until or self._ends("user", claims["sub"], claims.get("ver", inf))
        return "unauthorized" if ended else "token_stale" if stale else None

    def _ends_with(self, client, token):
        return self._ends("client", client, token.get("client_ver", 0)) or self._ends("jti", token.get("jti"))

    def _ends(self, kind, name, version=0):
        return version < self._entries.get((kind, name), (0,))[0]

    def _follow(self):
        renew_at, query = 0, {}
        while True:
            try:
                if time.monotonic() >= renew_at:
                    token = self._ask("POST", "/oauth/token", data={"grant_type": "client_credentials"}, auth=self._auth)
                    renew_at = time.monotonic() + 0.7 * token["expires_in"]
                bearer = {"Authorization": f"Bearer {token['access_token']}"}
                page = self._ask("GET", "/oauth/revocations", params=query, headers=bearer)
                self._take(page["entries"])
                query, self._read_at = {"cursor": page["cursor"], "wait": WAIT}, time.monotonic()
            except Exception as error:  # whatever it was: ask from the start, with a new token
                logging.warning("the revocation feed cannot be read: %s", error)
                renew_at, query = 0, {}
            time.sleep(0.05 if query else 1)

    def _ask(self, method, path, **options):
        answer = requests.request(method, self._url + path, timeout=WAIT + 3, allow_redirects=False, **options)
        answer.raise_for_status()
        return answer.json()

    def _take(self, page):
        for entry in page:
            key, version = (entry["kind"], entry["id"]), entry.get("minVersion", inf)
            if entry["kind"] not in ("sid", "jti", "kid", "user", "client"):  # it may concern every token until now
                key = ("unknown", json.dumps(entry))
                self._doubted_until = self._doubted_until if key in self._entries else time.time()
            self._entries[key] = (max(version, self._entries.get(key, (0,))[0]), entry["expiresAt"])
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        self._entries = {key: entry for key, entry in self._entries.items() if entry[1] > now}
