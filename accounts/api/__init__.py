"""What the endpoints of /api/v1 share, whichever app they belong to.

A view names for every operation the scope it needs and, where it is counted, its class of cost; authentication,
policy, limits, errors, ETags and their OpenAPI descriptions follow:

    class ItemViewSet(ScopedViewSet):                                       # accounts.api.views (ScopedView: no set)
        scopes = {"list": Scope.READ_EVIDENCE, "retrieve": Scope.READ_EVIDENCE, "partial_update": Scope.WRITE_EVIDENCE}
        costs = {"list": Cost.EVIDENCE_QUERIES}                             # accounts.limits
        serializer_class = ItemSerializer                                   # input: a BodySerializer
        pagination_class = ItemPagination                                   # CursorPagination: accounts.api.pagination

        def get_queryset(self): return Item.objects.visible_to(self.request.user)   # others' rows are 404

        def partial_update(self, request, pk):
            with transaction.atomic():
                item = get_object_or_404(self.get_queryset().select_for_update(), pk=pk)
                require_match(request, etag_of(item.pk, item.updated_at))   # accounts.api.etags: 428, 412
                ...
            return Response(data, headers={"ETag": ...})

- `scopes` values: a `Scope`, `TO_SIGNED_IN` or `TO_ALL` (accounts.api.permissions). An operation without one is an
  error, never open. The user is `request.user`; `may(user, scope)` and `visible_to(user)` know API keys' limits too.
- Errors (accounts.api.problems): raise DRF's exceptions, `Conflict`, `UnprocessableContent`, ..., or let a service's
  ValidationError pass (400 with the field as path). Everything is a problem document, also what plain Django answers.
- Input (accounts.api.serializers): `BodySerializer` for JSON bodies, which takes no unknown field and no value of
  another JSON type; `StrictSerializer`, which converts texts, for query parameters.
- Query parameters that `@extend_schema` does not name, pagination and filters aside, are refused before the view works,
  and so are repeated ones that are no lists (accounts.api.queries).
- Reads get an ETag from their body and answer 304 by themselves; a response that sets its own `ETag` keeps it.
  `not_modified(request, etag)` saves the work where the version is known beforehand.
- Limits: `costs` counts before the view works; 304 gives back by itself, `refund(request)` (accounts.api.throttles)
  whatever else. Where an answer may be there already, name the cost in `described_by` alone and count in the view:
  `charge(request, cost, user=...)` before computing or reading (429 if used up), `peek(...)` for a kept answer or a
  304, which everybody gets.
  Pages and sockets call `limit_consume(user=..., cost=...)` (accounts.limits).
- Plain Django views, sync or async: `@endpoint(...)` (accounts.api.plain).
- OpenAPI: `@extend_schema(summary=..., request=..., responses=...)` with what is particular; common problems, headers
  and security are added (accounts.api.schema: also `IF_MATCH`, `problem_response`).
- Tests: a row for each endpoint in tests/contract/table.py.
"""
