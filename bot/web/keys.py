"""What the handlers find in the application."""

from __future__ import annotations

from aiohttp import web

from bot.assembly import Parts
from bot.gateway.gateway import Gateway
from bot.live import Live
from bot.web.feed import Feed
from bot.web.limiting import RateLimits
from bot.web.metrics import Metrics
from bot.web.tokens import Sessions

PARTS = web.AppKey("parts", Parts)
LIVE = web.AppKey("live", Live)
SESSIONS = web.AppKey("sessions", Sessions)
FEED = web.AppKey("feed", Feed)
METRICS = web.AppKey("metrics", Metrics)
GATEWAY = web.AppKey("gateway", Gateway)
RATES = web.AppKey("rates", RateLimits)
