"""Web pages of the analysis: one module for each, with its views and its `urlpatterns`."""
