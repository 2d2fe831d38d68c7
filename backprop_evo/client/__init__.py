"""A client of the service, for programs and notebooks.

    from backprop_evo.client import Client

    with Client("http://127.0.0.1:8000") as client:
        search = client.searches.submit(name="first", trials=24)
        search.wait(progress=True)
        search.leaderboard().to_pandas()

``AsyncClient`` has the same nouns for programs that await. Whatever is answered is an immutable value; what
is refused is an error of ``backprop_evo.errors``.
"""

from backprop_evo.client.clients import DEFAULT_URL, AsyncClient, Client
from backprop_evo.client.leaderboards import Leaderboard
from backprop_evo.client.retrying import Retrying

__all__ = ["DEFAULT_URL", "AsyncClient", "Client", "Leaderboard", "Retrying"]
