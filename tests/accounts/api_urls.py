"""Endpoints made of the shared parts, for tests of those parts."""

import redis
from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import OperationalError, connection
from django.db.models import F
from django.http import Http404, HttpResponse, JsonResponse
from django.urls import include, path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from accounts.api.etags import etag_of, not_modified, require_match
from accounts.api.pagination import CursorPagination
from accounts.api.permissions import TO_ALL, TO_SIGNED_IN
from accounts.api.plain import endpoint
from accounts.api.problems import Conflict, UnprocessableContent
from accounts.api.serializers import BodySerializer
from accounts.api.throttles import charge, consume, peek, refund
from accounts.api.views import ScopedView, ScopedViewSet
from accounts.limits import Cost, LimitsUnavailable
from accounts.models import User
from accounts.policies import Scope

RAISED = {
    "zero": ZeroDivisionError("a secret detail"),
    "not-found": Http404("a secret detail"),
    "forbidden": PermissionDenied("Ask an admin."),
    "conflict": Conflict(),
    "unprocessable": UnprocessableContent("Another body came with this key."),
    "field": DjangoValidationError({"strength": DjangoValidationError("Too strong.", code="max")}),
    "whole": DjangoValidationError("Nothing fits.", code="unfit"),
    "nested": serializers.ValidationError({"a": [{}, {"b": ["Wrong."]}], "non_field_errors": ["All wrong."]}),
    "database": OperationalError("a secret detail"),
    "redis": redis.ConnectionError("a secret detail"),
    "limits": LimitsUnavailable(),
}


class Raise(ScopedView):
    scopes = {"get": TO_ALL}

    def get(self, request, what):
        raise RAISED[what]


class Quality(BodySerializer):
    authority = serializers.FloatField(min_value=0, max_value=1)


class Item(BodySerializer):
    name = serializers.CharField(max_length=10)
    quality = Quality(required=False)
    tags = serializers.ListField(child=serializers.CharField(max_length=5), required=False)
    anything = serializers.JSONField(required=False)
    count = serializers.IntegerField(required=False, allow_null=True)
    id = serializers.UUIDField(required=False)
    at = serializers.DateTimeField(required=False)
    day = serializers.DateField(required=False)
    sure = serializers.BooleanField(required=False)


class Echo(ScopedView):
    scopes = {"post": TO_ALL}

    def post(self, request):
        serializer = Item(data=request.data)
        serializer.is_valid(raise_exception=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::text", [str(serializer.validated_data)])
        return Response(serializer.validated_data)


class Scopeless(ScopedView):
    scopes = {"get": TO_ALL}

    def get(self, request):
        return Response({})

    def post(self, request):
        return Response({})


class Counted(ScopedView):
    scopes = {"get": Scope.READ_SCENARIOS, "post": Scope.CREATE_ANALYSIS}
    costs = {"get": Cost.SCENARIO_QUERIES}

    @extend_schema(parameters=[OpenApiParameter("kept")])
    def get(self, request):
        return Response({"n": 1})


class Versioned(ScopedView):
    scopes = {"get": TO_ALL, "patch": TO_ALL}
    version = etag_of("item", 7)

    def get(self, request):
        return not_modified(request, self.version) or Response({"n": 7}, headers={"ETag": self.version})

    def patch(self, request):
        require_match(request, self.version)
        return Response({"n": 8})


class UserPages(CursorPagination[User]):
    results_key = "users"
    with_total = True
    max_limit = 5
    default_limit = 2


class Users(ScopedViewSet):
    scopes = {"list": TO_ALL}
    pagination_class = UserPages

    def page_extras(self, request):
        return {"filters_applied": {}}

    @extend_schema(parameters=[OpenApiParameter("order", many=True)])
    def list(self, request):
        rows = User.objects.annotate(letter=F("last_name")).order_by(*request.query_params.getlist("order"))
        page = self.paginate_queryset(rows.prefetch_related("groups"))
        return self.get_paginated_response([row.username for row in page])


@endpoint(scope=Scope.READ_SCENARIOS, cost=Cost.SCENARIO_QUERIES, described_by=Counted)
def plain(request):
    return JsonResponse({"user": request.user.username})


@endpoint(scope=Scope.READ_SCENARIOS, described_by=Counted)
def kept(request):
    count = peek if request.GET.get("kept") else charge
    count(request, Cost.SCENARIO_QUERIES, user=request.user)
    return JsonResponse({})


@endpoint(scope=Scope.CREATE_ANALYSIS, methods=("POST",), described_by=Counted)
async def later(request):
    if request.headers.get("X-Wrong"):
        raise Conflict
    if request.headers.get("X-Broken"):
        raise ZeroDivisionError
    allowance = consume_later(request)
    return JsonResponse({"user": request.user.username, "counted": await allowance})


async def consume_later(request):
    from asgiref.sync import sync_to_async

    allowance = await sync_to_async(consume)(request, Cost.ANALYSIS_RUNS, user=request.user)
    if request.headers.get("X-Cached"):
        await sync_to_async(refund)(request)
    return allowance.remaining


class SignedIn(ScopedView):
    scopes = {"get": TO_SIGNED_IN}

    def get(self, request, name):
        return Response({"user": request.user.username})


def html(request):
    return HttpResponse("<h1>Teapot</h1>", status=418)


urlpatterns = [
    path("api/v1/raise/<what>", Raise.as_view()),
    path("api/v1/echo", Echo.as_view()),
    path("api/v1/scopeless", Scopeless.as_view()),
    path("api/v1/counted", Counted.as_view()),
    path("api/v1/versioned", Versioned.as_view()),
    path("api/v1/users", Users.as_view({"get": "list"})),
    path("api/v1/plain", plain),
    path("api/v1/kept", kept),
    path("api/v1/later", later),
    path("api/v1/signed-in/<str:name>", SignedIn.as_view()),
    path("api/v1/html", html),
    path("", include("aifutures_site.urls")),
]
