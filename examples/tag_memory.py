"""Stores the topics of each new memory in the table "memory_tags"."""
import re

config = {"triggers": [{"event": "zeromemory.remembered", "ordering_key": "data.entity_id"}]}

TOPICS = {
    "travel": r"\b(flight|hotel|trip|travel|airport)\b",
    "food": r"\b(eat|food|restaurant|vegetarian|coffee)\b",
    "work": r"\b(meeting|project|deadline|client|invoice)\b",
}


def handler(event, ctx):
    memory = ctx.row()
    if memory is None:
        return {"tags": [], "reason": "the memory has been deleted"}
    memory_id = event["data"]["memory_id"]
    tags = [topic for topic, words in TOPICS.items() if re.search(words, memory["content"], re.I)]
    # Delivery is at least once, so a write that must happen once needs ctx.once.
    ctx.once(
        f"tags {memory_id}",
        lambda: ctx.zerodb.rows.insert(table="memory_tags", row_data={"memory_id": memory_id, "tags": tags}),
    )
    print(f"{memory_id}: {', '.join(tags) or 'no tag'}")
    return {"tags": tags}
