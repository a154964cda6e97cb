"""Scrapy's HTTP cache without pickle: a file a page, one line of JSON and then the body."""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from scrapy import Request, Spider
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes
from scrapy.settings import BaseSettings


class JsonCache:
    """Storage for scrapy's HttpCacheMiddleware. A record that cannot be read counts as not cached."""

    def __init__(self, settings: BaseSettings) -> None:
        self.folder = Path(settings["HTTPCACHE_DIR"])
        self.expiration_s = settings.getint("HTTPCACHE_EXPIRATION_SECS")

    def open_spider(self, spider: Spider) -> None:
        self.fingerprinter = spider.crawler.request_fingerprinter

    def close_spider(self, spider: Spider) -> None:
        pass

    def _path(self, request: Request) -> Path:
        if self.fingerprinter is None:
            raise RuntimeError("the cache is used before the spider is open")
        key = self.fingerprinter.fingerprint(request).hex()
        return self.folder / key[:2] / f"{key}.page"

    def retrieve_response(self, spider: Spider, request: Request) -> Response | None:
        try:
            head, _, body = self._path(request).read_bytes().partition(b"\n")
            meta: dict[str, Any] = json.loads(head)
        except (OSError, ValueError):
            return None
        if len(body) != meta["length"] or not 0 <= time.time() - meta["timestamp"] < self.expiration_s:
            return None
        headers = Headers(
            {name: [value.encode("latin-1") for value in values] for name, values in meta["headers"]}
        )
        request.meta["cache_timestamp"] = meta["timestamp"]
        kind = responsetypes.from_args(headers=headers, url=meta["url"], body=body)
        return kind(url=meta["url"], status=meta["status"], headers=headers, body=body)

    def store_response(self, spider: Spider, request: Request, response: Response) -> None:
        if response.status >= 400:  # an error may be gone next time
            return
        meta = {
            "url": response.url,
            "status": response.status,
            "timestamp": time.time(),
            "length": len(response.body),
            "headers": [
                [name.decode("latin-1"), [value.decode("latin-1") for value in values]]
                for name, values in response.headers.items()
            ],
        }
        request.meta["cache_timestamp"] = meta["timestamp"]  # the time we report, now as well as later
        path = self._path(request)
        path.parent.mkdir(parents=True, exist_ok=True)
        # written beside and renamed: a crawl that is killed leaves no half page
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(json.dumps(meta).encode() + b"\n" + response.body)
        Path(file.name).replace(path)
