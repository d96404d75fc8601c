"""Holds a running console's API to its own description.

    check.py URL LOGIN PASSWORD

An independent validator reads the OpenAPI document; schemathesis asks every operation with what
the document allows and with what it does not, with the token of an administrator.
"""

import http.cookiejar
import json
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request

from openapi_spec_validator import validate

# What an answer is held to. Wrong tokens are slowed down after some, so that asking without one
# all the time is no use.
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
]
# A token has 3000 requests a minute.
RATE = "45/s"
SECONDS = "100"


class Console:
    def __init__(self, base):
        self.base = base
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(jar)

    def get(self, path):
        return self.opener.open(self.base + path).read().decode()

    def post(self, path, fields):
        body = urllib.parse.urlencode(fields, doseq=True).encode()
        request = urllib.request.Request(self.base + path, body, {"Origin": self.base})
        return self.opener.open(request).read().decode()


def hidden(page, name):
    return re.search(f'name="{name}" value="([^"]+)"', page)[1]


def token(console, login, password):
    form = {"form_token": hidden(console.get("/login"), "form_token")}
    console.post("/login", {**form, "login": login, "password": password})
    user = re.search(r"/users/([0-9a-f]{32})", console.get("/users"))[1]
    path = f"/users/{user}/tokens"
    page = console.get(path)
    scopes = re.findall(r'name="scope" value="([a-z_]+)"', page)
    fields = {"csrf": hidden(page, "csrf"), "name": "a test", "scope": scopes}
    return re.search(r"tocsin_[A-Za-z0-9_-]+", console.post(path, fields))[0]


def main():
    base, login, password = sys.argv[1].rstrip("/"), sys.argv[2], sys.argv[3]
    console = Console(base)
    secret = token(console, login, password)
    place = "/api/v1/openapi.json"
    document = json.loads(console.get(place))
    validate(document)
    print(f"OpenAPI {document['openapi']}: {len(document['paths'])} paths, a valid document")
    tool = os.path.join(os.path.dirname(sys.executable), "schemathesis")
    asked = [tool, "run", base + place, "--phases", "examples,coverage,fuzzing"]
    asked += ["--checks", ",".join(CHECKS), "--rate-limit", RATE, "--max-time", SECONDS]
    asked += ["--continue-on-failure", "--header", f"Authorization: Bearer {secret}"]
    sys.exit(subprocess.run(asked, check=False).returncode)


main()
