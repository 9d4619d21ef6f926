"""Logs: structured lines on standard error; for people at a terminal, one JSON object a line everywhere else."""

from __future__ import annotations

import sys
from typing import Any

import structlog

from aifutures_site.environment import Service

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def configure(service: Service) -> dict[str, Any]:
    """Set structlog up and give the LOGGING setting that sends the standard library's logs the same way."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *_renderers(service),
                ],
                "foreign_pre_chain": _SHARED,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": service.log_level},
        "loggers": {
            "django": {"handlers": [], "level": service.log_level, "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            "daphne": {"level": "WARNING"},
            "twisted": {"level": "WARNING"},
            "rq": {"level": service.log_level, "propagate": True},
            "axes": {"level": "WARNING"},
            "matplotlib": {"level": "WARNING"},
        },
    }


def _renderers(service: Service) -> list[Any]:
    people = service.debug or sys.stderr.isatty()
    if (service.log_format or ("console" if people else "json")) == "console":
        return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
