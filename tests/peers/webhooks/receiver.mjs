// Receives webhooks and checks them with the library of Standard Webhooks. The secrets that it
// knows are its arguments; a line of JSON says what came of each request with each of them.
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const secrets = process.argv.slice(2);

function verifies(secret, body, headers) {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks).toString("utf8");
    const headers = request.headers;
    const changed = body.replace("webhook.test", "webhook.tesu");
    const other = { ...headers, "webhook-id": `${headers["webhook-id"]}0` };
    const good = secrets.map((secret) => verifies(secret, body, headers));
    console.log(JSON.stringify({
      type: JSON.parse(body).type,
      good,
      changed: secrets.some((secret) => verifies(secret, changed, headers)),
      other: secrets.some((secret) => verifies(secret, body, other)),
    }));
    response.writeHead(good.includes(true) ? 204 : 401).end();
  });
});
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
