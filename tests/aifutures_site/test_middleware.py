"""The middleware, from the first to the last."""

import asyncio
import time

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from django.http import JsonResponse
from django.test import AsyncClient
from django.urls import path
from django.utils.module_loading import import_string


async def waits(request):
    await asyncio.sleep(0.5)
    return JsonResponse({})


urlpatterns = [path("waits", waits)]


@pytest.mark.parametrize("name", settings.MIDDLEWARE)
def test_none_makes_async_views_hold_a_thread(name):
    assert import_string(name).async_capable


@pytest.mark.urls(__name__)
@pytest.mark.django_db(transaction=True, serialized_rollback=True)
async def test_long_waits_hold_no_thread():
    client = AsyncClient()
    begin = time.monotonic()
    await asyncio.gather(*(client.get("/waits") for _ in range(40)))
    took = time.monotonic() - begin
    await sync_to_async(connections.close_all)()
    assert took < 15, "the 40 waits of 0.5 seconds came one after the other"


async def test_files_are_served_in_the_event_loop():
    answer = await AsyncClient().get("/static/icon.svg")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/svg+xml")
    answer.close()
