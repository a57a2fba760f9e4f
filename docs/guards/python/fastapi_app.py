"""A FastAPI app that Gatehouse signs people in to."""
import os
from fastapi import FastAPI
from fastapi_guard import FastAPIGuard

app = FastAPI()
issuer = os.environ.get("GATEHOUSE_ISSUER", "http://localhost:3000")
guard = FastAPIGuard(
    app,
    issuer=issuer,
    url=os.environ.get("GATEHOUSE_URL"),
    audience=os.environ.get("GATEHOUSE_AUDIENCE", issuer),
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    allowed_origins=os.environ.get("ALLOWED_ORIGINS", "").split(),
)

@app.get("/protected")
def protected(auth=guard.require()):
    return {"logged_in_as": auth["sub"]}

@app.get("/admin")
def admin(auth=guard.require(role="admin")):
    return {"roles": auth["roles"]}

@app.api_route("/orders", methods=["GET", "POST"])
def orders(_auth=guard.require(scope="orders:read")):
    return {"orders": []}
