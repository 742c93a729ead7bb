"""Receives webhooks signed as in Standard Webhooks (https://www.standardwebhooks.com) and publishes each once."""
import base64
import hashlib
import hmac
import time

config = {"http": {"methods": ["POST"], "auth": "none"}, "secrets": ["WEBHOOK_SECRET"]}

TOLERANCE_SECONDS = 300


def handler(event, ctx):
    data = event["data"]
    headers, body = data["headers"], data["body"] or ""
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "0")
    key = base64.b64decode(ctx.env["WEBHOOK_SECRET"].removeprefix("whsec_"))
    right = hmac.new(key, f"{message_id}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
    expected = "v1," + base64.b64encode(right).decode()
    genuine = any(hmac.compare_digest(each, expected) for each in headers.get("webhook-signature", "").split(" "))
    late = abs(time.time() - float(timestamp)) > TOLERANCE_SECONDS
    if not genuine or late:
        return ctx.response({"error": "the signature is not valid"}, status=401)
    payload = {"id": message_id, "body": data.get("json")}
    ctx.once(message_id, lambda: ctx.zerodb.events.publish(topic="webhook.received", event_payload=payload))
    return ctx.response(None, status=204)
