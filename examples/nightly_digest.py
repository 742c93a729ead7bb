"""Stores a summary of the last day's published events as a memory, every morning at six in Berlin."""
from collections import Counter
from datetime import datetime, timedelta

config = {
    "schedule": [{"cron": "0 6 * * *", "timezone": "Europe/Berlin", "missed": "run_once"}],
    "timeout_seconds": 60,
}


def when(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def handler(event, ctx):
    scheduled_at = event["data"]["scheduled_at"]
    since = when(scheduled_at) - timedelta(days=1)
    events = ctx.zerodb.events.list(limit=1000)["events"]
    counts = Counter(each["topic"] for each in events if when(each["published_at"]) >= since)
    lines = [f"{topic}: {count}" for topic, count in counts.most_common()]
    content = f"Events of the day: {', '.join(lines)}" if lines else "A day without events"
    day = scheduled_at[:10]
    ctx.once(
        f"digest {day}",
        lambda: ctx.zerodb.memory.remember(content=content, entity_id="digest", tags=[day]),
    )
    return {"content": content}
