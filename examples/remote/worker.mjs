// A worker of the agent `review`, without dependencies: node worker.mjs
const { BLACKBOARD_URL: url = "http://127.0.0.1:8787", BLACKBOARD_TOKEN: token } = process.env;

async function post(path, body = {}) {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const request = { method: "POST", headers, body: JSON.stringify(body) };
  const response = await fetch(`${url}/v1/agents/review${path}`, request);
  if (response.status === 204) return null; // there was no work
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.type}: ${answer.detail ?? answer.title}`);
  return answer;
}

const verdict = ({ subject, payload }) => ({
  kind: "verdict", subject, payload: { grade: payload.text.length > 20 ? "thorough" : "short" },
});

async function work({ id, fence, marks }) {
  const run = `/activations/${id}`;
  const beat = setInterval(() => post(`${run}/heartbeat`, { fence, lease: "2m" }).catch(console.error), 60_000);
  await post(`${run}/finish`, { fence, marks: marks.map(verdict) })
    .then((end) => console.log(`activation ${id} is ${end.state}: ${marks.map((mark) => mark.subject)}`))
    .catch((error) => post(`${run}/fail`, { fence, reason: String(error) }))
    .finally(() => clearInterval(beat));
}

const pause = (error) => (console.error(String(error)), new Promise((resume) => setTimeout(resume, 1000)));
for (;;) await post("/claims?wait=30s&lease=2m").then((found) => found && work(found)).catch(pause);
