// A plugin in JavaScript, for Node, without dependencies.
import { createInterface } from "node:readline";

const info = { name: "node-plugin", version: "1.0.0", plugin_kind: "custom", description: "A plugin for Node." };
const methods = ["node/hello", "health/check"];
if (["--manifest", "-m"].includes(process.argv[2])) {
  process.stdout.write(JSON.stringify({ ...info, protocol_version: "1.1.0", capabilities: methods }) + "\n");
  process.exit(0);
}
let initialized = false;
let opened = false;
const reply = (id, body) => process.stdout.write(`{"jsonrpc":"2.0","id":${id},${body}}\n`);
const result = (id, value) => reply(id, `"result":${JSON.stringify(value)}`);
const fail = (id, code, message) => reply(id, `"error":${JSON.stringify({ code, message })}`);
// JavaScript numbers end at 2^53: the id is echoed as the text it was sent as.
const idText = (line) => /"id":("(?:[^"\\]|\\.)*"|-?[0-9]+)/.exec(line.slice(0, 300))?.[1];
for await (const line of createInterface({ input: process.stdin })) {
  let frame;
  try {
    frame = JSON.parse(line);
  } catch {
    continue;
  }
  if (frame === null || typeof frame !== "object" || typeof frame.method !== "string") continue;
  if (frame.method === "exit") process.exit(0);
  if (frame.method === "initialized") opened = initialized;
  if (frame.id === undefined || frame.id === null) continue;
  const id = idText(line);
  if (frame.method === "initialize") {
    if (!frame.params?.protocol_version?.startsWith("1.")) fail(id, -32602, "another major version, or no params");
    else {
      initialized = true;
      result(id, { protocol_version: "1.1.0", plugin_info: info, capabilities: { methods } });
    }
  } else if (["$/ping", "shutdown"].includes(frame.method)) result(id, {});
  else if (frame.method === "health/check") result(id, { status: "healthy" });
  else if (frame.method !== "node/hello") fail(id, -32601, "unknown method");
  else if (!opened) fail(id, -32000, "not initialized");
  else result(id, "hello");
}
