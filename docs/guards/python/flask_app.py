"""A Flask app that Gatehouse signs people in to. It has no secret to sign with, and no table of revoked tokens."""
import os
from flask import Flask, g
from flask_guard import FlaskGuard

app = Flask(__name__)
issuer = os.environ.get("GATEHOUSE_ISSUER", "http://localhost:3000")
guard = FlaskGuard(
    app,
    issuer=issuer,
    url=os.environ.get("GATEHOUSE_URL"),
    audience=os.environ.get("GATEHOUSE_AUDIENCE", issuer),
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    allowed_origins=os.environ.get("ALLOWED_ORIGINS", "").split(),
)

@app.get("/protected")
@guard.require()
def protected():
    return {"logged_in_as": g.auth["sub"]}

@app.get("/admin")
@guard.require(role="admin")
def admin():
    return {"roles": g.auth["roles"]}

@app.route("/orders", methods=["GET", "POST"])
@guard.require(scope="orders:read")
def orders():
    return {"orders": []}
