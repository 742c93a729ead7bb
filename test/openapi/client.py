"""Calls a server with the generated client and prints the results as JSON."""

import json
import os

from zerodb_client import AuthenticatedClient
from zerodb_client.api.event_log import event_log_list
from zerodb_client.api.hooks import hooks_get
from zerodb_client.api.projects import projects_create
from zerodb_client.api.vectors import vectors_search, vectors_upsert
from zerodb_client.models import Error, ProjectsCreateBody, VectorsSearchBody, VectorsUpsertBody

client = AuthenticatedClient(base_url=os.environ["SERVER"], token=os.environ["KEY"])
project = projects_create.sync(client=client, body=ProjectsCreateBody(name="Generated"))
body = VectorsUpsertBody(vector_id="note", vector_embedding=[1, 0, 0], document="Tea")
vector = vectors_upsert.sync(project.id, client=client, body=body)
query = VectorsSearchBody(query_vector=[1, 0, 0], limit=3)
found = vectors_search.sync(project.id, client=client, body=query)
events = event_log_list.sync(client=client, project_id=project.id, limit=10)
missing = hooks_get.sync("00000000-0000-4000-8000-000000000000", client=client)
assert isinstance(missing, Error)
print(
    json.dumps(
        {
            "project": project.name,
            "dimension": vector.dimension,
            "found": [[match.vector_id, match.similarity] for match in found.results],
            "events": [[event.event, event.data["vector_id"]] for event in events.items],
            "error": missing.code,
        }
    )
)
