"""The REST API and the server-rendered pages, over one store; no torch, no workers. ``app.py`` builds it."""
