"""Hashes and describes each uploaded file, and publishes the result as an event."""
import hashlib

config = {"triggers": [{"event": "zerodb.file.uploaded", "filter": {"data.size_bytes": {"$lte": 5_000_000}}}]}

MAGIC = {
    "25504446": "a PDF document",
    "89504e47": "a PNG image",
    "ffd8ff": "a JPEG image",
    "504b0304": "a zip archive, or an Office document",
}


def handler(event, ctx):
    file_id, file_name = event["data"]["file_id"], event["data"]["file_name"]
    data = ctx.zerodb.files.download(file_id=file_id)["content"]
    start = data[:4].hex()
    kind = next((what for magic, what in MAGIC.items() if start.startswith(magic)), None)
    kind = kind or ("binary data" if b"\0" in data else "text")
    sha256 = hashlib.sha256(data).hexdigest()
    description = f"{file_name} is {kind} of {len(data)} bytes"
    ctx.zerodb.events.publish(
        topic="files.described",
        event_payload={"file_id": file_id, "sha256": sha256, "description": description},
    )
    return {"sha256": sha256, "description": description}
