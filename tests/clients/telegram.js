// A visitor of a Telegram bot, through telegram-test-api: says each message, prints the replies.
// node telegram.js PORT TOKEN SECRET WEBHOOK '["Hello"]'
// The test API knows no secret_token, so a relay adds it, as Telegram does.
const http = require("node:http");
const TelegramServer = require("telegram-test-api");

const [port, token, secret, webhook, given] = process.argv.slice(2);
const QUIET_MS = 1500; // after which a reply is complete

function relay() {
  const server = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const answer = await fetch(webhook, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-Telegram-Bot-Api-Secret-Token": secret,
      },
      body: Buffer.concat(chunks),
    });
    response.writeHead(answer.status);
    response.end(await answer.text());
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

async function main() {
  const api = new TelegramServer({ port: Number(port) });
  await api.start();
  const between = await relay();
  api.setWebhook({ url: `http://127.0.0.1:${between.address().port}/` }, token);
  const visitor = api.getClient(token, { userId: 7, chatId: 7, timeout: 60000 });
  const replies = [];
  for (const message of JSON.parse(given)) {
    await visitor.sendMessage(visitor.makeMessage(message));
    const heard = [];
    while (true) {
      const { result } = await visitor.getUpdates();
      heard.push(...result.map((update) => update.message));
      await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
      const { result: later } = await fetchUpdates(api);
      if (!later.length) break;
      heard.push(...later.map((update) => update.message));
    }
    replies.push(heard);
  }
  console.log(JSON.stringify({ replies }));
  process.exit(0);
}

async function fetchUpdates(api) {
  const answer = await fetch(`${api.config.apiURL}/getUpdates`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token, chatId: 7 }),
  });
  return answer.json();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
