"""Channels: one file each, between a vendor's webhook and Frontdesk's messages.

A channel is a module with two names (`bot.channels.catalogue` reads them):

* `Settings(catalogue.ChannelSettings)`: what stands under `[channels.<name>]` in frontdesk.toml.
  Each field has a description; secrets are `SecretStr`; unknown keys are refused by the base.
* `open_channel(name: str, settings: Settings) -> Channel`: makes the channel. Opens nothing.

The module is named in `catalogue.TABLE`; a channel of somebody else's comes from the entry point
group `frontdesk.channels`, whose value is such a module. `[channels.shop-telegram]` with
`kind = "telegram"` gives a second account of a kind; without `kind` the section's name is the kind.
The address is `{server.public_url}/webhooks/{name}/webhook`, with GET and POST.

What the gateway does, so that no channel has to:

* reads the body up to `limits.max_body_bytes`; then `verify`, `parse`, durable `accept`, and only
  then the answer. `Forged` gives a constant 401, `BadRequest` a 400; both without any row written.
* remembers `dedupe_key` for 8 days per name and account, answers each conversation in order,
  cleans and shortens texts, and answers "what was that?" when a text is empty or unreadable.
* stores the pieces of `render` with the reply, sends them in order within a conversation, repeats
  after `SendError` with backoff and `retry_after_s`, up to a dead letter when it is `permanent`.
* calls `send` with `http`, a session that keeps connections; use `outbound.call` for it. A URL that
  came with a message (sessionWebhook, serviceUrl, response_url) goes through
  `outbound.call_foreign`, which checks it against a list of hosts from the settings.

What a channel may do besides stands in `bot.channels.abilities` (Passive, Pulling, HandsOver,
Mounted, Checking): the gateway looks whether it has those methods.
"""

__all__: list[str] = []
