// A visitor with socket.io-client: says each message, prints all that came back as JSON.
// node socketio.js VERSION URL '{"session": null, "messages": ["Hello"]}'
const [version, url, given] = process.argv.slice(2);
const { io } = require(`socket.io-client-${version}`);
const { session, messages } = JSON.parse(given);
const QUIET_MS = 1500; // after which a reply is complete

const socket = io(url, { reconnection: false });
const replies = [];
let confirmed;
let waiting = () => {};

function reply() {
  return new Promise((resolve) => {
    const heard = [];
    let timer;
    waiting = (data) => {
      heard.push(data);
      clearTimeout(timer);
      timer = setTimeout(() => resolve(heard), QUIET_MS);
    };
  });
}

socket.on("bot_uttered", (data) => waiting(data));
socket.on("connect_error", (error) => {
  console.log(JSON.stringify({ error: error.message }));
  process.exit(2);
});
socket.on("session_confirm", async (id) => {
  confirmed = id;
  for (const message of messages) {
    const heard = reply();
    socket.emit("user_uttered", { message, session_id: id });
    replies.push(await heard);
  }
  console.log(JSON.stringify({ session: confirmed, replies }));
  socket.disconnect();
});
socket.on("connect", () => socket.emit("session_request", { session_id: session }));
