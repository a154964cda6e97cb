"""serve: events in over HTTP, each learner's next best step with its reasons out."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from learnloop.settings import Settings


def run(settings: "Settings", database_url: str) -> None:
    """Serves until Ctrl-C or SIGTERM: one process, one release in memory, on `api_host:api_port`.

    No access log: paths hold learner_ids, and /metrics counts requests without them.
    """
    import logging

    import uvicorn

    from learnloop.serve.app import create_app

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("learnloop.serve").setLevel(logging.INFO)
    uvicorn.run(
        create_app(settings, database_url),
        host=settings.api_host,
        port=settings.api_port,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="info",
        timeout_graceful_shutdown=10,
    )
