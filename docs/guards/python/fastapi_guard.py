"""The guard for FastAPI: the default value `guard.require(scope="orders:read")` is the claims of the caller."""
from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from guard import Guard
from tokens import Refused

class FastAPIGuard(Guard):
    def __init__(self, app, **options):
        super().__init__(**options)
        app.add_exception_handler(Refused, answer)

    def require(self, scope="", role=None):
        def admit(request: Request):  # without `async`: FastAPI calls it in a thread, because it may fetch a key
            return self.admit(request.method, request.headers, scope, role)
        return Depends(admit)

async def answer(_request, refused):
    return JSONResponse(refused.body, refused.status, refused.headers)
