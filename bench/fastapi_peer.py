"""GET /scenarios as somebody who knows FastAPI would write it: JWT, kept bytes, an ETag; no more.

Unlike ours it believes the token, so a role that has been taken away still counts, and it has no limits.
Environment: PEER_SCENARIOS (a JSON file), PEER_KEY (of HS256).
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

SCENARIOS = json.loads(Path(os.environ["PEER_SCENARIOS"]).read_bytes())

app = FastAPI()


async def user(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> str:
    """Who asks, as the token says."""
    try:
        claims = jwt.decode(credentials.credentials, os.environ["PEER_KEY"], algorithms=["HS256"], audience="aifutures")
    except jwt.InvalidTokenError:
        raise HTTPException(401) from None
    return str(claims["sub"])


@app.get("/scenarios", dependencies=[Depends(user)])
async def scenarios(min_probability: float = 0.01, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """The scenarios of at least some probability."""
    content, etag = body(min_probability)
    if if_none_match == etag:
        return Response(status_code=304, headers={"ETag": etag})
    return Response(content, media_type="application/json", headers={"ETag": etag})


@lru_cache(256)
def body(least: float) -> tuple[bytes, str]:
    """The list's bytes and their version."""
    content = json.dumps([each for each in SCENARIOS if each["probability"] >= least], ensure_ascii=False).encode()
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'
