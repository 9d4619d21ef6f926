"""Addresses with a method page."""

from django.urls import path

urlpatterns = [path("somewhere", lambda request: None, name="method")]
