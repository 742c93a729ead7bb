"""A tool for agents: finds memories and stored vectors that answer a question, best match first."""

config = {
    "tool": {
        "description": "Searches memories and documents for a question. Use it before answering from memory.",
        "input_schema": {
            "type": "object",
            "properties": {
                "question": {"type": "string", "description": "The question to search for"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 20, "default": 5},
            },
            "required": ["question"],
        },
        "annotations": {"readOnlyHint": True},
    },
    "permissions": ["memory:read", "zerodb:read"],
}


def handler(event, ctx):
    question, limit = event["data"]["question"], event["data"].get("limit", 5)
    memories = ctx.zerodb.memory.recall(query=question, limit=limit)["results"]
    try:
        vectors = ctx.zerodb.vectors.search(query=question, limit=limit)["results"]
    except Exception:
        # Searching a project without vectors is an error.
        vectors = []
    found = [{"from": "memory", "text": each["content"], "similarity": each["similarity"]} for each in memories]
    found += [{"from": "document", "text": each["document"], "similarity": each["similarity"]} for each in vectors]
    return {"found": sorted(found, key=lambda each: -each["similarity"])[:limit]}
