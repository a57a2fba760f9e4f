"""The guard for Flask: `@guard.require(scope="orders:read")` sets `g.auth`, the claims of the caller."""
import functools
from flask import g, jsonify, request
from guard import Guard
from tokens import Refused

class FlaskGuard(Guard):
    def __init__(self, app, **options):
        super().__init__(**options)
        app.register_error_handler(Refused, lambda refused: (jsonify(refused.body), refused.status, refused.headers))

    def require(self, scope="", role=None):
        def decorate(view):
            @functools.wraps(view)
            def guarded(*args, **kwargs):
                g.auth = self.admit(request.method, request.headers, scope, role)
                return view(*args, **kwargs)
            return guarded
        return decorate
