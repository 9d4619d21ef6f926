"""Wiring of the platform: settings, configuration, URLs, servers.

It imports the apps; of it they import only `config`, and `embedded` to find Redis.
"""
